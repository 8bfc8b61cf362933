#include "proxy/admin/pages.h"

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "config/dump.h"
#include "fmt/format.h"
#include "proxy/admin/clusters_page.h"
#include "proxy/admin/json_fields.h"
#include "proxy/admin/reload_page.h"
#include "proxy/edge/ip_table.h"

namespace hawser::admin {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kJson = "application/json";

void Help(const Sources&, Reply reply) {
  std::string body = "hawser's admin pages:\n";
  for (const PageSpec& page : Pages()) body += fmt::format("  {:<20} {}\n", page.path, page.help);
  reply({.body = std::move(body)});
}

// For supervisors: a process that drains is not to be killed for it.
void Liveness(const Sources&, Reply reply) {
  reply({.body = "alive\n"});
}

void Readiness(const Sources& from, Reply reply) {
  using Phase = server::Server::Phase;
  const Phase phase = from.server.phase();
  if (phase == Phase::kServing) return reply({.body = "ready\n"});
  reply({.status = 503, .body = phase == Phase::kStarting ? "starting\n" : "draining\n"});
}

void Prometheus(const Sources& from, Reply reply) {
  reply({.body = stats::RenderPrometheus(from.server.stats().Sum(), CollectSamples(from))});
}

// --- /clusters ---

void Clusters(const Sources& from, Reply reply) {
  reply(ClustersPage(from));
}

// --- /tunnels ---

using server::TunnelRow;

constexpr auto kSideFields = std::to_array<Field<TunnelRow::Side>>({
    {"incoming", "string",
     "What the peer sends. `open`: it is forwarded. `close_received`: its close frame has come. "
     "`discarding`: "
     "it is dropped. `ended`: the peer has ended.",
     [](const TunnelRow::Side& side) { return Json(session::NameOf(side.incoming)); }},
    {"outgoing", "string",
     "What the peer is sent. `open`: it is written. `blocked`: the peer does not take it for now. "
     "`finishing`: the rest is being written. `finished`: all is written. `fin_grace`: the backend is given "
     "time to end first. `shut`: hawser has ended this direction. `broken`: a write has failed. `closed`: "
     "the "
     "connection is closed.",
     [](const TunnelRow::Side& side) { return Json(session::NameOf(side.outgoing)); }},
});

constexpr auto kSidesFields = std::to_array<Field<TunnelRow>>({
    {"client", "map", "The client's side.",
     [](const TunnelRow& row) { return ToJson(kSideFields, row.client_side); }},
    {"backend", "map", "The backend's side.",
     [](const TunnelRow& row) { return ToJson(kSideFields, row.backend_side); }},
});

constexpr auto kTunnelFields = std::to_array<Field<TunnelRow>>({
    {"id", "string", "Id of the tunnel: worker, slot and generation. As `tunnel_id` in the access log.",
     [](const TunnelRow& row) { return Json(row.id); }},
    {"request_id", "string", "As in the access log, and sent to the backend as `X-Request-Id`.",
     [](const TunnelRow& row) { return Json(row.request_id); }},
    {"client", "string", "Address of the client. Behind a trusted proxy, the address that the proxy names.",
     [](const TunnelRow& row) { return Json(row.client); }},
    {"listener", "string", "Name of the listener that it came in by.",
     [](const TunnelRow& row) { return Json(row.listener); }},
    {"protocol", "string", "HTTP version that the client speaks: `HTTP/1.1` or `HTTP/2`.",
     [](const TunnelRow& row) { return Json(row.protocol); }},
    {"route", "string", "Name of the route.", [](const TunnelRow& row) { return Json(row.route); }},
    {"cluster", "string", "Name of the cluster.", [](const TunnelRow& row) { return Json(row.cluster); }},
    {"endpoint", "string", "Address of the endpoint.",
     [](const TunnelRow& row) { return Json(row.endpoint); }},
    {"state", "string",
     "`open`: messages flow. `closing`: a close frame or an end has been seen or decided on. `closed`: both "
     "connections are closed.",
     [](const TunnelRow& row) { return Json(row.state); }},
    {"sides", "map", "How far each direction has come.",
     [](const TunnelRow& row) { return ToJson(kSidesFields, row); }},
    {"age_seconds", "number", "Seconds since the head of its request.",
     [](const TunnelRow& row) { return Json(row.age_seconds); }},
    {"messages_in", "integer", "Data messages that the client has sent.",
     [](const TunnelRow& row) { return Json(row.traffic.messages_in); }},
    {"messages_out", "integer", "Data messages that the backend has sent.",
     [](const TunnelRow& row) { return Json(row.traffic.messages_out); }},
    {"bytes_in", "integer", "Bytes of frames that the client has sent, frame headers included.",
     [](const TunnelRow& row) { return Json(row.traffic.bytes_in); }},
    {"bytes_out", "integer", "Bytes of frames that the backend has sent, frame headers included.",
     [](const TunnelRow& row) { return Json(row.traffic.bytes_out); }},
    {"pings_sent", "integer", "Keepalive pings that hawser has sent to both peers.",
     [](const TunnelRow& row) { return Json(row.traffic.pings_sent); }},
    {"rtt_ms", "number",
     "Mean time from a keepalive ping to the client's pong, milliseconds. 0 before the first pong.",
     [](const TunnelRow& row) { return Json(row.traffic.rtt_average_ms); }},
});

struct OpenTunnels {
  uint64_t open;
  size_t most;
  const std::vector<TunnelRow>& rows;
};

constexpr auto kTunnelsFields = std::to_array<Field<OpenTunnels>>({
    {"open", "integer", "Tunnels that are open now.",
     [](const OpenTunnels& tunnels) { return Json(tunnels.open); }},
    {"shown_at_most", "integer", "The value of `admin.tunnels_shown`.",
     [](const OpenTunnels& tunnels) { return Json(tunnels.most); }},
    {"tunnels", "list", "Tunnels, one worker's after the other's, up to `shown_at_most`.",
     [](const OpenTunnels& tunnels) { return ToJsonList(kTunnelFields, tunnels.rows); }},
});

void Tunnels(const Sources& from, Reply reply) {
  const size_t most = from.server.snapshot().config->admin.tunnels_shown;
  from.server.CollectTunnels(most, [&server = from.server, most,
                                    reply = std::move(reply)](const std::vector<TunnelRow>& rows) mutable {
    const OpenTunnels tunnels{server.stats().Sum()[stats::Metric::kTunnelsOpen], most, rows};
    reply({.body = TextOf(ToJson(kTunnelsFields, tunnels))});
  });
}

std::vector<FieldSpec> DocumentTunnels() {
  std::vector<FieldSpec> fields;
  Document("", kTunnelsFields, fields);
  Document("tunnels[].", kTunnelFields, fields);
  Document("tunnels[].sides.", kSidesFields, fields);
  Document("tunnels[].sides.client.", kSideFields, fields);
  Document("tunnels[].sides.backend.", kSideFields, fields);
  return fields;
}

// --- /clients ---

struct Client {
  std::string address;
  std::string listener;
  uint64_t connections;
};

constexpr auto kClientFields = std::to_array<Field<Client>>({
    {"address", "string", "Address of the client, or its block of IPv6 addresses (`limits.ipv6_prefix`).",
     [](const Client& client) { return Json(client.address); }},
    {"listener", "string", "Name of the listener. Clients are counted for each listener.",
     [](const Client& client) { return Json(client.listener); }},
    {"connections", "integer", "Connections that are open now.",
     [](const Client& client) { return Json(client.connections); }},
});

struct KnownClients {
  uint64_t known;
  size_t most;
  std::vector<Client> rows;
};

constexpr auto kClientsFields = std::to_array<Field<KnownClients>>({
    {"known", "integer", "Rows of the per-IP table in use, also those of clients that have left.",
     [](const KnownClients& clients) { return Json(clients.known); }},
    {"shown_at_most", "integer", "The value of `admin.clients_shown`.",
     [](const KnownClients& clients) { return Json(clients.most); }},
    {"clients", "list", "Clients with the most connections, up to `shown_at_most`.",
     [](const KnownClients& clients) { return ToJsonList(kClientFields, clients.rows); }},
});

// Empty for one that has gone.
std::string ListenerOf(const session::Snapshot& snapshot, uint32_t id) {
  const auto listener = snapshot.listeners.Find(id);
  return listener == nullptr ? std::string() : std::string(listener->name.text());
}

void Clients(const Sources& from, Reply reply) {
  const session::Snapshot& snapshot = from.server.snapshot();
  const edge::IpTable& table = from.server.edge().ip_table;
  KnownClients clients{.known = table.size(), .most = snapshot.config->admin.clients_shown, .rows = {}};
  for (const edge::IpTable::Row& row : table.Top(clients.most)) {
    clients.rows.push_back({.address = row.prefix.ToString(),
                            .listener = ListenerOf(snapshot, row.listener),
                            .connections = row.connections});
  }
  reply({.body = TextOf(ToJson(kClientsFields, clients))});
}

std::vector<FieldSpec> DocumentClients() {
  std::vector<FieldSpec> fields;
  Document("", kClientsFields, fields);
  Document("clients[].", kClientFields, fields);
  return fields;
}

// --- /config_dump ---

constexpr auto kDumpFields = std::to_array<Field<server::Server>>({
    {"generation", "integer", "Number of the configuration. The first is 1; a reload that is applied adds 1.",
     [](const server::Server& server) { return Json(server.snapshot().generation); }},
    {"time", "string", "Since when it is in force: UTC, RFC 3339, whole seconds.",
     [](const server::Server& server) { return Json(TimeText(server.in_force_since())); }},
});

void ConfigDump(const Sources& from, Reply reply) {
  Json page = ToJson(kDumpFields, from.server);
  page.update(config::Dump(*from.server.snapshot().config));
  reply({.body = TextOf(page)});
}

std::vector<FieldSpec> DocumentConfigDump() {
  std::vector<FieldSpec> fields;
  Document("", kDumpFields, fields);
  return fields;
}

// --- /reload ---

void Reload(const Sources& from, Reply reply) {
  from.server.Reload(
      [reply = std::move(reply)](const server::ReloadResult& result) mutable { reply(ReloadPage(result)); });
}

using enum Method;

constexpr PageSpec kPages[] = {
    {"/", kGet, "Lists the pages.", kText, Help},
    {"/ready", kGet,
     "Says whether hawser accepts connections: 200, or 503 while it drains, and while it starts and waits "
     "for "
     "the first endpoints of clusters that are discovered.",
     kText, Readiness},
    {"/healthz", kGet, "Answers 200 for as long as the process lives, while it drains too.", kText, Liveness},
    {"/metrics", kGet, "Shows all metrics in the Prometheus text format (docs/metrics.md).",
     stats::kPrometheusContentType, Prometheus},
    {"/stats/prometheus", kGet, "The same as `/metrics`.", stats::kPrometheusContentType, Prometheus},
    {"/clusters", kGet, "Shows clusters and endpoints with their counts and states.", kJson, Clusters,
     DocumentClusters},
    {"/tunnels", kGet, "Shows the open tunnels.", kJson, Tunnels, DocumentTunnels},
    {"/clients", kGet, "Shows the client addresses with the most connections.", kJson, Clients,
     DocumentClients},
    {"/config_dump", kGet,
     "Shows the configuration in force, with defaults and without secrets: the fields of docs/config.md, and "
     "its generation and time.",
     kJson, ConfigDump, DocumentConfigDump},
    {"/reload", kPost,
     "Reads the configuration again and applies it: 200 when all of it is in force or nothing has changed, "
     "422 "
     "when it has errors and nothing of it is applied, 409 while hawser drains.",
     kJson, Reload, DocumentReload},
};

bool Takes(Method page, std::string_view method) {
  return page == kPost ? method == "POST" : method == "GET" || method == "HEAD";
}

}  // namespace

std::span<const PageSpec> Pages() {
  return kPages;
}

void Render(const Sources& from, const Request& request, Reply reply) {
  for (const PageSpec& page : kPages) {
    if (page.path != request.path) continue;
    if (!Takes(page.method, request.method)) {
      const std::string_view allow = page.method == kPost ? "POST" : "GET, HEAD";
      return reply({.status = 405, .body = fmt::format("this page takes {} only\n", allow), .allow = allow});
    }
    return page.render(from, [&page, reply = std::move(reply)](Page rendered) mutable {
      rendered.content_type = page.content_type;
      reply(std::move(rendered));
    });
  }
  reply({.status = 404, .body = "There is no such page; / lists the pages.\n"});
}

}  // namespace hawser::admin
