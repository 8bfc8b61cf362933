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
  void FailHandshakes(size_t i, int times) {
    for (int n = 0; n < times; ++n) Trial(endpoint(i), false).Failed("500", now_, Work::kHandshake);
  }
  Trial Probe(size_t i) {
    EXPECT_TRUE(health().TakeProbe(endpoint(i), now_));
    return Trial(endpoint(i), true);
  }

  void EndTunnels(size_t i, TunnelEnd end, int times, base::Duration age = 1s) {
    for (int n = 0; n < times; ++n) health().OnTunnelEnd(endpoint(i), end, now_ - age, now_, "reset");
  }
  void AllMayBeEjected() {
    health().Adopt(cluster_.membership()->table(), {.outliers = {.max_ejection_percent = 100}}, now_);
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
  AllMayBeEjected();
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
  AllMayBeEjected();
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

// --- Handshakes ---

// A cluster may serve its other paths well.
TEST_F(Outliers, OtherAnswersDoNotEndARowOfHandshakes) {
  FailHandshakes(0, 2);
  Answer(0);
  EXPECT_TRUE(endpoint(0).usable());
  FailHandshakes(0, 1);
  EXPECT_EQ(endpoint(0).state_name(), "ejected");
  Answer(0);
  EXPECT_EQ(endpoint(0).state_name(), "ejected") << "of a request that was under way";
}

TEST_F(Outliers, AGoodAnswerToAHandshakeEndsTheirRow) {
  FailHandshakes(0, 2);
  Trial(endpoint(0), false).Answered(now_, Work::kHandshake);
  FailHandshakes(0, 2);
  EXPECT_TRUE(endpoint(0).usable());
}

TEST_F(Outliers, FailuresOfBothKindsAreARow) {
  Fail(0, 1);
  FailHandshakes(0, 1);
  Fail(0, 1);
  EXPECT_EQ(endpoint(0).state_name(), "ejected");
  Answer(0);
  EXPECT_EQ(endpoint(0).state_name(), "in") << "no row of handshakes";
}

TEST_F(Outliers, WhatHandshakesEjectedIsLetInByAHandshakeAndServesOtherRequestsBefore) {
  now_ = base::SteadyNow() - 6s;
  FailHandshakes(0, 3);
  WorkerCluster worker(cluster_.membership(), 1);
  const http::RequestHead head;
  const auto picks = [&](bool websocket) {
    std::vector<Picked> picked;
    for (int i = 0; i < 3; ++i) picked.push_back(worker.Choose({.head = head, .websocket = websocket}));
    std::erase_if(picked, [&](const Picked& one) { return one.endpoint != &endpoint(0); });
    return picked;
  };
  for (int i = 0; i < 3; ++i) {
    std::vector<Picked> requests = picks(false);
    ASSERT_EQ(requests.size(), 1u) << "its share";
    requests[0].trial.Answered(base::SteadyNow());
    EXPECT_EQ(endpoint(0).state_name(), "probe_due");
  }
  std::vector<Picked> handshakes = picks(true);
  ASSERT_EQ(handshakes.size(), 1u);
  EXPECT_EQ(endpoint(0).state_name(), "probing");
  handshakes[0].trial.Answered(base::SteadyNow(), Work::kHandshake);
  EXPECT_EQ(endpoint(0).state_name(), "in");
  FailHandshakes(0, 2);
  EXPECT_TRUE(endpoint(0).usable()) << "the row begins anew";
}

TEST_F(Outliers, WhatWaitsForAHandshakeIsEjectedAgainByOtherRequests) {
  FailHandshakes(0, 3);
  Pass(5s);
  Answer(0);
  Fail(0, 2);
  EXPECT_EQ(endpoint(0).state_name(), "probe_due");
  FailHandshakes(0, 9);
  EXPECT_EQ(endpoint(0).state_name(), "probe_due") << "which were under way";
  Fail(0, 1);
  EXPECT_EQ(endpoint(0).state_name(), "ejected");
  EXPECT_EQ(endpoint(0).out_until(), now_ + 10s);
  Pass(10s);
  Answer(0);
  EXPECT_EQ(endpoint(0).state_name(), "probe_due") << "it still waits for a handshake";
}

// --- How many may be out ---

class OfMany : public Outliers, public testing::WithParamInterface<size_t> {
 protected:
  OfMany() : Outliers(GetParam()) {}
};
INSTANTIATE_TEST_SUITE_P(, OfMany, testing::Values(1, 2, 3, 4, 5, 9, 10), testing::PrintToStringParamName());

TEST_P(OfMany, HalfMayBeEjectedRoundedDown) {
  for (size_t i = 0; i < GetParam(); ++i) Fail(i, 3);
  size_t out = 0;
  for (size_t i = 0; i < GetParam(); ++i) out += !endpoint(i).usable();
  EXPECT_EQ(out, GetParam() / 2);
}

TEST_P(OfMany, OneOfTwoMayBeEjectedWhateverThePercent) {
  health().Adopt(cluster_.membership()->table(), {.outliers = {.max_ejection_percent = 10}}, now_);
  for (size_t i = 0; i < GetParam(); ++i) Fail(i, 3);
  size_t out = 0;
  for (size_t i = 0; i < GetParam(); ++i) out += !endpoint(i).usable();
  EXPECT_EQ(out, GetParam() == 2 || GetParam() == 10 ? 1u : 0u);
}

TEST_P(OfMany, WithZeroPercentNoneIs) {
  health().Adopt(cluster_.membership()->table(), {.outliers = {.max_ejection_percent = 0}}, now_);
  for (size_t i = 0; i < GetParam(); ++i) Fail(i, 30);
  for (size_t i = 0; i < GetParam(); ++i) EXPECT_TRUE(endpoint(i).usable());
}

TEST_F(Outliers, TheLastOneThatChecksHaveLeftIsNotEjected) {
  AllMayBeEjected();
  health().SetChecked(endpoint(1), false, "503", now_);
  health().SetChecked(endpoint(2), false, "503", now_);
  Fail(0, 30);
  EXPECT_TRUE(endpoint(0).usable());
}

// --- Checks ---

TEST_F(Outliers, AFailedCheckLeavesAnEndpointOutUntilOneSucceeds) {
  const uint32_t before = health().changes();
  health().SetChecked(endpoint(0), true, "200", now_);
  EXPECT_EQ(health().changes(), before) << "nothing has changed";
  health().SetChecked(endpoint(0), false, "503", now_);
  EXPECT_EQ(endpoint(0).state_name(), "check_failed");
  EXPECT_FALSE(endpoint(0).usable());
  EXPECT_NE(health().changes(), before);
  health().SetChecked(endpoint(0), false, "503", now_);
  health().SetChecked(endpoint(0), true, "200", now_);
  EXPECT_TRUE(endpoint(0).usable());
  const auto changes = endpoint(0).log().Changes();
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].from, "in");
  EXPECT_EQ(changes[0].to, "check_failed");
  EXPECT_EQ(changes[0].why, "503");
  EXPECT_EQ(changes[1].to, "in");
}

