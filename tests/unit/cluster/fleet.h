// Builders that the tests of clusters share: configurations, endpoints, and counts of picks.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "gtest/gtest.h"
#include "proxy/cluster/balancer.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/membership.h"
#include "proxy/cluster/worker_cluster.h"

namespace hawser::cluster {

inline net::SocketAddress Address(std::string_view text) {
  return net::SocketAddress::Parse(text).value();
}

// 10.0.0.1:9000, 10.0.1.1:9000, ... one for each weight, 10.1.0.1:9000 after 250 of them.
inline config::Cluster ClusterOf(config::LbPolicy policy, const std::vector<uint32_t>& weights) {
  config::Cluster cluster;
  cluster.name = "rooms";
  cluster.lb_policy = policy;
  for (size_t i = 0; i < weights.size(); ++i) {
    const std::string address = "10." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ".1:9000";
    cluster.endpoints.push_back({.address = Address(address), .weight = weights[i]});
  }
  return cluster;
}

inline config::Cluster EvenCluster(config::LbPolicy policy, size_t endpoints) {
  return ClusterOf(policy, std::vector<uint32_t>(endpoints, 1));
}

// The balancer of a cluster's first priority, with what may be picked now.
class LiveBalancer {
 public:
  LiveBalancer(const MemberTable& table, const Health& health, uint64_t seed,
               std::optional<SlowStart> slow_start = std::nullopt)
      : table_(table), health_(health), slow_start_(slow_start), view_(View()) {
    balancer_ = MakeBalancer(table.policy(), *view_, seed);
  }

  Endpoint* Pick(const PickKey& key) {
    if (seen_ != health_.changes()) Adopt(base::SteadyNow());
    return balancer_->Pick(key);
  }
  void Adopt(base::TimePoint now) {
    auto view = View(now);
    balancer_->Adopt(*view);
    view_ = std::move(view);
  }
  const UsableView& view() const { return *view_; }

 private:
  std::unique_ptr<UsableView> View(base::TimePoint now = base::SteadyNow()) {
    seen_ = health_.changes();
    return std::make_unique<UsableView>(table_.levels().front(), slow_start_, now);
  }

  const MemberTable& table_;
  const Health& health_;
  const std::optional<SlowStart> slow_start_;
  uint32_t seen_ = 0;
  std::unique_ptr<UsableView> view_;
  std::unique_ptr<Balancer> balancer_;
};

// A cluster with the endpoints of its configuration, in the configuration's order. The registry may be
// another's, so that both have the same endpoints.
class Fleet {
 public:
  explicit Fleet(const config::Cluster& settings, std::shared_ptr<EndpointRegistry> registry = nullptr)
      : registry_(registry != nullptr ? std::move(registry) : std::make_shared<EndpointRegistry>()),
        membership_(
            MakeMembership(std::make_shared<const Cluster>(settings), TargetsOf(settings), *registry_)) {
    for (const config::Endpoint& endpoint : settings.endpoints)
      endpoints_.push_back(registry_->Get(settings.name, endpoint.address.literal()));
    health().Adopt(membership_->table(), HealthSettings::Of(settings), base::SteadyNow());
  }

  const std::shared_ptr<EndpointRegistry>& registry() const { return registry_; }
  const std::shared_ptr<const Membership>& membership() const { return membership_; }
  const MemberTable& table() const { return *membership_->table(); }
  const std::vector<std::shared_ptr<Endpoint>>& endpoints() const { return endpoints_; }
  const Affinity* affinity() const { return membership_->cluster()->affinity(); }
  std::string Mint(const Endpoint& endpoint, WallTime now) const {
    return affinity()->Mint(endpoint, *membership_, now);
  }
  Health& health() const { return *membership_->health(); }
  Endpoint* Find(std::string_view name) const { return membership_->Find(name); }
  std::unique_ptr<LiveBalancer> NewBalancer(uint64_t seed = 1) const {
    return std::make_unique<LiveBalancer>(table(), health(), seed);
  }

 private:
  std::shared_ptr<EndpointRegistry> registry_;
  std::shared_ptr<const Membership> membership_;
  std::vector<std::shared_ptr<Endpoint>> endpoints_;
};

// As checks leave one out and let it in.
inline void SetUsable(Endpoint& endpoint, bool usable) {
  endpoint.health().SetChecked(endpoint, usable, "a test says so", base::SteadyNow());
}

// Names the instances of a test by their policy.
inline std::string PolicyName(const testing::TestParamInfo<config::LbPolicy>& policy) {
  switch (policy.param) {
    case config::LbPolicy::kRoundRobin: return "RoundRobin";
    case config::LbPolicy::kLeastRequest: return "LeastRequest";
    case config::LbPolicy::kRandom: return "Random";
    case config::LbPolicy::kRingHash: return "RingHash";
    case config::LbPolicy::kMaglev: return "Maglev";
  }
  return "";
}

// Picks `count` times under random keys of a fixed seed; [name] is how often an endpoint was picked.
inline std::map<std::string, int> CountPicks(LiveBalancer& balancer, int count, EndpointSet tried = {}) {
  std::mt19937_64 random(7);
  std::map<std::string, int> picks;
  for (int i = 0; i < count; ++i) {
    const uint64_t hash = random();
    const Endpoint* picked = balancer.Pick({.hash = hash, .random = random(), .tried = tried});
    ++picks[picked == nullptr ? "none" : picked->name()];
  }
  return picks;
}

// Pearson's statistic of `picks` against shares in proportion to the members' weights.
inline double ChiSquare(std::map<std::string, int> picks, Members members) {
  double weights = 0;
  double count = 0;
  for (const Member& member : members) weights += member.weight;
  for (const auto& [name, picked] : picks) count += picked;
  double sum = 0;
  for (const auto& [endpoint, weight, priority] : members) {
    const double expected = count * weight / weights;
    const double off = picks[endpoint->name()] - expected;
    sum += off * off / expected;
  }
  return sum;
}

}  // namespace hawser::cluster
