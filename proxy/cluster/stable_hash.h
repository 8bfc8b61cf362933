// Computations with the same result on all hawsers with the same configuration: hashes under a key that is
// fixed in the source. The key is public, so a client that chooses the hashed value (a header, a cookie, a
// query parameter) can choose its endpoint. A cluster that must prevent this uses a hash of the source IP, or
// signed cookies.
#pragma once

#include <cstdint>
#include <string_view>

namespace hawser::cluster {

// Each `salt` gives another hash function.
uint64_t StableHash(std::string_view bytes, uint64_t salt = 0);

}  // namespace hawser::cluster
