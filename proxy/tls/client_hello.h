// How much of a client's first record must have come before it is worth an SSL object (RFC 8446 §5.1). Pure.
#pragma once

#include <cstddef>
#include <span>

namespace hawser::tls {

// Enough for the longest record there may be (RFC 5246 §6.2.1).
inline constexpr size_t kLongestRecord = 5 + (1 << 14) + 2048;

// The bytes of the record that begins with `begin`, its header included; while that is incomplete, those of
// the header. 0: it begins no handshake, so there is nothing to wait for.
size_t FirstRecordBytes(std::span<const std::byte> begin);

}  // namespace hawser::tls
