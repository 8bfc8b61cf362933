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

}  // namespace
}  // namespace hawser::cluster::worker_cluster_test
