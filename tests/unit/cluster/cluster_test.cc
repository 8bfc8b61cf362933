#include "proxy/cluster/cluster.h"

#include "gtest/gtest.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster::cluster_test {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{1'700'000'000s};

config::Cluster Sticky(config::LbPolicy policy, size_t endpoints) {
  config::Cluster settings = EvenCluster(policy, endpoints);
  config::AffinityCookie cookie{.name = "moor", .ttl = 1h, .keys = {{std::string(32, 'k')}}};
  settings.affinity = config::Affinity{.cookie = cookie};
  return settings;
}

// A request with the cookie `moor`, unless it is empty.
http::RequestHead RequestWith(std::string_view cookie_field) {
  http::RequestHead head;
  head.method = "GET";
  head.target = "/";
  if (!cookie_field.empty()) head.headers.Add("Cookie", cookie_field);
  return head;
}

const net::IpAddress kClient = net::IpAddress::Parse("192.0.2.1").value();

TEST(Cluster, HasTheEndpointsOfItsConfiguration) {
  config::Cluster settings = ClusterOf(config::LbPolicy::kRandom, {3, 4});
  settings.endpoints[1].address = Address("unix:/run/rooms.sock");
  const Cluster cluster(settings);
  ASSERT_EQ(cluster.endpoints().size(), 2u);
  EXPECT_EQ(cluster.endpoints()[0]->weight(), 3u);
  EXPECT_EQ(cluster.endpoints()[1]->name(), "unix:/run/rooms.sock");
  EXPECT_EQ(cluster.endpoints()[1]->cluster(), "rooms");
  EXPECT_EQ(cluster.affinity(), nullptr);
  EXPECT_FALSE(cluster.places_by_hash());
}

TEST(WorkerCluster, WithoutAffinityFollowsThePolicy) {
  const config::Cluster settings = EvenCluster(config::LbPolicy::kRoundRobin, 3);
  const Cluster cluster(settings);
  WorkerCluster worker(cluster, 1);
  std::map<const Endpoint*, int> picks;
  for (uint64_t i = 0; i < 9; ++i) {
    const Picked picked = worker.Choose(RequestWith(""), kClient, {}, i, kNow);
    EXPECT_EQ(picked.affinity, AffinityResult::kNone);
    EXPECT_FALSE(picked.renew_affinity);
    ++picks[picked.endpoint];
  }
  EXPECT_EQ(picks.size(), 3u);
}

TEST(WorkerCluster, PlacesByTheHashPolicyWhateverTheRandom) {
  config::Cluster settings = EvenCluster(config::LbPolicy::kMaglev, 8);
  settings.hash_policy = {{.cookie = "room"}};
  const Cluster cluster(settings);
  WorkerCluster one(cluster, 1);
  WorkerCluster other(cluster, 2);
  std::map<const Endpoint*, int> picks;
  for (uint64_t i = 0; i < 200; ++i) {
    const std::string cookie = "room=" + std::to_string(i);
    Endpoint* picked = one.Choose(RequestWith(cookie), kClient, {}, i, kNow).endpoint;
    EXPECT_EQ(picked, other.Choose(RequestWith(cookie), kClient, {}, i + 1000, kNow).endpoint);
    ++picks[picked];
  }
  EXPECT_EQ(picks.size(), 8u);
}

TEST(WorkerCluster, GivesANewClientACookieThatBringsItBack) {
  const config::Cluster settings = Sticky(config::LbPolicy::kRoundRobin, 5);
  const Cluster cluster(settings);
  WorkerCluster worker(cluster, 1);
  const Picked first = worker.Choose(RequestWith(""), kClient, {}, 1, kNow);
  ASSERT_NE(first.endpoint, nullptr);
  EXPECT_EQ(first.affinity, AffinityResult::kSet);
  EXPECT_TRUE(first.renew_affinity);

  const std::string cookie = "a=b; moor=" + cluster.affinity()->Mint(*first.endpoint, kNow);
  for (uint64_t i = 0; i < 20; ++i) {
    const Picked again = worker.Choose(RequestWith(cookie), kClient, {}, i, kNow + 1min);
    EXPECT_EQ(again.endpoint, first.endpoint);
    EXPECT_EQ(again.affinity, AffinityResult::kHit);
    EXPECT_FALSE(again.renew_affinity);
  }
}

TEST(WorkerCluster, AForgedCookieFallsBackToThePolicyAndIsSetAgain) {
  const config::Cluster settings = Sticky(config::LbPolicy::kRoundRobin, 4);
  const Cluster cluster(settings);
  WorkerCluster worker(cluster, 1);
  std::map<const Endpoint*, int> picks;
  for (uint64_t i = 0; i < 40; ++i) {
    const Picked picked =
        worker.Choose(RequestWith("moor=AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"), kClient, {}, i, kNow);
    EXPECT_EQ(picked.affinity, AffinityResult::kForged);
    EXPECT_TRUE(picked.renew_affinity);
    ++picks[picked.endpoint];
  }
  for (const auto& endpoint : cluster.endpoints()) EXPECT_EQ(picks[endpoint.get()], 10);
}

