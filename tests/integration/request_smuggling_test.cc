// Ambiguous requests. Each is sent to the real binary on its own connection, with a request hidden behind it.
// A backend that records every byte shows what hawser forwarded, and a counter shows that hawser refused it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/recording_backend.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using namespace std::string_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

const std::string kHidden = "GET /hidden HTTP/1.1\r\nHost: hawser.test\r\n\r\n";

struct Attack {
  std::string name;
  std::string bytes;
  int status = 400;
  std::string reason = "malformed_request";  // of hawser_rejects_total
};

class Recorded {
 public:
  explicit Recorded(Config config = {}) : hawser_(AttackWith(std::move(config)).Yaml()) {}

  RecordingBackend& backend() { return backend_; }
  HawserProcess& hawser() { return hawser_; }
  Wire Connect() { return Wire::Connect(hawser_.listener()); }
  double Rejects(const std::string& reason) {
    return hawser_.Metric("hawser_rejects_total", {"\"" + reason + "\""});
  }

  // What the backend saw of all before, now that a request behind it has been answered.
  std::string Seen() {
    Wire client = Connect();
    client.Send(PlainGet("/probe", {{"Connection", "close"}}));
    EXPECT_EQ(ReadHead(client).status(), 200);
    const std::string seen = backend_.Take();
    const size_t probe = seen.find("GET /probe ");
    EXPECT_NE(probe, std::string::npos);
    return seen.substr(0, probe);
  }

 private:
  Config AttackWith(Config config) {
    config.endpoints = {backend_.address()};
    return config;
  }

  RecordingBackend backend_;
  HawserProcess hawser_;
};

// The refusal, and that nothing is answered or passed on behind it.
void ExpectRefused(Recorded& world, const Attack& attack) {
  SCOPED_TRACE(attack.name);
  const double before = world.Rejects(attack.reason);
  Wire client = world.Connect();
  client.Send(attack.bytes);
  const Head head = ReadHead(client);
  EXPECT_EQ(head.status(), attack.status) << head.raw;
  EXPECT_THAT(head.All("Connection"), Contains("close"));
  ReadBody(client, head);
  std::string rest;
  EXPECT_EQ(client.ReadEnd(&rest), End::kFin);
  EXPECT_EQ(rest, "");
  EXPECT_TRUE(Eventually([&] { return world.Rejects(attack.reason) == before + 1; })) << attack.reason;
}

std::string PostVisible(const std::string& fields, const std::string& body) {
  return "POST /visible HTTP/1.1\r\nHost: hawser.test\r\n" + fields + "\r\n" + body;
}
Attack AttackWith(const std::string& fields, int status = 400,
                  const std::string& reason = "malformed_request") {
  return {.name = fields, .bytes = PostVisible(fields, kHidden), .status = status, .reason = reason};
}

std::vector<Attack> LengthAttacks() {
  std::vector<Attack> attacks = {
      AttackWith("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n"),
      AttackWith("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n"),
      AttackWith("Transfer-Encoding: gzip\r\nContent-Length: 6\r\n"),
      AttackWith("Content-Length: 6\r\nContent-Length: 5\r\n"),
      AttackWith("Content-Length: 6\r\nContent-Length: 6\r\n"),
      AttackWith("Content-Length: 6\r\ncontent-length: 6\r\n"),
      AttackWith("Content-Length: 0\r\nContent-Length: 44\r\n"),
  };
  for (const std::string value :
       {"6, 6", "6,6", "6, 5", "+6", "-6", "-0", "0x6", "6 6", "6;", "6.0", "1e1", "six", "\"6\"", "",
        "9223372036854775808", "18446744073709551616", "99999999999999999999999999999999", "\xd9\xa6"}) {
    attacks.push_back(AttackWith("Content-Length: " + value + "\r\n"));
  }
  return attacks;
}

