#include "proxy/edge/token_bucket.h"

#include <limits>

#include "gtest/gtest.h"

namespace hawser::edge {
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

TEST(TokenBucket, AClockThatStandsBehindGivesNothingAway) {
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
}  // namespace hawser::edge
