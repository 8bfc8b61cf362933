#include "proxy/admin/local_ports.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "proxy/cluster/connector.h"
#include "proxy/net/socket.h"

namespace hawser::admin {
namespace {

constexpr std::string_view kLocalPortLabels[] = {"cluster", "endpoint"};
constexpr stats::FamilySpec kLocalPorts[] = {
    {"hawser_endpoint_local_ports_left", stats::MetricType::kGauge,
     "Local ports left for connections to the endpoint: those of net.ipv4.ip_local_port_range for each "
     "source "
     "address, less the connections that are open. Connections in TIME_WAIT are not counted. Of an endpoint "
     "with "
     "HTTP/2 connections, those and the idle ones are counted.",
     kLocalPortLabels},
};

}  // namespace

std::span<const stats::FamilySpec> LocalPortFamilies() {
  return kLocalPorts;
}

void AddLocalPortSamples(const server::Server& server, const std::vector<ClusterRow>& clusters,
                         std::vector<stats::ExtraSample>& samples) {
  const int ports = net::LocalPorts();
  if (ports == 0) return;
  const std::vector<config::Cluster>& all = server.snapshot().config->clusters;
  for (const ClusterRow& cluster : clusters) {
    const auto settings = std::find_if(
        all.begin(), all.end(), [&cluster](const config::Cluster& one) { return one.name == cluster.name; });
    if (settings == all.end()) continue;
    for (const EndpointRow& row : cluster.endpoints) {
      const auto left = cluster::LocalPortsLeft(*row.endpoint, settings->source_addresses, ports);
      if (!left) continue;
      samples.push_back({.family = kLocalPorts[0],
                         .labels = {cluster.name, row.endpoint->name()},
                         .value = static_cast<double>(*left)});
    }
  }
}

}  // namespace hawser::admin
