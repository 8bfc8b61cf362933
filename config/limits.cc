#include "config/limits.h"

#include "config/describe.h"

namespace hawser::config {

void Describe(Description& d, const ProcessLimits& limits) {
  d.Field({"per_ip_entries",
           "Rows of the table behind `connections_per_ip` and `connection_rate_per_ip`, about 100 bytes "
           "each. Each client of each listener needs one. When every row belongs to a client with open "
           "connections, clients without a row are refused.",
           {},
           Presence::kOptional,
           Change::kByRestart},
          limits.per_ip_entries, {1, 100'000'000});
  d.Field({"compression_contexts",
           "Where routes say `compression: offload`: how many compressed messages from clients each worker "
           "may handle at once (45 KiB each), and how many to clients (150 KiB each). When all are in use, a "
           "client that begins a compressed message is closed with 1013, and messages to clients are sent "
           "uncompressed."},
          limits.compression_contexts, {1, 1'000'000});
  d.Field({"socket_io_sessions",
           "Rows of the table behind `routes[].affinity: socket.io`, about 150 bytes each. Each Socket.IO "
           "session that began by polling needs one. When the table is full, the session that was used the "
           "longest ago is forgotten.",
           {},
           Presence::kOptional,
           Change::kByRestart},
          limits.socket_io_sessions, {1, 100'000'000});
  d.Field({"socket_io_session_idle",
           "A session that no request has named for this long is forgotten. Set it to more than the servers' "
           "`pingInterval` and `pingTimeout` together. A session that has become a WebSocket no longer needs "
           "its row."},
          limits.socket_io_session_idle, {1s, 24h});
  d.Field({"answered_refusals",
           "Where listeners say `over_limit: respond`: how many connections each worker answers with 429 at "
           "one time. Further ones are closed without an answer. `0` closes all of them without an answer."},
          limits.answered_refusals, {0, 1'000'000});
  d.Field(
      {"reserve",
       "The part of the open files, and of each listener's `connections`, that is kept for new clients. "
       "When less is left, each new connection takes the place of one that asks for nothing: first of those "
       "that have not brought a complete request, then of those that are idle between requests, then of "
       "those whose request's body does not come. A few clients that have just come are spared while "
       "something "
       "is left. Connections that wait for an answer and tunnels stay. From half of the room on, the time "
       "for a "
       "TLS handshake, for "
       "headers, and between requests shrinks, down to a tenth at the reserve, but not below a second. `0`: "
       "connections are closed only when nothing is left."},
      limits.reserve, {0.0, 0.5});
  d.Field(
      {"tls_handshake_share",
       "The part of each worker's time that TLS handshakes with clients get while other connections have "
       "work: `0.25` is a quarter. Handshakes get all the time that is left while there is no other work. "
       "The rest wait; clients whose last connections led to requests go first."},
      limits.tls_handshake_share, {0.01, 0.9});
}

}  // namespace hawser::config
