// A request that returns to the process that forwarded it is refused (RFC 9110 §7.6.3); several hawsers in a
// row are no loop.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/http2_client.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::MatchesRegex;

TEST(Loop, ARequestThatComesBackIs508) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PlainGet("/a"));
  Wire backend = world.backend().Accept();
  const Head request = ReadHead(backend);
  Wire again = world.Connect();
  again.Send(request.raw);
  EXPECT_EQ(ReadHead(again).status(), 508);
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_EQ(line["reason"], "loop_detected");
  EXPECT_EQ(line["status"], "508");
  EXPECT_TRUE(world.hawser().MetricIs("hawser_rejects_total", 1, {"reason=\"loop_detected\""}));
}

TEST(Loop, AHandshakeThatComesBackIs508) {
  OneBackend world;
  const Tunnel tunnel = world.Open({.more = {{"Via", "1.1 edge"}}});
  Wire again = world.Connect();
  again.Send(tunnel.request.raw);
  EXPECT_EQ(ReadHead(again).status(), 508);
}

TEST(Loop, OverHttp2ItIs508AsWell) {
  OneBackend world(PriorKnowledge());
  const std::string via = world.Open().request.Value("Via");
  Http2Client client(world.Connect());
  const int32_t plain = client.Get("/", {{"via", via}});
  const int32_t socket = client.WebSocket("/", {{"via", "1.1 edge, " + via}});
  EXPECT_EQ(client.AwaitEnd(plain).status, 508);
  EXPECT_EQ(client.AwaitHead(socket).status, 508);
}

// Two processes that point at each other, so that `check` cannot know.
TEST(Loop, ALoopOfTwoEndsAtItsFirstRound) {
  Directory directory;
  const std::string one = "unix:" + directory.File("one.sock");
  const std::string two = "unix:" + directory.File("two.sock");
  HawserProcess first(Config{.endpoints = {two}, .address = one}.Yaml());
  HawserProcess second(Config{.endpoints = {one}, .address = two}.Yaml());
  Wire client = Wire::Connect(one);
  client.Send(PlainGet("/"));
  EXPECT_EQ(ReadHead(client).status(), 508);
  EXPECT_EQ(first.Metric("hawser_connections_accepted_total"), 2);
  EXPECT_EQ(second.Metric("hawser_connections_accepted_total"), 1);
}

TEST(Loop, HawsersInARowAreNone) {
  FakeBackend backend;
  HawserProcess inner(Config{.endpoints = {backend.address()}}.Yaml());
  HawserProcess middle(Config{.endpoints = {inner.listener()}}.Yaml());
  HawserProcess outer(Config{.endpoints = {middle.listener()}}.Yaml());
  Tunnel tunnel{.client = Wire::Connect(outer.listener()), .backend = {}, .request = {}, .response = {}};
  tunnel.client.Send(Request{}.Text());
  tunnel.backend = backend.Accept();
  tunnel.request = ReadHead(tunnel.backend);
  tunnel.backend.Send(SwitchingProtocols(tunnel.request));
  EXPECT_EQ(ReadHead(tunnel.client).status(), 101);
  EXPECT_THAT(tunnel.request.Value("Via"),
              MatchesRegex("1\\.1 hawser-[0-9a-f]+, 1\\.1 hawser-[0-9a-f]+, 1\\.1 hawser-[0-9a-f]+"));
  ExpectAlive(tunnel);
}

}  // namespace
}  // namespace hawser::integration
