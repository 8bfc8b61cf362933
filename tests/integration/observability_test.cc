// What an operator sees: the access log and the admin pages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::HasSubstr;
using testing::Not;

void EndInOrder(Tunnel& tunnel) {
  tunnel.client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000, "bye")}));
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
  tunnel.backend.Send(Encode({.opcode = kClose, .payload = ClosePayload(1000, "bye")}));
  EXPECT_EQ(ReadFrame(tunnel.client).opcode, kClose);
  tunnel.client.Close();
  tunnel.backend.Close();
}

TEST(AccessLog, ATunnelsLineHasEveryField) {
  OneBackend world;
  Tunnel tunnel = world.Open({.target = "/chat?room=1", .host = "chat.test"});
  const std::string client = tunnel.client.local_address();
  for (int i = 0; i < 3; ++i) ExpectAlive(tunnel);
  EndInOrder(tunnel);
  const LogLine line = world.hawser().WaitForLog();
  for (const std::string field :
       {"time",       "event",       "request_id",  "listener",     "client",   "method",
        "host",       "path",        "status",      "route",        "cluster",  "endpoint",
        "affinity",   "duration_ms", "messages_in", "messages_out", "bytes_in", "bytes_out",
        "pings_sent", "rtt_ms",      "close_code",  "closed_by",    "reason"}) {
    EXPECT_TRUE(line.Has(field)) << field;
  }
  EXPECT_THAT(line["time"], testing::MatchesRegex("20..-..-..T..:..:...*Z"));
  EXPECT_EQ(line["event"], "tunnel");
  EXPECT_EQ(line["listener"], "main");
  EXPECT_EQ(line["client"], client);
  EXPECT_EQ(line["method"], "GET");
  EXPECT_EQ(line["host"], "chat.test");
  EXPECT_EQ(line["path"], "/chat");
  EXPECT_EQ(line["query"], "room=1");
  EXPECT_EQ(line["status"], "101");
  EXPECT_EQ(line["route"], "all");
  EXPECT_EQ(line["cluster"], "backends");
  EXPECT_EQ(line["endpoint"], world.backend().address());
  EXPECT_EQ(line["messages_in"], "3");
  EXPECT_EQ(line["messages_out"], "3");
  EXPECT_EQ(line["close_code"], "1000");
  EXPECT_EQ(line["closed_by"], "client");
  EXPECT_GT(line.Number("bytes_in"), 3 * 5);
  EXPECT_GT(line.Number("bytes_out"), 3 * 8);
  EXPECT_GT(line.Number("duration_ms"), 0);
}

TEST(AccessLog, AnOrdinaryRequestHasItsLine) {
  EchoBackend echo("echo");
  HawserProcess hawser(Config{.endpoints = {echo.address()}}.Yaml());
  Wire client = Wire::Connect(hawser.listener());
  client.Send(PlainGet("/page"));
  EXPECT_EQ(ReadHead(client).status(), 200);
  const LogLine line = hawser.WaitForLog();
  EXPECT_EQ(line["event"], "request");
  EXPECT_EQ(line["path"], "/page");
  EXPECT_EQ(line["status"], "200");
}

// The first line of the log of one request.
LogLine LineOf(const std::string& target, const std::string& log) {
  std::string yaml =
      Config{.endpoints = {"127.0.0.1:9"}, .route = {"direct_response: { status: 200 }"}}.Yaml();
  yaml.replace(yaml.find("DIR/access.log"), 14, "DIR/access.log" + log);
  HawserProcess hawser(yaml);
  Wire client = Wire::Connect(hawser.listener());
  client.Send(PlainGet(target));
  EXPECT_EQ(ReadHead(client).status(), 200);
  return hawser.WaitForLog();
}

TEST(AccessLog, ByDefaultAQueryShowsNoCredentials) {
  const LogLine line = LineOf("/chat?room=1&%74oken=s3cret&ACCESS_TOKEN=s3cret&jwt=", "");
  EXPECT_EQ(line["path"], "/chat");
  EXPECT_EQ(line["query"], "room=1&%74oken=…&ACCESS_TOKEN=…&jwt=");
  EXPECT_FALSE(LineOf("/chat", "").Has("query"));
}

TEST(AccessLog, AQueryMayBeKeptDroppedOrRedactedByOtherNames) {
  EXPECT_EQ(LineOf("/a?token=b", ", query: keep")["query"], "token=b");
  const LogLine dropped = LineOf("/a?token=b", ", query: drop");
  EXPECT_EQ(dropped["path"], "/a");
  EXPECT_FALSE(dropped.Has("query"));
  EXPECT_EQ(LineOf("/a?token=b&ticket=c", ", query: redact, redacted: [ Ticket ]")["query"],
            "token=b&ticket=…");
}

