// Drains over tunnels of scripted streams and a stepped clock: who is ended, when, with which code, and who is
// spared.
#include "proxy/session/drains.h"

#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "tests/fakes/lent_stream.h"
#include "tests/unit/session/tunnel_harness.h"

namespace hawser::session::drains_test {
namespace {

using namespace std::chrono_literals;
using stats::Metric;
using testing::ElementsAre;

constexpr uint16_t kCode = 3001;

// Tunnels by number, in the order in which they opened; the lower the number, the older.
class DrainsTest : public testing::Test {
 protected:
  DrainsTest() { *harness_.parts().record = {}; }  // the harness's own tunnel does not open
  ~DrainsTest() override {
    sessions().Abort(http::Reject::kShutdown);
    Pass(0ms);
    for (size_t cause = 0; cause < static_cast<size_t>(DrainCause::kCount); ++cause) {
      EXPECT_EQ(Counted(static_cast<Metric>(static_cast<size_t>(Metric::kDrainingForShutdown) + cause)), 0U);
    }
  }

  struct Peers {
    fakes::FakeStream client, backend;
  };

  void Open(const std::string& route = "one") {
    RequestRecord record;
    record.route =
        std::make_shared<route::Route>(route::Route{.settings = settings_, .name = names_.Intern(route)});
    record.endpoint = cluster::OpenLease(*endpoint_);
    record.start = harness_.loop().now() - 1s * static_cast<int>(1000 - tunnels_.size());
    Peers& peers = tunnels_.emplace_back();
    Tunnel::Start(harness_.services(), {.client = std::make_unique<fakes::LentStream>(peers.client),
                                        .backend = std::make_unique<fakes::LentStream>(peers.backend),
                                        .record = &record});
  }
  void Order(DrainOrder order) {
    order.cause = DrainCause::kReload;
    order.reason = http::Reject::kReload;
    order.code = kCode;
    sessions().Drain(std::move(order));
  }
  void Rebalance(DrainOrder order) {
    order.cause = DrainCause::kRebalance;
    order.code = kCode;
    order.tally = tally_;
    sessions().Drain(std::move(order));
  }
  void Pass(base::Duration time) { harness_.Turn(time); }

  Sessions& sessions() { return harness_.services().sessions; }
  uint64_t Counted(Metric metric) const { return harness_.Counted(metric); }
  // The tunnels whose clients have been sent a close frame.
  std::vector<size_t> Ended() {
    std::vector<size_t> ended;
    for (size_t i = 0; i < tunnels_.size(); ++i) {
      if (!tunnels_[i].client.written().empty()) ended.push_back(i);
    }
    return ended;
  }
  static auto OnRoute(const std::string& route) {
    return [route](const Tunnel& tunnel) { return tunnel.record().route->name.text() == route; };
  }

