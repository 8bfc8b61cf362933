// How tunnels move from endpoints that have more than their share.
#pragma once

#include <cstdint>

#include "config/section.h"
#include "config/values.h"

namespace hawser::config {

struct Rebalance {
  uint32_t above = 25;  // percent above the fair share, from which an endpoint closes tunnels
  Rate rate{5};         // per endpoint; above 0
  CloseCode code{1012};
  bool operator==(const Rebalance&) const = default;
};

void Describe(Description& d, const Rebalance& rebalance);

void CheckRebalance(const Rebalance& rebalance, const Checks& checks);

}  // namespace hawser::config
