// The endpoints of a cluster with their weights, and what the cluster's policy computes from them: a ring or
// a Maglev table. The members are sorted by Endpoint::hash_key, so that the order of a file or of a DNS
// answer never matters.
//
// Immutable; shared by all workers. Part of a Membership.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/maglev.h"
#include "proxy/cluster/member.h"
#include "proxy/cluster/ring_hash.h"

namespace hawser::cluster {

class MemberTable {
 public:
  // `members` in any order; the weights of members that are the same endpoint are added.
  MemberTable(std::vector<Member> members, config::LbPolicy policy);
  MemberTable(const MemberTable&) = delete;
  MemberTable& operator=(const MemberTable&) = delete;

  config::LbPolicy policy() const { return policy_; }
  Members members() const { return members_; }
  // Null if there is none of that name. Of several with other TLS names the first. O(log members).
  Endpoint* Find(std::string_view name) const;
  bool Contains(const Endpoint& endpoint) const;  // O(log members)

  // Each built only for its own policy; null otherwise.
  const HashRing* ring() const { return ring_.get(); }
  const MaglevTable* maglev() const { return maglev_.get(); }
  bool places_by_hash() const { return ring_ != nullptr || maglev_ != nullptr; }

 private:
  const config::LbPolicy policy_;
  const std::vector<Member> members_;
  std::unique_ptr<const HashRing> ring_;
  std::unique_ptr<const MaglevTable> maglev_;
};

}  // namespace hawser::cluster
