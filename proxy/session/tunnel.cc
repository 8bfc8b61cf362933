#include "proxy/session/tunnel.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace hawser::session {
namespace {

using http::Reject;

// Reads of one side in one turn, so that a flood through one tunnel leaves turns to the others.
constexpr int kReadsPerTurn = 4;

Reject RejectOf(ws::Violation violation) {
  switch (violation) {
    case ws::Violation::kInvalidUtf8: return Reject::kInvalidUtf8;
    case ws::Violation::kFrameTooLarge: return Reject::kFrameTooLarge;
    case ws::Violation::kMessageTooLarge: return Reject::kMessageTooLarge;
    case ws::Violation::kMessageRate: return Reject::kMessageRate;
    case ws::Violation::kByteRate: return Reject::kByteRate;
    default: return Reject::kProtocolError;
  }
}

// Of a stream that decodes what it carries: the peer is still there, and is to be told. See net::ByteStream::error.
Reject UndecodableBy(int error) {
  if (error == EBADMSG) return Reject::kBadCompression;
  return error == ENOBUFS ? Reject::kNoCompressionContext : Reject::kNone;
}

}  // namespace

void Tunnel::Start(Environment& environment, Parts parts) {
  const auto early_from_client = parts.early_from_client;
  const auto early_from_backend = parts.early_from_backend;
  // Owned by environment.tunnels from here on; taken back by Finish.
  Tunnel* tunnel = std::make_unique<Tunnel>(environment, std::move(parts)).release();
  environment.tunnels.PushBack(*tunnel);
  tunnel->Flush(kClient);
  tunnel->Count(kBackend, early_from_backend.size());
  tunnel->Count(kClient, early_from_client.size());
  if (!early_from_backend.empty()) tunnel->Forward(kBackend, early_from_backend);
  if (!early_from_client.empty()) tunnel->Forward(kClient, early_from_client);
  tunnel->Settle();
}

Tunnel::Tunnel(Environment& environment, Parts parts)
    : environment_(environment),
      snapshot_(std::move(parts.snapshot)),
      record_(std::move(*parts.record)),
      leases_(std::move(parts.leases)),
      endpoint_lease_(std::move(parts.endpoint_lease)),
      leftovers_(std::move(parts.leftovers)),
      timer_(*this, kTimerTag),
      last_message_(environment.loop.now()),
      expiry_(base::TimePoint::max()),
      deflate_(parts.deflate),
      pipe_(settings().inspection == config::Inspection::kOff) {
  side(kClient).stream = std::move(parts.client);
  side(kBackend).stream = std::move(parts.backend);
  const auto now = environment_.loop.now();
  const config::Keepalive& keepalive = settings().keepalive;
  const auto pinged = [&](config::KeepaliveTo only) {
    return !is_pipe() && (keepalive.to == only || keepalive.to == config::KeepaliveTo::kBoth);
  };
  if (pinged(config::KeepaliveTo::kClient)) side(kClient).keepalive.Start(keepalive.interval, keepalive.timeout, now, environment_.secrets.Next());
  if (pinged(config::KeepaliveTo::kBackend)) side(kBackend).keepalive.Start(keepalive.interval, keepalive.timeout, now, environment_.secrets.Next());
  if (const config::MaxDuration& longest = settings().max_connection_duration; longest.duration.count() > 0) {
    const double share = 1 - longest.jitter * std::uniform_real_distribution<>(0, 1)(environment_.random);
    expiry_ = now + base::Duration(static_cast<int64_t>(static_cast<double>(longest.duration.count()) * share));
  }
  if (Paces::AskedFor(settings())) paces_ = std::make_unique<Paces>(settings());
  for (const Peer peer : {kClient, kBackend}) side(peer).stream->Watch(this, peer);
  side(kClient).blocked = true;  // until Start has flushed what the 101 may have left in the stream
  ArmTimer();
}

Tunnel::~Tunnel() = default;

