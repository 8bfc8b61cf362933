// One request of an HTTP/2 connection: its own Exchange over the stream, which may become a Tunnel. Owned by
// its connection's list until it retires itself; loop thread only.
#pragma once

#include <memory>

#include "absl/functional/function_ref.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/event/io_handler.h"
#include "proxy/http2/session.h"
#include "proxy/session/backends.h"
#include "proxy/session/exchange.h"
#include "proxy/session/snapshot.h"
#include "proxy/session/worker_services.h"

namespace hawser::session {

class Http2Request final : public event::IoHandler, public base::ListLink {
 public:
  // What it shares with the other requests of the connection, which outlives it.
  struct Connection {
    WorkerServices& services;
    Backends& backends;
    const std::shared_ptr<const ListenerRuntime>& listener;
    const net::SocketAddress& peer;
    bool tls;
    base::IntrusiveList<Http2Request>& requests;
  };

  static void Start(const Connection& connection, http2::Session::Arrival arrival);

  Http2Request(const Connection& connection, http2::Session::Arrival arrival);
  void OnReady(event::Ready ready) override;

  // As Exchange::HasRoute.
  bool HasRoute(absl::FunctionRef<bool(uint32_t id)> which) const {
    return exchange_ != nullptr && exchange_->HasRoute(which);
  }

  // The connection has ended.
  void Abort();
  // Ends at once, for a reason of hawser's own.
  void Cut(http::Reject reason);

 private:
  void Advance(event::Ready ready);
  void OpenTunnel();
  void End(net::CloseReason reason);

  WorkerServices& services_;
  std::unique_ptr<http2::ServerStream> stream_;
  std::unique_ptr<Exchange> exchange_;  // refers to stream_; null once it has ended
};

}  // namespace hawser::session
