#include "proxy/http2/abuse.h"

#include "gtest/gtest.h"

namespace hawser::http2 {
namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint kStart{100s};

BudgetLimits ThreeOfEach() {
  BudgetLimits limits;
  limits.most.fill(3);
  return limits;
}

TEST(Budgets, LetSoManyFramesPassInAWindowOfTime) {
  const BudgetLimits limits = ThreeOfEach();
  Budgets budgets(limits);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(budgets.Spend(Abuse::kPings, kStart));
  EXPECT_FALSE(budgets.Spend(Abuse::kPings, kStart + 9999ms));
}

TEST(Budgets, BeginAnewWithTheNextWindow) {
  const BudgetLimits limits = ThreeOfEach();
  Budgets budgets(limits);
  for (int i = 0; i < 4; ++i) (void)budgets.Spend(Abuse::kResets, kStart);
  EXPECT_TRUE(budgets.Spend(Abuse::kResets, kStart + 10s));
}

TEST(Budgets, AreApartFromEachOther) {
  const BudgetLimits limits = ThreeOfEach();
  Budgets budgets(limits);
  for (int i = 0; i < 4; ++i) (void)budgets.Spend(Abuse::kResets, kStart);
  EXPECT_TRUE(budgets.Spend(Abuse::kSettings, kStart));
}

TEST(Budgets, KeepWhatWasEarnedBeyondTheWindow) {
  const BudgetLimits limits = ThreeOfEach();
  Budgets budgets(limits);
  EXPECT_TRUE(budgets.Spend(Abuse::kWindowUpdates, kStart));
  budgets.Earn(Abuse::kWindowUpdates, 5);
  const auto later = kStart + 11s;
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(budgets.Spend(Abuse::kWindowUpdates, later)) << i;
  EXPECT_FALSE(budgets.Spend(Abuse::kWindowUpdates, later));
}

TEST(Abuse, EachHasALabelAndAText) {
  for (size_t i = 0; i < kAbuses; ++i) {
    EXPECT_FALSE(SpecOf(static_cast<Abuse>(i)).label.empty());
    EXPECT_FALSE(SpecOf(static_cast<Abuse>(i)).text.empty());
  }
}

}  // namespace
}  // namespace hawser::http2
