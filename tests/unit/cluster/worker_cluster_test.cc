// A worker's cluster over changes of what it consists of.
#include "proxy/cluster/worker_cluster.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster::worker_cluster_test {
namespace {

using namespace std::chrono_literals;
using config::LbPolicy;

class WorkerClusterTest : public testing::Test {
 protected:
  // The cluster under `settings`, with the endpoints and the health of all that came before.
  std::shared_ptr<const Membership> Make(const config::Cluster& settings) {
    return MakeMembership(std::make_shared<const Cluster>(settings), TargetsOf(settings), registry_);
  }
  std::shared_ptr<Endpoint> endpoint(size_t i) {
    return registry_.Get("rooms", Address("10.0." + std::to_string(i) + ".1:9000"));
  }
  static std::map<std::string, int> Picks(WorkerCluster& worker, int count) {
    std::map<std::string, int> picks;
    for (int i = 0; i < count; ++i) ++picks[worker.Choose({.head = {}, .random = 0}).endpoint->name()];
    return picks;
  }

  // Under many hashes and random numbers.
  static std::map<std::string, int> Spread(WorkerCluster& worker, int count,
                                           base::TimePoint now = base::SteadyNow()) {
    std::mt19937_64 random(7);
    std::map<std::string, int> picks;
    for (int i = 0; i < count; ++i) {
      const std::string room = std::to_string(i);
      http::RequestHead head;
      head.headers.Add("X-Room", room);
      ++picks[worker.Choose({.head = head, .random = random(), .now = now}).endpoint->name()];
    }
    return picks;
  }
  // Of a thousand.
  static int OfFirstPriority(WorkerCluster& worker) {
    const MemberTable& table = *worker.membership().table();
    int count = 0;
    for (const auto& [name, picks] : Spread(worker, 1000))
      count += table.FindMember(*table.Find(name))->priority == 0 ? picks : 0;
    return count;
  }

  EndpointRegistry registry_;
};

TEST_F(WorkerClusterTest, RoundRobinGoesOnWhereItStoodWhateverChangesBesideTheMembers) {
  const config::Cluster settings = ClusterOf(LbPolicy::kRoundRobin, {5, 3, 1});
  WorkerCluster steady(Make(settings), 7);
  WorkerCluster updated(Make(settings), 7);
  for (int i = 0; i < 200; ++i) {
    if (i % 3 == 0) updated.Update(Make(settings));
    EXPECT_EQ(steady.Choose({.head = {}, .random = 0}).endpoint,
              updated.Choose({.head = {}, .random = 0}).endpoint)
        << i;
  }
}

TEST_F(WorkerClusterTest, RoundRobinGivesANewEndpointNoBurstAndNoDelay) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    WorkerCluster worker(Make(EvenCluster(LbPolicy::kRoundRobin, 4)), seed);
    Picks(worker, 1001);
    worker.Update(Make(EvenCluster(LbPolicy::kRoundRobin, 5)));
    auto picks = Picks(worker, 10);
    EXPECT_GE(picks["10.0.4.1:9000"], 1) << seed;
    EXPECT_LE(picks["10.0.4.1:9000"], 3) << seed;
    for (const auto& [name, count] : Picks(worker, 100)) EXPECT_NEAR(count, 20, 2) << name;
  }
}

// Credits of old weights must not decide for long.
TEST_F(WorkerClusterTest, RoundRobinFollowsNewWeightsWithinARound) {
  WorkerCluster worker(Make(ClusterOf(LbPolicy::kRoundRobin, {1000, 1, 1})), 3);
  Picks(worker, 500);
  worker.Update(Make(ClusterOf(LbPolicy::kRoundRobin, {1, 1, 1})));
  for (const auto& [name, count] : Picks(worker, 30)) EXPECT_NEAR(count, 10, 3) << name;
}

TEST_F(WorkerClusterTest, RoundRobinStaysFairOverManyChanges) {
  WorkerCluster worker(Make(EvenCluster(LbPolicy::kRoundRobin, 5)), 1);
  std::map<std::string, int> all;
  for (int i = 0; i < 200; ++i) {
    for (const auto& [name, count] : Picks(worker, 10)) all[name] += count;
    config::Cluster settings = EvenCluster(LbPolicy::kRoundRobin, 5);
    if (i % 2 == 0) settings.endpoints.pop_back();
    worker.Update(Make(settings));
  }
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(all[endpoint(i)->name()], 450, 20) << i;
  EXPECT_NEAR(all[endpoint(4)->name()], 200, 40);
}

