// Gives exchanges their streams to backends, and takes back connections that can carry another request. One a
// worker, for its thread only. Each cluster's `idle_connections` and `max_concurrent_streams` bound what it
// holds.
//
//   auto attempt = pool.Begin(cluster, endpoint, {.websocket = true}, owner, kBackendTag);
//   switch (attempt->state()) {...}         // again at each OnReady(kBackendTag) while it is kWaiting
//   const uint64_t transport = attempt->transport();
//   auto stream = attempt->TakeStream();
//   ...
//   pool.Return(endpoint, transport, std::move(stream));   // after the exchange, complete or not
//
// A cluster may go or change, and so may an endpoint: connections keep what they use. Those that were made
// over another transport than the cluster's of now end with their requests.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proxy/base/check.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/cluster/cluster.h"
#include "proxy/cluster/connector.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http/message_stream.h"
#include "proxy/net/buffer.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/socket.h"
#include "proxy/tls/tls_stream.h"

namespace hawser::cluster {

// What a request needs from its connection.
struct Need {
  bool websocket = false;
  // The connection of a try that has just failed, as Attempt::connection: neither that one nor a kept one of
  // HTTP/1.1 will do.
  std::optional<uint64_t> failed_on = std::nullopt;
};

// One request's try at getting a stream to an endpoint. Who gives it up destroys it. Its owner keeps the
// endpoint by a lease.
class Attempt : public base::ListLink {
 public:
  enum class State : uint8_t { kWaiting, kReady, kFailed };

  Attempt(event::Loop& loop, Endpoint& endpoint, Need need, event::IoHandler& owner, uint8_t tag)
      : loop_(loop), endpoint_(endpoint), owner_(owner), need_(need), tag_(tag) {}
  ~Attempt() { loop_.CancelSoon(owner_, tag_); }

  State state() const { return state_; }
  // After kFailed.
  ConnectError error() const {
    HAWSER_DCHECK(state_ == State::kFailed);
    return error_;
  }
  const std::string& error_text() const {
    HAWSER_DCHECK(state_ == State::kFailed);
    return error_text_;
  }

  // Once, when it waits no more; null after kFailed. The stream may still be connecting: what is written
  // waits.
  std::unique_ptr<http::ClientStream> TakeStream() {
    HAWSER_DCHECK(state_ != State::kWaiting && (stream_ != nullptr) == (state_ == State::kReady));
    return std::move(stream_);
  }
  // To be told how the connection went; empty for one that was there already.
  ConnectLease TakeLease() { return std::move(lease_); }
  bool opened() const { return opened_; }  // a connection was begun for it
  // The number of an HTTP/2 connection, for Need::failed_on; 0: one of HTTP/1.1.
  uint64_t connection() const { return connection_; }
  // A number for how the stream's connection was made, for Pool::Return.
  uint64_t transport() const { return transport_; }

  // --- For the pool and its connections ---
  const Need& need() const { return need_; }
  Endpoint& endpoint() const { return endpoint_; }
  void Give(std::unique_ptr<http::ClientStream> stream, uint64_t connection = 0);
  void Fail(ConnectError error, std::string_view text);

 private:
  friend class Pool;
  void NotifyOwner();

  event::Loop& loop_;
  Endpoint& endpoint_;
  event::IoHandler& owner_;
  std::unique_ptr<http::ClientStream> stream_;
  ConnectLease lease_;
  const Need need_;
  const uint8_t tag_;
  State state_ = State::kWaiting;
  ConnectError error_ = ConnectError::kNone;
  std::string error_text_;
  uint64_t connection_ = 0;
  uint64_t transport_ = 0;
  bool opened_ = false;
  bool waited_ = false;  // its owner has seen kWaiting and is to be called
};

class SharedConnection;

class Pool {
 public:
  // Makes the plain stream of a socket that is connected or connecting.
  using MakeStream = std::unique_ptr<net::ByteStream> (*)(event::Loop& loop, net::Socket socket);
  static std::unique_ptr<net::ByteStream> MakeTcpStream(event::Loop& loop, net::Socket socket);

  // `make_stream`: tests have streams of their own.
  Pool(event::Loop& loop, net::BufferPool& buffers, MakeStream make_stream = MakeTcpStream)
      : loop_(loop), buffers_(buffers), make_stream_(make_stream) {}
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // `owner` is called with `tag` when an attempt that waits is ready or has failed. `cluster` as SetCluster
  // has it.
  std::unique_ptr<Attempt> Begin(const std::shared_ptr<const Cluster>& cluster, Endpoint& endpoint, Need need,
                                 event::IoHandler& owner, uint8_t tag);

