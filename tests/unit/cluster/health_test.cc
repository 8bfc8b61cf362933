// When an endpoint is ejected, for how long, and how it returns, under the test's own clock.
#include "proxy/cluster/health.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "proxy/cluster/trial.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster {
namespace {

using namespace std::chrono_literals;

class Outliers : public testing::Test {
 protected:
  explicit Outliers(size_t endpoints = 3) : cluster_(EvenCluster(config::LbPolicy::kRoundRobin, endpoints)) {}

  Endpoint& endpoint(size_t i) { return *cluster_.endpoints()[i]; }
  Health& health() { return cluster_.health(); }
  void Fail(size_t i, int times) {
    for (int n = 0; n < times; ++n) Trial(endpoint(i), false).Failed("refused", now_);
  }
  void Answer(size_t i) { Trial(endpoint(i), false).Answered(now_); }
  void Pass(base::Duration time) {
    now_ += time;
    for (const Member& member : cluster_.table().members()) {
      health().EndEjection(*member.endpoint, now_);
    }
  }
  Trial Probe(size_t i) {
    EXPECT_TRUE(health().TakeProbe(endpoint(i), now_));
    return Trial(endpoint(i), true);
  }

  const Fleet cluster_;
  base::TimePoint now_ = base::TimePoint(1000s);
};

TEST_F(Outliers, ThreeFailuresInARowLeaveAnEndpointOut) {
  Fail(0, 2);
  EXPECT_TRUE(endpoint(0).usable());
  Answer(0);
  Fail(0, 2);
  EXPECT_TRUE(endpoint(0).usable()) << "an answer in between ends the row";
  Fail(0, 1);
  EXPECT_FALSE(endpoint(0).usable());
  EXPECT_EQ(endpoint(0).state_name(), "ejected");
  EXPECT_EQ(endpoint(0).ejections().why, "refused");
  EXPECT_EQ(endpoint(0).out_until(), now_ + 5s);
  EXPECT_EQ(endpoint(0).ejection_count(), 1u);
}

TEST_F(Outliers, AGivenUpTryIsNoFailure) {
  Fail(0, 2);
  { const Trial left(endpoint(0), false); }
  Trial told(endpoint(0), false);
  told.GiveUp();
  told.Failed("too late", now_);
  EXPECT_TRUE(endpoint(0).usable());
}

TEST_F(Outliers, WhenTheTimeIsOverOneRequestMayTryIt) {
  Fail(0, 3);
  Pass(4999ms);
  EXPECT_FALSE(endpoint(0).usable());
  Pass(1ms);
  EXPECT_TRUE(endpoint(0).usable());
  EXPECT_EQ(endpoint(0).state_name(), "probe_due");
  Trial probe = Probe(0);
  EXPECT_FALSE(endpoint(0).usable());
  EXPECT_EQ(endpoint(0).state_name(), "probing");
  EXPECT_FALSE(health().TakeProbe(endpoint(0), now_));
  probe.Answered(now_);
  EXPECT_EQ(endpoint(0).state_name(), "in");
  Fail(0, 2);
  EXPECT_TRUE(endpoint(0).usable()) << "the row begins anew";
}

TEST_F(Outliers, AProbeThatIsGivenUpLeavesItToTheNext) {
  Fail(0, 3);
  Pass(5s);
  { const Trial left = Probe(0); }
  EXPECT_EQ(endpoint(0).state_name(), "probe_due");
  Probe(0).Answered(now_);
  EXPECT_EQ(endpoint(0).state_name(), "in");
}

TEST_F(Outliers, ALongProbeDoesNotKeepTheOthersAway) {
  Fail(0, 3);
  Pass(5s);
  Trial poll = Probe(0);
  Pass(4999ms);
  EXPECT_FALSE(endpoint(0).usable());
  Pass(1ms);
  EXPECT_TRUE(endpoint(0).usable());
  poll.Answered(now_);
  EXPECT_EQ(endpoint(0).state_name(), "in");
}

TEST_F(Outliers, EachProbeThatFailsDoublesTheTimeUpToAMinute) {
  Fail(0, 3);
  for (const auto seconds : {5s, 10s, 20s, 40s, 60s, 60s}) {
    EXPECT_EQ(endpoint(0).out_until(), now_ + seconds);
    Pass(seconds);
    Probe(0).Failed("refused again", now_);
    EXPECT_EQ(endpoint(0).state_name(), "ejected");
  }
  EXPECT_EQ(endpoint(0).ejection_count(), 7u);
  EXPECT_EQ(endpoint(0).ejections().why, "refused again");
}

TEST_F(Outliers, AFlappingEndpointIsEjectedForLongerAndASoundOneStartsAgain) {
  Fail(0, 3);
  Pass(5s);
  Probe(0).Answered(now_);
  Pass(59'999ms);
  Fail(0, 3);
  EXPECT_EQ(endpoint(0).out_until(), now_ + 10s);
  Pass(10s);
  Probe(0).Answered(now_);
  Pass(60s);
  Fail(0, 3);
  EXPECT_EQ(endpoint(0).out_until(), now_ + 5s);
}

TEST_F(Outliers, TheFirstAnswerToAnyRequestBringsItBack) {
  Trial under_way(endpoint(0), false);
  Fail(0, 3);
  under_way.Answered(now_);
  EXPECT_EQ(endpoint(0).state_name(), "in");
}

TEST_F(Outliers, FailuresThatWereUnderWayDoNotMakeItLonger) {
  Fail(0, 3);
  const base::TimePoint until = endpoint(0).out_until();
  Pass(1s);
  Fail(0, 50);
  EXPECT_EQ(endpoint(0).out_until(), until);
  EXPECT_EQ(endpoint(0).ejection_count(), 1u);
  Pass(4s);
  Trial probe = Probe(0);
  Fail(0, 50);
  EXPECT_EQ(endpoint(0).state_name(), "probing");
}

TEST_F(Outliers, TheLastOneThatIsInIsNeverLeftOut) {
  health().Adopt(cluster_.membership()->table(), {.max_ejection_percent = 100});
  for (size_t i = 0; i < 3; ++i) Fail(i, 10);
  EXPECT_FALSE(endpoint(0).usable());
  EXPECT_FALSE(endpoint(1).usable());
  EXPECT_TRUE(endpoint(2).usable());
  Pass(5s);
  Fail(2, 10);
  EXPECT_EQ(endpoint(2).state_name(), "in") << "one that is only to be tried is no substitute";
  Probe(0).Answered(now_);
  Fail(2, 1);
  EXPECT_FALSE(endpoint(2).usable());
}

struct OneEndpoint : Outliers {
  OneEndpoint() : Outliers(1) {}
};

TEST_F(OneEndpoint, TheOnlyOneIsNeverLeftOut) {
  Fail(0, 1000);
  EXPECT_TRUE(endpoint(0).usable());
}

TEST_F(Outliers, ManyThreadsNeverLeaveOutAll) {
  health().Adopt(cluster_.membership()->table(), {.max_ejection_percent = 100});
  const auto work = [this] {
    for (int i = 0; i < 3000; ++i) {
      Trial(endpoint(static_cast<size_t>(i) % 3), false).Failed("refused", now_);
      const bool any = endpoint(0).usable() || endpoint(1).usable() || endpoint(2).usable();
      EXPECT_TRUE(any);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(endpoint(0).ejection_count() + endpoint(1).ejection_count() + endpoint(2).ejection_count(), 2u);
}

// Several workers see that a probe is due. One takes it and fails at once; the late ones must change nothing,
// or they would end the new ejection early.
TEST_F(Outliers, OneOfManyWorkersTakesAProbeAndTheOthersLeaveItsEjectionAlone) {
  constexpr int kWorkers = 3;
  constexpr int kRounds = 1000;
  Fail(0, 3);
  std::atomic<int> probes = 0;
  std::atomic<int> waiting = 0;
  std::atomic<int> round = 0;
  const auto work = [&] {
    for (int mine = 1; mine <= kRounds; ++mine) {
      ++waiting;
      while (round < mine) std::this_thread::yield();
      if (!health().TakeProbe(endpoint(0), now_)) continue;
      ++probes;
      Trial(endpoint(0), true).Failed("refused again", now_);
    }
    ++waiting;
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < kWorkers; ++i) threads.emplace_back(work);
  int early = 0;
  for (int begun = 1; begun <= kRounds + 1; ++begun) {
    while (waiting < kWorkers * begun) std::this_thread::yield();
    if (begun > 1) {
      EXPECT_EQ(probes, begun - 1);
      EXPECT_EQ(endpoint(0).state_name(), "ejected");
      early += endpoint(0).out_until() < now_ + 10s;
    }
    Pass(60s);  // the longest ejection: its probe is due again
    round = begun;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(early, 0);
}

http::RequestHead Get() {
  http::RequestHead head;
  head.method = "GET";
  head.target = "/";
  return head;
}
const net::IpAddress kSomebody = net::IpAddress::Parse("192.0.2.1").value();

// By the steady clock, which Choose reads.
TEST_F(Outliers, ARequestThatIsSentToADueEndpointIsItsProbe) {
  now_ = base::SteadyNow() - 6s;
  Fail(0, 3);
  WorkerCluster worker(cluster_.membership(), 1);
  std::vector<Picked> picks;
  int probes = 0;
  for (uint64_t i = 0; i < 30; ++i) {
    picks.push_back(worker.Choose({.head = Get(), .client = kSomebody, .random = i}));
    probes += picks.back().endpoint == &endpoint(0);
  }
  EXPECT_EQ(probes, 1);
  picks.clear();
  EXPECT_EQ(endpoint(0).state_name(), "probe_due");
}

TEST_F(Outliers, OneThatIsLeftOutIsAskedBeforeOneThatHasJustFailed) {
  now_ = base::SteadyNow();
  Fail(0, 3);
  WorkerCluster worker(cluster_.membership(), 1);
  const std::shared_ptr<const Endpoint> tried[] = {cluster_.endpoints()[1], cluster_.endpoints()[2]};
  Picked last = worker.Choose({.head = Get(), .client = kSomebody, .tried = tried, .random = 1});
  EXPECT_EQ(last.endpoint, &endpoint(0));
  last.trial.Failed("refused", base::SteadyNow());
  EXPECT_EQ(endpoint(0).ejection_count(), 1u);
  worker.Choose({.head = Get(), .client = kSomebody, .tried = tried, .random = 1})
      .trial.Answered(base::SteadyNow());
  EXPECT_EQ(endpoint(0).state_name(), "in");
}

}  // namespace
}  // namespace hawser::cluster
