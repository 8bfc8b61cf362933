// What the clusters consist of now, with the endpoints that have left and are still in use: what /clusters
// and the metrics of clusters and endpoints are made from. Main thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/health_checker.h"
#include "proxy/cluster/membership.h"
#include "proxy/cluster/priority_shares.h"
#include "proxy/server/server.h"

namespace hawser::admin {

struct EndpointRow {
  std::shared_ptr<cluster::Endpoint> endpoint;  // never null
  // Of one that has left: zeros, and no checks.
  uint32_t weight = 0;
  double weight_in_force = 0;  // smaller while it warms up; 0 while it is not picked
  uint32_t priority = 0;
  std::vector<cluster::CheckStatus> checks = {};
};

// What a cluster's endpoints of one priority get.
struct PriorityRow {
  uint32_t priority;
  cluster::PriorityHealth health;
  cluster::PriorityShare share;
};

struct ClusterRow {
  std::string name;
  std::shared_ptr<const cluster::Membership> membership;  // null: the cluster is gone
  std::vector<PriorityRow> priorities;                    // none, if it is gone
  std::vector<EndpointRow> endpoints;                     // the members, and behind them those that have left
  std::optional<uint64_t> rebalanced;  // tunnels that rebalancing has closed; nothing: it was never on

  // What is open in it; null if it is gone and nobody is left.
  const cluster::Load* load() const;
  // Handshakes that wait for their admission.
  uint64_t waiting() const;
};

// In the configuration's order, and behind them clusters that are gone but for endpoints that have left.
std::vector<ClusterRow> ClusterRows(const server::Server& server);

// Because of its failures or its health checks.
bool IsLeftOut(const cluster::Endpoint& endpoint);

}  // namespace hawser::admin
