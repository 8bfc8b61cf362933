// Picks the endpoint of a cluster for the next request. A virtual interface with one file per policy. Each
// worker has its own Balancer for each cluster, used by its thread alone; the large tables of maglev and
// ring_hash are built once in the Cluster and only read here.
//
// Every policy keeps these rules: an endpoint that is not available is never picked; one that was tried is
// picked only if no other is available; a pick costs at most O(endpoints · tried).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/cluster/endpoint.h"

namespace hawser::cluster {

class Cluster;

struct PickKey {
  std::optional<uint64_t> hash;  // for the hashing policies; without it they use `random`
  uint64_t random = 0;           // 64 fresh bits, for the others
  EndpointSet tried;             // endpoints that have failed this request
};

class Balancer {
 public:
  virtual ~Balancer() = default;

  // Null when no endpoint is available.
  virtual Endpoint* Pick(const PickKey& key) = 0;
};

// A worker's balancer for `cluster`, after its lb_policy. `seed` should differ from worker to worker, so that
// not all of them start at the same endpoint. `cluster` must outlive it.
std::unique_ptr<Balancer> MakeBalancer(const Cluster& cluster, uint64_t seed);

}  // namespace hawser::cluster
