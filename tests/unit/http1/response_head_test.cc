#include "proxy/http1/head_parser.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/unit/http1/parse_both_ways.h"

namespace hawser::http1 {
namespace {

using namespace std::string_literals;
using http::Reject;

struct ParsedResponse {
  ParseResult result;
  http::ResponseHead head;
};

ParsedResponse ParseResponse(const std::string& bytes, const HeadLimits& limits = {}) {
  ParsedResponse parsed;
  parsed.result = ParseBothWays(bytes, limits, parsed.head, ParseResponseHead);
  return parsed;
}

bool IsRefused(const std::string& bytes, const HeadLimits& limits = {}) {
  const ParseResult result = ParseResponse(bytes, limits).result;
  EXPECT_EQ(result.reject,
            result.state == ParseState::kRejected ? Reject::kBadBackendResponse : Reject::kNone)
      << bytes;
  return result.state == ParseState::kRejected;
}

TEST(ResponseHead, AnOrdinaryHeadIsTakenApart) {
  const std::string bytes =
      "HTTP/1.1 404 Not Found, sorry\r\nContent-Length: 3\r\nSet-Cookie: a=b\r\n\r\nabc";
  http::ResponseHead head;
  size_t scanned = 0;
  const ParseResult result = ParseResponseHead(bytes, {}, head, scanned);
  ASSERT_EQ(result.state, ParseState::kComplete);
  EXPECT_EQ(bytes.substr(result.head_bytes), "abc");
  EXPECT_EQ(head.status, 404);
  EXPECT_EQ(head.reason, "Not Found, sorry");
  EXPECT_EQ(head.version, http::Version::kHttp11);
  EXPECT_EQ(head.headers.Find("set-cookie"), "a=b");
}

TEST(ResponseHead, StatusLinesThatPass) {
  for (const char* line :
       {"HTTP/1.1 101 Switching Protocols", "HTTP/1.0 200 OK", "HTTP/1.2 200 OK", "HTTP/1.1 204 ",
        "HTTP/1.1 599", "HTTP/1.1 600 x", "HTTP/1.1 999", "HTTP/1.1 100 a\tb", "HTTP/1.1 200 \xc3\xa4"}) {
    EXPECT_FALSE(IsRefused(line + "\r\n\r\n"s)) << line;
  }
}

TEST(ResponseHead, StatusLinesThatDoNot) {
  for (const char* line : {"", "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 20", "HTTP/1.1 2000", "HTTP/1.1 200OK",
                           "HTTP/1.1  200 OK", "HTTP/1.1 099 x", "HTTP/1.1 000 x", "HTTP/1.1 -20 x",
                           "HTTP/1.1 2x0 x", "HTTP/2.0 200 OK", "HTTP/1.22 200 OK", "http/1.1 200 OK",
                           "ICY 200 OK", " HTTP/1.1 200 OK", "HTTP/1.1\t200 OK", "HTTP/1.1 200 a\x01"}) {
    EXPECT_TRUE(IsRefused(line + "\r\nA: b\r\n\r\n"s)) << line;
  }
}

TEST(ResponseHead, TheRulesOfLinesAndFieldsAreThoseOfRequests) {
  const std::string line = "HTTP/1.1 200 OK\r\n";
  for (const char* fields :
       {"A : b\r\n", "A\r\n", ": b\r\n", "A: b\nC: d\r\n", "A: b\r\n c\r\n", "A: b\rc\r\n", "A b: c\r\n"}) {
    EXPECT_TRUE(IsRefused(line + fields + "\r\n")) << fields;
  }
  EXPECT_TRUE(IsRefused("\r\n" + line + "\r\n"));
  EXPECT_TRUE(IsRefused(line + "A: b"s + '\0' + "\r\n\r\n"));
}

TEST(ResponseHead, FramingMustBeSoundHoweverTheRequestWas) {
  const std::string line = "HTTP/1.1 200 OK\r\n";
  EXPECT_TRUE(IsRefused(line + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n"));
  EXPECT_TRUE(IsRefused(line + "Content-Length: 1, 1\r\n\r\n"));
  EXPECT_TRUE(IsRefused(line + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"));
  EXPECT_TRUE(IsRefused(line + "Transfer-Encoding: gzip, chunked\r\n\r\n"));
  EXPECT_TRUE(IsRefused("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
}

TEST(ResponseHead, AContentLengthLosesItsLeadingZeros) {
  const std::string bytes = "HTTP/1.1 200 OK\r\nContent-Length: 0010\r\n\r\n";
  http::ResponseHead head;
  size_t scanned = 0;
  ASSERT_EQ(ParseResponseHead(bytes, {}, head, scanned).state, ParseState::kComplete);
  EXPECT_EQ(head.headers.Find("Content-Length"), "10");
}

TEST(ResponseHead, LimitsHoldToTheByteAndTheField) {
  const std::string bytes = "HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\n";
  EXPECT_FALSE(IsRefused(bytes, {.head_bytes = bytes.size(), .headers = 2}));
  EXPECT_TRUE(IsRefused(bytes, {.head_bytes = bytes.size() - 1, .headers = 2}));
  EXPECT_TRUE(IsRefused(bytes, {.head_bytes = bytes.size(), .headers = 1}));
}

}  // namespace
}  // namespace hawser::http1
