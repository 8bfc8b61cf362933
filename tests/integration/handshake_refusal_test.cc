// The handshake firewall towards the client: what hawser itself refuses, with which status, and that no
// backend sees the request.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

int StatusOf(OneBackend& world, const std::string& bytes) {
  return world.Refusal(bytes).status();
}

TEST(HandshakeRefusal, AWrongVersionGets426WithTheRightOneAndReachesNoBackend) {
  OneBackend world;
  for (const std::string version : {"12", "8", "0", "130", "13, 12", "thirteen", ""}) {
    std::string body;
    const Head head = world.Refusal(Request{.ws_version = version}.Text(), &body);
    EXPECT_EQ(head.status(), 426) << version;
    EXPECT_EQ(head.Value("Sec-WebSocket-Version"), "13") << version;
    EXPECT_FALSE(body.empty());
  }
}

TEST(HandshakeRefusal, ABadKeyGets400) {
  OneBackend world;
  for (const std::string key : {"", "c2hvcnQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZSE=",
                                "dGhlIHNhbXBsZSBub25jZSEhISEh", "!!!lIHNhbXBsZSBub25jZQ=="}) {
    EXPECT_EQ(StatusOf(world, Request{.key = key}.Text()), 400) << key;
  }
  EXPECT_EQ(StatusOf(world, Request{.more = {{"Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="}}}.Text()),
            400);
}

TEST(HandshakeRefusal, AnUpgradeByAnotherMethodGets405) {
  OneBackend world;
  for (const std::string method : {"POST", "PUT", "HEAD", "OPTIONS", "DELETE"}) {
    Wire client = world.Connect();
    client.Send(Request{.method = method}.Text());
    EXPECT_EQ(ReadHead(client).status(), 405) << method;
    std::string body;
    client.ReadEnd(&body);
    EXPECT_EQ(body.empty(), method == "HEAD") << method << ": " << body;
  }
  EXPECT_EQ(StatusOf(world, Request{.method = "POST"}.Text()), 405);
}

TEST(HandshakeRefusal, AnUpgradeByHttp10Gets400) {
  OneBackend world;
  EXPECT_EQ(StatusOf(world, Request{.version = "HTTP/1.0"}.Text()), 400);
}

TEST(HandshakeRefusal, AnUpgradeWithABodyGets413) {
  OneBackend world;
  EXPECT_EQ(StatusOf(world, Request{.more = {{"Content-Length", "5"}}}.Text() + "hello"), 413);
  EXPECT_EQ(StatusOf(world, Request{.more = {{"Transfer-Encoding", "chunked"}}}.Text() + "0\r\n\r\n"), 413);
}

TEST(HandshakeRefusal, AnUpgradeFieldThatConnectionDoesNotNameOpensNoTunnel) {
  OneBackend world;
  EXPECT_EQ(StatusOf(world, Request{.connection = "keep-alive"}.Text()), 400);
}

TEST(HandshakeRefusal, ARequestWithoutExactlyOneHostGets400) {
  OneBackend world;
  EXPECT_EQ(StatusOf(world, Request{.host = ""}.Text()), 400);
  EXPECT_EQ(StatusOf(world, Request{.more = {{"Host", "other.test"}}}.Text()), 400);
  EXPECT_EQ(StatusOf(world, Request{.more = {{"Host", "hawser.test"}}}.Text()), 400);
  for (const std::string host : {"a b", "evil.test/path", "user@hawser.test", "hawser.test:port"}) {
    EXPECT_EQ(StatusOf(world, Request{.host = host}.Text()), 400) << host;
  }
}

