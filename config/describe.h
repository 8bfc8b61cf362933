// The one description of the configuration: every field's name, rules and help. Loader, JSON Schema, reference and dump
// read it, so a field that is added here is added to all of them; its default stands in schema.h. Each section of the
// file has a header of its own; this one holds what concerns the whole process.
#pragma once

#include "config/describe_cluster.h"
#include "config/describe_listener.h"
#include "config/describe_route.h"
#include "config/field.h"
#include "config/schema.h"

namespace hawser::config {

template <class V>
void Describe(V& v, Is<Admin> auto& admin) {
  v.Field({"address",
           "Where the admin pages are served: `/ready`, `/stats/prometheus`, `/clusters`, `/tunnels`, "
           "`/clients`, "
           "`/config_dump`. They ask for no password: keep this on loopback or on a Unix socket.",
           "no admin listener"},
          admin.address);
  v.Field(
      {"mode",
       "Permissions of the socket file, where `address` is a Unix socket with a path. Whoever may write to "
       "the file may connect. The umask has no say."},
      admin.mode, {Form::kFileMode});
  v.Field({"connections",
           "Connections that are served at once. One more closes the oldest that waits for its client."},
          admin.connections, {1, 10'000});
  v.Field({"timeout", "Time from accepting a connection to the end of its answer. Then it is closed."},
          admin.timeout, {100ms, kLongestWait});
  v.Field({"tunnels_shown",
           "Rows that `/tunnels` shows at the most. Workers gather them 256 at a time, between their other "
           "work."},
          admin.tunnels_shown, {1, 1'000'000});
  v.Field({"clients_shown", "Rows that `/clients` shows at the most."}, admin.clients_shown, {1, 100'000});
}

template <class V>
void Describe(V& v, Is<AccessLog> auto& log) {
  v.Field({"path",
           "The file that lines are appended to, one for every request and every tunnel when it ends. `-` is "
           "stdout.",
           "no access log"},
          log.path, {Form::kLogFile});
  v.Field({"format",
           "`json`, or a line of your own with `%field%` operators, such as "
           "`%time% %client% %host% %status% %close_code%`; `%%` is a percent sign."},
          log.format);
  v.Field({"queue",
           "Lines that may wait to be written. When the disk cannot keep up, lines are dropped and counted; "
           "tunnels never wait for the log."},
          log.queue, {1, 1 << 20});
}

template <class V>
void Describe(V& v, Is<Drain> auto& drain) {
  v.Field({"window",
           "On SIGTERM, SIGINT or SIGQUIT every tunnel is closed with 1001 (going away), spread evenly over "
           "this time so that "
           "clients do not all reconnect at once. `0` closes all of them at once."},
          drain.window, {0s, 24h});
  v.Field({"deadline",
           "Time from the signal to the end, for tunnels that do not finish their close. Not below `window`.",
           "`window` + 30s"},
          drain.deadline, {0s, 48h});
}

template <class V>
void Describe(V& v, Is<ProcessLimits> auto& limits) {
  v.Field({"per_ip_entries",
           "Rows of the table behind `connections_per_ip` and `connection_rate_per_ip`, about 100 "
           "bytes each: one for each client of each listener. When every row has open connections, "
           "clients without a row are refused."},
          limits.per_ip_entries, {1, 100'000'000});
  v.Field(
      {"compression_contexts",
       "Where routes say `compression: offload`: compressed messages from clients that each worker may have "
       "under way at once (45 KiB each), and as many to clients (150 KiB each). Beyond it a client that "
       "starts "
       "one is closed with 1013, and messages to clients leave uncompressed."},
      limits.compression_contexts, {1, 1'000'000});
  v.Field({"socket_io_sessions",
           "Rows of the table behind `routes[].affinity: socket.io`, about 150 bytes each: one for each "
           "Socket.IO session that has begun by polling. When it is full, the session that was heard of the "
           "longest ago is forgotten."},
          limits.socket_io_sessions, {1, 100'000'000});
  v.Field(
      {"socket_io_session_idle",
       "A session that no request has named for this long is forgotten. More than the servers' "
       "`pingInterval` and `pingTimeout` together; a session that has become a WebSocket needs its row no "
       "more."},
      limits.socket_io_session_idle, {1s, 24h});
  v.Field({"answered_refusals",
           "Where listeners say `over_limit: respond`: connections that each worker answers with 429 at one "
           "time. Beyond it "
           "they are closed without an answer. `0` closes all of them."},
          limits.answered_refusals, {0, 1'000'000});
}

template <class V>
void Describe(V& v, Is<Config> auto& config) {
  v.Field({"admin", "The admin listener."}, config.admin);
  v.Field({"access_log", "One line for every request and every tunnel."}, config.access_log);
  v.Field({"drain", "What SIGTERM does. A second SIGTERM or SIGINT ends at once."}, config.drain);
  v.Field({"limits", "Bounds on what the whole process uses."}, config.limits);
  v.Field({"listeners", "Where clients connect.", {}, kRequired}, config.listeners, {.min_items = 1});
  v.Field({"routes",
           "Which requests go to which cluster. Of all routes that match, the first in the file takes the "
           "request; one that no route takes is answered 404.",
           {},
           kRequired},
          config.routes, {.min_items = 1});
  v.Field({"clusters", "The backends, in groups whose members are alike.", "none"}, config.clusters);
  v.NeededBy("clusters", "routes", {"cluster", "weighted_clusters"});
  v.FreeKeys("x-");
}

}  // namespace hawser::config
