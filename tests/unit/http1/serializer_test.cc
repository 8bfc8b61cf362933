#include "proxy/http1/serializer.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/http1/head_parser.h"

namespace hawser::http1::serializer_test {
namespace {

using http::Reject;
using testing::HasSubstr;
using testing::Not;

http::RequestHead Request() {
  http::RequestHead head{.method = "GET", .target = "/chat?a", .authority = "example.com"};
  head.headers.Add("Accept", "*/*");
  return head;
}

std::string Text(const http::RequestHead& head) {
  std::string out;
  EXPECT_TRUE(AppendRequestHead(head, {}, out));
  return out;
}

TEST(Serializer, ARequestBeginsWithItsHost) {
  http::RequestHead head = Request();
  head.headers.Add("host", "other");
  EXPECT_EQ(Text(head), "GET /chat?a HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\n\r\n");
}

TEST(Serializer, CookieCrumbsBecomeOneField) {
  http::RequestHead head = Request();
  head.headers.Add("cookie", "a=1");
  head.headers.Add("X", "y");
  head.headers.Add("Cookie", "b=2; c=3");
  EXPECT_EQ(
      Text(head),
      "GET /chat?a HTTP/1.1\r\nHost: example.com\r\nAccept: */*\r\nX: y\r\nCookie: a=1; b=2; c=3\r\n\r\n");
}

TEST(Serializer, AHeadIsAppended) {
  std::string out = "before";
  ASSERT_TRUE(AppendRequestHead(Request(), {}, out));
  EXPECT_TRUE(out.starts_with("beforeGET "));
}

TEST(Serializer, ATextThatCouldEndItsLineIsNeverWritten) {
  const std::string bad[] = {"a\r\nEvil: 1", "a\nb", "a\rb", std::string("a\0b", 3), "a\x7f", "a\x01"};
  for (const std::string& text : bad) {
    std::string out = "before";
    http::RequestHead request = Request();
    request.headers.Add("A", text);
    EXPECT_FALSE(AppendRequestHead(request, {}, out));
    request = Request();
    request.headers.Add(text, "a");
    EXPECT_FALSE(AppendRequestHead(request, {}, out));
    request = Request();
    request.method = text;
    EXPECT_FALSE(AppendRequestHead(request, {}, out));
    request = Request();
    request.target = text;
    EXPECT_FALSE(AppendRequestHead(request, {}, out));
    request = Request();
    request.authority = text;
    EXPECT_FALSE(AppendRequestHead(request, {}, out));
    http::ResponseHead response{.status = 200, .reason = text};
    EXPECT_FALSE(AppendResponseHead(response, {}, out));
    response.reason = "OK";
    response.headers.Add("A", text);
    EXPECT_FALSE(AppendResponseHead(response, {}, out));
    EXPECT_EQ(out, "before");
  }
}

TEST(Serializer, PartsThatAreNotOfTheirGrammarAreNotWritten) {
  std::string out;
  for (const char* name : {"", "A B", "A:", "\xc3\xa4"}) {
    http::RequestHead head = Request();
    head.headers.Add(name, "a");
    EXPECT_FALSE(AppendRequestHead(head, {}, out)) << name;
  }
  http::RequestHead head = Request();
  head.target = "/a b";
  EXPECT_FALSE(AppendRequestHead(head, {}, out));
  head.target = "";
  EXPECT_FALSE(AppendRequestHead(head, {}, out));
  EXPECT_FALSE(AppendResponseHead({.status = 99}, {}, out));
  EXPECT_FALSE(AppendResponseHead({.status = 1000}, {}, out));
}

TEST(Serializer, AResponseKeepsItsReasonOrGetsTheUsualOne) {
  std::string out;
  http::ResponseHead head{.status = 404, .reason = "Gone fishing", .version = http::Version::kHttp10};
  head.headers.Add("A", "b");
  ASSERT_TRUE(AppendResponseHead(head, {}, out));
  EXPECT_EQ(out, "HTTP/1.1 404 Gone fishing\r\nA: b\r\n\r\n");
  out.clear();
  ASSERT_TRUE(AppendResponseHead({.status = 101}, {}, out));
  EXPECT_EQ(out, "HTTP/1.1 101 Switching Protocols\r\n\r\n");
  out.clear();
  ASSERT_TRUE(AppendResponseHead({.status = 299}, {}, out));
  EXPECT_EQ(out, "HTTP/1.1 299 \r\n\r\n");
}

TEST(Serializer, WhatIsWrittenIsReadTheSame) {
  const std::string text = Text(Request());
  http::RequestHead head;
  size_t scanned = 0;
  ASSERT_EQ(ParseRequestHead(text, {}, head, scanned).state, ParseState::kComplete);
  EXPECT_EQ(Text(head), text);
}

std::string LastRefusal(Reject reject) {
  return LastResponse(http::RefusalOf(reject, 0), "GET");
}

TEST(LastResponse, EveryRefusalWithAStatusIsASoundResponse) {
  for (size_t i = 0; i < static_cast<size_t>(Reject::kCount); ++i) {
    const http::RejectSpec& spec = http::SpecOf(static_cast<Reject>(i));
    if (spec.status == 0) continue;
    const std::string text = LastRefusal(spec.reject);
    http::ResponseHead head;
    size_t scanned = 0;
    const ParseResult result = ParseResponseHead(text, {}, head, scanned);
    ASSERT_EQ(result.state, ParseState::kComplete) << spec.label;
    EXPECT_EQ(head.status, spec.status);
    EXPECT_NE(head.reason, "") << spec.label;
    EXPECT_EQ(text.substr(result.head_bytes), std::string(spec.text) + "\n");
    EXPECT_EQ(head.headers.Find("Content-Length"), std::to_string(text.size() - result.head_bytes));
    EXPECT_TRUE(head.headers.HasToken("Connection", "close"));
    EXPECT_EQ(head.headers.Find("Content-Type"), "text/plain");
  }
}

TEST(LastResponse, ItsBodyIsLeftOutInAnswerToHead) {
  const http::LocalResponse response = http::MakeLocalResponse(200, {{"X-Own", "1"}}, "body\n");
  const std::string text = LastResponse(response, "GET");
  EXPECT_TRUE(text.ends_with("\r\nX-Own: 1\r\nConnection: close\r\n\r\nbody\n"));
  EXPECT_EQ(LastResponse(response, "HEAD") + "body\n", text);
}

TEST(LastResponse, TheAnswerToAWrongVersionNamesTheRightOne) {
  const std::string text = LastRefusal(Reject::kBadWebSocketVersion);
  EXPECT_TRUE(text.starts_with("HTTP/1.1 426 Upgrade Required\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nSec-WebSocket-Version: 13\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nUpgrade: websocket\r\n"));
  EXPECT_THAT(text, HasSubstr("\r\nConnection: Upgrade\r\n"));
}

TEST(LastResponse, SomeStatusesNameTheRemedy) {
  EXPECT_THAT(LastRefusal(Reject::kMethodNotAllowed), HasSubstr("\r\nAllow: GET\r\n"));
  EXPECT_THAT(LastRefusal(Reject::kTooManyConnections), HasSubstr("\r\nRetry-After: "));
  EXPECT_THAT(LastRefusal(Reject::kDraining), HasSubstr("\r\nRetry-After: "));
  EXPECT_THAT(LastRefusal(Reject::kNoRoute), Not(HasSubstr("Retry-After")));
}

}  // namespace
}  // namespace hawser::http1::serializer_test
