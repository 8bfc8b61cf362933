// One HTTP/1.1 connection from accept to its end or to its tunnel: TLS handshake, request head, exchange, and
// again. It gets all events (client, backend, timer) and passes them down; results come back as return
// values.
//
// Owned by the list of `Sessions` until it retires itself; loop thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http/head.h"
#include "proxy/http/reject.h"
#include "proxy/http1/server_connection.h"
#include "proxy/http1/server_stream.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/socket.h"
#include "proxy/session/backends.h"
#include "proxy/session/edge_leases.h"
#include "proxy/session/exchange.h"
#include "proxy/session/handshake_queue.h"
#include "proxy/session/snapshot.h"
#include "proxy/session/worker_services.h"
#include "proxy/tls/tls_stream.h"

namespace hawser::session {

class ClientConnection final : public event::IoHandler, public base::ListLink {
 public:
  // Takes over an accepted and admitted connection.
  static void Start(WorkerServices& services, Backends& backends,
                    std::shared_ptr<const ListenerRuntime> listener, net::Socket socket,
                    const net::SocketAddress& peer, EdgeLeases leases);

  // Answers a plain connection that was not admitted, without waiting for its request, and lets it go.
  static void StartRefused(WorkerServices& services, Backends& backends,
                           std::shared_ptr<const ListenerRuntime> listener, net::Socket socket,
                           const net::SocketAddress& peer, http::Reject reject);

  ClientConnection(WorkerServices& services, Backends& backends,
                   std::shared_ptr<const ListenerRuntime> listener, net::Socket socket,
                   const net::SocketAddress& peer, EdgeLeases leases);
  ~ClientConnection() override;
  void OnReady(event::Ready ready) override;

  uint32_t listener_id() const { return listener_->name.id(); }

  // The server drains, or the listener has gone: an idle connection closes, a busy one after its exchange.
  void Drain();
  // Its time is over: ends at once, and so does its request.
  void Cut(http::Reject reason);
  // Likewise, if the route of its request is one of those.
  void CutRequests(absl::FunctionRef<bool(uint32_t route)> which, http::Reject reason);
  // The server ends.
  void Abort() { Close(net::CloseReason::kAbort); }
  // Its place is needed (session/evictions.h). With `read`, looks first whether a request waits in the
  // kernel, and begins that; false if so. `excused`: it has just come, so its address is not blamed.
  bool Evict(bool read, bool excused);

 private:
  enum class State : uint8_t {
    kTlsHandshake,
    kRequestHead,
    kExchange,  // from a complete head to the end of the response, or to the tunnel
    kLinger,    // all is said; what still comes is dropped
    kClosed,
  };

  void Advance(event::Ready ready);
  void AskForStep(event::Ready ready);
  void Handshake();
  void FailHandshake(std::string_view why);
  void ReadHead();
  void ParseHead();
  bool SpeaksHttp2() const;
  void BecomeHttp2();
  void StartExchange(http::RequestHead head);
  void Refuse(http::Reject reject);
  void RunExchange(event::Ready ready);
  void PlaceExchange();
  void EndExchange();
  void NextRequest();
  void OpenTunnel();
  void OnIdle();
  http1::ServerConnection::Deadlines DeadlinesNow() const;
  base::Duration Shrunk(base::Duration full) const;
  bool Leaving() const;
  void Linger(http1::ServerConnection::Progress progress);
  void OnTimer();
  void Close(net::CloseReason reason);

  WorkerServices& services_;
  Backends& backends_;
  std::shared_ptr<const ListenerRuntime> listener_;  // as it was when the last request began
  net::SocketAddress peer_;
  EdgeLeases leases_;
  std::unique_ptr<net::ByteStream> stream_;
  tls::TlsStream* const tls_;  // stream_, where it is one; valid only until that moves into a tunnel
  event::Timer timer_;
  HandshakeQueue::Waiter handshake_;
  http1::ServerConnection http_;  // between the exchanges
  EvictionPlace place_;           // linked unless there is an exchange that has all of its request
  State state_;
  bool admitted_ = true;
  std::unique_ptr<http1::ServerStream> request_;
  std::unique_ptr<Exchange> exchange_;  // refers to request_
};

}  // namespace hawser::session
