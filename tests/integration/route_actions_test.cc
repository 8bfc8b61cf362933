// What a route does with requests besides sending them to a cluster: rewrites, header rules, redirects and
// direct responses, for plain requests and for WebSocket handshakes alike.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A plain request there and back.
struct Exchanged {
  Head request;
  Head response;
  std::string body;
};

Exchanged ExchangeOnce(OneBackend& world, const std::string& request, const std::string& response) {
  Wire client = world.Connect();
  client.Send(request);
  Wire backend = world.backend().Accept();
  Exchanged exchanged{.request = ReadHead(backend), .response = {}, .body = {}};
  backend.Send(response);
  exchanged.response = ReadHead(client);
  exchanged.body = ReadBody(client, exchanged.response);
  return exchanged;
}

std::string TargetSeen(OneBackend& world, const std::string& target) {
  return ExchangeOnce(world, PlainGet(target), Response("200 OK", "")).request.target();
}

TEST(PrefixRewrite, ReplacesTheMatchedPrefixByWholeSegments) {
  OneBackend world({.route = {"match: { path_prefix: /chat }", "prefix_rewrite: /"}});
  EXPECT_EQ(TargetSeen(world, "/chat/1?a=/chat"), "/1?a=/chat");
  EXPECT_EQ(TargetSeen(world, "/chat"), "/");
  EXPECT_EQ(world.Open({.target = "/chat/ws?x"}).request.target(), "/ws?x");
}

TEST(RegexRewrite, RewritesThePathAndLeavesTheQuery) {
  OneBackend world({.route = {"match: { path_regex: '/v[0-9]/.*' }",
                              "regex_rewrite: { pattern: '^/v([0-9])/(.*)', substitution: '/\\2/\\1' }"}});
  EXPECT_EQ(TargetSeen(world, "/v2/users?q=/v2/"), "/users/2?q=/v2/");
  EXPECT_EQ(world.Open({.target = "/v3/ws"}).request.target(), "/ws/3");
}

TEST(RegexRewrite, APathThatCannotBeSentOnGets404) {
  OneBackend world({.listener = {"limits: { request_head: 4KiB }"},
                    .route = {"regex_rewrite: { pattern: 'x', substitution: '' }"}});
  EXPECT_EQ(world.Refusal(PlainGet("/a/x./.x./secret")).status(), 404);
}

TEST(HostRewrite, TheBackendSeesTheNewHostAndThePublicOneBesideIt) {
  OneBackend world({.route = {"host_rewrite: 'inner.test:81'"}});
  const Exchanged plain = ExchangeOnce(world, PlainGet("/"), Response("200 OK", ""));
  EXPECT_EQ(plain.request.Value("Host"), "inner.test:81");
  EXPECT_EQ(plain.request.Value("X-Forwarded-Host"), "hawser.test");
  EXPECT_EQ(world.Open().request.Value("Host"), "inner.test:81");
}

const std::vector<std::string> kRules = {
    "request_headers: { remove: [ Cookie ], set: [ { name: X-Tier, value: edge 1 } ], add: [ { name: X-Tag, "
    "value: b } ] }",
    "response_headers: { remove: [ Server ], set: [ { name: X-Frame-Options, value: DENY } ], add: [ { name: "
    "Vary, value: "
    "Origin } ] }"};

void ExpectRules(const Head& request, const Head& response) {
  EXPECT_FALSE(request.Has("Cookie"));
  EXPECT_EQ(request.Value("X-Tier"), "edge 1");
  EXPECT_THAT(request.All("X-Tag"), ElementsAre("a", "b"));
  EXPECT_FALSE(response.Has("Server"));
  EXPECT_EQ(response.Value("X-Frame-Options"), "DENY");
  EXPECT_THAT(response.All("Vary"), ElementsAre("Accept", "Origin"));
}

const Fields kRequestFields = {{"Cookie", "a=1"}, {"X-Tier", "0"}, {"x-tier", "9"}, {"X-Tag", "a"}};
const Fields kResponseFields = {{"Server", "secret/1.0"}, {"x-frame-options", "ALLOW"}, {"Vary", "Accept"}};

