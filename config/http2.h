// HTTP/2 with clients.
#pragma once

#include <cstdint>

#include "config/section.h"
#include "config/values.h"

namespace hawser::config {

// Frames that a client may send in a window of time; more ends the connection.
struct Http2Budgets {
  Duration window = 10s;
  uint32_t resets = 200;
  uint32_t provoked_resets = 100;
  uint32_t settings = 100;
  uint32_t pings = 1000;
  uint32_t priorities = 1000;
  uint32_t empty_data = 200;
  uint32_t window_updates = 2000;
  uint32_t continuations = 8;  // of one header block
  bool operator==(const Http2Budgets&) const = default;
};

struct Http2 {
  bool enabled = true;           // offered by ALPN, where TLS is
  bool prior_knowledge = false;  // plain listeners only: for connections that begin with the preface
  uint32_t max_concurrent_streams = 100;
  ByteSize initial_stream_window{64 * 1024};
  ByteSize initial_connection_window{1024 * 1024};
  Duration stall_timeout = 60s;  // of output that a closed window keeps waiting; 0: no limit
  Http2Budgets budgets;
  bool operator==(const Http2&) const = default;
};

void Describe(Description& d, const Http2Budgets& budgets);
void Describe(Description& d, const Http2& http2);

}  // namespace hawser::config
