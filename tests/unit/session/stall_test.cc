// When a peer counts as one that takes nothing.
#include "proxy/session/stall.h"

#include "gtest/gtest.h"

namespace hawser::session {
namespace {

constexpr base::Duration kLimit{1000};

base::TimePoint At(int64_t millis) {
  return base::TimePoint(base::Duration(millis));
}

TEST(Stall, IsFoundOnceTheLimitIsOver) {
  Stall stall;
  EXPECT_FALSE(stall.watched());
  stall.Watch(At(5000), 7);
  EXPECT_TRUE(stall.watched());
  EXPECT_FALSE(stall.Check(At(5999), 7, kLimit));
  EXPECT_TRUE(stall.Check(At(6000), 7, kLimit));
  stall.End();
  EXPECT_FALSE(stall.watched());
}

TEST(Stall, BeginsAnewWhenBytesAreTaken) {
  Stall stall;
  stall.Watch(At(0), 7);
  EXPECT_FALSE(stall.Check(At(900), 8, kLimit)) << "by the kernel's account";
  EXPECT_FALSE(stall.Check(At(1899), 8, kLimit));
  stall.Moved();
  EXPECT_FALSE(stall.Check(At(1900), 8, kLimit)) << "by the stream's own";
  EXPECT_FALSE(stall.Check(At(2899), 8, kLimit));
  EXPECT_TRUE(stall.Check(At(2900), 8, kLimit));
}

TEST(Stall, IsCheckedAFewTimesPerLimitAndWhenItIsOver) {
  Stall stall;
  stall.Watch(At(0), 7);
  EXPECT_EQ(stall.NextCheck(At(0), kLimit), At(250));
  EXPECT_EQ(stall.NextCheck(At(800), kLimit), At(1000));
  EXPECT_EQ(stall.NextCheck(At(2000), kLimit), At(2000));
  stall.Watch(At(0), 7);
  EXPECT_EQ(stall.NextCheck(At(0), base::Duration(1)), At(1)) << "the wheel's resolution";
}

TEST(Stall, CountsAcrossTheEndOfItsClock) {
  constexpr int64_t kWrap = int64_t{1} << 30;
  for (const int64_t start : {kWrap - 500, kWrap, 3 * kWrap - 1}) {
    Stall stall;
    stall.Watch(At(start), 0);
    EXPECT_FALSE(stall.Check(At(start + 999), 0, kLimit));
    EXPECT_TRUE(stall.Check(At(start + 1000), 0, kLimit));
  }
}

TEST(Stall, FitsIntoEightBytes) {
  EXPECT_LE(sizeof(Stall), 8U);
}

}  // namespace
}  // namespace hawser::session
