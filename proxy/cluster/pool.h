// Where exchanges get their connections to backends, and where those go that can carry another request. One a worker, for
// its thread only; what it keeps is bounded by each cluster's `idle_connections`.
//
//   auto attempt = pool.Begin(cluster, endpoint, {.websocket = true}, owner, kBackendTag);
//   switch (attempt->state()) {...}         // again at each OnReady(kBackendTag) while it is kWaiting
//   auto stream = attempt->TakeStream();
//   ...
//   pool.Keep(cluster, endpoint, std::move(stream));   // after the exchange, complete or not
#pragma once

#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/cluster/cluster.h"
#include "proxy/cluster/connector.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http/message_stream.h"
#include "proxy/net/buffer.h"

namespace hawser::cluster {

// What a request asks of its connection.
struct Need {
  bool websocket = false;
  bool fresh = false;  // one that has carried no request before: a kept one has just failed
};

// One request's try at getting a stream to an endpoint. Giving it up is destroying it.
class Attempt {
 public:
  enum class State : uint8_t { kReady, kFailed };
  State state() const { return state_; }
  ConnectError error() const { return error_; }  // of kFailed

  // After kReady. The stream may still be connecting: what is written waits.
  std::unique_ptr<http::ClientStream> TakeStream() { return std::move(stream_); }
  // To be told how the connection went; empty for one that was there already.
  ConnectLease TakeLease() { return std::move(lease_); }
  bool reused() const { return reused_; }

 private:
  friend class Pool;

  State state_ = State::kReady;
  ConnectError error_ = ConnectError::kNone;
  bool reused_ = false;
  std::unique_ptr<http::ClientStream> stream_;
  ConnectLease lease_;
};

class Pool {
 public:
  Pool(event::Loop& loop, net::BufferPool& buffers) : loop_(loop), buffers_(buffers) {}
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  Attempt Begin(const Cluster& cluster, Endpoint& endpoint, Need need);

  // Takes a stream that is done with: its connection waits here for another request if it can carry one, and ends if not.
  void Keep(const Cluster& cluster, const Endpoint& endpoint, std::unique_ptr<http::ClientStream> stream);

  // Ends every connection that carries no request.
  void CloseIdle();

  size_t idle() const { return idle_total_; }

 private:
  // A connection between two requests. Whatever happens on it ends it: bytes that nobody asked for, too.
  class Idle;
  struct Place {
    base::IntrusiveList<Idle> idle;  // the one that was used last comes last
    size_t count = 0;
    std::shared_ptr<tls::SessionSlot> sessions = std::make_shared<tls::SessionSlot>();
  };

  std::unique_ptr<net::ByteStream> TakeIdle(Place& place);
  void Drop(Idle& idle);
  std::unique_ptr<net::ByteStream> Secure(const Cluster& cluster, const Endpoint& endpoint,
                                          net::Socket socket);

  event::Loop& loop_;
  net::BufferPool& buffers_;
  absl::flat_hash_map<const Endpoint*, std::unique_ptr<Place>> places_;
  size_t idle_total_ = 0;
};

}  // namespace hawser::cluster
