// The schedule of health checks over a stepped clock: when they are made, how many at once, what their
// results make of an endpoint, and what stays over memberships and reloads.
#include "proxy/cluster/health_checker.h"

#include <algorithm>
#include <deque>
#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/cluster/health.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster::health_checker_test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using Kind = CheckResult::Kind;

class Checker : public testing::Test {
 protected:
  Checker() {
    settings_.name = "rooms";
    settings_.health_checks = {{.http = config::HttpCheck()}};
    first().interval = 10s;
    first().unhealthy_interval = 1s;
  }

  config::HealthCheck& first() { return settings_.health_checks.at(0); }

  // From now on the cluster consists of the endpoints numbered `from` to `to`.
  void Set(size_t from, size_t to) {
    cluster_ = std::make_shared<const Cluster>(settings_);
    members_.clear();
    for (size_t i = from; i < to; ++i) members_.push_back(At(i));
    checker_.Set(cluster_, members_, now_);
  }
  std::shared_ptr<Endpoint> At(size_t i) {
    const std::string ip = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1);
    auto& endpoint = endpoints_[i];
    if (endpoint == nullptr) endpoint = registry_.Get("rooms", Address(ip + ":9000"));
    return endpoint;
  }
  // Time passes, and each check that is begun has its result at once.
  void Pass(base::Duration time) {
    const base::TimePoint end = now_ + time;
    while (true) {
      checker_.Advance(now_);
      Answer();
      const auto next = checker_.Next();
      if (!next || *next > end) break;
      now_ = std::max(now_, *next);
    }
    now_ = end;
  }
  void Answer() {
    while (!begun_.empty()) {
      const Begun begun = begun_.front();
      begun_.pop_front();
      const std::string kind(NameOf(begun.kind));
      const std::string why = failing_[failing_.contains(kind)           ? kind
                                       : failing_.contains(begun.target) ? begun.target
                                                                         : ""];
      CheckResult result{.kind = why.empty() ? Kind::kPassed : Kind::kFailed, .why = why};
      if (why == "no port") result.kind = Kind::kNotMade;
      checker_.OnResult(begun.id, result, now_);
    }
  }
  bool Healthy(size_t i) { return (At(i)->state() & Endpoint::kCheckFailed) == 0; }
  // Exactly so many results, one after the other.
  void Results(int count) {
    for (const uint64_t end = made_ + static_cast<uint64_t>(count); made_ < end;) {
      now_ = std::max(now_, checker_.Next().value());
      checker_.Advance(now_);
      Answer();
    }
  }

  struct Begun {
    HealthChecker::CheckId id;
    std::string target;
    base::TimePoint at;
    CheckKind kind;
  };
  config::Cluster settings_;
  std::shared_ptr<const Cluster> cluster_;
  EndpointRegistry registry_;
  std::map<size_t, std::shared_ptr<Endpoint>> endpoints_;
  std::vector<std::shared_ptr<Endpoint>> members_;
  base::TimePoint now_ = base::TimePoint(1'000'000s);
  std::map<std::string, std::string> failing_;  // by kind or target, why; "": all others
  std::deque<Begun> begun_;                     // without a result
  std::vector<Begun> all_;
  uint64_t made_ = 0;
  std::string last_host_;
  std::vector<std::string> forgotten_;
  std::vector<std::string> closed_;
  HealthChecker checker_{
      7,
      {.begin =
           [this](HealthChecker::CheckId id, const CheckPlan& plan, const std::shared_ptr<Endpoint>& target) {
             begun_.push_back({id, target->name(), now_, plan.kind()});
             all_.push_back(begun_.back());
             ++made_;
             last_host_ = target->host();
           },
       .forget =
           [this](HealthChecker::CheckId id, const std::shared_ptr<Endpoint>& target) {
             forgotten_.push_back(target->name());
             std::erase_if(begun_, [id](const Begun& begun) { return begun.id == id; });
           },
       .close_tunnels =
           [this](const std::shared_ptr<Endpoint>& endpoint, const Cluster& cluster) {
             EXPECT_EQ(cluster.name(), "rooms");
             closed_.push_back(endpoint->name());
           }}};
};

