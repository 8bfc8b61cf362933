// How an endpoint that is new or has come back gets its share step by step.
#pragma once

#include "config/section.h"
#include "config/values.h"

namespace hawser::config {

// Within `window` its weight is multiplied by (time since its start / window)^(1 / aggression).
struct SlowStart {
  Duration window = 30s;
  double aggression = 1.0;
  bool operator==(const SlowStart&) const = default;
};

void Describe(Description& d, const SlowStart& slow_start);

}  // namespace hawser::config
