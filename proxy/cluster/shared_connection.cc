#include "proxy/cluster/shared_connection.h"

#include <utility>

#include "proxy/base/check.h"
#include "proxy/http1/client_stream.h"

namespace hawser::cluster {
namespace {

constexpr uint8_t kTransportTag = 0;
constexpr uint8_t kSessionTag = 1;
constexpr uint8_t kSessionTimerTag = 2;
constexpr uint8_t kHostTimerTag = 3;

}  // namespace

SharedConnection::SharedConnection(Pool& pool, std::shared_ptr<Pool::EndpointConnections> connections,
                                   Connection connection, uint64_t number)
    : pool_(pool),
      connections_(std::move(connections)),
      cluster_(connections_->cluster),
      number_(number),
      lease_(std::move(connection.lease)),
      timer_(*this, kSessionTimerTag),
      host_timer_(*this, kHostTimerTag) {
  const auto& tls = cluster_->transport()->any;
  if (tls == nullptr) {
    plain_ = pool.make_stream_(pool.loop_, std::move(connection.socket));
  } else {
    tls_ = pool.Secure(*tls, *connections_, std::move(connection.socket));
    tls_->Watch(this, kTransportTag);
    tls_->Want({.read = true});
  }
  pool_.loop_.Arm(timer_, cluster_->settings().connect_timeout);
}

SharedConnection::~SharedConnection() {
  HAWSER_DCHECK(state_ == State::kEnded && waiters_.empty());
}

void SharedConnection::Start() {
  if (plain_ != nullptr) {
    StartSession(std::move(plain_));
  } else {
    Handshake();
  }
}

void SharedConnection::OnReady(event::Ready ready) {
  if (state_ == State::kEnded) return;
  if (ready.timer) return ready.tag == kHostTimerTag ? CheckHost() : OnTimer();
  if (ready.tag == kSessionTag) return OnSession();
  if (state_ == State::kHandshake) Handshake();
}

void SharedConnection::Handshake() {
  HAWSER_DCHECK(state_ == State::kHandshake && tls_ != nullptr);
  switch (tls_->Handshake()) {
    case tls::HandshakeResult::kWantRead: return;
    case tls::HandshakeResult::kFailed: return End(ConnectError::kFailed, tls_->HandshakeError());
    case tls::HandshakeResult::kDone: break;
  }
  if (tls_->alpn() == "h2") return StartSession(std::move(tls_));
  connections_->http1_until = pool_.loop_.now() + cluster_->settings().retry_http2_after;
  HandOver();
}

// The backend chose HTTP/1.1: the first waiting attempt takes this connection, each other one gets its own.
void SharedConnection::HandOver() {
  lease_.Succeeded();
  tls_->Want({});
  pool_.loop_.CancelSoon(*this, kTransportTag);
  if (Attempt* first = waiters_.front()) {
    first->Unlink();
    first->Give(std::make_unique<http1::ClientStream>(pool_.loop_, std::move(tls_)));
  }
  End(ConnectError::kNone);
}

void SharedConnection::StartSession(std::unique_ptr<net::ByteStream> transport) {
  HAWSER_DCHECK(state_ == State::kHandshake && transport != nullptr);
  state_ = State::kSettings;
  http2_ = Http2Lease(*connections_->endpoint);
  session_ = std::make_unique<http2::Session>(http2::Role::kClient, cluster_->http2(), pool_.loop_,
                                              pool_.buffers_, std::move(transport));
  session_->Watch(this, kSessionTag);
}

void SharedConnection::OnSession() {
  HAWSER_DCHECK(session_ != nullptr);
  if (session_->end() != http2::End::kNone) {
    return state_ == State::kSettings ? End(ConnectError::kFailed, WhyNoSettings())
                                      : End(ConnectError::kNone);
  }
  if (state_ == State::kSettings && session_->settings_received()) {
    state_ = State::kOpen;
    lease_.Succeeded();
    pool_.loop_.Arm(timer_, cluster_->settings().idle_connections.timeout);
    WatchHost();
  }
  if (state_ == State::kOpen) ServeWaiters();
}

// Why the session ended: the transport may know more of it than the session.
std::string SharedConnection::WhyNoSettings() {
  HAWSER_DCHECK(session_->end() != http2::End::kNone);
  if (!session_->error().empty()) return std::string(session_->error());
  plain_ = session_->TakeTransport();
  if (plain_ != nullptr && plain_->error() != 0) return plain_->error_text();
  return "it ended the connection before its SETTINGS";
}

void SharedConnection::OnTimer() {
  if (state_ != State::kOpen) {
    if (session_ != nullptr) session_->Close(net::CloseReason::kAbort);
    return End(ConnectError::kTimedOut, "not connected in time");
  }
  if (session_->streams() == 0 && !std::exchange(used_, false)) return GoAway();
  pool_.loop_.Arm(timer_, cluster_->settings().idle_connections.timeout);
}

void SharedConnection::WatchHost() {
  const base::Duration longest = LongestSilence(cluster_->settings().tcp_keepalive);
  if (longest.count() > 0 && !connections_->endpoint->address().unix_socket())
    pool_.loop_.Arm(host_timer_, longest / 4);
}

// While bytes are under way the kernel sends no probes, and gives up only after many minutes.
void SharedConnection::CheckHost() {
  HAWSER_DCHECK(state_ == State::kOpen);
  const auto silence = session_->HostSilence();
  if (!silence || *silence < LongestSilence(cluster_->settings().tcp_keepalive)) return WatchHost();
  session_->Close(net::CloseReason::kAbort);
  End(ConnectError::kNone);
}

bool SharedConnection::Serve(Attempt& attempt) {
  if (state_ == State::kEnded || attempt.need().failed_on == number_) return false;
  if (state_ != State::kOpen) {
    uint32_t waiting = 0;  // some may have left
    waiters_.ForEach([&waiting](Attempt&) { ++waiting; });
    if (waiting >= cluster_->http2().max_concurrent_streams) return false;
    waiters_.PushBack(attempt);
    return true;
  }
  if (attempt.need().websocket && !session_->extended_connect()) {
    connections_->websockets_http1_until = pool_.loop_.now() + cluster_->settings().retry_http2_after;
    return false;
  }
  if (session_->free_slots() == 0) return false;
  auto stream = session_->Open();
  if (stream == nullptr) return false;
  used_ = true;
  attempt.Give(std::move(stream), number_);
  return true;
}

bool SharedConnection::Hold(Attempt& attempt) {
  if (state_ != State::kOpen || session_->end() != http2::End::kNone || session_->going_away() ||
      attempt.need().failed_on == number_)
    return false;
  if (!attempt.opened() && session_->streams() > 0) return false;
  waiters_.PushBack(attempt);
  return true;
}

// An attempt that this connection cannot serve starts again: more is known about the endpoint than when it
// came.
void SharedConnection::ServeWaiters() {
  base::IntrusiveList<Attempt> now;
  now.Splice(waiters_);
  while (Attempt* attempt = now.front()) {
    attempt->Unlink();
    if (!Serve(*attempt)) pool_.Serve(*attempt);
  }
}

void SharedConnection::GoAway() {
  if (session_ != nullptr && state_ != State::kEnded) session_->GoAway();
}

void SharedConnection::Retire() {
  base::IntrusiveList<Attempt> waiters;
  waiters.Splice(waiters_);
  state_ == State::kOpen ? GoAway() : Abort();
  while (Attempt* attempt = waiters.front()) {
    attempt->Unlink();
    pool_.ServeAnew(*attempt);
  }
}

void SharedConnection::Abort() {
  if (session_ != nullptr) session_->Close(net::CloseReason::kAbort);
  End(ConnectError::kNone);
}

void SharedConnection::End(ConnectError error, std::string_view why) {
  if (state_ == State::kEnded) return;
  state_ = State::kEnded;
  timer_.Cancel();
  host_timer_.Cancel();
  http2_.Release();
  if (error != ConnectError::kNone) lease_.Failed();
  if (tls_ != nullptr) tls_->Close(net::CloseReason::kAbort);
  Unlink();
  base::IntrusiveList<Attempt> now;
  now.Splice(waiters_);
  while (Attempt* attempt = now.front()) {
    attempt->Unlink();
    if (error == ConnectError::kNone) {
      pool_.Serve(*attempt);
    } else {
      attempt->Fail(error, why);
    }
  }
  pool_.LetGo(*connections_);
  pool_.loop_.Retire(std::unique_ptr<event::IoHandler>(this));
}

}  // namespace hawser::cluster
