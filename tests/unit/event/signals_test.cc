#include "proxy/event/signals.h"

#include <csignal>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/fakes/in_turn.h"

namespace hawser::event {
namespace {

TEST(Signals, ArriveAsEventsOnTheLoop) {
  auto loop = std::move(Loop::Create()).value();
  std::vector<int> seen;
  auto signals = Signals::Watch(*loop, {SIGUSR1, SIGUSR2}, [&](int number) { seen.push_back(number); });
  ASSERT_TRUE(signals.ok());
  kill(getpid(), SIGUSR2);
  loop->RunOnce(std::chrono::seconds(20));
  EXPECT_EQ(seen, std::vector<int>{SIGUSR2});
  raise(SIGUSR1);
  loop->RunOnce(std::chrono::seconds(20));
  EXPECT_EQ(seen, (std::vector<int>{SIGUSR2, SIGUSR1}));
}

TEST(Signals, NoneIsToldOnceTheWatchHasEndedInTheSameTurn) {
  auto loop = std::move(Loop::Create()).value();
  int told = 0;
  auto signals = Signals::Watch(*loop, {SIGUSR1}, [&](int) { ++told; });
  ASSERT_TRUE(signals.ok());
  fakes::InTurn turn(*loop);
  turn.First([&] { signals->reset(); });
  raise(SIGUSR1);
  loop->RunOnce(std::chrono::milliseconds(0));
  loop->RunOnce(std::chrono::milliseconds(0));
  EXPECT_EQ(told, 0);
}

TEST(Signals, AreBlockedOnlyWhileSomebodyListens) {
  const auto blocked = [] {
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    return sigismember(&mask, SIGUSR1) == 1;
  };
  auto loop = std::move(Loop::Create()).value();
  EXPECT_FALSE(blocked());
  auto signals = Signals::Watch(*loop, {SIGUSR1}, [](int) {});
  ASSERT_TRUE(signals.ok());
  EXPECT_TRUE(blocked());
  raise(SIGUSR1);  // is not read any more, and must not end the test
  signals->reset();
  EXPECT_FALSE(blocked());
}

}  // namespace
}  // namespace hawser::event
