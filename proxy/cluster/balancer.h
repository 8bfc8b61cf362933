// Picks the endpoint of one priority of a cluster for the next request. A virtual interface with one file per
// policy. Each worker has its own Balancer for each priority of each cluster, used by its thread alone; the
// large tables of maglev and ring_hash are built once in the MemberTable and only read here.
//
// Every policy keeps these rules: only a member of its view is picked, and none that the key avoids; a pick
// costs at most O(members · tried).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "config/schema.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/member.h"
#include "proxy/cluster/room.h"
#include "proxy/cluster/usable_view.h"

namespace hawser::cluster {

struct PickKey {
  std::optional<uint64_t> hash;  // for the hashing policies; without it they use `random`
  uint64_t random = 0;           // 64 fresh bits, for the others
  EndpointSet tried;             // endpoints that have failed this request
  const Room* room = nullptr;    // null: all have room

  bool Avoids(const Member& member) const {
    return (!tried.empty() && Contains(tried, member.endpoint.get())) ||
           (room != nullptr && !room->For(member));
  }
};

class Balancer {
 public:
  virtual ~Balancer() = default;

  // Null when there is none that the key does not avoid.
  virtual Endpoint* Pick(const PickKey& key) = 0;

  // From now on picks from `view`, of the same policy. What is known of endpoints that stay survives; new
  // ones get a fair start. The view before must live until this returns, `view` until the next call.
  // O(members).
  virtual void Adopt(const UsableView& view) = 0;
};

// A worker's balancer after the policy. `seed` should differ from worker to worker, so that not all of them
// start at the same endpoint. `view` must live until Adopt.
std::unique_ptr<Balancer> MakeBalancer(config::LbPolicy policy, const UsableView& view, uint64_t seed);

}  // namespace hawser::cluster
