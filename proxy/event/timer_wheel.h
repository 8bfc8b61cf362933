// A hierarchical timer wheel (Varghese, Lauck 1987): Arm and Cancel are O(1) and allocate nothing, a tick
// costs what expires in it. Resolution is one millisecond; a timer never fires early, and at most one tick
// late. One wheel per loop, used on the loop's thread.
#pragma once

#include <array>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/event/io_handler.h"

namespace hawser::event {

// Owned by whoever waits; disarmed by its destructor. Fires once: handler.OnReady({.timer = true, .tag =
// tag}).
class Timer : public base::ListLink {
 public:
  explicit Timer(IoHandler& handler, uint8_t tag = 0) : handler_(&handler), due_(0), tag_(tag) {
    HAWSER_DCHECK(tag <= Ready::kMostTag);
  }

  bool armed() const { return linked(); }
  void Cancel() { Unlink(); }

 private:
  friend class TimerWheel;
  IoHandler* handler_;
  uint64_t due_ : 56;  // the tick it fires at; meaningless while not armed
  uint64_t tag_ : 8;
};

class TimerWheel {
 public:
  explicit TimerWheel(base::TimePoint start) : start_(start) {}

  // (Re)arms `timer` to fire `after` from `now`; 0 fires at the next Expire.
  void Arm(Timer& timer, base::TimePoint now, base::Duration after);

  // Whether a handler may still be called.
  using Alive = absl::FunctionRef<bool(const IoHandler&)>;

  // Whether there is time for more timers; asked before every kAtOnce of them.
  using Time = absl::FunctionRef<bool()>;
  static constexpr int kAtOnce = 8;

  // Fires the timers that are due at `now` and whose handlers are alive then, in their order, as long as
  // there is time. The rest stays due. Handlers may arm and cancel any timer.
  void Expire(
      base::TimePoint now, Alive alive = [](const IoHandler&) { return true; },
      Time time = [] { return true; });

  // Milliseconds from `now` until Expire has something to do, rounded up; -1 when no timer is armed. May be
  // early (a timer far away is first moved closer), never late.
  int MillisToNext(base::TimePoint now) const;

 private:
  static constexpr int kBits = 6;
  static constexpr int kSlots = 1 << kBits;
  // 2^36 ms, two years. Later deadlines wait in the last slot and move again.
  static constexpr int kLevels = 6;

  struct Level {
    std::array<base::IntrusiveList<Timer>, kSlots> slots;
    mutable uint64_t occupied = 0;  // a clear bit means an empty slot; a set one may be stale after Cancel
  };

  uint64_t Tick(base::TimePoint at) const;
  uint64_t NextTick() const;
  void Insert(Timer& timer);
  void Cascade();
  // Fires the current slot. False: for lack of time not all of it.
  bool Fire(int& fired, Alive alive, Time time);

  base::TimePoint start_;
  uint64_t current_ = 0;  // every timer with due_ <= current_ has fired or waits in its slot of level 0
  std::array<Level, kLevels> levels_;
};

}  // namespace hawser::event
