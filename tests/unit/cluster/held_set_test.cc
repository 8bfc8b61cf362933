#include "proxy/cluster/held_set.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hawser::cluster::held_set_test {
namespace {

using namespace std::chrono_literals;
using resolve::Service;
using testing::ElementsAre;

constexpr base::Duration kHold = 30s;
const base::TimePoint kStart = base::TimePoint() + 1h;

Service At(const char* target, uint16_t weight = 1) {
  return {.priority = 0, .weight = weight, .port = 80, .target = target};
}

TEST(HeldSet, WhatIsMissingStaysForHold) {
  HeldSet<Service> set;
  set.Take({At("a"), At("b")}, false, kStart);
  set.Take({At("b")}, false, kStart + 10s);
  set.Take({At("b"), At("c")}, false, kStart + 20s);
  EXPECT_EQ(set.missing_since(), kStart + 10s) << "of the first answer without it";
  EXPECT_FALSE(set.Expire(kStart + 10s + kHold - 1ms, kHold));
  EXPECT_THAT(set.records(), ElementsAre(At("a"), At("b"), At("c")));
  EXPECT_TRUE(set.Expire(kStart + 10s + kHold, kHold));
  EXPECT_THAT(set.records(), ElementsAre(At("b"), At("c")));
  EXPECT_FALSE(set.missing_since());
}

TEST(HeldSet, WhatComesBackIsNotMissing) {
  HeldSet<Service> set;
  set.Take({At("a"), At("b")}, false, kStart);
  set.Take({At("a")}, false, kStart + 10s);
  set.Take({At("b")}, false, kStart + 20s);
  EXPECT_EQ(set.missing_since(), kStart + 20s) << "a, since then; b is back";
  EXPECT_FALSE(set.Expire(kStart + 10s + kHold, kHold));
}

TEST(HeldSet, NothingIsMissingFromAPartialAnswer) {
  HeldSet<Service> set;
  set.Take({At("a")}, false, kStart);
  set.Take({At("b")}, true, kStart);
  EXPECT_FALSE(set.missing_since());
  EXPECT_THAT(set.records(), ElementsAre(At("a"), At("b")));
}

TEST(HeldSet, TheSameRecordTakesNewContents) {
  HeldSet<Service> set;
  set.Take({At("a", 1)}, false, kStart);
  set.Take({At("a", 5)}, false, kStart);
  EXPECT_THAT(set.records(), ElementsAre(At("a", 5)));
}

TEST(HeldSet, WithoutAHoldTheLastAnswerIsAll) {
  HeldSet<Service> set;
  set.Take({At("a")}, false, kStart);
  set.Take({At("b")}, false, kStart);
  EXPECT_TRUE(set.Expire(kStart, 0s));
  EXPECT_THAT(set.records(), ElementsAre(At("b")));
}

}  // namespace
}  // namespace hawser::cluster::held_set_test
