// Shares of a turn: who has spent its share stands behind all others. No test here waits for a clock.
#include <algorithm>
#include <chrono>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/event/loop.h"
#include "tests/fakes/stepped_clock.h"
#include "tests/unit/event/loop_fixture.h"

namespace hawser::event {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LoopShareTest : public LoopTest {
 protected:
  LoopShareTest() { loop = std::move(Loop::Create(clock.reader())).value(); }

  // A stream with a name that always has more, of which it does `work` in each call.
  struct Stream {
    Stream(LoopShareTest& test, char name, size_t work)
        : listener([&test, name, work](Ready) {
            test.order += name;
            test.loop->Spend(work);
            test.clock.Advance(test.step);
          }) {
      test.Watch(pair, listener);
      pair.Say();
    }
    Pair pair;
    Listener listener;
  };

  Stream& Add(char name, size_t work) {
    return *streams.emplace_back(std::make_unique<Stream>(*this, name, work));
  }
  std::string TurnOrder() {
    order.clear();
    Turn();
    return order;
  }

  static constexpr size_t kHeavy = 512 * 1024;  // at least a share, however few there are

  fakes::SteppedClock clock;
  base::Duration step{0};  // that the clock makes in each call
  std::string order;
  std::vector<std::unique_ptr<Stream>> streams;
};

TEST_F(LoopShareTest, AShareIsLargeForOneAndShrinksWhileOthersWait) {
  EXPECT_EQ(loop->left(), ~size_t{0} - loop->spent()) << "no limit between turns";
  std::vector<std::unique_ptr<Listener>> listeners;
  for (const auto& [waiting, share] :
       {std::pair<size_t, size_t>{1, 512 * 1024}, {4, 256 * 1024}, {64, 32 * 1024}}) {
    while (listeners.size() < waiting) listeners.push_back(std::make_unique<Listener>());
    std::vector<size_t> left;
    for (auto& listener : listeners) {
      listener->on_ready = [&](Ready) {
        left.push_back(loop->left());
        loop->Spend(1000);
        left.push_back(loop->left());
      };
      loop->Soon(*listener, {});
    }
    Turn();
    ASSERT_EQ(left.size(), 2 * waiting);
    for (size_t i = 0; i < left.size(); i += 2) {
      EXPECT_EQ(left[i], share);
      EXPECT_EQ(left[i + 1], share - 1000);
    }
  }
}

TEST_F(LoopShareTest, NothingIsLeftOfAShareThatIsSpent) {
  Listener listener([&](Ready) {
    loop->Spend(loop->left() + 5000);
    EXPECT_EQ(loop->left(), 0U);
  });
  loop->Soon(listener, {});
  Turn();
  EXPECT_EQ(loop->turn_counts().budget_hits.Get(), 1U);
  EXPECT_GT(loop->left(), 0U);
}

TEST_F(LoopShareTest, WhoHasSpentItsShareIsBehindAllThatHaveNot) {
  Add('A', kHeavy);
  Add('b', 10);
  Add('C', kHeavy);
  Add('d', 10);
  EXPECT_EQ(TurnOrder(), "AbCd") << "nobody is in debt yet";
  for (int turn = 0; turn < 3; ++turn) {
    const std::string next = TurnOrder();
    ASSERT_EQ(next.size(), 4U);
    EXPECT_EQ(next.substr(2), "AC");
  }
}

TEST_F(LoopShareTest, NobodyInDebtDelaysALightStreamMoreThanOnce) {
  step = milliseconds(1);  // more than the slice for those in debt
  for (const char name : {'A', 'B', 'C', 'D', 'E'}) Add(name, kHeavy);
  TurnOrder();
  Add('f', 10);
  std::string heavy;
  for (int turn = 0; turn < 5; ++turn) {
    const std::string next = TurnOrder();
    ASSERT_EQ(next.size(), 2U) << "the light one, and one of the others";
    EXPECT_EQ(next[0], 'f');
    heavy += next[1];
  }
  EXPECT_EQ(heavy, "ABCDE") << "the others take turns";
}

TEST_F(LoopShareTest, ADebtIsForgottenAfterAWhile) {
  Stream& stream = Add('A', kHeavy);
  TurnOrder();
  stream.listener.on_ready = [&](Ready) { order += 'A'; };
  Add('b', 10);
  EXPECT_EQ(TurnOrder(), "bA");
  clock.Advance(Debts::kMemory);
  TurnOrder();
  EXPECT_EQ(TurnOrder(), "Ab");
}

TEST_F(LoopShareTest, CallsOfHandlersInDebtAreKeptForTheTurnThatTheyGet) {
  step = milliseconds(1);
  std::vector<std::unique_ptr<Listener>> listeners;
  for (const char name : {'A', 'B', 'C'}) {
    listeners.push_back(std::make_unique<Listener>([this, name](Ready ready) {
      order += name;
      order += ready.readable ? 'r' : '-';
      order += ready.writable ? 'w' : '-';
      loop->Spend(kHeavy);
      clock.Advance(step);
    }));
    loop->Soon(*listeners.back(), {.readable = true, .tag = 1});
  }
  EXPECT_EQ(TurnOrder(), "Ar-Br-Cr-");
  for (const auto& listener : listeners) loop->Soon(*listener, {.readable = true, .tag = 1});
  EXPECT_EQ(TurnOrder(), "Ar-");
  loop->Soon(*listeners[2], {.writable = true, .tag = 1});
  order.clear();
  loop->RunOnce(seconds(20));  // does not wait
  EXPECT_EQ(order, "Br-");
  loop->CancelSoon(*listeners[0], 1);
  EXPECT_EQ(TurnOrder(), "Crw");
  EXPECT_EQ(TurnOrder(), "");
}

TEST_F(LoopShareTest, WhatWaitsForADebtMayBeTakenBackInItsTurn) {
  Stream& first = Add('A', kHeavy);
  Stream& second = Add('B', kHeavy);
  TurnOrder();
  loop->Soon(second.listener, {.tag = 5});
  first.listener.on_ready = [&](Ready) {
    loop->Remove(second.pair.fds[0], second.pair.target);
    loop->CancelSoon(second.listener, 5);
  };
  EXPECT_EQ(TurnOrder(), "");
  EXPECT_EQ(second.listener.heard.size(), 1U);
}

TEST_F(LoopShareTest, ADescriptorThatChangesHandsWhileItsEventWaitsIsReportedAgain) {
  Stream& first = Add('A', kHeavy);
  Stream& second = Add('B', kHeavy);
  TurnOrder();
  Listener heir;
  first.listener.on_ready = [&](Ready) { second.pair.target = Target(heir, 3); };
  EXPECT_EQ(TurnOrder(), "");
  EXPECT_TRUE(heir.heard.empty());
  Turn();
  ASSERT_EQ(heir.heard.size(), 1U);
  EXPECT_EQ(heir.heard[0].tag, 3);
  EXPECT_EQ(second.listener.heard.size(), 1U);
}

TEST_F(LoopShareTest, AHandlerThatRetiresLeavesNoDebtToTheNextAtItsAddress) {
  alignas(Listener) std::byte place[sizeof(Listener) + 64];
  struct InPlace final : IoHandler {
    InPlace(Loop& in, std::string& calls) : loop(in), order(calls) {}
    void OnReady(Ready) override {
      order += 'A';
      loop.Spend(kHeavy);
    }
    static void operator delete(void*) {}  // its memory is the test's
    Loop& loop;
    std::string& order;
  };
  static_assert(sizeof(InPlace) <= sizeof place);
  auto* first = new (place) InPlace(*loop, order);
  loop->Soon(*first, {});
  TurnOrder();
  loop->Retire(std::unique_ptr<IoHandler>(first));
  TurnOrder();
  auto* next = new (place) InPlace(*loop, order);
  Listener light([this](Ready) { order += 'b'; });
  loop->Soon(*next, {});
  loop->Soon(light, {});
  EXPECT_EQ(TurnOrder(), "Ab");
  next->~InPlace();
}

TEST_F(LoopShareTest, AHandlerInDebtThatRetiresGetsNothingThatWaits) {
  int calls = 0;
  Listener* victim = nullptr;
  Stream& first = Add('A', kHeavy);
  TurnOrder();
  victim = new Listener([&](Ready) {
    ++calls;
    loop->Spend(kHeavy);
    clock.Advance(milliseconds(1));  // the other one has no turn
  });
  for (int turn = 0; turn < 2; ++turn) {
    loop->Soon(*victim, {});
    TurnOrder();
  }
  first.listener.on_ready = [&](Ready) {
    if (victim != nullptr) loop->Retire(std::unique_ptr<IoHandler>(std::exchange(victim, nullptr)));
  };
  loop->Soon(*victim, {.tag = 1});
  TurnOrder();
  TurnOrder();
  EXPECT_EQ(calls, 2);
}

TEST_F(LoopShareTest, ManyInDebtDoNotKeepOthersOutOfTheBatch) {
  constexpr size_t kMany = 300;  // more than are asked for at once while nobody is in debt
  for (size_t i = 0; i < kMany; ++i) Add('A', kHeavy);
  TurnOrder();
  TurnOrder();
  step = milliseconds(1);
  Add('b', 10);
  for (int turn = 0; turn < 3; ++turn) EXPECT_EQ(TurnOrder(), "bA");
}

// Eight are fired between two looks at the clock.
TEST_F(LoopShareTest, TimersThatAreDueTogetherFireInSeveralTurnsBehindWhatIsReady) {
  std::vector<std::unique_ptr<Timer>> timers;
  Listener listener([&](Ready) {
    order += 't';
    clock.Advance(milliseconds(1));
  });
  for (int i = 0; i < 20; ++i) {
    timers.push_back(std::make_unique<Timer>(listener));
    loop->Arm(*timers.back(), milliseconds(5));
  }
  Add('s', 10);
  clock.Advance(milliseconds(10));
  timers[9]->Cancel();  // one of those that are left
  EXPECT_EQ(TurnOrder(), "s" + std::string(8, 't'));
  EXPECT_TRUE(timers[8]->armed());
  timers[8]->Cancel();
  EXPECT_EQ(TurnOrder(), "s" + std::string(8, 't'));
  EXPECT_EQ(TurnOrder(), "stt");
  EXPECT_EQ(TurnOrder(), "s");
}

TEST_F(LoopShareTest, PostedTasksThatTakeLongRunInSeveralTurnsInOrder) {
  for (const char name : {'1', '2', '3'}) {
    loop->Post([this, name] {
      order += name;
      clock.Advance(milliseconds(1));
    });
  }
  Listener listener([&](Ready) {
    order += 's';
    loop->Soon(listener, {});
  });
  loop->Soon(listener, {});
  EXPECT_EQ(TurnOrder(), "s1");
  loop->Post([this] { order += '4'; });
  loop->CancelSoon(listener, 0);
  order.clear();
  loop->RunOnce(seconds(20));  // does not wait
  EXPECT_EQ(order, "2");
  EXPECT_EQ(TurnOrder(), "3");
  EXPECT_EQ(TurnOrder(), "4");
}

TEST_F(LoopShareTest, TurnsAreTimedFromTheEndOfTheWait) {
  const TurnCounts& counts = loop->turn_counts();
  Listener listener([&](Ready) { clock.Advance(milliseconds(3)); });
  loop->Soon(listener, {});
  Turn();
  EXPECT_EQ(counts.nanoseconds.Get(), 3'000'000U);
  const auto bucket = std::ranges::lower_bound(TurnCounts::kBounds, 3000) - TurnCounts::kBounds.begin();
  EXPECT_EQ(counts.buckets[static_cast<size_t>(bucket)].Get(), 1U);
}

TEST_F(LoopShareTest, ATurnThatTakesLongIsReported) {
  Listener watcher;
  loop->WatchTurns(&watcher, milliseconds(100));
  Listener listener([&](Ready) { clock.Advance(step); });
  for (const auto& [took, reports] : {std::pair{100, 0U}, {101, 1U}}) {
    step = milliseconds(took);
    loop->Soon(listener, {});
    Turn();
    loop->RunOnce(seconds(reports == 0 ? 0 : 20));  // does not wait
    EXPECT_EQ(watcher.heard.size(), reports) << took;
  }
  EXPECT_EQ(loop->last_turn(), milliseconds(0));
  loop->WatchTurns(nullptr, milliseconds(100));
  loop->Soon(listener, {});
  Turn();
  Turn();
  EXPECT_EQ(watcher.heard.size(), 1U);
}

}  // namespace
}  // namespace hawser::event
