#include "proxy/route/rewrite.h"

#include <iterator>
#include <random>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/route/path.h"

namespace hawser::route {
namespace {

using testing::HasSubstr;

constexpr size_t kLongest = 1000;

std::string Replaced(std::string_view path, std::string_view prefix, std::string_view replacement) {
  return ReplaceMatched(path, {.path_prefix = std::string(prefix)}, replacement);
}

TEST(ReplaceMatched, JoinsByWholeSegmentsWhicheverSideHasTheSlash) {
  EXPECT_EQ(Replaced("/chat/1", "/chat", "/"), "/1");
  EXPECT_EQ(Replaced("/chat/1", "/chat", "/v2"), "/v2/1");
  EXPECT_EQ(Replaced("/chat/1", "/chat", "/v2/"), "/v2/1");
  EXPECT_EQ(Replaced("/chat/1", "/chat/", "/v2"), "/v2/1");
  EXPECT_EQ(Replaced("/chat/1", "/chat/", "/"), "/1");
  EXPECT_EQ(Replaced("/1", "/", "/base"), "/base/1");
}

TEST(ReplaceMatched, TheWholePathMayBeThePrefix) {
  EXPECT_EQ(Replaced("/chat", "/chat", "/"), "/");
  EXPECT_EQ(Replaced("/chat", "/chat", "/v2"), "/v2");
  EXPECT_EQ(Replaced("/chat/", "/chat", "/v2"), "/v2/");
  EXPECT_EQ(Replaced("/chat/", "/chat/", "/v2"), "/v2");
  EXPECT_EQ(Replaced("/", "/", "/base"), "/base");
}

TEST(ReplaceMatched, OnlyTheSlashAtTheJointIsMerged) {
  EXPECT_EQ(Replaced("/chat//1", "/chat", "/"), "//1");
  EXPECT_EQ(Replaced("/chat//1", "/chat", "/v2"), "/v2//1");
}

TEST(ReplaceMatched, AnExactPathIsReplacedAsAWholeAndNoMatcherIsTheRoot) {
  EXPECT_EQ(ReplaceMatched("/old/place", {.path = "/old/place"}, "/new"), "/new");
  EXPECT_EQ(ReplaceMatched("/1", {}, "/base"), "/base/1");
}

TEST(ReplaceMatched, MakesNoDotSegmentsOutOfPathsThatHaveNone) {
  constexpr std::string_view kPieces[] = {"/", ".", "a", "%2e", "%2f", ";", "\\", "//", "%"};
  std::mt19937 random(1);
  const auto make = [&](size_t pieces) {
    std::string path = "/";
    for (size_t i = 0; i < pieces; ++i) path += kPieces[random() % std::size(kPieces)];
    return path;
  };
  int replaced = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::string path = make(random() % 8);
    const std::string replacement = make(random() % 4);
    const size_t length = 1 + random() % path.size();
    if (!EndsSegment(path, length) || HasDotSegments(path) || HasDotSegments(replacement)) continue;
    ++replaced;
    const std::string out = Replaced(path, path.substr(0, length), replacement);
    ASSERT_TRUE(out.starts_with('/'));
    ASSERT_FALSE(HasDotSegments(out)) << path << " " << length << " " << replacement << " gives " << out;
  }
  EXPECT_GT(replaced, 10'000);
}

// A request that a route has rewritten.
struct Rewritten {
  explicit Rewritten(const config::Route& route, std::string_view target, http::HeaderList headers = {}) {
    head.method = "GET";
    head.target = target;
    head.authority = "public.test";
    head.headers = std::move(headers);
    ok = Rewrite::Compile(route)->Apply(route, head, kLongest, arena);
  }
  http::RequestHead head;
  http::TextArena arena;
  bool ok = false;
};

config::Route RegexRoute(std::string pattern, std::string substitution) {
  return {.match = {}, .regex_rewrite = config::RegexRewrite{std::move(pattern), std::move(substitution)}};
}

TEST(Rewrite, ThePathChangesAndTheQueryStays) {
  const config::Route route{.match = {.path_prefix = "/chat"}, .prefix_rewrite = "/v2"};
  EXPECT_EQ(Rewritten(route, "/chat/1?room=/chat").head.target, "/v2/1?room=/chat");
  EXPECT_EQ(Rewritten(route, "/chat?").head.target, "/v2?");
}

TEST(Rewrite, ARegexReplacesEveryMatchInThePathAlone) {
  EXPECT_EQ(Rewritten(RegexRoute("o", "0"), "/room/foo?o=o").head.target, "/r00m/f00?o=o");
  EXPECT_EQ(Rewritten(RegexRoute("^/v([0-9]+)/(.*)$", "/\\2/api\\1"), "/v3/users").head.target,
            "/users/api3");
  EXPECT_EQ(Rewritten(RegexRoute("nothing", "x"), "/as/it/was").head.target, "/as/it/was");
}

TEST(Rewrite, APathThatLostItsSlashGetsOne) {
  EXPECT_EQ(Rewritten(RegexRoute("^/", ""), "/x").head.target, "/x");
  EXPECT_EQ(Rewritten(RegexRoute(".*", ""), "/x?q").head.target, "/?q");
}

TEST(Rewrite, ARegexCannotMakeDotSegments) {
  EXPECT_FALSE(Rewritten(RegexRoute("x", ""), "/a/.x./secret").ok);
  EXPECT_FALSE(Rewritten(RegexRoute("x", "%2e"), "/a/xx/secret").ok);
  EXPECT_TRUE(Rewritten(RegexRoute("x", ""), "/a/.x.b/secret").ok);
}

TEST(Rewrite, APathThatGrowsBeyondItsBoundIsRefused) {
  EXPECT_FALSE(Rewritten(RegexRoute("a", "\\0\\0\\0"), "/" + std::string(kLongest / 2, 'a')).ok);
  EXPECT_FALSE(Rewritten(RegexRoute("", "-"), "/" + std::string(kLongest - 1, 'a')).ok);
  const config::Route route{.match = {.path = "/x"}, .prefix_rewrite = "/longer"};
  EXPECT_FALSE(Rewritten(route, "/x?" + std::string(kLongest - 3, 'q')).ok);
}

TEST(Rewrite, TheAsteriskOfOptionsIsNoPath) {
  const config::Route route{.match = {}, .prefix_rewrite = "/v2"};
  EXPECT_EQ(Rewritten(route, "*").head.target, "*");
}

TEST(Rewrite, TheHostChangesInBothPlaces) {
  const config::Route route{.match = {}, .host_rewrite = "inner.test:81"};
  http::HeaderList headers;
  headers.Add("Host", "public.test");
  const Rewritten rewritten(route, "/", std::move(headers));
  EXPECT_EQ(rewritten.head.authority, "inner.test:81");
  EXPECT_EQ(rewritten.head.headers.Find("host"), "inner.test:81");
  EXPECT_EQ(Rewritten(route, "/").head.headers.size(), 0u);
}

std::string Lines(const http::HeaderList& headers) {
  std::string lines;
  for (const http::Header& header : headers)
    lines.append(header.name).append("=").append(header.value).append(";");
  return lines;
}

TEST(HeaderRules, RemoveThenSetThenAdd) {
  http::HeaderList headers;
  headers.Add("A", "1");
  headers.Add("b", "1");
  headers.Add("B", "2");
  headers.Add("C", "1");
  const config::HeaderRules rules{
      .add = {{"C", "2"}, {"D", "1"}}, .set = {{"B", "3"}, {"E", "1"}, {"A", "new"}}, .remove = {"a"}};
  ApplyRules(rules, headers);
  EXPECT_EQ(Lines(headers), "b=3;C=1;E=1;A=new;C=2;D=1;");
}

TEST(Rewrite, WhatCannotBeCompiledIsSaid) {
  const auto message = [](const config::Route& route) {
    const auto rewrite = Rewrite::Compile(route);
    return rewrite.ok() ? std::string() : std::string(rewrite.status().message());
  };
  EXPECT_THAT(message(RegexRoute("(", "")), HasSubstr("bad regular expression"));
  EXPECT_THAT(message(RegexRoute("x", "\\1")), HasSubstr("bad substitution"));
  EXPECT_THAT(message({.match = {}, .prefix_rewrite = "/a/../b"}), HasSubstr("dot segments"));
  EXPECT_EQ(message({.match = {}, .prefix_rewrite = "/a"}), "");
}

}  // namespace
}  // namespace hawser::route
