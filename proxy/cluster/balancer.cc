#include "proxy/cluster/balancer.h"

#include "proxy/cluster/policies.h"

namespace hawser::cluster {

std::unique_ptr<Balancer> MakeBalancer(config::LbPolicy policy, const UsableView& view, uint64_t seed) {
  switch (policy) {
    case config::LbPolicy::kRoundRobin: return MakeRoundRobin(view, seed);
    case config::LbPolicy::kLeastRequest: return MakeLeastRequest(view);
    case config::LbPolicy::kRandom: return MakeRandom(view);
    case config::LbPolicy::kRingHash: return MakeRingHash(view);
    case config::LbPolicy::kMaglev: return MakeMaglev(view);
  }
  return nullptr;
}

}  // namespace hawser::cluster
