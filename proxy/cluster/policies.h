// The policies, each in a file of its name. `table` as MakeBalancer has it.
#pragma once

#include <cstdint>
#include <memory>

#include "proxy/cluster/balancer.h"
#include "proxy/cluster/member_table.h"

namespace hawser::cluster {

std::unique_ptr<Balancer> MakeRoundRobin(const MemberTable& table, uint64_t seed);
std::unique_ptr<Balancer> MakeLeastRequest(const MemberTable& table);
std::unique_ptr<Balancer> MakeRandom(const MemberTable& table);
std::unique_ptr<Balancer> MakeRingHash(const MemberTable& table);
std::unique_ptr<Balancer> MakeMaglev(const MemberTable& table);

}  // namespace hawser::cluster
