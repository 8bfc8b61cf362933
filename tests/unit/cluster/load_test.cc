// The word that holds three counts.
#include "proxy/cluster/load.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace hawser::cluster {
namespace {

TEST(OpenCount, NoKindRunsIntoAnother) {
  OpenCount count;
  constexpr int kMany = 100'000;
  for (int i = 0; i < kMany; ++i) {
    count.Add(Work::kHandshake);
    count.Add(Work::kRequest);
    count.Add(Work::kTunnel);
  }
  EXPECT_EQ(count.now().requests, kMany);
  EXPECT_EQ(count.now().handshakes, kMany);
  EXPECT_EQ(count.now().tunnels, kMany);
  EXPECT_EQ(count.now().all(), 3 * kMany);
  for (int i = 0; i < kMany; ++i) count.MakeTunnel();
  EXPECT_EQ(count.now().handshakes, 0);
  EXPECT_EQ(count.now().tunnels, 2 * kMany);
}

TEST(OpenCount, TellsWhoAddsWhatIsOpenThen) {
  OpenCount count;
  EXPECT_EQ(count.Add(Work::kHandshake).handshakes, 1);
  EXPECT_EQ(count.Add(Work::kRequest).all(), 2);
  count.Remove(Work::kHandshake);
  EXPECT_EQ(count.now().all(), 1);
}

// A limit that each keeps by what it is told is never passed, whatever becomes a tunnel meanwhile.
TEST(OpenCount, ALimitOnASumHoldsAmongThreads) {
  constexpr int64_t kLimit = 5;
  OpenCount count;
  std::atomic<int64_t> inside = 0;
  std::atomic<int64_t> most = 0;
  const auto work = [&] {
    for (int i = 0; i < 20'000; ++i) {
      const Open open = count.Add(Work::kHandshake);
      if (open.handshakes + open.tunnels > kLimit) {
        count.Remove(Work::kHandshake);
        continue;
      }
      const int64_t now = ++inside;
      int64_t seen = most;
      while (now > seen && !most.compare_exchange_weak(seen, now)) {
      }
      count.MakeTunnel();
      --inside;
      count.Remove(Work::kTunnel);
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(most, kLimit);
  EXPECT_GT(most, 0);
  EXPECT_EQ(count.now().all(), 0);
}

TEST(RetryLease, CountsUntilItEnds) {
  Load load;
  {
    RetryLease lease(load);
    RetryLease moved(std::move(lease));
    EXPECT_EQ(load.retries(), 1);
  }
  EXPECT_EQ(load.retries(), 0);
}

}  // namespace
}  // namespace hawser::cluster
