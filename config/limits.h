// Bounds on what the whole process uses.
#pragma once

#include <cstdint>

#include "config/section.h"
#include "config/values.h"

namespace hawser::config {

struct ProcessLimits {
  uint64_t per_ip_entries = 1'000'000;   // rows of the per-IP table at the most, about 100 bytes each
  uint32_t compression_contexts = 1024;  // of each worker, each way: messages being (de)compressed at once
  uint64_t socket_io_sessions =
      1'000'000;  // rows of the table behind `affinity: socket.io`, about 150 bytes each
  Duration socket_io_session_idle = 5min;  // a session that no request has named for this time is dropped
  uint32_t answered_refusals = 256;        // of each worker: connections that get their 429 at one time
  double reserve = 0.05;                   // part of the open files, and of each listener's connections
  double tls_handshake_share = 0.25;       // of each worker's time, while streams have work
  bool operator==(const ProcessLimits&) const = default;
};

void Describe(Description& d, const ProcessLimits& limits);

}  // namespace hawser::config