TEST(WorkerCluster, AnEjectedTargetFallsBackToThePolicyAndIsSetAgain) {
  const config::Cluster settings = Sticky(config::LbPolicy::kLeastRequest, 4);
  const Cluster cluster(settings);
  WorkerCluster worker(cluster, 1);
  Endpoint& target = *cluster.endpoints()[2];
  const std::string cookie = "moor=" + cluster.affinity()->Mint(target, kNow);
  const Endpoint* const tried = &target;
  for (uint64_t i = 0; i < 50; ++i) {
    const Picked picked =
        worker.Choose(RequestWith(cookie), kClient, EndpointSet(&tried, 1), i * 0x9e3779b97f4a7c15, kNow);
    EXPECT_EQ(picked.affinity, AffinityResult::kGone);
    EXPECT_NE(picked.endpoint, &target);
    EXPECT_TRUE(picked.renew_affinity);
  }
}

TEST(WorkerCluster, WithNothingAvailableSetsNoCookie) {
  const config::Cluster settings = Sticky(config::LbPolicy::kMaglev, 2);
  const Cluster cluster(settings);
  WorkerCluster worker(cluster, 1);
  for (const auto& endpoint : cluster.endpoints()) SetUsable(*endpoint, false);
  const std::string cookie = "moor=" + cluster.affinity()->Mint(*cluster.endpoints()[0], kNow);
  const Picked picked = worker.Choose(RequestWith(cookie), kClient, {}, 1, kNow);
  EXPECT_EQ(picked.endpoint, nullptr);
  EXPECT_EQ(picked.affinity, AffinityResult::kGone);
  EXPECT_FALSE(picked.renew_affinity);
}

TEST(WorkerCluster, ALearnedSessionGoesBeforeCookieAndPolicy) {
  const config::Cluster settings = Sticky(config::LbPolicy::kRoundRobin, 4);
  const Cluster cluster(settings);
  WorkerCluster worker(cluster, 1);
  Endpoint& home = *cluster.Find("10.0.2.1:9000");
  const AffinityLookup session{AffinityResult::kHit, &home};
  const std::string same = "moor=" + cluster.affinity()->Mint(home, kNow);
  const std::string other = "moor=" + cluster.affinity()->Mint(*cluster.endpoints()[0], kNow);
  for (uint64_t i = 0; i < 8; ++i) {
    const Picked without = worker.Choose(RequestWith(""), kClient, {}, i, kNow, session);
    EXPECT_EQ(without.endpoint, &home);
    EXPECT_EQ(without.affinity, AffinityResult::kHit);
    EXPECT_TRUE(without.renew_affinity);
    EXPECT_FALSE(worker.Choose(RequestWith(same), kClient, {}, i, kNow, session).renew_affinity);
    const Picked torn = worker.Choose(RequestWith(other), kClient, {}, i, kNow, session);
    EXPECT_EQ(torn.endpoint, &home);
    EXPECT_TRUE(torn.renew_affinity);
  }
}

TEST(WorkerCluster, ASessionOnADeadEndpointFallsBackToThePolicy) {
  const config::Cluster settings = EvenCluster(config::LbPolicy::kRoundRobin, 3);
  const Cluster cluster(settings);
  WorkerCluster worker(cluster, 1);
  Endpoint& home = *cluster.endpoints()[1];
  const AffinityLookup session{AffinityResult::kHit, &home};
  SetUsable(home, false);
  const Picked picked = worker.Choose(RequestWith(""), kClient, {}, 1, kNow, session);
  EXPECT_NE(picked.endpoint, nullptr);
  EXPECT_NE(picked.endpoint, &home);
  EXPECT_EQ(picked.affinity, AffinityResult::kGone);
  EXPECT_FALSE(picked.renew_affinity);

  SetUsable(home, true);
  const Endpoint* const tried = &home;
  EXPECT_NE(worker.Choose(RequestWith(""), kClient, EndpointSet(&tried, 1), 1, kNow, session).endpoint,
            &home);
}

TEST(WorkerCluster, AnUnknownSessionIsLeftToTheCookie) {
  const config::Cluster settings = Sticky(config::LbPolicy::kRoundRobin, 4);
  const Cluster cluster(settings);
  WorkerCluster worker(cluster, 1);
  const AffinityLookup session{AffinityResult::kUnknown};
  Endpoint& home = *cluster.endpoints()[3];
  const std::string cookie = "moor=" + cluster.affinity()->Mint(home, kNow);
  const Picked led = worker.Choose(RequestWith(cookie), kClient, {}, 1, kNow, session);
  EXPECT_EQ(led.endpoint, &home);
  EXPECT_EQ(led.affinity, AffinityResult::kHit);
  EXPECT_EQ(worker.Choose(RequestWith(""), kClient, {}, 1, kNow, session).affinity, AffinityResult::kUnknown);
}

TEST(Cluster, FindsAnEndpointByItsName) {
  const config::Cluster settings = EvenCluster(config::LbPolicy::kRandom, 3);
  const Cluster cluster(settings);
  EXPECT_EQ(cluster.Find("10.0.1.1:9000"), cluster.endpoints()[1].get());
  EXPECT_EQ(cluster.Find("10.0.9.1:9000"), nullptr);
}

}  // namespace
}  // namespace hawser::cluster::cluster_test