TEST_F(Outliers, ACheckThatSucceedsEndsAnEjectionAtOnceButNotTheRow) {
  Fail(0, 3);
  health().SetChecked(endpoint(0), true, "200", now_);
  EXPECT_EQ(endpoint(0).state_name(), "in");
  Fail(0, 1);
  EXPECT_EQ(endpoint(0).state_name(), "ejected") << "no request has had an answer since";
  EXPECT_EQ(endpoint(0).out_until(), now_ + 10s);
}

// --- Tunnels ---

TEST_F(Outliers, TunnelsThatEndInItsFaultEjectAnEndpoint) {
  EndTunnels(0, TunnelEnd::kFault, 2);
  EndTunnels(0, TunnelEnd::kNormal, 1);
  EndTunnels(0, TunnelEnd::kFault, 2);
  EXPECT_TRUE(endpoint(0).usable()) << "one that ends in order ends the row";
  health().OnTunnelProven(endpoint(0), now_ - Health::kProvenAfter);
  EndTunnels(0, TunnelEnd::kFault, 2);
  EXPECT_TRUE(endpoint(0).usable()) << "and so does one that has lived for long enough";
  EndTunnels(0, TunnelEnd::kFault, 1);
  EXPECT_EQ(endpoint(0).state_name(), "ejected");
  EXPECT_EQ(endpoint(0).ejections().why, "reset");
}

