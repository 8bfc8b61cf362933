#include "filters/attachments.h"

#include <string>

#include "gtest/gtest.h"

namespace hawser::filters {
namespace {

static_assert(sizeof(Attachments) == sizeof(void*));

struct Trace {
  Trace(std::string& into, char mark) : out(into), name(mark) {}
  ~Trace() { out += name; }
  std::string& out;
  char name;
};

TEST(Attachments, AreDestroyedLastFirst) {
  std::string gone;
  {
    Attachments attachments;
    attachments.Attach(std::make_unique<Trace>(gone, 'a'));
    attachments.Attach(std::make_unique<std::string>("of another type"));
    attachments.Attach(std::make_unique<Trace>(gone, 'b'));
    EXPECT_EQ(gone, "");
  }
  EXPECT_EQ(gone, "ba");
}

TEST(Attachments, StayWhereTheyAreWhenTheListMoves) {
  std::string gone;
  Attachments first;
  Trace& attached = first.Attach(std::make_unique<Trace>(gone, 'a'));
  Attachments second = std::move(first);
  EXPECT_EQ(attached.name, 'a');
  EXPECT_EQ(gone, "");
  second.Clear();
  EXPECT_EQ(gone, "a");
  second.Clear();
  EXPECT_EQ(gone, "a");
}

}  // namespace
}  // namespace hawser::filters
