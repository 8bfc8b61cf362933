#include "proxy/cluster/balancer.h"

#include "proxy/cluster/member_table.h"
#include "proxy/cluster/policies.h"

namespace hawser::cluster {

std::unique_ptr<Balancer> MakeBalancer(const MemberTable& table, uint64_t seed) {
  switch (table.policy()) {
    case config::LbPolicy::kRoundRobin: return MakeRoundRobin(table, seed);
    case config::LbPolicy::kLeastRequest: return MakeLeastRequest(table);
    case config::LbPolicy::kRandom: return MakeRandom(table);
    case config::LbPolicy::kRingHash: return MakeRingHash(table);
    case config::LbPolicy::kMaglev: return MakeMaglev(table);
  }
  return nullptr;
}

}  // namespace hawser::cluster
