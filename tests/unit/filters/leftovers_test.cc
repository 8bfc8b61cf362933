#include "filters/leftovers.h"

#include <string>

#include "gtest/gtest.h"

namespace hawser::filters {
namespace {

static_assert(sizeof(Leftovers) == sizeof(void*));

struct Trace {
  Trace(std::string& into, char mark) : out(into), name(mark) {}
  ~Trace() { out += name; }
  std::string& out;
  char name;
};

TEST(Leftovers, GoLastFirst) {
  std::string gone;
  {
    Leftovers leftovers;
    leftovers.Leave(std::make_unique<Trace>(gone, 'a'));
    leftovers.Leave(std::make_unique<std::string>("of another type"));
    leftovers.Leave(std::make_unique<Trace>(gone, 'b'));
    EXPECT_EQ(gone, "");
  }
  EXPECT_EQ(gone, "ba");
}

TEST(Leftovers, StayWhereTheyAreWhenTheListMoves) {
  std::string gone;
  Leftovers first;
  Trace& left = first.Leave(std::make_unique<Trace>(gone, 'a'));
  Leftovers second = std::move(first);
  EXPECT_EQ(left.name, 'a');
  EXPECT_EQ(gone, "");
  second.Clear();
  EXPECT_EQ(gone, "a");
  second.Clear();
  EXPECT_EQ(gone, "a");
}

}  // namespace
}  // namespace hawser::filters