// --- When ---

TEST_F(Checker, FirstChecksAreSpreadOverOneInterval) {
  Set(0, 100);
  const base::TimePoint start = now_;
  Pass(9s - 1ms);
  std::array<int, 9> by_second{};
  for (const Begun& begun : all_) ++by_second.at(static_cast<size_t>((begun.at - start) / 1s));
  for (const int count : by_second) EXPECT_EQ(count, 10);
}

TEST_F(Checker, SomeoneAwaitsItsFirstResult) {
  failing_["10.0.0.2:9000"] = "no port";  // which is no result
  failing_["10.0.0.3:9000"] = "answered 503";
  Set(0, 3);
  const auto awaits = [this](size_t i) { return checker_.Awaits(cluster_->id(), *At(i)); };
  EXPECT_TRUE(awaits(0) && awaits(1) && awaits(2));
  EXPECT_FALSE(awaits(3)) << "it is not checked";
  Pass(10s);
  EXPECT_FALSE(awaits(0) || awaits(2));
  EXPECT_TRUE(awaits(1));
  settings_.health_checks.clear();
  Set(0, 3);
  EXPECT_FALSE(awaits(1));
}

TEST_F(Checker, OneThatComesToManyIsCheckedSoon) {
  Set(0, 100);
  Pass(10s);
  made_ = 0;
  Set(0, 101);
  all_.clear();
  const base::TimePoint came = now_;
  Pass(10s);
  const auto found = std::find_if(all_.begin(), all_.end(),
                                  [this](const Begun& begun) { return begun.target == At(100)->name(); });
  ASSERT_NE(found, all_.end());
  EXPECT_LE(found->at - came, 10s);
}

TEST_F(Checker, LaterChecksComeAfterTheIntervalGiveOrTakeATenth) {
  Set(0, 1);
  Pass(1000s);
  std::vector<double> distances;
  for (size_t i = 1; i < all_.size(); ++i)
    distances.push_back(std::chrono::duration<double>(all_[i].at - all_[i - 1].at).count());
  EXPECT_NEAR(static_cast<double>(distances.size()), 100, 3);
  EXPECT_GE(*std::min_element(distances.begin(), distances.end()), 9.0);
  EXPECT_LE(*std::max_element(distances.begin(), distances.end()), 11.0);
  EXPECT_GT(*std::max_element(distances.begin(), distances.end()) -
                *std::min_element(distances.begin(), distances.end()),
            1.5);
}

TEST_F(Checker, WhatIsInDoubtIsCheckedAfterTheUnhealthyInterval) {
  first().healthy_threshold = 3;
  Set(0, 1);
  Results(1);  // it is known to be healthy
  failing_[""] = "answered 503";
  Results(1);
  const base::TimePoint failed = now_;
  Results(2);
  EXPECT_FALSE(Healthy(0));
  EXPECT_LE(now_ - failed, 2200ms) << "a healthy endpoint that fails";
  failing_.clear();
  Results(1);
  const base::TimePoint passed = now_;
  Results(2);
  EXPECT_TRUE(Healthy(0));
  EXPECT_LE(now_ - passed, 2200ms) << "an unhealthy one that passes";
  const base::TimePoint healthy = now_;
  Results(1);
  EXPECT_GE(now_ - healthy, 9s);
}

TEST_F(Checker, ACheckThatTakesLongerThanTheIntervalIsFollowedByTheNext) {
  Set(0, 1);
  now_ = checker_.Next().value();
  checker_.Advance(now_);
  EXPECT_EQ(checker_.Next(), std::nullopt) << "nothing is due before its result";
  now_ += 60s;
  Answer();
  EXPECT_EQ(checker_.Next(), now_);
}

