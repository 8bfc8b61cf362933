// Smooth weighted round robin, as nginx has it: with each pick the credit of every usable endpoint grows by
// its weight, the endpoint with the highest credit is picked, and its credit is reduced by the sum of the
// weights. With weights 5, 1, 1 that gives a a b a c a a, never five in a row.
//
// Workers that all began at the first endpoint would send it a burst at start, so each worker begins with
// random credits. All are below one full round, so they shift the order and not the shares.
#include <algorithm>
#include <vector>

#include "proxy/base/hash.h"
#include "proxy/cluster/policies.h"

namespace hawser::cluster {
namespace {

class RoundRobin final : public Balancer {
 public:
  RoundRobin(Endpoints endpoints, uint64_t seed) : endpoints_(endpoints) {
    uint64_t round = 0;
    for (const auto& endpoint : endpoints) round += endpoint->weight();
    for (size_t i = 0; i < endpoints.size(); ++i) {
      credit_.push_back(static_cast<int64_t>(base::Mix64(seed + i) % round));
    }
  }

  Endpoint* Pick(const PickKey& key) override {
    Endpoint* picked = Next(key.tried);
    return picked != nullptr || key.tried.empty() ? picked : Next({});
  }

 private:
  Endpoint* Next(EndpointSet avoid) {
    int64_t gained = 0;
    int64_t* highest = nullptr;
    Endpoint* picked = nullptr;
    for (size_t i = 0; i < endpoints_.size(); ++i) {
      Endpoint& endpoint = *endpoints_[i];
      if (!Usable(endpoint, avoid)) continue;
      credit_[i] += endpoint.weight();
      gained += endpoint.weight();
      if (highest != nullptr && credit_[i] <= *highest) continue;
      highest = &credit_[i];
      picked = &endpoint;
    }
    if (highest != nullptr) *highest -= gained;
    return picked;
  }

  const Endpoints endpoints_;
  std::vector<int64_t> credit_;  // one per endpoint; their sum never changes
};

}  // namespace

std::unique_ptr<Balancer> MakeRoundRobin(Endpoints endpoints, uint64_t seed) {
  return std::make_unique<RoundRobin>(endpoints, seed);
}

}  // namespace hawser::cluster
