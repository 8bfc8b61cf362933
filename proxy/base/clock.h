// The two kinds of time: a TimePoint orders events inside the process (steady, 8 bytes), a Duration is a
// config value or a distance between TimePoints. Wall-clock time is read only where a log line or a cookie
// needs it.
#pragma once

#include <chrono>

#include "absl/functional/any_invocable.h"

namespace hawser::base {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::milliseconds;

inline TimePoint SteadyNow() {
  return std::chrono::steady_clock::now();
}

// Where a loop reads the time: SteadyNow, or a clock that a test steps.
using Clock = absl::AnyInvocable<TimePoint() const>;

// Whole milliseconds between two points, rounded down.
inline Duration Between(TimePoint from, TimePoint to) {
  return std::chrono::duration_cast<Duration>(to - from);
}

}  // namespace hawser::base
