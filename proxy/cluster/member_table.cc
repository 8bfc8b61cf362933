#include "proxy/cluster/member_table.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace hawser::cluster {
namespace {

// Behind each other where they are the same endpoint: two endpoints never have the same key.
bool ByKey(const Member& a, const Member& b) {
  return std::tie(a.endpoint->hash_key(), a.priority) < std::tie(b.endpoint->hash_key(), b.priority);
}

std::vector<Member> Sorted(std::vector<Member> members) {
  std::sort(members.begin(), members.end(), ByKey);
  size_t kept = 0;
  for (size_t i = 0; i < members.size(); ++i) {
    if (kept > 0 && members[kept - 1].endpoint == members[i].endpoint) {
      if (members[kept - 1].priority == members[i].priority) members[kept - 1].weight += members[i].weight;
    } else {
      if (kept != i) members[kept] = std::move(members[i]);
      ++kept;
    }
  }
  members.resize(kept);
  std::stable_sort(members.begin(), members.end(),
                   [](const Member& a, const Member& b) { return a.priority < b.priority; });
  members.shrink_to_fit();
  return members;
}

// The first whose key is not less.
Members::iterator FirstFrom(Members members, std::string_view key) {
  const auto less = [](const Member& member, std::string_view than) {
    return member.endpoint->hash_key() < than;
  };
  return std::lower_bound(members.begin(), members.end(), key, less);
}

}  // namespace

MemberLevel::MemberLevel(Members members, config::LbPolicy policy) : members_(members) {
  if (policy == config::LbPolicy::kRingHash) ring_ = std::make_unique<HashRing>(members_);
  if (policy == config::LbPolicy::kMaglev) maglev_ = std::make_unique<MaglevTable>(members_);
}

MemberTable::MemberTable(std::vector<Member> members, config::LbPolicy policy)
    : policy_(policy), members_(Sorted(std::move(members))) {
  const Members all(members_);
  size_t first = 0;
  do {
    size_t end = first;
    while (end < all.size() && all[end].priority == all[first].priority) ++end;
    levels_.emplace_back(all.subspan(first, end - first), policy);
    first = end;
  } while (first < all.size());
}

Endpoint* MemberTable::Find(std::string_view name) const {
  for (const MemberLevel& level : levels_) {
    const auto found = FirstFrom(level.members(), name);
    if (found != level.members().end() && found->endpoint->name() == name) return found->endpoint.get();
  }
  return nullptr;
}

const Member* MemberTable::FindMember(const Endpoint& endpoint) const {
  for (const MemberLevel& level : levels_) {
    const auto found = FirstFrom(level.members(), endpoint.hash_key());
    if (found != level.members().end() && found->endpoint.get() == &endpoint) return &*found;
  }
  return nullptr;
}

}  // namespace hawser::cluster