TEST_F(WorkerClusterTest, EveryPolicyPicksTheMembersOfNow) {
  for (const LbPolicy policy : {LbPolicy::kRoundRobin, LbPolicy::kLeastRequest, LbPolicy::kRandom,
                                LbPolicy::kRingHash, LbPolicy::kMaglev}) {
    config::Cluster settings = EvenCluster(policy, 4);
    settings.hash_policy = {{.header = "X-Room"}};
    WorkerCluster worker(Make(settings), 1);
    settings.endpoints.erase(settings.endpoints.begin());
    // The old one is gone before the next pick.
    EXPECT_EQ(worker.Update(Make(settings))->members().size(), 4u);
    std::mt19937_64 random(5);
    std::map<const Endpoint*, int> picks;
    for (int i = 0; i < 400; ++i) {
      const std::string room = std::to_string(i);
      http::RequestHead head;
      head.headers.Add("X-Room", room);
      ++picks[worker.Choose({.head = head, .random = random()}).endpoint];
    }
    EXPECT_EQ(picks.size(), 3u) << static_cast<int>(policy);
    EXPECT_FALSE(picks.contains(endpoint(0).get())) << static_cast<int>(policy);
  }
}

TEST_F(WorkerClusterTest, AnotherPolicyIsAnotherBalancer) {
  WorkerCluster worker(Make(EvenCluster(LbPolicy::kRoundRobin, 3)), 1);
  worker.Update(Make(EvenCluster(LbPolicy::kMaglev, 3)));
  std::map<const Endpoint*, int> picks;
  for (int i = 0; i < 30; ++i) ++picks[worker.Choose({.head = {}, .random = 0}).endpoint];
  EXPECT_EQ(picks.size(), 1u) << "all requests have one address";
  worker.Update(Make(EvenCluster(LbPolicy::kRoundRobin, 3)));
  EXPECT_EQ(Picks(worker, 3).size(), 3u);
}

TEST_F(WorkerClusterTest, AClusterWithoutEndpointsGetsSome) {
  WorkerCluster worker(Make(EvenCluster(LbPolicy::kRoundRobin, 0)), 1);
  EXPECT_EQ(worker.Choose({.head = {}, .random = 1}).endpoint, nullptr);
  worker.Update(Make(EvenCluster(LbPolicy::kRoundRobin, 2)));
  EXPECT_EQ(Picks(worker, 2).size(), 2u);
  worker.Update(Make(EvenCluster(LbPolicy::kRoundRobin, 0)));
  EXPECT_EQ(worker.Choose({.head = {}, .random = 1}).endpoint, nullptr);
}

TEST_F(WorkerClusterTest, AnEndpointThatIsLeftOutStaysOutOverChanges) {
  WorkerCluster worker(Make(EvenCluster(LbPolicy::kRoundRobin, 3)), 1);
  const auto bad = endpoint(0);
  const base::TimePoint now = base::SteadyNow();
  for (int i = 0; i < 3; ++i) Trial(*bad, false).Failed("refused", now);
  worker.Update(Make(EvenCluster(LbPolicy::kRoundRobin, 4)));
  EXPECT_FALSE(Picks(worker, 20).contains(bad->name()));

  config::Cluster without = EvenCluster(LbPolicy::kRoundRobin, 4);
  without.endpoints.erase(without.endpoints.begin());
  worker.Update(Make(without));
  EXPECT_EQ(bad->state_name(), "ejected");
  Trial(*bad, false).Answered(now);
  EXPECT_EQ(bad->state_name(), "in");
  for (int i = 0; i < 9; ++i) Trial(*bad, false).Failed("refused", now);
  EXPECT_EQ(bad->state_name(), "in") << "one that is no member is not left out";
}

TEST_F(WorkerClusterTest, TheLastMemberThatIsInIsNotLeftOutForOneThatHasLeft) {
  WorkerCluster worker(Make(EvenCluster(LbPolicy::kRoundRobin, 2)), 1);
  worker.Update(Make(EvenCluster(LbPolicy::kRoundRobin, 1)));
  for (int i = 0; i < 9; ++i) Trial(*endpoint(0), false).Failed("refused", base::SteadyNow());
  EXPECT_TRUE(endpoint(0)->usable());
}

// --- Weight 0 ---