void Tunnel::OnReady(event::Ready ready) {
  if (state_ == State::kClosed) return;
  if (ready.timer) {
    OnTimer();
  } else {
    const auto peer = static_cast<Peer>(ready.tag);
    if (ready.writable) Flush(peer);
    if (ready.readable) Receive(peer);
    if (ready.writable && !side(peer).blocked) Receive(Other(peer));
  }
  Settle();
}

ws::ScanRules Tunnel::RulesFor(Peer from) const {
  const config::WebSocket& websocket = settings();
  const bool strict = websocket.inspection == config::Inspection::kStrict;
  return {.expect_masked = from == kClient,
          .rsv1_allowed = deflate_,
          .max_frame_bytes = websocket.max_frame_bytes.bytes,
          .max_message_bytes = websocket.max_message_bytes.bytes,
          .validate_utf8 = websocket.validate_utf8.value_or(strict),
          .strictness = strict ? ws::Strictness::kStrict : ws::Strictness::kLenient};
}

// --- Receiving ---

bool Tunnel::MayReceive(Peer from) const {
  const Side& side = sides_[from];
  if (side.ended || side.closed) return false;
  if (side.deaf) return true;
  const Pace* pace = PaceOf(from);
  return !sides_[Other(from)].blocked && (pace == nullptr || !pace->paused());
}

void Tunnel::Count(Peer from, size_t bytes) {
  side(from).bytes += bytes;
  environment_.stats.Add(from == kClient ? stats::Metric::kBytesToBackend : stats::Metric::kBytesToClient, bytes);
  if (Pace* pace = PaceOf(from)) pace->bytes.Spend(environment_.loop.now(), bytes);
}

void Tunnel::Receive(Peer from) {
  Side& source = side(from);
  ForwardHeld(from);
  for (int reads = 0; reads < kReadsPerTurn && MayReceive(from); ++reads) {
    if (const auto spliced = Splice(from)) {
      if (*spliced == net::IoState::kOk) continue;
      return *spliced == net::IoState::kBlocked ? void() : OnEnd(from, *spliced);
    }
    const std::span<std::byte> scratch = environment_.loop.scratch();
    const size_t carried = source.carry.size();
    std::ranges::copy(source.carry.bytes(), scratch.begin());
    size_t most = std::min<size_t>(settings().buffer.bytes, scratch.size() - carried);
    const Pace* pace = PaceOf(from);
    const uint64_t allowed = pace == nullptr ? Meter::kNoLimit : pace->bytes.Available(environment_.loop.now());
    if (allowed < most && !pace->bytes.closes()) {
      if (allowed == 0) return Pause(from, pace->bytes);
      most = allowed;
    }
    const net::IoResult got = source.stream->Read(scratch.subspan(carried, most));
    if (got.bytes > 0) {
      Count(from, got.bytes);
      source.keepalive.Heard(environment_.loop.now());
      Forward(from, scratch.first(carried + got.bytes));
      if (got.bytes > allowed && !source.deaf) OnViolation(from, ws::Violation::kByteRate);
    }
    const Reject undecodable = got.state == net::IoState::kError ? UndecodableBy(source.stream->error()) : Reject::kNone;
    if (undecodable != Reject::kNone) return OnBrokenRule(from, undecodable);
    if (got.state == net::IoState::kEnd || got.state == net::IoState::kError) return OnEnd(from, got.state);
    if (got.state == net::IoState::kBlocked) {
      if (source.broken) OnEnd(from, net::IoState::kError);
      return;
    }
  }
}

void Tunnel::CountMessages(Peer from, uint64_t before) {
  const uint64_t whole = side(from).scanner.messages() - before;
  if (whole == 0) return;
  last_message_ = environment_.loop.now();
  environment_.stats.Add(from == kClient ? stats::Metric::kMessagesToBackend : stats::Metric::kMessagesToClient, whole);
}