TEST(HeaderRules, ChangePlainRequestsAndTheirResponses) {
  OneBackend world({.route = kRules});
  const Exchanged plain =
      ExchangeOnce(world, PlainGet("/", kRequestFields), Response("200 OK", "ok", kResponseFields));
  ExpectRules(plain.request, plain.response);
  EXPECT_EQ(plain.body, "ok");
}

TEST(HeaderRules, ChangeHandshakesAndTheir101) {
  OneBackend world({.route = kRules});
  Tunnel tunnel = world.Open({.more = kRequestFields}, kResponseFields);
  ExpectRules(tunnel.request, tunnel.response);
  ExpectAlive(tunnel);
}

TEST(HeaderRules, RemovingSetCookieLeavesTheAffinityCookie) {
  OneBackend world(
      {.route = {"response_headers: { remove: [ Set-Cookie ] }"},
       .cluster = {"affinity: { cookie: { name: moor, keys: [ 0123456789abcdef0123456789abcdef ] } }"}});
  const Exchanged plain =
      ExchangeOnce(world, PlainGet("/"), Response("200 OK", "", {{"Set-Cookie", "theirs=1"}}));
  EXPECT_THAT(plain.response.Value("Set-Cookie"), HasSubstr("moor="));
}

TEST(HeaderRules, LeaveRefusalsAlone) {
  OneBackend world({.route = {"match: { path: /only }", kRules[1]}});
  Wire client = world.Connect();
  client.Send(PlainGet("/other"));
  const Head refusal = ReadHead(client);
  EXPECT_EQ(refusal.status(), 404);
  EXPECT_FALSE(refusal.Has("X-Frame-Options"));
}

// --- Routes that answer by themselves ---

struct RouteAnswer {
  Wire client;
  Head head;
  std::string body;
};

// The answer of a route that asks no backend.
RouteAnswer AskRoute(OneBackend& world, const std::string& request) {
  RouteAnswer answered{.client = world.Connect(), .head = {}, .body = {}};
  answered.client.Send(request);
  answered.head = ReadHead(answered.client);
  answered.body = ReadBody(answered.client, answered.head);
  EXPECT_FALSE(world.backend().contacted());
  return answered;
}

TEST(Redirect, LeadsToTheNewPlace) {
  OneBackend world(
      {.route = {"match: { path_prefix: /old }",
                 "redirect: { scheme: https, host: 'new.test:8443', prefix_rewrite: /new, status: 308 }"}});
  const RouteAnswer answered = AskRoute(world, PlainGet("/old/a?b=c"));
  EXPECT_EQ(answered.head.first_line, "HTTP/1.1 308 Permanent Redirect");
  EXPECT_EQ(answered.head.Value("Location"), "https://new.test:8443/new/a?b=c");
  EXPECT_EQ(answered.head.Value("Content-Length"), "0");
  EXPECT_TRUE(answered.head.Has("Date"));
}

TEST(Redirect, FollowsTheSchemeThatATrustedProxySpeaks) {
  OneBackend world({.listener = {"trusted_proxies: [ 127.0.0.0/8 ]"},
                    .route = {"redirect: { path: /new, strip_query: true }"}});
  EXPECT_EQ(AskRoute(world, PlainGet("/a?b", {{"X-Forwarded-Proto", "https"}})).head.Value("Location"),
            "https://hawser.test/new");
  EXPECT_EQ(AskRoute(world, PlainGet("/a?b")).head.Value("Location"), "http://hawser.test/new");
}

TEST(Redirect, AnswersAHandshakeAndEndsItsConnection) {
  OneBackend world({.route = {"redirect: { scheme: https }"}});
  RouteAnswer answered =
      AskRoute(world, Request{.target = "/ws"}.Text() + EncodeMasked({.payload = "a frame of no tunnel"}));
  EXPECT_EQ(answered.head.status(), 301);
  EXPECT_EQ(answered.head.Value("Location"), "https://hawser.test/ws");
  EXPECT_EQ(answered.head.Value("Connection"), "close");
  EXPECT_EQ(answered.client.ReadEnd(), End::kFin);
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_EQ(line["status"], "301");
  EXPECT_EQ(line["route"], "all");
  EXPECT_EQ(line["cluster"], "");
  EXPECT_EQ(line["endpoint"], "");
}

