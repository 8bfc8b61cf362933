// Requests about the chain of proxies itself: Max-Forwards (RFC 9110 §7.6.2) and OPTIONS of the whole server
// (§9.3.7).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/http2_client.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

const std::vector<std::string> kPriorKnowledge = {"http2: { prior_knowledge: true }"};

std::string RequestOf(const std::string& method, const std::string& target, const std::string& fields = "") {
  return method + " " + target + " HTTP/1.1\r\nHost: hawser.test\r\n" + fields + "\r\n";
}

Fields Http2Head(const std::string& method, const std::string& path) {
  return {{":method", method}, {":scheme", "http"}, {":authority", "hawser.test"}, {":path", path}};
}

TEST(MaxForwards, AtZeroHawserAnswersInTheBackendsPlace) {
  OneBackend world;
  std::string body;
  Wire client = world.Connect();
  client.Send(RequestOf("OPTIONS", "/", "Max-Forwards: 0\r\n") +
              RequestOf("OPTIONS", "*", "Max-Forwards: 0\r\n"));
  for (int i = 0; i < 2; ++i) {
    const Head head = ReadHead(client);
    EXPECT_EQ(head.status(), 200);
    EXPECT_EQ(head.Value("Content-Length"), "0");
    EXPECT_FALSE(head.Has("Connection"));
  }
  const Head trace = world.Refusal(RequestOf("TRACE", "/", "Max-Forwards: 0\r\nCookie: secret=1\r\n"), &body);
  EXPECT_EQ(trace.status(), 405);
  EXPECT_EQ(body.find("secret"), std::string::npos);
  EXPECT_FALSE(world.backend().contacted());
}

TEST(MaxForwards, AboveZeroIsCountedDown) {
  OneBackend world({.listener = kPriorKnowledge});
  for (const std::string method : {"OPTIONS", "TRACE"}) {
    Wire client = world.Connect();
    client.Send(RequestOf(method, "/", "max-forwards: 5\r\n"));
    Wire backend = world.backend().Accept();
    EXPECT_EQ(ReadHead(backend).Value("Max-Forwards"), "4") << method;
  }
  Http2Client client(world.Connect());
  Fields fields = Http2Head("OPTIONS", "/");
  fields.emplace_back("max-forwards", "1");
  client.Request(fields, false);
  Wire backend = world.backend().Accept();
  EXPECT_EQ(ReadHead(backend).Value("Max-Forwards"), "0");
}

TEST(MaxForwards, MeansNothingToOtherMethods) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PlainGet("/", {{"Max-Forwards", "0"}}));
  Wire backend = world.backend().Accept();
  EXPECT_EQ(ReadHead(backend).Value("Max-Forwards"), "0");
}

TEST(MaxForwards, ThatIsNotOneNumberIsRefused) {
  OneBackend world;
  EXPECT_EQ(world.Refusal(RequestOf("OPTIONS", "/", "Max-Forwards: 0\r\nMax-Forwards: 5\r\n")).status(), 400);
  EXPECT_EQ(world.Refusal(RequestOf("TRACE", "/", "Max-Forwards: many\r\n")).status(), 400);
}

TEST(MaxForwards, LeavesRoutesAndTheirAnswersAlone) {
  OneBackend world({.route = {"match: { path: /there }"}});
  Wire client = world.Connect();
  client.Send(RequestOf("OPTIONS", "/nowhere", "Max-Forwards: 0\r\n"));
  EXPECT_EQ(ReadHead(client).status(), 404);
}

TEST(OptionsAsterisk, ReachesTheBackendOfTheFirstRouteForAnyPath) {
  FakeBackend chat;
  FakeBackend web;
  HawserProcess hawser(R"(
listeners: [ { name: main, address: "127.0.0.1:0", http2: { prior_knowledge: true } } ]
routes:
  - { match: { path_prefix: /chat }, cluster: chat }
  - { match: { path_regex: ".*", host: other.test }, cluster: chat }
  - { match: { path_prefix: / }, cluster: web, prefix_rewrite: /v1 }
clusters:
  - { name: chat, endpoints: [ ")" +
                       chat.address() + R"(" ] }
  - { name: web, endpoints: [ ")" +
                       web.address() + R"(" ] }
admin: { address: "127.0.0.1:0" }
)");
  for (const std::string target : {"*", "http://hawser.test"}) {
    Wire client = Wire::Connect(hawser.listener());
    client.Send(RequestOf("OPTIONS", target));
    Wire backend = web.Accept();
    EXPECT_EQ(ReadHead(backend).first_line, "OPTIONS * HTTP/1.1");
    backend.Send(Response("204 No Content", "", {{"Allow", "GET"}}));
    EXPECT_EQ(ReadHead(client).Value("Allow"), "GET");
  }
  Http2Client client(Wire::Connect(hawser.listener()));
  const int32_t stream = client.Request(Http2Head("OPTIONS", "*"), false);
  Wire backend = web.Accept();
  EXPECT_EQ(ReadHead(backend).first_line, "OPTIONS * HTTP/1.1");
  backend.Send(Response("204 No Content", ""));
  EXPECT_EQ(client.AwaitEnd(stream).status, 204);
  EXPECT_FALSE(chat.contacted());
}

TEST(OptionsAsterisk, ReachesAnHttp2BackendToo) {
  OneBackend back({.listener = kPriorKnowledge});
  HawserProcess front(Config{.endpoints = {back.hawser().listener()}, .cluster = {"protocol: h2"}}.Yaml());
  Wire client = Wire::Connect(front.listener());
  client.Send(RequestOf("OPTIONS", "*"));
  Wire backend = back.backend().Accept();
  EXPECT_EQ(ReadHead(backend).first_line, "OPTIONS * HTTP/1.1");
  backend.Send(Response("200 OK", "ok"));
  EXPECT_EQ(ReadHead(client).status(), 200);
}

}  // namespace
}  // namespace hawser::integration