// Sends on what may be sent of `bytes`, in as few pieces as injected and swallowed frames allow, and keeps the rest
// (an unfinished header or control frame) for the next read.
void Tunnel::Forward(Peer from, std::span<const std::byte> bytes) {
  if (is_pipe()) return Relay(from, bytes);
  Side& source = side(from);
  const Peer to = Other(from);
  ws::ScanRules rules = RulesFor(from);
  Pace* const pace = PaceOf(from);
  if (pace != nullptr) rules.max_messages = pace->messages.Available(environment_.loop.now());
  const uint64_t messages_before = source.scanner.messages();
  size_t sent = 0;     // bytes before this were sent or dropped
  size_t scanned = 0;
  const auto send_scanned = [&] {
    Send(to, bytes.subspan(sent, scanned - sent));
    sent = scanned;
  };
  const auto spend = [&](uint64_t messages) {
    if (pace == nullptr || messages == 0) return;
    pace->messages.Spend(environment_.loop.now(), messages);
    rules.max_messages -= messages;
  };
  while (!source.deaf) {
    const uint64_t begun = source.scanner.messages_begun();
    const ws::Scan scan = source.scanner.Advance(bytes.subspan(scanned), rules, HasInjection(to));
    scanned += scan.bytes;
    spend(source.scanner.messages_begun() - begun);
    const bool ping = scan.stop == ws::Stop::kControl && scan.control.opcode == ws::Opcode::kPing;
    if (scan.stop == ws::Stop::kInput) {
      send_scanned();
      break;
    }
    if (scan.stop == ws::Stop::kBoundary) {
      send_scanned();
      Inject(to);
    } else if (scan.stop == ws::Stop::kMessage || (ping && rules.max_messages == 0)) {
      send_scanned();
      if (pace->messages.closes()) {
        OnViolation(from, ws::Violation::kMessageRate);
      } else {
        pace->holding = true;
        Pause(from, pace->messages);
        break;
      }
    } else if (scan.stop == ws::Stop::kViolation) {
      send_scanned();
      OnViolation(from, scan.violation);
    } else {
      if (ping) spend(1);
      const auto frame = bytes.subspan(scanned, scan.control_bytes);
      const bool forward = OnControlFrame(from, scan.control, frame);
      if (!forward) send_scanned();
      scanned += scan.control_bytes;
      if (!forward) sent = scanned;
      if (scan.control.opcode == ws::Opcode::kClose) {
        send_scanned();
        side(to).sealed = true;
        source.deaf = true;
      }
    }
  }
  const auto rest = source.deaf ? std::span<const std::byte>() : bytes.subspan(scanned);
  source.carry.Keep(rest);
  CountMessages(from, messages_before);
}

void Tunnel::Relay(Peer from, std::span<const std::byte> bytes) {
  if (side(from).deaf) return;
  last_message_ = environment_.loop.now();
  Send(Other(from), bytes);
}

// Returns whether the frame is to be forwarded.
bool Tunnel::OnControlFrame(Peer from, const ws::FrameHeader& header, std::span<const std::byte> frame) {
  if (header.opcode == ws::Opcode::kPing) return true;
  std::array<std::byte, 125> payload;
  const auto masked = frame.subspan(header.header_bytes);
  std::copy(masked.begin(), masked.end(), payload.begin());
  const std::span<std::byte> plain(payload.data(), masked.size());
  if (header.masked) ws::Unmask(plain, header.mask, 0);
  if (header.opcode == ws::Opcode::kPong) {
    const uint32_t timed = side(from).keepalive.round_trips().count;
    if (!side(from).keepalive.TakePong(plain, base::SteadyNow())) return true;
    const bool client = from == kClient;
    environment_.stats.Add(client ? stats::Metric::kPongsFromClient : stats::Metric::kPongsFromBackend);
    const ws::RoundTrips trips = side(from).keepalive.round_trips();
    if (trips.count == timed) return false;  // the pong of an older ping
    environment_.stats.Observe(client ? stats::Histogram::kRttClient : stats::Histogram::kRttBackend,
                               std::chrono::microseconds(trips.last_us));
    return false;
  }
  const uint16_t code = ws::ParseClose(plain).code;
  if (state_ == State::kOpen) BeginClosing(from == kClient ? ClosedBy::kClient : ClosedBy::kBackend, Reject::kNone, code);
  return true;
}

