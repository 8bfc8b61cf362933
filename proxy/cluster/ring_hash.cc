#include "proxy/cluster/ring_hash.h"

#include <algorithm>
#include <utility>

#include "proxy/cluster/policies.h"
#include "proxy/cluster/rendezvous.h"
#include "proxy/cluster/stable_hash.h"

namespace hawser::cluster {

HashRing::HashRing(Members members) {
  uint64_t wanted = 0;
  for (const Member& member : members) wanted += member.weight * kPointsPerWeight;
  const uint64_t scale = std::max(wanted, kMostPoints);

  std::vector<std::pair<uint64_t, uint32_t>> points;
  points.reserve(std::min(wanted, kMostPoints) + members.size());
  for (uint32_t i = 0; i < members.size(); ++i) {
    if (members[i].weight == 0) continue;
    const uint64_t share = members[i].weight * kPointsPerWeight * kMostPoints / scale;
    const uint64_t count = std::max(share, uint64_t{1});
    for (uint64_t salt = 0; salt < count; ++salt)
      points.emplace_back(StableHash(members[i].endpoint->hash_key(), salt), i);
  }
  // Stable, for two points on one spot stand in the order of the keys.
  std::stable_sort(points.begin(), points.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });

  HAWSER_DCHECK(points.size() <= kMostPoints + members.size());
  hashes_.reserve(points.size());
  owners_.reserve(points.size());
  for (const auto& [hash, owner] : points) {
    hashes_.push_back(hash);
    owners_.push_back(owner);
  }
}

size_t HashRing::Find(uint64_t hash) const {
  HAWSER_DCHECK(size() > 0);
  const auto found = std::lower_bound(hashes_.begin(), hashes_.end(), hash);
  return found == hashes_.end() ? 0 : static_cast<size_t>(found - hashes_.begin());
}

namespace {

class RingHash final : public Balancer {
 public:
  explicit RingHash(const UsableView& view) { Adopt(view); }

  // Goes on along the ring until an owner may be picked: what an endpoint does not take is spread over all
  // others.
  Endpoint* Pick(const PickKey& key) override {
    const HashRing& ring = *view_->level().ring();
    if (ring.size() == 0) return nullptr;
    const Members members = view_->level().members();
    const size_t point = ring.Find(key.hash.value_or(key.random));
    for (size_t i = 0; i <= 2 * members.size(); ++i) {
      const uint32_t owner = ring.Owner(point + i);
      if (view_->Has(owner) && !key.Avoids(members[owner])) return members[owner].endpoint.get();
    }
    // So few may be picked that the walk might go on for long.
    return RendezvousPick(view_->members(), ring.Hash(point), key);
  }

  void Adopt(const UsableView& view) override {
    HAWSER_DCHECK(view.level().ring() != nullptr);
    view_ = &view;
  }

 private:
  const UsableView* view_ = nullptr;
};

}  // namespace

std::unique_ptr<Balancer> MakeRingHash(const UsableView& view) {
  return std::make_unique<RingHash>(view);
}

}  // namespace hawser::cluster