TEST_F(Checker, NoMoreThanTheMostAreUnderWay) {
  Set(0, 300);
  now_ += 10s;
  checker_.Advance(now_);
  EXPECT_EQ(begun_.size(), HealthChecker::kMostUnderWay);
  EXPECT_EQ(checker_.under_way(), HealthChecker::kMostUnderWay);
  EXPECT_EQ(checker_.delayed(), 300 - HealthChecker::kMostUnderWay);
  EXPECT_EQ(checker_.Next(), std::nullopt);
  checker_.OnResult(begun_.front().id, {}, now_);
  begun_.pop_front();
  checker_.Advance(now_);
  EXPECT_EQ(checker_.under_way(), HealthChecker::kMostUnderWay);
  EXPECT_EQ(checker_.delayed(), 300 - HealthChecker::kMostUnderWay) << "each is counted once";
  Answer();
  checker_.Advance(now_);
  EXPECT_EQ(begun_.size(), 300 - HealthChecker::kMostUnderWay - 1);
}

TEST_F(Checker, WhoHasToWaitIsCountedWhenItsTimeComes) {
  Set(0, 300);
  const base::TimePoint end = now_ + 10s;
  for (auto next = checker_.Next(); next && *next < end; next = checker_.Next()) {
    now_ = *next;
    checker_.Advance(now_);
  }
  EXPECT_EQ(begun_.size(), HealthChecker::kMostUnderWay);
  EXPECT_EQ(checker_.delayed(), 300 - HealthChecker::kMostUnderWay);
  EXPECT_EQ(checker_.Next(), std::nullopt) << "a result has to come first";
}

// --- What results say ---

TEST_F(Checker, TheFirstResultDecides) {
  Set(0, 2);
  EXPECT_TRUE(Healthy(0)) << "unknown counts as healthy";
  failing_[At(0)->name()] = "Connection refused";
  Pass(10s);
  EXPECT_FALSE(Healthy(0));
  EXPECT_TRUE(Healthy(1));
}

TEST_F(Checker, ThresholdsDecideFromThenOn) {
  first().unhealthy_threshold = 3;
  first().healthy_threshold = 2;
  Set(0, 1);
  Results(1);
  failing_[""] = "answered 503";
  Results(2);
  EXPECT_TRUE(Healthy(0));
  failing_.clear();
  Results(1);  // which ends the row
  failing_[""] = "answered 503";
  Results(2);
  EXPECT_TRUE(Healthy(0));
  Results(1);
  EXPECT_FALSE(Healthy(0));
  failing_.clear();
  Results(1);
  EXPECT_FALSE(Healthy(0));
  failing_[""] = "answered 503";
  Results(1);
  failing_.clear();
  Results(1);
  EXPECT_FALSE(Healthy(0));
  Results(1);
  EXPECT_TRUE(Healthy(0));
}

TEST_F(Checker, TheReasonStandsInTheLogOfTheEndpoint) {
  Set(0, 1);
  failing_[""] = "answered 503";
  Results(1);
  failing_.clear();
  Results(2);
  const auto changes = At(0)->log().Changes();
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].to, "check_failed");
  EXPECT_EQ(changes[0].why, "http check: answered 503");
  EXPECT_EQ(changes[1].from, "check_failed");
  EXPECT_EQ(changes[1].why, "http check: passed");
}

TEST_F(Checker, AllChecksHaveToSayThatItIsHealthy) {
  settings_.health_checks.push_back({.websocket = config::WebSocketCheck(), .interval = 10s});
  settings_.health_checks.back().websocket->port = 9001;
  Set(0, 1);
  Pass(20s);
  EXPECT_TRUE(Healthy(0));
  failing_["10.0.0.1:9001"] = "no pong in time";
  Pass(40s);
  EXPECT_FALSE(Healthy(0)) << "its HTTP is green, and its WebSocket is dead";
  failing_.clear();
  Pass(10s);
  EXPECT_TRUE(Healthy(0));
  EXPECT_EQ(At(0)->log().Changes().size(), 2u);
}

TEST_F(Checker, WhatHawserCouldNotMakeSaysNothing) {
  first().unhealthy_threshold = 1;
  Set(0, 1);
  failing_[""] = "no port";
  Results(5);
  EXPECT_TRUE(Healthy(0));
  failing_.clear();
  Results(1);
  failing_[""] = "answered 503";
  Results(1);
  EXPECT_FALSE(Healthy(0));
  failing_[""] = "no port";
  Results(5);
  EXPECT_FALSE(Healthy(0));
}

