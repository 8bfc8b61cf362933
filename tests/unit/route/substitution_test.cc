#include "proxy/route/substitution.h"

#include <string>

#include "gtest/gtest.h"
#include "re2/re2.h"

namespace hawser::route {
namespace {

std::string Replace(std::string_view pattern, std::string_view replacement, std::string_view text) {
  return Substitution::Compile(pattern, replacement)->Replace(text, 1 << 20).value_or("too long");
}

TEST(Substitution, DoesWhatGlobalReplaceDoes) {
  for (const std::string pattern :
       {"a", "a*", "", "^", "$", "^a", "(a|b)+", "b*$", "[^/]+", "(/)([a-z])", ".*"}) {
    for (const std::string replacement : {"", "-", "\\0\\0", "<\\0>"}) {
      for (const std::string text : {"", "a", "aa", "/abba/b", "bab", "/room/12"}) {
        std::string expected = text;
        re2::RE2::GlobalReplace(&expected, pattern, replacement);
        EXPECT_EQ(Replace(pattern, replacement, text), expected)
            << pattern << " " << replacement << " " << text;
      }
    }
  }
}

TEST(Substitution, GroupsAreWhatTheyMatched) {
  EXPECT_EQ(Replace("(/)([a-z])([0-9]*)", "\\1\\3\\2", "/a12/b"), "/12a/b");
}

TEST(Substitution, MakesNoMoreThanItMay) {
  const auto doubles = Substitution::Compile("a", "\\0\\0");
  EXPECT_EQ(doubles->Replace("aaaa", 8), "aaaaaaaa");
  EXPECT_EQ(doubles->Replace("aaaa", 7), std::nullopt);
  EXPECT_EQ(doubles->Replace("bbbb", 3), std::nullopt);
}

}  // namespace
}  // namespace hawser::route
