// Picks the endpoint of a cluster for the next request. A virtual interface with one file per policy. Each
// worker has its own Balancer for each cluster, used by its thread alone; the large tables of maglev and
// ring_hash are built once in the MemberTable and only read here.
//
// Every policy keeps these rules: an endpoint that is not available is never picked; one that was tried is
// picked only if no other is available; a pick costs at most O(members · tried).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "proxy/cluster/endpoint.h"

namespace hawser::cluster {

class MemberTable;

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

  // From now on picks from `table`, of the same policy. What is known of endpoints that stay survives; new
  // ones get a fair start. The table before must live until this returns, `table` until the next call.
  // O(members).
  virtual void Adopt(const MemberTable& table) = 0;
};

// A worker's balancer after the table's policy. `seed` should differ from worker to worker, so that not all
// of them start at the same endpoint. `table` must live until Adopt.
std::unique_ptr<Balancer> MakeBalancer(const MemberTable& table, uint64_t seed);

}  // namespace hawser::cluster
