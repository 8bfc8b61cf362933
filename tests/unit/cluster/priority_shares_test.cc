// The shares of priorities; the first table is that of Envoy's documentation ("Priority levels").
#include "proxy/cluster/priority_shares.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::cluster::priority_shares_test {
namespace {

using testing::ElementsAre;

std::vector<uint32_t> Percents(const std::vector<PriorityHealth>& priorities, uint32_t panic_threshold = 0) {
  std::vector<uint32_t> percents;
  for (const PriorityShare& share : SharesOf(priorities, panic_threshold)) percents.push_back(share.percent);
  return percents;
}

std::vector<bool> Panics(const std::vector<PriorityHealth>& priorities, uint32_t panic_threshold) {
  std::vector<bool> panics;
  for (const PriorityShare& share : SharesOf(priorities, panic_threshold)) panics.push_back(share.panic);
  return panics;
}

TEST(PriorityShares, AreThoseOfEnvoyForTwo) {
  EXPECT_THAT(Percents({{100, 100}, {100, 100}}), ElementsAre(100, 0));
  EXPECT_THAT(Percents({{72, 100}, {72, 100}}), ElementsAre(100, 0));
  EXPECT_THAT(Percents({{71, 100}, {71, 100}}), ElementsAre(99, 1));
  EXPECT_THAT(Percents({{50, 100}, {50, 100}}), ElementsAre(70, 30));
  EXPECT_THAT(Percents({{25, 100}, {100, 100}}), ElementsAre(35, 65));
  EXPECT_THAT(Percents({{0, 100}, {100, 100}}), ElementsAre(0, 100));
  EXPECT_THAT(Percents({{25, 100}, {25, 100}}), ElementsAre(50, 50));
}

TEST(PriorityShares, AreThoseOfEnvoyForThree) {
  EXPECT_THAT(Percents({{25, 100}, {25, 100}, {25, 100}}), ElementsAre(35, 35, 30));
  EXPECT_THAT(Percents({{25, 100}, {0, 100}, {100, 100}}), ElementsAre(35, 0, 65));
  EXPECT_THAT(Percents({{20, 100}, {20, 100}, {10, 100}}), ElementsAre(40, 40, 20));
}

TEST(PriorityShares, AnEmptyPriorityTakesNothing) {
  EXPECT_THAT(Percents({{0, 0}, {3, 3}}), ElementsAre(0, 100));
  EXPECT_THAT(Percents({{0, 0}}), ElementsAre(0));
  EXPECT_THAT(Percents({{0, 4}}), ElementsAre(100)) << "nobody else could";
}

TEST(PriorityShares, WithoutAThresholdThereIsNoPanic) {
  EXPECT_THAT(Panics({{0, 4}}, 0), ElementsAre(false));
  EXPECT_THAT(Panics({{1, 4}, {0, 4}}, 0), ElementsAre(false, false));
}

TEST(PriorityShares, OnePriorityPanicsBelowItsThreshold) {
  EXPECT_THAT(Panics({{2, 4}}, 50), ElementsAre(false));
  EXPECT_THAT(Panics({{1, 4}}, 50), ElementsAre(true));
  EXPECT_THAT(Panics({{79, 100}}, 80), ElementsAre(true)) << "whatever it could take";
  EXPECT_THAT(Percents({{1, 4}}, 50), ElementsAre(100));
}

TEST(PriorityShares, APriorityDoesNotPanicWhereOthersMakeUpForIt) {
  EXPECT_THAT(Panics({{25, 100}, {100, 100}}, 50), ElementsAre(false, false));
  EXPECT_THAT(Percents({{25, 100}, {100, 100}}, 50), ElementsAre(35, 65));
  EXPECT_THAT(Panics({{10, 100}, {50, 100}}, 50), ElementsAre(true, false));
  EXPECT_THAT(Percents({{10, 100}, {50, 100}}, 50), ElementsAre(17, 83));
}

TEST(PriorityShares, WhereAllPanicTheirSizesDecide) {
  EXPECT_THAT(Panics({{0, 100}, {0, 50}}, 50), ElementsAre(true, true));
  EXPECT_THAT(Percents({{0, 100}, {0, 50}}, 50), ElementsAre(67, 33));
}

}  // namespace
}  // namespace hawser::cluster::priority_shares_test
