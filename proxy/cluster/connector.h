// Begins connections to endpoints, and counts them. A worker has one, for its thread only.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/event/loop.h"
#include "proxy/net/tcp_stream.h"

namespace hawser::cluster {

enum class ConnectError : uint8_t {
  kNone,
  kNoLocalPort,  // EADDRNOTAVAIL: every local port towards this address is taken; another endpoint may do
  kNoResources,  // out of descriptors or memory: no endpoint would do
  kFailed,       // the endpoint's side: nobody listens, no route
};

// What a status of net::Connect means.
ConnectError ConnectErrorOf(const absl::Status& status);

// Exactly when `error` is kNone there is a stream, whose connection is under way or made: the first Write that is taken
// says which. The lease is to be told how it went.
struct Connection {
  std::unique_ptr<net::TcpStream> stream;
  ConnectLease lease;
  ConnectError error = ConnectError::kNone;
};

class Connector {
 public:
  explicit Connector(event::Loop& loop) : loop_(loop) {}

  // A failure for want of something local is not counted as the endpoint's.
  Connection Start(Endpoint& endpoint);

 private:
  event::Loop& loop_;
};

}  // namespace hawser::cluster
