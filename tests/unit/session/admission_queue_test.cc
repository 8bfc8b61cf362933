// Handshakes that wait for a token, over a stepped clock.
#include "proxy/session/admission_queue.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/event/loop.h"
#include "tests/fakes/stepped_clock.h"

namespace hawser::session::admission_queue_test {
namespace {

using namespace std::chrono_literals;
using Result = AdmissionQueue::Result;
using stats::Metric;
using testing::ElementsAre;
using testing::IsEmpty;

class AdmissionQueueTest : public testing::Test {
 protected:
  // A handshake, and what became of it.
  struct Client final : event::IoHandler {
    Client(AdmissionQueueTest& owner, int place) : test(owner), number(place) {}
    void OnReady(event::Ready) override {
      test.called_.push_back(number);
      result = waiter->result();
      waiter = nullptr;
    }
    AdmissionQueueTest& test;
    const int number;
    std::unique_ptr<AdmissionQueue::Waiter> waiter;
    Result result = Result::kWaits;
  };

  // The next client, which waits for at most `wait`.
  Client& Enter(cluster::Endpoint& endpoint, base::Duration wait = 5s) {
    Client& client =
        *clients_.emplace_back(std::make_unique<Client>(*this, static_cast<int>(clients_.size())));
    client.waiter = queue_.Enter(endpoint, settings_, loop_->now() + wait, client, 1);
    return client;
  }
  void Spend(cluster::Endpoint& endpoint) {
    while (queue_.TryAdmit(endpoint, settings_)) {
    }
  }
  std::vector<int> Pass(base::Duration time) {
    called_.clear();
    for (const base::TimePoint end = clock_.now() + time; clock_.now() < end;) {
      clock_.Advance(1ms);
      loop_->RunOnce(0ms);
    }
    loop_->RunOnce(0ms);
    return called_;
  }
  uint64_t Counted(Metric metric) {
    stats::Totals totals;
    stats_.AddTo(totals);
    return totals[metric];
  }

