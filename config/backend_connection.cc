#include "config/backend_connection.h"

#include "config/describe.h"

namespace hawser::config {

void Describe(Description& d, const IdleConnections& idle) {
  d.Field({"max",
           "How many idle connections each worker keeps for each endpoint. `0` keeps none: every request "
           "opens a connection of its own."},
          idle.max, {0, 100'000});
  d.Field({"timeout",
           "A connection that no request has used for this long is closed. Set it below the backend's own "
           "limit."},
          idle.timeout, {1ms, 24h});
}

void Describe(Description& d, const TcpKeepalive& keepalive) {
  d.Field({"idle",
           "When a backend's host has been silent for this long, the kernel sends it a probe (SO_KEEPALIVE). "
           "Rounded up to whole seconds. `0` turns all of this off: then a host that is gone is found after "
           "about 15 minutes if data is on its way to it, and never if there is none."},
          keepalive.idle, {0s, kLongestProbe});
  d.Field({"interval", "Time between two probes. Rounded up to whole seconds."}, keepalive.interval,
          {1s, kLongestProbe});
  d.Field({"probes", "After this many probes without an answer the connection is lost."}, keepalive.probes,
          {1, 127});
}

}  // namespace hawser::config
