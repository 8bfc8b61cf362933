// What several hawsers with the same configuration must compute alike, without talking: a hash under a key that is
// fixed in the source, and an order of endpoints that does not depend on how the file lists them. As the key is public,
// whoever picks the hashed value (a header, a cookie, a query parameter) can pick where it lands; a cluster whose clients
// shall not be able to uses a source-IP hash or signed cookies.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/cluster/endpoint.h"

namespace hawser::cluster {

// One hash function for each `salt`.
uint64_t AgreedHash(std::string_view bytes, uint64_t salt = 0);

// The positions of `endpoints`, sorted by their names.
std::vector<uint32_t> AgreedOrder(Endpoints endpoints);

// Rendezvous hashing: of the usable endpoints, the one whose name hashes highest together with `hash`. O(n), blind to
// weights. Null if none is usable.
Endpoint* AgreedAmongUsable(Endpoints endpoints, uint64_t hash, EndpointSet avoid);

}  // namespace hawser::cluster
