#include "proxy/session/handshake_queue.h"

#include <algorithm>
#include <utility>

#include "proxy/base/check.h"
#include "spdlog/spdlog.h"

namespace hawser::session {
namespace {

using std::chrono::nanoseconds;

// What a turn without other work gives at least: one step, or many clients that have left.
constexpr nanoseconds kIdleTurn{100'000};

}  // namespace

HandshakeQueue::HandshakeQueue(event::Loop& loop, stats::WorkerStats& stats, double share)
    : loop_(loop), stats_(stats), settled_(loop.now()), sheds_(1, base::Duration(10'000)) {
  SetShare(share);
}

void HandshakeQueue::SetShare(double share) {
  HAWSER_DCHECK(share > 0 && share < 1);
  earned_ = share / (1 - share);
}

bool HandshakeQueue::Ask(Waiter& waiter, edge::Standing standing, bool answered) {
  if (waiter.linked()) {
    if (std::exchange(waiter.parked_, true)) return true;
    ++parked_;
    stats_.Add(stats::Metric::kTlsHandshakesParked);
    return true;
  }
  const bool bad = standing == edge::Standing::kBad;
  waiter.standing_ = standing;
  waiter.since_ = loop_.now();
  lists_[(bad ? 2U : 0U) + (answered ? 0U : 1U)].PushBack(waiter);
  loop_.Later(*this, 0);
  return false;
}

void HandshakeQueue::Shed(const Waiter& waiter) {
  if (!waiter.linked()) return;
  const bool bad = waiter.standing_ == edge::Standing::kBad;
  stats_.Add(bad ? stats::Metric::kTlsHandshakesShedBad : stats::Metric::kTlsHandshakesShedGood);
  if (const auto suppressed = sheds_.Pass(loop_.now())) {
    spdlog::warn("TLS handshakes that waited for their turn: {} given up, {} wait", *suppressed + 1,
                 parked_ - (waiter.parked_ ? 1 : 0));
  }
}

bool HandshakeQueue::Leave(Waiter& waiter) {
  if (!waiter.linked()) return false;
  Take(waiter);
  return waiter.overdue_;
}

void HandshakeQueue::Take(Waiter& waiter) {
  waiter.Unlink();
  waiter.overdue_ = Overdue(waiter);
  if (!std::exchange(waiter.parked_, false)) return;
  --parked_;
  stats_.Subtract(stats::Metric::kTlsHandshakesParked);
}

void HandshakeQueue::OnReady(event::Ready) {
  base::TimePoint now = loop_.ReadClock();
  Earn(now);
  if (!loop_.busy()) left_ = std::max(left_, kIdleTurn);
  Waiter* next = Next();
  for (; next != nullptr && left_ > nanoseconds(0); next = Next()) {
    Take(*next);
    next->owner_.OnReady({.readable = true, .tag = next->tag_});
    const base::TimePoint after = loop_.ReadClock();
    left_ -= after - now;
    now = after;
  }
  settled_ = now;
  if (next != nullptr) loop_.Later(*this, 0);
}

// The turns before this one, and the time between them, only pay what is owed.
void HandshakeQueue::Earn(base::TimePoint now) {
  const auto earned = [this](nanoseconds time) {
    return std::chrono::duration_cast<nanoseconds>(time * earned_);
  };
  left_ = std::min(left_ + earned(loop_.now() - settled_), nanoseconds(0));
  left_ += earned(now - loop_.now());
}

HandshakeQueue::Waiter* HandshakeQueue::Next() {
  for (auto& list : lists_) {
    if (Waiter* const oldest = list.front()) return Overdue(*oldest) ? list.back() : oldest;
  }
  return nullptr;
}

}  // namespace hawser::session
