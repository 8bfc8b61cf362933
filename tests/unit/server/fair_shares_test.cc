// Rebalancing of a cluster over counts of tunnels and a clock that the test steps: who sheds, how much a
// second, on which worker, and when that ends. The test is the workers: it carries the orders out.
#include "proxy/server/fair_shares.h"

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "gmock/gmock.h"
#include "proxy/cluster/endpoint_registry.h"

namespace hawser::server::fair_shares_test {
namespace {

using namespace std::chrono_literals;
using cluster::Endpoint;
using cluster::OpenLease;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr cluster::WallTime kWall{1'700'000'000s};

class FairSharesTest : public testing::Test {
 protected:
  explicit FairSharesTest(size_t workers = 1) : tunnels_(workers) { Configure({1, 1, 1}); }

  void Configure(const std::vector<uint32_t>& weights, const std::vector<uint32_t>& priorities = {}) {
    settings_.name = "rooms";
    settings_.endpoints.clear();
    for (size_t i = 0; i < weights.size(); ++i) {
      settings_.endpoints.push_back(
          {.address = net::SocketAddress::Parse("10.0.0.1:900" + std::to_string(i)).value(),
           .weight = weights[i],
           .priority = priorities.empty() ? 0 : priorities[i]});
    }
    Make();
  }
  void Make() {
    membership_ = cluster::MakeMembership(std::make_shared<const cluster::Cluster>(settings_),
                                          cluster::TargetsOf(settings_), registry_);
    endpoints_.clear();
    for (const cluster::Member& member : membership_->members()) endpoints_.push_back(member.endpoint);
  }

  void Open(size_t endpoint, size_t tunnels, size_t worker = 0) {
    for (size_t i = 0; i < tunnels; ++i) {
      OpenLease lease(*endpoints_[endpoint], cluster::Work::kTunnel);
      tunnels_[worker][endpoint].push_back(std::move(lease));
    }
  }
  std::vector<int64_t> Counts() const {
    std::vector<int64_t> counts;
    for (const auto& endpoint : endpoints_) counts.push_back(endpoint->tunnels());
    return counts;
  }

  // A second passes. Returns how many tunnels of each endpoint were to close.
  std::vector<size_t> Second(base::Duration passed = 1s) {
    now_ += passed;
    orders_ = shares_.Step(
        *membership_, departures_,
        [this](const Endpoint& endpoint) { return unchecked_.contains(&endpoint); }, now_, kWall);
    std::vector<size_t> asked(endpoints_.size());
    for (const FairShares::Order& order : orders_) {
      const auto place = std::find(endpoints_.begin(), endpoints_.end(), order.endpoint);
      const auto endpoint = static_cast<size_t>(place - endpoints_.begin());
      asked[endpoint] += order.most;
      if (answer_) CarryOut(order, endpoint);
    }
    return asked;
  }
  void CarryOut(const FairShares::Order& order, size_t endpoint) {
    std::deque<OpenLease>& there = tunnels_[order.worker][endpoint];
    order.tally->found.Set(there.size());
    order.tally->walks.Add(1);
    for (size_t i = 0; i < order.most && !there.empty(); ++i) {
      order.tally->ended.Add(1);
      if (slow_closes_) {
        order.tally->left.Add(1);
        closing_.push_back({std::move(there.front()), order.tally});
      }
      there.pop_front();
    }
  }
  void EndSlowCloses() {
    for (auto& [lease, tally] : closing_) tally->left.Subtract(1);
    closing_.clear();
  }
  void Settle() {
    for (int second = 0; second < 6; ++second) EXPECT_THAT(Second(), testing::Each(0));
  }
  bool Sheds(size_t endpoint) const { return endpoints_[endpoint]->shedding_since() != 0; }

  cluster::EndpointRegistry registry_;
  config::Cluster settings_ = [] {
    config::Cluster settings;
    settings.rebalance = config::Rebalance{.above = 25, .rate = {5}, .code = {1012}};
    return settings;
  }();
  std::shared_ptr<const cluster::Membership> membership_;
  std::vector<std::shared_ptr<Endpoint>> endpoints_;
  std::vector<cluster::Departure> departures_;
  std::set<const Endpoint*> unchecked_;
  std::vector<std::map<size_t, std::deque<OpenLease>>> tunnels_;  // by worker and endpoint
  std::vector<std::pair<OpenLease, std::shared_ptr<session::DrainTally>>> closing_;
  bool answer_ = true;
  bool slow_closes_ = false;
  base::TimePoint now_ = base::TimePoint() + 1h;
  std::vector<FairShares::Order> orders_;
  FairShares shares_{tunnels_.size()};
};

TEST_F(FairSharesTest, AnEmptyEndpointIsFilledAtTheRate) {
  Open(0, 30);
  Open(1, 30);
  EXPECT_THAT(Second(), ElementsAre(5, 5, 0));
  EXPECT_TRUE(Sheds(0) && Sheds(1) && !Sheds(2));
  EXPECT_EQ(endpoints_[0]->shedding_since(), kWall.time_since_epoch().count());
  EXPECT_EQ(orders_.front().code, 1012);
  Open(2, 10);
  EXPECT_THAT(Second(), ElementsAre(5, 5, 0));
  Open(2, 10);
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0));
  EXPECT_THAT(Counts(), ElementsAre(20, 20, 20));
  EXPECT_TRUE(Sheds(0)) << "its clients are on their way back";
  Settle();
  EXPECT_FALSE(Sheds(0) || Sheds(1));
  EXPECT_EQ(shares_.closed(), 20U);
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0));
  EXPECT_THAT(orders_, IsEmpty());
}

