#include "proxy/http1/head_parser.h"

#include <string>

#include "gtest/gtest.h"
#include "proxy/http1/body.h"
#include "tests/unit/http1/parse_both_ways.h"

namespace hawser::http1 {
namespace {

using namespace std::string_literals;
using http::Reject;

struct Parsed {
  ParseResult result;
  http::RequestHead head;
};

Parsed Parse(const std::string& bytes, const HeadLimits& limits = {}) {
  Parsed parsed;
  parsed.result = ParseBothWays(bytes, limits, parsed.head, ParseRequestHead);
  return parsed;
}

Reject Verdict(const std::string& bytes, const HeadLimits& limits = {}) {
  const ParseResult result = Parse(bytes, limits).result;
  EXPECT_NE(result.state, ParseState::kIncomplete) << bytes;
  return result.reject;
}

// The verdict on a GET with these lines behind its Host.
Reject WithFields(const std::string& lines) {
  return Verdict("GET / HTTP/1.1\r\nHost: a\r\n" + lines + "\r\n");
}

// The verdict on a request with that first line.
Reject WithLine(const std::string& line) {
  return Verdict(line + "\r\nHost: a\r\n\r\n");
}

TEST(RequestHead, AnOrdinaryHeadIsTakenApart) {
  const std::string bytes =
      "GET /chat?room=1 HTTP/1.1\r\nHost: example.com:8080\r\nX-Empty:\r\nx-Odd: \t a b \t\r\nX-High: "
      "\xc3\xa4\r\n\r\nrest";
  size_t scanned = 0;
  http::RequestHead head;
  const ParseResult result = ParseRequestHead(bytes, {}, head, scanned);
  ASSERT_EQ(result.state, ParseState::kComplete);
  EXPECT_EQ(bytes.substr(result.head_bytes), "rest");
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(head.target, "/chat?room=1");
  EXPECT_EQ(head.path(), "/chat");
  EXPECT_EQ(head.version, http::Version::kHttp11);
  EXPECT_EQ(head.authority, "example.com:8080");
  EXPECT_EQ(head.scheme, "");
  EXPECT_EQ(head.headers.size(), 4u);
  EXPECT_EQ(head.headers.Find("x-empty"), "");
  EXPECT_EQ(head.headers.Find("X-Odd"), "a b");
  EXPECT_EQ(head.headers.Find("X-High"), "\xc3\xa4");
}

TEST(RequestHead, EveryPrefixOfAHeadIsIncomplete) {
  const std::string bytes = "\r\nGET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n";
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(Parse(bytes.substr(0, size)).result.state, ParseState::kIncomplete) << size;
  }
  EXPECT_EQ(Parse(bytes).result.state, ParseState::kComplete);
  EXPECT_EQ(Parse(bytes).result.head_bytes, bytes.size());
}

TEST(RequestHead, AReusedHeadIsEmptied) {
  http::RequestHead head;
  size_t scanned = 0;
  ASSERT_EQ(ParseRequestHead("GET http://x/ HTTP/1.1\r\nHost: a\r\nB: c\r\n\r\n", {}, head, scanned).state,
            ParseState::kComplete);
  head.protocol = "websocket";
  scanned = 0;
  ASSERT_EQ(ParseRequestHead("GET / HTTP/1.0\r\n\r\n", {}, head, scanned).state, ParseState::kComplete);
  EXPECT_TRUE(head.headers.empty());
  EXPECT_EQ(head.authority, "");
  EXPECT_EQ(head.scheme, "");
  EXPECT_EQ(head.protocol, "");
}

TEST(RequestHead, OneEmptyLineAheadIsSkippedAndNotTwo) {
  EXPECT_EQ(Verdict("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), Reject::kNone);
  EXPECT_EQ(Verdict("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(Verdict("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(Verdict(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Reject::kMalformedRequest);
}

TEST(RequestHead, LinesEndInCrLfAndNothingElse) {
  EXPECT_EQ(Verdict("GET / HTTP/1.1\nHost: a\n\n"), Reject::kMalformedRequest);
  EXPECT_EQ(Verdict("GET / HTTP/1.1\r\nHost: a\n\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(Verdict("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(Verdict("GET / HTTP/1.1\rHost: a\r\n\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(WithFields("A: b\rc\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(WithFields("A: b\nc: d\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(WithFields("\n"), Reject::kMalformedRequest);
}

TEST(RequestHead, NoControlCharacterPassesAnywhere) {
  for (int byte = 0; byte < 256; ++byte) {
    const bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
    const std::string character(1, static_cast<char>(byte));
    for (const size_t padding : {0u, 3u, 15u, 16u, 40u}) {
      const std::string text = std::string(padding, 'x') + character + "y";
      EXPECT_EQ(WithFields("A: " + text + "\r\n"), control ? Reject::kMalformedRequest : Reject::kNone)
          << byte;
      const bool target = byte > 0x20 && byte < 0x7f && byte != '#';
      EXPECT_EQ(WithLine("GET /" + text + " HTTP/1.1"), target ? Reject::kNone : Reject::kMalformedRequest)
          << byte;
    }
  }
}

TEST(RequestHead, FieldNamesAreTokens) {
  const std::string tokens = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (int byte = 0; byte < 256; ++byte) {
    if (byte == ':' || byte == '\r') continue;
    const char character = static_cast<char>(byte);
    const bool token = tokens.find(character) != std::string::npos;
    EXPECT_EQ(WithFields("A"s + character + "B: c\r\n"), token ? Reject::kNone : Reject::kMalformedRequest)
        << byte;
  }
}

TEST(RequestHead, AFieldLineIsANameAColonAndAValue) {
  EXPECT_EQ(WithFields("A:b\r\n"), Reject::kNone);
  EXPECT_EQ(WithFields("A::b\r\n"), Reject::kNone);
  EXPECT_EQ(WithFields("A : b\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(WithFields("A\t: b\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(WithFields(": b\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(WithFields("A\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(WithFields("A b: c\r\n"), Reject::kMalformedRequest);
}

TEST(RequestHead, FoldedLinesAreRefused) {
  EXPECT_EQ(WithFields("A: b\r\n c\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(WithFields("A: b\r\n\tc: d\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(WithFields("A: b\r\n \r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(Verdict("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), Reject::kMalformedRequest);
}

TEST(RequestHead, TheRequestLineHasThreePartsAndTwoSpaces) {
  for (const char* line :
       {"GET /HTTP/1.1", "GET  / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.1 ", "GET\t/ HTTP/1.1",
        "GET /\tHTTP/1.1", "GET", "GET /", "GET HTTP/1.1", "/ HTTP/1.1", " / HTTP/1.1", "GET /a b HTTP/1.1",
        "G@T / HTTP/1.1", "GET / ", "  ", "G\xc4T / HTTP/1.1"}) {
    EXPECT_EQ(WithLine(line), Reject::kMalformedRequest) << line;
  }
  EXPECT_EQ(WithLine("M-SEARCH / HTTP/1.1"), Reject::kNone);
}

http::Version VersionOf(const std::string& version) {
  const Parsed parsed = Parse("GET / " + version + "\r\nHost: a\r\n\r\n");
  EXPECT_EQ(parsed.result.state, ParseState::kComplete) << version;
  return parsed.head.version;
}

TEST(RequestHead, LaterMinorVersionsAreReadAsHttp11) {
  EXPECT_EQ(VersionOf("HTTP/1.0"), http::Version::kHttp10);
  for (const char* version : {"HTTP/1.1", "HTTP/1.2", "HTTP/1.3", "HTTP/1.9"}) {
    EXPECT_EQ(VersionOf(version), http::Version::kHttp11) << version;
  }
}

TEST(RequestHead, AnotherMajorVersionIsNotSupportedAndOtherTextIsNone) {
  for (const char* version : {"HTTP/2.0", "HTTP/0.9", "HTTP/2.1", "HTTP/3.0", "HTTP/9.9"}) {
    EXPECT_EQ(WithLine("GET / "s + version), Reject::kUnsupportedVersion) << version;
  }
  EXPECT_EQ(Verdict("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(WithLine("PRI / HTTP/1.1"), Reject::kMalformedRequest);
  for (const char* version :
       {"HTTP/1.10", "HTTP/01.1", "HTTP/1", "HTTP/2", "HTTP/1.", "http/1.1", "HTTPS/1.1", "HTTP/1.1x",
        "HTTP/1,1", "HTTP/x.1", "HTTP/1.x", "HTTP/-1.1", "HTTP 1.1", "ICY"}) {
    EXPECT_EQ(WithLine("GET / "s + version), Reject::kMalformedRequest) << version;
  }
}

TEST(RequestHead, ATlsHelloIsRefusedAtItsFirstByte) {
  EXPECT_EQ(Parse("\x16").result.state, ParseState::kRejected);
}

TEST(RequestHead, TargetsInOriginForm) {
  for (const char* target : {"/", "/a/b?c=d&e", "//a", "/a?b?c", "/%2e%2E/", "/a|b{c}\"<>^`\\[]", "/a:b@c"}) {
    const Parsed parsed = Parse("GET "s + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(parsed.result.reject, Reject::kNone) << target;
  }
  for (const char* target : {"a", "?a", "a/b", "/a#b", "#", "/\xc3\xa4", "*a", "**", "example.com:80"}) {
    EXPECT_EQ(WithLine("GET "s + target + " HTTP/1.1"), Reject::kMalformedRequest) << target;
  }
}

TEST(RequestHead, AsteriskFormIsForOptionsAlone) {
  EXPECT_EQ(WithLine("OPTIONS * HTTP/1.1"), Reject::kNone);
  EXPECT_EQ(WithLine("GET * HTTP/1.1"), Reject::kMalformedRequest);
}

TEST(RequestHead, ConnectIsNotAllowed) {
  EXPECT_EQ(WithLine("CONNECT example.com:443 HTTP/1.1"), Reject::kMethodNotAllowed);
  EXPECT_EQ(WithLine("CONNECT / HTTP/1.1"), Reject::kMethodNotAllowed);
}

TEST(RequestHead, TheHostOfAnAbsoluteTargetTakesTheFieldsPlace) {
  const std::string bytes = "GET HTTP://b.example:81/c?d HTTP/1.1\r\nhost: a\r\nX: y\r\n\r\n";
  http::RequestHead head;
  size_t scanned = 0;
  ASSERT_EQ(ParseRequestHead(bytes, {}, head, scanned).state, ParseState::kComplete);
  EXPECT_EQ(head.target, "/c?d");
  EXPECT_EQ(head.scheme, "http");
  EXPECT_EQ(head.authority, "b.example:81");
  EXPECT_EQ(head.headers.Find("Host"), "b.example:81");
}

TEST(RequestHead, AnAbsoluteTargetMayLackItsPath) {
  http::RequestHead head;
  size_t scanned = 0;
  ASSERT_EQ(ParseRequestHead("GET https://b HTTP/1.1\r\nHost: b\r\n\r\n", {}, head, scanned).state,
            ParseState::kComplete);
  EXPECT_EQ(head.target, "/");
  EXPECT_EQ(head.scheme, "https");
  scanned = 0;
  ASSERT_EQ(ParseRequestHead("OPTIONS http://b HTTP/1.1\r\nHost: b\r\n\r\n", {}, head, scanned).state,
            ParseState::kComplete);
  EXPECT_EQ(head.target, "*");
}

TEST(RequestHead, AnAbsoluteTargetMayHaveAQueryAndNoPath) {
  for (const char* method : {"GET", "OPTIONS"}) {
    http::RequestHead copy;
    {
      http::RequestHead head;
      size_t scanned = 0;
      const std::string bytes = method + " http://b:81?x=1?/y HTTP/1.1\r\nHost: b\r\n\r\n"s;
      ASSERT_EQ(ParseRequestHead(bytes, {}, head, scanned).state, ParseState::kComplete);
      copy = head;
      EXPECT_EQ(head.authority, "b:81");
    }
    EXPECT_EQ(copy.target, "/?x=1?/y");
    EXPECT_EQ(copy.path(), "/");
    EXPECT_EQ(copy.query(), "x=1?/y");
  }
}

TEST(RequestHead, AnAbsoluteTargetNeedsASoundHostAndScheme) {
  EXPECT_EQ(WithLine("GET http:///a HTTP/1.1"), Reject::kBadHost);
  EXPECT_EQ(WithLine("GET http://user@b/ HTTP/1.1"), Reject::kBadHost);
  EXPECT_EQ(WithLine("GET http://b:x/ HTTP/1.1"), Reject::kBadHost);
  EXPECT_EQ(WithLine("GET http://b\\c/ HTTP/1.1"), Reject::kBadHost);
  EXPECT_EQ(WithLine("GET http:/a HTTP/1.1"), Reject::kMalformedRequest);
  EXPECT_EQ(WithLine("GET ftp://b/ HTTP/1.1"), Reject::kMalformedRequest);
  EXPECT_EQ(WithLine("GET http://?c HTTP/1.1"), Reject::kBadHost);
  EXPECT_EQ(WithLine("GET http://b?c#d HTTP/1.1"), Reject::kMalformedRequest);
}

TEST(RequestHead, ThereIsExactlyOneValidHost) {
  EXPECT_EQ(Verdict("GET / HTTP/1.1\r\n\r\n"), Reject::kBadHost);
  EXPECT_EQ(Verdict("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"), Reject::kBadHost);
  EXPECT_EQ(Verdict("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n"), Reject::kBadHost);
  for (const char* host : {"", "a b", "a/b", "a@b", "http://a", "a, b", "a:b", "[::1", "a:80:80"}) {
    EXPECT_EQ(Verdict("GET / HTTP/1.1\r\nHost: "s + host + "\r\n\r\n"), Reject::kBadHost) << host;
    EXPECT_EQ(Verdict("GET / HTTP/1.0\r\nHost: "s + host + "\r\n\r\n"), Reject::kBadHost) << host;
  }
}

TEST(RequestHead, AnAbsoluteTargetDoesNotExcuseABadHost) {
  EXPECT_EQ(Verdict("GET http://b/ HTTP/1.1\r\n\r\n"), Reject::kBadHost);
  EXPECT_EQ(Verdict("GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n"), Reject::kBadHost);
  EXPECT_EQ(Verdict("GET http://b/ HTTP/1.1\r\nHost: b\r\nHost: b\r\n\r\n"), Reject::kBadHost);
  EXPECT_EQ(Verdict("GET http://b/ HTTP/1.1\r\nHost:\r\n\r\n"), Reject::kNone);
  EXPECT_EQ(Verdict("GET http://b/ HTTP/1.0\r\n\r\n"), Reject::kNone);
}

TEST(RequestHead, Http10NeedsNoHost) {
  EXPECT_EQ(Verdict("GET / HTTP/1.0\r\n\r\n"), Reject::kNone);
}

TEST(RequestHead, ContentLengthIsOneNumber) {
  for (const char* length : {"0", "1", "9223372036854775807"}) {
    EXPECT_EQ(WithFields("Content-Length: "s + length + "\r\n"), Reject::kNone) << length;
  }
  for (const char* length :
       {"", "-1", "+1", "1 2", "1,1", "1, 1", "0x10", "1.0", "0 0", "a", "1a", "9223372036854775808",
        "18446744073709551616", "99999999999999999999999", "\"1\"", "1;a"}) {
    EXPECT_EQ(WithFields("Content-Length: "s + length + "\r\n"), Reject::kMalformedRequest) << length;
  }
  EXPECT_EQ(WithFields("Content-Length: 5\r\nContent-Length: 5\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(WithFields("Content-Length: 5\r\ncontent-length: 6\r\n"), Reject::kMalformedRequest);
}

TEST(RequestHead, AContentLengthLosesItsLeadingZeros) {
  for (const auto& [sent, passed_on] :
       {std::pair{"003", "3"},
        {"00", "0"},
        {"010", "10"},
        {"0", "0"},
        {"007", "7"},
        {"10", "10"},
        {"00000000000000000000000000000009223372036854775807", "9223372036854775807"}}) {
    const std::string bytes = "POST / HTTP/1.1\r\nHost: a\r\ncontent-length: "s + sent + "\r\n\r\n";
    http::RequestHead head;
    size_t scanned = 0;
    ASSERT_EQ(ParseRequestHead(bytes, {}, head, scanned).state, ParseState::kComplete) << sent;
    EXPECT_EQ(head.headers.Find("Content-Length"), passed_on);
    EXPECT_EQ(std::to_string(RequestFraming(head).framing.length), passed_on);
    EXPECT_EQ(head.body, passed_on != "0"s);
  }
}

TEST(RequestHead, TransferEncodingIsChunkedAndNothingElse) {
  EXPECT_EQ(WithFields("Transfer-Encoding: chunked\r\n"), Reject::kNone);
  EXPECT_EQ(WithFields("transfer-encoding: \t CHUNKED \r\n"), Reject::kNone);
  for (const char* coding :
       {"gzip", "gzip, chunked", "identity", "deflate,gzip,Chunked", "xchunked", "chunkedx"}) {
    EXPECT_EQ(WithFields("Transfer-Encoding: "s + coding + "\r\n"), Reject::kUnsupportedTransferCoding)
        << coding;
  }
  for (const char* coding :
       {"", "chunked,", ",chunked", "chunked, chunked", "chunked, gzip", "chunked, identity", "\"chunked\"",
        "chunked;a=b", "chunked chunked", "chunked\v", "gzip,,chunked", "chunked\xc2\xa0"}) {
    EXPECT_EQ(WithFields("Transfer-Encoding: "s + coding + "\r\n"), Reject::kMalformedRequest) << coding;
  }
  EXPECT_EQ(WithFields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
            Reject::kMalformedRequest);
  EXPECT_EQ(WithFields("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
            Reject::kMalformedRequest);
}

TEST(RequestHead, LengthAndCodingTogetherAreRefused) {
  EXPECT_EQ(WithFields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(WithFields("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), Reject::kMalformedRequest);
  EXPECT_EQ(WithFields("Transfer-Encoding: x\r\nContent-Length: 5\r\n"), Reject::kMalformedRequest);
}

TEST(RequestHead, Http10HasNoTransferEncoding) {
  EXPECT_EQ(Verdict("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"),
            Reject::kMalformedRequest);
}

TEST(RequestHead, AHeadMayBeAsLargeAsItsLimitAndNoLarger) {
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(100, 'x') + "\r\n\r\n";
  EXPECT_EQ(Verdict(bytes, {.head_bytes = bytes.size()}), Reject::kNone);
  EXPECT_EQ(Verdict(bytes + "more", {.head_bytes = bytes.size()}), Reject::kNone);
  EXPECT_EQ(Verdict(bytes, {.head_bytes = bytes.size() - 1}), Reject::kHeadTooLarge);
  EXPECT_EQ(Verdict("\r\n" + bytes, {.head_bytes = bytes.size()}), Reject::kHeadTooLarge);
}

TEST(RequestHead, AHeadThatFillsItsLimitWithoutAnEndIsRefusedAtOnce) {
  const std::string line = "GET / HTTP/1.1\r\n";
  EXPECT_EQ(Parse(line + std::string(47, 'x'), {.head_bytes = 64}).result.state, ParseState::kIncomplete);
  EXPECT_EQ(Verdict(line + std::string(48, 'x'), {.head_bytes = 64}), Reject::kHeadTooLarge);
  EXPECT_EQ(Verdict(line + std::string(47, 'x') + "\r", {.head_bytes = 64}), Reject::kHeadTooLarge);
}

TEST(RequestHead, ARequestLineThatFillsTheLimitIsToldApart) {
  EXPECT_EQ(Parse(std::string(63, 'x'), {.head_bytes = 64}).result.state, ParseState::kIncomplete);
  EXPECT_EQ(Verdict(std::string(64, 'x'), {.head_bytes = 64}), Reject::kUriTooLong);
  EXPECT_EQ(Verdict(std::string(63, 'x') + "\r", {.head_bytes = 64}), Reject::kUriTooLong);
  EXPECT_EQ(Verdict("\r\n" + std::string(62, 'x'), {.head_bytes = 64}), Reject::kUriTooLong);
  EXPECT_EQ(Verdict(std::string(62, 'x') + "\r\n", {.head_bytes = 64}), Reject::kHeadTooLarge);
}

TEST(RequestHead, WhatStandsBehindTheLimitIsNotLookedAt) {
  EXPECT_EQ(Verdict(std::string(64, 'x') + "\n", {.head_bytes = 64}), Reject::kUriTooLong);
  EXPECT_EQ(Verdict(std::string(63, 'x') + "\n", {.head_bytes = 64}), Reject::kMalformedRequest);
  EXPECT_EQ(Verdict(std::string(63, 'x') + "\r\n", {.head_bytes = 64}), Reject::kUriTooLong);
}

TEST(RequestHead, ThereMayBeAsManyFieldsAsTheLimitAndNoMore) {
  EXPECT_EQ(Verdict("GET / HTTP/1.1\r\nHost: a\r\nA:\r\nB:\r\n\r\n", {.headers = 3}), Reject::kNone);
  EXPECT_EQ(Verdict("GET / HTTP/1.1\r\nHost: a\r\nA:\r\nB:\r\n\r\n", {.headers = 2}),
            Reject::kTooManyHeaders);
}

TEST(RequestHead, ATrickleIsScannedOnlyOnce) {
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\nA: " + std::string(4096, 'x') + "\r\n\r\n";
  http::RequestHead head;
  size_t scanned = 0;
  for (size_t size = 1; size < bytes.size(); ++size) {
    ASSERT_EQ(ParseRequestHead(std::string_view(bytes).substr(0, size), {}, head, scanned).state,
              ParseState::kIncomplete);
    EXPECT_GE(scanned + 1, size);  // all but a CR whose LF is not there
  }
  EXPECT_EQ(ParseRequestHead(bytes, {}, head, scanned).state, ParseState::kComplete);
}

}  // namespace
}  // namespace hawser::http1
