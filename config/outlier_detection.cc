#include "config/outlier_detection.h"

#include <string>

#include "config/checks.h"
#include "config/describe.h"
#include "config/units.h"
#include "fmt/format.h"

namespace hawser::config {

void Describe(Description& d, const OutlierDetection& detection) {
  d.Field(
      {"consecutive_failures",
       "After this many failures in a row an endpoint is ejected: it gets nothing new. Failures are "
       "connections that cannot be made, time-outs, WebSocket handshakes answered with 5xx or a wrong "
       "101, and tunnels that end by the backend's fault: 1011, no pong, or a connection that is reset or "
       "ends without a close frame within 10 s of the 101, or later when half of the endpoint's tunnels "
       "end so within a second. Tunnels that end with 1000 or 1001, or because the client leaves, are "
       "none."},
      detection.consecutive_failures, {1, 1000});
  d.Field({"base_ejection_time",
           "How long the first ejection lasts. Each further one in a row lasts twice as long as the last. A "
           "health check that succeeds ends an ejection at once."},
          detection.base_ejection_time, {10ms, 24h});
  d.Field({"max_ejection_time", "The longest ejection."}, detection.max_ejection_time, {10ms, 24h});
  d.Field({"max_ejection_percent",
           "How many of the endpoints may be ejected at one time, rounded down, but one of two may be. The "
           "last usable endpoint is never ejected. `0`: none is ejected."},
          detection.max_ejection_percent, {0, 100});
}

void CheckOutlierDetection(const OutlierDetection& detection, const Checks& checks) {
  if (!checks.Sound(detection) || detection.base_ejection_time <= detection.max_ejection_time) return;
  const bool max_given = checks.Given(detection.max_ejection_time);
  const std::string what =
      fmt::format("base_ejection_time ({}) is above max_ejection_time ({})",
                  FormatDuration(detection.base_ejection_time), FormatDuration(detection.max_ejection_time));
  max_given ? checks.Error(detection.max_ejection_time, what)
            : checks.Error(detection.base_ejection_time, what);
}

}  // namespace hawser::config
