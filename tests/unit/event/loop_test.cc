#include "proxy/event/loop.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace hawser::event {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Listener final : IoHandler {
  explicit Listener(std::function<void(Ready)> what = {}) : on_ready(std::move(what)) {}
  void OnReady(Ready ready) override {
    heard.push_back(ready);
    if (on_ready) on_ready(ready);
  }
  std::function<void(Ready)> on_ready;
  std::vector<Ready> heard;
};

struct Pair {
  Pair() { EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0); }
  ~Pair() {
    for (const int fd : fds) {
      if (fd >= 0) close(fd);
    }
  }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;
  void Say() const { EXPECT_EQ(write(fds[1], "x", 1), 1); }
  int fds[2];
  Target target;
};

class LoopTest : public testing::Test {
 protected:
  void Turn() { loop->RunOnce(milliseconds(0)); }
  void Watch(Pair& pair, Listener& listener, uint8_t tag = 0, Interest interest = {.read = true}) {
    pair.target = Target(listener, tag);
    ASSERT_TRUE(loop->Add(pair.fds[0], pair.target, interest).ok());
  }
  std::unique_ptr<Loop> loop = std::move(Loop::Create()).value();
};

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

TEST_F(LoopTest, SoonTwiceUnderOneTagIsOneCallWithBothWishes) {
  Listener listener;
  loop->Soon(listener, {.readable = true, .tag = 1});
  loop->Soon(listener, {.tag = 2});
  loop->Soon(listener, {.writable = true, .tag = 1});
  Turn();
  ASSERT_EQ(listener.heard.size(), 2U);
  EXPECT_TRUE(listener.heard[0].readable && listener.heard[0].writable);
  EXPECT_EQ(listener.heard[1].tag, 2);
}

// A handler with all that can be pending for it: a descriptor that is ready, a timer that is due, calls for this turn and
// for the next. Once it has retired, by whichever of them, it hears nothing more.
class Retiring final : public IoHandler {
 public:
  Retiring(Loop& loop, int& calls, bool& destroyed)
      : loop_(loop), calls_(calls), destroyed_(destroyed), timer_(*this, 1) {
    pair_.target = Target(*this, 2);
    EXPECT_TRUE(loop_.Add(pair_.fds[0], pair_.target, {.read = true}).ok());
  }
  ~Retiring() override { destroyed_ = true; }
  void OnReady(Ready) override {
    ++calls_;
    Retire();
  }
  void Expect(bool event, bool timer, bool soon) {
    if (event) pair_.Say();
    if (timer) loop_.Arm(timer_, milliseconds(0));
    for (const uint8_t tag : {3, 4}) {
      if (soon) loop_.Soon(*this, {.readable = true, .tag = tag});
    }
  }
  void Retire() {
    loop_.Arm(timer_, milliseconds(0));
    loop_.Soon(*this, {.tag = 5});
    loop_.Retire(std::unique_ptr<IoHandler>(this));
    loop_.Soon(*this, {.tag = 6});
    loop_.Arm(timer_, milliseconds(0));
  }

 private:
  Loop& loop_;
  int& calls_;
  bool& destroyed_;
  Timer timer_;
  Pair pair_;
};

TEST_F(LoopTest, ARetiredHandlerIsNeverCalledWhateverIsPending) {
  for (int pending = 1; pending < 8; ++pending) {
    int calls = 0;
    bool destroyed = false;
    auto* handler = new Retiring(*loop, calls, destroyed);
    handler->Expect((pending & 1) != 0, (pending & 2) != 0, (pending & 4) != 0);
    Turn();
    EXPECT_EQ(calls, 1) << pending;
    EXPECT_TRUE(destroyed) << pending;
    Turn();
    EXPECT_EQ(calls, 1) << pending;
  }
}

TEST_F(LoopTest, AHandlerRetiredByAnotherIsNotCalledInThatTurn) {
  for (const bool by_event : {true, false}) {
    int calls = 0;
    bool destroyed = false;
    Retiring* victim = nullptr;
    Pair pair;
    Listener killer([&](Ready) {
      if (victim != nullptr) std::exchange(victim, nullptr)->Retire();
      if (by_event) loop->Remove(pair.fds[0], pair.target);
    });
    Watch(pair, killer);
    victim = new Retiring(*loop, calls, destroyed);  // registered behind the killer: its event comes later
    by_event ? pair.Say() : loop->Soon(killer, {});
    victim->Expect(true, true, true);
    if (by_event) loop->CancelSoon(*victim, 3), loop->CancelSoon(*victim, 4);
    Turn();
    EXPECT_EQ(calls, 0) << by_event;
    EXPECT_TRUE(destroyed) << by_event;
    Turn();
    EXPECT_EQ(calls, 0) << by_event;
  }
}