void Tunnel::OnViolation(Peer from, ws::Violation violation) {
  if (state_ == State::kOpen) violation_ = violation;
  OnBrokenRule(from, RejectOf(violation));
}

void Tunnel::OnBrokenRule(Peer from, Reject reason) {
  side(from).deaf = true;
  const uint16_t code = http::SpecOf(reason).close_code;
  if (state_ == State::kOpen) {
    offender_ = from;
    environment_.stats.Add(from == kClient ? stats::Metric::kViolationsByClient : stats::Metric::kViolationsByBackend);
    BeginClosing(ClosedBy::kPolicy, reason, code);
  }
  CloseTowards(from, code);
  CloseTowards(Other(from), from == kClient ? 1001 : 1011);
}

// A peer's stream has ended, in order or broken: there is no half-open WebSocket.
void Tunnel::OnEnd(Peer from, net::IoState how) {
  Side& gone = side(from);
  if (gone.ended) return;
  gone.ended = true;
  if (is_pipe()) return OnPipeEnd(from, how);
  const bool answered = gone.deaf;
  gone.deaf = true;
  gone.carry.Clear();
  uint16_t code = Answer();
  if (state_ == State::kOpen) {
    code = from == kClient ? 1001 : 1011;
    BeginClosing(from == kClient ? ClosedBy::kClient : ClosedBy::kBackend,
                 from == kClient ? Reject::kClientLost : Reject::kBackendLost, 1006);
  }
  // Its close frame may have gone before, and the other's answer be on its way: then it still listens.
  if (how == net::IoState::kError || !answered) gone.sealed = true;
  if (how == net::IoState::kError) CloseStream(from, net::CloseReason::kAbort);
  CloseTowards(Other(from), code);
}

// An end is passed on behind all that was received before it; the other direction goes on, for close_timeout at the most,
// unless this stream is broken.
void Tunnel::OnPipeEnd(Peer from, net::IoState how) {
  const bool broken = how == net::IoState::kError;
  if (state_ == State::kOpen) {
    const Reject lost = from == kClient ? Reject::kClientLost : Reject::kBackendLost;
    BeginClosing(from == kClient ? ClosedBy::kClient : ClosedBy::kBackend, broken ? lost : Reject::kNone, 1006);
  }
  side(Other(from)).sealed = true;
  if (!broken) return;
  side(Other(from)).deaf = true;
  CloseStream(from, net::CloseReason::kAbort);
}

// --- Rates ---

// Once the end has begun nothing is held back any more: close_timeout bounds what can still come.
Pace* Tunnel::PaceOf(Peer from) const {
  if (paces_ == nullptr || state_ != State::kOpen) return nullptr;
  return from == kClient ? &paces_->from_client : &paces_->from_backend;
}

void Tunnel::Pause(Peer from, const Meter& spent) {
  PaceOf(from)->resume_at = spent.RefilledAt();
  environment_.stats.Add(from == kClient ? stats::Metric::kSlowdownsOfClient : stats::Metric::kSlowdownsOfBackend);
  ArmTimer();
}

// What was read and had to wait, if it may go on now.
void Tunnel::ForwardHeld(Peer from) {
  if (paces_ == nullptr || !MayReceive(from)) return;
  Pace& pace = from == kClient ? paces_->from_client : paces_->from_backend;
  if (!std::exchange(pace.holding, false)) return;
  const net::Remainder held = std::exchange(side(from).carry, {});
  Forward(from, held.bytes());
}

void Tunnel::Resume(Peer from) {
  Pace* const pace = PaceOf(from);
  if (pace == nullptr || !pace->paused() || environment_.loop.now() < pace->resume_at) return;
  pace->resume_at = base::TimePoint::min();
  Receive(from);
}

// --- Sending ---

void Tunnel::Send(Peer to, std::span<const std::byte> bytes) {
  Side& sink = side(to);
  if (sink.sealed || bytes.empty()) return;
  if (!sink.blocked) {
    const net::IoResult put = sink.stream->Write(bytes);
    if (put.state == net::IoState::kError) return OnWriteError(to);
    bytes = bytes.subspan(put.bytes);
    if (put.state == net::IoState::kBlocked) Block(to);
  }
  sink.backlog.Append(environment_.buffers, bytes);
}