  TunnelHarness harness_;
  base::NameTable names_;
  const config::Route settings_ = [] {
    config::Route settings;
    settings.websocket.keepalive.interval = 0ms;
    settings.websocket.close_timeout = 1h;
    return settings;
  }();
  const std::shared_ptr<cluster::Endpoint> endpoint_ =
      std::make_shared<cluster::Endpoint>("test", net::SocketAddress());
  std::deque<Peers> tunnels_;
  const std::shared_ptr<DrainTally> tally_ = std::make_shared<DrainTally>();
};

TEST_F(DrainsTest, EndsTheOldestFirstEvenlyOverTheWindow) {
  for (int i = 0; i < 4; ++i) Open();
  Order({.window = 400ms});
  EXPECT_EQ(Counted(Metric::kDrainingForReload), 4U);
  EXPECT_THAT(Ended(), ElementsAre());
  for (size_t quarter = 1; quarter <= 4; ++quarter) {
    Pass(50ms);
    EXPECT_EQ(Ended().size(), quarter - 1);
    Pass(52ms);
    ASSERT_EQ(Ended().size(), quarter);
    EXPECT_EQ(Ended().back(), quarter - 1);
  }
  EXPECT_EQ(Received(tunnels_[0].client.written(), false).close_code(), kCode);
  EXPECT_EQ(Counted(Metric::kDrainingForReload), 4U) << "their close handshakes are under way";
}

TEST_F(DrainsTest, OnlyThoseThatItConcerns) {
  Open("one");
  Open("other");
  Order({.which = OnRoute("other")});
  EXPECT_THAT(Ended(), ElementsAre(1));
  EXPECT_EQ(Counted(Metric::kDrainingForReload), 1U);
}

TEST_F(DrainsTest, WhatIsBackBeforeItsTurnIsSpared) {
  for (int i = 0; i < 2; ++i) Open();
  bool gone = true;
  Order({.window = 200ms, .which = [&gone](const Tunnel&) { return gone; }});
  Pass(102ms);
  EXPECT_THAT(Ended(), ElementsAre(0));
  gone = false;
  Pass(1s);
  EXPECT_THAT(Ended(), ElementsAre(0));
  EXPECT_EQ(Counted(Metric::kDrainingForReload), 1U);
}

TEST_F(DrainsTest, ASecondOrderRestartsNoWindow) {
  Open("one");
  Order({.window = 400ms, .which = OnRoute("one")});
  Pass(300ms);
  Open("other");
  Order({.window = 400ms});
  EXPECT_EQ(Counted(Metric::kDrainingForReload), 2U) << "nobody is counted twice";
  Pass(102ms);
  EXPECT_THAT(Ended(), ElementsAre(0));
  Pass(302ms);
  EXPECT_THAT(Ended(), ElementsAre(0, 1));
}

TEST_F(DrainsTest, OneThatOpensAfterTheOrderIsEndedToo) {
  Order({.window = 200ms, .deadline = 10s, .which = OnRoute("one")});
  Pass(1s);
  Open("one");
  Open("other");
  Pass(52ms);
  EXPECT_THAT(Ended(), ElementsAre(0));
  Pass(10s);
  Open("one");
  Pass(1s);
  EXPECT_THAT(Ended(), ElementsAre(0)) << "the order is over";
}

TEST_F(DrainsTest, AnOrderMayStandUntilItIsOver) {
  bool over = false;
  Order({.deadline = 5s, .which = OnRoute("one"), .over = [&over] { return over; }});
  Pass(1h);
  Open("one");
  Open("other");
  Pass(52ms);
  EXPECT_THAT(Ended(), ElementsAre(0));
  Pass(1h);
  over = true;
  Pass(2s);
  Open("one");
  Pass(1s);
  EXPECT_THAT(Ended(), ElementsAre(0));
}

// Their turns and the deadline come all the same, whether the order concerns those that open or not.
TEST_F(DrainsTest, TunnelsThatOpenWithoutAPauseDelayNothing) {
  for (const std::string opening : {"one", "other"}) {
    const size_t first = tunnels_.size();
    for (int i = 0; i < 2; ++i) Open("one");
    Order({.window = 1s, .deadline = 2s, .which = OnRoute("one")});
    const auto pass = [&](int times) {
      for (int i = 0; i < times; ++i) {
        Pass(10ms);
        Open(opening);
      }
    };
    pass(110);
    EXPECT_FALSE(tunnels_[first].client.written().empty()) << opening;
    EXPECT_FALSE(tunnels_[first].client.closed()) << opening;
    pass(100);
    EXPECT_TRUE(tunnels_[first].client.closed()) << opening;
    EXPECT_TRUE(tunnels_[first + 1].client.closed()) << opening;
  }
}

TEST_F(DrainsTest, WhoDoesNotAnswerIsCutAtTheDeadline) {
  for (int i = 0; i < 2; ++i) Open();
  Order({.window = 200ms, .deadline = 5s});
  Pass(1s);
  EXPECT_THAT(Ended(), ElementsAre(0, 1));
  EXPECT_FALSE(tunnels_[0].client.closed());
  Pass(4s);
  Pass(60ms);
  for (Peers& peers : tunnels_) EXPECT_TRUE(peers.client.closed() && peers.backend.closed());
  EXPECT_EQ(Counted(Metric::kDrainingForReload), 0U);
}

// So that neither the walk nor the ends make one turn long.
TEST_F(DrainsTest, ManyAreFoundAndEndedInSteps) {
  constexpr size_t kMany = 1100;
  for (size_t i = 0; i < kMany; ++i) Open();
  Order({});
  EXPECT_EQ(Counted(Metric::kDrainingForReload), 1024U);
  EXPECT_THAT(Ended(), ElementsAre());
  size_t ended = 0;
  int turns = 0;
  for (; ended < kMany && turns < 100; ++turns) {
    Pass(0ms);
    EXPECT_LE(Ended().size(), ended + 64);
    ended = Ended().size();
  }
  EXPECT_EQ(ended, kMany);
  EXPECT_LE(turns, 20);
}

TEST_F(DrainsTest, TwoCausesMayWantOneTunnel) {
  Open();
  Order({.window = 200ms});
  sessions().Drain({.cause = DrainCause::kEndpoint,
                    .reason = http::Reject::kEndpointGone,
                    .code = http::SpecOf(http::Reject::kEndpointGone).close_code});
  EXPECT_EQ(Received(tunnels_[0].client.written(), false).close_code(), 1012);
  EXPECT_EQ(Counted(Metric::kDrainingForReload), 1U);
  EXPECT_EQ(Counted(Metric::kDrainingForEndpoint), 1U);
  Pass(1s);
  EXPECT_EQ(Received(tunnels_[0].client.written(), false).frames.size(), 1U);
}

// --- Some of them only ---

TEST_F(DrainsTest, AnOrderMayEndOnlyTheOldestFew) {
  for (int i = 0; i < 5; ++i) Open();
  Rebalance({.window = 1s, .most = 2});
  EXPECT_EQ(Counted(Metric::kDrainingForRebalance), 2U);
  EXPECT_EQ(tally_->walks.Get(), 1U);
  EXPECT_EQ(tally_->found.Get(), 5U);
  EXPECT_EQ(tally_->left.Get(), 2U);
  Pass(502ms);
  EXPECT_THAT(Ended(), ElementsAre(0));
  Pass(10s);
  EXPECT_THAT(Ended(), ElementsAre(0, 1));
  EXPECT_EQ(tally_->ended.Get(), 2U);
  EXPECT_EQ(tally_->left.Get(), 2U) << "their close handshakes are under way";
}

TEST_F(DrainsTest, OrThoseThatHaveBeenSilentForLongest) {
  for (int i = 0; i < 4; ++i) {
    Open();
    Pass(10ms);
  }
  for (const size_t speaks : {2, 0}) {
    tunnels_[speaks].client.Feed(Masked({.payload = "hello"}));
    tunnels_[speaks].client.Deliver();
    Pass(10ms);
  }
  Rebalance({.first = DrainOrder::First::kLongestSilent, .most = 3});
  EXPECT_EQ(tunnels_[0].client.written(), "");
  for (const size_t ended : {1, 2, 3}) {
    EXPECT_EQ(Received(tunnels_[ended].client.written(), false).close_code(), kCode) << ended;
  }
}

TEST_F(DrainsTest, NobodyTakesTheTurnOfOneThatIsSparedOrHasGone) {
  for (int i = 0; i < 4; ++i) Open(i == 0 ? "one" : "other");
  bool one_counts = true;
  Rebalance({.window = 1s,
             .which = [&](const Tunnel& tunnel) { return one_counts || !OnRoute("one")(tunnel); },
             .most = 2});
  one_counts = false;
  tunnels_[1].client.FeedEnd();
  tunnels_[1].client.Deliver();
  tunnels_[1].backend.FeedEnd();
  tunnels_[1].backend.Deliver();
  Pass(10s);
  EXPECT_THAT(Ended(), ElementsAre());
  EXPECT_EQ(Counted(Metric::kDrainingForRebalance), 0U);
  EXPECT_EQ(tally_->left.Get(), 0U);
  EXPECT_EQ(tally_->ended.Get(), 0U);
}

TEST_F(DrainsTest, TheNextOrderFindsOthersAndTheTallyAddsUp) {
  for (int i = 0; i < 5; ++i) Open();
  Rebalance({.most = 2});
  Rebalance({.window = 1s, .most = 2});
  EXPECT_EQ(tally_->walks.Get(), 2U);
  EXPECT_EQ(tally_->found.Get(), 3U);
  EXPECT_EQ(tally_->left.Get(), 4U);
  Pass(1s);
  EXPECT_THAT(Ended(), ElementsAre(0, 1, 2, 3));
  for (const size_t gone : {1, 3}) {
    for (fakes::FakeStream* stream : {&tunnels_[gone].client, &tunnels_[gone].backend}) {
      stream->FeedEnd();
      stream->Deliver();
    }
  }
  Pass(52ms);
  EXPECT_EQ(tally_->left.Get(), 2U);
  EXPECT_EQ(tally_->ended.Get(), 4U);
}

TEST_F(DrainsTest, AnOrderForNoneOnlyCounts) {
  for (int i = 0; i < 3; ++i) Open();
  Rebalance({.most = 0});
  EXPECT_EQ(tally_->found.Get(), 3U);
  Pass(1s);
  EXPECT_THAT(Ended(), ElementsAre());
}

TEST_F(DrainsTest, WhatAnotherDrainHasIsNotAmongTheFew) {
  for (int i = 0; i < 3; ++i) Open(i == 0 ? "one" : "other");
  Order({.window = 10s, .which = OnRoute("one")});
  Rebalance({.most = 1});
  EXPECT_THAT(Ended(), ElementsAre(1));
  EXPECT_EQ(tally_->found.Get(), 2U);
  Order({.window = 0s, .deadline = 10s});
  EXPECT_THAT(Ended(), ElementsAre(1, 2)) << "another drain does not mind";
  Pass(10s);
  EXPECT_THAT(Ended(), ElementsAre(0, 1, 2));
}

TEST_F(DrainsTest, WhoOpensLaterIsNotAmongTheFew) {
  Rebalance({.window = 1s, .most = 5});
  Open();
  Pass(10s);
  EXPECT_THAT(Ended(), ElementsAre());
}

// The walk takes several turns, and its queue stays as short as the order.
TEST_F(DrainsTest, TheFewAreTheOldestOfMany) {
  constexpr size_t kMany = 2500;
  for (size_t i = 0; i < kMany; ++i) Open(i % 2 == 0 ? "one" : "other");
  Rebalance({.which = OnRoute("other"), .most = 3});
  EXPECT_EQ(tally_->walks.Get(), 0U);
  EXPECT_EQ(Counted(Metric::kDrainingForRebalance), 3U);
  EXPECT_THAT(Ended(), ElementsAre());
  for (int turn = 0; turn < 3; ++turn) Pass(0ms);
  EXPECT_EQ(tally_->walks.Get(), 1U);
  EXPECT_EQ(tally_->found.Get(), kMany / 2);
  EXPECT_EQ(Counted(Metric::kDrainingForRebalance), 3U);
  EXPECT_THAT(Ended(), ElementsAre(1, 3, 5));
}

TEST_F(DrainsTest, AnAbortHasACodeForClients) {
  Open();
  sessions().Abort(http::Reject::kShutdown, kCode);
  EXPECT_EQ(Received(tunnels_[0].client.written(), false).close_code(), kCode);
  EXPECT_EQ(Received(tunnels_[0].backend.written(), true).close_code(), 1001);
}

// --- Ids ---

TEST_F(DrainsTest, ATunnelIsFoundByItsIdUntilItEnds) {
  Open();
  Tunnel* const tunnel = sessions().FirstTunnel();
  const base::TunnelId id = sessions().IdOf(*tunnel);
  EXPECT_EQ(id.ToString(), "0-0-1");
  EXPECT_EQ(sessions().Find(id), tunnel);
  EXPECT_EQ(sessions().Find({.worker = 1, .slot = id.slot, .generation = id.generation}), nullptr);
  EXPECT_EQ(sessions().Find({.worker = 0, .slot = 100, .generation = 1}), nullptr);
  tunnel->Abort(http::Reject::kShutdown, 1001);
  EXPECT_EQ(sessions().Find(id), nullptr);
  Pass(0ms);
  Open();
  const base::TunnelId next = sessions().IdOf(*sessions().FirstTunnel());
  EXPECT_EQ(next.slot, id.slot);
  EXPECT_NE(next, id);
  EXPECT_EQ(sessions().Find(id), nullptr);
}

struct Told {
  explicit Told(base::TunnelId& id) : told(id) {}
  void OnTunnel(const base::TunnelId& id) { told = id; }
  base::TunnelId& told;
};

TEST(Attachment, IsToldOfItsTunnelIfItWantsToKnow) {
  TunnelHarness harness;
  base::TunnelId told;
  harness.parts().attachments.Attach(std::make_unique<int>(1));
  harness.parts().attachments.Attach(std::make_unique<Told>(told));
  harness.Start();
  EXPECT_EQ(told, harness.services().sessions.IdOf(*harness.tunnel()));
}

}  // namespace
}  // namespace hawser::session::drains_test
