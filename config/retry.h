// When a request or a WebSocket handshake is sent again, and how many may be at one time.
#pragma once

#include <cstdint>
#include <vector>

#include "config/section.h"
#include "config/values.h"

namespace hawser::config {

enum class RetryOn : uint8_t { kConnectFailure, kReset, k502, k503, k504 };

struct Retry {
  uint32_t attempts = 2;          // further tries
  Duration per_try_timeout = 0s;  // of each try, from its pick to the head of its response; 0: none
  std::vector<RetryOn> retry_on = {RetryOn::kConnectFailure, RetryOn::kReset};
  uint32_t budget_percent =
      20;                     // of the requests and handshakes under way to the cluster; not of its tunnels
  uint32_t budget_least = 3;  // may be under way whatever the percentage says
  bool operator==(const Retry&) const = default;
};

void Describe(Description& d, const Retry& retry);

void CheckRetry(const Retry& retry, const Checks& checks);

}  // namespace hawser::config