// More than are searched one by one: of a hundred handlers with two calls each, those that retire and those whose call is
// taken back hear nothing, the others everything, once.
TEST_F(LoopTest, ManyCallsAndManyRetirementsInOneTurn) {
  constexpr size_t kHandlers = 100;
  std::vector<std::unique_ptr<Listener>> listeners;
  std::vector<size_t> calls(kHandlers);
  for (size_t i = 0; i < kHandlers; ++i) {
    listeners.push_back(std::make_unique<Listener>([&calls, i](Ready) { ++calls[i]; }));
    for (const uint8_t tag : {1, 2}) loop->Soon(*listeners[i], {.readable = true, .tag = tag});
    loop->Soon(*listeners[i], {.writable = true, .tag = 1});
  }
  for (size_t i = 0; i < kHandlers; ++i) {
    if (i % 3 == 1) loop->CancelSoon(*listeners[i], 2);
    if (i % 3 == 2) loop->Retire(std::move(listeners[i]));
  }
  Turn();
  for (size_t i = 0; i < kHandlers; ++i) EXPECT_EQ(calls[i], 2 - i % 3) << i;
  Turn();
  for (size_t i = 0; i < kHandlers; ++i) EXPECT_EQ(calls[i], 2 - i % 3) << i;
}

TEST_F(LoopTest, OneThatIsMadeWhereARetiredOneStoodIsCalled) {
  alignas(Listener) std::byte place[sizeof(Listener)];
  struct InPlace final : IoHandler {
    explicit InPlace(int& count) : calls(count) {}
    void OnReady(Ready) override { ++calls; }
    static void operator delete(void*) {}  // its memory is the test's
    int& calls;
  };
  static_assert(sizeof(InPlace) <= sizeof place);
  int calls = 0;
  loop->Retire(std::unique_ptr<IoHandler>(new (place) InPlace(calls)));
  Turn();
  auto* next = new (place) InPlace(calls);
  loop->Soon(*next, {});
  Turn();
  EXPECT_EQ(calls, 1);
  next->~InPlace();
}

#ifndef NDEBUG
TEST_F(LoopTest, ASecondRetirementIsAFault) {
  EXPECT_DEATH(
      {
        auto* handler = new Listener;
        loop->Retire(std::unique_ptr<IoHandler>(handler));
        loop->Retire(std::unique_ptr<IoHandler>(handler));
      },
      "HAWSER_DCHECK");
}
#endif

TEST_F(LoopTest, RetiredHandlersLiveToTheEndOfTheTurn) {
  struct Dying final : IoHandler {
    explicit Dying(bool& flag) : dead(flag) {}
    ~Dying() override { dead = true; }
    void OnReady(Ready) override {}
    bool& dead;
  };
  bool dead = false;
  bool alive_behind_retire = false;
  Listener listener([&](Ready) {
    loop->Retire(std::make_unique<Dying>(dead));
    alive_behind_retire = !dead;
  });
  loop->Soon(listener, {});
  Turn();
  EXPECT_TRUE(alive_behind_retire);
  EXPECT_TRUE(dead);
}

TEST_F(LoopTest, ADestructorMayRetireMore) {
  struct Chain final : IoHandler {
    Chain(Loop& l, int left, int& destroyed) : loop(l), more(left), count(destroyed) {}
    ~Chain() override {
      ++count;
      if (more > 0) loop.Retire(std::make_unique<Chain>(loop, more - 1, count));
    }
    void OnReady(Ready) override {}
    Loop& loop;
    int more;
    int& count;
  };
  int destroyed = 0;
  loop->Retire(std::make_unique<Chain>(*loop, 3, destroyed));
  loop->RunOnce(seconds(20));  // does not wait
  EXPECT_EQ(destroyed, 4);
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

// A wake-up that is lost leaves the loop asleep with tasks waiting, however much more is posted.
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
