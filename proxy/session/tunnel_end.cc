#include "proxy/session/tunnel.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <utility>

#include "proxy/cluster/connector.h"

namespace hawser::session {
namespace {

using http::Reject;

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

// Until `deadline`, rounded up by a 64th at the most: the deadlines of many tunnels fall together, and one turn of the loop
// meets them all.
base::Duration AlignedWait(base::TimePoint now, base::TimePoint deadline) {
  constexpr base::Duration kMost{256};
  const auto wait = std::max(base::Duration(0), std::chrono::ceil<base::Duration>(deadline - now));
  const auto step =
      static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(std::min(wait / 64, kMost).count())));
  if (step < 2) return wait;
  const int64_t due = std::chrono::ceil<base::Duration>(deadline.time_since_epoch()).count();
  return wait + base::Duration((step - due % step) % step);
}

}  // namespace

// --- Ended by a peer ---

void Tunnel::OnViolation(Peer from, ws::Violation violation) {
  if (state_ == State::kOpen) violation_ = violation;
  OnBrokenRule(from, RejectOf(violation));
}

void Tunnel::OnBrokenRule(Peer from, Reject reason) {
  side(from).deaf = true;
  const uint16_t code = http::SpecOf(reason).close_code;
  if (state_ == State::kOpen) {
    offender_ = from;
    services_.stats.Add(from == kClient ? stats::Metric::kViolationsByClient
                                        : stats::Metric::kViolationsByBackend);
    BeginClosing(ClosedBy::kPolicy, reason, code);
  }
  CloseTowards(from, code);
  CloseTowards(Other(from), from == kClient ? 1001 : 1011);
}

// What the other peer is told when `lost` is; 0: nothing.
uint16_t Tunnel::CodeOfLoss(Peer lost) const {
  return lost == kClient ? 1001 : settings().backend_lost_code.code;
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
    code = CodeOfLoss(from);
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
    BeginClosing(from == kClient ? ClosedBy::kClient : ClosedBy::kBackend, broken ? lost : Reject::kNone,
                 1006);
  }
  side(Other(from)).sealed = true;
  if (!broken) return;
  side(Other(from)).deaf = true;
  CloseStream(from, net::CloseReason::kAbort);
}

// --- Ending ---

void Tunnel::End(Reject reason) {
  if (state_ != State::kOpen) return;
  const uint16_t code = http::SpecOf(reason).close_code;
  BeginClosing(http::SpecOf(reason).closed_by, reason, code);
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
  services_.sessions.OnClosing(*this);
  closed_by_ = closed_by;
  reason_ = reason;
  close_code_ = code;
  expiry_ = services_.loop.now() + settings().close_timeout;
  services_.loop.Arm(timer_, settings().close_timeout);
}

// The code that answers a close frame: its own (RFC 6455 §5.5.1), where that one may be sent at all.
uint16_t Tunnel::Answer() const {
  return ws::MayBeSent(close_code_) ? close_code_ : 1000;
}

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
      if (!at.sealed || at.blocked || !(at.deaf || is_pipe())) continue;
      at.ended ? CloseStream(peer, net::CloseReason::kOrderly) : ShutStream(peer);
    }
    if (side(kClient).closed && side(kBackend).closed) return Finish();
  }
  for (const Peer peer : {kClient, kBackend}) {
    Side& at = side(peer);
    if (!at.closed) at.stream->Want({.read = MayReceive(peer), .write = at.blocked});
  }
}

// Behind two close frames the server ends the connection first (RFC 6455 §7.1.1), so that its port is the one that rests
// in TIME_WAIT: towards the backend that is not hawser.
void Tunnel::ShutStream(Peer peer) {
  Side& at = side(peer);
  if (std::exchange(at.shut, true)) return;
  if (!ServerEndsFirst(peer)) return at.stream->ShutdownWrite();
  const base::Duration turn = settings().backend_fin_timeout;
  services_.loop.Arm(timer_, std::min(turn, base::Between(services_.loop.now(), expiry_)));
}

void Tunnel::CloseStream(Peer peer, net::CloseReason reason) {
  Side& at = side(peer);
  if (std::exchange(at.closed, true)) return;
  at.ended = at.sealed = at.deaf = true;
  at.blocked = false;
  at.backlog.Clear();
  at.stream->Close(reason);
  if (peer == kClient) leases_ = {};
}

void Tunnel::Finish() {
  state_ = State::kClosed;
  timer_.Cancel();
  const Traffic total = traffic();
  const double seconds = std::chrono::duration<double>(services_.loop.now() - record_.start).count();
  stats::WorkerStats& stats = services_.stats;
  stats.Subtract(stats::Metric::kTunnelsOpen);
  stats.CountClose(closed_by_, close_code_);
  if (reason_ != Reject::kNone) stats.CountReject(reason_);
  stats.Observe(stats::Histogram::kTunnelDuration, services_.loop.now() - record_.start);
  if (services_.access_log != nullptr) {
    const http::RejectSpec& spec = http::SpecOf(reason_);
    const bool ordinary = reason_ == Reject::kNone;
    services_.access_log->Write({.record = record_,
                                 .traffic = total,
                                 .outcome = {.closed_by = closed_by_,
                                             .close_code = close_code_,
                                             .reason = ordinary ? "" : spec.label,
                                             .flag = ordinary ? "" : spec.flag,
                                             .violation = ws::SpecOf(violation_).label,
                                             .offender = violation_ == ws::Violation::kNone ? ""
                                                         : offender_ == kClient             ? "client"
                                                                                            : "backend"},
                                 .duration_ms = seconds * 1000});
  }
  Unlink();
  services_.loop.Retire(std::unique_ptr<IoHandler>(this));
}

