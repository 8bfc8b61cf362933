#include "proxy/http/head.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::http {
namespace {

using testing::ElementsAre;

std::vector<std::string> Elements(std::string_view list) {
  std::vector<std::string> elements;
  for (auto element = TakeElement(list); !element.empty(); element = TakeElement(list))
    elements.emplace_back(element);
  return elements;
}

std::vector<std::string> Lines(const HeaderList& headers) {
  std::vector<std::string> lines;
  for (const Header& header : headers)
    lines.push_back(std::string(header.name) + "=" + std::string(header.value));
  return lines;
}

TEST(Head, NamesCompareWithoutCaseInAsciiOnly) {
  EXPECT_TRUE(EqualsIgnoreCase("Sec-WebSocket-Key", "sec-websocket-KEY"));
  EXPECT_FALSE(EqualsIgnoreCase("Host", "Hos"));
  EXPECT_FALSE(EqualsIgnoreCase("[", "{"));  // differ in the bit that tells the cases of letters apart
  EXPECT_FALSE(EqualsIgnoreCase("\xc4", "\xe4"));
}

TEST(Head, SpacesAndTabsAreTrimmedAndNothingElse) {
  EXPECT_EQ(TrimWhitespace(" \t a b\t "), "a b");
  EXPECT_EQ(TrimWhitespace(" \t "), "");
  EXPECT_EQ(TrimWhitespace("\na\r"), "\na\r");
}

TEST(Head, AListIsTakenApartAtItsCommas) {
  EXPECT_THAT(Elements("a, b ,c"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Elements(" ,, a,\t,"), ElementsAre("a"));
  EXPECT_THAT(Elements(""), ElementsAre());
  EXPECT_THAT(Elements(" , "), ElementsAre());
}

TEST(Head, ACommaInAQuotedStringDoesNotSeparate) {
  EXPECT_THAT(Elements(R"(a;b="1,2", c)"), ElementsAre(R"(a;b="1,2")", "c"));
  EXPECT_THAT(Elements(R"(a="\",", c)"), ElementsAre(R"(a="\",")", "c"));
  EXPECT_THAT(Elements(R"(a="open, c)"), ElementsAre(R"(a="open, c)"));
  EXPECT_THAT(Elements("a=\"\\"), ElementsAre("a=\"\\"));
}

TEST(HeaderList, FindsTheFirstOfAName) {
  HeaderList headers;
  headers.Add("A", "1");
  headers.Add("a", "2");
  EXPECT_EQ(headers.Find("a"), "1");
  EXPECT_EQ(headers.Count("A"), 2u);
  EXPECT_EQ(headers.Find("b"), std::nullopt);
  EXPECT_EQ(headers.Count("b"), 0u);
}

TEST(HeaderList, SetReplacesTheFirstAndRemovesTheOthers) {
  HeaderList headers;
  headers.Add("A", "1");
  headers.Add("B", "2");
  headers.Add("a", "3");
  headers.Set("A", "9");
  EXPECT_THAT(Lines(headers), ElementsAre("A=9", "B=2"));
  headers.Set("C", "4");
  EXPECT_THAT(Lines(headers), ElementsAre("A=9", "B=2", "C=4"));
}

TEST(HeaderList, RemoveTakesEveryFieldOfTheName) {
  HeaderList headers;
  headers.Add("A", "1");
  headers.Add("B", "2");
  headers.Add("a", "3");
  headers.Remove("a");
  EXPECT_THAT(Lines(headers), ElementsAre("B=2"));
}

TEST(HeaderList, ATokenMayStandInAnyFieldOfTheName) {
  HeaderList headers;
  headers.Add("Connection", "keep-alive");
  headers.Add("connection", "x, UPGRADE");
  EXPECT_TRUE(headers.HasToken("Connection", "upgrade"));
  EXPECT_TRUE(headers.HasToken("Connection", "keep-alive"));
  EXPECT_FALSE(headers.HasToken("Connection", "upgra"));
  EXPECT_FALSE(headers.HasToken("Upgrade", "upgrade"));
}

TEST(RequestHead, ATargetIsPathAndQuery) {
  RequestHead head;
  head.target = "/chat?room=1?2";
  EXPECT_EQ(head.path(), "/chat");
  EXPECT_EQ(head.query(), "room=1?2");
  head.target = "/chat";
  EXPECT_EQ(head.path(), "/chat");
  EXPECT_EQ(head.query(), "");
}

TEST(QueryParameter, IsTheRawValueOfTheFirstPair) {
  EXPECT_EQ(QueryParameter("a=1&b=2&b=3", "b"), "2");
  EXPECT_EQ(QueryParameter("ab=1&b=%20", "b"), "%20");
  EXPECT_EQ(QueryParameter("a&b=", "a"), "");
  EXPECT_EQ(QueryParameter("a&b=", "b"), "");
  EXPECT_EQ(QueryParameter("a=b=c", "a"), "b=c");
  EXPECT_EQ(QueryParameter("&&a=1", "a"), "1");
  EXPECT_EQ(QueryParameter("", "a"), std::nullopt);
  EXPECT_EQ(QueryParameter("b=a", "a"), std::nullopt);
}

TEST(Authority, HostIsWhatStandsAheadOfThePort) {
  EXPECT_EQ(HostOf("example.com:8080"), "example.com");
  EXPECT_EQ(HostOf("example.com"), "example.com");
  EXPECT_EQ(HostOf("[::1]:80"), "[::1]");
  EXPECT_EQ(HostOf("[::1]"), "[::1]");
  EXPECT_EQ(HostOf("[::1"), "[::1");
  EXPECT_EQ(HostOf("["), "[");
  EXPECT_EQ(HostOf(""), "");
}

TEST(Authority, HostsOfEveryKindAreValid) {
  for (const char* authority :
       {"example.com", "a", "EXAMPLE.com:443", "192.0.2.1", "192.0.2.1:80", "[::1]", "[::1]:8080",
        "[2001:db8::192.0.2.1]:1", "under_score.local", "a%20b", "xn--bcher-kva.example", "example.com.",
        "example.com:", "example.com:0", "example.com:65535"}) {
    EXPECT_TRUE(IsValidAuthority(authority)) << authority;
  }
}

TEST(Authority, WhatIsNoHostIsNotValid) {
  using namespace std::string_literals;
  for (const std::string& authority :
       {""s,         ":80"s,         "a b"s,     "a/b"s,          "a?b"s,
        "a#b"s,      "user@host"s,   "a:b"s,     "a:1:2"s,        "a:65536"s,
        "a:000080"s, "a:-1"s,        "::1"s,     "[::1"s,         "::1]"s,
        "[]"s,       "[192.0.2.1]"s, "[::1]80"s, "[::1]x:80"s,    "[fe80::1%25eth0]"s,
        "[v1.x]"s,   "[::g]"s,       "a%"s,      "a%2"s,          "a%zz"s,
        "a\\b"s,     "a\0b"s,        "[::1\0]"s, "b\xc3\xbc.de"s, "a<b"s,
        "a\"b"s,     "a,b c"s}) {
    EXPECT_FALSE(IsValidAuthority(authority)) << authority;
  }
}

TEST(TextArena, ItsTextsStayWhereTheyAre) {
  TextArena arena;
  const std::string_view first = arena("short");
  for (int i = 0; i < 1000; ++i) arena(std::string(static_cast<size_t>(i % 40), 'x'));
  EXPECT_EQ(first, "short");
}

TEST(HeaderList, FieldsWithAnUnderscoreCanBeCountedAndTakenOut) {
  HeaderList headers;
  headers.Add("X-Token", "a_b");
  headers.Add("X_Token", "1");
  headers.Add("_", "2");
  EXPECT_EQ(headers.RemoveIf(HasUnderscore), 2u);
  EXPECT_EQ(headers.size(), 1u);
  EXPECT_EQ(headers.Find("X-Token"), "a_b");
  EXPECT_EQ(headers.RemoveIf(HasUnderscore), 0u);
}

}  // namespace
}  // namespace hawser::http
