// Whose turn it is, who is parked, and how much time steps get: a stepped clock, and handshakes that only
// count their steps.
#include "proxy/session/handshake_queue.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/fakes/in_turn.h"
#include "tests/fakes/stepped_clock.h"

namespace hawser::session::handshake_queue_test {
namespace {

using namespace std::chrono_literals;
using edge::Standing;
using stats::Metric;

constexpr uint8_t kTag = 5;

class Queue;

// A handshake whose steps take as long as `cost`, and that notes its name at each.
class Handshake final : public event::IoHandler {
 public:
  Handshake(Queue& queue, std::string name, Standing standing = Standing::kGood, bool answered = false)
      : queue_(queue), name_(std::move(name)), standing_(standing), answered_(answered) {}
  ~Handshake() override { Leave(); }

  bool Ask();
  bool Leave();
  void Shed();
  void OnReady(event::Ready ready) override;

  base::Duration cost = 1ms;

 private:
  Queue& queue_;
  const std::string name_;
  const Standing standing_;
  const bool answered_;
  HandshakeQueue::Waiter waiter_{*this, kTag};
};

class Queue {
 public:
  Queue() { handshakes_ = std::make_unique<HandshakeQueue>(*loop_, stats_, 0.25); }

  Handshake& Add(std::string name, Standing standing = Standing::kGood, bool answered = false) {
    all_.push_back(std::make_unique<Handshake>(*this, std::move(name), standing, answered));
    return *all_.back();
  }
  // As epoll reports one that is not parked: in its turn, and in each turn behind it.
  void Park(Handshake& handshake) {
    EXPECT_FALSE(handshake.Ask());
    EXPECT_TRUE(handshake.Ask());
  }

  // A turn in which streams worked for so long.
  void BusyTurn(base::Duration time) {
    fakes::InTurn turn(*loop_);
    turn.First([&] {
      loop_->Spend(1);
      clock_.Advance(time);
    });
    loop_->RunOnce(0ms);
  }
  void IdleTurn() { loop_->RunOnce(0ms); }
  // Time passes up to a turn that leaves none for steps.
  void Pass(base::Duration time) {
    clock_.Advance(time);
    BusyTurn(0ms);
  }

  std::string Steps() { return std::exchange(steps_, ""); }
  HandshakeQueue& operator*() { return *handshakes_; }
  HandshakeQueue* operator->() { return handshakes_.get(); }
  uint64_t Counted(Metric metric) const {
    stats::Totals totals;
    stats_.AddTo(totals);
    return totals[metric];
  }

