// Keeps a flood out of the log: lets the first few events of every interval through and counts the others, so
// that the next line can say how many it stands for. One per kind of line and worker; a plain value, its
// owner's thread only.
//
//   if (const auto suppressed = gate.Pass(now)) spdlog::warn("refused {} ({} more like it)", address,
//   *suppressed);
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"

namespace hawser::base {

class LogGate {
 public:
  // At most `events` lines in each `interval`, which starts with the first line.
  LogGate(uint32_t events, Duration interval) : events_(events), interval_(interval) {}

  // Whether to write the line: the number of events suppressed since the last one that passed, or nothing.
  std::optional<uint64_t> Pass(TimePoint now) {
    if (now >= interval_ends_) {
      interval_ends_ = now + interval_;
      passed_ = 0;
    }
    HAWSER_DCHECK(passed_ <= events_);
    if (passed_ == events_) {
      ++suppressed_;
      return std::nullopt;
    }
    ++passed_;
    return std::exchange(suppressed_, 0);
  }

 private:
  const uint32_t events_;
  const Duration interval_;
  uint32_t passed_ = 0;  // in the interval that ends at interval_ends_; never above events_
  uint64_t suppressed_ = 0;
  TimePoint interval_ends_ = TimePoint::min();
};

}  // namespace hawser::base
