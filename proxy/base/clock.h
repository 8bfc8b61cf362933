// The two kinds of time: a TimePoint orders events inside the process (steady, 8 bytes), a Duration is a config
// value or a distance between TimePoints. Wall-clock time is read only where a log line or a cookie needs it.
#pragma once

#include <chrono>

namespace hawser::base {

using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::milliseconds;

inline TimePoint SteadyNow() {
  return std::chrono::steady_clock::now();
}

// Whole milliseconds between two points, rounded down.
inline Duration Between(TimePoint from, TimePoint to) {
  return std::chrono::duration_cast<Duration>(to - from);
}

}  // namespace hawser::base