TEST_F(Outliers, A101DoesNotEndTheRowOfTunnels) {
  for (int i = 0; i < 3; ++i) {
    Answer(0);
    EndTunnels(0, TunnelEnd::kFault, 1);
  }
  EXPECT_EQ(endpoint(0).state_name(), "ejected");
  Answer(0);
  EXPECT_EQ(endpoint(0).state_name(), "ejected") << "of a handshake that was under way";
  Pass(5s);
  Probe(0).Answered(now_);
  EXPECT_EQ(endpoint(0).state_name(), "in");
  EndTunnels(0, TunnelEnd::kFault, 1, 0s);
  EXPECT_EQ(endpoint(0).state_name(), "ejected") << "it has not carried a tunnel since";
  EXPECT_EQ(endpoint(0).out_until(), now_ + 10s);
}

// The process that carried them may be gone: another one has returned.
TEST_F(Outliers, TunnelsFromBeforeAReturnSayNothing) {
  EndTunnels(0, TunnelEnd::kFault, 3);
  Pass(5s);
  Probe(0).Answered(now_);
  const base::TimePoint returned = now_;
  now_ += 4s;
  EndTunnels(0, TunnelEnd::kFault, 500, 4001ms);
  EndTunnels(0, TunnelEnd::kLost, 500, 1h);
  EXPECT_TRUE(endpoint(0).usable());
  health().OnTunnelEnd(endpoint(0), TunnelEnd::kNormal, returned - 1ms, now_, "");
  health().OnTunnelProven(endpoint(0), returned - 1ms);
  EndTunnels(0, TunnelEnd::kFault, 1, 4s);
  EXPECT_FALSE(endpoint(0).usable()) << "a sound tunnel from before does not end the row either";
}

TEST_F(Outliers, ACheckThatLetsAnEndpointInIsAReturn) {
  EndTunnels(0, TunnelEnd::kFault, 2);
  health().SetChecked(endpoint(0), false, "503", now_);
  now_ += 2s;
  health().SetChecked(endpoint(0), true, "200", now_);
  EXPECT_EQ(endpoint(0).tunnel_failures(), 0u);
  now_ += 1s;
  EndTunnels(0, TunnelEnd::kFault, 500, 1001ms);
  EndTunnels(0, TunnelEnd::kFault, 2, 1s);
  EXPECT_TRUE(endpoint(0).usable());
  EndTunnels(0, TunnelEnd::kFault, 1, 1s);
  EXPECT_FALSE(endpoint(0).usable());
}

TEST_F(Outliers, TunnelsFromBeforeAnEjectionDoNotMakeItLonger) {
  EndTunnels(0, TunnelEnd::kFault, 500);
  EXPECT_EQ(endpoint(0).ejection_count(), 1u);
  Pass(5s);
  EndTunnels(0, TunnelEnd::kFault, 500);
  EXPECT_EQ(endpoint(0).state_name(), "probe_due");
}

