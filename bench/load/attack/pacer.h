// Spreads events evenly over time, so many a second. What was missed for longer than a tenth of a second is
// not made up for: an attacker that got no CPU does not attack in bursts.
#pragma once

#include <algorithm>

#include "bench/load/clock.h"

namespace hawser::bench::attack {

class Pacer {
 public:
  // `rate` is a second; 0: never.
  explicit Pacer(double rate)
      : gap_(rate > 0 ? std::max<Nanos>(1, FromSeconds(1 / rate)) : 0), due_(rate > 0 ? Now() : kNever) {}

  Nanos due() const { return due_; }
  // Whether an event is due; if so, the next one is due a gap later.
  bool Take(Nanos now) {
    if (due_ > now) return false;
    due_ = std::max(due_, now - kSecond / 10) + gap_;
    return true;
  }

 private:
  const Nanos gap_;
  Nanos due_;
};

}  // namespace hawser::bench::attack
