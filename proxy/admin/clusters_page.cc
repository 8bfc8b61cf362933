#include "proxy/admin/clusters_page.h"

#include <array>
#include <chrono>
#include <string>

#include "proxy/admin/cluster_rows.h"
#include "proxy/admin/json_fields.h"
#include "proxy/cluster/health.h"

namespace hawser::admin {
namespace {

using cluster::CheckStatus;
using cluster::Endpoint;
using cluster::HealthChange;
using cluster::Load;
using std::chrono::system_clock;

// A point of the steady clock on the wall.
std::string WallText(base::TimePoint time) {
  const auto from_now = base::Between(base::SteadyNow(), time);
  return TimeText(std::chrono::round<std::chrono::seconds>(system_clock::now() + from_now));
}

double MillisOf(std::chrono::microseconds time) {
  return static_cast<double>(time.count()) / 1000;
}

// --- Endpoints ---

constexpr auto kOpenFields = std::to_array<Field<Endpoint>>({
    {"tunnels", "integer", "Tunnels that are open on it now.",
     [](const Endpoint& endpoint) { return Json(endpoint.tunnels()); }},
    {"handshakes", "integer", "WebSocket handshakes that it has not answered yet.",
     [](const Endpoint& endpoint) { return Json(endpoint.handshakes()); }},
    {"requests", "integer", "Other requests that are under way there.",
     [](const Endpoint& endpoint) { return Json(endpoint.requests()); }},
    {"waiting", "integer", "Handshakes that wait for their admission there (`admission`).",
     [](const Endpoint& endpoint) { return Json(endpoint.admission().pending()); }},
});

constexpr auto kCheckFields = std::to_array<Field<CheckStatus>>({
    {"kind", "string", "`tcp`, `http` or `websocket`.",
     [](const CheckStatus& check) { return Json(cluster::NameOf(check.kind)); }},
    {"healthy", "boolean", "What the check says of the endpoint. Absent before its first result.",
     [](const CheckStatus& check) { return check.healthy ? Json(*check.healthy) : Json(); }},
    {"contradictions", "integer", "Results in a row that say otherwise, and are not enough yet.",
     [](const CheckStatus& check) { return Json(check.against); }},
    {"last", "string", "Last result: `passed`, `failed`, or `not_made` for want of ports or descriptors.",
     [](const CheckStatus& check) {
       return check.last ? Json(cluster::NameOf(check.last->result.kind)) : Json();
     }},
    {"why", "string", "Why the last one failed or was not made.",
     [](const CheckStatus& check) {
       return check.last && !check.last->result.why.empty() ? Json(check.last->result.why) : Json();
     }},
    {"time", "string", "When the last one ended: UTC, RFC 3339, whole seconds.",
     [](const CheckStatus& check) { return check.last ? Json(WallText(check.last->at)) : Json(); }},
    {"took_ms", "integer", "How long the last one took, milliseconds.",
     [](const CheckStatus& check) { return check.last ? Json(check.last->took.count()) : Json(); }},
});

constexpr auto kChangeFields = std::to_array<Field<HealthChange>>({
    {"time", "string", "When it was: UTC, RFC 3339, whole seconds.",
     [](const HealthChange& change) { return Json(TimeText(change.at)); }},
    {"from", "string", "State before, as `state`.",
     [](const HealthChange& change) { return Json(change.from); }},
    {"to", "string", "State from then on.", [](const HealthChange& change) { return Json(change.to); }},
    {"why", "string", "Reason in words.", [](const HealthChange& change) { return Json(change.why); }},
});

// Why it is in the state in which it is.
std::string WhyOut(const Endpoint& endpoint) {
  if ((endpoint.state() & Endpoint::kCheckFailed) == 0) return endpoint.ejections().why;
  const std::vector<HealthChange> changes = endpoint.log().Changes();
  return changes.empty() ? "" : changes.back().why;
}

bool HasEnd(const Endpoint& endpoint) {
  return (endpoint.state() & (Endpoint::kEjected | Endpoint::kProbing)) != 0;
}

constexpr auto kEndpointFields = std::to_array<Field<EndpointRow>>({
    {"address", "string", "Address of the endpoint.",
     [](const EndpointRow& row) { return Json(row.endpoint->name()); }},
    {"host", "string", "Name that its address was resolved from. Empty where the address itself was given.",
     [](const EndpointRow& row) { return Json(row.endpoint->host()); }},
    {"priority", "integer", "Priority of the endpoint in its cluster: the lowest comes first.",
     [](const EndpointRow& row) { return Json(row.priority); }},
    {"weight", "integer", "Weight of the endpoint in its cluster. 0 where it has left.",
     [](const EndpointRow& row) { return Json(row.weight); }},
    {"weight_in_force", "number",
     "Weight that counts now: smaller while the endpoint warms up (`slow_start`), 0 while it is left out.",
     [](const EndpointRow& row) { return Json(row.weight_in_force); }},
    {"available", "boolean", "Whether it may be picked for a request now.",
     [](const EndpointRow& row) { return Json(row.endpoint->usable() && !row.endpoint->draining()); }},
    {"state", "string",
     "`in`: it takes requests. `check_failed`: its health checks say that it is not healthy. `ejected`: it "
     "is "
     "left out because of its failures. `probe_due`: its time is over, and the next request tries it. "
     "`probing`: a request is trying it. `draining`: it has left the cluster, and is there only for those "
     "that "
     "it already has.",
     [](const EndpointRow& row) { return Json(row.endpoint->state_name()); }},
    {"why", "string", "Why it is left out. Absent unless it is.",
     [](const EndpointRow& row) { return IsLeftOut(*row.endpoint) ? Json(WhyOut(*row.endpoint)) : Json(); }},
    {"until", "string",
     "When an ejection or a probe ends: UTC, RFC 3339, whole seconds. Absent unless there is one.",
     [](const EndpointRow& row) {
       return HasEnd(*row.endpoint) ? Json(WallText(row.endpoint->out_until())) : Json();
     }},
    {"failures_in_a_row", "integer", "Tries that have failed since its last answer.",
     [](const EndpointRow& row) { return Json(row.endpoint->failures()); }},
    {"tunnel_failures_in_a_row", "integer",
     "Tunnels that ended early through a fault of the endpoint's, since one ended in order or lived for 10s.",
     [](const EndpointRow& row) { return Json(row.endpoint->tunnel_failures()); }},
    {"ejections", "integer", "Times that it was left out, or left out for longer, since the start.",
     [](const EndpointRow& row) { return Json(row.endpoint->ejection_count()); }},
    {"shedding_since", "string",
     "Since when it closes tunnels because it has more than its fair share (`rebalance`): UTC, RFC 3339, "
     "whole "
     "seconds. Absent unless it does.",
     [](const EndpointRow& row) {
       const int64_t since = row.endpoint->shedding_since();
       return since == 0 ? Json() : Json(TimeText(system_clock::time_point(std::chrono::seconds(since))));
     }},
    {"open", "map", "What is open there now.",
     [](const EndpointRow& row) { return ToJson(kOpenFields, *row.endpoint); }},
    {"active", "integer", "Sum of `open.tunnels`, `open.handshakes` and `open.requests`.",
     [](const EndpointRow& row) { return Json(row.endpoint->active()); }},
    {"connecting", "integer", "Connections to it that are being made now.",
     [](const EndpointRow& row) { return Json(row.endpoint->connecting()); }},
    {"idle_connections", "integer", "HTTP/1.1 connections to it that wait for a request.",
     [](const EndpointRow& row) { return Json(row.endpoint->idle_connections()); }},
    {"http2_connections", "integer", "HTTP/2 connections to it that are open now.",
     [](const EndpointRow& row) { return Json(row.endpoint->http2_connections()); }},
    {"http1_fallbacks", "integer",
     "Requests and tunnels since the start that took HTTP/1.1 because it does not speak HTTP/2, or not "
     "WebSockets over it.",
     [](const EndpointRow& row) { return Json(row.endpoint->http1_fallbacks()); }},
    {"connects", "integer", "Connections to it that were begun since the start.",
     [](const EndpointRow& row) { return Json(row.endpoint->connects()); }},
    {"connect_failures", "integer", "Connections that it refused or did not accept in time, since the start.",
     [](const EndpointRow& row) { return Json(row.endpoint->connect_failures()); }},
    {"connect_ms", "number",
     "Smoothed time in which connections to it are made, TLS included, milliseconds; one in sixteen is "
     "measured. Without TLS it is one round trip to its host. Absent before the first.",
     [](const EndpointRow& row) {
       const std::chrono::microseconds time = row.endpoint->connect_time();
       return time.count() == 0 ? Json() : Json(MillisOf(time));
     }},
    {"tunnels", "integer", "Tunnels that were opened to it since the start.",
     [](const EndpointRow& row) { return Json(row.endpoint->tunnels_opened()); }},
    {"health_checks", "list", "How its health checks stand, in the order of the configuration.",
     [](const EndpointRow& row) { return ToJsonList(kCheckFields, row.checks); }},
    {"health_log", "list", "Last changes of its state, the oldest first; 16 at the most.",
     [](const EndpointRow& row) { return ToJsonList(kChangeFields, row.endpoint->log().Changes()); }},
});

// --- Clusters ---

constexpr auto kPriorityFields = std::to_array<Field<PriorityRow>>({
    {"priority", "integer", "The priority.", [](const PriorityRow& row) { return Json(row.priority); }},
    {"share", "integer", "Percent of the new requests and tunnels that its endpoints get now.",
     [](const PriorityRow& row) { return Json(row.share.percent); }},
    {"panic", "boolean", "Whether so few of its endpoints are usable that health is ignored.",
     [](const PriorityRow& row) { return Json(row.share.panic); }},
    {"usable", "integer", "Endpoints of it that are not left out, without those of weight 0.",
     [](const PriorityRow& row) { return Json(row.health.sound); }},
    {"endpoints", "integer", "All its endpoints, without those of weight 0.",
     [](const PriorityRow& row) { return Json(row.health.all); }},
});

constexpr auto kLoadFields = std::to_array<Field<Load>>({
    {"tunnels", "integer", "Tunnels that are open now.",
     [](const Load& load) { return Json(load.tunnels()); }},
    {"handshakes", "integer", "WebSocket handshakes that are not answered yet.",
     [](const Load& load) { return Json(load.handshakes()); }},
    {"requests", "integer", "Other requests that are under way.",
     [](const Load& load) { return Json(load.requests()); }},
    {"connecting", "integer", "Connections that are being made.",
     [](const Load& load) { return Json(load.connecting()); }},
    {"retries", "integer", "Requests and handshakes that are tried again now.",
     [](const Load& load) { return Json(load.retries()); }},
});

constexpr auto kBreakerFields = std::to_array<Field<config::CircuitBreakers>>({
    {"tunnels", "integer", "Bound of `open.tunnels` and `open.handshakes` together; 0: none.",
     [](const config::CircuitBreakers& limits) { return Json(limits.tunnels); }},
    {"requests", "integer", "Bound of `open.requests`; 0: none.",
     [](const config::CircuitBreakers& limits) { return Json(limits.requests); }},
    {"connecting", "integer", "Bound of `open.connecting`; 0: none.",
     [](const config::CircuitBreakers& limits) { return Json(limits.connecting); }},
});

constexpr auto kClusterFields = std::to_array<Field<ClusterRow>>({
    {"name", "string", "Name of the cluster.", [](const ClusterRow& row) { return Json(row.name); }},
    {"open", "map", "What is open in it now, at endpoints that have left too.",
     [](const ClusterRow& row) { return row.load() == nullptr ? Json() : ToJson(kLoadFields, *row.load()); }},
    {"waiting", "integer", "Handshakes that wait for their admission.",
     [](const ClusterRow& row) { return Json(row.waiting()); }},
    {"circuit_breakers", "map", "Its circuit breakers. Absent where the cluster is gone.",
     [](const ClusterRow& row) {
       if (row.membership == nullptr) return Json();
       return ToJson(kBreakerFields, row.membership->cluster()->settings().circuit_breakers);
     }},
    {"priorities", "list", "Its priorities and what each of them gets, the first one first.",
     [](const ClusterRow& row) { return ToJsonList(kPriorityFields, row.priorities); }},
    {"rebalanced", "integer",
     "Tunnels that rebalancing has closed since the start. Absent where it was never on.",
     [](const ClusterRow& row) { return row.rebalanced ? Json(*row.rebalanced) : Json(); }},
    {"endpoints", "list",
     "Endpoints of the cluster, by priority and address. Behind them those that have left it and are still "
     "in "
     "use.",
     [](const ClusterRow& row) { return ToJsonList(kEndpointFields, row.endpoints); }},
});

constexpr auto kClustersFields = std::to_array<Field<std::vector<ClusterRow>>>({
    {"clusters", "list", "Clusters, in the configuration's order.",
     [](const std::vector<ClusterRow>& rows) { return ToJsonList(kClusterFields, rows); }},
});

}  // namespace

Page ClustersPage(const Sources& from) {
  return {.body = TextOf(ToJson(kClustersFields, ClusterRows(from.server)))};
}

std::vector<FieldSpec> DocumentClusters() {
  std::vector<FieldSpec> fields;
  Document("", kClustersFields, fields);
  Document("clusters[].", kClusterFields, fields);
  Document("clusters[].open.", kLoadFields, fields);
  Document("clusters[].circuit_breakers.", kBreakerFields, fields);
  Document("clusters[].priorities[].", kPriorityFields, fields);
  Document("clusters[].endpoints[].", kEndpointFields, fields);
  Document("clusters[].endpoints[].open.", kOpenFields, fields);
  Document("clusters[].endpoints[].health_checks[].", kCheckFields, fields);
  Document("clusters[].endpoints[].health_log[].", kChangeFields, fields);
  return fields;
}

}  // namespace hawser::admin
