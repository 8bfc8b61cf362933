#include "proxy/base/name.h"

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace hawser::base::name_test {
namespace {

TEST(Name, IsOneIdForOneText) {
  NameTable table;
  const Name main = table.Intern("main");
  const Name again = table.Intern("main");
  const Name other = table.Intern("other");
  EXPECT_EQ(main, again);
  EXPECT_EQ(main.id(), again.id());
  EXPECT_EQ(main.text(), "main");
  EXPECT_NE(main, other);
  EXPECT_NE(main.id(), other.id());
  EXPECT_EQ(table.size(), 2U);
  EXPECT_EQ(sizeof(Name), 8U);
}

TEST(Name, MayBeEmpty) {
  const Name none;
  EXPECT_FALSE(none);
  EXPECT_EQ(none.id(), 0U);
  EXPECT_EQ(none.text(), "");
  EXPECT_EQ(none, Name());
}

TEST(Name, KeepsItsIdWhileAnybodyHoldsIt) {
  NameTable table;
  std::optional<Name> first = table.Intern("main");
  const uint32_t id = first->id();
  Name copy = *first;
  first.reset();
  EXPECT_EQ(table.Intern("main").id(), id);
  const Name moved = std::move(copy);
  EXPECT_EQ(moved.id(), id);
  EXPECT_EQ(table.Intern("main").id(), id);
}

TEST(Name, NeverGetsAnIdThatWasUsedBefore) {
  NameTable table;
  const uint32_t first = table.Intern("main").id();
  EXPECT_EQ(table.size(), 0U);
  EXPECT_NE(table.Intern("main").id(), first);
  EXPECT_NE(table.Intern("other").id(), first);
}

TEST(Name, MayOutliveItsTable) {
  std::optional<NameTable> table(std::in_place);
  const Name name = table->Intern("main");
  table.reset();
  EXPECT_EQ(name.text(), "main");
}

// The last holder lets go on one thread while another one interns the same text.
TEST(Name, IsLetGoOnAnyThread) {
  NameTable table;
  const std::string text = "main";
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&table, &text] {
      for (int turn = 0; turn < 20'000; ++turn) {
        const Name name = table.Intern(text);
        const Name copy = name;
        if (copy.text() != text || table.Intern(text) != name) std::abort();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(table.size(), 0U);
}

}  // namespace
}  // namespace hawser::base::name_test
