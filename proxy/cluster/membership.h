// What a cluster consists of now: its members with their tables, and the endpoints that have left and to
// which their own clients still come back. A value: it is swapped whole, and nothing else of a configuration
// with it.
//
//   auto rooms = MakeMembership(cluster, TargetsOf(settings), registry);    // where configurations are built
//   worker_cluster.Update(rooms);                                           // on each worker
//   worker_cluster.Update(rooms->WithLeaving(departures.Honoured("rooms")));  // one has left, or is over
//
// Immutable; shared by all workers.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "proxy/cluster/affinity.h"
#include "proxy/cluster/cluster.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/endpoint_registry.h"
#include "proxy/cluster/health.h"
#include "proxy/cluster/member_table.h"
#include "proxy/cluster/target.h"

namespace hawser::cluster {

class Membership {
 public:
  // `members` as MemberTable has them, `health` as they have it.
  Membership(std::shared_ptr<const Cluster> cluster, std::shared_ptr<Health> health,
             std::vector<Member> members);

  const std::shared_ptr<const Cluster>& cluster() const { return cluster_; }
  const std::shared_ptr<Health>& health() const { return health_; }  // of the cluster's name
  const std::shared_ptr<const MemberTable>& table() const { return table_; }
  Members members() const { return table_->members(); }
  // Endpoints that have left: no policy picks them, but cookies and sessions that name them count. No
  // members.
  std::span<const std::shared_ptr<Endpoint>> leaving() const { return leaving_; }

  // Of the members and those that leave; null if there is none of that name.
  Endpoint* Find(std::string_view name) const;
  // By a cookie's tag under the key at that place; null if no endpoint has it.
  Endpoint* FindByTag(size_t key, uint64_t tag) const;
  // The endpoint's tag under the first key; nothing for one that is not in here.
  std::optional<uint64_t> TagOf(const Endpoint& endpoint) const;

  // The same members, and these instead of those that leave now. The tables are shared.
  std::shared_ptr<const Membership> WithLeaving(std::vector<std::shared_ptr<Endpoint>> leaving) const;

 private:
  Membership(const Membership&) = default;

  std::shared_ptr<const Cluster> cluster_;
  std::shared_ptr<Health> health_;
  std::shared_ptr<const MemberTable> table_;
  std::shared_ptr<const AffinityTags> tags_;  // of the members; null without affinity
  std::vector<std::shared_ptr<Endpoint>> leaving_;
  std::shared_ptr<const AffinityTags> leaving_tags_;  // null: none
};

// The addresses that the settings list, without those that have to be resolved.
std::vector<Target> TargetsOf(const config::Cluster& settings);

// Targets that lead to one identity are one member, as MemberTable has it.
std::shared_ptr<const Membership> MakeMembership(std::shared_ptr<const Cluster> cluster,
                                                 std::span<const Target> targets, EndpointRegistry& registry);

}  // namespace hawser::cluster
