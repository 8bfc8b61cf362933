// The services that a worker lends to its sessions: loop, memory, counters, logs. One per worker; it outlives
// the sessions and is used on its thread only, except the shared parts (access log). It makes no decisions:
// Sessions knows which sessions there are and whether they drain, Backends knows where requests go.
#pragma once

#include <cstdint>
#include <random>

#include "config/schema.h"
#include "proxy/base/secret_numbers.h"
#include "proxy/event/loop.h"
#include "proxy/http/via.h"
#include "proxy/net/buffer.h"
#include "proxy/net/pipe.h"
#include "proxy/session/access_log.h"
#include "proxy/session/handshake_queue.h"
#include "proxy/session/sessions.h"
#include "proxy/stats/worker_stats.h"
#include "proxy/ws/deflate_pool.h"

namespace hawser::session {

struct WorkerServices {
  event::Loop& loop;
  net::BufferPool& buffers;
  stats::WorkerStats& stats;
  Sessions& sessions;       // every session is in one of its lists
  AccessLog* access_log;    // null: none
  const http::Via& via;     // of this process
  ws::DeflatePool deflate;  // for routes that compress
  std::mt19937_64 random;   // for balancing and jitter; nothing that is to stay secret
  base::SecretNumbers secrets;
  net::Pipe pipe;       // for large frames on their way from socket to socket
  uint16_t worker = 0;  // its number
  HandshakeQueue handshakes{loop, stats, config::ProcessLimits{}.tls_handshake_share};
};

}  // namespace hawser::session
