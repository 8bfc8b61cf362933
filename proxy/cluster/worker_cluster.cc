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
    : seed_(seed), membership_(std::move(membership)), balancer_(MakeBalancer(*membership_->table(), seed)) {
  membership_->health()->Adopt(membership_->table(), {});
}

std::shared_ptr<const Membership> WorkerCluster::Update(std::shared_ptr<const Membership> membership) {
  HAWSER_DCHECK(membership->health() == membership_->health());
  const MemberTable& table = *membership->table();
  if (table.policy() != membership_->table()->policy()) {
    balancer_ = MakeBalancer(table, seed_);
  } else if (membership->table() != membership_->table()) {
    balancer_->Adopt(table);
  }
  membership->health()->Adopt(membership->table(), {});
  return std::exchange(membership_, std::move(membership));
}

Picked WorkerCluster::Choose(const Ask& ask) {
  Health& health = *membership_->health();
  for (const Member& member : membership_->members()) health.EndEjection(*member.endpoint, ask.now);
  for (const auto& endpoint : membership_->leaving()) health.EndEjection(*endpoint, ask.now);
  while (true) {
    Picked picked = Find(ask);
    if (picked.endpoint == nullptr) return picked;
    const bool probe = picked.endpoint->probe_due();
    if (probe && !health.TakeProbe(*picked.endpoint, ask.now)) continue;  // another worker was faster
    picked.trial = Trial(*picked.endpoint, probe);
    picked.lease = OpenLease(*picked.endpoint, ask.websocket ? Work::kHandshake : Work::kRequest);
    return picked;
  }
}

Picked WorkerCluster::Find(const Ask& ask) {
  AffinityLookup lookup;
  if (const Affinity* affinity = cluster().affinity()) {
    lookup = affinity->FindIn(ask.head.headers, *membership_, ask.tried, ask.wall);
  }
  lookup = Joined(lookup, ask.session, ask.tried);
  if (lookup.endpoint == nullptr) {
    PickKey key{.hash = std::nullopt, .random = ask.random, .tried = ask.tried};
    if (membership_->table()->places_by_hash()) key.hash = HashOf(cluster().settings(), ask.head, ask.client);
    lookup.endpoint = balancer_->Pick(key);
  }
  if (!ask.tried.empty() && (lookup.endpoint == nullptr || Contains(ask.tried, lookup.endpoint))) {
    Endpoint* last = LastResort(membership_->members(), ask.tried, ask.random);
    if (last != nullptr) lookup.endpoint = last;
  }
  if (lookup.endpoint == nullptr) return {.affinity = lookup.result, .why = NoPick::kNoEndpoint};
  return {.endpoint = lookup.endpoint, .affinity = lookup.result, .renew_affinity = lookup.renew};
}

}  // namespace hawser::cluster