TEST_F(Checker, ASuccessEndsAnEjectionAtOnce) {
  Set(0, 2);
  Pass(20s);
  const auto table = std::make_shared<const MemberTable>(
      std::vector<Member>{{.endpoint = At(0)}, {.endpoint = At(1)}}, config::LbPolicy::kRoundRobin);
  Health& health = At(0)->health();
  health.Adopt(table, {.outliers = {.consecutive_failures = 1}}, now_);
  health.OnFailure(*At(0), false, Work::kRequest, "reset", now_);
  ASSERT_FALSE(At(0)->usable());
  Pass(11s);
  EXPECT_TRUE(At(0)->usable());
}

TEST_F(Checker, TunnelsAreClosedWhereTheCheckSaysSoOnceForEachFall) {
  Set(0, 1);
  failing_[""] = "answered 503";
  Results(5);
  EXPECT_THAT(closed_, ElementsAre());
  failing_.clear();
  Results(2);
  first().on_unhealthy = config::OnUnhealthy::kClose;
  Set(0, 1);
  failing_[""] = "answered 503";
  Results(8);
  EXPECT_THAT(closed_, ElementsAre("10.0.0.1:9000"));
  failing_.clear();
  Results(2);
  failing_[""] = "answered 503";
  Results(3);
  EXPECT_THAT(closed_, ElementsAre("10.0.0.1:9000", "10.0.0.1:9000"));
}

TEST_F(Checker, OnlyTheCheckThatSaysSoHasTunnelsClosed) {
  settings_.health_checks.push_back({.tcp = config::TcpCheck()});
  first().on_unhealthy = config::OnUnhealthy::kClose;
  Set(0, 1);
  failing_[""] = "answered 503";
  Results(30);
  EXPECT_THAT(closed_, ElementsAre("10.0.0.1:9000"));
  const auto unwanted = [this] { return At(0)->health().TunnelsUnwanted(*At(0)); };
  EXPECT_TRUE(unwanted());
  failing_["http"] = "";  // passes, while the other fails on
  Results(30);
  EXPECT_FALSE(Healthy(0));
  EXPECT_FALSE(unwanted()) << "those whose turn has not come are spared";
  failing_["http"] = "answered 503";
  Results(30);
  EXPECT_TRUE(unwanted());
  EXPECT_EQ(closed_.size(), 2u);
  failing_.clear();
  Results(30);
  EXPECT_TRUE(Healthy(0));
  EXPECT_FALSE(unwanted());
}

TEST_F(Checker, AReloadMayHaveTheTunnelsOfUnhealthyEndpointsClosed) {
  Set(0, 1);
  failing_[""] = "answered 503";
  Results(5);
  ASSERT_FALSE(Healthy(0));
  first().on_unhealthy = config::OnUnhealthy::kClose;
  Set(0, 1);
  Results(static_cast<int>(first().unhealthy_threshold) - 1);
  EXPECT_THAT(closed_, ElementsAre()) << "the new check may pass";
  Results(1);
  EXPECT_THAT(closed_, ElementsAre("10.0.0.1:9000"));
  first().on_unhealthy = config::OnUnhealthy::kKeep;
  Set(0, 1);
  EXPECT_FALSE(At(0)->health().TunnelsUnwanted(*At(0)));
  EXPECT_FALSE(Healthy(0));
}

TEST_F(Checker, NoTunnelsAreClosedWhereTheirClientsHaveNowhereToGo) {
  first().on_unhealthy = config::OnUnhealthy::kClose;
  const auto table = std::make_shared<const MemberTable>(
      std::vector<Member>{{.endpoint = At(0)}, {.endpoint = At(1)}, {.endpoint = At(2), .weight = 0}},
      config::LbPolicy::kRoundRobin);
  At(0)->health().Adopt(table, {}, now_);
  Set(0, 2);
  failing_[At(1)->name()] = "answered 503";
  Pass(20s);
  EXPECT_THAT(closed_, ElementsAre(At(1)->name()));
  failing_[""] = "answered 503";
  Pass(20s);
  EXPECT_FALSE(Healthy(0));
  EXPECT_THAT(closed_, ElementsAre(At(1)->name())) << "no other is usable";
  EXPECT_FALSE(At(0)->health().TunnelsUnwanted(*At(1)));
  failing_.erase("");
  Pass(20s);
  ASSERT_TRUE(Healthy(0));
  EXPECT_THAT(closed_, ElementsAre(At(1)->name(), At(1)->name()));
  At(0)->health().Adopt(table, {.panic_threshold = 60}, now_);
  EXPECT_FALSE(At(0)->health().TunnelsUnwanted(*At(1))) << "health is ignored";
}

