// Who may be picked, and with which weights.
#include "proxy/cluster/usable_view.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster::usable_view_test {
namespace {

using namespace std::chrono_literals;
using config::LbPolicy;
using testing::ElementsAre;
using testing::IsEmpty;

std::vector<uint32_t> Weights(const UsableView& view) {
  std::vector<uint32_t> weights;
  for (const Member& member : view.members()) weights.push_back(member.weight);
  return weights;
}

class UsableViewTest : public testing::Test {
 protected:
  explicit UsableViewTest(std::vector<uint32_t> weights = {1, 2, 3})
      : fleet_(ClusterOf(LbPolicy::kRoundRobin, weights)) {}

  const MemberLevel& level() const { return fleet_.table().levels().front(); }
  Endpoint& endpoint(size_t i) { return *fleet_.endpoints()[i]; }

  const Fleet fleet_;
  const base::TimePoint now_ = base::TimePoint(1000s);
};

TEST_F(UsableViewTest, WhileAllIsWellItIsTheLevelItself) {
  const UsableView view(level(), SlowStart{.window = 10s}, now_);
  EXPECT_EQ(view.members().data(), level().members().data());
  EXPECT_EQ(view.members().size(), 3u);
  EXPECT_EQ(view.until(), base::TimePoint::max());
  EXPECT_TRUE(view.Has(2));
}

TEST_F(UsableViewTest, HasNobodyWhoIsOut) {
  SetUsable(endpoint(1), false);
  const UsableView view(level(), std::nullopt, now_);
  EXPECT_THAT(Weights(view), ElementsAre(1, 3));
  EXPECT_FALSE(view.Has(1));
  EXPECT_TRUE(view.Has(2));
  EXPECT_EQ(view.health().sound, 2u);
  EXPECT_EQ(view.health().all, 3u);
}

TEST_F(UsableViewTest, HasThoseInAPanicWhoAreNotSound) {
  SetUsable(endpoint(1), false);
  endpoint(1).ChangeState(Endpoint::kPanic, 0);
  const UsableView view(level(), std::nullopt, now_);
  EXPECT_THAT(Weights(view), ElementsAre(1, 2, 3));
  EXPECT_EQ(view.health().sound, 2u);
}

TEST_F(UsableViewTest, WhoWarmsUpHasAPartOfItsWeight) {
  endpoint(1).set_warming_since(now_);
  const SlowStart slow_start{.window = 10s};
  EXPECT_THAT(Weights(UsableView(level(), slow_start, now_)), ElementsAre(1000, 200, 3000));
  EXPECT_THAT(Weights(UsableView(level(), slow_start, now_ + 999ms)), ElementsAre(1000, 200, 3000));
  EXPECT_THAT(Weights(UsableView(level(), slow_start, now_ + 5s)), ElementsAre(1000, 1000, 3000));
  EXPECT_EQ(UsableView(level(), slow_start, now_ + 5s).until(), now_ + 5100ms);
  EXPECT_THAT(Weights(UsableView(level(), slow_start, now_ + 10s)), ElementsAre(1, 2, 3));
  EXPECT_THAT(Weights(UsableView(level(), std::nullopt, now_)), ElementsAre(1, 2, 3)) << "it is off";
}

TEST_F(UsableViewTest, AggressionBringsTheWeightEarlier) {
  endpoint(0).set_warming_since(now_);
  const auto part = [&](double aggression) {
    return SlowStart{.window = 10s, .aggression = aggression}.PartOf(endpoint(0), now_ + 2500ms);
  };
  EXPECT_EQ(part(1), 250u);
  EXPECT_EQ(part(2), 500u);
  EXPECT_EQ(part(0.5), 100u) << "never less than a tenth";
}

struct WithNoWeight : UsableViewTest {
  WithNoWeight() : UsableViewTest({1, 0, 3}) {}
};

TEST_F(WithNoWeight, WeightZeroIsNotThere) {
  const UsableView view(level(), std::nullopt, now_);
  EXPECT_THAT(Weights(view), ElementsAre(1, 3));
  EXPECT_FALSE(view.Has(1));
  EXPECT_EQ(view.health().all, 2u) << "it says nothing of what the others can take";
}

struct Heavy : UsableViewTest {
  Heavy() : UsableViewTest(std::vector<uint32_t>(200, 65'535)) {}
};

TEST_F(Heavy, TheSumOfMultipliedWeightsStaysBelow32Bits) {
  endpoint(0).set_warming_since(now_);
  const UsableView view(level(), SlowStart{.window = 10s}, now_);
  uint64_t sum = 0;
  for (const uint32_t weight : Weights(view)) sum += weight;
  EXPECT_LT(sum, uint64_t{1} << 32);
  EXPECT_LT(view.members()[0].weight * 9, view.members()[1].weight);
}

}  // namespace
}  // namespace hawser::cluster::usable_view_test
