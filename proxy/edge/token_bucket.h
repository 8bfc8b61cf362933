// A token bucket as the generic cell rate algorithm (ITU-T I.371) keeps it: one point in time instead of a
// count of tokens and the moment it was counted. The bucket is full once that point has passed. 8 bytes; the
// limits come with every call, so they may change under a bucket. A plain value: its owner sees to threads.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "proxy/base/clock.h"

namespace hawser::edge {

class TokenBucket {
 public:
  // Takes one token if there is one at `now`. The bucket starts full, holds `burst` tokens (at least one) and
  // gains `per_second` > 0 of them. A refusal costs nothing.
  bool Take(base::TimePoint now, double per_second, uint32_t burst) {
    const double interval = std::min(1e9 / per_second, kLongest);
    const double tolerance = std::min(interval * std::max(burst, 1U), kLongest);
    const base::TimePoint next = std::max(full_at_, now) + Nanoseconds(interval);
    if (next - now > Nanoseconds(tolerance)) return false;
    full_at_ = next;
    return true;
  }

  // Whether a forgotten bucket and this one are the same at `now`.
  bool Full(base::TimePoint now) const { return full_at_ <= now; }

 private:
  static constexpr double kLongest = 1e17;  // nanoseconds, three years: keeps the sums far from overflow

  static std::chrono::nanoseconds Nanoseconds(double count) {
    return std::chrono::nanoseconds(static_cast<int64_t>(count));
  }

  base::TimePoint full_at_ = base::TimePoint::min();
};

}  // namespace hawser::edge
