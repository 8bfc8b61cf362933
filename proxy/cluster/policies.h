// The policies, each in a file of its name. `view` as MakeBalancer has it.
#pragma once

#include <cstdint>
#include <memory>

#include "proxy/cluster/balancer.h"

namespace hawser::cluster {

std::unique_ptr<Balancer> MakeRoundRobin(const UsableView& view, uint64_t seed);
std::unique_ptr<Balancer> MakeLeastRequest(const UsableView& view);
std::unique_ptr<Balancer> MakeRandom(const UsableView& view);
std::unique_ptr<Balancer> MakeRingHash(const UsableView& view);
std::unique_ptr<Balancer> MakeMaglev(const UsableView& view);

}  // namespace hawser::cluster
