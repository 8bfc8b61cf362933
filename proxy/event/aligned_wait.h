// Rounds waits up so that many of them end at the same time: one turn of the loop then handles the deadlines
// of many tunnels. Pure.
#pragma once

#include <algorithm>
#include <bit>
#include <chrono>
#include <cstdint>

#include "proxy/base/clock.h"

namespace hawser::event {

// How long to wait from `now` for `deadline`: never too short, and longer by a 64th of the wait at the most,
// 256 ms.
inline base::Duration AlignedWait(base::TimePoint now, base::TimePoint deadline) {
  constexpr base::Duration kMost{256};
  const auto wait = std::max(base::Duration(0), std::chrono::ceil<base::Duration>(deadline - now));
  const auto step =
      static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(std::min(wait / 64, kMost).count())));
  if (step < 2) return wait;
  const int64_t due = std::chrono::ceil<base::Duration>(deadline.time_since_epoch()).count();
  return wait + base::Duration((step - due % step) % step);
}

}  // namespace hawser::event
