// Whether a bucket is large enough for its rate.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "config/checks.h"
#include "config/units.h"
#include "fmt/format.h"

namespace hawser::config {

// The least size of a bucket: with less, a client within the rate exceeds it when two messages come together.
inline uint64_t SecondsWorth(double per_second) {
  return static_cast<uint64_t>(std::max(1.0, std::ceil(per_second)));
}

inline std::string ShownNumber(uint64_t number) {
  return fmt::to_string(number);
}

inline std::string ShownSize(uint64_t bytes) {
  return FormatSize({bytes});
}

// `burst` is the limit's, and `shown` is how the file writes such a number.
template <class Limit>
void CheckBurst(const Limit& limit, uint64_t burst, std::string (*shown)(uint64_t), const Checks& checks) {
  const uint64_t worth = SecondsWorth(limit.rate.per_second);
  if (!checks.Sound(limit) || !checks.Given(limit.rate) || limit.rate.per_second <= 0 || burst >= worth)
    return;
  const std::string what = fmt::format("a burst of {} is below one second's worth of the rate", shown(burst));
  if (checks.Given(limit.burst)) {
    checks.Warn(limit.burst, what, "expected at least " + shown(worth));
  } else {
    checks.Warn(limit.rate, what + ", as none is given",
                fmt::format("expected a burst of at least {}", shown(worth)));
  }
}

}  // namespace hawser::config