TEST_F(Outliers, AnEarlyLossIsAFault) {
  EndTunnels(0, TunnelEnd::kLost, 3, 9'999ms);
  EXPECT_EQ(endpoint(0).state_name(), "ejected");
}

TEST_F(Outliers, ALateLossIsNoneUntilHalfOfTheTunnelsEndSo) {
  std::vector<OpenLease> tunnels;
  for (int i = 0; i < 100; ++i) tunnels.emplace_back(endpoint(0), Work::kTunnel);
  const auto end = [&](int count) {
    for (int i = 0; i < count; ++i) {
      health().OnTunnelEnd(endpoint(0), TunnelEnd::kLost, now_ - 1h, now_, "reset");
      tunnels.pop_back();
    }
  };
  end(49);
  EXPECT_TRUE(endpoint(0).usable());
  now_ += 1s;
  end(25);
  EXPECT_TRUE(endpoint(0).usable()) << "of 51";
  EXPECT_EQ(endpoint(0).tunnel_failures(), 0u);
  end(1);
  EXPECT_EQ(endpoint(0).state_name(), "ejected");
  EXPECT_EQ(endpoint(0).tunnel_failures(), 26u) << "all of them are faults then";
}

// --- Slow start ---

class Warming : public Outliers {
 protected:
  Warming() { Adopt(cluster_); }
  void Adopt(const Fleet& members) { health().Adopt(members.membership()->table(), kSettings, now_); }

  const HealthSettings kSettings{.slow_start = SlowStart{.window = 10s}};
};

TEST_F(Warming, TheFirstMembersAreWarm) {
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(endpoint(i).warming_since(), std::nullopt);
}

TEST_F(Warming, WhatReturnsWarmsUp) {
  Fail(0, 3);
  Pass(5s);
  Probe(0).Answered(now_);
  EXPECT_EQ(endpoint(0).warming_since(), now_);
  health().SetChecked(endpoint(1), false, "503", now_);
  now_ += 1s;
  health().SetChecked(endpoint(1), true, "200", now_);
  EXPECT_EQ(endpoint(1).warming_since(), now_);
}

TEST_F(Warming, WithNobodyWarmNobodyWarmsUp) {
  for (size_t i = 0; i < 3; ++i) health().SetChecked(endpoint(i), false, "503", now_);
  health().SetChecked(endpoint(0), true, "200", now_);
  EXPECT_EQ(endpoint(0).warming_since(), std::nullopt);
  health().SetChecked(endpoint(1), true, "200", now_);
  EXPECT_EQ(endpoint(1).warming_since(), now_);
}

TEST_F(Warming, WhoJoinsOthersWarmsUp) {
  const Fleet four(EvenCluster(config::LbPolicy::kRoundRobin, 4), cluster_.registry());
  now_ += 1h;
  Adopt(cluster_);
  Adopt(four);
  EXPECT_EQ(four.endpoints()[3]->warming_since(), now_);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(endpoint(i).warming_since(), std::nullopt);
}

// --- Panic ---

TEST_F(Outliers, BelowTheThresholdHealthIsIgnored) {
  health().Adopt(cluster_.membership()->table(), {.panic_threshold = 50}, now_);
  health().SetChecked(endpoint(0), false, "503", now_);
  EXPECT_EQ(health().panicking(), 0u);
  EXPECT_FALSE(endpoint(0).usable());
  health().SetChecked(endpoint(1), false, "503", now_);
  EXPECT_EQ(health().panicking(), 1u);
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(endpoint(i).usable()) << i;
  health().SetChecked(endpoint(0), true, "200", now_);
  EXPECT_EQ(health().panicking(), 0u);
  EXPECT_TRUE(endpoint(0).usable());
  EXPECT_FALSE(endpoint(1).usable());
  health().SetChecked(endpoint(0), false, "503", now_);
  health().Adopt(cluster_.membership()->table(), {.panic_threshold = 0}, now_);
  EXPECT_EQ(health().panicking(), 0u) << "a reload turns it off";
  EXPECT_FALSE(endpoint(0).usable());
}

TEST_F(Outliers, APanicEndsWithItsMembers) {
  const HealthSettings settings{.panic_threshold = 50};
  health().Adopt(cluster_.membership()->table(), settings, now_);
  for (size_t i = 0; i < 3; ++i) health().SetChecked(endpoint(i), false, "503", now_);
  EXPECT_TRUE(endpoint(0).usable());
  const Fleet none(EvenCluster(config::LbPolicy::kRoundRobin, 0), cluster_.registry());
  health().Adopt(none.membership()->table(), settings, now_);
  EXPECT_EQ(health().panicking(), 0u);
  EXPECT_FALSE(endpoint(0).usable());
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
