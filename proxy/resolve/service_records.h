// The SRV records of a DNS answer (RFC 1035 §4.1, RFC 2782). c-ares 1.18 parses them too, but leaves out
// their TTL.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "proxy/resolve/records.h"

namespace hawser::resolve {

inline constexpr uint16_t kServiceType = 33;  // SRV
inline constexpr uint16_t kInternet = 1;      // the class IN

// The records of a whole message, and the smallest TTL of its answers, those of a CNAME chain included.
// Nothing: the message is malformed. No services: it has no SRV record, or one with the target "." (RFC
// 2782: the service is decidedly not available at this domain).
std::optional<Services> ParseServices(std::span<const uint8_t> message);

// A TTL as it stands in a record, in seconds: one with its top bit set is 0 (RFC 2181 §8).
base::Duration TtlOf(int64_t seconds);

}  // namespace hawser::resolve
