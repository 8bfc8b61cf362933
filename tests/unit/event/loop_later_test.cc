// Calls at the end of a turn.
#include <chrono>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "proxy/event/loop.h"
#include "tests/unit/event/loop_fixture.h"

namespace hawser::event {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(LoopTest, ALaterCallComesBehindAllThatWasReady) {
  std::string order;
  Listener later([&](Ready ready) {
    EXPECT_FALSE(ready.readable || ready.writable || ready.timer);
    EXPECT_EQ(ready.tag, 3);
    order += 'l';
  });
  Listener timed([&](Ready) { order += 't'; });
  Timer timer(timed);
  Listener soon([&](Ready) {
    order += 's';
    loop->Later(later, 3);
    loop->Arm(timer, milliseconds(0));
    loop->Post([&] { order += 'p'; });
  });
  Pair pair;
  Listener stream([&](Ready) { order += 'e'; });
  Watch(pair, stream);
  pair.Say();
  loop->Post([] {});  // wakes this turn, so that what is posted in it is run
  loop->Soon(soon, {});
  Turn();
  EXPECT_EQ(order, "setpl");
  loop->Remove(pair.fds[0], pair.target);
  Turn();
  EXPECT_EQ(order, "setpl") << "once";
}

TEST_F(LoopTest, ALaterCallBetweenTurnsComesInTheNextWithoutWaiting) {
  Listener listener;
  loop->Later(listener, 1);
  loop->Later(listener, 1);
  loop->Later(listener, 2);
  const auto before = base::SteadyNow();
  loop->RunOnce(seconds(20));
  ASSERT_EQ(listener.heard.size(), 2U) << "one for each tag";
  EXPECT_EQ(listener.heard[0].tag, 1);
  EXPECT_EQ(listener.heard[1].tag, 2);
  EXPECT_LT(base::SteadyNow() - before, seconds(10));
}

TEST_F(LoopTest, ALaterCallAskedForInOneComesInTheNextTurnWithoutWaiting) {
  int calls = 0;
  Listener listener([&](Ready) {
    if (++calls < 3) loop->Later(listener, 0);
  });
  loop->Later(listener, 0);
  const auto before = base::SteadyNow();
  for (int turn = 1; turn <= 3; ++turn) {
    loop->RunOnce(seconds(20));
    EXPECT_EQ(calls, turn);
  }
  EXPECT_LT(base::SteadyNow() - before, seconds(10));
  Turn();
  EXPECT_EQ(calls, 3);
}

TEST_F(LoopTest, ALaterCallMayBeTakenBack) {
  Listener victim, kept;
  Listener first([&](Ready) { loop->CancelLater(victim, 4); });
  loop->Later(victim, 3);
  loop->CancelLater(victim, 3);
  loop->Later(first, 0);
  loop->Later(victim, 4);  // in the same batch
  loop->Later(kept, 4);
  loop->CancelLater(kept, 5);  // under another tag
  Turn();
  EXPECT_TRUE(victim.heard.empty());
  EXPECT_EQ(kept.heard.size(), 1U);
}

TEST_F(LoopTest, ARetiredHandlerGetsNoLaterCall) {
  int calls = 0;
  auto victim = std::make_unique<Listener>([&](Ready) { ++calls; });
  IoHandler& address = *victim;
  Listener first([&](Ready) {
    loop->Later(address, 2);  // for the next turn
    loop->Retire(std::move(victim));
    loop->Later(address, 3);
  });
  loop->Later(first, 0);
  loop->Later(address, 1);
  Turn();
  Turn();
  EXPECT_EQ(calls, 0);
}

TEST_F(LoopTest, ATurnIsBusyWhereStreamsMovedBytesAheadOfTheLaterCalls) {
  bool busy = true;
  Listener later([&](Ready) {
    loop->Spend(1);  // counts for nothing
    busy = loop->busy();
  });
  Listener idle;
  loop->Soon(idle, {});
  loop->Later(later, 0);
  Turn();
  EXPECT_FALSE(busy);
  Listener working([&](Ready) { loop->Spend(1); });
  loop->Soon(working, {});
  loop->Later(later, 0);
  Turn();
  EXPECT_TRUE(busy);
  loop->Later(later, 0);
  Turn();
  EXPECT_FALSE(busy);
}

}  // namespace
}  // namespace hawser::event
