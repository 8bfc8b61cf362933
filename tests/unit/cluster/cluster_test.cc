#include "proxy/cluster/worker_cluster.h"

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

TEST(Cluster, HasSettingsOfItsOwn) {
  auto settings = std::make_unique<config::Cluster>(Sticky(config::LbPolicy::kRandom, 1));
  const Cluster cluster(*settings);
  settings = nullptr;
  EXPECT_EQ(cluster.name(), "rooms");
  EXPECT_EQ(cluster.settings().lb_policy, config::LbPolicy::kRandom);
  EXPECT_EQ(cluster.transport()->protocol, config::BackendProtocol::kHttp11);
  EXPECT_NE(cluster.affinity(), nullptr);
  EXPECT_EQ(Cluster(config::Cluster{}).affinity(), nullptr);
}

TEST(WorkerCluster, WithoutAffinityFollowsThePolicy) {
  const config::Cluster settings = EvenCluster(config::LbPolicy::kRoundRobin, 3);
  const Fleet cluster(settings);
  WorkerCluster worker(cluster.membership(), 1);
  std::map<const Endpoint*, int> picks;
  for (uint64_t i = 0; i < 9; ++i) {
    const Picked picked =
        worker.Choose({.head = RequestWith(""), .client = kClient, .random = i, .wall = kNow});
    EXPECT_EQ(picked.affinity, AffinityResult::kNone);
    EXPECT_FALSE(picked.renew_affinity);
    ++picks[picked.endpoint];
  }
  EXPECT_EQ(picks.size(), 3u);
}

TEST(WorkerCluster, PlacesByTheHashPolicyWhateverTheRandom) {
  config::Cluster settings = EvenCluster(config::LbPolicy::kMaglev, 8);
  settings.hash_policy = {{.cookie = "room"}};
  const Fleet cluster(settings);
  WorkerCluster one(cluster.membership(), 1);
  WorkerCluster other(cluster.membership(), 2);
  std::map<const Endpoint*, int> picks;
  for (uint64_t i = 0; i < 200; ++i) {
    const std::string cookie = "room=" + std::to_string(i);
    Endpoint* picked =
        one.Choose({.head = RequestWith(cookie), .client = kClient, .random = i, .wall = kNow}).endpoint;
    EXPECT_EQ(picked,
              other.Choose({.head = RequestWith(cookie), .client = kClient, .random = i + 1000, .wall = kNow})
                  .endpoint);
    ++picks[picked];
  }
  EXPECT_EQ(picks.size(), 8u);
}

TEST(WorkerCluster, GivesANewClientACookieThatBringsItBack) {
  const config::Cluster settings = Sticky(config::LbPolicy::kRoundRobin, 5);
  const Fleet cluster(settings);
  WorkerCluster worker(cluster.membership(), 1);
  const Picked first = worker.Choose({.head = RequestWith(""), .client = kClient, .random = 1, .wall = kNow});
  ASSERT_NE(first.endpoint, nullptr);
  EXPECT_EQ(first.affinity, AffinityResult::kSet);
  EXPECT_TRUE(first.renew_affinity);

  const std::string cookie = "a=b; moor=" + cluster.Mint(*first.endpoint, kNow);
  for (uint64_t i = 0; i < 20; ++i) {
    const Picked again =
        worker.Choose({.head = RequestWith(cookie), .client = kClient, .random = i, .wall = kNow + 1min});
    EXPECT_EQ(again.endpoint, first.endpoint);
    EXPECT_EQ(again.affinity, AffinityResult::kHit);
    EXPECT_FALSE(again.renew_affinity);
  }
}