void Tunnel::Block(Peer to) {
  side(to).blocked = true;
  environment_.stats.Add(to == kBackend ? stats::Metric::kPausesOfClient : stats::Metric::kPausesOfBackend);
}

void Tunnel::Flush(Peer to) {
  Side& sink = side(to);
  while (sink.blocked && !sink.closed) {
    const auto waiting = sink.backlog.front();  // empty: the stream flushes what it holds itself
    const net::IoResult put = sink.stream->Write(waiting);
    if (put.state == net::IoState::kError) return OnWriteError(to);
    sink.backlog.Consume(put.bytes);
    if (put.state == net::IoState::kBlocked) return;
    if (waiting.empty()) sink.blocked = false;
  }
}

// The peer is gone, but its last words, a close frame perhaps, may have come before: Settle reads them.
void Tunnel::OnWriteError(Peer to) {
  Side& sink = side(to);
  sink.broken = sink.sealed = true;
  sink.blocked = false;
  sink.backlog.Clear();
}

// Puts in what waits for a boundary of the bytes that go to `to`; they stand at one.
void Tunnel::Inject(Peer to) {
  Side& sink = side(to);
  const auto mask = [&]() -> std::optional<ws::Mask> {
    if (to == kClient) return std::nullopt;
    const uint64_t random = environment_.secrets.Next();
    ws::Mask bytes;
    std::memcpy(bytes.data(), &random, bytes.size());
    return bytes;
  };
  if (std::exchange(sink.ping_due, false) && sink.close_due == 0) {
    const ws::SmallFrame ping = sink.keepalive.MakePing(base::SteadyNow(), mask());
    Send(to, ping.bytes());
    environment_.stats.Add(to == kClient ? stats::Metric::kPingsToClient : stats::Metric::kPingsToBackend);
  }
  if (const uint16_t code = std::exchange(sink.close_due, uint16_t{0}); code != 0) {
    const auto text = violation_ != ws::Violation::kNone ? ws::SpecOf(violation_).text : http::SpecOf(reason_).text;
    Send(to, ws::SmallFrame::MakeClose(code, text, mask()).bytes());
    sink.sealed = true;
  }
}

void Tunnel::Ping(Peer to) {
  Side& sink = side(to);
  if (sink.sealed) return;
  sink.ping_due = true;
  if (AtBoundaryTowards(to)) Inject(to);
}

// The last thing that `to` hears: a close frame, now or at the next boundary; where none can come any more, its stream
// just ends.
void Tunnel::CloseTowards(Peer to, uint16_t code) {
  Side& sink = side(to);
  if (sink.sealed || sink.close_due != 0) return;
  if (is_pipe()) return EndWithoutCloseFrame(to);
  sink.close_due = code;
  if (AtBoundaryTowards(to)) {
    Inject(to);
  } else if (side(Other(to)).deaf) {
    EndWithoutCloseFrame(to);
  }
}

// The frame that stands unfinished towards `to` will never be finished: no close frame can follow it, and no answer is to
// be waited for.
void Tunnel::EndWithoutCloseFrame(Peer to) {
  side(to).close_due = 0;
  side(to).sealed = true;
  side(to).deaf = true;
}

// --- Ending ---

void Tunnel::End(Reject reason) {
  if (state_ != State::kOpen) return;
  const uint16_t code = http::SpecOf(reason).close_code;
  BeginClosing(ClosedByOf(reason), reason, code);
  CloseTowards(kClient, code);
  CloseTowards(kBackend, 1001);
  Settle();
}

void Tunnel::Abort(Reject reason) {
  End(reason);
  if (state_ == State::kClosed) return;
  for (const Peer peer : {kClient, kBackend}) CloseStream(peer, net::CloseReason::kOrderly);
  Finish();
}

