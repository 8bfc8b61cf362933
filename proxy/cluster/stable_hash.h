// Computations with the same result on all hawsers with the same configuration: a hash under a key that is
// fixed in the source, and an order of endpoints that does not depend on their order in the file. The key is
// public, so a client that chooses the hashed value (a header, a cookie, a query parameter) can choose its
// endpoint. A cluster that must prevent this uses a hash of the source IP, or signed cookies.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "proxy/cluster/endpoint.h"

namespace hawser::cluster {

// Each `salt` gives another hash function.
uint64_t StableHash(std::string_view bytes, uint64_t salt = 0);

// The positions of `endpoints`, sorted by their names.
std::vector<uint32_t> StableOrder(Endpoints endpoints);

// Rendezvous hashing: of the usable endpoints, the one whose name hashes highest together with `hash`. O(n).
// Ignores weights. Null if none is usable.
Endpoint* RendezvousPick(Endpoints endpoints, uint64_t hash, EndpointSet avoid);

}  // namespace hawser::cluster
