#include "proxy/edge/token_bucket.h"

#include <limits>

#include "gtest/gtest.h"

namespace hawser::edge::token_bucket_test {
namespace {

using namespace std::chrono_literals;

const base::TimePoint kStart = base::TimePoint(1000s);

int TakeAll(TokenBucket& bucket, base::TimePoint now, double per_second, uint32_t burst, int attempts) {
  int taken = 0;
  for (int i = 0; i < attempts; ++i) taken += bucket.Take(now, per_second, burst) ? 1 : 0;
  return taken;
}

TEST(TokenBucket, HoldsItsBurstAndNoMore) {
  TokenBucket bucket;
  EXPECT_EQ(TakeAll(bucket, kStart, 20, 40, 100), 40);
}

TEST(TokenBucket, GainsTokensAtItsRate) {
  TokenBucket bucket;
  TakeAll(bucket, kStart, 20, 40, 40);
  EXPECT_EQ(TakeAll(bucket, kStart + 49ms, 20, 40, 100), 0);
  EXPECT_EQ(TakeAll(bucket, kStart + 50ms, 20, 40, 100), 1);
  EXPECT_EQ(TakeAll(bucket, kStart + 1050ms, 20, 40, 100), 20);
}

TEST(TokenBucket, FillsNoHigherThanItsBurst) {
  TokenBucket bucket;
  TakeAll(bucket, kStart, 20, 3, 3);
  EXPECT_EQ(TakeAll(bucket, kStart + 1h, 20, 3, 100), 3);
}

TEST(TokenBucket, TellsHowMuchThereIsAndTakesManyAtOnce) {
  TokenBucket bucket;
  EXPECT_EQ(bucket.Available(kStart, 1000, 400), 400U);
  bucket.Spend(kStart, 1000, 150);
  EXPECT_EQ(bucket.Available(kStart, 1000, 400), 250U);
  EXPECT_EQ(bucket.Available(kStart + 100ms, 1000, 400), 350U);
  EXPECT_EQ(bucket.Available(kStart + 1h, 1000, 400), 400U);
}

TEST(TokenBucket, ADebtIsPaidBeforeThereIsMore) {
  TokenBucket bucket;
  bucket.Spend(kStart, 1000, 1400);
  EXPECT_EQ(bucket.Available(kStart, 1000, 400), 0U);
  EXPECT_EQ(bucket.AvailableAt(1000, 400, 1), kStart + 1001ms);
  EXPECT_EQ(bucket.Available(kStart + 1000ms, 1000, 400), 0U);
  EXPECT_EQ(bucket.Available(kStart + 1001ms, 1000, 400), 1U);
  EXPECT_EQ(bucket.AvailableAt(1000, 400, 400), kStart + 1400ms);
}

TEST(TokenBucket, ATokenIsThereAtTheAnnouncedTime) {
  for (const double rate : {1.0 / 3600, 0.3, 3.0, 7.0, 1e6 / 3, 1e9, 7e11}) {
    for (const uint64_t burst : {1U, 7U, 1U << 20}) {
      TokenBucket bucket;
      bucket.Spend(kStart, rate, burst);
      bucket.Spend(kStart + 1ns, rate, 3);
      for (const uint64_t count : {uint64_t{1}, burst}) {
        const base::TimePoint then = bucket.AvailableAt(rate, burst, count);
        EXPECT_GE(bucket.Available(then, rate, burst), count) << rate << " " << burst;
      }
    }
  }
}

TEST(TokenBucket, ADebtBeyondAllMeasureDoesNotOverflow) {
  TokenBucket bucket;
  for (int i = 0; i < 100; ++i) bucket.Spend(kStart, 1.0 / 3600, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(bucket.Available(kStart, 1.0 / 3600, 1), 0U);
  EXPECT_GT(bucket.AvailableAt(1.0 / 3600, 1, 1), kStart);
}

TEST(TokenBucket, ARefusalCostsNothing) {
  TokenBucket bucket;
  TakeAll(bucket, kStart, 1, 1, 1000);
  EXPECT_TRUE(bucket.Take(kStart + 1s, 1, 1));
}

TEST(TokenBucket, IsFullUntilATokenIsTakenAndAgainOnceItIsRegained) {
  TokenBucket bucket;
  EXPECT_TRUE(bucket.Full(kStart));
  TakeAll(bucket, kStart, 2, 10, 2);
  EXPECT_FALSE(bucket.Full(kStart + 999ms));
  EXPECT_TRUE(bucket.Full(kStart + 1s));
}

TEST(TokenBucket, ABurstOfZeroHoldsOneToken) {
  TokenBucket bucket;
  EXPECT_EQ(TakeAll(bucket, kStart, 1, 0, 5), 1);
}

TEST(TokenBucket, AClockThatLagsGivesNoExtraTokens) {
  TokenBucket bucket;
  TakeAll(bucket, kStart, 1, 2, 2);
  EXPECT_FALSE(bucket.Take(kStart - 5s, 1, 2));
}

TEST(TokenBucket, ExtremeLimitsDoNotOverflow) {
  TokenBucket slow;
  EXPECT_TRUE(slow.Take(kStart, 1e-300, std::numeric_limits<uint32_t>::max()));
  EXPECT_FALSE(slow.Take(kStart + 24h, 1e-300, std::numeric_limits<uint32_t>::max()));
  TokenBucket wide;
  EXPECT_EQ(TakeAll(wide, kStart, 5.0 / 3600, std::numeric_limits<uint32_t>::max(), 1000), 1000);
  TokenBucket fast;
  EXPECT_EQ(TakeAll(fast, kStart, 1e300, 1, 1000), 1000);
}

}  // namespace
}  // namespace hawser::edge::token_bucket_test
