#include "proxy/session/logged_target.h"

#include <array>
#include <string>

#include "gtest/gtest.h"

namespace hawser::session {
namespace {

std::string Logged(std::string_view target, const config::AccessLog& settings = {}) {
  std::array<char, kLongestTarget> room;
  return std::string(LoggedTarget(target, settings, room));
}

TEST(LoggedTarget, ByDefaultTheValuesOfCredentialsAreReplaced) {
  EXPECT_EQ(Logged("/chat?room=1&token=s3cret&x=2"), "/chat?room=1&token=…&x=2");
  EXPECT_EQ(Logged("/?access_token=a.b.c"), "/?access_token=…");
  EXPECT_EQ(Logged("/?jwt=a=b&key=c#d"), "/?jwt=…&key=…");
  EXPECT_EQ(Logged("/a#access_token=b"), "/a") << "not a target, but HTTP/2 clients can send it";
  EXPECT_EQ(Logged("/a?room=1?token=b&c=d"), "/a?room=1?token=…&c=d") << "appended to a query";
  EXPECT_EQ(Logged("/a??token=b"), "/a??token=…");
  EXPECT_EQ(Logged("/?token=a&token=b"), "/?token=…&token=…");
  EXPECT_EQ(Logged("/?monkey=a&tokens=b&my_token=c"), "/?monkey=a&tokens=b&my_token=c");
  EXPECT_EQ(Logged("/token=a"), "/token=a");
  EXPECT_EQ(Logged("*"), "*");
}

TEST(LoggedTarget, ANameCountsHoweverItIsWritten) {
  EXPECT_EQ(Logged("/?TOKEN=a"), "/?TOKEN=…");
  EXPECT_EQ(Logged("/?%74oken=a"), "/?%74oken=…");
  EXPECT_EQ(Logged("/?%54%4F%4b%65n=a"), "/?%54%4F%4b%65n=…");
  EXPECT_EQ(Logged("/?access%5ftoken=a"), "/?access%5ftoken=…");
  EXPECT_EQ(Logged("/?%2574oken=a"), "/?%2574oken=a") << "decoded once, as servers do";
  EXPECT_EQ(Logged("/?token%=a&toke%6=b&%"), "/?token%=a&toke%6=b&%");
}

TEST(LoggedTarget, WhatHasNoValueStays) {
  for (const char* target : {"/?", "/?token", "/?token=", "/?token=&a=b", "/?&&=&=a", "/?;;", "/??token"}) {
    EXPECT_EQ(Logged(target), target);
  }
}

TEST(LoggedTarget, ASemicolonNeverHidesASecret) {
  EXPECT_EQ(Logged("/?a=1;token=b&c=d"), "/?a=1;token=…&c=d");
  EXPECT_EQ(Logged("/?token=a;b;c&d=e"), "/?token=…&d=e");
  EXPECT_EQ(Logged("/?token=;b"), "/?token=…");
}

TEST(LoggedTarget, TheQueryMayBeKeptOrDropped) {
  EXPECT_EQ(Logged("/a?token=b", {.query = config::QueryLog::kKeep}), "/a?token=b");
  EXPECT_EQ(Logged("/a?token=b", {.query = config::QueryLog::kDrop}), "/a");
  EXPECT_EQ(Logged("/a?token=b&Sid=c", {.redacted = {"sId"}}), "/a?token=b&Sid=…");
  EXPECT_EQ(Logged("/a?token=b", {.redacted = {}}), "/a?token=b");
}

TEST(LoggedTarget, ALongTargetIsCutWithoutShowingASecret) {
  for (const config::QueryLog query :
       {config::QueryLog::kKeep, config::QueryLog::kDrop, config::QueryLog::kRedact}) {
    EXPECT_EQ(Logged(std::string(5000, 'p'), {.query = query}), std::string(kLongestTarget, 'p'));
    EXPECT_EQ(Logged(std::string(5000, 'p') + "?token=a", {.query = query}),
              std::string(kLongestTarget, 'p'));
  }
  const std::string query = "?token=secret&b=c";
  for (size_t length = kLongestTarget - query.size() - 4; length <= kLongestTarget; ++length) {
    const std::string logged = Logged(std::string(length, 'p') + query);
    EXPECT_LE(logged.size(), kLongestTarget);
    EXPECT_EQ(logged.find("secret"), std::string::npos);
    const std::string whole = std::string(length, 'p') + "?token=…&b=c";
    EXPECT_TRUE(whole.starts_with(logged)) << logged.substr(length);
    EXPECT_NE(logged.back(), '\xe2') << "a character is not cut";
  }
  EXPECT_EQ(Logged("/?token=" + std::string(60'000, 's') + "&a=b"), "/?token=…&a=b");
}

}  // namespace
}  // namespace hawser::session