void Tunnel::BeginClosing(ClosedBy closed_by, Reject reason, uint16_t code) {
  state_ = State::kClosing;
  environment_.closing_tunnels.PushBack(*this);
  closed_by_ = closed_by;
  reason_ = reason;
  close_code_ = code;
  environment_.loop.Arm(timer_, settings().close_timeout);
}

// The code that answers a close frame: its own (RFC 6455 §5.5.1), where that one may be sent at all.
uint16_t Tunnel::Answer() const { return ws::MayBeSent(close_code_) ? close_code_ : 1000; }

// Brings both streams as far towards their end as what has been sent and received allows, and tells them what to
// report next.
void Tunnel::Settle() {
  if (state_ == State::kClosed) return;
  for (const Peer peer : {kClient, kBackend}) {
    if (side(peer).broken && MayReceive(peer)) Receive(peer);
  }
  if (state_ == State::kClosing) {
    for (const Peer peer : {kClient, kBackend}) {
      ForwardHeld(peer);
      Side& at = side(peer);
      if (at.closed) continue;
      if (!at.sealed && at.close_due != 0 && side(Other(peer)).deaf) EndWithoutCloseFrame(peer);
      if (at.sealed && !at.blocked && (at.deaf || is_pipe()) && !std::exchange(at.shut, true)) at.stream->ShutdownWrite();
      if (at.shut && at.ended) CloseStream(peer, net::CloseReason::kOrderly);
    }
    if (side(kClient).closed && side(kBackend).closed) return Finish();
  }
  for (const Peer peer : {kClient, kBackend}) {
    Side& at = side(peer);
    if (!at.closed) at.stream->Want({.read = MayReceive(peer), .write = at.blocked});
  }
}

void Tunnel::CloseStream(Peer peer, net::CloseReason reason) {
  Side& at = side(peer);
  if (std::exchange(at.closed, true)) return;
  at.ended = at.sealed = at.deaf = true;
  at.blocked = false;
  at.backlog.Clear();
  at.stream->Close(reason);
}

void Tunnel::Finish() {
  state_ = State::kClosed;
  timer_.Cancel();
  const Traffic total = traffic();
  const double seconds = std::chrono::duration<double>(environment_.loop.now() - record_.start).count();
  stats::WorkerStats& stats = environment_.stats;
  stats.Subtract(stats::Metric::kTunnelsOpen);
  stats.CountClose(closed_by_, close_code_);
  if (reason_ != Reject::kNone) stats.CountReject(reason_);
  stats.Observe(stats::Histogram::kTunnelDuration, environment_.loop.now() - record_.start);
  if (environment_.access_log != nullptr) {
    const http::RejectSpec& spec = http::SpecOf(reason_);
    const bool ordinary = reason_ == Reject::kNone;
    environment_.access_log->Write({.record = record_,
                                    .traffic = total,
                                    .outcome = {.closed_by = closed_by_,
                                                .close_code = close_code_,
                                                .reason = ordinary ? "" : spec.label,
                                                .flag = ordinary ? "" : spec.flag,
                                                .violation = ws::SpecOf(violation_).label,
                                                .offender = violation_ == ws::Violation::kNone ? "" : offender_ == kClient ? "client" : "backend"},
                                    .duration_ms = seconds * 1000});
  }
  Unlink();
  environment_.loop.Retire(std::unique_ptr<IoHandler>(this));
}

// --- Time ---

void Tunnel::OnTimer() {
  if (state_ == State::kClosing) {
    for (const Peer peer : {kClient, kBackend}) {
      const Side& late = side(peer);
      if (!late.closed && (!late.deaf || late.blocked)) OnCloseTimeout(peer);
    }
    for (const Peer peer : {kClient, kBackend}) {
      CloseTowards(peer, Answer());
      CloseStream(peer, side(peer).blocked ? net::CloseReason::kAbort : net::CloseReason::kOrderly);
    }
    return;
  }
  const auto now = environment_.loop.now();
  const base::Duration idle = settings().idle_timeout;
  if (now >= expiry_) return End(Reject::kMaxDuration);
  if (idle.count() > 0 && now >= last_message_ + idle) return End(Reject::kIdleTimeout);
  for (const Peer peer : {kClient, kBackend}) {
    if (state_ == State::kOpen) CheckKeepalive(peer);
    if (state_ == State::kOpen) Resume(peer);
  }
  if (state_ == State::kOpen) ArmTimer();
}

