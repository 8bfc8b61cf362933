#include "proxy/cluster/ring_hash.h"

#include <algorithm>
#include <utility>

#include "proxy/cluster/policies.h"
#include "proxy/cluster/stable_hash.h"

namespace hawser::cluster {

HashRing::HashRing(Members members) {
  uint64_t wanted = 0;
  for (const Member& member : members) wanted += member.weight * kPointsPerWeight;
  const uint64_t scale = std::max(wanted, kMostPoints);

  std::vector<std::pair<uint64_t, uint32_t>> points;
  points.reserve(std::min(wanted, kMostPoints) + members.size());
  for (uint32_t i = 0; i < members.size(); ++i) {
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
  explicit RingHash(const MemberTable& table) { Adopt(table); }

  Endpoint* Pick(const PickKey& key) override {
    if (members_.empty()) return nullptr;
    const size_t point = ring_->Find(key.hash.value_or(key.random));
    Endpoint* picked = Walk(point, key.tried);
    return picked != nullptr || key.tried.empty() ? picked : Walk(point, {});
  }

  void Adopt(const MemberTable& table) override {
    members_ = table.members();
    ring_ = table.ring();
    HAWSER_DCHECK(ring_ != nullptr);
  }

 private:
  // Goes on along the ring until an owner is usable: the requests of an endpoint that is out are spread over
  // all others.
  Endpoint* Walk(size_t point, EndpointSet avoid) const {
    for (size_t i = 0; i <= 2 * members_.size(); ++i) {
      Endpoint& owner = *members_[ring_->Owner(point + i)].endpoint;
      if (Usable(owner, avoid)) return &owner;
    }
    // So few are usable that the walk might go on for long.
    return RendezvousPick(members_, ring_->Hash(point), avoid);
  }

  Members members_;
  const HashRing* ring_ = nullptr;
};

}  // namespace

std::unique_ptr<Balancer> MakeRingHash(const MemberTable& table) {
  return std::make_unique<RingHash>(table);
}

}  // namespace hawser::cluster