TEST_F(WorkerClusterTest, OneOfWeightZeroGetsNoNewSessionAndKeepsThoseItHas) {
  for (const LbPolicy policy : {LbPolicy::kRoundRobin, LbPolicy::kLeastRequest, LbPolicy::kRandom,
                                LbPolicy::kRingHash, LbPolicy::kMaglev}) {
    config::Cluster settings = ClusterOf(policy, {1, 0, 2});
    settings.hash_policy = {{.header = "X-Room"}};
    settings.affinity =
        config::Affinity{.cookie = config::AffinityCookie{.name = "moor", .keys = {{std::string(32, 'k')}}}};
    const auto membership = Make(settings);
    WorkerCluster worker(membership, 1);
    EXPECT_FALSE(Spread(worker, 500).contains(endpoint(1)->name())) << static_cast<int>(policy);
    const std::string cookie =
        "moor=" + membership->cluster()->affinity()->Mint(*endpoint(1), *membership, WallNow());
    http::RequestHead head;
    head.headers.Add("Cookie", cookie);
    EXPECT_EQ(worker.Choose({.head = head}).endpoint, endpoint(1).get());
    const AffinityLookup session{AffinityResult::kHit, endpoint(1).get()};
    EXPECT_EQ(worker.Choose({.head = {}, .session = session}).endpoint, endpoint(1).get());
  }
}

TEST_F(WorkerClusterTest, WithNothingButWeightZeroThereIsNobody) {
  for (const LbPolicy policy : {LbPolicy::kRoundRobin, LbPolicy::kLeastRequest, LbPolicy::kRandom,
                                LbPolicy::kRingHash, LbPolicy::kMaglev}) {
    WorkerCluster worker(Make(ClusterOf(policy, {0, 0})), 1);
    const Picked picked = worker.Choose({.head = {}, .random = 5});
    EXPECT_EQ(picked.endpoint, nullptr);
    EXPECT_EQ(picked.why, NoPick::kNoEndpoint);
  }
}

// --- Priorities ---

// Endpoints 0 to 3 in the first priority, 4 to 7 in the second.
config::Cluster TwoPriorities(LbPolicy policy) {
  config::Cluster settings = EvenCluster(policy, 8);
  settings.hash_policy = {{.header = "X-Room"}};
  for (size_t i = 4; i < 8; ++i) settings.endpoints[i].priority = 7;
  return settings;
}

TEST_F(WorkerClusterTest, TheSecondPriorityTakesWhatTheFirstsHealthLoses) {
  for (const LbPolicy policy : {LbPolicy::kRoundRobin, LbPolicy::kLeastRequest, LbPolicy::kRandom,
                                LbPolicy::kRingHash, LbPolicy::kMaglev}) {
    WorkerCluster worker(Make(TwoPriorities(policy)), 1);
    EXPECT_EQ(OfFirstPriority(worker), 1000);
    SetUsable(*endpoint(0), false);
    EXPECT_EQ(OfFirstPriority(worker), 1000) << "three quarters can take 1.4 times as much";
    SetUsable(*endpoint(1), false);
    EXPECT_NEAR(OfFirstPriority(worker), 700, 50) << static_cast<int>(policy);
    SetUsable(*endpoint(2), false);
    EXPECT_NEAR(OfFirstPriority(worker), 350, 50) << static_cast<int>(policy);
    SetUsable(*endpoint(3), false);
    EXPECT_EQ(OfFirstPriority(worker), 0);
    for (size_t i = 0; i < 4; ++i) SetUsable(*endpoint(i), true);
    EXPECT_EQ(OfFirstPriority(worker), 1000);
  }
}

TEST_F(WorkerClusterTest, OneHashHasOnePlaceInWhateverPriority) {
  WorkerCluster one(Make(TwoPriorities(LbPolicy::kRingHash)), 1);
  WorkerCluster other(Make(TwoPriorities(LbPolicy::kRingHash)), 2);
  SetUsable(*endpoint(0), false);
  SetUsable(*endpoint(1), false);
  std::map<const Endpoint*, int> picks;
  for (int i = 0; i < 1000; ++i) {
    const std::string room = std::to_string(i);
    http::RequestHead head;
    head.headers.Add("X-Room", room);
    const Endpoint* picked = one.Choose({.head = head, .random = 1}).endpoint;
    EXPECT_EQ(picked, other.Choose({.head = head, .random = 2}).endpoint);
    ++picks[picked];
  }
  EXPECT_EQ(picks.size(), 6u);
  for (const auto& [picked, count] : picks) EXPECT_GT(count, 30) << picked->name();
}

TEST_F(WorkerClusterTest, ARetryGoesToTheNextPriorityWhenTheFirstIsTried) {
  WorkerCluster worker(Make(TwoPriorities(LbPolicy::kRoundRobin)), 1);
  const std::shared_ptr<const Endpoint> tried[] = {endpoint(0), endpoint(1), endpoint(2), endpoint(3)};
  const Picked picked = worker.Choose({.head = {}, .tried = tried});
  ASSERT_NE(picked.endpoint, nullptr);
  EXPECT_EQ(worker.membership().table()->FindMember(*picked.endpoint)->priority, 7u);
}

