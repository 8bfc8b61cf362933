// One connection to a backend that speaks HTTP/2, or may speak it (`protocol: auto`, before ALPN), with the
// attempts that wait for a stream on it. Owned by the list in EndpointConnections until it ends and retires
// itself; loop thread only.
//
//   connecting → (TLS, ALPN) → SETTINGS awaited → open: streams are given out → ended
//
// Streams are given out only once the backend's SETTINGS have come: they say how many there may be, and
// whether the backend takes WebSockets (RFC 8441 §3). Attempts at a backend that does not, or that chooses
// HTTP/1.1, get connections of their own.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/intrusive_list.h"
#include "proxy/cluster/pool.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http2/session.h"
#include "proxy/tls/tls_stream.h"

namespace hawser::cluster {

class SharedConnection final : public event::IoHandler, public base::ListLink {
 public:
  SharedConnection(Pool& pool, std::shared_ptr<Pool::EndpointConnections> connections, Connection connection,
                   uint64_t number);
  ~SharedConnection() override;

  // Gives the attempt a stream, or lets it wait for one. False if it needs another connection.
  bool Serve(Attempt& attempt);
  // Lets an attempt wait that a new connection would not serve either: this one carries no stream and still
  // has no room (SETTINGS_MAX_CONCURRENT_STREAMS is 0, RFC 9113 §6.5.2), or a connection has been opened for
  // the attempt already. False if it may look elsewhere. Its owner decides how long it waits.
  bool Hold(Attempt& attempt);
  // Once, after the first attempt has been served: goes as far as it can without waiting.
  void Start();
  // Opens no more streams; ends with the last one.
  void GoAway();
  // The same; who waits for a stream goes elsewhere, and where nobody has one it ends at once.
  void Retire();
  // Ends at once, streams and all.
  void Abort();

  void OnReady(event::Ready ready) override;

 private:
  enum class State : uint8_t { kHandshake, kSettings, kOpen, kEnded };

  void Handshake();
  void StartSession(std::unique_ptr<net::ByteStream> transport);
  void OnSession();
  void OnTimer();
  void WatchHost();
  void CheckHost();
  std::string WhyNoSettings();
  void HandOver();
  void ServeWaiters();
  void End(ConnectError error, std::string_view why = {});

  Pool& pool_;
  const std::shared_ptr<Pool::EndpointConnections> connections_;
  const std::shared_ptr<const Cluster> cluster_;  // as it was when this began; the session refers to it
  const uint64_t number_;                         // among the pool's
  ConnectLease lease_;
  Http2Lease http2_;
  std::unique_ptr<tls::TlsStream> tls_;  // until the handshake is over
  std::unique_ptr<net::ByteStream> plain_;
  std::unique_ptr<http2::Session> session_;
  base::IntrusiveList<Attempt> waiters_;
  event::Timer timer_;
  event::Timer host_timer_;
  State state_ = State::kHandshake;
  bool used_ = false;  // a stream was given out since the timer was armed
};

}  // namespace hawser::cluster