 private:
  friend class Handshake;
  fakes::SteppedClock clock_;
  std::unique_ptr<event::Loop> loop_ = std::move(event::Loop::Create(clock_.reader())).value();
  stats::WorkerStats stats_;
  std::unique_ptr<HandshakeQueue> handshakes_;
  std::string steps_;
  std::vector<std::unique_ptr<Handshake>> all_;
};

bool Handshake::Ask() {
  return queue_->Ask(waiter_, standing_, answered_);
}
bool Handshake::Leave() {
  return queue_->Leave(waiter_);
}
void Handshake::Shed() {
  queue_->Shed(waiter_);
}
void Handshake::OnReady(event::Ready ready) {
  EXPECT_TRUE(ready.readable);
  EXPECT_EQ(ready.tag, kTag);
  queue_.steps_ += name_;
  queue_.clock_.Advance(cost);
}

TEST(HandshakeQueue, ALoneHandshakeRunsInItsOwnTurnAndIsNotParked) {
  Queue queue;
  Handshake& lone = queue.Add("a");
  EXPECT_FALSE(lone.Ask());
  queue.IdleTurn();
  EXPECT_EQ(queue.Steps(), "a");
  queue.Pass(10ms);
  EXPECT_FALSE(lone.Ask());
  queue.BusyTurn(1ms);
  EXPECT_EQ(queue.Steps(), "a") << "nothing is owed";
  EXPECT_EQ(queue.Counted(Metric::kTlsHandshakesParked), 0U);
}

TEST(HandshakeQueue, OneThatIsReportedAgainWhileItWaitsIsParkedOnce) {
  Queue queue;
  Handshake& first = queue.Add("a");
  Handshake& second = queue.Add("b");
  EXPECT_FALSE(first.Ask());
  EXPECT_FALSE(second.Ask());
  queue.IdleTurn();
  EXPECT_EQ(queue.Steps(), "a");
  EXPECT_TRUE(second.Ask());
  EXPECT_TRUE(second.Ask()) << "bytes to send have left, say";
  EXPECT_EQ(queue.Counted(Metric::kTlsHandshakesParked), 1U);
  EXPECT_EQ(queue->parked(), 1U);
  queue.IdleTurn();
  EXPECT_EQ(queue.Steps(), "b");
  EXPECT_EQ(queue.Counted(Metric::kTlsHandshakesParked), 0U);
  EXPECT_FALSE(second.Ask()) << "it begins anew";
}

TEST(HandshakeQueue, TheLoopGoesOnWithoutWaitingWhileSomebodyIsParked) {
  Queue queue;
  for (const char* name : {"a", "b", "c"}) queue.Park(queue.Add(name));
  for (const std::string expected : {"a", "b", "c", ""}) {
    queue.IdleTurn();
    EXPECT_EQ(queue.Steps(), expected);
  }
}

TEST(HandshakeQueue, GoodStandingGoesFirstThenWhatWasAnsweredThenTheOldest) {
  Queue queue;
  queue.Park(queue.Add("h", Standing::kBad));
  queue.Park(queue.Add("f", Standing::kBad, true));
  queue.Park(queue.Add("c"));
  queue.Park(queue.Add("a", Standing::kGood, true));
  queue.Park(queue.Add("i", Standing::kBad));
  queue.Park(queue.Add("g", Standing::kBad, true));
  queue.Park(queue.Add("d"));
  queue.Park(queue.Add("b", Standing::kGood, true));
  for (int i = 0; i < 8; ++i) queue.IdleTurn();
  EXPECT_EQ(queue.Steps(), "abcdfghi");
}

TEST(HandshakeQueue, TheNewestGoesFirstWhereTheOldestHasWaitedForTooLong) {
  Queue queue;
  queue.Park(queue.Add("a"));
  queue.Pass(HandshakeQueue::kPatience);
  queue.Park(queue.Add("b"));
  queue.Park(queue.Add("c"));
  queue.Pass(1ms);
  queue.Park(queue.Add("x", Standing::kBad));
  queue.Park(queue.Add("y", Standing::kBad));
  for (int i = 0; i < 5; ++i) queue.IdleTurn();
  EXPECT_EQ(queue.Steps(), "cbaxy") << "the bad ones have not waited for long";
}

TEST(HandshakeQueue, ABusyTurnPaysItsShare) {
  Queue queue;
  for (int i = 0; i < 40; ++i) queue.Park(queue.Add("a"));
  size_t steps = 0;
  for (int turn = 0; turn < 30; ++turn) {
    queue.BusyTurn(3ms);  // earns 1 ms
    EXPECT_EQ(queue.Steps(), "a") << turn;
    ++steps;
  }
  for (int turn = 0; turn < 9; ++turn) {
    queue.BusyTurn(1ms);
    steps += queue.Steps().size();
  }
  EXPECT_EQ(steps, 33U) << "a step in three turns";
}

TEST(HandshakeQueue, ALongTurnEarnsSeveralSteps) {
  Queue queue;
  for (int i = 0; i < 10; ++i) queue.Park(queue.Add("a"));
  queue.BusyTurn(12ms);
  EXPECT_EQ(queue.Steps(), "aaaa");
}

TEST(HandshakeQueue, TheShareMayChange) {
  Queue queue;
  for (int i = 0; i < 20; ++i) queue.Park(queue.Add("a"));
  queue->SetShare(0.5);
  queue.BusyTurn(12ms);
  EXPECT_EQ(queue.Steps(), std::string(12, 'a'));
}

TEST(HandshakeQueue, WhatAStepCostsBeyondItsShareIsOwed) {
  Queue queue;
  Handshake& dear = queue.Add("d");
  dear.cost = 4ms;
  queue.Park(dear);
  queue.Park(queue.Add("a"));
  queue.BusyTurn(3ms);
  EXPECT_EQ(queue.Steps(), "d");
  for (int turn = 0; turn < 3; ++turn) {
    queue.BusyTurn(3ms);
    EXPECT_EQ(queue.Steps(), "") << turn;
  }
  queue.BusyTurn(3ms);
  EXPECT_EQ(queue.Steps(), "a");
}

TEST(HandshakeQueue, ATurnWithoutOtherWorkRunsOneWhateverIsOwed) {
  Queue queue;
  for (const char* name : {"a", "b", "c"}) {
    Handshake& handshake = queue.Add(name);
    handshake.cost = 100ms;
    queue.Park(handshake);
  }
  queue.BusyTurn(3ms);
  EXPECT_EQ(queue.Steps(), "a");
  queue.BusyTurn(3ms);
  EXPECT_EQ(queue.Steps(), "");
  queue.IdleTurn();
  EXPECT_EQ(queue.Steps(), "b");
  queue.BusyTurn(3ms);
  EXPECT_EQ(queue.Steps(), "");
}

TEST(HandshakeQueue, TimePaysWhatIsOwedAndSavesNothing) {
  Queue queue;
  Handshake& dear = queue.Add("d");
  dear.cost = 10ms;
  queue.Park(dear);
  queue.BusyTurn(3ms);
  EXPECT_EQ(queue.Steps(), "d");
  queue.Pass(1h);  // without a handshake
  for (int i = 0; i < 3; ++i) queue.Park(queue.Add("a"));
  queue.BusyTurn(3ms);
  EXPECT_EQ(queue.Steps(), "a");
}

TEST(HandshakeQueue, StepsThatCostNothingShareATurn) {
  Queue queue;
  for (int i = 0; i < 20; ++i) {
    Handshake& left = queue.Add("x");
    left.cost = 0ms;
    queue.Park(left);
  }
  queue.Park(queue.Add("a"));
  queue.Park(queue.Add("b"));
  queue.IdleTurn();
  EXPECT_EQ(queue.Steps(), std::string(20, 'x') + "a");
}

TEST(HandshakeQueue, OneThatEndsLeavesTheQueueAndTheGauge) {
  Queue queue;
  Handshake& parked = queue.Add("p");
  Handshake& waiting = queue.Add("w");
  queue.Park(parked);
  EXPECT_FALSE(waiting.Ask());
  EXPECT_FALSE(parked.Leave());
  EXPECT_FALSE(waiting.Leave());
  EXPECT_FALSE(waiting.Leave()) << "harmless";
  EXPECT_EQ(queue.Counted(Metric::kTlsHandshakesParked), 0U);
  queue.IdleTurn();
  EXPECT_EQ(queue.Steps(), "");
}

TEST(HandshakeQueue, TellsWhoHasWaitedInVain) {
  Queue queue;
  Handshake& patient = queue.Add("p");
  Handshake& impatient = queue.Add("i");
  queue.Park(patient);
  queue.Pass(HandshakeQueue::kPatience);
  queue.Park(impatient);
  queue.Pass(1ms);
  EXPECT_EQ(queue.Steps(), "");
  EXPECT_TRUE(patient.Leave());
  EXPECT_FALSE(impatient.Leave());
}

TEST(HandshakeQueue, ThoseThatAreShedAreCountedByStanding) {
  Queue queue;
  Handshake& good = queue.Add("g");
  Handshake& bad = queue.Add("b", Standing::kBad);
  Handshake& stalled = queue.Add("s");
  queue.Park(good);
  queue.Park(bad);
  for (Handshake* const one : {&good, &bad, &stalled}) {
    one->Shed();
    one->Leave();
  }
  EXPECT_EQ(queue.Counted(Metric::kTlsHandshakesShedGood), 1U);
  EXPECT_EQ(queue.Counted(Metric::kTlsHandshakesShedBad), 1U);
  EXPECT_EQ(queue.Counted(Metric::kTlsHandshakesParked), 0U);
}

}  // namespace
}  // namespace hawser::session::handshake_queue_test