// --- What comes and goes ---

TEST_F(Checker, AnEndpointThatStaysKeepsItsStateAndItsTurn) {
  Set(0, 2);
  failing_[At(0)->name()] = "answered 503";
  Pass(10s);
  ASSERT_FALSE(Healthy(0));
  const auto next = checker_.Next();
  Set(0, 3);
  EXPECT_FALSE(Healthy(0));
  EXPECT_LE(checker_.Next(), next);
  EXPECT_THAT(forgotten_, ElementsAre());
  failing_.clear();
  Results(1);
  EXPECT_FALSE(Healthy(0)) << "its row goes on";
}

TEST_F(Checker, AnEndpointThatLeavesIsCheckedNoMore) {
  Set(0, 2);
  Pass(10s);
  now_ = checker_.Next().value() + 11s;
  checker_.Advance(now_);  // both under way
  Set(0, 1);
  EXPECT_THAT(forgotten_, ElementsAre(At(1)->name()));
  EXPECT_EQ(checker_.under_way(), 1u);
  ASSERT_EQ(begun_.size(), 1u);
  EXPECT_EQ(begun_[0].target, At(0)->name());
  Answer();
  all_.clear();
  Pass(60s);
  for (const Begun& begun : all_) EXPECT_EQ(begun.target, At(0)->name());
}

TEST_F(Checker, AnEndpointThatComesBackIsOutUntilItsFirstSuccessIfItLeftSo) {
  Set(0, 2);
  failing_[At(0)->name()] = "answered 503";
  Pass(10s);
  Set(1, 2);
  Pass(60s);
  Set(0, 2);
  EXPECT_FALSE(Healthy(0));
  Pass(10s);
  EXPECT_FALSE(Healthy(0));
  Set(1, 2);
  Set(0, 2);
  failing_.clear();
  const uint64_t before = made_;
  while (!Healthy(0) && made_ < before + 10) Results(1);
  EXPECT_TRUE(Healthy(0));
}

TEST_F(Checker, AClusterThatGoesIsCheckedNoMore) {
  Set(0, 3);
  checker_.Remove(cluster_->id());
  EXPECT_EQ(checker_.Next(), std::nullopt);
  EXPECT_EQ(forgotten_.size(), 3u);
}

TEST_F(Checker, WithoutChecksAllAreHealthy) {
  Set(0, 2);
  failing_[""] = "answered 503";
  Pass(10s);
  ASSERT_FALSE(Healthy(0));
  Set(1, 2);  // the first has left, and is out
  settings_.health_checks.clear();
  Set(0, 2);
  EXPECT_TRUE(Healthy(0));
  EXPECT_TRUE(Healthy(1));
  EXPECT_EQ(checker_.Next(), std::nullopt);
  EXPECT_EQ(At(1)->log().Changes().back().why, "it is no longer checked");
}

TEST_F(Checker, SaysHowEachCheckStands) {
  settings_.health_checks.push_back({.tcp = config::TcpCheck()});
  Set(0, 1);
  auto checks = checker_.StatusOf(cluster_->id(), *At(0));
  ASSERT_EQ(checks.size(), 2U);
  EXPECT_EQ(checks[0].kind, CheckKind::kHttp);
  EXPECT_EQ(checks[1].kind, CheckKind::kTcp);
  EXPECT_EQ(checks[0].healthy, std::nullopt);
  EXPECT_FALSE(checks[0].last);
  Pass(20s);
  failing_[""] = "answered 503";
  Results(2);
  checks = checker_.StatusOf(cluster_->id(), *At(0));
  EXPECT_EQ(checks[0].healthy, true);
  EXPECT_EQ(checks[0].against + checks[1].against, 2U);
  ASSERT_TRUE(checks[0].last && checks[1].last);
  const auto& last = checks[0].last->result.kind == Kind::kFailed ? checks[0] : checks[1];
  EXPECT_EQ(last.last->result.why, "answered 503");
  EXPECT_EQ(last.last->at, now_);
  EXPECT_TRUE(checker_.StatusOf(cluster_->id(), *At(7)).empty());
  EXPECT_TRUE(checker_.StatusOf(cluster_->id() + 1, *At(0)).empty());
}

