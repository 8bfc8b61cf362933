#include "proxy/admin/pages.h"

#include <chrono>
#include <utility>
#include <vector>

#include "config/dump.h"
#include "fmt/chrono.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"
#include "proxy/edge/ip_table.h"
#include "proxy/stats/process.h"
#include "proxy/stats/prometheus.h"

namespace hawser::admin {
namespace {

using json = nlohmann::ordered_json;
using stats::ExtraSample;

constexpr std::string_view kJson = "application/json";

std::string Text(const json& value) {
  return value.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

void Help(const Sources&, Reply reply) {
  std::string body = "hawser's admin pages:\n";
  for (const PageSpec& page : Pages()) body += fmt::format("  {:<20} {}\n", page.path, page.help);
  reply({.body = std::move(body)});
}

void Readiness(const Sources& from, Reply reply) {
  if (from.server.phase() == server::Server::Phase::kServing) return reply({.body = "ready\n"});
  reply({.status = 503, .body = "draining\n"});
}

// One family after the other: a sample for every endpoint in each.
void AddEndpointSamples(const session::Snapshot& snapshot, std::vector<ExtraSample>& samples) {
  using Type = ExtraSample::Type;
  struct Family {
    const char* name;
    const char* help;
    Type type;
    double (*value)(const cluster::Endpoint&);
  };
  static constexpr Family kFamilies[] = {
      {"hawser_endpoint_active", "Requests and tunnels open on the endpoint now.", Type::kGauge,
       [](const cluster::Endpoint& endpoint) { return static_cast<double>(endpoint.active()); }},
      {"hawser_endpoint_connecting", "Connections to the endpoint being made now.", Type::kGauge,
       [](const cluster::Endpoint& endpoint) { return static_cast<double>(endpoint.connecting()); }},
      {"hawser_endpoint_connects_total", "Connections to the endpoint begun.", Type::kCounter,
       [](const cluster::Endpoint& endpoint) { return static_cast<double>(endpoint.connects()); }},
      {"hawser_endpoint_connect_failures_total",
       "Connections that the endpoint refused or did not accept in time.", Type::kCounter,
       [](const cluster::Endpoint& endpoint) { return static_cast<double>(endpoint.connect_failures()); }},
      {"hawser_endpoint_idle_connections", "HTTP/1.1 connections to the endpoint that wait for a request.",
       Type::kGauge,
       [](const cluster::Endpoint& endpoint) { return static_cast<double>(endpoint.idle_connections()); }},
      {"hawser_endpoint_http2_connections", "HTTP/2 connections open to the endpoint now.", Type::kGauge,
       [](const cluster::Endpoint& endpoint) { return static_cast<double>(endpoint.http2_connections()); }},
      {"hawser_endpoint_http1_fallbacks_total",
       "Requests and tunnels that took an HTTP/1.1 connection where HTTP/2, or WebSockets over it, is not "
       "spoken.",
       Type::kCounter,
       [](const cluster::Endpoint& endpoint) { return static_cast<double>(endpoint.http1_fallbacks()); }},
      {"hawser_endpoint_tunnels_total", "Tunnels opened to the endpoint.", Type::kCounter,
       [](const cluster::Endpoint& endpoint) { return static_cast<double>(endpoint.tunnels_opened()); }},
      {"hawser_endpoint_out", "1 while the endpoint is left out because of its failures, else 0.",
       Type::kGauge, [](const cluster::Endpoint& endpoint) { return endpoint.state() != 0 ? 1.0 : 0.0; }},
      {"hawser_endpoint_ejections_total",
       "Times that the endpoint was left out, or left out for longer, because of its failures.",
       Type::kCounter,
       [](const cluster::Endpoint& endpoint) { return static_cast<double>(endpoint.ejection_count()); }},
  };
  for (const Family& family : kFamilies) {
    for (const auto& cluster : snapshot.clusters) {
      for (const auto& endpoint : cluster->endpoints()) {
        samples.push_back({.name = family.name,
                           .help = family.help,
                           .type = family.type,
                           .labels = {{"cluster", cluster->name()}, {"endpoint", endpoint->name()}},
                           .value = family.value(*endpoint)});
      }
    }
  }
}

void AddEdgeSamples(const server::Server& server, std::vector<ExtraSample>& samples) {
  const auto& listeners = server.snapshot().listeners;
  for (const session::ListenerRuntime& listener : listeners) {
    samples.push_back({.name = "hawser_listener_connections",
                       .help = "Connections open on the listener now.",
                       .labels = {{"listener", listener.settings.name}},
                       .value = static_cast<double>(server.edge().caps[listener.index]->open())});
  }
  samples.push_back({.name = "hawser_ip_table_entries",
                     .help = "Rows of the per-IP table in use.",
                     .value = static_cast<double>(server.edge().ip_table.size())});
  samples.push_back({.name = "hawser_ip_table_evictions_total",
                     .help = "Rows that the per-IP table forgot early because it was full.",
                     .type = ExtraSample::Type::kCounter,
                     .value = static_cast<double>(server.edge().ip_table.evictions())});
  samples.push_back({.name = "hawser_socket_io_sessions",
                     .help = "Socket.IO sessions whose endpoint is known.",
                     .value = static_cast<double>(server.stick_table().size())});
  samples.push_back({.name = "hawser_socket_io_evictions_total",
                     .help = "Socket.IO sessions forgotten early because the table was full.",
                     .type = ExtraSample::Type::kCounter,
                     .value = static_cast<double>(server.stick_table().evictions())});
}

void AddOperationSamples(const Sources& from, std::vector<ExtraSample>& samples) {
  const auto add = [&samples](const char* name, const char* help, uint64_t value) {
    samples.push_back({.name = name,
                       .help = help,
                       .type = ExtraSample::Type::kCounter,
                       .labels = {},
                       .value = static_cast<double>(value)});
  };
  add("hawser_access_log_dropped_total",
      "Access-log lines dropped because they could not be written, or not fast enough.",
      from.server.access_log_dropped());
  add("hawser_log_dropped_total",
      "Lines of hawser's own log dropped because they could not be written, or not fast enough.",
      from.log.dropped());
  add("hawser_admin_evictions_total",
      "Admin connections closed while they waited for their client, to make room for another.",
      from.evictions);
}

void Prometheus(const Sources& from, Reply reply) {
  std::vector<ExtraSample> samples;
  AddEndpointSamples(from.server.snapshot(), samples);
  AddEdgeSamples(from.server, samples);
  AddOperationSamples(from, samples);
  for (ExtraSample& sample : stats::ProcessSamples(HAWSER_VERSION)) samples.push_back(std::move(sample));
  reply({.content_type = stats::kPrometheusContentType,
         .body = stats::RenderPrometheus(from.server.stats().Sum(), samples)});
}

// What the endpoint's failures have come to; `until` and `why` only while it is left out.
void AddHealth(const cluster::Endpoint& endpoint, json& row) {
  row["available"] = endpoint.usable();
  row["state"] = endpoint.state_name();
  row["failures_in_a_row"] = endpoint.failures();
  row["ejections"] = endpoint.ejection_count();
  if (endpoint.state() == 0) return;
  row["why"] = endpoint.ejections().why;
  const auto left = base::Between(base::SteadyNow(), endpoint.out_until());
  const auto until = std::chrono::round<std::chrono::seconds>(std::chrono::system_clock::now() + left);
  row["until"] = fmt::format("{:%FT%TZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(until)));
}

void Clusters(const Sources& from, Reply reply) {
  json clusters = json::array();
  for (const auto& cluster : from.server.snapshot().clusters) {
    json endpoints = json::array();
    for (const auto& endpoint : cluster->endpoints()) {
      json row = {{"address", endpoint->name()},
                  {"weight", endpoint->weight()},
                  {"active", endpoint->active()},
                  {"connecting", endpoint->connecting()},
                  {"idle_connections", endpoint->idle_connections()},
                  {"http2_connections", endpoint->http2_connections()},
                  {"http1_fallbacks", endpoint->http1_fallbacks()},
                  {"connects", endpoint->connects()},
                  {"connect_failures", endpoint->connect_failures()},
                  {"tunnels", endpoint->tunnels_opened()}};
      AddHealth(*endpoint, row);
      endpoints.push_back(std::move(row));
    }
    clusters.push_back({{"name", cluster->name()}, {"endpoints", std::move(endpoints)}});
  }
  reply({.content_type = kJson, .body = Text({{"clusters", std::move(clusters)}})});
}

json SideJson(const server::TunnelRow::Side& side) {
  return {{"incoming", session::NameOf(side.incoming)}, {"outgoing", session::NameOf(side.outgoing)}};
}

json TunnelJson(const server::TunnelRow& row) {
  return {{"request_id", row.request_id},
          {"client", row.client},
          {"listener", row.listener},
          {"protocol", row.protocol},
          {"route", row.route},
          {"cluster", row.cluster},
          {"endpoint", row.endpoint},
          {"state", row.state},
          {"sides", {{"client", SideJson(row.client_side)}, {"backend", SideJson(row.backend_side)}}},
          {"age_seconds", row.age_seconds},
          {"messages_in", row.traffic.messages_in},
          {"messages_out", row.traffic.messages_out},
          {"bytes_in", row.traffic.bytes_in},
          {"bytes_out", row.traffic.bytes_out},
          {"pings_sent", row.traffic.pings_sent},
          {"rtt_ms", row.traffic.rtt_average_ms}};
}

void Tunnels(const Sources& from, Reply reply) {
  const size_t most = from.server.snapshot().config->admin.tunnels_shown;
  from.server.CollectTunnels(most, [&server = from.server, most, reply = std::move(reply)](
                                       const std::vector<server::TunnelRow>& rows) mutable {
    json tunnels = json::array();
    for (const server::TunnelRow& row : rows) tunnels.push_back(TunnelJson(row));
    const uint64_t open = server.stats().Sum()[stats::Metric::kTunnelsOpen];
    reply({.content_type = kJson,
           .body = Text({{"open", open}, {"shown_at_most", most}, {"tunnels", std::move(tunnels)}})});
  });
}

void Clients(const Sources& from, Reply reply) {
  const session::Snapshot& snapshot = from.server.snapshot();
  const edge::IpTable& table = from.server.edge().ip_table;
  const size_t most = snapshot.config->admin.clients_shown;
  json clients = json::array();
  for (const edge::IpTable::Row& row : table.Top(most)) {
    clients.push_back({{"address", row.prefix.ToString()},
                       {"listener", snapshot.listeners[row.listener].settings.name},
                       {"connections", row.connections}});
  }
  reply({.content_type = kJson,
         .body = Text({{"known", table.size()}, {"shown_at_most", most}, {"clients", std::move(clients)}})});
}

void ConfigDump(const Sources& from, Reply reply) {
  reply({.content_type = kJson, .body = Text(config::Dump(*from.server.snapshot().config))});
}

constexpr PageSpec kPages[] = {
    {"/", "this list", Help},
    {"/ready", "200 while connections are accepted, 503 while draining", Readiness},
    {"/stats/prometheus", "all metrics, in the Prometheus text format", Prometheus},
    {"/clusters", "clusters and endpoints with their counts (JSON)", Clusters},
    {"/tunnels", "the open tunnels (JSON)", Tunnels},
    {"/clients", "the addresses with the most connections (JSON)", Clients},
    {"/config_dump", "the configuration in force, defaults included, secrets redacted (JSON)", ConfigDump},
};

}  // namespace

std::span<const PageSpec> Pages() {
  return kPages;
}

void Render(const Sources& from, std::string_view path, Reply reply) {
  for (const PageSpec& page : kPages) {
    if (page.path == path) return page.render(from, std::move(reply));
  }
  reply({.status = 404, .body = "no such page; / lists them\n"});
}

}  // namespace hawser::admin
