#include "proxy/cluster/admission_bucket.h"

#include <atomic>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace hawser::cluster::admission_bucket_test {
namespace {

using namespace std::chrono_literals;

const base::TimePoint kStart = base::TimePoint(1000s);

TEST(AdmissionBucket, StartsFullAndFillsWithTime) {
  AdmissionBucket bucket;
  const AdmissionRate rate = AdmissionRate::Of(10, 3);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.TryTake(kStart, rate)) << i;
  EXPECT_FALSE(bucket.TryTake(kStart, rate));
  EXPECT_FALSE(bucket.TryTake(kStart + 99ms, rate));
  EXPECT_TRUE(bucket.TryTake(kStart + 100ms, rate));
  EXPECT_FALSE(bucket.TryTake(kStart + 100ms, rate));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(bucket.TryTake(kStart + 1h, rate)) << i;
  EXPECT_FALSE(bucket.TryTake(kStart + 1h, rate)) << "it holds no more than its burst";
}

TEST(AdmissionBucket, SaysWhenTheNextTokenIsThere) {
  AdmissionBucket bucket;
  const AdmissionRate rate = AdmissionRate::Of(10, 2);
  EXPECT_TRUE(bucket.HasToken(kStart, rate));
  ASSERT_TRUE(bucket.TryTake(kStart, rate));
  EXPECT_TRUE(bucket.HasToken(kStart, rate));
  ASSERT_TRUE(bucket.TryTake(kStart + 10ms, rate));
  EXPECT_FALSE(bucket.HasToken(kStart + 10ms, rate));
  EXPECT_EQ(bucket.Next(rate), kStart + 100ms) << "counted from the first one that was taken";
  EXPECT_FALSE(bucket.HasToken(bucket.Next(rate) - 1ns, rate));
  EXPECT_TRUE(bucket.HasToken(bucket.Next(rate), rate));
  EXPECT_TRUE(bucket.TryTake(bucket.Next(rate), rate));
}

// An interval that is no whole number of nanoseconds is not a way to more.
TEST(AdmissionBucket, GivesNoMoreThanBurstAndRateTimesTime) {
  AdmissionBucket bucket;
  const AdmissionRate rate = AdmissionRate::Of(7, 5);
  int taken = 0;
  for (auto at = 0ms; at < 60s; at += 1ms) taken += bucket.TryTake(kStart + at, rate) ? 1 : 0;
  EXPECT_LE(taken, 5 + 7 * 60);
  EXPECT_GE(taken, 5 + 7 * 60 - 1);
}

// A worker whose turn is long asks with a time that is past.
TEST(AdmissionBucket, ALateClockGetsNoMore) {
  AdmissionBucket bucket;
  const AdmissionRate rate = AdmissionRate::Of(10, 1);
  ASSERT_TRUE(bucket.TryTake(kStart + 1s, rate));
  EXPECT_FALSE(bucket.TryTake(kStart, rate));
  EXPECT_FALSE(bucket.TryTake(kStart + 1s + 99ms, rate));
  EXPECT_TRUE(bucket.TryTake(kStart + 1s + 100ms, rate));
}

TEST(AdmissionBucket, ANewRateHoldsAtOnce) {
  AdmissionBucket bucket;
  ASSERT_TRUE(bucket.TryTake(kStart, AdmissionRate::Of(1, 1)));
  EXPECT_FALSE(bucket.HasToken(kStart + 500ms, AdmissionRate::Of(1, 1)));
  EXPECT_TRUE(bucket.HasToken(kStart + 500ms, AdmissionRate::Of(100, 100)));
}

TEST(AdmissionBucket, TheSlowestRateDoesNotOverflow) {
  AdmissionBucket bucket;
  const AdmissionRate rate = AdmissionRate::Of(1e-12, 4'000'000'000);
  EXPECT_TRUE(bucket.TryTake(kStart, rate));
  EXPECT_FALSE(bucket.TryTake(kStart + 24h, rate)) << "one token already takes the longest time";
}

TEST(AdmissionBucket, BoundsWhoWaits) {
  AdmissionBucket bucket;
  EXPECT_TRUE(bucket.Enter(2));
  EXPECT_TRUE(bucket.Enter(2));
  EXPECT_FALSE(bucket.Enter(2));
  EXPECT_EQ(bucket.pending(), 2u);
  bucket.Leave();
  EXPECT_TRUE(bucket.Enter(2));
  EXPECT_FALSE(AdmissionBucket().Enter(0)) << "nobody may wait";
}

TEST(AdmissionBucket, WorkersTogetherTakeWhatThereIs) {
  AdmissionBucket bucket;
  const AdmissionRate rate = AdmissionRate::Of(1, 1000);
  std::atomic<int> taken = 0;
  std::atomic<uint32_t> most = 0;
  std::vector<std::thread> workers;
  for (int i = 0; i < 4; ++i) {
    workers.emplace_back([&] {
      for (int n = 0; n < 500; ++n) {
        if (bucket.TryTake(kStart, rate)) ++taken;
        if (!bucket.Enter(3)) continue;
        if (const uint32_t pending = bucket.pending(); pending > most) most = pending;
        bucket.Leave();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(taken, 1000);
  EXPECT_LE(most, 3u);
  EXPECT_EQ(bucket.pending(), 0u);
}

}  // namespace
}  // namespace hawser::cluster::admission_bucket_test