// The peer's answer to a close frame has not come, or what goes before it could not even be delivered.
void Tunnel::OnCloseTimeout(Peer peer) {
  environment_.stats.Add(peer == kClient ? stats::Metric::kCloseTimeoutsOfClient
                                         : stats::Metric::kCloseTimeoutsOfBackend);
  if (reason_ == Reject::kNone) reason_ = Reject::kCloseTimeout;
}

void Tunnel::CheckKeepalive(Peer peer) {
  const auto now = environment_.loop.now();
  switch (side(peer).keepalive.Check(now)) {
    case ws::Keepalive::Due::kNothing: return;
    case ws::Keepalive::Due::kPing: return Ping(peer);
    case ws::Keepalive::Due::kDead:
      // Its pong may wait in the kernel while the other side is slow, or its rate is spent.
      if (!MayReceive(peer)) return side(peer).keepalive.Heard(now);
      // The ping may stand behind megabytes that a slow peer is still taking.
      if (side(peer).stream->Delivering(settings().keepalive.timeout)) return side(peer).keepalive.Heard(now);
      BeginClosing(ClosedBy::kTimeout, Reject::kPongTimeout, http::SpecOf(Reject::kPongTimeout).close_code);
      CloseTowards(peer, close_code_);
      CloseStream(peer, net::CloseReason::kOrderly);
      CloseTowards(Other(peer), peer == kClient ? 1001 : 1011);
      return;
  }
}

// One timer for all deadlines of an open tunnel. Traffic moves the deadlines and leaves the timer alone: it fires,
// finds nothing due, and sleeps on.
void Tunnel::ArmTimer() {
  const auto now = environment_.loop.now();
  auto next = expiry_;
  if (settings().idle_timeout.count() > 0) next = std::min(next, last_message_ + settings().idle_timeout);
  for (const Peer peer : {kClient, kBackend}) {
    if (const Pace* pace = PaceOf(peer); pace != nullptr && pace->paused()) next = std::min(next, pace->resume_at);
    const Side& at = sides_[peer];
    // A ping that waits for its boundary is in no hurry: its clock starts when it is sent.
    if (at.ping_due || at.sealed) continue;
    next = std::min(next, at.keepalive.NextDeadline());
    // A pong may come long before its deadline, and the next ping be due before it too.
    if (at.keepalive.waiting()) next = std::min(next, now + settings().keepalive.interval);
  }
  if (next != base::TimePoint::max()) {
    environment_.loop.Arm(timer_, std::max(base::Duration(0), std::chrono::ceil<base::Duration>(next - now)));
  }
}

// --- Seeing it ---

Traffic Tunnel::traffic() const {
  const Side& client = sides_[kClient];
  const Side& backend = sides_[kBackend];
  Traffic total{.messages_in = client.scanner.messages(),
                .messages_out = backend.scanner.messages(),
                .bytes_in = client.bytes,
                .bytes_out = backend.bytes,
                .pings_sent = client.keepalive.pings_sent() + backend.keepalive.pings_sent()};
  const ws::RoundTrips trips = client.keepalive.round_trips();
  total.rtt_count = trips.count;
  if (trips.count > 0) {
    total.rtt_min_ms = trips.min_us / 1000.0;
    total.rtt_average_ms = static_cast<double>(trips.sum_us) / trips.count / 1000.0;
    total.rtt_max_ms = trips.max_us / 1000.0;
  }
  return total;
}

std::string_view Tunnel::state_name() const {
  switch (state_) {
    case State::kOpen: return "open";
    case State::kClosing: return "closing";
    case State::kClosed: return "closed";
  }
  return "";
}

base::Duration Tunnel::age() const { return base::Between(record_.start, environment_.loop.now()); }

}  // namespace hawser::session
