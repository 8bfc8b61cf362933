// Which backend a client gets: every policy through the real binary.
#include <gtest/gtest.h>

#include <map>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

class Balancing : public testing::Test {
 protected:
  Config With(std::vector<std::string> cluster) {
    return {.endpoints = {a_.address(), b_.address(), c_.address()}, .cluster = std::move(cluster)};
  }
  static std::string Pick(HawserProcess& hawser, const Request& request = {}, const std::string& from = "") {
    Head head;
    EXPECT_TRUE(Join(hawser.listener(), request, &head, {.from = from}).open()) << head.raw;
    return head.Value("X-Backend");
  }
  static Request Room(int room) { return {.more = {{"X-Room", "room-" + std::to_string(room)}}}; }

  EchoBackend a_{"a"};
  EchoBackend b_{"b"};
  EchoBackend c_{"c"};
};

TEST_F(Balancing, RoundRobinTakesEachInTurn) {
  HawserProcess hawser(With({"lb_policy: round_robin"}).Yaml());
  std::map<std::string, int> picks;
  for (int i = 0; i < 30; ++i) ++picks[Pick(hawser)];
  EXPECT_EQ(picks, (std::map<std::string, int>{{"a", 10}, {"b", 10}, {"c", 10}}));
}

TEST_F(Balancing, RoundRobinHonoursWeights) {
  Config config = With({"lb_policy: round_robin"});
  config.endpoints[1] = fmt::format("{{ address: \"{}\", weight: 3 }}", b_.address());
  HawserProcess hawser(config.Yaml());
  std::map<std::string, int> picks;
  for (int i = 0; i < 25; ++i) ++picks[Pick(hawser)];
  EXPECT_EQ(picks, (std::map<std::string, int>{{"a", 5}, {"b", 15}, {"c", 5}}));
}

TEST_F(Balancing, RandomUsesAll) {
  HawserProcess hawser(With({"lb_policy: random"}).Yaml());
  std::map<std::string, int> picks;
  for (int i = 0; i < 90; ++i) ++picks[Pick(hawser)];
  EXPECT_EQ(picks.size(), 3u);
}

TEST_F(Balancing, LeastRequestLevelsLiveTunnels) {
  Config config = With({"lb_policy: least_request"});
  config.endpoints.pop_back();
  HawserProcess hawser(config.Yaml(), 2);
  std::map<std::string, std::vector<Wire>> open;
  const auto join = [&] {
    Head head;
    Wire client = Join(hawser.listener(), {}, &head);
    open[head.Value("X-Backend")].push_back(std::move(client));
  };
  for (int i = 0; i < 40; ++i) join();
  EXPECT_NEAR(static_cast<double>(open["a"].size()), 20, 4);
  open["a"].clear();
  ASSERT_TRUE(Eventually([&] { return a_.open() == 0; }));
  ASSERT_TRUE(Eventually([&] { return hawser.Log().size() >= 15; }));
  for (int i = 0; i < 10; ++i) join();
  EXPECT_GE(open["a"].size(), 8u);  // they go where it is empty
}

TEST_F(Balancing, MaglevKeepsARoomTogetherOnEveryHawser) {
  const std::vector<std::string> cluster = {"lb_policy: maglev",
                                            "hash_policy: [ { header: X-Room }, source_ip ]"};
  HawserProcess first(With(cluster).Yaml(), 2);
  HawserProcess second(With(cluster).Yaml());
  std::map<std::string, int> picks;
  for (int room = 0; room < 40; ++room) {
    const std::string backend = Pick(first, Room(room));
    ++picks[backend];
    EXPECT_EQ(Pick(first, Room(room), "127.0.0.9"), backend);
    EXPECT_EQ(Pick(second, Room(room)), backend);
  }
  EXPECT_EQ(picks.size(), 3u);
}

TEST_F(Balancing, RingHashKeepsAQueryParameterAndACookieTogether) {
  HawserProcess hawser(
      With({"lb_policy: ring_hash", "hash_policy: [ { query: room }, { cookie: c } ]"}).Yaml());
  std::map<std::string, int> picks;
  for (int room = 0; room < 40; ++room) {
    const Request by_query{.target = fmt::format("/?x=1&room={}", room)};
    const std::string backend = Pick(hawser, by_query);
    ++picks[backend];
    EXPECT_EQ(Pick(hawser, by_query, "127.0.0.9"), backend);
    const Request by_cookie{.more = {{"Cookie", fmt::format("a=b; c={}", room)}}};
    EXPECT_EQ(Pick(hawser, by_cookie), Pick(hawser, by_cookie, "127.0.0.9"));
  }
  EXPECT_EQ(picks.size(), 3u);
}

