// The endpoints of a cluster with their weights and priorities, and what the cluster's policy computes from
// them: a ring or a Maglev table for each priority. The members are sorted by priority and
// Endpoint::hash_key, so that the order of a file or of a DNS answer never matters.
//
// Immutable; shared by all workers. Part of a Membership.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/maglev.h"
#include "proxy/cluster/member.h"
#include "proxy/cluster/ring_hash.h"

namespace hawser::cluster {

// The members of one priority: what a Balancer picks from.
class MemberLevel {
 public:
  // `members` sorted by key; they outlive it.
  MemberLevel(Members members, config::LbPolicy policy);

  Members members() const { return members_; }
  // Each built only for its own policy; null otherwise. Members of weight 0 have no part in them.
  const HashRing* ring() const { return ring_.get(); }
  const MaglevTable* maglev() const { return maglev_.get(); }

 private:
  Members members_;
  std::unique_ptr<const HashRing> ring_;
  std::unique_ptr<const MaglevTable> maglev_;
};

class MemberTable {
 public:
  // `members` in any order. Of those that are the same endpoint, the lowest priority counts, with its weights
  // added.
  MemberTable(std::vector<Member> members, config::LbPolicy policy);
  MemberTable(const MemberTable&) = delete;
  MemberTable& operator=(const MemberTable&) = delete;

  config::LbPolicy policy() const { return policy_; }
  bool places_by_hash() const {
    return policy_ == config::LbPolicy::kRingHash || policy_ == config::LbPolicy::kMaglev;
  }
  Members members() const { return members_; }
  // By priority, which need not be consecutive numbers. There is one at least, which may be empty.
  std::span<const MemberLevel> levels() const { return levels_; }

  // Null if there is none of that name. Of several with other TLS names the first. O(levels · log members).
  Endpoint* Find(std::string_view name) const;
  bool Contains(const Endpoint& endpoint) const { return FindMember(endpoint) != nullptr; }
  const Member* FindMember(const Endpoint& endpoint) const;  // null: it is none

 private:
  const config::LbPolicy policy_;
  const std::vector<Member> members_;
  std::vector<MemberLevel> levels_;
};

}  // namespace hawser::cluster
