// Maglev hashing (Eisenbud et al., NSDI 2016, §3.4): a table of a prime number of slots, filled in turns from
// each endpoint's own permutation of them. A lookup is one load, shares are even to within a slot, and a
// change of the endpoints leaves most slots as they were. Weights work as in Envoy: an endpoint that is ahead
// of its share misses a turn.
//
// Immutable; part of a MemberTable. 256 KiB.
#pragma once

#include <cstdint>
#include <vector>

#include "proxy/base/check.h"
#include "proxy/cluster/member.h"

namespace hawser::cluster {

class MaglevTable {
 public:
  // Prime, and more than a hundred times as many as the endpoints of all but huge clusters, as the paper asks
  // for.
  static constexpr uint32_t kSlots = 65537;

  // `members` sorted by key. Those of weight 0 have no slot.
  explicit MaglevTable(Members members);

  bool empty() const { return owners_.empty(); }
  // The position in `members` of the owner of the slot of `hash`. The table must not be empty.
  uint32_t Owner(uint64_t hash) const {
    HAWSER_DCHECK(!empty());
    return owners_[hash % kSlots];
  }

 private:
  std::vector<uint32_t> owners_;  // one a slot
};

}  // namespace hawser::cluster
