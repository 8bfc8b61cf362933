#include "proxy/cluster/stable_hash.h"

#include <algorithm>
#include <numeric>

#include "proxy/base/hash.h"

namespace hawser::cluster {
namespace {

// "hawser: " "agreed 1". Another key would move every hashed client of a fleet that is upgraded host by host.
constexpr base::SipKey kKey{0x203a726573776168, 0x3120646565726761};

}  // namespace

uint64_t StableHash(std::string_view bytes, uint64_t salt) {
  return base::SipHash({kKey.k0, kKey.k1 ^ salt}, bytes);
}

std::vector<uint32_t> StableOrder(Endpoints endpoints) {
  std::vector<uint32_t> order(endpoints.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return endpoints[a]->name() < endpoints[b]->name(); });
  return order;
}

Endpoint* RendezvousPick(Endpoints endpoints, uint64_t hash, EndpointSet avoid) {
  Endpoint* highest = nullptr;
  uint64_t highest_score = 0;
  for (const auto& endpoint : endpoints) {
    if (!Usable(*endpoint, avoid)) continue;
    const uint64_t score = StableHash(endpoint->name(), hash);
    if (highest != nullptr && score <= highest_score) continue;
    highest = endpoint.get();
    highest_score = score;
  }
  return highest;
}

}  // namespace hawser::cluster
