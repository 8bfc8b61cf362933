// How the priorities of a cluster share what comes, as Envoy computes it (its load_balancer_base,
// recalculatePerPriorityState): each priority can take 1.4 times the share of its endpoints that are sound,
// and the first takes as much as it can, then the next. So a priority loses nothing until more than 28 % of
// its endpoints are out. Where all together cannot take everything, each gets in proportion to what it can
// take.
//
// Panic: a priority with less sound endpoints than `panic_threshold` percent ignores health, unless the
// others make up for it. If all do so, they share by the number of their endpoints. Pure functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hawser::cluster {

// The endpoints of a priority that take new sessions.
struct PriorityHealth {
  uint64_t sound = 0;
  uint64_t all = 0;
};

struct PriorityShare {
  uint32_t percent = 0;  // of what comes; 100 in sum, unless there is no endpoint
  bool panic = false;
};

// `priorities` in their order. `panic_threshold` in percent; 0: there is no panic.
std::vector<PriorityShare> SharesOf(std::span<const PriorityHealth> priorities, uint32_t panic_threshold);

}  // namespace hawser::cluster