TEST_F(FairSharesTest, OnlyMoreThanThePercentageAboveBeginsAndTheFairShareEnds) {
  Open(0, 125);
  Open(1, 88);
  Open(2, 87);
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0)) << "25 percent are allowed";
  Open(0, 3);  // the fair share is 101
  size_t closed = 0;
  for (int i = 0; i < 20; ++i) {
    closed += Second()[0];
    if (Sheds(0)) Open(2, tunnels_[0][2].size() < 200 ? 5 : 0);
  }
  EXPECT_GE(closed, 20U);
  Settle();
  EXPECT_FALSE(Sheds(0));
}

TEST_F(FairSharesTest, LessThanOneWholeTunnelStays) {
  Configure({1, 1});
  Open(0, 2);
  Open(1, 1);
  EXPECT_THAT(Second(), ElementsAre(0, 0));
  Open(0, 1);
  tunnels_[0][1].clear();
  EXPECT_THAT(Second(), ElementsAre(1, 0)) << "three on one endpoint";
  Open(1, 1);
  EXPECT_THAT(Second(), ElementsAre(0, 0));
  EXPECT_THAT(Counts(), ElementsAre(2, 1));
}

TEST_F(FairSharesTest, NobodyIsClosedForClientsThatAreOnTheirWayBack) {
  Open(0, 60);
  std::deque<size_t> returning(4, 0);  // a client needs four seconds
  for (int second = 0; second < 30; ++second) {
    returning.push_back(Second()[0]);
    for (size_t i = 0; i < returning.front(); ++i) Open(1 + i % 2, 1);
    returning.pop_front();
    EXPECT_GE(Counts()[0], 20);
  }
  EXPECT_EQ(Counts()[0], 20);
  EXPECT_EQ(shares_.closed(), 40U);
}

TEST_F(FairSharesTest, ASlowCloseIsNotATunnelThatStays) {
  Open(0, 30);
  slow_closes_ = true;
  for (int second = 0; second < 15; ++second) Second();
  EXPECT_EQ(shares_.closed(), 20U);
  EXPECT_EQ(Counts()[0], 30) << "all of them are still closing";
  EXPECT_FALSE(Sheds(0));
  Open(1, 10);
  Open(2, 10);
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0));
  EndSlowCloses();
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0));
  EXPECT_EQ(shares_.closed(), 20U);
}

TEST_F(FairSharesTest, ASlowRateClosesOneNowAndThen) {
  settings_.rebalance->rate = {0.5};
  Make();
  Open(0, 30);
  size_t closed = 0;
  for (int second = 0; second < 10; ++second) {
    const size_t now = Second()[0];
    EXPECT_LE(now, 1U);
    closed += now;
  }
  EXPECT_EQ(closed, 5U);
}

TEST_F(FairSharesTest, TimeThatTheThreadWasBusyIsNotMadeUpFor) {
  Open(0, 90);
  EXPECT_EQ(Second()[0], 5U);
  EXPECT_EQ(Second(1h)[0], 5U);
  EXPECT_EQ(Second(200ms)[0], 1U);
}

TEST_F(FairSharesTest, WeightsCount) {
  Configure({1, 3});
  Open(0, 10);
  Open(1, 30);
  EXPECT_THAT(Second(), ElementsAre(0, 0));
  Open(0, 4);
  EXPECT_THAT(Second(), ElementsAre(3, 0)) << "14 of 44, and its share is 11";
}

