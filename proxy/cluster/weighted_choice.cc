#include "proxy/cluster/weighted_choice.h"

#include <algorithm>

#include "proxy/base/check.h"

namespace hawser::cluster {
namespace {

// Maps 32 uniform bits onto [0, total); total is below 2^32 (UsableView sees to that).
uint64_t Scale(uint32_t draw, uint64_t total) {
  HAWSER_DCHECK(total < uint64_t{1} << 32);
  return (uint64_t{draw} * total) >> 32;
}

}  // namespace

WeightedChoice::WeightedChoice(Members members) : members_(members) {
  ends_.reserve(members.size());
  uint64_t sum = 0;
  for (const Member& member : members) ends_.push_back(sum += member.weight);
}

size_t WeightedChoice::PositionOf(uint32_t draw) const {
  HAWSER_DCHECK(!ends_.empty());
  const uint64_t mark = Scale(draw, ends_.back());
  return static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), mark) - ends_.begin());
}

WeightedChoice::Pair WeightedChoice::PickTwo(Draws draws) const {
  const size_t first = PositionOf(draws.first);
  const uint64_t weight = members_[first].weight;
  const uint64_t others = ends_.back() - weight;
  if (others == 0) return {members_[first], members_[first]};
  // A mark on the line of weights without the first one's part.
  uint64_t mark = Scale(draws.second, others);
  if (mark >= ends_[first] - weight) mark += weight;
  const auto second = std::upper_bound(ends_.begin(), ends_.end(), mark) - ends_.begin();
  HAWSER_DCHECK(static_cast<size_t>(second) != first);
  return {members_[first], members_[static_cast<size_t>(second)]};
}

const Member* WeightedChoice::PickOther(uint32_t draw, const PickKey& key, const Member* other_than) const {
  const auto eligible = [&](const Member& member) { return &member != other_than && !key.Avoids(member); };
  uint64_t total = 0;
  for (const Member& member : members_) total += eligible(member) ? member.weight : 0;
  uint64_t mark = Scale(draw, total);
  const Member* last = nullptr;
  for (const Member& member : members_) {
    if (!eligible(member)) continue;
    last = &member;
    if (mark < member.weight) return last;
    mark -= member.weight;
  }
  return last;  // what has room may change between the two walks
}

}  // namespace hawser::cluster
