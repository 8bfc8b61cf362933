// Rendezvous hashing: each member has a score of its own for a hash, and the highest wins. What the hashing
// policies do where so few members may be picked that their tables find one only after many steps.
#pragma once

#include <cstdint>

#include "proxy/cluster/balancer.h"
#include "proxy/cluster/member.h"
#include "proxy/cluster/stable_hash.h"

namespace hawser::cluster {

// Null if `key` avoids all of them. Ignores weights. O(n).
inline Endpoint* RendezvousPick(Members members, uint64_t hash, const PickKey& key) {
  Endpoint* highest = nullptr;
  uint64_t highest_score = 0;
  for (const Member& member : members) {
    if (key.Avoids(member)) continue;
    const uint64_t score = StableHash(member.endpoint->hash_key(), hash);
    if (highest != nullptr && score <= highest_score) continue;
    highest = member.endpoint.get();
    highest_score = score;
  }
  return highest;
}

}  // namespace hawser::cluster