  fakes::SteppedClock clock_;
  const std::unique_ptr<event::Loop> loop_ = event::Loop::Create(clock_.reader()).value();
  stats::WorkerStats stats_;
  config::Admission settings_{.rate{10}, .burst = 1, .pending = 10, .wait = 5s};
  const std::shared_ptr<cluster::Endpoint> a_ =
      std::make_shared<cluster::Endpoint>("rooms", net::SocketAddress::Parse("10.0.0.1:80").value());
  const std::shared_ptr<cluster::Endpoint> b_ =
      std::make_shared<cluster::Endpoint>("games", net::SocketAddress::Parse("10.0.0.2:80").value());
  AdmissionQueue queue_{*loop_, stats_};
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<int> called_;
};

TEST_F(AdmissionQueueTest, WhileThereAreTokensNobodyWaits) {
  settings_.burst = 3;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue_.TryAdmit(*a_, settings_));
  EXPECT_FALSE(queue_.TryAdmit(*a_, settings_));
  EXPECT_TRUE(queue_.TryAdmit(*b_, settings_)) << "each endpoint has its own";
}

TEST_F(AdmissionQueueTest, FirstInIsFirstOut) {
  Spend(*a_);
  for (int i = 0; i < 3; ++i) Enter(*a_);
  EXPECT_EQ(Counted(Metric::kAdmissionWaiting), 3u);
  EXPECT_EQ(a_->admission().pending(), 3u);
  EXPECT_THAT(Pass(99ms), IsEmpty());
  EXPECT_THAT(Pass(3ms), ElementsAre(0));
  EXPECT_EQ(clients_[0]->result, Result::kAdmitted);
  EXPECT_THAT(Pass(205ms), ElementsAre(1, 2)) << "each a tick late, perhaps";
  EXPECT_EQ(Counted(Metric::kAdmissionWaiting), 0u);
  EXPECT_EQ(Counted(Metric::kAdmissionWaits), 3u);
  EXPECT_EQ(a_->admission().pending(), 0u);
}

TEST_F(AdmissionQueueTest, WhoComesWhileOthersWaitDoesNotOvertake) {
  Spend(*a_);
  Enter(*a_);
  clock_.Advance(1s);
  loop_->RunOnce(0ms);  // the timer has fired: a token is the waiter's
  EXPECT_EQ(a_->admission().pending(), 0u);
  Spend(*a_);
  Enter(*a_);
  clock_.Advance(150ms);  // there is a token, and the turn that gives it has not come
  EXPECT_FALSE(queue_.TryAdmit(*a_, settings_));
}

TEST_F(AdmissionQueueTest, AsManyWaitAsMay) {
  settings_.pending = 2;
  Spend(*a_);
  EXPECT_NE(Enter(*a_).waiter, nullptr);
  EXPECT_NE(Enter(*a_).waiter, nullptr);
  EXPECT_EQ(Enter(*a_).waiter, nullptr);
  EXPECT_EQ(a_->admission().pending(), 2u);
  clients_[0]->waiter = nullptr;  // its client leaves
  EXPECT_NE(Enter(*a_).waiter, nullptr);
}

TEST_F(AdmissionQueueTest, WhoLeavesIsNotServed) {
  Spend(*a_);
  for (int i = 0; i < 3; ++i) Enter(*a_);
  clients_[0]->waiter = nullptr;
  clients_[1]->waiter = nullptr;
  EXPECT_EQ(a_->admission().pending(), 1u);
  EXPECT_THAT(Pass(102ms), ElementsAre(2)) << "and takes no token";
}

TEST_F(AdmissionQueueTest, NobodyWaitsLongerThanItsTime) {
  settings_.rate = {0.1};
  Spend(*a_);
  Enter(*a_, 1s);
  Enter(*a_, 1s);
  EXPECT_THAT(Pass(998ms), IsEmpty());
  EXPECT_THAT(Pass(5ms), ElementsAre(0, 1));
  EXPECT_EQ(clients_[0]->result, Result::kTooLate);
  EXPECT_EQ(Counted(Metric::kAdmissionWaiting), 0u);
}

TEST_F(AdmissionQueueTest, AnEndpointThatGoesOutSendsThemAllAway) {
  settings_.rate = {0.1};
  Spend(*a_);
  Spend(*b_);
  for (int i = 0; i < 3; ++i) Enter(*a_, 1min);
  Enter(*b_, 1min);
  a_->ChangeState(cluster::Endpoint::kCheckFailed, 0);
  EXPECT_THAT(Pass(AdmissionQueue::kLook + 2ms), ElementsAre(0, 1, 2));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(clients_[i]->result, Result::kPickAnew);
  Enter(*a_, 1min);  // one that is to go there whatever its state
  EXPECT_THAT(Pass(1s), IsEmpty());
}

// It has waited in another line: the end of its time says for how long.
TEST_F(AdmissionQueueTest, WhoComesFromAnotherLineKeepsItsPlace) {
  Spend(*a_);
  Enter(*a_, 3s);
  Enter(*a_, 5s);
  Enter(*a_, 4s);
  Enter(*a_, 1s);
  Enter(*a_, 5s);
  EXPECT_THAT(Pass(510ms), ElementsAre(3, 0, 2, 1, 4));
}

TEST_F(AdmissionQueueTest, ANewConfigurationSendsThoseOfItsClusterAway) {
  Spend(*a_);
  Spend(*b_);
  Enter(*a_);
  Enter(*b_);
  queue_.PickAnew("rooms");
  EXPECT_THAT(Pass(1ms), ElementsAre(0));
  EXPECT_EQ(clients_[0]->result, Result::kPickAnew);
}

TEST_F(AdmissionQueueTest, AForgottenEndpointHasNoLine) {
  Spend(*a_);
  Enter(*a_);
  queue_.Forget(*a_);
  queue_.Forget(*b_);
  EXPECT_THAT(Pass(1ms), ElementsAre(0));
  EXPECT_EQ(clients_[0]->result, Result::kPickAnew);
  EXPECT_THAT(Pass(1s), IsEmpty()) << "its timer has gone with it";
}

TEST_F(AdmissionQueueTest, WhoIsDestroyedAfterItWasAdmittedIsNotCalled) {
  Spend(*a_);
  Enter(*a_);
  clock_.Advance(102ms);
  loop_->RunOnce(0ms);  // admitted; its owner would hear of it in the next turn
  clients_[0]->waiter = nullptr;
  called_.clear();
  loop_->RunOnce(0ms);
  EXPECT_THAT(called_, IsEmpty());
}

// Two workers have a queue each, and one bucket.
TEST_F(AdmissionQueueTest, TheBucketIsAllWorkers) {
  AdmissionQueue other(*loop_, stats_);
  Spend(*a_);
  EXPECT_FALSE(other.TryAdmit(*a_, settings_));
  Enter(*a_);
  clock_.Advance(100ms);
  EXPECT_FALSE(other.TryAdmit(*a_, settings_)) << "another worker's client waits";
  Pass(3ms);
  EXPECT_EQ(clients_[0]->result, Result::kAdmitted);
}

}  // namespace
}  // namespace hawser::session::admission_queue_test
