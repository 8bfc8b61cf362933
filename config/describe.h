// The one description of the configuration: every field's name, rules and help. Loader, JSON Schema,
// reference and dump read it, so a field that is added here is added to all of them; its default stands in
// schema.h. Each section of the file has a header of its own; this one holds what concerns the whole process.
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
           "Where the admin pages are served: `/ready`, `/healthz`, `/metrics`, `/clusters`, `/tunnels`, "
           "`/clients`, `/config_dump`. They ask for no password: keep this on loopback or on a Unix socket.",
           "no admin listener"},
          admin.address);
  v.Field(
      {"hosts",
       "Host names that requests to the admin pages may name, such as `hawser.internal`. IP addresses and "
       "`localhost` are always allowed. A request for another host is refused, so that no web page can "
       "reach this listener by a DNS name of its own (DNS rebinding).",
       "none"},
      admin.hosts, {.each = {Form::kDnsName, kLongestDnsName}});
  v.Field({"mode",
           "Permissions of the socket file, where `address` is a Unix socket with a path. Whoever may write "
           "to the file may connect. The umask is ignored."},
          admin.mode, {Form::kFileMode});
  v.Field({"connections",
           "How many connections are served at once. One more closes the oldest that waits for its client."},
          admin.connections, {1, 10'000});
  v.Field({"timeout",
           "Time from accepting a connection to the end of its answer. Then the connection is closed."},
          admin.timeout, {100ms, kLongestWait});
  v.Field(
      {"tunnels_shown",
       "The most rows that `/tunnels` shows. Workers collect them 256 at a time, between their other work."},
      admin.tunnels_shown, {1, 1'000'000});
  v.Field({"clients_shown", "The most rows that `/clients` shows."}, admin.clients_shown, {1, 100'000});
}

template <>
struct Names<QueryLog> {
  static constexpr Name<QueryLog> kTable[] = {
      {"redact", QueryLog::kRedact}, {"keep", QueryLog::kKeep}, {"drop", QueryLog::kDrop}};
};

template <class V>
void Describe(V& v, Is<AccessLog> auto& log) {
  v.Field({"path",
           "File that lines are appended to: one for each request and one for each tunnel, written when it "
           "ends. `-` is stdout.",
           "no access log"},
          log.path, {Form::kLogFile});
  v.Field({"format",
           "`json`, or a line of your own with `%field%` operators, such as "
           "`%time% %client% %host% %status% %close_code%`; `%%` is a percent sign."},
          log.format);
  v.Field({"query",
           "What the log shows of a request's query. `redact`: the query, with `…` for the values of the "
           "parameters in `redacted`. `keep`: all of it. `drop`: nothing."},
          log.query);
  v.Field({"redacted",
           "Names of query parameters that hold credentials. A name is found in any case, and if parts of it "
           "are percent-encoded. A list here replaces the default: repeat `token`, `access_token`, `jwt` and "
           "`key` if you need them.",
           "`token`, `access_token`, `jwt`, `key`"},
          log.redacted, {.each = {Form::kText}});
  v.Field({"queue",
           "How many lines may wait to be written. When the disk cannot keep up, further lines are dropped "
           "and counted; tunnels never wait for the log."},
          log.queue, {1, 1 << 20});
}

template <class V>
void Describe(V& v, Is<ReloadDrain> auto& reload) {
  v.Field({"window",
           "The closes are spread evenly over this time. Tunnels that do not finish their close are cut 30s "
           "later. `0` closes all of them at once."},
          reload.window, {0s, 24h});
  v.Field({"code", "Close code for their clients and backends: 1012 says that the service restarts."},
          reload.code);
}

template <class V>
void Describe(V& v, Is<Drain> auto& drain) {
  v.Field({"window",
           "On SIGTERM, SIGINT or SIGQUIT every tunnel is closed with `code`. The closes are "
           "spread evenly over this time, so that clients do not all reconnect at once. `0` closes all "
           "tunnels at once."},
          drain.window, {0s, 24h});
  v.Field({"deadline",
           "Time from the signal to the end of the process, for tunnels that do not finish their close. Not "
           "below `window`. `0`, with a `window` of `0`, ends without waiting.",
           "`window` + 30s"},
          drain.deadline, {0s, 48h});
  v.Field({"code", "Close code for clients and backends: 1001 says that the server goes away."}, drain.code);
  v.Field({"reload", "How tunnels are closed whose listener or route a reload removes."}, drain.reload);
}

template <class V>
void Describe(V& v, Is<ProcessLimits> auto& limits) {
  v.Field({"per_ip_entries",
           "Rows of the table behind `connections_per_ip` and `connection_rate_per_ip`, about 100 bytes "
           "each. Each client of each listener needs one. When every row belongs to a client with open "
           "connections, clients without a row are refused.",
           {},
           Presence::kOptional,
           Change::kByRestart},
          limits.per_ip_entries, {1, 100'000'000});
  v.Field({"compression_contexts",
           "Where routes say `compression: offload`: how many compressed messages from clients each worker "
           "may handle at once (45 KiB each), and how many to clients (150 KiB each). When all are in use, a "
           "client that begins a compressed message is closed with 1013, and messages to clients are sent "
           "uncompressed."},
          limits.compression_contexts, {1, 1'000'000});
  v.Field({"socket_io_sessions",
           "Rows of the table behind `routes[].affinity: socket.io`, about 150 bytes each. Each Socket.IO "
           "session that began by polling needs one. When the table is full, the session that was used the "
           "longest ago is forgotten.",
           {},
           Presence::kOptional,
           Change::kByRestart},
          limits.socket_io_sessions, {1, 100'000'000});
  v.Field({"socket_io_session_idle",
           "A session that no request has named for this long is forgotten. Set it to more than the servers' "
           "`pingInterval` and `pingTimeout` together. A session that has become a WebSocket no longer needs "
           "its row."},
          limits.socket_io_session_idle, {1s, 24h});
  v.Field({"answered_refusals",
           "Where listeners say `over_limit: respond`: how many connections each worker answers with 429 at "
           "one time. Further ones are closed without an answer. `0` closes all of them without an answer."},
          limits.answered_refusals, {0, 1'000'000});
  v.Field(
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
  v.Field(
      {"tls_handshake_share",
       "The part of each worker's time that TLS handshakes with clients get while other connections have "
       "work: `0.25` is a quarter. Handshakes get all the time that is left while there is no other work. "
       "The rest wait; clients whose last connections led to requests go first."},
      limits.tls_handshake_share, {0.01, 0.9});
}

template <>
struct Names<IpFamily> {
  static constexpr Name<IpFamily> kTable[] = {{"auto", IpFamily::kAuto},
                                              {"ipv4", IpFamily::kIpv4},
                                              {"ipv6", IpFamily::kIpv6},
                                              {"both", IpFamily::kBoth}};
};

template <class V>
void Describe(V& v, Is<Dns> auto& dns) {
  v.Field({"servers", "Servers to ask. They are tried in this order.", "the system's"}, dns.servers,
          {.min_items = 1});
  v.Field({"min_refresh", "A name is asked for again when its TTL is over, but not before this time."},
          dns.min_refresh, {10ms, 24h});
  v.Field({"max_refresh", "A name is asked for again after this time at the latest, whatever its TTL."},
          dns.max_refresh, {10ms, 24h});
  v.Field({"hold",
           "An address counts as gone when no answer has had it for this long. Servers that know many "
           "addresses of a name may give some of them in each answer."},
          dns.hold, {0s, 24h});
  v.Field({"initial_timeout",
           "How long hawser waits for the first answers when it starts. `/ready` is 503 until then. After "
           "that it serves with the endpoints that it has."},
          dns.initial_timeout, {0s, kLongestWait});
  v.Field({"timeout", "Time for one server to answer one query."}, dns.timeout, {10ms, 1min});
  v.Field({"attempts", "How often each server is asked before a query has failed."}, dns.attempts, {1, 16});
  v.Field({"ip_family",
           "Which addresses of a name are used. `auto`: IPv4 if there are any, else IPv6. `ipv4`, `ipv6`: "
           "these alone. `both`: all."},
          dns.ip_family);
}

template <class V>
void Describe(V& v, Is<Config> auto& config) {
  v.Field({"admin", "The admin listener."}, config.admin);
  v.Field({"access_log", "One line for every request and every tunnel."}, config.access_log);
  v.Field({"drain", "What SIGTERM does. A second SIGTERM or SIGINT ends the process at once."}, config.drain);
  v.Field({"limits", "Bounds on what the whole process uses."}, config.limits);
  v.Field(
      {"dns",
       "How host names in `endpoints` and `discovery.srv` are resolved. The last good answer stays in use "
       "when a server fails or answers with nothing."},
      config.dns);
  v.Field({"listeners", "Where clients connect.", {}, kRequired}, config.listeners, {.min_items = 1});
  v.Field({"routes",
           "Which requests go to which cluster. Of all routes that match, the first in the file takes the "
           "request; one that no route takes is answered 404.",
           {},
           kRequired},
          config.routes, {.min_items = 1});
  v.Field({"clusters", "The backends, in groups. The members of a group serve the same requests.", "none"},
          config.clusters);
  v.NeededBy("clusters", "routes", {"cluster", "weighted_clusters"});
  v.FreeKeys("x-");
}

}  // namespace hawser::config
