#include "config/slow_start.h"

#include "config/describe.h"

namespace hawser::config {

void Describe(Description& d, const SlowStart& slow_start) {
  d.Field({"window",
           "For this time the weight of an endpoint grows: after it has joined, after an ejection and after "
           "it has become healthy again."},
          slow_start.window, {10ms, 24h});
  d.Field({"aggression",
           "How the weight grows: it is multiplied by (time / `window`) to the power of 1 / `aggression`. "
           "`1`: evenly. Above 1: fast at first. Below 1: slow at first."},
          slow_start.aggression, {0.1, 10.0});
}

}  // namespace hawser::config
