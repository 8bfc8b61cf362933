// What ring_hash and maglev promise beyond the other policies: all hawsers pick the same endpoint for a
// request, and changes of the cluster move few requests.
#include <algorithm>
#include <random>

#include "gtest/gtest.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster {
namespace {

using config::LbPolicy;

constexpr int kKeys = 20'000;

// The name of the endpoint of each of kKeys hashes.
std::vector<std::string> Places(const Fleet& cluster, EndpointSet tried = {}) {
  const auto balancer = cluster.NewBalancer(1);
  std::mt19937_64 random(11);
  std::vector<std::string> places;
  for (int i = 0; i < kKeys; ++i)
    places.push_back(balancer->Pick({.hash = random(), .tried = tried})->name());
  return places;
}

int Moved(const std::vector<std::string>& before, const std::vector<std::string>& after) {
  int moved = 0;
  for (size_t i = 0; i < before.size(); ++i) moved += before[i] != after[i];
  return moved;
}

class Placement : public testing::TestWithParam<LbPolicy> {};
INSTANTIATE_TEST_SUITE_P(, Placement, testing::Values(LbPolicy::kRingHash, LbPolicy::kMaglev), PolicyName);

TEST_P(Placement, IsOnePlaceForOneHash) {
  const config::Cluster settings = EvenCluster(GetParam(), 10);
  const Fleet cluster(settings);
  const auto balancer = cluster.NewBalancer(1);
  const Endpoint* first = balancer->Pick({.hash = 42, .random = 1});
  for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(balancer->Pick({.hash = 42, .random = i}), first);
}

TEST_P(Placement, IsTheSameForWhoeverListsTheEndpointsInAnyOrder) {
  config::Cluster settings = ClusterOf(GetParam(), {1, 2, 3, 4, 5, 6, 7});
  const Fleet one(settings);
  config::Cluster shuffled = settings;
  std::reverse(shuffled.endpoints.begin(), shuffled.endpoints.end());
  std::swap(shuffled.endpoints[1], shuffled.endpoints[4]);
  shuffled.name = "called otherwise";
  const Fleet other(shuffled);
  EXPECT_EQ(Places(one), Places(other));

  for (const Fleet* cluster : {&one, &other}) {
    for (const auto& [endpoint, weight, priority] : cluster->table().members())
      SetUsable(*endpoint, weight > 5);
  }
  EXPECT_EQ(Places(one), Places(other)) << "with endpoints out";
  for (const Fleet* cluster : {&one, &other}) {
    for (const auto& [endpoint, weight, priority] : cluster->table().members())
      SetUsable(*endpoint, weight == 2);
  }
  EXPECT_EQ(Places(one), Places(other)) << "with all but one out";
}

// Endpoints that every build and host must pick: a fleet is upgraded host by host.
TEST_P(Placement, HasAFixedValue) {
  const config::Cluster settings = EvenCluster(GetParam(), 10);
  const Fleet cluster(settings);
  const auto balancer = cluster.NewBalancer(1);
  std::string digits;
  for (uint64_t i = 0; i < 24; ++i) {
    const Endpoint* picked = balancer->Pick({.hash = i * 0x9e3779b97f4a7c15});
    digits += std::to_string(std::find_if(cluster.endpoints().begin(), cluster.endpoints().end(),
                                          [&](const auto& endpoint) { return endpoint.get() == picked; }) -
                             cluster.endpoints().begin());
  }
  EXPECT_EQ(digits,
            GetParam() == LbPolicy::kMaglev ? "729441014164474454724784" : "143436673057402267756075");
}

TEST_P(Placement, MovesLittleWhenAnEndpointIsRemoved) {
  config::Cluster settings = EvenCluster(GetParam(), 20);
  const Fleet whole(settings);
  const std::string gone = whole.endpoints()[7]->name();
  settings.endpoints.erase(settings.endpoints.begin() + 7);
  const Fleet rest(settings);

  const auto before = Places(whole);
  const auto after = Places(rest);
  int needless = 0;
  for (size_t i = 0; i < before.size(); ++i) needless += before[i] != gone && before[i] != after[i];
  // A ring moves none but those of the endpoint that went. Maglev trades a few more for even shares.
  EXPECT_LE(needless, GetParam() == LbPolicy::kRingHash ? 0 : kKeys * 3 / 100);
  EXPECT_LT(Moved(before, after), kKeys * 9 / 100);
}

// Each of the ten in turn: at most its tenth of the requests and 3 % more.
TEST_P(Placement, MovesAtMostATenthAndALittleWhenOneOfTenGoes) {
  constexpr int kRequests = 10'000;
  const config::Cluster settings = EvenCluster(GetParam(), 10);
  const Fleet whole(settings);
  for (size_t gone = 0; gone < 10; ++gone) {
    config::Cluster smaller = settings;
    smaller.endpoints.erase(smaller.endpoints.begin() + static_cast<std::ptrdiff_t>(gone));
    const Fleet rest(smaller, whole.registry());
    const auto before = whole.NewBalancer();
    const auto after = rest.NewBalancer();
    std::mt19937_64 random(23);
    int moved = 0;
    for (int i = 0; i < kRequests; ++i) {
      const uint64_t hash = random();
      moved += before->Pick({.hash = hash}) != after->Pick({.hash = hash});
    }
    EXPECT_LE(moved, kRequests / 10 + kRequests * 3 / 100) << gone;
  }
}

TEST_P(Placement, MovesLittleWhenAnEndpointIsAdded) {
  const config::Cluster settings = EvenCluster(GetParam(), 20);
  config::Cluster more = EvenCluster(GetParam(), 21);
  const Fleet small(settings);
  const Fleet large(more);
  EXPECT_LT(Moved(Places(small), Places(large)), kKeys * 9 / 100);
}

TEST_P(Placement, MovesOnlyTheRequestsOfAnEndpointThatIsOut) {
  const config::Cluster settings = EvenCluster(GetParam(), 10);
  const Fleet cluster(settings);
  const auto before = Places(cluster);
  SetUsable(*cluster.endpoints()[4], false);
  const auto after = Places(cluster);
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i] == cluster.endpoints()[4]->name(), before[i] != after[i]);
  }
  SetUsable(*cluster.endpoints()[4], true);
  EXPECT_EQ(Places(cluster), before);
}

