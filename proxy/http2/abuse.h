// What a peer may do on one HTTP/2 connection before it counts as an attacker: a budget for every kind of
// frame that costs the peer little and hawser much. One table names each for metrics and log. The connection
// ends with ENHANCE_YOUR_CALM.
//
//   CVE-2019-9512 PING, -9513 and -9511 PRIORITY and WINDOW_UPDATE, -9515 SETTINGS, -9518 empty frames;
//   CVE-2023-44487 rapid reset; CVE-2025-8671 MadeYouReset (resets that the peer provokes from us);
//   CVE-2024-27316 and others CONTINUATION
//   CVE-2026-47774 header bombs (a small block that decodes to a large one)
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/base/clock.h"

namespace hawser::http2 {

enum class Abuse : uint8_t {
  // Frames in a window of time.
  kResets,          // RST_STREAM by the peer, on streams that were not complete
  kProvokedResets,  // RST_STREAM by hawser, for a fault of the peer's
  kSettings,
  kPings,
  kPriorities,
  kEmptyData,      // DATA without a byte and without END_STREAM
  kWindowUpdates,  // beyond those that what was sent explains
  // Bounds of their own.
  kContinuations,  // CONTINUATION frames of one header block
  kHeaderBomb,     // a header block that decodes to several times the largest head
  kWindowStall,    // output that a closed window has kept waiting for too long
  kCount,
};

inline constexpr size_t kAbuses = static_cast<size_t>(Abuse::kCount);
inline constexpr size_t kWindowedAbuses = static_cast<size_t>(Abuse::kContinuations);

struct AbuseSpec {
  Abuse abuse;
  std::string_view label;  // of the metric
  std::string_view text;   // for the log and GOAWAY's debug data
};

const AbuseSpec& SpecOf(Abuse abuse);

struct BudgetLimits {
  base::Duration window = std::chrono::seconds(10);
  std::array<uint32_t, kWindowedAbuses> most = {200,  100, 100, 1000,
                                                1000, 200, 2000};  // in a window, by kind
  uint32_t continuations = 8;                                      // in a header block
};

// What one connection has spent. All budgets are renewed together when a window of time is over. 40 bytes.
class Budgets {
 public:
  explicit Budgets(const BudgetLimits& limits) : limits_(limits) {}

  // False: over the budget.
  bool Spend(Abuse abuse, base::TimePoint now);
  // Allows `count` more of a kind, as answers to what was sent.
  void Earn(Abuse abuse, uint32_t count);

 private:
  const BudgetLimits& limits_;
  base::TimePoint begun_ = base::TimePoint::min();
  std::array<int32_t, kWindowedAbuses> spent_ = {};
};

}  // namespace hawser::http2
