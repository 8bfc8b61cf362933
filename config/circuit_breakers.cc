#include "config/circuit_breakers.h"

#include "config/describe.h"

namespace hawser::config {

void Describe(Description& d, const CircuitBreakers& breakers) {
  constexpr uint32_t kMost = 100'000'000;
  d.Field({"tunnels",
           "How many WebSocket tunnels may be open. Handshakes under way count too, because each may become "
           "a tunnel. `0`: no limit."},
          breakers.tunnels, {0, kMost});
  d.Field(
      {"requests", "How many requests may be under way, WebSocket handshakes not counted. `0`: no limit."},
      breakers.requests, {0, kMost});
  d.Field({"connecting", "How many connections may be in the making. `0`: no limit."}, breakers.connecting,
          {0, kMost});
}

}  // namespace hawser::config
