// Connections to backends: those that are kept, and how dead ones are found.
#pragma once

#include <cstdint>

#include "config/section.h"
#include "config/values.h"

namespace hawser::config {

struct IdleConnections {
  uint32_t max = 256;  // kept by each worker for each endpoint; 0: none is kept
  Duration timeout = 30s;
  bool operator==(const IdleConnections&) const = default;
};

// Of the connections to backends, by their TCP. Kept in whole seconds.
struct TcpKeepalive {
  Duration idle = 30s;      // silence after which the first probe is sent; 0 turns all of it off
  Duration interval = 10s;  // between probes
  uint32_t probes = 3;      // unanswered ones that end the connection
  bool operator==(const TcpKeepalive&) const = default;
};

void Describe(Description& d, const IdleConnections& idle);
void Describe(Description& d, const TcpKeepalive& keepalive);

}  // namespace hawser::config
