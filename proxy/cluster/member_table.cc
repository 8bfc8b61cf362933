#include "proxy/cluster/member_table.h"

#include <algorithm>
#include <utility>

namespace hawser::cluster {
namespace {

std::vector<Member> Sorted(std::vector<Member> members) {
  std::sort(members.begin(), members.end(),
            [](const Member& a, const Member& b) { return a.endpoint->hash_key() < b.endpoint->hash_key(); });
  size_t kept = 0;
  for (size_t i = 0; i < members.size(); ++i) {
    members[i].weight = std::max(members[i].weight, 1u);
    if (kept > 0 && members[kept - 1].endpoint == members[i].endpoint) {
      members[kept - 1].weight += members[i].weight;
    } else {
      if (kept != i) members[kept] = std::move(members[i]);
      ++kept;
    }
  }
  members.resize(kept);
  members.shrink_to_fit();
  return members;
}

// The first whose key is not less.
std::vector<Member>::const_iterator FirstFrom(const std::vector<Member>& members, std::string_view key) {
  const auto less = [](const Member& member, std::string_view than) {
    return member.endpoint->hash_key() < than;
  };
  return std::lower_bound(members.begin(), members.end(), key, less);
}

}  // namespace

MemberTable::MemberTable(std::vector<Member> members, config::LbPolicy policy)
    : policy_(policy), members_(Sorted(std::move(members))) {
  if (policy == config::LbPolicy::kRingHash) ring_ = std::make_unique<HashRing>(members_);
  if (policy == config::LbPolicy::kMaglev) maglev_ = std::make_unique<MaglevTable>(members_);
}

Endpoint* MemberTable::Find(std::string_view name) const {
  const auto found = FirstFrom(members_, name);
  return found == members_.end() || found->endpoint->name() != name ? nullptr : found->endpoint.get();
}

bool MemberTable::Contains(const Endpoint& endpoint) const {
  const auto found = FirstFrom(members_, endpoint.hash_key());
  return found != members_.end() && found->endpoint.get() == &endpoint;
}

}  // namespace hawser::cluster
