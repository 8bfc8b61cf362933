#include "proxy/event/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace hawser::event {
namespace {

// Half a million years: what Timer::due_ holds, with room to spare.
constexpr int64_t kLongestTicks = int64_t{1} << 54;

}  // namespace

uint64_t TimerWheel::Tick(base::TimePoint at) const {
  return at <= start_ ? 0 : static_cast<uint64_t>(base::Between(start_, at).count());
}

void TimerWheel::Arm(Timer& timer, base::TimePoint now, base::Duration after) {
  // One tick more than the truncated sum, so that a timer never fires early.
  const auto ticks = static_cast<uint64_t>(std::clamp<int64_t>(after.count(), 0, kLongestTicks));
  timer.due_ = Tick(now) + ticks + (ticks > 0 ? 1 : 0);
  timer.Unlink();
  Insert(timer);
}

// A timer stands on the level of the highest digit (base 64) in which its due tick differs from the current
// one.
void TimerWheel::Insert(Timer& timer) {
  if (timer.due_ <= current_) return levels_[0].slots[current_ & (kSlots - 1)].PushBack(timer);  // see Expire
  const uint64_t farthest = current_ + (uint64_t{1} << (kBits * kLevels)) - 1;
  const uint64_t at = std::min<uint64_t>(timer.due_, farthest);
  int level = (63 - std::countl_zero(at ^ current_)) / kBits;
  level = std::min(level, kLevels - 1);
  const auto slot = (at >> (level * kBits)) & (kSlots - 1);
  HAWSER_DCHECK(level > 0 || slot != (current_ & (kSlots - 1)));  // the current slot of level 0 has fired
  levels_[static_cast<size_t>(level)].slots[slot].PushBack(timer);
  levels_[static_cast<size_t>(level)].occupied |= uint64_t{1} << slot;
}

// At each carry into a higher digit, the timers of that digit's slot move down.
void TimerWheel::Cascade() {
  for (int level = 1; level < kLevels; ++level) {
    const auto slot = (current_ >> (level * kBits)) & (kSlots - 1);
    Level& from = levels_[static_cast<size_t>(level)];
    base::IntrusiveList<Timer> moving;
    moving.Splice(from.slots[slot]);
    from.occupied &= ~(uint64_t{1} << slot);
    while (Timer* timer = moving.front()) {
      timer->Unlink();
      Insert(*timer);  // one that is due now goes into the slot of level 0 that is about to fire
    }
    if (slot != 0) break;
  }
}

bool TimerWheel::Fire(int& fired, Alive alive, Time time) {
  base::IntrusiveList<Timer>& slot = levels_[0].slots[current_ & (kSlots - 1)];
  base::IntrusiveList<Timer> due;
  due.Splice(slot);
  while (Timer* timer = due.front()) {
    if (fired++ % kAtOnce == 0 && !time()) {
      due.Splice(slot);  // what has been armed meanwhile comes behind them
      slot.Splice(due);
      return false;
    }
    timer->Unlink();
    HAWSER_DCHECK(timer->due_ <= current_);  // never early
    if (!alive(*timer->handler_)) continue;
    timer->handler_->OnReady({.timer = true, .tag = static_cast<uint8_t>(timer->tag_)});
  }
  return true;
}

// The next tick at which there is something to do: the start of the first slot ahead that holds a timer. A
// lower level's slots all lie before the next one of a higher level.
uint64_t TimerWheel::NextTick() const {
  const auto first_of = [](const Level& level, uint64_t among) {  // kSlots: none
    for (uint64_t set = level.occupied & among; set != 0; set &= set - 1) {
      const auto slot = static_cast<size_t>(std::countr_zero(set));
      if (!level.slots[slot].empty()) return slot;
      level.occupied &= ~(uint64_t{1} << slot);
    }
    return size_t{kSlots};
  };
  for (int level = 0; level < kLevels; ++level) {
    const Level& at = levels_[static_cast<size_t>(level)];
    const int shift = level * kBits;
    const uint64_t digit = (current_ >> shift) & (kSlots - 1);
    const uint64_t turn = (current_ >> shift) - digit;
    const uint64_t ahead = ~uint64_t{1} << digit;  // the slots that are left of this level's round
    if (const size_t slot = first_of(at, ahead); slot < kSlots) return (turn + slot) << shift;
    if (level + 1 < kLevels) continue;
    // Only the last level also holds slots of its next round.
    if (const size_t slot = first_of(at, ~ahead); slot < kSlots) return (turn + kSlots + slot) << shift;
  }
  return std::numeric_limits<uint64_t>::max();
}

void TimerWheel::Expire(base::TimePoint now, Alive alive, Time time) {
  const uint64_t target = Tick(now);
  int fired = 0;
  // The current slot has fired; what was armed since without a delay waits there, and what there was no time
  // for.
  if (!levels_[0].slots[current_ & (kSlots - 1)].empty() && !Fire(fired, alive, time)) return;
  if (target <= current_) return;
  for (uint64_t next = NextTick(); next <= target; next = NextTick()) {
    HAWSER_DCHECK(next > current_);
    current_ = next;
    if ((current_ & (kSlots - 1)) == 0) Cascade();
    levels_[0].occupied &= ~(uint64_t{1} << (current_ & (kSlots - 1)));
    if (!Fire(fired, alive, time)) return;
  }
  current_ = std::max(current_, target);
}

int TimerWheel::MillisToNext(base::TimePoint now) const {
  if (!levels_[0].slots[current_ & (kSlots - 1)].empty()) return 0;
  const uint64_t tick = NextTick();
  if (tick == std::numeric_limits<uint64_t>::max()) return -1;
  const auto wait = std::chrono::ceil<base::Duration>(start_ + base::Duration(tick) - now).count();
  return static_cast<int>(std::clamp<int64_t>(wait, 0, 3'600'000));
}

}  // namespace hawser::event