TEST_F(WorkerClusterTest, PrioritiesComeAndGo) {
  WorkerCluster worker(Make(TwoPriorities(LbPolicy::kRoundRobin)), 1);
  worker.Update(Make(EvenCluster(LbPolicy::kRoundRobin, 3)));
  EXPECT_EQ(Picks(worker, 30).size(), 3u);
  worker.Update(Make(TwoPriorities(LbPolicy::kRoundRobin)));
  EXPECT_EQ(OfFirstPriority(worker), 1000);
}

// --- Who is out ---

TEST_F(WorkerClusterTest, InAPanicEverybodyIsPicked) {
  config::Cluster settings = EvenCluster(LbPolicy::kRoundRobin, 4);
  settings.panic_threshold = 50;
  WorkerCluster worker(Make(settings), 1);
  SetUsable(*endpoint(0), false);
  SetUsable(*endpoint(1), false);
  EXPECT_EQ(Picks(worker, 40).size(), 2u);
  SetUsable(*endpoint(2), false);
  for (const auto& [name, count] : Picks(worker, 40)) EXPECT_NEAR(count, 10, 2) << name;
  SetUsable(*endpoint(2), true);
  EXPECT_EQ(Picks(worker, 40).size(), 2u);
}

// Nobody is refused while one is only ejected; a check that fails is another matter.
TEST_F(WorkerClusterTest, WhereNobodyElseMayBePickedOneThatIsEjectedIs) {
  WorkerCluster worker(Make(EvenCluster(LbPolicy::kRoundRobin, 3)), 1);
  for (int i = 0; i < 3; ++i) Trial(*endpoint(0), false).Failed("refused", base::SteadyNow());
  ASSERT_EQ(endpoint(0)->state_name(), "ejected");
  SetUsable(*endpoint(1), false);
  SetUsable(*endpoint(2), false);
  EXPECT_EQ(worker.Choose({.head = {}}).endpoint, endpoint(0).get());
  SetUsable(*endpoint(0), false);
  EXPECT_EQ(worker.Choose({.head = {}}).why, NoPick::kNoEndpoint);
}

// --- Slow start ---

TEST_F(WorkerClusterTest, WhoJoinsGetsItsShareStepByStep) {
  for (const LbPolicy policy : {LbPolicy::kRoundRobin, LbPolicy::kRandom}) {
    config::Cluster settings = EvenCluster(policy, 4);
    settings.slow_start = config::SlowStart{.window = 100s};
    base::TimePoint now(1000s);
    config::Cluster three = settings;
    three.endpoints.pop_back();
    WorkerCluster worker(Make(three), 1, now);
    worker.Update(Make(settings), now);
    const std::string joined = endpoint(3)->name();
    EXPECT_NEAR(Spread(worker, 3100, now)[joined], 100, 30) << static_cast<int>(policy);
    now += 25s;
    EXPECT_NEAR(Spread(worker, 3250, now)[joined], 250, 50) << static_cast<int>(policy);
    now += 25s;
    EXPECT_NEAR(Spread(worker, 3500, now)[joined], 500, 70) << static_cast<int>(policy);
    now += 50s;
    EXPECT_NEAR(Spread(worker, 4000, now)[joined], 1000, 100) << static_cast<int>(policy);
    worker.Update(Make(three), now);
  }
}

// With tunnels that stay it fills up to its share, and not beyond it.
TEST_F(WorkerClusterTest, LeastRequestFillsANewEndpointSlowly) {
  config::Cluster settings = EvenCluster(LbPolicy::kLeastRequest, 3);
  settings.slow_start = config::SlowStart{.window = 100s};
  config::Cluster two = settings;
  two.endpoints.pop_back();
  base::TimePoint now(1000s);
  std::mt19937_64 random(3);
  std::vector<OpenLease> tunnels;
  WorkerCluster worker(Make(two), 1, now);
  for (int i = 0; i < 1000; ++i)
    tunnels.push_back(worker.Choose({.head = {}, .random = random(), .now = now}).lease);
  worker.Update(Make(settings), now);
  for (int i = 0; i < 100; ++i)
    tunnels.push_back(worker.Choose({.head = {}, .random = random(), .now = now}).lease);
  EXPECT_LT(endpoint(2)->active(), 60) << "a tenth of the weight, against two that are full";
  EXPECT_GT(endpoint(2)->active(), 5);
}

}  // namespace
}  // namespace hawser::cluster::worker_cluster_test