TEST_F(Checker, WithoutChecksEjectionsStay) {
  settings_.health_checks.clear();
  Set(0, 2);
  const auto table = std::make_shared<const MemberTable>(
      std::vector<Member>{{.endpoint = At(0)}, {.endpoint = At(1)}}, config::LbPolicy::kRoundRobin);
  At(0)->health().Adopt(table, {.outliers = {.consecutive_failures = 1}}, now_);
  At(0)->health().OnFailure(*At(0), false, Work::kRequest, "reset", now_);
  ASSERT_FALSE(At(0)->usable());
  Set(0, 2);
  EXPECT_FALSE(At(0)->usable());
}

TEST_F(Checker, OtherSettingsTakeNoEndpointOutAtOnce) {
  Set(0, 1);
  Results(3);
  first().http->path = "/wrong";
  failing_[""] = "answered 404";
  Set(0, 1);
  Results(2);
  EXPECT_TRUE(Healthy(0));
  Results(1);
  EXPECT_FALSE(Healthy(0));
  EXPECT_THAT(forgotten_, ElementsAre("10.0.0.1:9000"));
}

TEST_F(Checker, OtherSettingsLetAnEndpointInWithTheirFirstSuccess) {
  Set(0, 1);
  failing_[""] = "answered 404";
  Results(3);
  first().http->path = "/right";
  failing_.clear();
  Set(0, 1);
  EXPECT_FALSE(Healthy(0));
  Results(1);
  EXPECT_TRUE(Healthy(0));
}

TEST_F(Checker, WhatIsOutIsCheckedAnewWithinTheShorterInterval) {
  Set(0, 1);
  failing_[""] = "answered 404";
  Results(3);
  first().http->path = "/right";
  Set(0, 1);
  EXPECT_LE(checker_.Next().value() - now_, 1s);
  Set(0, 0);
  Set(0, 1);
  EXPECT_FALSE(Healthy(0));
  EXPECT_LE(checker_.Next().value() - now_, 1s);
}

TEST_F(Checker, AChecksEndpointGoesByItsNameOfNow) {
  At(0)->set_host("old.internal");
  Set(0, 1);
  Results(1);
  At(0)->set_host("new.internal");
  now_ = checker_.Next().value();
  checker_.Advance(now_);
  EXPECT_EQ(last_host_, "new.internal");
}

TEST_F(Checker, ACheckThatIsAddedOrRemovedLeavesTheOthersAsTheyAre) {
  Set(0, 1);
  failing_[At(0)->name()] = "answered 503";
  Results(1);
  ASSERT_FALSE(Healthy(0));
  settings_.health_checks.insert(settings_.health_checks.begin(),
                                 {.tcp = config::TcpCheck{.port = 9001}, .interval = 10s});
  Set(0, 1);
  EXPECT_FALSE(Healthy(0));
  EXPECT_THAT(forgotten_, ElementsAre());
  Pass(20s);
  EXPECT_FALSE(Healthy(0));
  settings_.health_checks.pop_back();
  Set(0, 1);
  EXPECT_TRUE(Healthy(0)) << "what is left is green";
  EXPECT_THAT(forgotten_, ElementsAre("10.0.0.1:9000"));
}

TEST_F(Checker, TheClusterMayChangeBesideItsChecks) {
  Set(0, 1);
  Results(2);
  const auto next = checker_.Next();
  settings_.connect_timeout = 123ms;
  Set(0, 1);
  EXPECT_EQ(checker_.Next(), next);
  EXPECT_THAT(forgotten_, ElementsAre());
}

}  // namespace
}  // namespace hawser::cluster::health_checker_test