TEST(WorkerCluster, AForgedCookieFallsBackToThePolicyAndIsSetAgain) {
  const config::Cluster settings = Sticky(config::LbPolicy::kRoundRobin, 4);
  const Fleet cluster(settings);
  WorkerCluster worker(cluster.membership(), 1);
  std::map<const Endpoint*, int> picks;
  for (uint64_t i = 0; i < 40; ++i) {
    const Picked picked = worker.Choose({.head = RequestWith("moor=AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
                                         .client = kClient,
                                         .random = i,
                                         .wall = kNow});
    EXPECT_EQ(picked.affinity, AffinityResult::kForged);
    EXPECT_TRUE(picked.renew_affinity);
    ++picks[picked.endpoint];
  }
  for (const auto& endpoint : cluster.endpoints()) EXPECT_EQ(picks[endpoint.get()], 10);
}

TEST(WorkerCluster, AnEjectedTargetFallsBackToThePolicyAndIsSetAgain) {
  const config::Cluster settings = Sticky(config::LbPolicy::kLeastRequest, 4);
  const Fleet cluster(settings);
  WorkerCluster worker(cluster.membership(), 1);
  Endpoint& target = *cluster.endpoints()[2];
  const std::string cookie = "moor=" + cluster.Mint(target, kNow);
  const std::shared_ptr<const Endpoint> tried = target.shared_from_this();
  for (uint64_t i = 0; i < 50; ++i) {
    const Picked picked = worker.Choose({.head = RequestWith(cookie),
                                         .client = kClient,
                                         .tried = EndpointSet(&tried, 1),
                                         .random = i * 0x9e3779b97f4a7c15,
                                         .wall = kNow});
    EXPECT_EQ(picked.affinity, AffinityResult::kGone);
    EXPECT_NE(picked.endpoint, &target);
    EXPECT_TRUE(picked.renew_affinity);
  }
}

TEST(WorkerCluster, WithNothingAvailableSetsNoCookie) {
  const config::Cluster settings = Sticky(config::LbPolicy::kMaglev, 2);
  const Fleet cluster(settings);
  WorkerCluster worker(cluster.membership(), 1);
  for (const auto& endpoint : cluster.endpoints()) SetUsable(*endpoint, false);
  const std::string cookie = "moor=" + cluster.Mint(*cluster.endpoints()[0], kNow);
  const Picked picked =
      worker.Choose({.head = RequestWith(cookie), .client = kClient, .random = 1, .wall = kNow});
  EXPECT_EQ(picked.endpoint, nullptr);
  EXPECT_EQ(picked.affinity, AffinityResult::kGone);
  EXPECT_FALSE(picked.renew_affinity);
}

TEST(WorkerCluster, ALearnedSessionGoesBeforeCookieAndPolicy) {
  const config::Cluster settings = Sticky(config::LbPolicy::kRoundRobin, 4);
  const Fleet cluster(settings);
  WorkerCluster worker(cluster.membership(), 1);
  Endpoint& home = *cluster.Find("10.0.2.1:9000");
  const AffinityLookup session{AffinityResult::kHit, &home};
  const std::string same = "moor=" + cluster.Mint(home, kNow);
  const std::string other = "moor=" + cluster.Mint(*cluster.endpoints()[0], kNow);
  for (uint64_t i = 0; i < 8; ++i) {
    const Picked without = worker.Choose(
        {.head = RequestWith(""), .client = kClient, .random = i, .wall = kNow, .session = session});
    EXPECT_EQ(without.endpoint, &home);
    EXPECT_EQ(without.affinity, AffinityResult::kHit);
    EXPECT_TRUE(without.renew_affinity);
    EXPECT_FALSE(
        worker
            .Choose(
                {.head = RequestWith(same), .client = kClient, .random = i, .wall = kNow, .session = session})
            .renew_affinity);
    const Picked torn = worker.Choose(
        {.head = RequestWith(other), .client = kClient, .random = i, .wall = kNow, .session = session});
    EXPECT_EQ(torn.endpoint, &home);
    EXPECT_TRUE(torn.renew_affinity);
  }
}

TEST(WorkerCluster, ASessionOnADeadEndpointFallsBackToThePolicy) {
  const config::Cluster settings = EvenCluster(config::LbPolicy::kRoundRobin, 3);
  const Fleet cluster(settings);
  WorkerCluster worker(cluster.membership(), 1);
  Endpoint& home = *cluster.endpoints()[1];
  const AffinityLookup session{AffinityResult::kHit, &home};
  SetUsable(home, false);
  const Picked picked = worker.Choose(
      {.head = RequestWith(""), .client = kClient, .random = 1, .wall = kNow, .session = session});
  EXPECT_NE(picked.endpoint, nullptr);
  EXPECT_NE(picked.endpoint, &home);
  EXPECT_EQ(picked.affinity, AffinityResult::kGone);
  EXPECT_FALSE(picked.renew_affinity);

  SetUsable(home, true);
  const std::shared_ptr<const Endpoint> tried = home.shared_from_this();
  EXPECT_NE(worker
                .Choose({.head = RequestWith(""),
                         .client = kClient,
                         .tried = EndpointSet(&tried, 1),
                         .random = 1,
                         .wall = kNow,
                         .session = session})
                .endpoint,
            &home);
}

TEST(WorkerCluster, AnUnknownSessionIsLeftToTheCookie) {
  const config::Cluster settings = Sticky(config::LbPolicy::kRoundRobin, 4);
  const Fleet cluster(settings);
  WorkerCluster worker(cluster.membership(), 1);
  const AffinityLookup session{AffinityResult::kUnknown};
  Endpoint& home = *cluster.endpoints()[3];
  const std::string cookie = "moor=" + cluster.Mint(home, kNow);
  const Picked led = worker.Choose(
      {.head = RequestWith(cookie), .client = kClient, .random = 1, .wall = kNow, .session = session});
  EXPECT_EQ(led.endpoint, &home);
  EXPECT_EQ(led.affinity, AffinityResult::kHit);
  EXPECT_EQ(
      worker
          .Choose({.head = RequestWith(""), .client = kClient, .random = 1, .wall = kNow, .session = session})
          .affinity,
      AffinityResult::kUnknown);
}

}  // namespace
}  // namespace hawser::cluster::cluster_test
