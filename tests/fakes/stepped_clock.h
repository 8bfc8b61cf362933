// A clock that moves only when it is stepped, for loops under test.
//
//   SteppedClock clock;
//   auto loop = event::Loop::Create(clock.reader()).value();
//   loop->Arm(timer, 10s);
//   clock.Advance(10s + 1ms);   // a timer is up to one tick late
//   loop->RunOnce(0ms);         // fires
#pragma once

#include "proxy/base/clock.h"

namespace hawser::fakes {

class SteppedClock {
 public:
  SteppedClock() = default;
  SteppedClock(const SteppedClock&) = delete;
  SteppedClock& operator=(const SteppedClock&) = delete;

  // Reads this clock, which must outlive the reader.
  base::Clock reader() const {
    return [this] { return now_ += each_read_; };
  }
  base::TimePoint now() const { return now_; }
  void Advance(base::Duration by) { now_ += by; }
  // From now on so much time passes with each read: for code that measures its own work.
  void AdvanceWithEachRead(base::TimePoint::duration by) { each_read_ = by; }

 private:
  mutable base::TimePoint now_ = base::SteadyNow();
  base::TimePoint::duration each_read_{0};
};

}  // namespace hawser::fakes
