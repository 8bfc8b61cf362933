#include "proxy/cluster/weighted_choice.h"

#include <algorithm>

#include "proxy/base/check.h"

namespace hawser::cluster {
namespace {

// Maps 32 uniform bits onto [0, total); total is below 2^32 (weights are at most 1000).
uint64_t Scale(uint32_t draw, uint64_t total) {
  HAWSER_DCHECK(total < uint64_t{1} << 32);
  return (uint64_t{draw} * total) >> 32;
}

}  // namespace

WeightedChoice::WeightedChoice(Endpoints endpoints) : endpoints_(endpoints) {
  ends_.reserve(endpoints.size());
  uint64_t sum = 0;
  for (const auto& endpoint : endpoints) ends_.push_back(sum += endpoint->weight());
}

size_t WeightedChoice::PositionOf(uint32_t draw) const {
  HAWSER_DCHECK(!ends_.empty());
  const uint64_t mark = Scale(draw, ends_.back());
  return static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), mark) - ends_.begin());
}

WeightedChoice::Pair WeightedChoice::PickTwo(Draws draws) const {
  const size_t first = PositionOf(draws.first);
  const uint64_t weight = endpoints_[first]->weight();
  const uint64_t others = ends_.back() - weight;
  if (others == 0) return {*endpoints_[first], *endpoints_[first]};
  // A mark on the line of weights without the first one's part.
  uint64_t mark = Scale(draws.second, others);
  if (mark >= ends_[first] - weight) mark += weight;
  const auto second = std::upper_bound(ends_.begin(), ends_.end(), mark) - ends_.begin();
  HAWSER_DCHECK(static_cast<size_t>(second) != first);
  return {*endpoints_[first], *endpoints_[static_cast<size_t>(second)]};
}

Endpoint* WeightedChoice::PickUsable(uint32_t draw, EndpointSet avoid, const Endpoint* other_than) const {
  const auto eligible = [&](const Endpoint& endpoint) {
    return &endpoint != other_than && Usable(endpoint, avoid);
  };
  uint64_t total = 0;
  for (const auto& endpoint : endpoints_) total += eligible(*endpoint) ? endpoint->weight() : 0;
  uint64_t mark = Scale(draw, total);
  Endpoint* last = nullptr;
  for (const auto& endpoint : endpoints_) {
    if (!eligible(*endpoint)) continue;
    last = endpoint.get();
    if (mark < endpoint->weight()) return last;
    mark -= endpoint->weight();
  }
  return last;  // health may change between the two walks
}

}  // namespace hawser::cluster
