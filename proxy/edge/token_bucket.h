// A token bucket as the generic cell rate algorithm (ITU-T I.371) keeps it: one point in time instead of a
// count of tokens and the moment it was counted. The bucket is full once that point has passed. 8 bytes. The
// limits come with every call, so they may change between two. A plain value without a lock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"

namespace hawser::edge {

class TokenBucket {
 public:
  // Takes one token if there is one at `now`. The bucket starts full, holds `burst` tokens (at least one) and
  // gains `per_second` > 0 of them. A refusal costs nothing.
  bool Take(base::TimePoint now, double per_second, uint32_t burst) {
    const double interval = Interval(per_second);
    const double tolerance = Capacity(interval, std::max(burst, 1U));
    const base::TimePoint next = std::max(full_at_, now) + Nanoseconds(interval);
    if (next - now > Nanoseconds(tolerance)) return false;
    full_at_ = next;
    return true;
  }

  // How many tokens there are at `now`: 0 while there is a debt.
  uint64_t Available(base::TimePoint now, double per_second, uint64_t burst) const {
    if (Full(now)) return burst;
    const double interval = Interval(per_second);
    const auto owed = std::chrono::duration<double, std::nano>(full_at_ - now).count();
    const double tokens = (Capacity(interval, burst) - owed) / interval;
    return tokens <= 0 ? 0 : std::min(burst, static_cast<uint64_t>(tokens + kRounding));
  }

  // Takes `count` tokens whether they are there or not. The bucket then owes what is missing: refilling
  // starts below zero.
  void Spend(base::TimePoint now, double per_second, uint64_t count) {
    const double cost = std::min(Interval(per_second) * static_cast<double>(count), kLongest);
    full_at_ = std::min(std::max(full_at_, now) + Nanoseconds(cost), now + Nanoseconds(kLongest));
  }

  // When `count` tokens, at most `burst`, are there if none is taken before.
  base::TimePoint AvailableAt(double per_second, uint64_t burst, uint64_t count) const {
    HAWSER_DCHECK(count <= burst);
    const double interval = Interval(per_second);
    const double spare = Capacity(interval, burst) - interval * static_cast<double>(count);
    return std::max(full_at_, base::TimePoint()) - Nanoseconds(std::max(spare, 0.0));
  }

  // Whether the bucket is full at `now`, so that it need not be stored.
  bool Full(base::TimePoint now) const { return full_at_ <= now; }

 private:
  static constexpr double kLongest = 1e17;   // nanoseconds, three years: keeps the sums far from overflow
  static constexpr double kRounding = 1e-6;  // tokens; what rounding to nanoseconds may take from a whole one

  static double Interval(double per_second) {
    HAWSER_DCHECK(per_second > 0);
    return std::min(1e9 / per_second, kLongest);
  }

  // What filling an empty bucket takes, in nanoseconds.
  static double Capacity(double interval, uint64_t burst) {
    return std::min(interval * static_cast<double>(burst), kLongest);
  }

  static std::chrono::nanoseconds Nanoseconds(double count) {
    return std::chrono::nanoseconds(static_cast<int64_t>(count));
  }

  base::TimePoint full_at_ = base::TimePoint::min();
};

}  // namespace hawser::edge
