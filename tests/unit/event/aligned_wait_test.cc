#include "proxy/event/aligned_wait.h"

#include <set>

#include "gtest/gtest.h"

namespace hawser::event {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint kNow{1'000'003ms};

TEST(AlignedWait, IsNeverTooShortAndAtMostA64thLonger) {
  for (int64_t wait = 1; wait < 100'000; wait += 7) {
    const base::Duration wanted(wait);
    const base::Duration got = AlignedWait(kNow, kNow + wanted);
    EXPECT_GE(got, wanted);
    EXPECT_LE(got, wanted + std::min(wanted / 64, base::Duration(256)));
  }
}

TEST(AlignedWait, LetsDeadlinesThatAreCloseFallTogether) {
  std::set<base::TimePoint> ends;
  for (int millis = 0; millis < 1000; ++millis) {
    const base::TimePoint opened = kNow + base::Duration(millis);
    ends.insert(opened + AlignedWait(opened, opened + 30s));
  }
  EXPECT_LE(ends.size(), 5U);
}

TEST(AlignedWait, IsExactForShortWaitsAndNothingForWhatIsPast) {
  EXPECT_EQ(AlignedWait(kNow, kNow + 127ms), 127ms);
  EXPECT_EQ(AlignedWait(kNow, kNow + std::chrono::microseconds(1)), 1ms);
  EXPECT_EQ(AlignedWait(kNow, kNow - 10s), 0ms);
}

}  // namespace
}  // namespace hawser::event
