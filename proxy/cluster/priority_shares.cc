#include "proxy/cluster/priority_shares.h"

#include <algorithm>
#include <cstddef>

namespace hawser::cluster {
namespace {

constexpr uint64_t kOverprovisioning = 140;  // percent

// What a priority can take, percent of everything.
uint64_t CanTake(const PriorityHealth& health) {
  return health.all == 0 ? 0 : std::min<uint64_t>(100, kOverprovisioning * health.sound / health.all);
}

bool IsBelow(const PriorityHealth& health, uint32_t threshold) {
  return health.all > 0 && 100 * health.sound < threshold * health.all;
}

// Gives each what `parts` says of `whole`; what rounding leaves goes to the first that has any.
void Distribute(std::span<const uint64_t> parts, uint64_t whole, std::vector<PriorityShare>& shares) {
  uint32_t left = 100;
  PriorityShare* first = nullptr;
  for (size_t i = 0; i < shares.size(); ++i) {
    if (parts[i] > 0 && first == nullptr) first = &shares[i];
    shares[i].percent = std::min(left, static_cast<uint32_t>(100 * parts[i] / whole));
    left -= shares[i].percent;
  }
  if (first != nullptr) first->percent += left;
}

}  // namespace

std::vector<PriorityShare> SharesOf(std::span<const PriorityHealth> priorities, uint32_t panic_threshold) {
  std::vector<PriorityShare> shares(priorities.size());
  std::vector<uint64_t> can_take;
  std::vector<uint64_t> all;
  uint64_t can_take_together = 0;
  uint64_t all_together = 0;
  for (const PriorityHealth& health : priorities) {
    can_take_together += can_take.emplace_back(CanTake(health));
    all_together += all.emplace_back(health.all);
  }
  if (all_together == 0) return shares;

  const bool enough = priorities.size() > 1 && can_take_together >= 100;
  bool all_panic = true;
  for (size_t i = 0; i < shares.size(); ++i) {
    shares[i].panic = !enough && IsBelow(priorities[i], panic_threshold);
    all_panic &= shares[i].panic || priorities[i].all == 0;
  }
  if (all_panic || can_take_together == 0) {
    Distribute(all, all_together, shares);
  } else {
    Distribute(can_take, std::min<uint64_t>(100, can_take_together), shares);
  }
  return shares;
}

}  // namespace hawser::cluster
