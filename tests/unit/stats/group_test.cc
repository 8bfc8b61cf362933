#include "proxy/stats/group.h"

#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace hawser::stats::group_test {
namespace {

TEST(Group, SumsWhatEachWorkerCounts) {
  constexpr size_t kWorkers = 4;
  Group group(kWorkers);
  std::vector<std::thread> threads;
  for (size_t worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&group, worker] {
      for (int i = 0; i < 10'000; ++i) group.Add(worker, PartCount::kRequests);
      for (int i = 0; i < 3; ++i) group.Add(worker, PartCount::kTunnels);
      group.Subtract(worker, PartCount::kTunnels);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(group.Sum(PartCount::kRequests), 40'000U);
  EXPECT_EQ(group.Sum(PartCount::kTunnels), 8U);
  EXPECT_EQ(group.Sum(PartCount::kConnections), 0U);
}

}  // namespace
}  // namespace hawser::stats::group_test