std::vector<Attack> CodingAttacks() {
  std::vector<Attack> attacks = {
      AttackWith("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
      AttackWith("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
      {.name = "Transfer-Encoding of HTTP/1.0",
       .bytes =
           "POST / HTTP/1.0\r\nHost: hawser.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + kHidden},
  };
  for (const std::string value :
       {"chunked, chunked", "chunked, identity", "chunked,", ", chunked", "", "chunked;q=1", "\"chunked\"",
        "chunked chunked", "[chunked]", "chunked\xc2\xa0"}) {
    attacks.push_back(AttackWith("Transfer-Encoding: " + value + "\r\n"));
  }
  for (const std::string value : {"\vchunked", "chunked\v", "\fchunked",
                                  "\x01"
                                  "chunked",
                                  "chunked\x7f"}) {
    attacks.push_back(AttackWith("Transfer-Encoding: " + value + "\r\n"));
  }
  for (const std::string value :
       {"xchunked", "chunkedx", "identity", "gzip", "gzip, chunked", "identity, chunked", "cow"}) {
    attacks.push_back(AttackWith("Transfer-Encoding: " + value + "\r\n", 501, "unsupported_transfer_coding"));
  }
  return attacks;
}

std::vector<Attack> LineAttacks() {
  std::vector<Attack> attacks = {
      {"lines that end in LF", "GET / HTTP/1.1\nHost: hawser.test\n\n" + kHidden},
      {"an empty line of LF", "GET / HTTP/1.1\r\nHost: hawser.test\r\n\n" + kHidden},
      {"CR CR LF", "GET / HTTP/1.1\r\nHost: hawser.test\r\r\n\r\n" + kHidden},
      {"LF CR LF", "GET / HTTP/1.1\r\nHost: hawser.test\n\r\n\r\n" + kHidden},
      {"CR alone ends the request line", "GET / HTTP/1.1\rHost: hawser.test\r\n\r\n" + kHidden},
      {"a NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: hawser.test\r\n\r\n"s + kHidden},
      {"a NUL in the method", "G\0ET / HTTP/1.1\r\nHost: hawser.test\r\n\r\n"s + kHidden},
      {"two empty lines ahead", "\r\n\r\nGET / HTTP/1.1\r\nHost: hawser.test\r\n\r\n" + kHidden},
      {"a space ahead", " GET / HTTP/1.1\r\nHost: hawser.test\r\n\r\n" + kHidden},
      {"HTTP/0.9", "GET /\r\n\r\n" + kHidden},
      {"HTTP/1.22", "GET / HTTP/1.22\r\nHost: hawser.test\r\n\r\n" + kHidden},
      {"HTTP/2", "GET / HTTP/2\r\nHost: hawser.test\r\n\r\n" + kHidden},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: hawser.test\r\n\r\n" + kHidden, 505, "unsupported_version"},
      {"HTTP/0.9 by name", "GET / HTTP/0.9\r\nHost: hawser.test\r\n\r\n" + kHidden, 505,
       "unsupported_version"},
      {"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + kHidden},
      {"PRI", "PRI /visible HTTP/1.1\r\nHost: hawser.test\r\n\r\n" + kHidden},
      {"http/1.1", "GET / http/1.1\r\nHost: hawser.test\r\n\r\n" + kHidden},
      {"two versions", "GET / HTTP/1.1 HTTP/1.1\r\nHost: hawser.test\r\n\r\n" + kHidden},
      {"a tab for a space", "GET\t/ HTTP/1.1\r\nHost: hawser.test\r\n\r\n" + kHidden},
      {"a field ahead of Host folded onto the request line",
       "GET / HTTP/1.1\r\n Host: hawser.test\r\n\r\n" + kHidden},
  };
  for (const std::string line : {"X: a\r\n folded",
                                 "X: a\r\n\tfolded",
                                 "Content-Length: 4\r\n 4",
                                 "Transfer-Encoding:\r\n chunked",
                                 "Content-Length : 44",
                                 "Content-Length\t: 44",
                                 "Transfer-Encoding : chunked",
                                 " Content-Length: 44",
                                 "X : a",
                                 ": a",
                                 "X",
                                 "X Y: a",
                                 "X\r: a",
                                 "X: a\rContent-Length: 44",
                                 "X: a\nContent-Length: 44",
                                 "X: a\r",
                                 "Content-Length: 4\n4",
                                 "X\xc3\xa9: a",
                                 "X(a): b",
                                 "X@: b"}) {
    attacks.push_back(AttackWith(line + "\r\n"));
  }
  attacks.push_back(AttackWith("X: a\0b\r\n"s));
  attacks.push_back(AttackWith("X\0: a\r\n"s));
  attacks.push_back(AttackWith("Content-Length\0: 44\r\n"s));
  attacks.push_back(AttackWith("Content-Length: 4\0004\r\n"s));
  return attacks;
}

std::vector<Attack> UpgradeAttacks() {
  const auto handshake = [](const Fields& more) {
    return Request{.target = "/visible", .more = more}.Text();
  };
  return {
      {"Upgrade with a length", handshake({{"Content-Length", "44"}}) + kHidden, 413, "upgrade_with_body"},
      {"Upgrade with chunks", handshake({{"Transfer-Encoding", "chunked"}}) + "0\r\n\r\n" + kHidden, 413,
       "upgrade_with_body"},
      {"Upgrade with both",
       handshake({{"Content-Length", "44"}, {"Transfer-Encoding", "chunked"}}) + kHidden},
      {"Upgrade by POST", Request{.method = "POST"}.Text() + kHidden, 405, "method_not_allowed"},
      {"a wrong version", Request{.ws_version = "12"}.Text() + kHidden, 426, "bad_websocket_version"},
      {"no key", Request{.key = ""}.Text() + kHidden, 400, "bad_websocket_key"},
      {"Upgrade that Connection does not name", Request{.connection = "keep-alive"}.Text() + kHidden, 400,
       "bad_upgrade"},
      {"Upgrade by HTTP/1.0", Request{.version = "HTTP/1.0"}.Text() + kHidden, 400, "bad_upgrade"},
      {"CONNECT", "CONNECT hawser.test:443 HTTP/1.1\r\nHost: hawser.test\r\n\r\n" + kHidden, 405,
       "method_not_allowed"},
  };
}

std::vector<Attack> HostAttacks() {
  std::vector<Attack> attacks = {
      {"no Host", "GET / HTTP/1.1\r\n\r\n" + kHidden, 400, "bad_host"},
      {"an absolute target with a user",
       "GET http://a@hawser.test/ HTTP/1.1\r\nHost: hawser.test\r\n\r\n" + kHidden, 400, "bad_host"},
      {"another scheme", "GET ftp://hawser.test/ HTTP/1.1\r\nHost: hawser.test\r\n\r\n" + kHidden},
      {"a target that is no path", "GET hidden HTTP/1.1\r\nHost: hawser.test\r\n\r\n" + kHidden},
      {"a fragment", "GET /#a HTTP/1.1\r\nHost: hawser.test\r\n\r\n" + kHidden},
  };
  for (const std::string lines :
       {"Host: hawser.test\r\nHost: hawser.test", "Host: hawser.test\r\nhost: evil.test",
        "Host: ", "Host: hawser.test, evil.test", "Host: hawser.test evil.test", "Host: evil.test/hidden",
        "Host: user@hawser.test", "Host: hawser.test:99999", "Host: [::1"}) {
    attacks.push_back({lines, "GET / HTTP/1.1\r\n" + lines + "\r\n\r\n" + kHidden, 400, "bad_host"});
  }
  return attacks;
}

void ExpectAllRefused(const std::vector<Attack>& attacks) {
  Recorded world;
  for (const Attack& attack : attacks) ExpectRefused(world, attack);
  EXPECT_EQ(world.Seen(), "");
}

TEST(RequestSmuggling, LengthsThatAreNotOneSoundNumberReachNoBackend) {
  ExpectAllRefused(LengthAttacks());
}
TEST(RequestSmuggling, TransferCodingsThatAreNotChunkedReachNoBackend) {
  ExpectAllRefused(CodingAttacks());
}
TEST(RequestSmuggling, LinesThatEndOrFoldStrangelyReachNoBackend) {
  ExpectAllRefused(LineAttacks());
}
TEST(RequestSmuggling, UpgradesThatHideARequestReachNoBackend) {
  ExpectAllRefused(UpgradeAttacks());
}
TEST(RequestSmuggling, AmbiguousHostsReachNoBackend) {
  ExpectAllRefused(HostAttacks());
}

// The head may have gone to the backend by the time that the body turns out to be broken: then it never
// becomes whole.
TEST(RequestSmuggling, ABrokenChunkEndsTheConnectionAndIsNotPassedOn) {
  Recorded world;
  for (const std::string body : {"10000000000000000\r\n",
                                 "8000000000000000\r\n",
                                 "ffffffffffffffffffff\r\n",
                                 "-1\r\n",
                                 "+5\r\nhello\r\n",
                                 "0x5\r\nhello\r\n",
                                 " 5\r\nhello\r\n",
                                 "5 \r\nhello\r\n",
                                 "\r\n5\r\nhello\r\n",
                                 "g\r\nhello\r\n",
                                 "5\nhello\r\n",
                                 "5\r\nhelloX\r\n",
                                 "5\r\nhello\n0\r\n",
                                 "5\r\nhello0\r\n\r\n",
                                 "5;\r\nhello\r\n",
                                 "5;a=\"b\r\nhello\r\n",
                                 "5;a b\r\nhello\r\n",
                                 "5 ;a \r\nhello\r\n",
                                 "5 5\r\nhello\r\n",
                                 "5;a\nb\r\nhello\r\n",
                                 "5;a\rb\r\nhello\r\n",
                                 "0\r\nX: a\r\n folded\r\n\r\n",
                                 "0\r\nX : a\r\n\r\n",
                                 "0\r\nX: a\n\r\n",
                                 "0\n\r\n"}) {
    SCOPED_TRACE(body);
    const double before = world.Rejects("malformed_request");
    Wire client = world.Connect();
    client.Send(PostVisible("Transfer-Encoding: chunked\r\n", body + "0\r\n\r\n" + kHidden));
    const Head head = ReadHead(client);
    EXPECT_EQ(head.status(), 400) << head.raw;
    ReadBody(client, head);
    std::string rest;
    EXPECT_EQ(client.ReadEnd(&rest), End::kFin);
    EXPECT_EQ(rest, "");
    EXPECT_TRUE(Eventually([&] { return world.Rejects("malformed_request") == before + 1; }));
    const std::string seen = world.Seen();
    EXPECT_THAT(seen, Not(HasSubstr("hidden")));
    EXPECT_EQ(RequestLength(seen), 0u) << seen;
  }
}

TEST(RequestSmuggling, AChunkExtensionOrATrailerSectionBeyondItsBoundIsBroken) {
  Recorded world;
  for (const std::string& body : {"5;" + std::string(1000, 'x') + "\r\nhello\r\n0\r\n\r\n",
                                  "0\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"}) {
    Wire client = world.Connect();
    client.Send(PostVisible("Transfer-Encoding: chunked\r\n", body));
    EXPECT_EQ(ReadHead(client).status(), 400);
    EXPECT_EQ(RequestLength(world.Seen()), 0u);
  }
}

// Valid requests, and requests that can be normalized, reach the backend in exactly this form; X-Forwarded-*
// and similar fields are not compared.
struct Cleaned {
  std::string name;
  std::string bytes;
  std::string body;                   // as the backend sees it, framing included
  std::vector<std::string> has = {};  // lines of the head there
  std::vector<std::string> has_not = {};
};

std::vector<Cleaned> CleanedForms() {
  return {
      {"chunk extensions go",
       PostVisible("Transfer-Encoding: chunked\r\n", "5;ext=val;x=\"y\"\r\nhello\r\n0;z\r\n\r\n"),
       "5\r\nhello\r\n0\r\n\r\n",
       {"Transfer-Encoding: chunked"},
       {"Content-Length"}},
      {"white space around chunk extensions goes",
       PostVisible("Transfer-Encoding: chunked\r\n", "5 ;ext = val\t; x= \"y\"\r\nhello\r\n0\t; z\r\n\r\n"),
       "5\r\nhello\r\n0\r\n\r\n",
       {"Transfer-Encoding: chunked"}},
      {"chunk sizes are written anew",
       PostVisible("transfer-encoding:\tChunked \r\n", "0005\r\nhello\r\n000\r\n\r\n"),
       "5\r\nhello\r\n0\r\n\r\n",
       {"Transfer-Encoding: chunked"}},
      {"trailers that frame, route or vouch go",
       PostVisible(
           "Transfer-Encoding: chunked\r\n",
           "0\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nHost: evil.test\r\nX-Forwarded-For: "
           "1.2.3.4\r\n"
           "X_Forwarded_For: 1.2.3.4\r\nAuthorization: x\r\nX-Sum: 1\r\n\r\n"),
       "0\r\nX-Sum: 1\r\n\r\n"},
      {"what Connection names goes, and what it must not name stays",
       PostVisible("Connection: X-Hop, Content-Length, Host, Cookie, close\r\nX-Hop: 1\r\nKeep-Alive: "
                   "5\r\nProxy-Connection: a\r\n"
                   "TE: gzip\r\nUpgrade: h2c\r\nCookie: a=1\r\nContent-Length: 5\r\n",
                   "hello"),
       "hello",
       {"Content-Length: 5", "Cookie: a=1", "Host: hawser.test"},
       {"X-Hop", "Keep-Alive", "Proxy-Connection", "TE", "Upgrade"}},
      {"names with an underscore go",
       PostVisible(
           "Content_Length: 44\r\nTransfer_Encoding: chunked\r\nX_Real_IP: 1.2.3.4\r\nContent-Length: 5\r\n",
           "hello"),
       "hello",
       {"Content-Length: 5"},
       {"Content_Length", "Transfer_Encoding", "X_Real_IP"}},
      {"the host of an absolute target is the one that counts",
       "POST http://hawser.test/visible HTTP/1.1\r\nHost: evil.test\r\nContent-Length: 5\r\n\r\nhello",
       "hello",
       {"Host: hawser.test"},
       {"evil"}},
      {"a length is passed on without leading zeros",
       PostVisible("Content-Length: 005\r\n", "hello"),
       "hello",
       {"Content-Length: 5"}},
      {"a later minor version is 1.1",
       "POST /visible HTTP/1.9\r\nHost: hawser.test\r\nTransfer-Encoding: "
       "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
       "5\r\nhello\r\n0\r\n\r\n",
       {"Transfer-Encoding: chunked"}},
      {"a body of a GET stays a body",
       "GET /visible HTTP/1.1\r\nHost: hawser.test\r\nContent-Length: " + std::to_string(kHidden.size()) +
           "\r\n\r\n" + kHidden,
       kHidden,
       {"Content-Length: " + std::to_string(kHidden.size())}},
      {"bytes above 0x7f pass",
       PostVisible("X: \xc3\xa9\xff\r\nContent-Length: 5\r\n", "hello"),
       "hello",
       {"X: \xc3\xa9\xff"}},
  };
}

TEST(RequestSmuggling, RequestsThatCanBeNormalizedReachTheBackendInOneForm) {
  Recorded world;
  for (const Cleaned& cleaned : CleanedForms()) {
    SCOPED_TRACE(cleaned.name);
    Wire client = world.Connect();
    client.Send(cleaned.bytes);
    EXPECT_EQ(ReadHead(client).status(), 200);
    const std::string seen = world.Seen();
    const size_t end = seen.find("\r\n\r\n") + 4;
    EXPECT_EQ(seen.substr(end), cleaned.body);
    const Head head = ParseHead(seen.substr(0, end));
    EXPECT_EQ(head.target(), "/visible");
    for (const std::string& line : cleaned.has) EXPECT_THAT(head.raw, HasSubstr("\r\n" + line + "\r\n"));
    for (const std::string& name : cleaned.has_not) EXPECT_THAT(head.raw, Not(HasSubstr("\r\n" + name)));
    EXPECT_LE(head.All("Content-Length").size() + head.All("Transfer-Encoding").size(), 1u) << head.raw;
    EXPECT_EQ(head.All("Host").size(), 1u) << head.raw;
  }
}

TEST(RequestSmuggling, WhatFollowsAnUpgradeThatTheBackendRefusesIsNoRequest) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(Request{.target = "/visible"}.Text() + kHidden);
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("403 Forbidden", "no"));
  const Head head = ReadHead(client);
  EXPECT_EQ(head.status(), 403);
  EXPECT_EQ(head.Value("Connection"), "close");
  EXPECT_EQ(ReadBody(client, head), "no");
  std::string rest;
  EXPECT_EQ(client.ReadEnd(&rest), End::kFin);
  EXPECT_EQ(rest, "");
  EXPECT_FALSE(backend.HasInput() && !backend.unread().empty());
  EXPECT_TRUE(world.hawser().MetricIs("hawser_upgrades_total", 1, {"refused"}));
}

// --- Names with underscores ---

std::string WithUnderscore() {
  return PlainGet("/visible", {{"X_Token", "1"}, {"X-Token", "2"}, {"Connection", "close"}});
}

TEST(Underscores, AreLeftOutAndCountedUnlessToldOtherwise) {
  Recorded world;
  Wire client = world.Connect();
  client.Send(WithUnderscore());
  EXPECT_EQ(ReadHead(client).status(), 200);
  const Head seen = ParseHead(world.Seen());
  EXPECT_FALSE(seen.Has("X_Token"));
  EXPECT_EQ(seen.Value("X-Token"), "2");
  EXPECT_TRUE(world.hawser().MetricIs("hawser_header_fields_dropped_total", 1, {"underscore"}));
}

TEST(Underscores, MayBePassedOn) {
  Recorded world({.listener = {"headers_with_underscores: allow"}});
  Wire client = world.Connect();
  client.Send(WithUnderscore());
  EXPECT_EQ(ReadHead(client).status(), 200);
  EXPECT_EQ(ParseHead(world.Seen()).Value("X_Token"), "1");
}

TEST(Underscores, MayBeRefused) {
  Recorded world({.listener = {"headers_with_underscores: reject"}});
  ExpectRefused(world, {"underscore", WithUnderscore() + kHidden, 400, "underscore_in_header"});
  ExpectRefused(world,
                {"of a handshake", Request{.more = {{"X_Token", "1"}}}.Text(), 400, "underscore_in_header"});
  EXPECT_EQ(world.Seen(), "");
}

TEST(Underscores, AreLeftOutOfHandshakesToo) {
  OneBackend world;
  const Tunnel tunnel = world.Open({.more = {{"X_Token", "1"}, {"X-Token", "2"}}});
  EXPECT_FALSE(tunnel.request.Has("X_Token"));
  EXPECT_EQ(tunnel.request.Value("X-Token"), "2");
}

}  // namespace
}  // namespace hawser::integration