TEST(HandshakeRefusal, AMalformedHeadGets400) {
  OneBackend world;
  const std::string good = Request{}.Text();
  const auto with_line = [&good](const std::string& line) {
    return good.substr(0, good.size() - 2) + line + "\r\n\r\n";
  };
  for (const std::string& bad :
       {with_line("Bad Name: x"), with_line("Name : x"), with_line(": x"), with_line("no colon"),
        with_line(" folded"), with_line("X: a\rb"), with_line("X: a\nb"),
        with_line(std::string("X: a\0b", 6)), with_line("X: a\x01"),
        std::string("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), std::string("GET /\r\nHost: a\r\n\r\n"),
        std::string("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), std::string("G@T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        std::string("GET / HTTP/1.2x\r\nHost: a\r\n\r\n"),
        std::string("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")}) {
    EXPECT_EQ(StatusOf(world, bad), 400) << bad;
  }
}

TEST(HandshakeRefusal, ALengthThatContradictsItselfGets400) {
  OneBackend world;
  const std::string start = "POST / HTTP/1.1\r\nHost: hawser.test\r\n";
  EXPECT_EQ(StatusOf(world, start + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"), 400);
  EXPECT_EQ(StatusOf(world, start + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf(world, start + "Content-Length: +5\r\n\r\nhello"), 400);
  EXPECT_EQ(StatusOf(world, start + "Content-Length: 99999999999999999999999\r\n\r\n"), 400);
}

TEST(HandshakeRefusal, AnUnknownTransferCodingGets501) {
  OneBackend world;
  EXPECT_EQ(
      StatusOf(world,
               "POST / HTTP/1.1\r\nHost: hawser.test\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
      501);
}

TEST(HandshakeRefusal, AHeadBeyondItsLimitsGets431AndARequestLine414) {
  OneBackend world({.listener = {"limits: { request_head: 4KiB, request_headers: 20 }"}});
  EXPECT_EQ(StatusOf(world, Request{.more = {{"X-Large", std::string(5000, 'x')}}}.Text()), 431);
  EXPECT_EQ(StatusOf(world, Request{.target = "/" + std::string(5000, 'x')}.Text()), 414);
  Request many;
  for (int i = 0; i < 30; ++i) many.more.emplace_back("X-Field", "x");
  EXPECT_EQ(StatusOf(world, many.Text()), 431);
}

TEST(HandshakeRefusal, AHeadThatNeverEndsIsRefusedAtItsLimitAndNotAfter) {
  OneBackend world({.listener = {"limits: { request_head: 4KiB }"}});
  Wire client = world.Connect();
  client.Send("GET / HTTP/1.1\r\nHost: hawser.test\r\nX-Large: " + std::string(64 * 1024, 'x'));
  EXPECT_EQ(ReadHead(client).status(), 431);
}

TEST(HandshakeRefusal, EarlyBytesBeyondTheirLimitGet413) {
  OneBackend world({.listener = {"limits: { early_bytes: 1KiB }"}});
  Wire client = world.Connect();
  client.Send(Request{}.Text());
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  client.Send(EncodeMasked({.opcode = kBinary, .payload = std::string(8192, 'x')}));
  EXPECT_EQ(ReadHead(client).status(), 413);
  backend.ReadEnd();
}

TEST(HandshakeRefusal, NoRouteGets404) {
  OneBackend world({.route = {"match: { host: only.test, path: /chat }"}});
  Wire client = world.Connect();
  for (const Request& request :
       {Request{.target = "/other", .host = "only.test"}, Request{.target = "/chat"}}) {
    Wire wire = world.Connect();
    wire.Send(request.Text());
    EXPECT_EQ(ReadHead(wire).status(), 404) << request.Text();
  }
  EXPECT_FALSE(world.backend().contacted());
  Tunnel tunnel = world.Open({.target = "/chat", .host = "only.test"});
  ExpectAlive(tunnel);
}

TEST(HandshakeRefusal, ABackendWithoutAListenerGets503) {
  FakeBackend gone;
  HawserProcess hawser(Config{.endpoints = {gone.address()}}.Yaml());
  gone.Stop();
  Head head;
  EXPECT_FALSE(Join(hawser.listener(), {}, &head).open());
  EXPECT_EQ(head.status(), 503);
}

TEST(HandshakeRefusal, ABackendThatClosesWithoutAnAnswerGets502) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(Request{}.Text());
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Close();
  EXPECT_EQ(ReadHead(client).status(), 502);
}

TEST(HandshakeRefusal, ABackendThatResetsInsteadOfAnsweringGets502) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(Request{}.Text());
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Reset();
  EXPECT_EQ(ReadHead(client).status(), 502);
}

TEST(HandshakeRefusal, ABackendThatDoesNotAnswerInTimeGets504AndIsLeft) {
  OneBackend world({.route = {"handshake_timeout: 300ms"}});
  Wire client = world.Connect();
  client.Send(Request{}.Text());
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  EXPECT_EQ(ReadHead(client).status(), 504);
  EXPECT_NE(backend.ReadEnd(), End::kOpen);
}

TEST(HandshakeRefusal, EveryRefusalIsShortPlainAndEndsTheConnection) {
  OneBackend world;
  std::string body;
  Wire client = world.Connect();
  client.Send(Request{.ws_version = "7"}.Text());
  const Head head = ReadHead(client);
  EXPECT_TRUE(head.first_line.starts_with("HTTP/1.1 426 ")) << head.first_line;
  EXPECT_TRUE(head.Value("Content-Type").starts_with("text/plain")) << head.raw;
  EXPECT_THAT(head.All("Connection"), testing::Contains(testing::HasSubstr("close"))) << head.raw;
  EXPECT_EQ(head.Value("Content-Length"), std::to_string(ReadBody(client, head).size()));
  EXPECT_EQ(client.ReadEnd(), End::kFin);
}

TEST(HandshakeRefusal, WhatFollowsARefusedUpgradeIsNeverParsedAsARequest) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(Request{.ws_version = "12"}.Text() + PlainGet("/smuggled"));
  const Head head = ReadHead(client);
  EXPECT_EQ(head.status(), 426);
  ReadBody(client, head);
  std::string rest;
  EXPECT_EQ(client.ReadEnd(&rest), End::kFin);
  EXPECT_EQ(rest, "");
  EXPECT_EQ(world.Open({.target = "/honest"}).request.target(), "/honest");
}

TEST(HandshakeRefusal, ARefusalStandsInTheLogAndInTheMetrics) {
  OneBackend world;
  world.Refusal(Request{.target = "/old", .ws_version = "12"}.Text());
  const LogLine line = world.hawser().WaitForLog([](const LogLine& l) { return l["path"] == "/old"; });
  EXPECT_EQ(line["status"], "426");
  EXPECT_EQ(line["event"], "request");
  EXPECT_EQ(line["closed_by"], "policy");
  EXPECT_EQ(line["reason"], "bad_websocket_version");
  EXPECT_EQ(line["endpoint"], "");
  EXPECT_NE(world.hawser().AdminPage("/stats/prometheus").find("bad_websocket_version"), std::string::npos);
}

}  // namespace
}  // namespace hawser::integration
