#include "proxy/cluster/departures.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster::departures_test {
namespace {

using namespace std::chrono_literals;
using config::LeavingCookies;
using config::LeavingTunnels;
using testing::ElementsAre;
using testing::IsEmpty;

// A cluster of three endpoints, 10.0.0.1 to 10.0.2.1, that come and go.
class DeparturesTest : public testing::Test {
 protected:
  DeparturesTest() { Consist({0, 1, 2}); }

  void Consist(const std::vector<size_t>& of) {
    config::Cluster settings = EvenCluster(config::LbPolicy::kRoundRobin, 3);
    settings.draining = draining_;
    std::vector<Target> targets;
    for (const size_t i : of) targets.push_back(TargetsOf(settings)[i]);
    auto after = MakeMembership(std::make_shared<const Cluster>(settings), targets, registry_);
    departures_.OnMembership(membership_.get(), *after, now_);
    membership_ = after->WithLeaving(departures_.Honoured("rooms"));
  }
  std::shared_ptr<Endpoint> endpoint(size_t i) {
    return registry_.Get("rooms", Address("10.0." + std::to_string(i) + ".1:9000"));
  }
  // What is due `by` later: "drain 10.0.2.1:9000 over 30000", "cookies ...", "forget ...".
  std::vector<std::string> After(base::Duration by) {
    now_ += by;
    std::vector<std::string> texts;
    for (const Departures::Order& order : departures_.Advance(now_)) {
      const std::string& name = order.endpoint->name();
      switch (order.kind) {
        case Departures::Order::Kind::kDrainTunnels:
          texts.push_back("drain " + name + " over " + std::to_string(order.window.count()));
          break;
        case Departures::Order::Kind::kCookiesOver: texts.push_back("cookies " + name); break;
        case Departures::Order::Kind::kForget: texts.push_back("forget " + name); break;
      }
    }
    return texts;
  }