TEST(AccessLog, WhatAClientSendsCannotBreakTheLine) {
  OneBackend world({.listener = {"trusted_proxies: [ 127.0.0.1 ]"}});
  Tunnel tunnel = world.Open({.target = "/?a={'}|[b]%22", .more = {{"X-Request-Id", "a\",\"status\":\"\\"}}});
  EndInOrder(tunnel);
  EXPECT_EQ(world.hawser().WaitForLog()["status"], "101");
}

TEST(AccessLog, AFormatStringMakesTheLines) {
  OneBackend world({.log_format = "%method% %path% -> %status% by %closed_by% 100%%"});
  Tunnel tunnel = world.Open({.target = "/chat"});
  EndInOrder(tunnel);
  const std::string path = world.hawser().directory().File("access.log");
  EXPECT_TRUE(Eventually([&] { return ReadFile(path) == "GET /chat -> 101 by client 100%\n"; }))
      << ReadFile(path);
}

TEST(AccessLog, ADashIsStandardOutput) {
  EchoBackend echo("echo");
  std::string yaml = Config{.endpoints = {echo.address()}}.Yaml();
  yaml.replace(yaml.find("DIR/access.log"), 14, "\"-\"");
  HawserProcess hawser(yaml);
  Join(hawser.listener(), {.target = "/to-stdout"});
  EXPECT_TRUE(Eventually([&] { return hawser.process().out().find("/to-stdout") != std::string::npos; }));
}

TEST(AccessLog, AReaderThatDoesNotReadCostsLinesAndNoRequests) {
  EchoBackend echo("echo");
  Directory directory;
  const std::string path = directory.File("log.fifo");
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const net::Socket reader(open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  std::string yaml = Config{.endpoints = {echo.address()}}.Yaml();
  yaml.replace(yaml.find("DIR/access.log"), 14, path + ", queue: 8");
  HawserProcess hawser(yaml);
  for (int i = 0; i < 500; ++i) {
    Wire client = Wire::Connect(hawser.listener());
    client.Send(PlainGet("/"));
    ASSERT_EQ(ReadHead(client).status(), 200) << i;
  }
  EXPECT_TRUE(hawser.MetricReaches("hawser_access_log_dropped_total", 1));
}

TEST(Admin, IsReady) {
  OneBackend world;
  EXPECT_NE(world.hawser().AdminPage("/ready"), "");
}

TEST(Admin, ShowsTheTunnelsThatAreOpen) {
  OneBackend world;
  Tunnel tunnel = world.Open({.target = "/shown"});
  const std::string client = tunnel.client.local_address();
  const std::string page = world.hawser().AdminPage("/tunnels");
  EXPECT_THAT(page, HasSubstr(client));
  EXPECT_THAT(page, HasSubstr(world.backend().address()));
  EndInOrder(tunnel);
  EXPECT_TRUE(
      Eventually([&] { return world.hawser().AdminPage("/tunnels").find(client) == std::string::npos; }));
}

nlohmann::json SidesOf(OneBackend& world) {
  const auto page = nlohmann::json::parse(world.hawser().AdminPage("/tunnels"), nullptr, false);
  return page.is_object() && page["tunnels"].size() == 1 ? page["tunnels"][0]["sides"] : nlohmann::json();
}

TEST(Admin, ShowsHowFarEachDirectionOfATunnelHasCome) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  const nlohmann::json open = {{"incoming", "open"}, {"outgoing", "open"}};
  EXPECT_EQ(SidesOf(world), nlohmann::json({{"client", open}, {"backend", open}}));
  tunnel.client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000, "bye")}));
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
  const nlohmann::json closing = {{"client", {{"incoming", "close_received"}, {"outgoing", "open"}}},
                                  {"backend", {{"incoming", "open"}, {"outgoing", "finished"}}}};
  EXPECT_TRUE(Eventually([&] { return SidesOf(world) == closing; })) << SidesOf(world);
}

TEST(Admin, ShowsWhichClientsHaveTheMostConnections) {
  OneBackend world;
  Tunnel first = world.Open();
  Tunnel second = world.Open();
  const auto page = nlohmann::json::parse(world.hawser().AdminPage("/clients"), nullptr, false);
  ASSERT_TRUE(page.is_object());
  const nlohmann::json expected = {{"address", "127.0.0.1"}, {"listener", "main"}, {"connections", 2}};
  EXPECT_THAT(page["clients"], testing::ElementsAre(expected));
}

TEST(Admin, ShowsTheClustersAndTheirEndpoints) {
  OneBackend world;
  const std::string page = world.hawser().AdminPage("/clusters");
  EXPECT_THAT(page, HasSubstr("backends"));
  EXPECT_THAT(page, HasSubstr(world.backend().address()));
}

TEST(Admin, DumpsTheConfigurationWithoutItsSecrets) {
  OneBackend world({.cluster = {"affinity: { cookie: { keys: [ verysecretverysecretverysecret00 ] } }"}});
  const std::string page = world.hawser().AdminPage("/config_dump");
  EXPECT_THAT(page, HasSubstr("backends"));
  EXPECT_THAT(page, HasSubstr(world.backend().address()));
  EXPECT_THAT(page, Not(HasSubstr("verysecret")));
}

