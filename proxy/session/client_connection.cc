#include "proxy/session/client_connection.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/net/tcp_state.h"
#include "proxy/session/http2_connection.h"
#include "spdlog/spdlog.h"

namespace hawser::session {
namespace {

using http::Reject;

constexpr uint8_t kPipelinedTag = 7;
constexpr uint8_t kHandshakeTag = 6;

std::unique_ptr<net::ByteStream> StreamOf(WorkerServices& services, const ListenerRuntime& listener,
                                          net::Socket socket) {
  if (listener.tls == nullptr) return std::make_unique<net::TcpStream>(services.loop, std::move(socket));
  return std::make_unique<tls::TlsStream>(services.loop, services.buffers, *listener.tls, std::move(socket));
}

http1::ServerConnection::Options OptionsOf(const ListenerRuntime& listener, event::Timer& timer) {
  const auto& limits = listener.settings.limits;
  return {.limits = {.head_bytes = limits.request_head.bytes, .headers = limits.request_headers},
          .deadlines = {},
          .timer = &timer};
}

}  // namespace

void ClientConnection::Start(WorkerServices& services, Backends& backends,
                             std::shared_ptr<const ListenerRuntime> listener, net::Socket socket,
                             const net::SocketAddress& peer, EdgeLeases leases) {
  ClientConnection& connection = services.sessions.Add(std::make_unique<ClientConnection>(
      services, backends, std::move(listener), std::move(socket), peer, std::move(leases)));
  services.sessions.evictions().Put(connection.place_, connection.listener_id(),
                                    connection.leases_.ip.standing(), services.loop.now());
}

void ClientConnection::StartRefused(WorkerServices& services, Backends& backends,
                                    std::shared_ptr<const ListenerRuntime> listener, net::Socket socket,
                                    const net::SocketAddress& peer, Reject reject) {
  HAWSER_DCHECK(listener->tls == nullptr);
  ClientConnection& connection = services.sessions.Add(std::make_unique<ClientConnection>(
      services, backends, std::move(listener), std::move(socket), peer, EdgeLeases{}));
  connection.admitted_ = false;
  services.sessions.budgets().BeginRefusal();
  connection.Refuse(reject);
}

ClientConnection::ClientConnection(WorkerServices& services, Backends& backends,
                                   std::shared_ptr<const ListenerRuntime> listener, net::Socket socket,
                                   const net::SocketAddress& peer, EdgeLeases leases)
    : services_(services),
      backends_(backends),
      listener_(std::move(listener)),
      peer_(peer),
      leases_(std::move(leases)),
      stream_(StreamOf(services, *listener_, std::move(socket))),
      tls_(listener_->tls != nullptr ? static_cast<tls::TlsStream*>(stream_.get()) : nullptr),
      timer_(*this, Exchange::kTimerTag),
      handshake_(*this, kHandshakeTag),
      http_(services.loop, services.buffers, *stream_, OptionsOf(*listener_, timer_)),
      place_(this),
      state_(listener_->tls != nullptr ? State::kTlsHandshake : State::kRequestHead) {
  http_.SetDeadlines(DeadlinesNow());
  if (tls_ != nullptr) {
    services_.loop.Arm(timer_, Shrunk(listener_->settings.timeouts.tls_handshake));
    services_.stats.Add(stats::Metric::kTlsHandshakesOpen);
  } else {
    http_.Begin();
  }
  leases_.count = ConnectionCount(services_.stats);
  stream_->Watch(this, Exchange::kClientTag);
  stream_->Want({.read = true});
}

ClientConnection::~ClientConnection() = default;

void ClientConnection::OnReady(event::Ready ready) {
  if (state_ == State::kClosed) return;
  if (ready.timer && state_ != State::kExchange) return OnTimer();
  if (ready.tag == kHandshakeTag) return Handshake();
  if (ready.tag != kPipelinedTag) return Advance(ready);
  if (state_ == State::kRequestHead) ParseHead();
}

void ClientConnection::Advance(event::Ready ready) {
  switch (state_) {
    case State::kTlsHandshake: return AskForStep(ready);
    case State::kRequestHead: return ReadHead();
    case State::kExchange: return RunExchange(ready);
    case State::kLinger: return Linger(http_.Linger());
    case State::kClosed: return;
  }
}

// While it is parked, the bytes stay in the kernel; a reset is still reported.
void ClientConnection::AskForStep(event::Ready ready) {
  HAWSER_DCHECK(tls_ != nullptr);
  if (ready.hung_up) return FailHandshake("the client reset the connection");
  if (!tls_->started()) leases_.ip.Review();
  const bool parked = services_.handshakes.Ask(handshake_, leases_.ip.standing(), tls_->answered());
  if (parked) stream_->Want({.hang_up = true});
}

// A client that left before its turn costs no cryptography.
void ClientConnection::Handshake() {
  HAWSER_DCHECK(state_ == State::kTlsHandshake);
  if (!tls_->started()) {
    const std::optional<net::TcpState> tcp = net::AskTcp(tls_->fd());
    if (tcp && tcp->peer_left) {
      if (handshake_.overdue()) leases_.ip.Excuse();
      return FailHandshake("the client left before it began");
    }
  }
  switch (tls_->Handshake()) {
    case tls::HandshakeResult::kWantRead: return stream_->Want({.read = true});
    case tls::HandshakeResult::kFailed: return FailHandshake(tls_->HandshakeError());
    case tls::HandshakeResult::kDone: break;
  }
  services_.stats.Subtract(stats::Metric::kTlsHandshakesOpen);
  services_.stats.Add(stats::Metric::kTlsHandshakesOk);
  if (tls_->session_reused()) services_.stats.Add(stats::Metric::kTlsHandshakesResumed);
  if (tls_->alpn() == "h2") return BecomeHttp2();
  stream_->Want({.read = true});
  state_ = State::kRequestHead;
  http_.SetDeadlines(DeadlinesNow());
  http_.Begin();
  ReadHead();
}

void ClientConnection::FailHandshake(std::string_view why) {
  spdlog::debug("listener {}: TLS handshake with {} failed: {}", listener_->settings.name, peer_.ToString(),
                why);
  services_.stats.Add(stats::Metric::kTlsHandshakesFailed);
  Close(net::CloseReason::kOrderly);
}

// A pipeline may have ended with a request that is whole.
void ClientConnection::ReadHead() {
  const net::IoState got = http_.Receive();
  if (got == net::IoState::kBlocked) return;
  if (got == net::IoState::kOk || (got == net::IoState::kEnd && !http_.received().empty())) ParseHead();
  if (got != net::IoState::kOk && state_ == State::kRequestHead) Close(net::CloseReason::kOrderly);
}

// With prior knowledge (RFC 9113 §3.3): begins with the preface, as far as it has come.
bool ClientConnection::SpeaksHttp2() const {
  const size_t count = std::min(http_.received().size(), http2::kPreface.size());
  return listener_->settings.http2.prior_knowledge && tls_ == nullptr && http_.first() &&
         http2::kPreface.substr(0, count) == http_.received().substr(0, count);
}

void ClientConnection::BecomeHttp2() {
  timer_.Cancel();
  Http2Connection::Start(services_, backends_,
                         {.stream = std::move(stream_),
                          .listener = listener_,
                          .peer = peer_,
                          .leases = std::move(leases_),
                          .tls = tls_ != nullptr,
                          .received = http_.received()});
  state_ = State::kRequestHead;
  Close(net::CloseReason::kOrderly);
}

void ClientConnection::ParseHead() {
  if (SpeaksHttp2()) {
    if (http_.received().size() >= http2::kPreface.size()) BecomeHttp2();
    return;
  }
  http::RequestHead head;
  switch (http_.Parse(head)) {
    case http1::ServerConnection::Progress::kRequest: return StartExchange(std::move(head));
    case http1::ServerConnection::Progress::kRejected: return Refuse(http_.reject());
    default: return OnIdle();
  }
}

void ClientConnection::StartExchange(http::RequestHead head) {
  HAWSER_DCHECK(exchange_ == nullptr && request_ == nullptr);
  leases_.ip.Prove();
  if (auto current = backends_.snapshot()->listeners.Find(listener_id())) listener_ = std::move(current);
  http1::ServerConnection::Request request = http_.TakeRequest();
  request_ = std::make_unique<http1::ServerStream>(services_.loop, *stream_, head, std::move(request.bytes),
                                                   std::move(request.behind));
  request_->Watch(this, Exchange::kClientTag);
  exchange_ = std::make_unique<Exchange>(
      services_, backends_, *this,
      Exchange::Client{.stream = *request_, .listener = listener_, .peer = peer_, .tls = tls_ != nullptr},
      std::move(head));
  state_ = State::kExchange;
  RunExchange({});
}

// A refusal before there is a complete request: answered, counted and logged here.
void ClientConnection::Refuse(Reject reject) {
  services_.stats.CountReject(reject);
  const http::RejectSpec& spec = http::SpecOf(reject);
  HAWSER_DCHECK(spec.status != 0);
  services_.stats.CountResponse(spec.status);
  if (services_.access_log != nullptr) {
    RequestRecord record;
    record.client = peer_.ip();
    record.client_port = peer_.port();
    record.tls = tls_ != nullptr;
    record.status = static_cast<uint16_t>(spec.status);
    record.listener = listener_->name;
    services_.access_log->Write(
        {.record = record,
         .traffic = {.bytes_in = http_.received().size()},
         .outcome = {.closed_by = spec.closed_by, .reason = spec.label, .flag = spec.flag},
         .ended = record.start});
  }
  Linger(http_.Answer(http::RefusalOf(reject, services_.random())));
}

void ClientConnection::RunExchange(event::Ready ready) {
  HAWSER_DCHECK(exchange_ != nullptr);
  place_.Unlink();  // it may close others to make room for itself
  switch (exchange_->Advance(ready)) {
    case Exchange::Progress::kWaiting: return PlaceExchange();
    case Exchange::Progress::kTunnel: return OpenTunnel();
    case Exchange::Progress::kReusable: return NextRequest();
    case Exchange::Progress::kFinished: EndExchange(); return Linger(http_.Finish());
    case Exchange::Progress::kBroken: return Close(net::CloseReason::kAbort);
  }
}

// Behind the others, with each part of the body that comes.
void ClientConnection::PlaceExchange() {
  if (!exchange_->awaits_body() || !admitted_) return;
  services_.sessions.evictions().Put(place_, listener_id(), Evictable::kBody, services_.loop.now());
}

// The exchange first: it refers to the request.
void ClientConnection::EndExchange() {
  exchange_.reset();
  request_.reset();
}

void ClientConnection::NextRequest() {
  std::string held = request_->TakeHeld();
  EndExchange();
  if (Leaving()) return Linger(http_.Finish());
  state_ = State::kRequestHead;
  // In the next turn: a pipeline of requests is a loop, not a recursion.
  if (held.empty()) {
    OnIdle();
  } else {
    services_.loop.Soon(*this, {.readable = true, .tag = kPipelinedTag});
  }
  http_.SetDeadlines(DeadlinesNow());
  http_.Next(std::move(held));
}

// Nothing whole has come that hawser has not answered. One that has not brought its first request keeps the
// place that it has.
void ClientConnection::OnIdle() {
  if (!admitted_ || place_.linked()) return;
  services_.sessions.evictions().Put(place_, listener_id(), Evictable::kIdle, services_.loop.now());
}

http1::ServerConnection::Deadlines ClientConnection::DeadlinesNow() const {
  const auto& timeouts = listener_->settings.timeouts;
  return {.head = Shrunk(timeouts.request_headers),
          .keep_alive = Shrunk(timeouts.keep_alive),
          .linger = timeouts.linger};
}

base::Duration ClientConnection::Shrunk(base::Duration full) const {
  return ShrunkDeadline(full, leases_, backends_.snapshot()->config->limits.reserve);
}

void ClientConnection::OpenTunnel() {
  timer_.Cancel();
  const std::unique_ptr<Exchange> exchange = std::move(exchange_);
  const std::string early = request_->TakeHeld();
  exchange->OpenTunnel(std::move(stream_), std::move(leases_), early);
  Close(net::CloseReason::kOrderly);
}

void ClientConnection::Linger(http1::ServerConnection::Progress progress) {
  state_ = State::kLinger;
  OnIdle();
  if (progress == http1::ServerConnection::Progress::kOver) Close(net::CloseReason::kOrderly);
}

void ClientConnection::OnTimer() {
  const bool head_due = state_ == State::kRequestHead && http_.head_due();
  if (state_ == State::kTlsHandshake) {
    services_.handshakes.Shed(handshake_);
    services_.stats.CountReject(Reject::kTlsTimeout);
  }
  if (head_due && !http_.received().empty()) return Refuse(Reject::kRequestTimeout);
  // Otherwise the connection was opened in advance and never used: nobody waits for an answer.
  if (head_due) services_.stats.CountReject(Reject::kRequestTimeout);
  Close(net::CloseReason::kOrderly);
}

// Requests that have been sent are answered, even if they still wait in the kernel.
void ClientConnection::Drain() {
  if (state_ == State::kTlsHandshake) return Close(net::CloseReason::kOrderly);
  if (state_ != State::kRequestHead || !http_.received().empty()) return;
  ReadHead();
  if (state_ == State::kRequestHead && http_.received().empty()) Close(net::CloseReason::kOrderly);
}

// No request may follow.
bool ClientConnection::Leaving() const {
  return services_.sessions.draining() || !backends_.snapshot()->listeners.Has(listener_id());
}

void ClientConnection::Cut(Reject reason) {
  if (exchange_ != nullptr) exchange_->GiveUp(reason);
  Close(net::CloseReason::kAbort);
}

void ClientConnection::CutRequests(absl::FunctionRef<bool(uint32_t)> which, Reject reason) {
  if (exchange_ != nullptr && exchange_->HasRoute(which)) Cut(reason);
}

bool ClientConnection::Evict(bool read, bool excused) {
  HAWSER_DCHECK(place_.linked());
  const Evictable kind = place_.kind();
  place_.Unlink();
  if (read && state_ == State::kRequestHead) {
    const bool without_request = http_.first();
    ReadHead();
    if (state_ == State::kClosed) return stream_ != nullptr;  // perhaps by its client
    const bool asked = state_ != State::kRequestHead || http_.first() != without_request;
    if (asked || (place_.linked() && !without_request)) return false;
    place_.Unlink();  // a part of its first request is not enough
  }
  services_.stats.Add(MetricOf(kind));
  if (exchange_ != nullptr) {
    exchange_->GiveUp(Reject::kRequestTimeout);
    Close(net::CloseReason::kAbort);
    return true;
  }
  if (excused) leases_.ip.Excuse();
  services_.handshakes.Shed(handshake_);
  Close(net::CloseReason::kOrderly);
  return true;
}

void ClientConnection::Close(net::CloseReason reason) {
  if (state_ == State::kClosed) return;
  if (state_ == State::kTlsHandshake) services_.stats.Subtract(stats::Metric::kTlsHandshakesOpen);
  if (services_.handshakes.Leave(handshake_)) leases_.ip.Excuse();
  state_ = State::kClosed;
  place_.Unlink();
  timer_.Cancel();
  EndExchange();
  if (stream_ != nullptr) http_.Close(reason);  // else it lives on in a tunnel
  leases_ = {};  // not only when it is destroyed: another may be about to take its place
  for (const uint8_t tag :
       {Exchange::kClientTag, Exchange::kBackendTag, Exchange::kFilterTag, kPipelinedTag}) {
    services_.loop.CancelSoon(*this, tag);
  }
  if (!admitted_) services_.sessions.budgets().EndRefusal();
  Unlink();
  services_.loop.Retire(std::unique_ptr<IoHandler>(this));
}

}  // namespace hawser::session