TEST(Routes, ThatOnlyRedirectOrAnswerNeedNoCluster) {
  HawserProcess hawser(
      "admin: { address: 127.0.0.1:0 }\nlisteners: [ { name: main, address: 127.0.0.1:0 } ]\nroutes:\n"
      "- { match: { path: /up }, direct_response: { status: 200, body: up } }\n"
      "- { match: {}, redirect: { scheme: https, status: 308 } }\n");
  Wire client = Wire::Connect(hawser.listener());
  client.Send(PlainGet("/up"));
  const Head answer = ReadHead(client);
  EXPECT_EQ(answer.status(), 200);
  EXPECT_EQ(ReadBody(client, answer), "up");
  client.Send(Request{.target = "/ws"}.Text());
  EXPECT_EQ(ReadHead(client).status(), 308);
  EXPECT_THAT(hawser.AdminPage("/config_dump"), HasSubstr("\"clusters\": []"));
  EXPECT_THAT(hawser.AdminPage("/stats/prometheus"), HasSubstr("hawser_requests_total 2"));
  EXPECT_NE(hawser.AdminPage("/clusters"), "");
  EXPECT_THAT(hawser.process().err(), testing::Not(HasSubstr("warning")));
}

TEST(DirectResponse, AnswersWithItsBodyAndKeepsTheConnection) {
  OneBackend world(
      {.route = {"direct_response: { status: 503, body: \"down for a while\\n\", headers: [ { name: "
                 "Retry-After, value: '60' } ] }",
                 "response_headers: { set: [ { name: X-Edge, value: here } ] }"}});
  RouteAnswer answered = AskRoute(world, PlainGet("/"));
  EXPECT_EQ(answered.head.status(), 503);
  EXPECT_EQ(answered.body, "down for a while\n");
  EXPECT_EQ(answered.head.Value("Content-Type"), "text/plain");
  EXPECT_EQ(answered.head.Value("Retry-After"), "60");
  EXPECT_EQ(answered.head.Value("X-Edge"), "here");
  answered.client.Send(PlainGet("/again"));
  EXPECT_EQ(ReadBody(answered.client, ReadHead(answered.client)), "down for a while\n");
  EXPECT_TRUE(world.hawser().MetricIs("hawser_responses_total", 2, {"5xx"}));
}

TEST(DirectResponse, AnAnswerToHeadHasNoBody) {
  OneBackend world({.route = {"direct_response: { status: 200, body: hello }"}});
  Wire client = world.Connect();
  client.Send("HEAD / HTTP/1.1\r\nHost: hawser.test\r\n\r\n" + PlainGet("/"));
  const Head head = ReadHead(client);
  EXPECT_EQ(head.Value("Content-Length"), "5");
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "hello");
}

TEST(DirectResponse, A204HasNeitherBodyNorLength) {
  OneBackend world({.route = {"direct_response: { status: 204 }"}});
  Wire client = world.Connect();
  client.Send(PlainGet("/1") + PlainGet("/2"));
  for (int i = 0; i < 2; ++i) {
    const Head head = ReadHead(client);
    EXPECT_EQ(head.status(), 204);
    EXPECT_FALSE(head.Has("Content-Length"));
    EXPECT_FALSE(head.Has("Transfer-Encoding"));
  }
}

TEST(DirectResponse, AnUnreadBodyEndsTheConnection) {
  OneBackend world({.route = {"direct_response: { status: 200, body: hello }"}});
  RouteAnswer answered =
      AskRoute(world, "POST / HTTP/1.1\r\nHost: hawser.test\r\nContent-Length: 100\r\n\r\nsome of it");
  EXPECT_EQ(answered.body, "hello");
  EXPECT_EQ(answered.head.Value("Connection"), "close");
  EXPECT_EQ(answered.client.ReadEnd(), End::kFin);
}

TEST(DirectResponse, FiltersComeFirst) {
  OneBackend world({.route = {"direct_response: { status: 200 }",
                              "filters: [ { origin: { allow: [ 'https://a.test' ] } } ]"}});
  EXPECT_EQ(AskRoute(world, PlainGet("/", {{"Origin", "https://evil.test"}})).head.status(), 403);
  EXPECT_EQ(AskRoute(world, PlainGet("/", {{"Origin", "https://a.test"}})).head.status(), 200);
}

}  // namespace
}  // namespace hawser::integration
