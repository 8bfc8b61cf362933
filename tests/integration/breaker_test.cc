// Circuit breakers: how much may be under way to a cluster and to each of its endpoints, and how what exceeds
// it is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration::breaker_test {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::Le;

void ExpectRefused(HawserProcess& hawser, const Head& head, const std::string& reason) {
  EXPECT_EQ(head.status(), 503);
  EXPECT_THAT(std::stoi("0" + head.Value("Retry-After")), AllOf(Ge(2), Le(4)));
  const LogLine line = hawser.WaitForLog([&](const LogLine& entry) { return entry["reason"] == reason; });
  EXPECT_EQ(line["flag"], "UO");
  EXPECT_EQ(line["closed_by"], "proxy");
  EXPECT_TRUE(hawser.MetricReaches("hawser_rejects_total", 1, {"reason=\"" + reason + "\""}));
}

Head JoinRefused(HawserProcess& hawser) {
  Head head;
  EXPECT_FALSE(Join(hawser.listener(), {}, &head).open());
  return head;
}

TEST(Breaker, AClusterHasNoMoreTunnelsThanItMay) {
  EchoBackend one("one");
  EchoBackend other("other");
  HawserProcess hawser(
      Config{.endpoints = {one.address(), other.address()}, .cluster = {"circuit_breakers: { tunnels: 3 }"}}
          .Yaml(),
      2);
  std::vector<Wire> tunnels;
  for (int i = 0; i < 3; ++i) {
    Head head;
    tunnels.push_back(Join(hawser.listener(), {}, &head));
    EXPECT_EQ(head.status(), 101);
  }
  ExpectRefused(hawser, JoinRefused(hawser), "tunnels_full");
  EXPECT_EQ(one.requests() + other.requests(), 3);
  Wire plain = Wire::Connect(hawser.listener());
  plain.Send(PlainGet("/"));
  EXPECT_EQ(ReadHead(plain).status(), 200) << "requests have a breaker of their own";
  tunnels.pop_back();
  EXPECT_TRUE(Eventually([&] {
    Head head;
    tunnels.push_back(Join(hawser.listener(), {}, &head));
    return head.status() == 101;
  })) << "one has ended";
}

TEST(Breaker, WhenOneEndpointIsFullTheOtherTakesTheRest) {
  EchoBackend one("one");
  EchoBackend other("other");
  HawserProcess hawser(Config{.endpoints = {one.address(), other.address()},
                              .cluster = {"lb_policy: random", "endpoint_circuit_breakers: { tunnels: 4 }"}}
                           .Yaml());
  std::vector<Wire> tunnels;
  for (int i = 0; i < 8; ++i) {
    Head head;
    tunnels.push_back(Join(hawser.listener(), {}, &head));
    EXPECT_EQ(head.status(), 101) << i;
  }
  EXPECT_EQ(one.requests(), 4);
  EXPECT_EQ(other.requests(), 4);
  ExpectRefused(hawser, JoinRefused(hawser), "tunnels_full");
}

TEST(Breaker, AClusterHasNoMoreRequestsThanItMay) {
  OneBackend world({.cluster = {"circuit_breakers: { requests: 1 }"}});
  Wire first = world.Connect();
  first.Send(PlainGet("/slow"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  Wire second = world.Connect();
  second.Send(PlainGet("/more"));
  ExpectRefused(world.hawser(), ReadHead(second), "requests_full");
  backend.Send(Response("200 OK", "x"));
  EXPECT_EQ(ReadBody(first, ReadHead(first)), "x");
  second.Send(PlainGet("/more"));  // the refusal has left its connection as it was
  EXPECT_EQ(ReadHead(backend).target(), "/more");
  backend.Send(Response("200 OK", "y"));
  EXPECT_EQ(ReadBody(second, ReadHead(second)), "y");
}

}  // namespace
}  // namespace hawser::integration::breaker_test
