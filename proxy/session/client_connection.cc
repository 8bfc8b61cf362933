#include "proxy/session/client_connection.h"

#include <algorithm>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/http1/head_parser.h"
#include "proxy/http1/serializer.h"
#include "proxy/session/http2_connection.h"
#include "spdlog/spdlog.h"

namespace hawser::session {
namespace {

using http::Reject;

constexpr uint8_t kPipelinedTag = 7;

}  // namespace

void ClientConnection::Start(WorkerServices& services, Backends& backends, const ListenerRuntime& listener,
                             net::Socket socket, const net::SocketAddress& peer, EdgeLeases leases) {
  services.sessions.Add(std::make_unique<ClientConnection>(services, backends, listener, std::move(socket),
                                                           peer, std::move(leases)));
}

void ClientConnection::StartRefused(WorkerServices& services, Backends& backends,
                                    const ListenerRuntime& listener, net::Socket socket,
                                    const net::SocketAddress& peer, Reject reject) {
  HAWSER_DCHECK(listener.tls == nullptr);
  ClientConnection& connection = services.sessions.Add(std::make_unique<ClientConnection>(
      services, backends, listener, std::move(socket), peer, EdgeLeases{}));
  connection.admitted_ = false;
  services.sessions.budgets().BeginRefusal();
  connection.Refuse(reject);
}

ClientConnection::ClientConnection(WorkerServices& services, Backends& backends,
                                   const ListenerRuntime& listener, net::Socket socket,
                                   const net::SocketAddress& peer, EdgeLeases leases)
    : services_(services),
      backends_(backends),
      snapshot_(backends.snapshot()),
      listener_(listener),
      peer_(peer),
      leases_(std::move(leases)),
      timer_(*this, Exchange::kTimerTag),
      state_(listener.tls != nullptr ? State::kTlsHandshake : State::kRequestHead) {
  if (listener_.tls != nullptr) {
    auto tls = std::make_unique<tls::TlsStream>(services_.loop, services_.buffers, *listener_.tls,
                                                std::move(socket));
    tls_ = tls.get();
    stream_ = std::move(tls);
    services_.loop.Arm(timer_, listener_.settings.timeouts.tls_handshake);
    services_.stats.Add(stats::Metric::kTlsHandshakesOpen);
  } else {
    stream_ = std::make_unique<net::TcpStream>(services_.loop, std::move(socket));
    services_.loop.Arm(timer_, listener_.settings.timeouts.request_headers);
  }
  leases_.count = ConnectionCount(services_.stats);
  stream_->Watch(this, Exchange::kClientTag);
  stream_->Want({.read = true});
}

ClientConnection::~ClientConnection() = default;

void ClientConnection::OnReady(event::Ready ready) {
  if (state_ == State::kClosed) return;
  if (ready.timer && state_ != State::kExchange) return OnTimer();
  if (ready.tag != kPipelinedTag) return Advance(ready);
  if (state_ == State::kRequestHead) ParseHead();
}

void ClientConnection::Advance(event::Ready ready) {
  switch (state_) {
    case State::kTlsHandshake: return Handshake();
    case State::kRequestHead: return ReadHead();
    case State::kExchange: return RunExchange(ready);
    case State::kLinger: return DropInput();
    case State::kClosed: return;
  }
}

// A worker takes so many handshake steps of a listener in one turn; the others keep their bytes in the kernel and are told
// of them again in the next.
bool ClientConnection::TakeHandshakeStep() {
  const bool taken = services_.sessions.budgets().TakeHandshakeStep(
      services_.loop.turn(), listener_.index, listener_.settings.tls->handshakes_per_turn);
  if (!taken) services_.stats.Add(stats::Metric::kTlsBudgetHits);
  return taken;
}

void ClientConnection::Handshake() {
  if (!TakeHandshakeStep()) return;
  switch (tls_->Handshake()) {
    case tls::HandshakeResult::kWantRead: return;
    case tls::HandshakeResult::kFailed:
      spdlog::debug("listener {}: TLS handshake with {} failed: {}", listener_.settings.name,
                    peer_.ToString(), tls_->HandshakeError());
      services_.stats.Add(stats::Metric::kTlsHandshakesFailed);
      return Close(net::CloseReason::kOrderly);
    case tls::HandshakeResult::kDone: break;
  }
  services_.stats.Subtract(stats::Metric::kTlsHandshakesOpen);
  services_.stats.Add(stats::Metric::kTlsHandshakesOk);
  if (tls_->session_reused()) services_.stats.Add(stats::Metric::kTlsHandshakesResumed);
  if (tls_->alpn() == "h2") return BecomeHttp2();
  stream_->Want({.read = true});
  state_ = State::kRequestHead;
  services_.loop.Arm(timer_, listener_.settings.timeouts.request_headers);
  ReadHead();
}

void ClientConnection::ReadHead() {
  const auto scratch = services_.loop.scratch();
  const net::IoResult got = stream_->Read(scratch.first(scratch.size() / 4));
  if (got.bytes > 0) {
    // Between two requests the clock is keep_alive's; from the first byte on, request_headers'.
    if (input_.empty() && !first_request_) {
      services_.loop.Arm(timer_, listener_.settings.timeouts.request_headers);
    }
    input_.append(reinterpret_cast<const char*>(scratch.data()), got.bytes);
    ParseHead();
  } else if (got.state != net::IoState::kBlocked) {
    // A pipeline may have ended with a request that is whole.
    if (got.state == net::IoState::kEnd && !input_.empty()) ParseHead();
    if (state_ == State::kRequestHead) Close(net::CloseReason::kOrderly);
  }
}

// With prior knowledge (RFC 9113 §3.3): begins with the preface, as far as it has come.
bool ClientConnection::SpeaksHttp2() const {
  const size_t count = std::min(input_.size(), http2::kPreface.size());
  return listener_.settings.http2.prior_knowledge && tls_ == nullptr && first_request_ &&
         http2::kPreface.substr(0, count) == std::string_view(input_).substr(0, count);
}

void ClientConnection::BecomeHttp2() {
  timer_.Cancel();
  Http2Connection::Start(services_, backends_,
                         {.stream = std::move(stream_),
                          .snapshot = snapshot_,
                          .listener = listener_,
                          .peer = peer_,
                          .leases = std::move(leases_),
                          .tls = tls_ != nullptr,
                          .received = input_});
  state_ = State::kRequestHead;
  Close(net::CloseReason::kOrderly);
}

void ClientConnection::ParseHead() {
  if (SpeaksHttp2()) {
    if (input_.size() >= http2::kPreface.size()) BecomeHttp2();
    return;
  }
  http::RequestHead head;
  const http1::HeadLimits limits{.head_bytes = listener_.settings.limits.request_head.bytes,
                                 .headers = listener_.settings.limits.request_headers};
  const http1::ParseResult parsed = http1::ParseRequestHead(input_, limits, head, scanned_);
  if (parsed.state == http1::ParseState::kIncomplete) return;
  if (parsed.state == http1::ParseState::kRejected) return Refuse(parsed.reject);
  timer_.Cancel();
  scanned_ = 0;
  first_request_ = false;
  std::string behind = input_.substr(parsed.head_bytes);
  // The head's views point into the string's heap block, which moves along: no head is short enough to lie inside the
  // string itself.
  request_ = std::make_unique<http1::ServerStream>(services_.loop, *stream_, head, std::exchange(input_, {}),
                                                   std::move(behind));
  request_->Watch(this, Exchange::kClientTag);
  exchange_ = std::make_unique<Exchange>(
      services_, backends_, snapshot_, *this,
      Exchange::Client{.stream = *request_, .listener = listener_, .peer = peer_, .tls = tls_ != nullptr},
      std::move(head));
  state_ = State::kExchange;
  RunExchange({});
}

// A refusal before there is a request to speak of: answered here, counted, logged.
void ClientConnection::Refuse(Reject reject) {
  services_.stats.CountReject(reject);
  const http::RejectSpec& spec = http::SpecOf(reject);
  services_.stats.CountResponse(spec.status);
  if (services_.access_log != nullptr) {
    RequestRecord record;
    record.client = peer_.ip();
    record.client_port = peer_.port();
    record.tls = tls_ != nullptr;
    record.status = static_cast<uint16_t>(spec.status);
    record.listener = &listener_.settings.name;
    services_.access_log->Write(
        {.record = record,
         .traffic = {.bytes_in = input_.size()},
         .outcome = {.closed_by = spec.closed_by, .reason = spec.label, .flag = spec.flag},
         .duration_ms = 0});
  }
  const std::string response = http1::RefusalResponse(reject);
  stream_->Write(std::as_bytes(std::span(response)));
  Linger();
}

void ClientConnection::RunExchange(event::Ready ready) {
  switch (exchange_->Advance(ready)) {
    case Exchange::Progress::kWaiting: return;
    case Exchange::Progress::kTunnel: return OpenTunnel();
    case Exchange::Progress::kReusable: return NextRequest();
    case Exchange::Progress::kFinished: EndExchange(); return Linger();
    case Exchange::Progress::kBroken: return Close(net::CloseReason::kAbort);
  }
}

// The exchange first: it refers to the request.
void ClientConnection::EndExchange() {
  exchange_.reset();
  request_.reset();
}

void ClientConnection::NextRequest() {
  input_ = request_->TakeHeld();
  EndExchange();
  if (services_.sessions.draining()) return Linger();
  state_ = State::kRequestHead;
  stream_->Want({.read = true});
  services_.loop.Arm(timer_, input_.empty() ? listener_.settings.timeouts.keep_alive
                                            : listener_.settings.timeouts.request_headers);
  // In the next turn: a pipeline of requests is a loop, not a recursion.
  if (!input_.empty()) services_.loop.Soon(*this, {.readable = true, .tag = kPipelinedTag});
}

void ClientConnection::OpenTunnel() {
  timer_.Cancel();
  const std::unique_ptr<Exchange> exchange = std::move(exchange_);
  const std::string early = request_->TakeHeld();
  exchange->OpenTunnel(std::move(stream_), std::move(leases_), early);
  Close(net::CloseReason::kOrderly);
}

void ClientConnection::Linger() {
  state_ = State::kLinger;
  services_.loop.Arm(timer_, listener_.settings.timeouts.linger);
  stream_->ShutdownWrite();
  DropInput();
}

void ClientConnection::DropInput() {
  const net::IoResult flushed = stream_->Write({});
  const net::IoResult got = stream_->Read(services_.loop.scratch());
  const bool ended = got.state == net::IoState::kEnd;
  const bool blocked = flushed.state == net::IoState::kBlocked;
  if (got.state == net::IoState::kError || (ended && !blocked)) return Close(net::CloseReason::kOrderly);
  stream_->Want({.read = !ended, .write = blocked});
}

void ClientConnection::OnTimer() {
  const bool head_begun = state_ == State::kRequestHead && (first_request_ || !input_.empty());
  if (state_ == State::kTlsHandshake) services_.stats.CountReject(Reject::kTlsTimeout);
  if (head_begun && !input_.empty()) return Refuse(Reject::kRequestTimeout);
  // A connection made in advance and never used: nobody waits for an answer.
  if (head_begun) services_.stats.CountReject(Reject::kRequestTimeout);
  Close(net::CloseReason::kOrderly);
}

// What has been asked is answered, though it may still wait in the kernel.
void ClientConnection::Drain() {
  if (state_ == State::kTlsHandshake) return Close(net::CloseReason::kOrderly);
  if (state_ != State::kRequestHead || !input_.empty()) return;
  ReadHead();
  if (state_ == State::kRequestHead && input_.empty()) Close(net::CloseReason::kOrderly);
}

void ClientConnection::Close(net::CloseReason reason) {
  if (state_ == State::kClosed) return;
  if (state_ == State::kTlsHandshake) services_.stats.Subtract(stats::Metric::kTlsHandshakesOpen);
  state_ = State::kClosed;
  timer_.Cancel();
  EndExchange();
  if (stream_ != nullptr) stream_->Close(reason);  // else it lives on in a tunnel
  for (const uint8_t tag :
       {Exchange::kClientTag, Exchange::kBackendTag, Exchange::kFilterTag, kPipelinedTag}) {
    services_.loop.CancelSoon(*this, tag);
  }
  if (!admitted_) services_.sessions.budgets().EndRefusal();
  Unlink();
  services_.loop.Retire(std::unique_ptr<IoHandler>(this));
}

}  // namespace hawser::session
