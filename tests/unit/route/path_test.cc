#include "proxy/route/path.h"

#include <string>

#include "gtest/gtest.h"

namespace hawser::route {
namespace {

TEST(HasDotSegments, FindsThemAnywhere) {
  for (const char* path :
       {"/.", "/..", "/./chat", "/../chat", "/chat/..", "/chat/../admin", "/chat/./x", "/a/b/.", ".."}) {
    EXPECT_TRUE(HasDotSegments(path)) << path;
  }
}

TEST(HasDotSegments, FindsTheirOtherSpellings) {
  for (const char* path : {"/%2e", "/%2E%2e/admin", "/.%2e/admin", "/%2e./admin", "/chat/..%2fadmin",
                           "/chat%2f..%2Fadmin", "/chat/..\\admin", "/chat\\..\\admin", "/chat/..%5cadmin",
                           "/..;/admin", "/..;x=1/admin", "/%2e%2e%3b/admin", "/.;"}) {
    EXPECT_TRUE(HasDotSegments(path)) << path;
  }
}

TEST(HasDotSegments, LeavesOtherDotsAlone) {
  for (const char* path : {"", "/", "//", "*", "/chat", "/.well-known/x", "/a.b", "/...", "/..a", "/a..",
                           "/a./b", "/%2ea", "/a;../b", "/%", "/%2", "/%zz", "/%252e%252e/x", "/a%2fb"}) {
    EXPECT_FALSE(HasDotSegments(path)) << path;
  }
}

TEST(EndsSegment, HoldsAtTheEndOfASegmentOnly) {
  EXPECT_TRUE(EndsSegment("/chat", 5));
  EXPECT_TRUE(EndsSegment("/chat/1", 5));
  EXPECT_TRUE(EndsSegment("/chat/1", 6));
  EXPECT_TRUE(EndsSegment("/chat", 1));
  EXPECT_FALSE(EndsSegment("/chatter", 5));
}

TEST(HostName, ComparesWithoutCasePortAndTrailingDot) {
  EXPECT_EQ(HostName("WWW.Example.COM:8443").view(), "www.example.com");
  EXPECT_EQ(HostName("example.com.").view(), "example.com");
  EXPECT_EQ(HostName("example.com.:80").view(), "example.com");
  EXPECT_EQ(HostName("[2001:DB8::1]:443").view(), "[2001:db8::1]");
  EXPECT_EQ(HostName("").view(), "");
}

TEST(HostName, IsEmptyForWhatIsTooLongToBeOne) {
  EXPECT_EQ(HostName(std::string(255, 'a')).view().size(), 255U);
  EXPECT_EQ(HostName(std::string(256, 'a')).view(), "");
  EXPECT_EQ(HostName(std::string(100'000, 'a')).view(), "");
}

}  // namespace
}  // namespace hawser::route
