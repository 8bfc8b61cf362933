#include "proxy/event/signals.h"

#include <csignal>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

namespace hawser::event {
namespace {

TEST(Signals, ArriveAsEventsOnTheLoop) {
  BlockSignals({SIGUSR1, SIGUSR2});
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

}  // namespace
}  // namespace hawser::event
