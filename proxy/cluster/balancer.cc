#include "proxy/cluster/balancer.h"

#include "proxy/cluster/cluster.h"
#include "proxy/cluster/policies.h"

namespace hawser::cluster {

std::unique_ptr<Balancer> MakeBalancer(const Cluster& cluster, uint64_t seed) {
  switch (cluster.settings().lb_policy) {
    case config::LbPolicy::kRoundRobin: return MakeRoundRobin(cluster.endpoints(), seed);
    case config::LbPolicy::kLeastRequest: return MakeLeastRequest(cluster.endpoints());
    case config::LbPolicy::kRandom: return MakeRandom(cluster.endpoints());
    case config::LbPolicy::kRingHash: return MakeRingHash(cluster.endpoints(), *cluster.ring());
    case config::LbPolicy::kMaglev: return MakeMaglev(cluster.endpoints(), *cluster.maglev());
  }
  return nullptr;
}

}  // namespace hawser::cluster
