#include "proxy/session/drains.h"

#include <algorithm>
#include <deque>
#include <iterator>
#include <limits>
#include <tuple>
#include <utility>

#include "absl/container/btree_set.h"
#include "proxy/base/check.h"
#include "proxy/session/tunnel.h"

namespace hawser::session {
namespace {

constexpr base::Duration kPace{50};
// How often an order is asked whether it is over.
constexpr base::Duration kLookForOver{1000};
// In one turn, for each drain. A slot costs some nanoseconds, an end two writes.
constexpr size_t kSlotsPerTurn = 1024;
constexpr size_t kEndsPerTurn = 64;

constexpr uint8_t BitOf(DrainCause cause) {
  return static_cast<uint8_t>(1U << static_cast<unsigned>(cause));
}

// The metrics stand in the order of the causes.
constexpr stats::Metric MetricOf(size_t cause) {
  return static_cast<stats::Metric>(static_cast<size_t>(stats::Metric::kDrainingForShutdown) + cause);
}
constexpr stats::Metric MetricOf(DrainCause cause) {
  return MetricOf(static_cast<size_t>(cause));
}
static_assert(MetricOf(DrainCause::kReload) == stats::Metric::kDrainingForReload &&
              MetricOf(DrainCause::kEndpoint) == stats::Metric::kDrainingForEndpoint &&
              MetricOf(DrainCause::kUnhealthy) == stats::Metric::kDrainingForUnhealthy &&
              MetricOf(DrainCause::kAdmin) == stats::Metric::kDrainingForAdmin &&
              MetricOf(DrainCause::kRebalance) == stats::Metric::kDrainingForRebalance &&
              MetricOf(DrainCause::kHandOver) == stats::Metric::kDrainingForHandOver);

bool Concerns(const DrainOrder& order, const Tunnel& tunnel) {
  return order.which == nullptr || order.which(tunnel);
}

base::TimePoint KeyOf(const DrainOrder& order, const Tunnel& tunnel) {
  return order.first == DrainOrder::First::kOldest ? tunnel.record().start : tunnel.last_message();
}

}  // namespace

struct Drains::Drain {
  // A tunnel that waits for its turn.
  struct Queued {
    base::TimePoint since;  // its start or its last message
    base::TunnelId id;
    bool operator<(const Queued& other) const {
      return std::tie(since, id.slot, id.generation) <
             std::tie(other.since, other.id.slot, other.id.generation);
    }
  };

