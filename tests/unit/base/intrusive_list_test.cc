#include "proxy/base/intrusive_list.h"

#include <optional>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hawser::base {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Element : ListLink {
  explicit Element(int n) : number(n) {}
  int number;
};

std::vector<int> NumbersOf(IntrusiveList<Element>& list) {
  std::vector<int> numbers;
  list.ForEach([&](Element& element) { numbers.push_back(element.number); });
  return numbers;
}

TEST(IntrusiveList, StartsEmpty) {
  IntrusiveList<Element> list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.front(), nullptr);
  EXPECT_THAT(NumbersOf(list), IsEmpty());
}

TEST(IntrusiveList, KeepsTheOrderOfPushing) {
  Element one(1), two(2), three(3);
  IntrusiveList<Element> list;
  for (Element* element : {&one, &two, &three}) list.PushBack(*element);
  EXPECT_THAT(NumbersOf(list), ElementsAre(1, 2, 3));
  EXPECT_EQ(list.front(), &one);
  EXPECT_TRUE(two.linked());
}

TEST(IntrusiveList, AnElementUnlinksItselfFromAnywhere) {
  Element one(1), two(2), three(3);
  IntrusiveList<Element> list;
  for (Element* element : {&one, &two, &three}) list.PushBack(*element);
  two.Unlink();
  EXPECT_FALSE(two.linked());
  EXPECT_THAT(NumbersOf(list), ElementsAre(1, 3));
  two.Unlink();
  one.Unlink();
  three.Unlink();
  EXPECT_TRUE(list.empty());
}

TEST(IntrusiveList, ADestroyedElementLeavesItsList) {
  IntrusiveList<Element> list;
  Element stays(1);
  list.PushBack(stays);
  {
    Element goes(2);
    list.PushBack(goes);
    EXPECT_THAT(NumbersOf(list), ElementsAre(1, 2));
  }
  EXPECT_THAT(NumbersOf(list), ElementsAre(1));
}

TEST(IntrusiveList, ADestroyedListLetsGoOfItsElements) {
  Element one(1), two(2);
  {
    IntrusiveList<Element> list;
    list.PushBack(one);
    list.PushBack(two);
  }
  EXPECT_FALSE(one.linked());
  EXPECT_FALSE(two.linked());
}

TEST(IntrusiveList, PushingMovesAnElementFromItsListOrToTheEndOfIt) {
  Element one(1), two(2);
  IntrusiveList<Element> from, to;
  from.PushBack(one);
  from.PushBack(two);
  from.PushBack(one);
  EXPECT_THAT(NumbersOf(from), ElementsAre(2, 1));
  to.PushBack(one);
  EXPECT_THAT(NumbersOf(from), ElementsAre(2));
  EXPECT_THAT(NumbersOf(to), ElementsAre(1));
}

TEST(IntrusiveList, SpliceTakesAllInOrderBehindItsOwn) {
  Element one(1), two(2), three(3);
  IntrusiveList<Element> from, to;
  to.PushBack(one);
  from.PushBack(two);
  from.PushBack(three);
  to.Splice(from);
  EXPECT_TRUE(from.empty());
  EXPECT_THAT(NumbersOf(to), ElementsAre(1, 2, 3));
  to.Splice(from);
  EXPECT_THAT(NumbersOf(to), ElementsAre(1, 2, 3));
}

TEST(IntrusiveList, AVisitMayUnlinkOrDestroyItsElement) {
  IntrusiveList<Element> list;
  std::optional<Element> elements[4];
  for (int i = 0; i < 4; ++i) list.PushBack(elements[i].emplace(i));
  list.ForEach([&](Element& element) {
    if (element.number == 1) element.Unlink();
    if (element.number == 3) elements[3].reset();
  });
  EXPECT_THAT(NumbersOf(list), ElementsAre(0, 2));
}

}  // namespace
}  // namespace hawser::base