TEST(Admin, DumpsNoCredentialsThatRoutesAdd) {
  OneBackend world({.route = {"request_headers: { set: [ { name: Authorization, value: Bearer verysecret }, "
                              "{ name: X-Tier, value: "
                              "edge } ], add: [ { name: X-API-key, value: verysecret } ] }",
                              "response_headers: { add: [ { name: set-cookie, value: verysecret } ] }"}});
  const std::string page = world.hawser().AdminPage("/config_dump");
  EXPECT_THAT(page, Not(HasSubstr("verysecret")));
  const auto headers = nlohmann::json::parse(page)["routes"][0]["request_headers"];
  EXPECT_EQ(headers["set"][0]["value"], "[redacted]");
  EXPECT_EQ(headers["set"][1]["value"], "edge");
  EXPECT_EQ(headers["add"][0]["value"], "[redacted]");
}

TEST(Admin, DumpsEveryValueInForce) {
  OneBackend world({.websocket = {"byte_rate: { from_client: { rate: 64KiB/s } }"},
                    .cluster = {"lb_policy: maglev"},
                    .top = {"drain: { window: 1s }"}});
  const auto dump = nlohmann::json::parse(world.hawser().AdminPage("/config_dump"));
  EXPECT_EQ(dump["drain"]["deadline"], "31s");
  EXPECT_EQ(dump["routes"][0]["websocket"]["validate_utf8"], true);
  EXPECT_EQ(dump["routes"][0]["websocket"]["byte_rate"]["from_client"]["burst"], "64KiB");
  EXPECT_EQ(dump["listeners"][0]["timeouts"]["keep_alive"], "1m");
  EXPECT_EQ(dump["clusters"][0]["hash_policy"][0]["source_ip"], true);
}

TEST(Admin, MetricsAreInPrometheusFormatAndMove) {
  OneBackend world;
  const std::string before = world.hawser().AdminPage("/metrics");
  EXPECT_THAT(before, HasSubstr("# HELP hawser_"));
  EXPECT_THAT(before, HasSubstr("# TYPE hawser_"));
  Tunnel tunnel = world.Open();
  ExpectAlive(tunnel);
  EXPECT_TRUE(world.hawser().MetricIs("hawser_tunnels_open", 1));
  EXPECT_TRUE(world.hawser().MetricIs("hawser_endpoint_active", 1, {"cluster=\"backends\""}));
  EXPECT_TRUE(world.hawser().MetricReaches("hawser_messages_total", 2));
}

TEST(Admin, WhatIsRefusedIsCountedAsAnswered) {
  OneBackend world;
  Wire nonsense = world.Connect();
  nonsense.Send("nonsense\r\n\r\n");
  EXPECT_EQ(ReadHead(nonsense).status(), 400);
  Wire old = world.Connect();
  old.Send(
      "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: "
      "8\r\n\r\n");
  EXPECT_EQ(ReadHead(old).status(), 426);
  EXPECT_TRUE(world.hawser().MetricIs("hawser_responses_total", 2, {"4xx"}));
  EXPECT_TRUE(world.hawser().MetricIs("hawser_upgrades_total", 1, {"refused"}));
}

TEST(Admin, AnswersAgainWhenDescriptorsAreFree) {
  if (IsSanitized())
    GTEST_SKIP() << "the sanitizers' own checks open pipes, and take memory for unreadable otherwise";
  OneBackend world;
  const std::string admin = world.hawser().admin();
  const rlimit few{.rlim_cur = 48, .rlim_max = 48};
  ASSERT_EQ(prlimit(world.hawser().process().pid(), RLIMIT_NOFILE, &few, nullptr), 0);
  std::vector<Wire> crowd(64);
  for (Wire& one : crowd) one = world.Connect();
  ASSERT_TRUE(Eventually([&] { return world.hawser().OpenFiles() >= 48; }));
  Wire waiting = Wire::Connect(admin);
  waiting.Send(AdminGet("/ready"));
  crowd.clear();
  EXPECT_EQ(ReadHead(waiting).status(), 200);
  EXPECT_TRUE(world.hawser().MetricReaches("hawser_connections_evicted_total", 1));
}

TEST(Admin, RefusesWhatItDoesNotKnow) {
  OneBackend world;
  for (const std::string& request :
       {AdminGet("/nothing"), std::string("POST /ready HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"),
        std::string("nonsense\r\n\r\n"), AdminGet("/" + std::string(100000, 'x'))}) {
    Wire wire = Wire::Connect(world.hawser().admin());
    wire.Send(request);
    const int status = ReadHead(wire).status();
    EXPECT_TRUE(status == 0 || (status >= 400 && status < 500)) << status;
  }
  EXPECT_NE(world.hawser().AdminPage("/ready"), "");
}

}  // namespace
}  // namespace hawser::integration