  DrainOrder order;
  base::TimePoint begun;
  uint32_t walked = 0;  // the slots before it have been looked at
  bool walking = true;
  size_t found = 0;
  size_t taken = 0;  // of those that have been queued: whose turn has come
  absl::btree_set<Queued> queue;
  std::deque<base::TunnelId> ending;  // whose close handshake has begun
  size_t left = 0;                    // as the tally has it
  bool walk_told = false;             // likewise
  bool done() const { return !walking && queue.empty() && ending.empty(); }
  size_t most() const { return order.most.value_or(std::numeric_limits<size_t>::max()); }
};

Drains::Drains(event::Loop& loop, stats::WorkerStats& stats, TunnelSlots& slots)
    : loop_(loop), stats_(stats), slots_(slots), timer_(*this, kTimerTag) {}

Drains::~Drains() {
  loop_.CancelSoon(*this, kMoreTag);
}

void Drains::Begin(DrainOrder order) {
  drains_.push_back({.order = std::move(order), .begun = loop_.now()});
  Step();
}

void Drains::OnOpened(uint32_t slot) {
  bool queued = false;
  for (Drain& drain : drains_) queued |= !drain.order.most && Enqueue(drain, slot);
  // Not moved to later: tunnels may open without a pause.
  const bool soon = timer_.armed() && wakes_at_ <= loop_.now() + kPace;
  if (queued && !soon) WakeIn(kPace);
}

void Drains::WakeIn(base::Duration time) {
  wakes_at_ = loop_.now() + time;
  loop_.Arm(timer_, time);
}

void Drains::OnGone(uint32_t slot) {
  const uint8_t causes = slots_.At(slot).causes;
  if (causes == 0) return;
  for (size_t cause = 0; cause < static_cast<size_t>(DrainCause::kCount); ++cause) {
    if ((causes & BitOf(static_cast<DrainCause>(cause))) != 0) stats_.Subtract(MetricOf(cause));
  }
}

void Drains::OnReady(event::Ready) {
  Step();
}

bool Drains::IsLate(const Drain& drain) const {
  return base::Between(drain.begun, loop_.now()) >= drain.order.deadline;
}

void Drains::Step() {
  bool more = false;
  bool waits = false;                           // for the next turn of a tunnel, or for its end
  base::Duration next = base::Duration::max();  // deadline
  for (auto drain = drains_.begin(); drain != drains_.end();) {
    const bool late = IsLate(*drain);
    more |= Walk(*drain) || TakeTurns(*drain) || (late && CutRest(*drain));
    ForgetEnded(*drain);
    const bool done = drain->done();
    const bool over = drain->order.most || (drain->order.over ? drain->order.over() : late);
    waits |= !done;
    if (!late && drain->order.deadline < base::Duration::max())
      next = std::min(next, drain->order.deadline - base::Between(drain->begun, loop_.now()));
    if (drain->order.over) next = std::min(next, kLookForOver);
    drain = done && over ? drains_.erase(drain) : std::next(drain);
  }
  if (drains_.empty()) return timer_.Cancel();
  if (more) return loop_.Soon(*this, {.tag = kMoreTag});
  if (waits) next = kPace;
  if (next < base::Duration::max()) WakeIn(next);
}

// Each of these: true where there is more to do in the next turn.

bool Drains::Walk(Drain& drain) {
  for (size_t i = 0; drain.walking && i < kSlotsPerTurn; ++i) {
    drain.walking = drain.walked < slots_.size();
    if (drain.walking) Enqueue(drain, drain.walked++);
  }
  return drain.walking;
}

bool Drains::Enqueue(Drain& drain, uint32_t slot) {
  TunnelSlots::Slot& at = slots_.At(slot);
  const uint8_t bit = BitOf(drain.order.cause);
  if (at.tunnel == nullptr || (at.causes & bit) != 0) return false;
  if (drain.order.most && at.causes != 0) return false;
  if (!at.tunnel->open() || !Concerns(drain.order, *at.tunnel)) return false;
  ++drain.found;
  const Drain::Queued next{.since = KeyOf(drain.order, *at.tunnel), .id = slots_.IdOf(slot)};
  if (drain.queue.size() >= drain.most()) {
    if (drain.queue.empty() || !(next < *drain.queue.rbegin())) return false;
    DropLast(drain);
  }
  at.causes |= bit;
  stats_.Add(MetricOf(drain.order.cause));
  drain.queue.insert(next);
  return true;
}

void Drains::DropLast(Drain& drain) {
  const auto last = std::prev(drain.queue.end());
  const base::TunnelId id = last->id;
  drain.queue.erase(last);
  if (slots_.Find(id) != nullptr) Spare(drain, id.slot);
}

void Drains::Spare(const Drain& drain, uint32_t slot) {
  slots_.At(slot).causes &= static_cast<uint8_t>(~BitOf(drain.order.cause));
  stats_.Subtract(MetricOf(drain.order.cause));
}

void Drains::ForgetEnded(Drain& drain) {
  const auto has_gone = [this](const base::TunnelId& id) { return slots_.Find(id) == nullptr; };
  while (!drain.ending.empty() && has_gone(drain.ending.front())) drain.ending.pop_front();
  if (drain.order.tally == nullptr) return;
  std::erase_if(drain.ending, has_gone);  // as few as the order asks for
  Tell(drain, *drain.order.tally);
}

// Whoever finds the walk counted finds what is left of it too.
void Drains::Tell(Drain& drain, DrainTally& tally) {
  const size_t left = drain.queue.size() + drain.ending.size();
  tally.left.Set(tally.left.Get() + left - std::exchange(drain.left, left));
  if (drain.walking || std::exchange(drain.walk_told, true)) return;
  tally.found.Set(drain.found);
  tally.walks.Add(1);
}

// As many as fit the elapsed part of the window.
bool Drains::TakeTurns(Drain& drain) {
  const double elapsed = static_cast<double>(base::Between(drain.begun, loop_.now()).count());
  const double window = static_cast<double>(drain.order.window.count());
  const double part = window == 0 || IsLate(drain) ? 1.0 : std::min(1.0, elapsed / window);
  const auto due = static_cast<size_t>(part * static_cast<double>(std::min(drain.found, drain.most())));
  for (size_t i = 0; drain.taken < due; ++i) {
    if (i == kEndsPerTurn) return true;
    HAWSER_DCHECK(!drain.queue.empty());
    const base::TunnelId id = drain.queue.begin()->id;
    drain.queue.erase(drain.queue.begin());
    ++drain.taken;
    Tunnel* const tunnel = slots_.Find(id);
    if (tunnel == nullptr) continue;
    if (!Concerns(drain.order, *tunnel)) {
      Spare(drain, id.slot);
      continue;
    }
    if (drain.order.tally != nullptr) drain.order.tally->ended.Add(1);
    tunnel->End(drain.order.reason, drain.order.code);
    if (slots_.Find(id) != nullptr) drain.ending.push_back(id);
  }
  return false;
}

// Behind the deadline.
bool Drains::CutRest(Drain& drain) {
  for (size_t i = 0; !drain.ending.empty(); ++i) {
    if (i == kEndsPerTurn) return true;
    Tunnel* const tunnel = slots_.Find(drain.ending.front());
    drain.ending.pop_front();
    if (tunnel != nullptr) tunnel->Abort(drain.order.reason, drain.order.code);
  }
  return false;
}

}  // namespace hawser::session
