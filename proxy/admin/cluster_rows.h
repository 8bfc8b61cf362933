// What the clusters consist of now, with the endpoints that have left and are still in use: what /clusters
// and the metrics of endpoints are made from. Main thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "proxy/cluster/endpoint.h"
#include "proxy/server/server.h"

namespace hawser::admin {

struct EndpointRow {
  std::shared_ptr<cluster::Endpoint> endpoint;  // never null
  uint32_t weight;                              // 0: it has left
};

struct ClusterRow {
  std::string name;
  std::vector<EndpointRow> endpoints;  // the members, and behind them those that have left
};

// In the configuration's order, and behind them clusters that are gone but for endpoints that have left.
std::vector<ClusterRow> ClusterRows(const server::Server& server);

}  // namespace hawser::admin
