// Gives exchanges their streams to backends, and takes back connections that can carry another request. One a
// worker, for its thread only. Each cluster's `idle_connections` and `max_concurrent_streams` bound what it
// holds.
//
//   auto attempt = pool.Begin(cluster, endpoint, {.websocket = true}, owner, kBackendTag);
//   switch (attempt->state()) {...}         // again at each OnReady(kBackendTag) while it is kWaiting
//   auto stream = attempt->TakeStream();
//   ...
//   pool.Return(cluster, endpoint, std::move(stream));   // after the exchange, complete or not
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

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

// One request's try at getting a stream to an endpoint. Who gives it up destroys it.
class Attempt : public base::ListLink {
 public:
  enum class State : uint8_t { kWaiting, kReady, kFailed };

  Attempt(event::Loop& loop, const Cluster& cluster, Endpoint& endpoint, Need need, event::IoHandler& owner,
          uint8_t tag)
      : loop_(loop), cluster_(cluster), endpoint_(endpoint), owner_(owner), need_(need), tag_(tag) {}
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

  // --- For the pool and its connections ---
  const Need& need() const { return need_; }
  const Cluster& cluster() const { return cluster_; }
  Endpoint& endpoint() const { return endpoint_; }
  void Give(std::unique_ptr<http::ClientStream> stream, uint64_t connection = 0);
  void Fail(ConnectError error, std::string_view text);

 private:
  friend class Pool;
  void NotifyOwner();

  event::Loop& loop_;
  const Cluster& cluster_;
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

  // `owner` is called with `tag` when an attempt that waits is ready or has failed.
  std::unique_ptr<Attempt> Begin(const Cluster& cluster, Endpoint& endpoint, Need need,
                                 event::IoHandler& owner, uint8_t tag);

  // Takes a stream that is no longer used. Its connection waits here for another request if it can carry one,
  // else it ends.
  void Return(const Cluster& cluster, Endpoint& endpoint, std::unique_ptr<http::ClientStream> stream);

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
  // The connections to one endpoint, and the protocols that it was found to speak.
  struct EndpointConnections {
    base::IntrusiveList<Idle> idle;  // the one that was used last comes last
    size_t idle_count = 0;
    base::IntrusiveList<SharedConnection> shared;
    base::TimePoint http1_until = base::TimePoint::min();             // it chose HTTP/1.1 by ALPN
    base::TimePoint websockets_http1_until = base::TimePoint::min();  // it takes no WebSockets over HTTP/2
    std::shared_ptr<tls::SessionSlot> sessions = std::make_shared<tls::SessionSlot>();
  };

  EndpointConnections& ConnectionsOf(const Endpoint& endpoint);
  // Finds the attempt a stream, or a connection to wait for.
  void Serve(Attempt& attempt);
  void ServeAlone(EndpointConnections& connections, Attempt& attempt);
  void FallBack(EndpointConnections& connections, Attempt& attempt);
  void ServeShared(EndpointConnections& connections, Attempt& attempt);
  std::unique_ptr<net::ByteStream> TakeIdle(EndpointConnections& connections);
  std::unique_ptr<tls::TlsStream> Secure(const Cluster& cluster, const tls::ClientContext& context,
                                         const Endpoint& endpoint, net::Socket socket);

  event::Loop& loop_;
  net::BufferPool& buffers_;
  const MakeStream make_stream_;
  Nobody nobody_;
  uint64_t http2_begun_ = 0;  // HTTP/2 connections ever begun; numbers them
  bool closing_ = false;
  absl::flat_hash_map<const Endpoint*, std::unique_ptr<EndpointConnections>> by_endpoint_;
};

}  // namespace hawser::cluster
