// How much of a ClientHello must have come before it is worth an SSL object (RFC 8446 §4, §5.1). Pure.
#pragma once

#include <cstddef>
#include <span>

namespace hawser::tls {

// A hello with all its records that is longer is left to OpenSSL as it comes.
inline constexpr size_t kLongestHello = 5 + (1 << 14) + 2048;

// How many bytes a connection must have brought, as far as `begin`, the first that came, says: those of the
// hello's records, or of the next header where that is not known yet. Not more than begin.size(): it has come
// whole. 0: it begins no handshake or is too long, and there is nothing to wait for.
size_t HelloBytes(std::span<const std::byte> begin);

}  // namespace hawser::tls
