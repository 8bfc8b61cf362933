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

}  // namespace hawser::cluster
