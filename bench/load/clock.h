// Steady time as nanoseconds in one integer, for histograms, schedules and deadlines of the load generator.
#pragma once

#include <cstdint>
#include <ctime>

namespace hawser::bench {

using Nanos = int64_t;

inline constexpr Nanos kSecond = 1'000'000'000;
inline constexpr Nanos kNever = INT64_MAX;

inline Nanos Now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * kSecond + time.tv_nsec;
}

inline Nanos FromSeconds(double seconds) {
  return static_cast<Nanos>(seconds * 1e9);
}
inline double ToSeconds(Nanos time) {
  return static_cast<double>(time) / 1e9;
}

}  // namespace hawser::bench