TEST_P(Placement, OfATriedEndpointIsThatOfAnUnavailableOne) {
  const config::Cluster settings = EvenCluster(GetParam(), 10);
  const Fleet cluster(settings);
  const std::shared_ptr<const Endpoint> tried = cluster.endpoints()[4];
  const auto while_tried = Places(cluster, EndpointSet(&tried, 1));
  SetUsable(*cluster.endpoints()[4], false);
  EXPECT_EQ(while_tried, Places(cluster));
}

TEST_P(Placement, WithoutAHashIsRandom) {
  const config::Cluster settings = EvenCluster(GetParam(), 4);
  const Fleet cluster(settings);
  const auto balancer = cluster.NewBalancer(1);
  std::mt19937_64 random(5);
  std::map<std::string, int> picks;
  for (int i = 0; i < 4000; ++i) ++picks[balancer->Pick({.random = random()})->name()];
  for (const auto& endpoint : cluster.endpoints()) EXPECT_NEAR(picks[endpoint->name()], 1000, 250);
}

std::vector<int> SlotsOf(const Fleet& cluster) {
  std::vector<int> slots(cluster.endpoints().size());
  for (uint64_t slot = 0; slot < MaglevTable::kSlots; ++slot)
    ++slots[cluster.table().levels().front().maglev()->Owner(slot)];
  return slots;
}

TEST(MaglevTable, IsEvenToWithinASlot) {
  for (const size_t count : {1u, 2u, 3u, 10u, 1000u}) {
    const config::Cluster settings = EvenCluster(LbPolicy::kMaglev, count);
    const std::vector<int> slots = SlotsOf(Fleet(settings));
    const auto [least, most] = std::minmax_element(slots.begin(), slots.end());
    EXPECT_LE(*most - *least, 1) << count << " endpoints";
  }
}

TEST(MaglevTable, GivesSlotsByWeight) {
  const config::Cluster settings = ClusterOf(LbPolicy::kMaglev, {1, 10, 100, 1000});
  const std::vector<int> slots = SlotsOf(Fleet(settings));
  const double unit = MaglevTable::kSlots / 1111.0;
  EXPECT_NEAR(slots[0], unit, 2);
  EXPECT_NEAR(slots[1], unit * 10, 2);
  EXPECT_NEAR(slots[2], unit * 100, 2);
  EXPECT_NEAR(slots[3], unit * 1000, 4);
}

TEST(MaglevTable, IsBuiltOnlyForItsPolicy) {
  const config::Cluster settings = EvenCluster(LbPolicy::kRingHash, 3);
  const Fleet cluster(settings);
  EXPECT_EQ(cluster.table().levels().front().maglev(), nullptr);
  EXPECT_NE(cluster.table().levels().front().ring(), nullptr);
  EXPECT_TRUE(cluster.table().places_by_hash());
}

TEST(HashRing, GivesPointsByWeight) {
  const config::Cluster settings = ClusterOf(LbPolicy::kRingHash, {1, 3});
  const Fleet cluster(settings);
  const HashRing& ring = *cluster.table().levels().front().ring();
  ASSERT_EQ(ring.size(), 4 * HashRing::kPointsPerWeight);
  size_t light = 0;
  for (size_t point = 0; point < ring.size(); ++point) light += ring.Owner(point) == 0;
  EXPECT_EQ(light, HashRing::kPointsPerWeight);
}

TEST(HashRing, StaysBoundedUnderHugeWeights) {
  const config::Cluster settings =
      ClusterOf(LbPolicy::kRingHash, {1000, 1000, 1000, 1000, 1000, 1000, 1000, 1});
  const Fleet cluster(settings);
  const HashRing& ring = *cluster.table().levels().front().ring();
  EXPECT_LE(ring.size(), HashRing::kMostPoints + 8);
  EXPECT_GT(ring.size(), HashRing::kMostPoints - 16);
  size_t light = 0;
  for (size_t point = 0; point < ring.size(); ++point) light += ring.Owner(point) == 7;
  EXPECT_NEAR(static_cast<double>(light), HashRing::kMostPoints / 7001.0, 2);
}

TEST(HashRing, FindsTheNextPointAndWrapsAround) {
  const config::Cluster settings = EvenCluster(LbPolicy::kRingHash, 3);
  const Fleet cluster(settings);
  const HashRing& ring = *cluster.table().levels().front().ring();
  EXPECT_EQ(ring.Find(0), 0u);
  EXPECT_EQ(ring.Find(ring.Hash(17)), 17u);
  EXPECT_EQ(ring.Find(ring.Hash(17) + 1), 18u);
  EXPECT_EQ(ring.Find(ring.Hash(ring.size() - 1) + 1), 0u);
  EXPECT_EQ(ring.Owner(ring.size()), ring.Owner(0));
}

}  // namespace
}  // namespace hawser::cluster
