// Circuit breakers: how much may be under way to backends at one time. One struct, of a cluster and of each
// of its endpoints.
#pragma once

#include <cstdint>

#include "config/section.h"

namespace hawser::config {

struct CircuitBreakers {  // 0: no limit
  uint32_t tunnels = 0;   // WebSocket handshakes under way count too: each may become a tunnel
  uint32_t requests = 0;  // that are no WebSocket handshakes
  uint32_t connecting = 0;
  bool operator==(const CircuitBreakers&) const = default;
};

void Describe(Description& d, const CircuitBreakers& breakers);

}  // namespace hawser::config
