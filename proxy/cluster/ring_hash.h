// Consistent hashing in the manner of ketama: every endpoint owns points on a ring of 64-bit hashes, and a
// request goes to the owner of the first point at or after its own hash. An endpoint's points depend on its
// address and weight alone, so that adding or removing an endpoint moves only the requests between its points
// and the points before them.
//
// Immutable; part of a MemberTable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/check.h"
#include "proxy/cluster/member.h"

namespace hawser::cluster {

class HashRing {
 public:
  static constexpr uint64_t kPointsPerWeight = 160;  // shares then differ by some 8 % from the weights
  // 12 MiB. Beyond it all endpoints have fewer points, in proportion.
  static constexpr uint64_t kMostPoints = uint64_t{1} << 20;

  // `members` sorted by key. Those of weight 0 have no point.
  explicit HashRing(Members members);

  size_t size() const { return hashes_.size(); }
  // The first point at or after `hash`, or past the end the first of all. O(log size). The ring must not be
  // empty.
  size_t Find(uint64_t hash) const;
  // The position in `members` of the owner of point `point`, which may run past the end and then starts
  // over.
  uint32_t Owner(size_t point) const {
    HAWSER_DCHECK(size() > 0);
    return owners_[point % owners_.size()];
  }
  uint64_t Hash(size_t point) const {
    HAWSER_DCHECK(point < size());
    return hashes_[point];
  }

 private:
  std::vector<uint64_t> hashes_;  // ascending
  std::vector<uint32_t> owners_;  // of the point at the same place
};

}  // namespace hawser::cluster
