// Slow start: an endpoint that has just joined or come back gets a part of its weight, which grows over a
// window, as in Envoy: max(10 %, (elapsed / window) ^ (1 / aggression)). Since when one warms up is the
// endpoint's (Endpoint::warming_since, set by Health); how much it has is a function of the time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "config/slow_start.h"
#include "proxy/base/clock.h"
#include "proxy/cluster/endpoint.h"

namespace hawser::cluster {

struct SlowStart {
  static constexpr uint32_t kFull = 1000;
  static constexpr uint32_t kLeast = 100;

  base::Duration window{0};  // 0: off
  double aggression = 1;     // above 1: most of the weight comes early
  bool operator==(const SlowStart&) const = default;

  static SlowStart Of(const config::SlowStart& settings) {
    return {.window = settings.window, .aggression = settings.aggression};
  }

  // How much of its weight counts, in thousandths.
  uint32_t PartOf(const Endpoint& endpoint, base::TimePoint now) const {
    const auto since = endpoint.warming_since();
    if (!since || window.count() <= 0 || now >= *since + window) return kFull;
    const double elapsed = std::max(std::chrono::duration<double, std::milli>(now - *since).count(), 0.0);
    const double part = std::pow(elapsed / static_cast<double>(window.count()), 1 / aggression);
    return std::clamp(static_cast<uint32_t>(part * kFull), kLeast, kFull);
  }
  bool Warm(const Endpoint& endpoint, base::TimePoint now) const { return PartOf(endpoint, now) == kFull; }

  // How often weights are computed anew while one warms up.
  base::Duration Step() const { return std::max(window / 100, base::Duration(10)); }
};

}  // namespace hawser::cluster
