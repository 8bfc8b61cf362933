// The rules for all policies, and the shares of each.
#include "proxy/cluster/balancer.h"

#include <algorithm>
#include <set>

#include "gtest/gtest.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster {
namespace {

using config::LbPolicy;

class EveryPolicy : public testing::TestWithParam<LbPolicy> {};

INSTANTIATE_TEST_SUITE_P(, EveryPolicy,
                         testing::Values(LbPolicy::kRoundRobin, LbPolicy::kLeastRequest, LbPolicy::kRandom,
                                         LbPolicy::kRingHash, LbPolicy::kMaglev),
                         PolicyName);

TEST_P(EveryPolicy, PicksNothingFromNothing) {
  const config::Cluster settings = EvenCluster(GetParam(), 0);
  const Fleet cluster(settings);
  EXPECT_EQ(cluster.NewBalancer(1)->Pick({.hash = 1, .random = 2}), nullptr);
}

TEST_P(EveryPolicy, DoesNotPickTheOnlyEndpointAgain) {
  const config::Cluster settings = EvenCluster(GetParam(), 1);
  const Fleet cluster(settings);
  const auto balancer = cluster.NewBalancer(1);
  const std::shared_ptr<const Endpoint> only = cluster.endpoints()[0];
  EXPECT_EQ(balancer->Pick({.hash = 1, .random = 2}), only.get());
  EXPECT_EQ(balancer->Pick({.hash = 1, .random = 2, .tried = EndpointSet(&only, 1)}), nullptr);
}

TEST_P(EveryPolicy, NeverPicksWhatIsNotAvailable) {
  const config::Cluster settings = EvenCluster(GetParam(), 6);
  const Fleet cluster(settings);
  const auto balancer = cluster.NewBalancer(1);
  for (size_t out = 0; out < 6; ++out) {
    SetUsable(*cluster.endpoints()[out], false);
    const auto picks = CountPicks(*balancer, 3000);
    for (size_t i = 0; i < 6; ++i) {
      const Endpoint& endpoint = *cluster.endpoints()[i];
      EXPECT_EQ(picks.contains(endpoint.name()), endpoint.usable()) << endpoint.name();
    }
    EXPECT_EQ(picks.contains("none"), out == 5);
  }
}

TEST_P(EveryPolicy, AvoidsTheTried) {
  const config::Cluster settings = EvenCluster(GetParam(), 4);
  const Fleet cluster(settings);
  const auto balancer = cluster.NewBalancer(1);
  const auto endpoints = cluster.endpoints();
  const std::shared_ptr<const Endpoint> tried[] = {endpoints[0], endpoints[2]};

  auto picks = CountPicks(*balancer, 2000, tried);
  EXPECT_EQ(picks.size(), 2u);
  EXPECT_GT(picks[endpoints[1]->name()], 0);
  EXPECT_GT(picks[endpoints[3]->name()], 0);

  SetUsable(*endpoints[1], false);
  SetUsable(*endpoints[3], false);
  EXPECT_EQ(CountPicks(*balancer, 2000, tried), (std::map<std::string, int>{{"none", 2000}}));
}

TEST_P(EveryPolicy, FindsTheOneUsableAmongMany) {
  const config::Cluster settings = EvenCluster(GetParam(), 200);
  const Fleet cluster(settings);
  const auto balancer = cluster.NewBalancer(1);
  for (const auto& endpoint : cluster.endpoints()) SetUsable(*endpoint, false);
  SetUsable(*cluster.endpoints()[123], true);
  EXPECT_EQ(CountPicks(*balancer, 500), (std::map<std::string, int>{{"10.0.123.1:9000", 500}}));
}

TEST_P(EveryPolicy, SpreadsWhatAnUnavailableEndpointLeavesOverAllOthers) {
  const config::Cluster settings = EvenCluster(GetParam(), 5);
  const Fleet cluster(settings);
  const auto balancer = cluster.NewBalancer(1);
  SetUsable(*cluster.endpoints()[2], false);
  auto picks = CountPicks(*balancer, 20'000);
  for (size_t i : {0u, 1u, 3u, 4u}) EXPECT_NEAR(picks[cluster.endpoints()[i]->name()], 5000, 1000) << i;
}

TEST(Shares, FollowTheWeights) {
  for (const LbPolicy policy : {LbPolicy::kRoundRobin, LbPolicy::kRandom, LbPolicy::kMaglev}) {
    const config::Cluster settings = ClusterOf(policy, {1, 2, 3, 10, 1, 7});
    const Fleet cluster(settings);
    const auto balancer = cluster.NewBalancer(1);
    EXPECT_LT(ChiSquare(CountPicks(*balancer, 48'000), cluster.table().members()),
              20.5)  // 5 degrees of freedom, p = 0.001
        << "policy " << static_cast<int>(policy);
  }
}

TEST(Shares, OfARingFollowTheWeightsRoughly) {
  const config::Cluster settings = ClusterOf(LbPolicy::kRingHash, {1, 2, 3, 10, 1, 7});
  const Fleet cluster(settings);
  const auto balancer = cluster.NewBalancer(1);
  auto picks = CountPicks(*balancer, 48'000);
  for (const auto& [endpoint, weight, priority] : cluster.table().members()) {
    EXPECT_NEAR(picks[endpoint->name()], 2000 * weight, 500 * weight) << endpoint->name();
  }
}

TEST(RoundRobin, TakesEachInTurn) {
  const config::Cluster settings = EvenCluster(LbPolicy::kRoundRobin, 7);
  const Fleet cluster(settings);
  const auto balancer = cluster.NewBalancer(99);
  for (int round = 0; round < 5; ++round) {
    const auto picks = CountPicks(*balancer, 7);
    EXPECT_EQ(picks.size(), 7u) << "round " << round;
  }
}

TEST(RoundRobin, KeepsWeightsWithinEveryRoundAndDoesNotBunch) {
  const config::Cluster settings = ClusterOf(LbPolicy::kRoundRobin, {5, 1, 1});
  const Fleet cluster(settings);
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto balancer = cluster.NewBalancer(seed);
    int heavy = 0;
    int run = 0;
    for (int i = 0; i < 700; ++i) {
      const bool is_heavy = balancer->Pick({}) == cluster.endpoints()[0].get();
      heavy += is_heavy;
      run = is_heavy ? run + 1 : 0;
      EXPECT_LE(run, 5) << "seed " << seed;
    }
    EXPECT_NEAR(heavy, 500, 2) << "seed " << seed;
  }
}

TEST(RoundRobin, WorkersStartAtDifferentEndpoints) {
  const config::Cluster settings = EvenCluster(LbPolicy::kRoundRobin, 10);
  const Fleet cluster(settings);
  std::map<const Endpoint*, int> starts;
  for (uint64_t seed = 0; seed < 1000; ++seed) ++starts[cluster.NewBalancer(seed)->Pick({})];
  EXPECT_EQ(starts.size(), 10u);
  for (const auto& [endpoint, count] : starts) EXPECT_NEAR(count, 100, 60) << endpoint->name();
}

TEST(RoundRobin, AnEndpointThatComesBackGetsNoBurst) {
  const config::Cluster settings = EvenCluster(LbPolicy::kRoundRobin, 3);
  const Fleet cluster(settings);
  const auto balancer = cluster.NewBalancer(5);
  SetUsable(*cluster.endpoints()[1], false);
  CountPicks(*balancer, 3000);
  SetUsable(*cluster.endpoints()[1], true);
  EXPECT_LE(CountPicks(*balancer, 6)[cluster.endpoints()[1]->name()], 3);
}

// Opens tunnels and keeps them.
std::vector<int64_t> ActiveAfter(const Fleet& cluster, int tunnels) {
  const auto balancer = cluster.NewBalancer(1);
  std::mt19937_64 random(3);
  std::vector<OpenLease> leases;
  for (int i = 0; i < tunnels; ++i) leases.emplace_back(*balancer->Pick({.random = random()}));
  std::vector<int64_t> active;
  for (const auto& endpoint : cluster.endpoints()) active.push_back(endpoint->active());
  return active;
}

TEST(LeastRequest, IsEvenWhileAllAreIdle) {
  const config::Cluster settings = EvenCluster(LbPolicy::kLeastRequest, 6);
  const Fleet cluster(settings);
  const auto balancer = cluster.NewBalancer(1);
  EXPECT_LT(ChiSquare(CountPicks(*balancer, 60'000), cluster.table().members()), 20.5);
}

TEST(LeastRequest, KeepsOpenTunnelsFarMoreEvenThanChanceDoes) {
  const config::Cluster settings = EvenCluster(LbPolicy::kLeastRequest, 20);
  const Fleet cluster(settings);
  const std::vector<int64_t> active = ActiveAfter(cluster, 20'000);
  const auto [least, most] = std::minmax_element(active.begin(), active.end());
  EXPECT_LE(*most - *least, 15);  // random: some 120
}

TEST(LeastRequest, KeepsOpenTunnelsInProportionToWeights) {
  const config::Cluster settings = ClusterOf(LbPolicy::kLeastRequest, {8, 1, 1});
  const Fleet cluster(settings);
  const std::vector<int64_t> active = ActiveAfter(cluster, 10'000);
  EXPECT_NEAR(static_cast<double>(active[0]), 8000, 80);
  EXPECT_NEAR(static_cast<double>(active[1]), 1000, 40);
  EXPECT_NEAR(static_cast<double>(active[2]), 1000, 40);
}

TEST(LeastRequest, NeverPicksTheFullestOfAllButTheOnlyOne) {
  const config::Cluster settings = EvenCluster(LbPolicy::kLeastRequest, 5);
  const Fleet cluster(settings);
  const auto balancer = cluster.NewBalancer(1);
  const OpenLease busy(*cluster.endpoints()[3]);
  EXPECT_EQ(CountPicks(*balancer, 5000).count(cluster.endpoints()[3]->name()), 0u)
      << "two distinct choices always hold a better one";
}

TEST(LeastRequest, ComparesLoadsAmongThoseUsableToo) {
  const config::Cluster settings = EvenCluster(LbPolicy::kLeastRequest, 4);
  const Fleet cluster(settings);
  const auto balancer = cluster.NewBalancer(1);
  const OpenLease busy(*cluster.endpoints()[3]);
  const std::shared_ptr<const Endpoint> tried[] = {cluster.endpoints()[0]};
  SetUsable(*cluster.endpoints()[1], false);
  EXPECT_EQ(CountPicks(*balancer, 1000, tried),
            (std::map<std::string, int>{{cluster.endpoints()[2]->name(), 1000}}));
}

TEST(Random, StaysInProportionAmongThoseUsable) {
  const config::Cluster settings = ClusterOf(LbPolicy::kRandom, {1, 5, 4, 2, 3});
  const Fleet cluster(settings);
  const auto balancer = cluster.NewBalancer(1);
  SetUsable(*cluster.endpoints()[1], false);
  auto picks = CountPicks(*balancer, 40'000);
  EXPECT_NEAR(picks[cluster.endpoints()[0]->name()], 4000, 250);
  EXPECT_NEAR(picks[cluster.endpoints()[2]->name()], 16'000, 400);
  EXPECT_NEAR(picks[cluster.endpoints()[3]->name()], 8000, 350);
  EXPECT_NEAR(picks[cluster.endpoints()[4]->name()], 12'000, 400);
}

}  // namespace
}  // namespace hawser::cluster