  // Takes a stream that is no longer used; `transport` as its attempt had it. Its connection waits here for
  // another request if it can carry one, else it ends.
  void Return(const Endpoint& endpoint, uint64_t transport, std::unique_ptr<http::ClientStream> stream);

  // From now on connections to the endpoint are made as `cluster` says. If those that are here were made over
  // another transport, idle ones end, the others get no more streams, and who waits gets a new one.
  void SetCluster(const Endpoint& endpoint, const std::shared_ptr<const Cluster>& cluster);
  // The endpoint has left for good: what is idle ends, who waits for a connection fails, and what was learned
  // of the endpoint is forgotten.
  void Forget(const Endpoint& endpoint);

  // Ends every connection that carries no request, and opens no new streams on the others.
  void CloseIdle();
  // Ends every connection, and begins no other: attempts fail from now on.
  void Abort();

 private:
  friend class SharedConnection;

  // Watches a connection that changes hands: it stays in epoll, and its next owner is called for what has
  // come meanwhile.
  struct Nobody final : event::IoHandler {
    void OnReady(event::Ready) override {}
  };

  // A connection between two requests. Whatever happens on it ends it, bytes that nobody asked for included.
  class Idle;
  // The connections to one endpoint over one transport, and the protocols that it was found to speak. Those
  // that many requests share hold it as the pool does.
  struct EndpointConnections {
    const std::shared_ptr<Endpoint> endpoint;
    std::shared_ptr<const Cluster> cluster;  // how the next connection is made
    const uint64_t number;                   // among the pool's
    const bool brief;  // the endpoint had left already: they go with the last shared one, and none is idle
    base::IntrusiveList<Idle> idle;  // the one that was used last comes last
    size_t idle_count = 0;
    base::IntrusiveList<SharedConnection> shared;
    base::TimePoint http1_until = base::TimePoint::min();             // it chose HTTP/1.1 by ALPN
    base::TimePoint websockets_http1_until = base::TimePoint::min();  // it takes no WebSockets over HTTP/2
    std::shared_ptr<tls::SessionSlot> sessions = std::make_shared<tls::SessionSlot>();
  };

  using ConnectionsPtr = std::shared_ptr<EndpointConnections>;

  // `current`: of this endpoint.
  void SetCluster(ConnectionsPtr& current, const std::shared_ptr<const Cluster>& cluster);
  ConnectionsPtr Make(const std::shared_ptr<Endpoint>& endpoint,
                      const std::shared_ptr<const Cluster>& cluster);
  void Retire(const ConnectionsPtr& connections);
  void LetGo(const EndpointConnections& connections);
  static void CloseIdle(EndpointConnections& connections);
  static void Abort(EndpointConnections& connections);
  // Finds the attempt a stream, or a connection to wait for.
  void Serve(const ConnectionsPtr& connections, Attempt& attempt);
  // Once more, with what is known now.
  void Serve(Attempt& attempt);
  // The same for one whose connection, if it has opened one, no longer counts.
  void ServeAnew(Attempt& attempt);
  void ServeAlone(EndpointConnections& connections, Attempt& attempt);
  void FallBack(EndpointConnections& connections, Attempt& attempt);
  void ServeShared(const ConnectionsPtr& connections, Attempt& attempt);
  std::unique_ptr<net::ByteStream> TakeIdle(EndpointConnections& connections);
  std::unique_ptr<tls::TlsStream> Secure(const tls::ClientContext& context, EndpointConnections& connections,
                                         net::Socket socket);

  event::Loop& loop_;
  net::BufferPool& buffers_;
  const MakeStream make_stream_;
  Nobody nobody_;
  uint64_t http2_begun_ = 0;  // HTTP/2 connections ever begun; numbers them
  uint64_t made_ = 0;         // EndpointConnections ever made; numbers them
  bool closing_ = false;
  absl::flat_hash_map<const Endpoint*, ConnectionsPtr> by_endpoint_;
  // Those that get no more streams, while their connections keep them.
  std::vector<std::weak_ptr<EndpointConnections>> retired_;
};

}  // namespace hawser::cluster
