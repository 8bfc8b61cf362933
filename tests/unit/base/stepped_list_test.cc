#include "proxy/base/stepped_list.h"

#include <list>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hawser::base {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Numbered : ListLink {
  explicit Numbered(int n) : number(n) {}
  int number;
};

class SteppedListTest : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 1; i <= 5; ++i) elements_.push_back(std::make_unique<Numbered>(i));
    for (const auto& element : elements_) list_.PushBack(*element);
  }
  // What one step visits; a minus one behind it says that it was the last.
  std::vector<int> Step(size_t most) {
    std::vector<int> seen;
    if (!list_.Step(most, [&](Numbered& one) { seen.push_back(one.number); })) seen.push_back(-1);
    return seen;
  }
  std::vector<int> All() {
    std::vector<int> seen;
    list_.ForEach([&](Numbered& one) { seen.push_back(one.number); });
    return seen;
  }
  void End(int number) { elements_[static_cast<size_t>(number) - 1].reset(); }

  std::vector<std::unique_ptr<Numbered>> elements_;
  SteppedList<Numbered> list_;
};

TEST_F(SteppedListTest, IsWalkedInStepsAndAgain) {
  for (int walk = 0; walk < 2; ++walk) {
    EXPECT_THAT(Step(2), ElementsAre(1, 2));
    EXPECT_THAT(Step(2), ElementsAre(3, 4));
    EXPECT_THAT(Step(2), ElementsAre(5, -1));
  }
  EXPECT_THAT(Step(5), ElementsAre(1, 2, 3, 4, 5, -1));
}

TEST_F(SteppedListTest, AVisitMayEndAnyElement) {
  std::vector<int> seen;
  const bool more = list_.Step(3, [&](Numbered& one) {
    seen.push_back(one.number);
    if (one.number != 1) return;
    for (const int gone : {1, 2, 4}) End(gone);
  });
  EXPECT_FALSE(more);
  EXPECT_THAT(seen, ElementsAre(1, 3, 5));
  EXPECT_THAT(All(), ElementsAre(3, 5));
}

TEST_F(SteppedListTest, ElementsMayEndAroundTheWalksPlace) {
  EXPECT_THAT(Step(2), ElementsAre(1, 2));
  End(2);
  End(3);
  End(5);
  EXPECT_THAT(Step(2), ElementsAre(4, -1));
}

TEST_F(SteppedListTest, AllElementsMayEndDuringAWalk) {
  EXPECT_THAT(Step(3), ElementsAre(1, 2, 3));
  for (int i = 1; i <= 5; ++i) End(i);
  EXPECT_TRUE(list_.empty());
  EXPECT_EQ(list_.front(), nullptr);
  EXPECT_THAT(Step(3), ElementsAre(-1));
}

TEST_F(SteppedListTest, ElementsThatComeDuringAWalkAreMet) {
  EXPECT_THAT(Step(4), ElementsAre(1, 2, 3, 4));
  Numbered six(6);
  list_.PushBack(six);
  EXPECT_THAT(Step(4), ElementsAre(5, 6, -1));
}

TEST_F(SteppedListTest, TheWalksPlaceIsNoElement) {
  EXPECT_THAT(Step(1), ElementsAre(1));
  EXPECT_THAT(All(), ElementsAre(1, 2, 3, 4, 5));
  End(1);
  EXPECT_EQ(list_.front()->number, 2);
  EXPECT_THAT(All(), ElementsAre(2, 3, 4, 5));
  list_.ForEach([](Numbered& one) { one.Unlink(); });
  EXPECT_THAT(All(), IsEmpty());
}

TEST_F(SteppedListTest, AWalkThatIsGivenUpIsBegunAnew) {
  EXPECT_THAT(Step(3), ElementsAre(1, 2, 3));
  list_.Rewind();
  EXPECT_THAT(Step(2), ElementsAre(1, 2));
}

}  // namespace
}  // namespace hawser::base
