#include "proxy/cluster/stable_hash.h"

#include "proxy/base/hash.h"

namespace hawser::cluster {
namespace {

// "hawser: " "agreed 1". Another key would move every hashed client of a fleet that is upgraded host by host.
constexpr base::SipKey kKey{0x203a726573776168, 0x3120646565726761};

}  // namespace

uint64_t StableHash(std::string_view bytes, uint64_t salt) {
  return base::SipHash({kKey.k0, kKey.k1 ^ salt}, bytes);
}

Endpoint* RendezvousPick(Members members, uint64_t hash, EndpointSet avoid) {
  Endpoint* highest = nullptr;
  uint64_t highest_score = 0;
  for (const Member& member : members) {
    if (!Usable(*member.endpoint, avoid)) continue;
    const uint64_t score = StableHash(member.endpoint->hash_key(), hash);
    if (highest != nullptr && score <= highest_score) continue;
    highest = member.endpoint.get();
    highest_score = score;
  }
  return highest;
}

}  // namespace hawser::cluster