TEST_F(FairSharesTest, WhoWarmsUpHasASmallerShare) {
  settings_.slow_start = config::SlowStart{.window = 100s};
  Make();
  for (size_t i = 0; i < 3; ++i) Open(i, i == 2 ? 14 : 28);
  endpoints_[2]->set_warming_since(now_ - 49s);  // half of its weight by the next second
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0));
  endpoints_[2]->set_warming_since(std::nullopt);
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0)) << "28 of 70 are 20 percent above 23.3";
  Open(0, 6);
  EXPECT_THAT(Second(), ElementsAre(5, 0, 0));
}

TEST_F(FairSharesTest, WhatWentToTheNextPriorityMovesBack) {
  Configure({1, 1, 1}, {0, 0, 1});
  Open(0, 10);
  Open(1, 10);
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0));
  Open(2, 2);
  EXPECT_THAT(Second(), ElementsAre(0, 0, 2));
}

TEST_F(FairSharesTest, WhoTakesNoNewTunnelsKeepsThoseThatItHas) {
  Configure({0, 1, 1});
  Open(0, 100);
  Open(1, 10);
  Open(2, 10);
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0));
}

TEST_F(FairSharesTest, NobodyShedsWhileAnEndpointIsOut) {
  for (const auto bit : {Endpoint::kEjected, Endpoint::kProbing, Endpoint::kCheckFailed}) {
    tunnels_[0].clear();
    Open(0, 30);
    EXPECT_EQ(Second()[0], 5U);
    endpoints_[2]->set_out_until(now_ + 1h);
    endpoints_[2]->ChangeState(bit, 0);
    EXPECT_THAT(Second(), ElementsAre(0, 0, 0));
    EXPECT_FALSE(Sheds(0));
    endpoints_[2]->ChangeState(0, bit);
    EXPECT_EQ(Second()[0], 5U);
    EXPECT_TRUE(Sheds(0));
  }
}

TEST_F(FairSharesTest, AnEndpointThatNobodyTriesGetsOneClientASecond) {
  Open(0, 30);
  Open(1, 30);
  endpoints_[2]->set_out_until(now_ + 1s);
  endpoints_[2]->ChangeState(Endpoint::kEjected, 0);
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0));
  EXPECT_EQ(endpoints_[2]->state_name(), "probe_due") << "no pick is needed for that";
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0)) << "somebody may come";
  EXPECT_THAT(Second(), ElementsAre(1, 0, 0));
  EXPECT_THAT(Second(), ElementsAre(1, 0, 0));
  EXPECT_TRUE(endpoints_[2]->health().TakeProbe(*endpoints_[2], now_));
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0));
  endpoints_[2]->health().OnAnswer(*endpoints_[2], true, cluster::Work::kHandshake, now_);
  EXPECT_THAT(Second(), ElementsAre(5, 5, 0));
}

TEST_F(FairSharesTest, ASpareEndpointThatIsOutKeepsNobody) {
  Configure({1, 1, 1, 1}, {0, 0, 1, 1});
  for (const auto bit : {Endpoint::kEjected, Endpoint::kProbeDue, Endpoint::kCheckFailed}) {
    tunnels_[0].clear();
    Open(2, 20);
    Open(3, 20);
    endpoints_[3]->set_out_until(now_ + 1h);
    endpoints_[3]->ChangeState(bit, 0);
    EXPECT_THAT(Second(), ElementsAre(0, 0, 5, 5)) << bit;
    endpoints_[3]->ChangeState(0, bit);
  }
}

TEST_F(FairSharesTest, NothingMovesFromAPriorityThatIsOut) {
  Configure({1, 1, 1}, {0, 0, 1});
  Open(0, 20);
  for (const size_t out : {0, 1}) endpoints_[out]->ChangeState(Endpoint::kCheckFailed, 0);
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0));
}

TEST_F(FairSharesTest, WhoTakesNoNewTunnelsMayBeOut) {
  Configure({0, 1, 1});
  Open(1, 20);
  endpoints_[0]->ChangeState(Endpoint::kCheckFailed, 0);
  EXPECT_THAT(Second(), ElementsAre(0, 5, 0));
}