// --- Time ---

void Tunnel::OnTimer() {
  const auto now = services_.loop.now();
  if (state_ == State::kClosing && now < expiry_) {
    Side& backend = side(kBackend);
    if (backend.shut && !backend.closed) {
      if (ServerEndsFirst(kBackend)) services_.stats.Add(stats::Metric::kBackendFinTimeouts);
      backend.stream->ShutdownWrite();
    }
    return services_.loop.Arm(timer_, base::Between(now, expiry_));
  }
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
  const base::Duration idle = settings().idle_timeout;
  if (now >= expiry_) return End(Reject::kMaxDuration);
  if (idle.count() > 0 && now >= last_message_ + idle) return End(Reject::kIdleTimeout);
  CheckBackendHost();
  // Where one side is due, the other's ping goes along: one awakening for both.
  base::Duration early{0};
  for (const Side& at : sides_) {
    if (at.keepalive.Check(now) == ws::Keepalive::Due::kPing) early = at.keepalive.most_early();
  }
  for (const Peer peer : {kClient, kBackend}) {
    if (state_ == State::kOpen) CheckKeepalive(peer, early);
    if (state_ == State::kOpen) Resume(peer);
  }
  if (state_ == State::kOpen) ArmTimer();
}

// The peer's answer to a close frame has not come, or what goes before it could not even be delivered.
void Tunnel::OnCloseTimeout(Peer peer) {
  services_.stats.Add(peer == kClient ? stats::Metric::kCloseTimeoutsOfClient
                                      : stats::Metric::kCloseTimeoutsOfBackend);
  if (reason_ == Reject::kNone) reason_ = Reject::kCloseTimeout;
}

void Tunnel::CheckKeepalive(Peer peer, base::Duration early) {
  const auto now = services_.loop.now();
  switch (side(peer).keepalive.Check(now, early)) {
    case ws::Keepalive::Due::kNothing: return;
    case ws::Keepalive::Due::kPing: return Ping(peer);
    case ws::Keepalive::Due::kDead:
      // Its pong may wait in the kernel while the other side is slow, or its rate is spent.
      if (!MayReceive(peer)) return side(peer).keepalive.Heard(now);
      // Or it has come, and this turn's events did not reach as far.
      Receive(peer);
      if (state_ != State::kOpen || side(peer).keepalive.Check(now) != ws::Keepalive::Due::kDead) return;
      // The ping may stand behind megabytes that a slow peer is still taking.
      if (side(peer).stream->Delivering(settings().keepalive.timeout)) return side(peer).keepalive.Heard(now);
      BeginClosing(ClosedBy::kTimeout, Reject::kPongTimeout, CodeOfLoss(peer) != 0 ? CodeOfLoss(peer) : 1006);
      CloseTowards(peer, http::SpecOf(Reject::kPongTimeout).close_code);
      CloseStream(peer, net::CloseReason::kOrderly);
      CloseTowards(Other(peer), CodeOfLoss(peer));
      return;
  }
}

// 0: nobody looks.
base::Duration Tunnel::LongestSilence() const {
  for (const route::WeightedTarget& target : record_.route->clusters) {
    const config::Cluster& cluster = snapshot_->config->clusters[target.cluster];
    if (cluster.name != record_.endpoint->cluster()) continue;
    if (record_.endpoint->address().unix_socket()) break;
    return cluster::LongestSilence(cluster.tcp_keepalive);
  }
  return base::Duration(0);
}

bool Tunnel::MayBeUnderWay() const {
  return sides_[kClient].arrived != static_cast<uint32_t>(sides_[kClient].bytes);
}

// A backend whose host answers nothing any more is as one to which a write failed. The kernel is asked only while the client
// has sent something since all of it had arrived: a quiet tunnel costs no call.
void Tunnel::CheckBackendHost() {
  const Side& backend = side(kBackend);
  const base::Duration longest = LongestSilence();
  if (!MayBeUnderWay() || longest.count() == 0 || backend.sealed) return;
  const std::optional<base::Duration> silence = backend.stream->HostSilence();
  if (silence && *silence >= longest) return OnWriteError(kBackend);
  Side& client = side(kClient);
  if (!silence && !backend.blocked && client.carry.empty())
    client.arrived = static_cast<uint32_t>(client.bytes);
}

// One timer for all deadlines of an open tunnel. Traffic moves the deadlines and leaves the timer alone: it fires,
// finds nothing due, and sleeps on.
void Tunnel::ArmTimer() {
  const auto now = services_.loop.now();
  auto next = expiry_;
  if (settings().idle_timeout.count() > 0) next = std::min(next, last_message_ + settings().idle_timeout);
  if (const base::Duration longest = LongestSilence(); longest.count() > 0)
    next = std::min(next, now + (MayBeUnderWay() ? longest / 4 : longest));
  for (const Peer peer : {kClient, kBackend}) {
    if (const Pace* pace = PaceOf(peer); pace != nullptr && pace->paused())
      next = std::min(next, pace->resume_at);
    const Side& at = sides_[peer];
    // A ping that waits for its boundary is in no hurry: its clock starts when it is sent.
    if (at.ping_due || at.sealed) continue;
    next = std::min(next, at.keepalive.NextDeadline());
    // A pong may come long before its deadline, and the next ping be due before it too.
    if (at.keepalive.waiting()) next = std::min(next, now + settings().keepalive.interval);
  }
  if (next != base::TimePoint::max()) {
    services_.loop.Arm(timer_, AlignedWait(now, next));
  }
}

}  // namespace hawser::session
