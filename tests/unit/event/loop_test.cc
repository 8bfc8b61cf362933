#include "proxy/event/loop.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/fakes/stepped_clock.h"
#include "tests/unit/event/loop_fixture.h"

namespace hawser::event {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(LoopTest, TellsWhatIsReadyUnderItsTag) {
  Pair pair;
  Listener listener;
  Watch(pair, listener, 7);
  Turn();
  EXPECT_TRUE(listener.heard.empty());
  pair.Say();
  Turn();
  ASSERT_EQ(listener.heard.size(), 1U);
  EXPECT_TRUE(listener.heard[0].readable);
  EXPECT_FALSE(listener.heard[0].writable || listener.heard[0].timer);
  EXPECT_EQ(listener.heard[0].tag, 7);
  Turn();
  EXPECT_EQ(listener.heard.size(), 2U) << "level-triggered";
}

TEST_F(LoopTest, ModifyChangesWhatIsHeard) {
  Pair pair;
  Listener listener;
  Watch(pair, listener);
  pair.Say();
  pair.target = Target(listener, 3);
  loop->Modify(pair.fds[0], pair.target, {.write = true});
  Turn();
  ASSERT_EQ(listener.heard.size(), 1U);
  EXPECT_TRUE(listener.heard[0].writable);
  EXPECT_FALSE(listener.heard[0].readable);
  EXPECT_EQ(listener.heard[0].tag, 3);
}

TEST_F(LoopTest, ATargetThatIsSetAnewHearsFromThenOn) {
  Pair pair;
  Listener first, second;
  Watch(pair, first);
  pair.Say();
  pair.target = Target(second, 5);
  Turn();
  EXPECT_TRUE(first.heard.empty());
  ASSERT_EQ(second.heard.size(), 1U);
  EXPECT_EQ(second.heard[0].tag, 5);
}

TEST_F(LoopTest, AHangUpIsReadable) {
  Pair pair;
  Listener listener;
  Watch(pair, listener);
  close(std::exchange(pair.fds[1], -1));
  Turn();
  ASSERT_EQ(listener.heard.size(), 1U);
  EXPECT_TRUE(listener.heard[0].readable);
}

TEST_F(LoopTest, AddingABadDescriptorIsAnError) {
  Listener listener;
  Target target(listener, 0);
  EXPECT_FALSE(loop->Add(-1, target, {.read = true}).ok());
}

TEST_F(LoopTest, NoEventOfTheSameBatchFollowsARemove) {
  Pair one, two;
  Listener first, second;
  first.on_ready = [&](Ready) { loop->Remove(two.fds[0], two.target); };
  second.on_ready = [&](Ready) { loop->Remove(one.fds[0], one.target); };
  Watch(one, first);
  Watch(two, second);
  one.Say();
  two.Say();
  Turn();
  EXPECT_EQ(first.heard.size() + second.heard.size(), 1U);
}

TEST_F(LoopTest, ForgetTakesBackOnlyWhatItsTargetHasSeen) {
  Pair one, two, three;
  Listener first, both;
  bool done = false;
  first.on_ready = [&](Ready) {
    if (!std::exchange(done, true)) loop->Forget(two.target);
  };
  Watch(one, first);
  Watch(two, both, 1);
  Watch(three, both, 2);
  for (const Pair* pair : {&one, &two, &three}) pair->Say();
  Turn();
  ASSERT_EQ(both.heard.size(), 1U);
  EXPECT_EQ(both.heard[0].tag, 2);
  Turn();
  EXPECT_EQ(both.heard.size(), 3U) << "a registration outlives Forget";
}

TEST_F(LoopTest, WhatRunsSoonMayRemoveADescriptorWhoseEventHasCome) {
  Pair pair;
  Listener victim;
  Listener soon([&](Ready) { loop->Remove(pair.fds[0], pair.target); });
  Watch(pair, victim);
  pair.Say();
  loop->Soon(soon, {.readable = true});
  Turn();
  EXPECT_EQ(soon.heard.size(), 1U);
  EXPECT_TRUE(victim.heard.empty());
}

TEST_F(LoopTest, SoonCallsInTheNextTurnWithoutWaiting) {
  Listener listener;
  int calls = 0;
  listener.on_ready = [&](Ready) {
    if (++calls == 1) loop->Soon(listener, {.writable = true, .tag = 2});
  };
  loop->Soon(listener, {.readable = true, .tag = 1});
  const auto before = base::SteadyNow();
  loop->RunOnce(seconds(20));
  ASSERT_EQ(listener.heard.size(), 1U);
  EXPECT_EQ(listener.heard[0].tag, 1);
  EXPECT_TRUE(listener.heard[0].readable);
  loop->RunOnce(seconds(20));
  ASSERT_EQ(listener.heard.size(), 2U);
  EXPECT_EQ(listener.heard[1].tag, 2);
  EXPECT_TRUE(listener.heard[1].writable);
  EXPECT_LT(base::SteadyNow() - before, seconds(10));
}

TEST_F(LoopTest, CancelSoonTakesBackWhatWasToRunSoon) {
  Listener later, victim;
  Listener first([&](Ready) { loop->CancelSoon(victim, 4); });
  loop->Soon(victim, {.readable = true, .tag = 3});
  loop->CancelSoon(victim, 3);
  loop->Soon(first, {.readable = true});
  loop->Soon(victim, {.readable = true, .tag = 4});  // in the same batch, behind the one that forgets it
  loop->Soon(later, {.readable = true});
  Turn();
  EXPECT_TRUE(victim.heard.empty());
  EXPECT_EQ(later.heard.size(), 1U);
}

TEST_F(LoopTest, SoonTwiceUnderOneTagIsOneCallWithBothEvents) {
  Listener listener;
  loop->Soon(listener, {.readable = true, .tag = 1});
  loop->Soon(listener, {.tag = 2});
  loop->Soon(listener, {.writable = true, .tag = 1});
  Turn();
  ASSERT_EQ(listener.heard.size(), 2U);
  EXPECT_TRUE(listener.heard[0].readable && listener.heard[0].writable);
  EXPECT_EQ(listener.heard[1].tag, 2);
}

TEST_F(LoopTest, TimersFireFromTheLoop) {
  Listener listener;
  Timer timer(listener, 6);
  const auto start = base::SteadyNow();
  Turn();
  loop->Arm(timer, milliseconds(20));
  while (listener.heard.empty()) loop->RunOnce(milliseconds(-1));
  EXPECT_GE(base::SteadyNow() - start, milliseconds(20));
  EXPECT_TRUE(listener.heard[0].timer);
  EXPECT_EQ(listener.heard[0].tag, 6);
}

TEST_F(LoopTest, TimeIsWhatTheGivenClockSays) {
  fakes::SteppedClock clock;
  loop = std::move(Loop::Create(clock.reader())).value();
  Listener listener;
  Timer timer(listener, 6);
  loop->Arm(timer, hours(1));
  clock.Advance(hours(1) - milliseconds(1));
  Turn();
  EXPECT_TRUE(listener.heard.empty());
  clock.Advance(milliseconds(2));  // a timer is up to one tick late
  EXPECT_LT(loop->now(), loop->ReadClock());
  Turn();
  EXPECT_EQ(loop->now(), loop->ReadClock());
  EXPECT_EQ(listener.heard.size(), 1U);
}

TEST_F(LoopTest, ATimerArmedByAHandlerWithoutADelayFiresInTheSameTurn) {
  Listener on_time;
  Timer timer(on_time);
  Pair pair;
  Listener listener([&](Ready) { loop->Arm(timer, milliseconds(0)); });
  Watch(pair, listener);
  pair.Say();
  Turn();
  EXPECT_EQ(on_time.heard.size(), 1U);
}

TEST_F(LoopTest, TheClockStandsStillWithinATurnAndTurnsAreCounted) {
  base::TimePoint first, second;
  Listener one([&](Ready) {
    first = loop->now();
    while (base::SteadyNow() == first) {
    }
  });
  Listener two([&](Ready) { second = loop->now(); });
  loop->Soon(one, {});
  loop->Soon(two, {});
  const uint64_t turn = loop->turn();
  Turn();
  EXPECT_EQ(first, second);
  EXPECT_EQ(loop->turn(), turn + 1);
  Turn();
  EXPECT_GT(loop->now(), first);
}

TEST_F(LoopTest, ScratchAreasDoNotOverlap) {
  EXPECT_EQ(loop->scratch().size(), Loop::kScratchBytes);
  EXPECT_EQ(loop->scratch().data() + Loop::kScratchBytes, loop->wire_in().data());
  EXPECT_EQ(loop->wire_in().data() + Loop::kScratchBytes, loop->wire_out().data());
  loop->wire_out().back() = std::byte{1};
}

TEST_F(LoopTest, APostFromAnotherThreadWakesTheLoopAndRunsOnItsThread) {
  std::thread::id ran_on;
  std::thread other([&] {
    loop->Post([&] {
      ran_on = std::this_thread::get_id();
      loop->Stop();
    });
  });
  loop->Run();
  other.join();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST_F(LoopTest, PostsRunInOrderAndMayPostMore) {
  std::vector<int> order;
  loop->Post([&] {
    order.push_back(1);
    loop->Post([&] { order.push_back(3); });
  });
  loop->Post([&] { order.push_back(2); });
  loop->RunOnce(seconds(20));
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  loop->RunOnce(seconds(20));
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST_F(LoopTest, AWakeUpIsConsumed) {
  loop->Post([] {});
  loop->RunOnce(seconds(20));
  // Tasks may be found before their wake-up is: one more turn may end at once, never two.
  loop->RunOnce(milliseconds(1));
  const auto before = base::SteadyNow();
  loop->RunOnce(milliseconds(30));
  EXPECT_GE(base::SteadyNow() - before, milliseconds(29));
}

// After a lost wake-up the loop would sleep with tasks waiting, however many more are posted.
TEST_F(LoopTest, NoWakeUpIsLostUnderContention) {
  constexpr int kThreads = 3;
  constexpr int kPosts = 300000;
  int ran = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int post = 0; post < kPosts; ++post) loop->Post([&ran] { ++ran; });
    });
  }
  base::TimePoint::duration longest{};
  while (ran < kThreads * kPosts) {
    const auto before = base::SteadyNow();
    loop->RunOnce(seconds(10));
    longest = std::max(longest, base::SteadyNow() - before);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_LT(longest, seconds(9));
}

TEST_F(LoopTest, WhatIsPostedAndNeverRunIsDestroyedWithTheLoop) {
  auto token = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = token;
  loop->Post([held = std::move(token)] {});
  loop.reset();
  EXPECT_TRUE(watch.expired());
}

TEST_F(LoopTest, StopFromAnotherThreadEndsRun) {
  std::thread other([&] { loop->Stop(); });
  loop->Run();
  other.join();
}

TEST_F(LoopTest, MoreDescriptorsThanABatchAreAllHeardOfInTurn) {
  std::vector<std::unique_ptr<Pair>> pairs;
  std::vector<std::unique_ptr<Listener>> listeners;
  for (int i = 0; i < 300; ++i) {
    pairs.push_back(std::make_unique<Pair>());
    listeners.push_back(std::make_unique<Listener>());
    Watch(*pairs.back(), *listeners.back());
    pairs.back()->Say();
  }
  Turn();
  Turn();
  for (const auto& listener : listeners) EXPECT_FALSE(listener->heard.empty());
}

}  // namespace
}  // namespace hawser::event
