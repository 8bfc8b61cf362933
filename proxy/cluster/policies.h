// The policies, each in a file of its name. What is passed in must outlive the balancer.
#pragma once

#include <cstdint>
#include <memory>

#include "proxy/cluster/balancer.h"
#include "proxy/cluster/maglev.h"
#include "proxy/cluster/ring_hash.h"

namespace hawser::cluster {

std::unique_ptr<Balancer> MakeRoundRobin(Endpoints endpoints, uint64_t seed);
std::unique_ptr<Balancer> MakeLeastRequest(Endpoints endpoints);
std::unique_ptr<Balancer> MakeRandom(Endpoints endpoints);
std::unique_ptr<Balancer> MakeRingHash(Endpoints endpoints, const HashRing& ring);
std::unique_ptr<Balancer> MakeMaglev(Endpoints endpoints, const MaglevTable& table);

}  // namespace hawser::cluster
