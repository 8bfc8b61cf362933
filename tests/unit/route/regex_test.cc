#include "proxy/route/regex.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::route {
namespace {

TEST(Regex, MatchesTheWholeText) {
  const auto regex = Regex::Compile("/room/[0-9]+");
  ASSERT_TRUE(regex.ok());
  EXPECT_TRUE(regex->Matches("/room/12"));
  EXPECT_FALSE(regex->Matches("/room/12/x"));
  EXPECT_FALSE(regex->Matches("x/room/12"));
  EXPECT_FALSE(regex->Matches(""));
}

TEST(Regex, RefusesBadSyntaxByName) {
  const auto regex = Regex::Compile("/room/(");
  ASSERT_FALSE(regex.ok());
  EXPECT_THAT(std::string(regex.status().message().data(), regex.status().message().size()),
              testing::HasSubstr("\"/room/(\""));
}

TEST(Regex, RefusesWhatWouldNeedTooMuchMemory) {
  EXPECT_FALSE(Regex::Compile("((a{100}){100}){100}").ok());
}

TEST(Regex, IsNotSlowedDownByNestedRepetition) {
  const auto regex = Regex::Compile("(a+)+(a+)+b");
  ASSERT_TRUE(regex.ok());
  EXPECT_FALSE(regex->Matches(std::string(60'000, 'a')));
}

}  // namespace
}  // namespace hawser::route
