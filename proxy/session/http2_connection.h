// A client's HTTP/2 connection from its preface to its end: owns the http2::Session, gives each stream its
// own request, and handles idle time, drains and counters. The counterpart of ClientConnection, which makes
// one of these when ALPN says h2 or a client with prior knowledge begins with the preface (RFC 9113 §3.2,
// §3.3).
//
// Owned by the list of `Sessions` until it retires itself; loop thread only.
#pragma once

#include <memory>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http2/session.h"
#include "proxy/net/address.h"
#include "proxy/net/byte_stream.h"
#include "proxy/net/outbox.h"
#include "proxy/session/backends.h"
#include "proxy/session/edge_leases.h"
#include "proxy/session/http2_request.h"
#include "proxy/session/snapshot.h"
#include "proxy/session/worker_services.h"

namespace hawser::session {

class Http2Connection final : public event::IoHandler, public base::ListLink {
 public:
  struct Parts {
    std::unique_ptr<net::ByteStream> stream;
    std::shared_ptr<const ListenerRuntime> listener;
    net::SocketAddress peer;
    EdgeLeases leases;
    bool tls = false;
    std::string_view received;  // the bytes that were read to find out that it is HTTP/2
  };
  static void Start(WorkerServices& services, Backends& backends, Parts parts);

  Http2Connection(WorkerServices& services, Backends& backends, Parts parts);
  ~Http2Connection() override;
  void OnReady(event::Ready ready) override;

  uint32_t listener_id() const { return listener_->name.id(); }

  // The server drains, or the listener has gone: GOAWAY; the connection ends with its last stream.
  void Drain() { session_->GoAway(); }
  // The time of its requests is over: they end at once. Its tunnels have their own time.
  void Cut(http::Reject reason);
  // Likewise those whose route is one of these; the connection and the others go on.
  void CutRequests(absl::FunctionRef<bool(uint32_t route)> which, http::Reject reason);
  // The server ends.
  void Abort();
  // Its place is needed (session/evictions.h): GOAWAY, if it can be written without waiting. Always true:
  // what waits in the kernel is not looked at.
  bool Evict(bool read, bool excused);

 private:
  enum Tag : uint8_t { kSessionTag = 0, kTimerTag = 1, kLingerTag = 2 };

  // What the connection's timer bounds.
  enum class Awaited : uint8_t {
    kNothing,   // streams live, and have timers of their own
    kSettings,  // the client's SETTINGS have not come
    kHead,      // the end of a header block, ahead of which no other frame may come
    kRequest,
  };

  void AcceptAll();
  void OnTimer();
  void ArmTimer();
  void OnIdle();
  void OnEnd();
  void Linger();
  void Retire();
  void Count();

  WorkerServices& services_;
  Backends& backends_;
  std::shared_ptr<const ListenerRuntime> listener_;  // as it was when the last request began
  const net::SocketAddress peer_;
  EdgeLeases leases_;
  const bool tls_;
  std::unique_ptr<http2::Session> session_;
  // After the session's end, until the client has read the GOAWAY.
  std::unique_ptr<net::ByteStream> lingering_;
  net::Outbox lingering_outbox_;  // the session has written what there was
  base::IntrusiveList<Http2Request> requests_;
  EvictionPlace place_;  // linked unless there are streams
  event::Timer timer_;
  base::TimePoint block_begun_;  // of the block that the timer bounds
  Awaited awaited_ = Awaited::kNothing;
  bool retired_ = false;
};

}  // namespace hawser::session
