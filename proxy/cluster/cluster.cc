#include "proxy/cluster/cluster.h"

#include "proxy/cluster/hash_policy.h"
#include "proxy/http/cookie.h"

namespace hawser::cluster {
namespace {

std::vector<std::unique_ptr<Endpoint>> MakeEndpoints(const config::Cluster& settings) {
  std::vector<std::unique_ptr<Endpoint>> endpoints;
  endpoints.reserve(settings.endpoints.size());
  for (const config::Endpoint& endpoint : settings.endpoints) {
    endpoints.push_back(std::make_unique<Endpoint>(settings.name, endpoint.address, endpoint.weight));
  }
  return endpoints;
}

}  // namespace

Cluster::Cluster(const config::Cluster& settings) : settings_(settings), endpoints_(MakeEndpoints(settings)) {
  if (settings.lb_policy == config::LbPolicy::kRingHash) ring_ = std::make_unique<HashRing>(endpoints_);
  if (settings.lb_policy == config::LbPolicy::kMaglev) maglev_ = std::make_unique<MaglevTable>(endpoints_);
  if (settings.affinity && settings.affinity->cookie) {
    affinity_.emplace(settings.name, *settings.affinity->cookie, endpoints_);
  }
}

WorkerCluster::WorkerCluster(const Cluster& of, uint64_t seed)
    : cluster(of), balancer(MakeBalancer(of, seed)) {}

Picked WorkerCluster::Choose(const http::RequestHead& head, const net::IpAddress& client, EndpointSet tried,
                             uint64_t random, WallTime now) {
  AffinityLookup lookup;
  if (const Affinity* affinity = cluster.affinity()) {
    lookup = affinity->Find(http::FindCookie(head.headers, affinity->cookie_name()), tried, now);
  }
  if (lookup.endpoint == nullptr) {
    PickKey key{.hash = std::nullopt, .random = random, .tried = tried};
    if (cluster.places_by_hash()) key.hash = HashOf(cluster.settings(), head, client);
    lookup.endpoint = balancer->Pick(key);
  }
  return {lookup.endpoint, lookup.result, lookup.renew && lookup.endpoint != nullptr};
}

}  // namespace hawser::cluster
