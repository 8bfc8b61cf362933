#include "proxy/admin/cluster_samples.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "fmt/format.h"

namespace hawser::admin {
namespace {

using cluster::Endpoint;
using stats::ExtraSample;
using stats::FamilySpec;
using enum stats::MetricType;

constexpr std::string_view kEndpointLabels[] = {"cluster", "endpoint", "host"};
constexpr std::string_view kClusterLabels[] = {"cluster"};
constexpr std::string_view kPriorityLabels[] = {"cluster", "priority"};

// A family with its value for one row; nothing: it has no sample.
template <typename Row>
struct Sampled {
  FamilySpec family;
  std::optional<double> (*value)(const Row& row);
};

template <typename Number>
constexpr std::optional<double> Value(Number number) {
  return static_cast<double>(number);
}

constexpr auto kEndpoints = std::to_array<Sampled<EndpointRow>>({
    {{"hawser_endpoint_active", kGauge, "Requests, handshakes and tunnels open on the endpoint now.",
      kEndpointLabels},
     [](const EndpointRow& row) { return Value(row.endpoint->active()); }},
    {{"hawser_endpoint_tunnels", kGauge, "Tunnels open on the endpoint now.", kEndpointLabels},
     [](const EndpointRow& row) { return Value(row.endpoint->tunnels()); }},
    {{"hawser_endpoint_handshakes", kGauge, "WebSocket handshakes that the endpoint has not answered yet.",
      kEndpointLabels},
     [](const EndpointRow& row) { return Value(row.endpoint->handshakes()); }},
    {{"hawser_endpoint_requests", kGauge, "Requests under way on the endpoint, without WebSocket handshakes.",
      kEndpointLabels},
     [](const EndpointRow& row) { return Value(row.endpoint->requests()); }},
    {{"hawser_endpoint_waiting", kGauge, "Handshakes that wait for their admission to the endpoint.",
      kEndpointLabels},
     [](const EndpointRow& row) { return Value(row.endpoint->admission().pending()); }},
    {{"hawser_endpoint_connecting", kGauge, "Connections to the endpoint being made now.", kEndpointLabels},
     [](const EndpointRow& row) { return Value(row.endpoint->connecting()); }},
    {{"hawser_endpoint_connects_total", kCounter, "Connections to the endpoint that were begun.",
      kEndpointLabels},
     [](const EndpointRow& row) { return Value(row.endpoint->connects()); }},
    {{"hawser_endpoint_connect_failures_total", kCounter,
      "Connections that the endpoint refused or did not accept in time.", kEndpointLabels},
     [](const EndpointRow& row) { return Value(row.endpoint->connect_failures()); }},
    {{"hawser_endpoint_connect_seconds", kGauge,
      "Smoothed time in which connections to the endpoint are made, TLS included; one in sixteen is "
      "measured.",
      kEndpointLabels},
     [](const EndpointRow& row) {
       const std::chrono::duration<double> time = row.endpoint->connect_time();
       return time.count() == 0 ? std::nullopt : Value(time.count());
     }},
    {{"hawser_endpoint_idle_connections", kGauge,
      "HTTP/1.1 connections to the endpoint that wait for a request.", kEndpointLabels},
     [](const EndpointRow& row) { return Value(row.endpoint->idle_connections()); }},
    {{"hawser_endpoint_http2_connections", kGauge, "HTTP/2 connections open to the endpoint now.",
      kEndpointLabels},
     [](const EndpointRow& row) { return Value(row.endpoint->http2_connections()); }},
    {{"hawser_endpoint_http1_fallbacks_total", kCounter,
      "Requests and tunnels that took an HTTP/1.1 connection because the endpoint does not speak HTTP/2, or "
      "not WebSockets over it.",
      kEndpointLabels},
     [](const EndpointRow& row) { return Value(row.endpoint->http1_fallbacks()); }},
    {{"hawser_endpoint_tunnels_total", kCounter, "Tunnels opened to the endpoint.", kEndpointLabels},
     [](const EndpointRow& row) { return Value(row.endpoint->tunnels_opened()); }},
    {{"hawser_endpoint_out", kGauge,
      "1 while the endpoint is left out because of its failures or its health checks, else 0.",
      kEndpointLabels},
     [](const EndpointRow& row) { return Value(IsLeftOut(*row.endpoint)); }},
    {{"hawser_endpoint_check_failed", kGauge,
      "1 while the health checks of the endpoint say that it is not healthy, else 0.", kEndpointLabels},
     [](const EndpointRow& row) { return Value((row.endpoint->state() & Endpoint::kCheckFailed) != 0); }},
    {{"hawser_endpoint_ejections_total", kCounter,
      "Times that the endpoint was left out, or left out for longer, because of its failures.",
      kEndpointLabels},
     [](const EndpointRow& row) { return Value(row.endpoint->ejection_count()); }},
    {{"hawser_endpoint_weight", kGauge,
      "Weight of the endpoint that counts now: smaller while it warms up, 0 while it is left out.",
      kEndpointLabels},
     [](const EndpointRow& row) { return Value(row.weight_in_force); }},
    {{"hawser_endpoint_shedding", kGauge,
      "1 while the endpoint closes tunnels because it has more than its fair share, else 0.",
      kEndpointLabels},
     [](const EndpointRow& row) { return Value(row.endpoint->shedding_since() != 0); }},
});

std::optional<double> OfLoad(const ClusterRow& row, int64_t (cluster::Load::*count)() const) {
  return row.load() == nullptr ? std::nullopt : Value((row.load()->*count)());
}

constexpr auto kClusters = std::to_array<Sampled<ClusterRow>>({
    {{"hawser_cluster_tunnels", kGauge, "Tunnels open in the cluster now.", kClusterLabels},
     [](const ClusterRow& row) { return OfLoad(row, &cluster::Load::tunnels); }},
    {{"hawser_cluster_handshakes", kGauge, "WebSocket handshakes of the cluster that are not answered yet.",
      kClusterLabels},
     [](const ClusterRow& row) { return OfLoad(row, &cluster::Load::handshakes); }},
    {{"hawser_cluster_requests", kGauge, "Requests under way in the cluster, without WebSocket handshakes.",
      kClusterLabels},
     [](const ClusterRow& row) { return OfLoad(row, &cluster::Load::requests); }},
    {{"hawser_cluster_connecting", kGauge, "Connections of the cluster being made now.", kClusterLabels},
     [](const ClusterRow& row) { return OfLoad(row, &cluster::Load::connecting); }},
    {{"hawser_cluster_retries", kGauge, "Requests and handshakes of the cluster that are tried again now.",
      kClusterLabels},
     [](const ClusterRow& row) { return OfLoad(row, &cluster::Load::retries); }},
    {{"hawser_cluster_waiting", kGauge, "Handshakes of the cluster that wait for their admission.",
      kClusterLabels},
     [](const ClusterRow& row) { return Value(row.waiting()); }},
    {{"hawser_cluster_panic", kGauge,
      "1 while so few endpoints of a priority of the cluster are usable that health is ignored, else 0.",
      kClusterLabels},
     [](const ClusterRow& row) {
       return Value(std::any_of(row.priorities.begin(), row.priorities.end(),
                                [](const PriorityRow& priority) { return priority.share.panic; }));
     }},
    {{"hawser_cluster_rebalanced_tunnels_total", kCounter,
      "Tunnels closed because their endpoint had more than its fair share.", kClusterLabels},
     [](const ClusterRow& row) { return row.rebalanced ? Value(*row.rebalanced) : std::nullopt; }},
});

constexpr auto kPriorities = std::to_array<Sampled<PriorityRow>>({
    {{"hawser_cluster_priority_share", kGauge,
      "Part of the cluster's new requests and tunnels that the priority gets now, 0 to 1.", kPriorityLabels},
     [](const PriorityRow& row) { return Value(row.share.percent / 100.0); }},
    {{"hawser_cluster_priority_usable", kGauge,
      "Endpoints of the priority that are not left out, without those of weight 0.", kPriorityLabels},
     [](const PriorityRow& row) { return Value(row.health.sound); }},
    {{"hawser_cluster_priority_endpoints", kGauge, "Endpoints of the priority, without those of weight 0.",
      kPriorityLabels},
     [](const PriorityRow& row) { return Value(row.health.all); }},
});

template <typename Rows>
constexpr auto FamiliesOf(const Rows& rows) {
  std::array<FamilySpec, std::tuple_size_v<Rows>> families{};
  for (size_t i = 0; i < families.size(); ++i) families[i] = rows[i].family;
  return families;
}
constexpr auto kEndpointFamilies = FamiliesOf(kEndpoints);
constexpr auto kClusterFamilies = FamiliesOf(kClusters);
constexpr auto kPriorityFamilies = FamiliesOf(kPriorities);

template <typename Row>
void Add(const Sampled<Row>& sampled, const Row& row, std::vector<std::string> labels,
         std::vector<ExtraSample>& samples) {
  const std::optional<double> value = sampled.value(row);
  if (value) samples.push_back({.family = sampled.family, .labels = std::move(labels), .value = *value});
}

}  // namespace

std::span<const FamilySpec> EndpointFamilies() {
  return kEndpointFamilies;
}
std::span<const FamilySpec> ClusterFamilies() {
  return kClusterFamilies;
}
std::span<const FamilySpec> PriorityFamilies() {
  return kPriorityFamilies;
}

// One family after the other: all its samples stand together.
void AddClusterSamples(const std::vector<ClusterRow>& clusters, std::vector<ExtraSample>& samples) {
  for (const auto& sampled : kEndpoints) {
    for (const ClusterRow& cluster : clusters) {
      for (const EndpointRow& row : cluster.endpoints)
        Add(sampled, row, {cluster.name, row.endpoint->name(), row.endpoint->host()}, samples);
    }
  }
  for (const auto& sampled : kClusters) {
    for (const ClusterRow& row : clusters) Add(sampled, row, {row.name}, samples);
  }
  for (const auto& sampled : kPriorities) {
    for (const ClusterRow& cluster : clusters) {
      for (const PriorityRow& row : cluster.priorities)
        Add(sampled, row, {cluster.name, fmt::to_string(row.priority)}, samples);
    }
  }
}

}  // namespace hawser::admin
