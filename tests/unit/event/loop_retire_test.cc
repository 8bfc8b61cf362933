// A handler that has retired is never called, and lives to the end of its turn.
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/event/loop.h"
#include "tests/unit/event/loop_fixture.h"

namespace hawser::event {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A handler with everything that can be pending for it: a ready descriptor, a due timer, calls for this turn
// and for the next. After it has retired, in any of these calls, it is never called again.
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

// More calls than are searched one by one: of a hundred handlers with two calls each, those that retire and
// those whose call is cancelled get no call, the others get each call once.
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

TEST_F(LoopTest, AHandlerAtTheAddressOfARetiredOneIsCalled) {
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
TEST_F(LoopTest, ASecondRetirementEndsTheProcess) {
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
  for (const int more : {3, 30}) {  // more than are searched one by one, too
    int destroyed = 0;
    loop->Retire(std::make_unique<Chain>(*loop, more, destroyed));
    loop->RunOnce(seconds(20));  // does not wait
    EXPECT_EQ(destroyed, more + 1);
  }
}

}  // namespace
}  // namespace hawser::event
