// What one HTTP/2 session is allowed and announces. Plain values; the session's owner keeps them alive.
#pragma once

#include <chrono>
#include <cstdint>

#include "proxy/base/clock.h"
#include "proxy/http2/abuse.h"

namespace hawser::http2 {

enum class Role : uint8_t { kServer, kClient };  // of hawser

// Of one header block, as decoded. A field counts its name, its value and 32 bytes (RFC 9113 §6.5.2); each
// cookie crumb is a field.
struct HeadLimits {
  uint32_t bytes = 64 * 1024;
  uint32_t fields = 100;
};

struct Settings {
  // Server: what the peer may have open at once. Client: what hawser opens at the most, whatever the peer
  // allows.
  uint32_t max_concurrent_streams = 100;
  // Bytes that a peer may send before any is read, on a stream and on the connection. A stream holds at most
  // its window in memory. The connection's window is given back as bytes arrive: a stream that is not read
  // stalls no other.
  uint32_t stream_window = 64 * 1024;
  uint32_t connection_window = 1024 * 1024;
  HeadLimits head;
  BudgetLimits budgets;
  // If output makes no progress for this long because the peer keeps a window (HTTP/2's or TCP's) closed, the
  // stream is reset or the connection ends. 0: never.
  base::Duration stall_timeout = std::chrono::seconds(60);
  // A server's: how long a client may go on sending a body after it has been answered.
  base::Duration drop_time = std::chrono::seconds(2);
  bool tls = false;  // for the :scheme of requests that name none
};

}  // namespace hawser::http2
