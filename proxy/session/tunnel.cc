#include "proxy/session/tunnel.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/event/aligned_wait.h"

namespace hawser::session {
namespace {

using http::Reject;

// When the tunnel is too old, drawn at random within the jitter; max() if it never is.
base::TimePoint ExpiryOf(const config::MaxDuration& longest, base::TimePoint now, std::mt19937_64& random) {
  if (longest.duration.count() == 0) return base::TimePoint::max();
  const double share = 1 - longest.jitter * std::uniform_real_distribution<>(0, 1)(random);
  return now + base::Duration(static_cast<int64_t>(static_cast<double>(longest.duration.count()) * share));
}

uint32_t MillisOf(base::Duration time) {
  return static_cast<uint32_t>(
      std::min<base::Duration::rep>(time.count(), std::numeric_limits<uint32_t>::max()));
}

}  // namespace

Tunnel& Tunnel::Start(WorkerServices& services, Parts parts) {
  const auto early_from_client = parts.early_from_client;
  const auto early_from_backend = parts.early_from_backend;
  Tunnel& tunnel = services.sessions.Add(std::make_unique<Tunnel>(services, std::move(parts)));
  tunnel.attachments_.OnTunnel(services.sessions.IdOf(tunnel));
  tunnel.side(Peer::kClient).Flush();
  tunnel.DirectionFrom(Peer::kBackend).Count(early_from_backend.size());
  tunnel.DirectionFrom(Peer::kClient).Count(early_from_client.size());
  if (!early_from_backend.empty()) tunnel.Forward(Peer::kBackend, early_from_backend);
  if (!early_from_client.empty()) tunnel.Forward(Peer::kClient, early_from_client);
  tunnel.Settle();
  return tunnel;
}

Tunnel::Tunnel(WorkerServices& services, Parts parts)
    : services_(services),
      record_(std::move(*parts.record)),
      leases_(std::move(parts.leases)),
      attachments_(std::move(parts.attachments)),
      timer_(*this, kTimerTag),
      last_message_(services.loop.now()),
      expiry_(ExpiryOf(settings().max_connection_duration, services.loop.now(), services.random)),
      sides_(std::move(parts.client), std::move(parts.backend)),
      paces_(Paces::AskedFor(settings()) ? std::make_unique<Paces>(settings()) : nullptr),
      content_(settings().inspection == config::Inspection::kOff ? Content::kBytes
               : parts.deflate                                   ? Content::kDeflatedFrames
                                                                 : Content::kFrames),
      unproven_(record_.endpoint->tunnel_failures() > 0),
      longest_silence_(MillisOf(parts.longest_silence)) {
  record_.route->group->Add(services_.worker, stats::PartCount::kTunnels);
  if (!is_pipe()) sides_.StartKeepalive(settings().keepalive, services_);
  for (const Peer peer : kPeers) side(peer).stream().Watch(this, static_cast<uint8_t>(peer));
  if (const size_t most = settings().socket_buffer.bytes; most > 0) {
    for (const Peer peer : kPeers) side(peer).stream().LimitUnsent(most);
  }
  side(Peer::kClient).Block();  // until Start has flushed the part of the 101 that may still be in the stream
  ArmTimer();
}

Tunnel::~Tunnel() = default;

void Tunnel::OnReady(event::Ready ready) {
  if (state_ == State::kClosed) return;
  if (ready.timer) {
    OnTimer();
  } else if (ready.tag >= kHeldTag) {
    const auto peer = static_cast<Peer>(ready.tag - kHeldTag);
    if (side(peer).holds()) Receive(peer);
  } else {
    const auto peer = static_cast<Peer>(ready.tag);
    if (ready.writable) side(peer).Flush();
    if (ready.readable) Receive(peer);
    if (ready.writable && !side(peer).blocked()) Receive(Other(peer));
  }
  Settle();
}

// --- Receiving ---

bool Tunnel::MayReceive(Peer from) const {
  const Side& source = side(from);
  if (source.ended()) return false;
  if (!source.forwards()) return true;
  const Pace* pace = PaceOf(from);
  return !side(Other(from)).blocked() && (pace == nullptr || !pace->paused());
}

void Tunnel::Receive(Peer from) {
  ForwardHeld(from);
  for (bool first = true; MayRead(from) && (first || services_.loop.left() > 0); first = false) {
    const Direction::Step step = DirectionFrom(from).Read();
    if (step.event != Direction::Event::kNone) OnStep(from, step);
    if (step.event == Direction::Event::kUndecodable) return;  // the stream still stands
    if (step.state != net::IoState::kOk) return OnReadStop(from, step.state);
    side(from).OnFilledRead(settings().socket_buffer.bytes);
  }
}

void Tunnel::Forward(Peer from, std::span<const std::byte> bytes) {
  OnStep(from, DirectionFrom(from).Forward(bytes));
}

// Forwards held bytes if they may be now: a piece of them.
void Tunnel::ForwardHeld(Peer from) {
  if (!side(from).holds() || !MayReceive(from)) return;
  const net::Remainder held = side(from).TakeHeld();
  Forward(from, held.bytes());
}

// After the ending has begun nothing is held back any more: close_timeout bounds the rest.
Pace* Tunnel::PaceOf(Peer from) const {
  return paces_ == nullptr || state_ != State::kOpen ? nullptr : &paces_->Of(from);
}

void Tunnel::Resume(Peer from) {
  Pace* const pace = PaceOf(from);
  if (pace == nullptr || !pace->paused() || services_.loop.now() < pace->resume_at) return;
  pace->resume_at = base::TimePoint::min();
  Receive(from);
}

Direction Tunnel::DirectionFrom(Peer from) {
  return {.services = services_,
          .sides = sides_,
          .settings = settings(),
          .ending = ending_,
          .last_message = last_message_,
          .pace = PaceOf(from),
          .from = from,
          .content = content_};
}

// --- What comes of it ---

void Tunnel::OnStep(Peer from, const Direction::Step& step) {
  switch (step.event) {
    case Direction::Event::kNone: return;
    case Direction::Event::kPaused: return ArmTimer();
    case Direction::Event::kHeld: {
      const auto tag = static_cast<uint8_t>(kHeldTag + static_cast<uint8_t>(from));
      return services_.loop.Soon(*this, {.readable = true, .tag = tag});
    }
    case Direction::Event::kUndecodable: return OnBrokenRule(from, step.reject);
    case Direction::Event::kViolation:
      if (state_ == State::kOpen) ending_.violation = step.violation;
      return OnBrokenRule(from, RejectOf(step.violation));
    case Direction::Event::kClose:
      if (state_ == State::kOpen) return BeginClosing(ClosedByOf(from), Reject::kNone, step.close_code);
      ending_.answered = from == Peer::kBackend;
      if (ending_.answered) TellHealth();
  }
}

void Tunnel::OnBrokenRule(Peer from, Reject reason) {
  HAWSER_DCHECK(!side(from).forwards());
  const uint16_t code = http::SpecOf(reason).close_code;
  if (state_ == State::kOpen) {
    ending_.offender = from;
    services_.stats.Add(MetricsOf(from).violations);
    BeginClosing(ClosedBy::kPolicy, reason, code);
  }
  CloseTowards(from, code);
  CloseTowards(Other(from), from == Peer::kClient ? 1001 : 1011);
}

// Nothing more can be read for now. If a write to this peer has failed, this is its end, once the carried
// bytes no longer wait.
void Tunnel::OnReadStop(Peer from, net::IoState state) {
  if (side(from).outgoing() == Side::Outgoing::kBroken) {
    if (MayRead(from)) OnEnd(from, net::IoState::kError);
  } else if (state != net::IoState::kBlocked) {
    OnEnd(from, state);
  }
}

// The close code for the other peer when `lost` has gone; 0: no close frame.
uint16_t Tunnel::CodeOfLoss(Peer lost) const {
  return lost == Peer::kClient ? 1001 : settings().backend_lost_code.code;
}

// A peer's stream has ended, in order or broken: there is no half-open WebSocket.
void Tunnel::OnEnd(Peer from, net::IoState how) {
  Side& gone = side(from);
  if (gone.ended()) return;
  // It may have sent its close frame before, and the other peer's answer may be on its way: then it still
  // reads.
  const bool listens = !gone.forwards() && how != net::IoState::kError;
  gone.End();
  if (is_pipe()) return OnPipeEnd(from, how);
  uint16_t code = ending_.AnswerCode();
  if (state_ == State::kOpen) {
    code = CodeOfLoss(from);
    ending_.reset = how == net::IoState::kError;
    BeginClosing(ClosedByOf(from), LossOf(from), 1006);
  }
  if (!listens) gone.Finish();
  if (how == net::IoState::kError) CloseStream(from, net::CloseReason::kAbort);
  CloseTowards(Other(from), code);
}

// Passes an end on, after all bytes received before it. The other direction goes on for at most
// close_timeout, unless this stream is broken.
void Tunnel::OnPipeEnd(Peer from, net::IoState how) {
  const bool broken = how == net::IoState::kError;
  if (state_ == State::kOpen) ending_.reset = broken;
  if (state_ == State::kOpen) BeginClosing(ClosedByOf(from), broken ? LossOf(from) : Reject::kNone, 1006);
  side(Other(from)).Finish();
  if (!broken) return;
  side(Other(from)).Discard();
  CloseStream(from, net::CloseReason::kAbort);
}

// --- Ending ---

void Tunnel::End(Reject reason, uint16_t code) {
  if (state_ != State::kOpen) return;
  BeginClosing(http::SpecOf(reason).closed_by, reason, code);
  CloseTowards(Peer::kClient, code);
  CloseTowards(Peer::kBackend, 1001);
  Settle();
}

void Tunnel::Abort(Reject reason, uint16_t code) {
  End(reason, code);
  if (state_ == State::kClosed) return;
  for (const Peer peer : kPeers) CloseStream(peer, net::CloseReason::kOrderly);
  Retire();
}

void Tunnel::BeginClosing(ClosedBy closed_by, Reject reason, uint16_t code) {
  HAWSER_DCHECK(state_ == State::kOpen);
  state_ = State::kClosing;
  services_.sessions.OnClosing(*this);
  ending_.closed_by = closed_by;
  ending_.reason = reason;
  ending_.close_code = code;
  expiry_ = services_.loop.now() + settings().close_timeout;
  services_.loop.Arm(timer_, settings().close_timeout);
  TellHealth();
}

// When the end is seen: until the tunnel retires the other peer has close_timeout, and may be late itself.
void Tunnel::TellHealth() {
  const auto judged = ending_.judgement(is_pipe());
  if (!judged) return;
  const base::TimePoint now = services_.loop.now();
  if (is_pipe() && now >= ProvenAt()) return;
  cluster::Endpoint& endpoint = *record_.endpoint;
  endpoint.health().OnTunnelEnd(endpoint, judged->end, record_.opened(), now, judged->why);
}

// Without inspection no frame is inserted either.
void Tunnel::CloseTowards(Peer to, uint16_t code) {
  sides_.CloseTowards(to, is_pipe() ? 0 : code, ending_.text(), services_);
}

// Ends both streams as far as the sent and received bytes allow, and sets the events to wait for.
void Tunnel::Settle() {
  if (state_ == State::kClosed) return;
  for (const Peer peer : kPeers) {
    if (side(peer).outgoing() == Side::Outgoing::kBroken && MayReceive(peer)) Receive(peer);
  }
  if (state_ == State::kClosing) {
    for (const Peer peer : kPeers) {
      ForwardHeld(peer);
      EndStream(peer);
    }
    if (side(Peer::kClient).closed() && side(Peer::kBackend).closed()) return Retire();
  }
  for (const Peer peer : kPeers) {
    Side& at = side(peer);
    if (at.closed()) continue;
    const bool blocked = at.blocked();
    at.stream().Want({.read = MayRead(peer), .write = blocked});
    if (blocked) OnBlocked(peer);
  }
}

// Ends the stream of `peer` as far as possible. After both close frames the server ends the connection first
// (RFC 6455 §7.1.1), so that its port stays in TIME_WAIT: towards the backend this is not hawser.
void Tunnel::EndStream(Peer peer) {
  Side& at = side(peer);
  if (at.closed()) return;
  if (at.due() == Side::Due::kClose && !side(Other(peer)).forwards()) sides_.EndWithoutCloseFrame(peer);
  if (!at.flushed() || (at.forwards() && !is_pipe())) return;
  if (at.ended()) return CloseStream(peer, net::CloseReason::kOrderly);
  if (at.outgoing() != Side::Outgoing::kFinished) return;
  if (!at.EndsFirst()) return at.ShutdownWrite();
  at.AwaitFin();
  const auto left = base::Between(services_.loop.now(), expiry_);
  services_.loop.Arm(timer_, std::min(settings().backend_fin_timeout, left));
}

void Tunnel::CloseStream(Peer peer, net::CloseReason reason) {
  side(peer).Close(reason);
  if (peer == Peer::kClient) leases_ = {};
}

void Tunnel::Retire() {
  state_ = State::kClosed;
  timer_.Cancel();
  const base::TimePoint now = services_.loop.now();
  stats::WorkerStats& stats = services_.stats;
  stats.Subtract(stats::Metric::kTunnelsOpen);
  record_.route->group->Subtract(services_.worker, stats::PartCount::kTunnels);
  stats.CountClose(ending_.closed_by, ending_.close_code);
  if (ending_.reason != Reject::kNone) stats.CountReject(ending_.reason);
  stats.Observe(stats::Histogram::kTunnelDuration, now - record_.start);
  if (services_.access_log != nullptr) {
    services_.access_log->Write({.record = record_,
                                 .traffic = sides_.traffic(),
                                 .outcome = ending_.outcome(),
                                 .tunnel = services_.sessions.IdOf(*this),
                                 .ended = now});
  }
  services_.sessions.OnClosed(*this);
  services_.loop.Retire(std::unique_ptr<IoHandler>(this));
}

// --- Time ---

void Tunnel::OnTimer() {
  if (state_ == State::kClosing) return OnClosingTimer();
  const auto now = services_.loop.now();
  const base::Duration idle = settings().idle_timeout;
  if (now >= expiry_) return End(Reject::kMaxDuration);
  if (idle.count() > 0 && now >= last_message_ + idle) return End(Reject::kIdleTimeout);
  if (unproven_ && now >= ProvenAt()) {
    unproven_ = false;
    cluster::Endpoint& endpoint = *record_.endpoint;
    endpoint.health().OnTunnelProven(endpoint, record_.opened());
  }
  sides_.CheckBackendHost(LongestSilence());
  // When one side's ping is due, the other side is pinged early: the tunnel wakes up once for both.
  base::Duration early{0};
  for (const Peer peer : kPeers) {
    const ws::Keepalive& keepalive = side(peer).keepalive();
    if (keepalive.Check(now) == ws::Keepalive::Due::kPing) early = keepalive.most_early();
  }
  for (const Peer peer : kPeers) {
    if (state_ == State::kOpen) CheckStall(peer);
    if (state_ == State::kOpen) CheckKeepalive(peer, early);
    if (state_ == State::kOpen) Resume(peer);
  }
  if (state_ == State::kOpen) ArmTimer();
}

// The backend was given time enough to end its direction, or both peers to end the tunnel.
void Tunnel::OnClosingTimer() {
  const auto now = services_.loop.now();
  if (now < expiry_) {
    Side& backend = side(Peer::kBackend);
    if (backend.outgoing() == Side::Outgoing::kFinGrace) {
      services_.stats.Add(stats::Metric::kBackendFinTimeouts);
      backend.ShutdownWrite();
    }
    return services_.loop.Arm(timer_, base::Between(now, expiry_));
  }
  for (const Peer peer : kPeers) {
    const Side& late = side(peer);
    if (late.closed() || (!late.forwards() && !late.blocked())) continue;
    // Its answer to a close frame has not come, or what goes before it could not even be delivered.
    services_.stats.Add(MetricsOf(peer).close_timeouts);
    if (ending_.reason == Reject::kNone) ending_.reason = Reject::kCloseTimeout;
  }
  for (const Peer peer : kPeers) {
    CloseTowards(peer, ending_.AnswerCode());
    CloseStream(peer, side(peer).blocked() ? net::CloseReason::kAbort : net::CloseReason::kOrderly);
  }
}

void Tunnel::CheckKeepalive(Peer peer, base::Duration early) {
  const auto now = services_.loop.now();
  Side& at = side(peer);
  switch (at.keepalive().Check(now, early)) {
    case ws::Keepalive::Due::kNothing: return;
    case ws::Keepalive::Due::kPing: return sides_.Ping(peer, services_);
    case ws::Keepalive::Due::kDead: break;
  }
  // Its pong may wait in the kernel while the other side is slow or this side's rate is spent.
  if (!MayReceive(peer)) return at.keepalive().Heard(now);
  // Or the pong has come, but its event was not handled in this turn.
  Receive(peer);
  if (side(peer).holds()) return at.keepalive().Heard(now);
  if (state_ != State::kOpen || at.keepalive().Check(now) != ws::Keepalive::Due::kDead) return;
  // The ping may wait behind megabytes that a slow peer is still reading.
  if (at.stream().Delivering(settings().keepalive.timeout)) return at.keepalive().Heard(now);
  // Or that it does not read at all, while its host lives: then it cannot know of the ping.
  if (at.stall().watched() && at.stream().HostSilence() == base::Duration(0))
    return at.keepalive().Heard(now);
  ending_.offender = peer;
  BeginClosing(ClosedBy::kTimeout, Reject::kPongTimeout, CodeOfLoss(peer) != 0 ? CodeOfLoss(peer) : 1006);
  CloseTowards(peer, http::SpecOf(Reject::kPongTimeout).close_code);
  CloseStream(peer, net::CloseReason::kOrderly);
  CloseTowards(Other(peer), CodeOfLoss(peer));
}

// --- A peer that takes nothing ---

// Bytes wait for this peer.
void Tunnel::OnBlocked(Peer peer) {
  Side& at = side(peer);
  side(Other(peer)).OnHeldUp();
  if (at.stall().watched() || settings().send_timeout.count() == 0 || state_ != State::kOpen) return;
  at.stall().Watch(services_.loop.now(), at.stream().TakenMark());
  ArmTimer();
}

void Tunnel::CheckStall(Peer peer) {
  Side& at = side(peer);
  if (!at.stall().watched()) return;
  if (!at.blocked()) return at.stall().End();
  const auto now = services_.loop.now();
  if (!at.stall().Check(now, at.stream().TakenMark(), settings().send_timeout)) return;
  // It may have made room, but the event was not handled in this turn.
  at.Flush();
  if (!at.blocked()) return Receive(Other(peer));
  if (at.stall().Check(now, at.stream().TakenMark(), settings().send_timeout)) EndStalled(peer);
}

// A close frame can follow what waits only if that ends between two frames; it then has close_timeout to be
// read.
void Tunnel::EndStalled(Peer peer) {
  const bool between_frames = !is_pipe() && sides_.AtBoundaryTowards(peer);
  const uint16_t code = between_frames ? http::SpecOf(Reject::kSlowConsumer).close_code : 0;
  const uint16_t lost = CodeOfLoss(peer);
  const uint16_t seen = peer == Peer::kClient ? code : lost;
  BeginClosing(ClosedBy::kTimeout, Reject::kSlowConsumer, seen != 0 ? seen : 1006);
  CloseTowards(peer, code);
  if (!between_frames) CloseStream(peer, net::CloseReason::kAbort);
  CloseTowards(Other(peer), lost);
}

// One timer for all deadlines of an open tunnel. Traffic moves the deadlines, not the timer: when it fires
// and nothing is due, it is armed again.
void Tunnel::ArmTimer() {
  HAWSER_DCHECK(state_ == State::kOpen);
  const auto now = services_.loop.now();
  auto next = expiry_;
  if (settings().idle_timeout.count() > 0) next = std::min(next, last_message_ + settings().idle_timeout);
  if (unproven_) next = std::min(next, ProvenAt());
  if (const base::Duration longest = LongestSilence(); longest.count() > 0)
    next = std::min(next, now + (side(Peer::kClient).MayBeUnderWay() ? longest / 4 : longest));
  for (const Peer peer : kPeers) {
    if (const Pace* pace = PaceOf(peer); pace != nullptr && pace->paused())
      next = std::min(next, pace->resume_at);
    const Side& at = side(peer);
    if (at.stall().watched()) next = std::min(next, at.stall().NextCheck(now, settings().send_timeout));
    // A ping that waits for a boundary has no deadline: its timeout starts when it is sent.
    if (at.due() == Side::Due::kPing || at.finished()) continue;
    next = std::min(next, at.keepalive().NextDeadline());
    // A pong may come long before its deadline, and the next ping be due before it too.
    if (at.keepalive().waiting()) next = std::min(next, now + settings().keepalive.interval);
  }
  if (next != base::TimePoint::max()) services_.loop.Arm(timer_, event::AlignedWait(now, next));
}

}  // namespace hawser::session
