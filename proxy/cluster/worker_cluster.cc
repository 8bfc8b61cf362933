#include "proxy/cluster/worker_cluster.h"

#include <utility>

#include "proxy/base/check.h"
#include "proxy/cluster/hash_policy.h"

namespace hawser::cluster {
namespace {

// A session whose endpoint may be picked goes before the cookie, and renews a cookie that leads elsewhere.
// The result of another session is kept where the cookie says nothing.
AffinityLookup Joined(AffinityLookup cookie, AffinityLookup session, EndpointSet tried) {
  if (session.endpoint != nullptr && !Usable(*session.endpoint, tried)) session = {AffinityResult::kGone};
  if (session.endpoint != nullptr) {
    session.renew = cookie.renew || (cookie.endpoint != nullptr && cookie.endpoint != session.endpoint);
    return session;
  }
  if (cookie.result == AffinityResult::kNone || cookie.result == AffinityResult::kSet) {
    if (session.result != AffinityResult::kNone) cookie.result = session.result;
  }
  return cookie;
}

// One of the ejected endpoints, where every other has failed this request: it may be back, and to ask costs
// nothing.
Endpoint* LastResort(Members members, EndpointSet tried, uint64_t random) {
  for (size_t i = 0; i < members.size(); ++i) {
    Endpoint& endpoint = *members[(random + i) % members.size()].endpoint;
    if (!Contains(tried, &endpoint)) return &endpoint;
  }
  return nullptr;
}

}  // namespace

WorkerCluster::WorkerCluster(std::shared_ptr<const Membership> membership, uint64_t seed)
    : seed_(seed),
      membership_(std::move(membership)),
      balancer_(MakeBalancer(*membership_->table(), seed)),
      outliers_(cluster().outliers()) {
  outliers_->Adopt(membership_->table());
}

std::shared_ptr<const Membership> WorkerCluster::Update(std::shared_ptr<const Membership> membership) {
  HAWSER_DCHECK(membership->cluster()->outliers() == outliers_);
  const MemberTable& table = *membership->table();
  if (table.policy() != membership_->table()->policy()) {
    balancer_ = MakeBalancer(table, seed_);
  } else if (membership->table() != membership_->table()) {
    balancer_->Adopt(table);
  }
  outliers_->Adopt(membership->table());
  return std::exchange(membership_, std::move(membership));
}

Picked WorkerCluster::Choose(const http::RequestHead& head, const net::IpAddress& client, EndpointSet tried,
                             uint64_t random, WallTime now, AffinityLookup session) {
  const bool members_out = outliers_->any_out();
  if (!members_out && membership_->leaving().empty()) return Find(head, client, tried, random, now, session);
  const base::TimePoint steady = base::SteadyNow();
  if (members_out) {
    for (const Member& member : membership_->members())
      OutlierDetector::EndEjection(*member.endpoint, steady);
  }
  for (const auto& endpoint : membership_->leaving()) OutlierDetector::EndEjection(*endpoint, steady);
  while (true) {
    Picked picked = Find(head, client, tried, random, now, session);
    if (picked.endpoint == nullptr || !picked.endpoint->probe_due()) return picked;
    if (!outliers_->TakeProbe(*picked.endpoint, steady)) continue;  // another worker was faster
    picked.trial = Trial(*outliers_, *picked.endpoint, true);
    return picked;
  }
}

Picked WorkerCluster::Find(const http::RequestHead& head, const net::IpAddress& client, EndpointSet tried,
                           uint64_t random, WallTime now, AffinityLookup session) {
  AffinityLookup lookup;
  if (const Affinity* affinity = cluster().affinity()) {
    lookup = affinity->FindIn(head.headers, *membership_, tried, now);
  }
  lookup = Joined(lookup, session, tried);
  if (lookup.endpoint == nullptr) {
    PickKey key{.hash = std::nullopt, .random = random, .tried = tried};
    if (membership_->table()->places_by_hash()) key.hash = HashOf(cluster().settings(), head, client);
    lookup.endpoint = balancer_->Pick(key);
  }
  if (!tried.empty() && (lookup.endpoint == nullptr || Contains(tried, lookup.endpoint))) {
    Endpoint* last = LastResort(membership_->members(), tried, random);
    if (last != nullptr) lookup.endpoint = last;
  }
  if (lookup.endpoint == nullptr) return {.affinity = lookup.result};
  return {lookup.endpoint, lookup.result, lookup.renew, Trial(*outliers_, *lookup.endpoint, false)};
}

}  // namespace hawser::cluster