TEST_F(Balancing, ASourceAddressStaysWithItsBackend) {
  HawserProcess hawser(With({"lb_policy: maglev", "hash_policy: [ source_ip ]"}).Yaml(), 2);
  std::map<std::string, int> picks;
  for (int host = 1; host <= 40; ++host) {
    const std::string from = fmt::format("127.0.3.{}", host);
    const std::string backend = Pick(hawser, {}, from);
    ++picks[backend];
    EXPECT_EQ(Pick(hawser, {}, from), backend);
  }
  EXPECT_EQ(picks.size(), 3u);
}

TEST_F(Balancing, ASourcePrefixStaysTogether) {
  HawserProcess hawser(
      With({"lb_policy: ring_hash", "hash_policy: [ source_ip ]", "hash_ipv4_prefix: 24"}).Yaml());
  std::map<std::string, int> picks;
  for (int network = 1; network <= 40; ++network) {
    const std::string backend = Pick(hawser, {}, fmt::format("127.1.{}.1", network));
    ++picks[backend];
    EXPECT_EQ(Pick(hawser, {}, fmt::format("127.1.{}.200", network)), backend);
  }
  EXPECT_EQ(picks.size(), 3u);
}

TEST_F(Balancing, AnEndpointThatRefusesIsSkipped) {
  for (const std::string policy : {"round_robin", "least_request", "random", "maglev", "ring_hash"}) {
    FakeBackend gone;
    gone.Stop();
    HawserProcess hawser(
        Config{.endpoints = {gone.address(), a_.address()}, .cluster = {"lb_policy: " + policy}}.Yaml());
    for (int i = 0; i < 6; ++i) EXPECT_EQ(Pick(hawser, {}, fmt::format("127.0.0.{}", i + 1)), "a") << policy;
  }
}

TEST_F(Balancing, TheOnlyEndpointIsNotTriedTwice) {
  FakeBackend silent;
  HawserProcess hawser(Config{.endpoints = {silent.address()}, .cluster = {"connect_retries: 5"}}.Yaml());
  Wire client = Wire::Connect(hawser.listener());
  client.Send(Request{}.Text());
  ReadHead(*std::make_unique<Wire>(silent.Accept()));
  EXPECT_EQ(ReadHead(client).status(), 502);
  EXPECT_FALSE(silent.contacted());
}

TEST_F(Balancing, WeightedClustersShareARoute) {
  Config config = With({});
  config.endpoints = {a_.address()};
  config.route = {"weighted_clusters: [ { name: backends, weight: 1 }, { name: others, weight: 1 } ]"};
  HawserProcess hawser(config.Yaml() + "  - name: others\n    endpoints: [ \"" + b_.address() + "\" ]\n");
  std::map<std::string, int> picks;
  for (int i = 0; i < 60; ++i) ++picks[Pick(hawser)];
  EXPECT_EQ(picks.size(), 2u);
}

TEST_F(Balancing, TheMostSpecificRouteDecides) {
  Config config = With({});
  config.endpoints = {a_.address()};
  std::string yaml = config.Yaml() + "  - name: chat\n    endpoints: [ \"" + b_.address() + "\" ]\n";
  yaml.replace(yaml.find("routes:\n"), 8,
               "routes:\n  - match: { host: \"*.chat.test\", path_prefix: /v2, subprotocol: chat.v2 }\n"
               "    cluster: chat\n");
  HawserProcess hawser(yaml);
  const Request chat{
      .target = "/v2/room", .host = "eu.chat.test", .more = {{"Sec-WebSocket-Protocol", "x, chat.v2"}}};
  EXPECT_EQ(Pick(hawser, chat), "b");
  Request other = chat;
  other.host = "chat.test";
  EXPECT_EQ(Pick(hawser, other), "a");
  other = chat;
  other.target = "/v22";
  EXPECT_EQ(Pick(hawser, other), "a");
  other = chat;
  other.more.clear();
  EXPECT_EQ(Pick(hawser, other), "a");
}

}  // namespace
}  // namespace hawser::integration
