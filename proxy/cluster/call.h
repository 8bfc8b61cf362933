// One request of hawser's own to an endpoint of a cluster, over a pool: HTTP/1.1 or HTTP/2, TLS or not, as
// the cluster says, on a kept connection where there is one. The answer is read whole, within bounds. The
// one HTTP client of the house: health checks use it, and so does whatever else asks a service. Who calls
// picks the endpoint, and counts it if it likes. Loop thread only.
//
//   call_.emplace(loop, pool, cluster, endpoint,
//                 Call::Request{.path = "/healthz", .host = "rooms.internal"},
//                 Call::Limits{.body = 64 * 1024, .timeout = 1s},
//                 [this](Call::Result result) {...});   // once, in a later turn; it may destroy the call
//   call_.reset();                                      // gives it up: `done` is not called
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "proxy/base/clock.h"
#include "proxy/cluster/cluster.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/pool.h"
#include "proxy/cluster/sent_request.h"
#include "proxy/event/loop.h"
#include "proxy/event/owned_handler.h"

namespace hawser::cluster {

class Call {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  struct Request {
    std::string method = "GET";
    std::string path = "/";  // with its query
    std::string host;        // as Host and :authority carry it; not empty
    Headers headers = {};    // without Host, hop-by-hop fields and Content-Length
    std::string body = {};
  };
  struct Limits {
    size_t body = 64 * 1024;  // bytes of the answer's
    base::Duration timeout;   // from now to the end of the answer, with the connection
  };
  struct Result {
    CallError error = CallError::kNone;
    std::string why = {};  // of the error, in words
    // The answer. After kTooLarge without its body, after other errors empty.
    int status = 0;
    Headers headers = {};
    std::string body = {};
  };
  using Done = absl::AnyInvocable<void(Result)>;

  // `loop` and `pool` outlive it.
  Call(event::Loop& loop, Pool& pool, std::shared_ptr<const Cluster> cluster,
       std::shared_ptr<Endpoint> endpoint, Request request, const Limits& limits, Done done);
  Call(Call&&) noexcept;
  ~Call();

 private:
  class Life;
  event::OwnedHandler<Life> life_;
};

}  // namespace hawser::cluster
