// How fast each endpoint of a cluster gets WebSocket handshakes, and how many wait for their turn.
#pragma once

#include <cstdint>

#include "config/section.h"
#include "config/values.h"

namespace hawser::config {

struct Admission {
  Rate rate{200};           // per endpoint, of all workers together; above 0
  uint32_t burst = 200;     // one second's worth of the rate, if left out
  uint32_t pending = 1000;  // that wait for one endpoint; 0: none waits
  Duration wait = 5s;
  bool operator==(const Admission&) const = default;
};

void Describe(Description& d, const Admission& admission);

void CheckAdmission(const Admission& admission, const Checks& checks);

}  // namespace hawser::config