TEST_F(FairSharesTest, WhoHasNoResultOfItsChecksTakesNoPart) {
  Open(0, 20);
  Open(1, 20);
  unchecked_.insert(endpoints_[2].get());
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0));
  EXPECT_FALSE(Sheds(0) || Sheds(1));
  Open(1, 20);
  EXPECT_THAT(Second(), ElementsAre(0, 5, 0)) << "40 of 60, and its share is 30";
  unchecked_.clear();
  EXPECT_THAT(Second(), ElementsAre(0, 5, 0)) << "the first has its share of 20";
}

TEST_F(FairSharesTest, NobodyShedsWhileAnEndpointLeavesWithTunnels) {
  Open(0, 30);
  auto leaving = std::make_shared<Endpoint>("rooms", net::SocketAddress::Parse("10.0.0.9:1").value());
  auto other = std::make_shared<Endpoint>("other", net::SocketAddress::Parse("10.0.0.9:1").value());
  std::vector<OpenLease> there;
  there.emplace_back(*leaving, cluster::Work::kTunnel);
  there.emplace_back(*other, cluster::Work::kTunnel);
  departures_.push_back({.endpoint = leaving, .left = now_, .told = now_, .draining = {}});
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0));
  there.erase(there.begin());
  EXPECT_EQ(Second()[0], 5U);
  departures_.push_back({.endpoint = other, .left = now_, .told = now_, .draining = {}});
  EXPECT_EQ(Second()[0], 5U);
}

TEST_F(FairSharesTest, WithoutRebalanceAllEnds) {
  Open(0, 30);
  EXPECT_EQ(Second()[0], 5U);
  settings_.rebalance.reset();
  Make();
  EXPECT_THAT(Second(), ElementsAre(0, 0, 0));
  EXPECT_FALSE(Sheds(0));
  EXPECT_EQ(shares_.closed(), 5U);
}

TEST_F(FairSharesTest, StopEndsAll) {
  Open(0, 30);
  Second();
  shares_.Stop("the test says so");
  EXPECT_FALSE(Sheds(0));
}

TEST_F(FairSharesTest, AWorkerThatHasNotAnsweredGetsNoMore) {
  Open(0, 30);
  answer_ = false;
  EXPECT_EQ(Second()[0], 5U);
  const std::vector<FairShares::Order> first = orders_;
  EXPECT_EQ(Second()[0], 0U);
  for (const FairShares::Order& order : first) CarryOut(order, 0);
  EXPECT_EQ(Second()[0], 5U);
}

// --- Several workers ---

class FairSharesOverWorkers : public FairSharesTest {
 protected:
  FairSharesOverWorkers() : FairSharesTest(3) {}

  std::vector<size_t> OfWorkers() const {
    std::vector<size_t> of_workers;
    for (const FairShares::Order& order : orders_) of_workers.push_back(order.most);
    return of_workers;
  }
};

TEST_F(FairSharesOverWorkers, TheRateIsSplitEvenlyAtFirstThenInProportion) {
  Open(0, 12, 0);
  Open(0, 60, 1);
  Open(0, 48, 2);
  settings_.rebalance->rate = {12};
  Make();
  EXPECT_EQ(Second()[0], 12U);
  EXPECT_THAT(OfWorkers(), ElementsAre(4, 4, 4));
  EXPECT_EQ(Second()[0], 12U);
  EXPECT_THAT(OfWorkers(), ElementsAre(testing::AnyOf(1, 2), 6, testing::AnyOf(4, 5)));
}

TEST_F(FairSharesOverWorkers, WhatDoesNotDivideGoesToEachInTurn) {
  for (size_t worker = 0; worker < 3; ++worker) Open(0, 30, worker);
  settings_.rebalance->rate = {1};
  Make();
  std::vector<size_t> got(3);
  for (int second = 0; second < 6; ++second) {
    EXPECT_EQ(Second()[0], 1U);
    for (size_t worker = 0; worker < 3; ++worker) got[worker] += OfWorkers()[worker];
  }
  EXPECT_THAT(got, ElementsAre(2, 2, 2));
}

TEST_F(FairSharesOverWorkers, OneWorkerMayHaveAll) {
  Open(0, 30, 2);
  for (int second = 0; second < 10; ++second) {
    const size_t asked = Second()[0];
    if (second > 0 && asked > 0) {
      EXPECT_THAT(OfWorkers(), ElementsAre(0, 0, asked));
    }
    Open(1, 2);
    Open(2, 2);
  }
  EXPECT_LE(Counts()[0], 25);
}

}  // namespace
}  // namespace hawser::server::fair_shares_test
