// Draws a member with a probability in proportion to its weight: by binary search over prefix sums,
// or by one walk over them where some are avoided. A draw is 32 uniform bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/cluster/balancer.h"
#include "proxy/cluster/member.h"

namespace hawser::cluster {

struct Draws {
  explicit Draws(uint64_t random)
      : first(static_cast<uint32_t>(random >> 32)), second(static_cast<uint32_t>(random)) {}
  uint32_t first;
  uint32_t second;
};

// `members` must outlive it; none has weight 0.
class WeightedChoice {
 public:
  explicit WeightedChoice(Members members);

  bool empty() const { return members_.empty(); }

  // O(log n). It may be one that is to be avoided. There must be members.
  const Member& Pick(uint32_t draw) const { return members_[PositionOf(draw)]; }

  // Two that differ, unless there is only one. The second is drawn from all but the first.
  struct Pair {
    const Member& first;
    const Member& second;
  };
  Pair PickTwo(Draws draws) const;

  // O(n): among those that `key` does not avoid, but for `other_than` (may be null). Null if there are none.
  const Member* PickOther(uint32_t draw, const PickKey& key, const Member* other_than) const;

 private:
  size_t PositionOf(uint32_t draw) const;

  Members members_;
  std::vector<uint64_t> ends_;  // [i] is the sum of the weights up to and with i
};

}  // namespace hawser::cluster