  config::EndpointDraining draining_;  // keep, move, 30s, 5m
  EndpointRegistry registry_;
  Departures departures_;
  base::TimePoint now_ = base::TimePoint(1000s);
  std::shared_ptr<const Membership> membership_;
};

TEST_F(DeparturesTest, WhoStaysIsLeftAlone) {
  EXPECT_THAT(After(1h), IsEmpty());
  EXPECT_EQ(departures_.Next(now_), std::nullopt);
  Consist({2, 1, 0});
  EXPECT_THAT(After(1h), IsEmpty());
  EXPECT_FALSE(endpoint(1)->draining());
}

// A worker that has not heard of it yet may still open tunnels there.
TEST_F(DeparturesTest, WhatNobodyUsesIsForgottenOnceTheWorkersKnow) {
  Consist({0, 1});
  EXPECT_TRUE(endpoint(2)->draining());
  EXPECT_THAT(After(1s - 1ms), IsEmpty());
  EXPECT_THAT(After(1ms), ElementsAre("forget 10.0.2.1:9000"));
  EXPECT_THAT(departures_.departures(), IsEmpty());
  EXPECT_EQ(departures_.Next(now_), std::nullopt);
}

TEST_F(DeparturesTest, TunnelsMayStayUntilTheyEnd) {
  OpenLease tunnel(*endpoint(2));
  Consist({0, 1});
  EXPECT_THAT(After(0s), IsEmpty());
  EXPECT_THAT(After(4min), IsEmpty());
  EXPECT_EQ(departures_.Next(now_), now_ + 1s);
  tunnel.Release();
  EXPECT_THAT(After(1s), ElementsAre("forget 10.0.2.1:9000"));
}

TEST_F(DeparturesTest, TunnelsThatStayTooLongAreDrained) {
  const OpenLease tunnel(*endpoint(2));
  Consist({0, 1});
  EXPECT_THAT(After(5min - 1ms), IsEmpty());
  EXPECT_EQ(departures_.Next(now_), now_ + 1ms);
  EXPECT_THAT(After(1ms), ElementsAre("drain 10.0.2.1:9000 over 30000"));
  EXPECT_THAT(After(60s - 1ms), IsEmpty());
  EXPECT_THAT(After(1ms), ElementsAre("forget 10.0.2.1:9000")) << "whatever still holds it";
}

TEST_F(DeparturesTest, TunnelsAreClosedAtOnceWhereTheClusterSaysSo) {
  draining_.tunnels = LeavingTunnels::kClose;
  draining_.window = 10s;
  OpenLease tunnel(*endpoint(2));
  Consist({0, 1});
  EXPECT_THAT(After(0s), ElementsAre("drain 10.0.2.1:9000 over 10000"));
  EXPECT_THAT(After(1s), IsEmpty()) << "once";
  tunnel.Release();
  EXPECT_THAT(After(1s), ElementsAre("forget 10.0.2.1:9000"));
}

TEST_F(DeparturesTest, CookiesAreHonouredUntilTheTimeIsOver) {
  draining_.cookies = LeavingCookies::kHonour;
  Consist({0, 1});
  EXPECT_THAT(membership_->leaving(), ElementsAre(endpoint(2)));
  EXPECT_THAT(After(0s), IsEmpty()) << "a client may come back, though nobody is there now";
  EXPECT_EQ(departures_.Next(now_), now_ + 5min);
  EXPECT_THAT(After(5min), ElementsAre("cookies 10.0.2.1:9000"));
  Consist({0, 1});
  EXPECT_THAT(membership_->leaving(), IsEmpty());
  EXPECT_EQ(departures_.Next(now_), now_ + 1s);
  EXPECT_THAT(After(1s), ElementsAre("forget 10.0.2.1:9000"));
}

TEST_F(DeparturesTest, TunnelsThatCameBackByTheirCookieAreDrainedAtTheEnd) {
  draining_.tunnels = LeavingTunnels::kClose;
  draining_.cookies = LeavingCookies::kHonour;
  OpenLease first(*endpoint(2));
  Consist({0, 1});
  EXPECT_EQ(departures_.Next(now_), now_) << "it is due at once";
  EXPECT_THAT(After(0s), ElementsAre("drain 10.0.2.1:9000 over 30000"));
  first.Release();
  const OpenLease back(*endpoint(2));
  EXPECT_THAT(After(5min - 1ms), IsEmpty());
  EXPECT_THAT(After(1ms), ElementsAre("cookies 10.0.2.1:9000", "drain 10.0.2.1:9000 over 30000"));
  EXPECT_THAT(After(60s - 1ms), IsEmpty());
  EXPECT_THAT(After(1ms), ElementsAre("forget 10.0.2.1:9000"));
}

TEST_F(DeparturesTest, ATunnelThatOpensWhileTheWorkersHearOfTheEndIsDrained) {
  draining_.cookies = LeavingCookies::kHonour;
  Consist({0, 1});
  EXPECT_THAT(After(5min), ElementsAre("cookies 10.0.2.1:9000"));
  const OpenLease late(*endpoint(2));
  EXPECT_THAT(After(1s), ElementsAre("drain 10.0.2.1:9000 over 30000"));
}

TEST_F(DeparturesTest, AnotherChangeKeepsTheTimesOfThoseThatHaveLeft) {
  draining_.cookies = LeavingCookies::kHonour;
  Consist({0, 1});
  After(2min);
  Consist({0});
  EXPECT_THAT(membership_->leaving(), ElementsAre(endpoint(2), endpoint(1)));
  EXPECT_THAT(After(3min), ElementsAre("cookies 10.0.2.1:9000"));
  EXPECT_THAT(departures_.Honoured("rooms"), ElementsAre(endpoint(1)));
  EXPECT_THAT(departures_.Honoured("games"), IsEmpty());
}

TEST_F(DeparturesTest, OneThatReturnsIsTakenOutAndIsTheSame) {
  const auto before = endpoint(2);
  const OpenLease tunnel(*before);
  Consist({0, 1});
  After(4min);
  Consist({0, 1, 2});
  EXPECT_EQ(membership_->Find("10.0.2.1:9000"), before.get());
  EXPECT_FALSE(before->draining());
  EXPECT_THAT(After(10min), IsEmpty());
  Consist({0, 1});
  EXPECT_THAT(After(4min), IsEmpty()) << "its time begins anew";
}

TEST_F(DeparturesTest, TheClustersSettingsOfNowCount) {
  const OpenLease tunnel(*endpoint(2));
  Consist({0, 1});
  After(1min);
  draining_.tunnels = LeavingTunnels::kClose;
  Consist({0, 1});
  EXPECT_THAT(After(0s), ElementsAre("drain 10.0.2.1:9000 over 30000"));
}

TEST_F(DeparturesTest, CookiesThatNoLongerCountEndAtOnce) {
  draining_.cookies = LeavingCookies::kHonour;
  const OpenLease tunnel(*endpoint(2));
  Consist({0, 1});
  draining_.cookies = LeavingCookies::kMove;
  Consist({0, 1});
  EXPECT_THAT(After(0s), ElementsAre("cookies 10.0.2.1:9000"));
}

TEST_F(DeparturesTest, AClusterThatIsGoneLeavesWithAllItsEndpoints) {
  draining_.cookies = LeavingCookies::kHonour;
  const OpenLease tunnels[] = {OpenLease(*endpoint(1)), OpenLease(*endpoint(2))};
  Consist({0, 1});
  departures_.OnRemoved(*membership_, now_);
  EXPECT_THAT(After(1s), ElementsAre("forget 10.0.0.1:9000"));
  EXPECT_THAT(After(5min), ElementsAre("drain 10.0.2.1:9000 over 30000", "drain 10.0.1.1:9000 over 30000"));
  membership_ = nullptr;
  Consist({1});
  EXPECT_FALSE(endpoint(1)->draining()) << "a cluster of the same name has it again";
  EXPECT_THAT(departures_.departures().size(), 1u);
}

}  // namespace
}  // namespace hawser::cluster::departures_test
