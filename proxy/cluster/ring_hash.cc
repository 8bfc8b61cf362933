#include "proxy/cluster/ring_hash.h"

#include <algorithm>
#include <utility>

#include "proxy/cluster/policies.h"
#include "proxy/cluster/stable_hash.h"

namespace hawser::cluster {

HashRing::HashRing(Endpoints endpoints) {
  uint64_t wanted = 0;
  for (const auto& endpoint : endpoints) wanted += endpoint->weight() * kPointsPerWeight;
  const uint64_t scale = std::max(wanted, kMostPoints);

  std::vector<std::pair<uint64_t, uint32_t>> points;
  points.reserve(std::min(wanted, kMostPoints) + endpoints.size());
  for (const uint32_t i : StableOrder(endpoints)) {
    const uint64_t share = endpoints[i]->weight() * kPointsPerWeight * kMostPoints / scale;
    const uint64_t count = std::max(share, uint64_t{1});
    for (uint64_t salt = 0; salt < count; ++salt)
      points.emplace_back(StableHash(endpoints[i]->name(), salt), i);
  }
  // Stable, for two points on one spot stand in the order of the names.
  std::stable_sort(points.begin(), points.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });

  HAWSER_DCHECK(points.size() <= kMostPoints + endpoints.size());
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
  RingHash(Endpoints endpoints, const HashRing& ring) : endpoints_(endpoints), ring_(ring) {}

  Endpoint* Pick(const PickKey& key) override {
    if (ring_.size() == 0) return nullptr;
    const size_t point = ring_.Find(key.hash.value_or(key.random));
    Endpoint* picked = Walk(point, key.tried);
    return picked != nullptr || key.tried.empty() ? picked : Walk(point, {});
  }

 private:
  // Goes on along the ring until an owner is usable: the requests of an endpoint that is out are spread over
  // all others.
  Endpoint* Walk(size_t point, EndpointSet avoid) const {
    for (size_t i = 0; i <= 2 * endpoints_.size(); ++i) {
      Endpoint& owner = *endpoints_[ring_.Owner(point + i)];
      if (Usable(owner, avoid)) return &owner;
    }
    // So few are usable that the walk might go on for long.
    return RendezvousPick(endpoints_, ring_.Hash(point), avoid);
  }

  const Endpoints endpoints_;
  const HashRing& ring_;
};

}  // namespace

std::unique_ptr<Balancer> MakeRingHash(Endpoints endpoints, const HashRing& ring) {
  return std::make_unique<RingHash>(endpoints, ring);
}

}  // namespace hawser::cluster
