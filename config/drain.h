// How tunnels are ended when the process ends.
#pragma once

#include "config/values.h"

namespace hawser::config {

struct Drain {
  Duration window = 30s;    // closes are spread over it
  Duration deadline = 60s;  // from SIGTERM to the end; window + 30s if left out
  bool operator==(const Drain&) const = default;
};

}  // namespace hawser::config
