// WebSocket handshakes that wait for their turn (clusters[].admission).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/integration/harness/scenario.h"
#include "tests/integration/harness/site.h"

namespace hawser::integration::admission_test {
namespace {

using testing::AllOf;
using testing::Ge;
using testing::Le;
using Clock = std::chrono::steady_clock;

// A client that has asked for a tunnel.
Wire Ask(HawserProcess& hawser) {
  Wire client = Wire::Connect(hawser.listener());
  client.Send(Request{}.Text());
  return client;
}

void ExpectRefused(HawserProcess& hawser, const Head& head, const std::string& reason) {
  EXPECT_EQ(head.status(), 503);
  EXPECT_THAT(std::stoi("0" + head.Value("Retry-After")), AllOf(Ge(2), Le(4)));
  const LogLine line = hawser.WaitForLog([&](const LogLine& entry) { return entry["reason"] == reason; });
  EXPECT_EQ(line["flag"], "AQ");
  EXPECT_EQ(line["closed_by"], "proxy");
  EXPECT_TRUE(hawser.MetricReaches("hawser_rejects_total", 1, {"reason=\"" + reason + "\""}));
}

TEST(Admission, WhatExceedsTheRateWaitsForItsTurn) {
  EchoBackend backend("b");
  HawserProcess hawser(
      Config{.endpoints = {backend.address()}, .cluster = {"admission: { rate: 10/s, burst: 2 }"}}.Yaml(),
      2);  // workers, which share the bucket
  const auto start = Clock::now();
  std::vector<Wire> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(Ask(hawser));
  for (Wire& client : clients) EXPECT_EQ(ReadHead(client).status(), 101);
  EXPECT_GE(Clock::now() - start, std::chrono::milliseconds(590)) << "two at once, then one each 100 ms";
  EXPECT_TRUE(hawser.MetricIs("hawser_admission_waiting", 0));
  EXPECT_TRUE(hawser.MetricReaches("hawser_admission_waits_total", 6));
  EXPECT_TRUE(hawser.MetricReaches("hawser_admission_wait_seconds_count", 6));
  clients.clear();
  const LogLine line = hawser.WaitForLog([](const LogLine& entry) { return entry.Has("queue_ms"); });
  EXPECT_EQ(line["flag"], "DC,AQ") << "also where it succeeded: its client has left without a close frame";
  EXPECT_EQ(line["status"], "101");
}

TEST(Admission, RequestsDoNotWait) {
  EchoBackend backend("b");
  HawserProcess hawser(
      Config{.endpoints = {backend.address()}, .cluster = {"admission: { rate: 1/m, burst: 1 }"}}.Yaml());
  for (int i = 0; i < 5; ++i) {
    Wire client = Wire::Connect(hawser.listener());
    client.Send(PlainGet("/"));
    EXPECT_EQ(ReadHead(client).status(), 200);
  }
}

TEST(Admission, NoMoreThanPendingWait) {
  EchoBackend backend("b");
  HawserProcess hawser(Config{.endpoints = {backend.address()},
                              .cluster = {"admission: { rate: 1/m, burst: 1, pending: 1, wait: 1m }"}}
                           .Yaml());
  const Wire in = Join(hawser.listener());
  const Wire waits = Ask(hawser);
  EXPECT_TRUE(hawser.MetricIs("hawser_admission_waiting", 1));
  Wire refused = Ask(hawser);
  ExpectRefused(hawser, ReadHead(refused), "admission_full");
}

TEST(Admission, NobodyWaitsLongerThanWait) {
  EchoBackend backend("b");
  HawserProcess hawser(
      Config{.endpoints = {backend.address()}, .cluster = {"admission: { rate: 1/m, burst: 1, wait: 200ms }"}}
          .Yaml());
  const Wire in = Join(hawser.listener());
  Wire late = Ask(hawser);
  ExpectRefused(hawser, ReadHead(late), "admission_timeout");
  const LogLine line = hawser.WaitForLog([](const LogLine& entry) { return entry.Has("queue_ms"); });
  EXPECT_GE(line.Number("queue_ms"), 200);
  EXPECT_EQ(backend.requests(), 1);
}

TEST(Admission, WhoLeavesGivesUpItsPlace) {
  EchoBackend backend("b");
  HawserProcess hawser(Config{.endpoints = {backend.address()},
                              .cluster = {"admission: { rate: 1/m, burst: 1, pending: 1, wait: 1m }"}}
                           .Yaml());
  const Wire in = Join(hawser.listener());
  for (int i = 0; i < 3; ++i) {
    Wire waits = Ask(hawser);
    EXPECT_TRUE(hawser.MetricIs("hawser_admission_waiting", 1));
    waits.Close();
    EXPECT_TRUE(hawser.MetricIs("hawser_admission_waiting", 0)) << "at once";
  }
  EXPECT_EQ(backend.requests(), 1);
}

TEST(Admission, TheWaitDoesNotCountAgainstTheHandshakesTime) {
  EchoBackend backend("b");
  HawserProcess hawser(
      Config{.endpoints = {backend.address()},
             .route = {"handshake_timeout: 150ms"},
             .cluster = {"connect_timeout: 150ms", "admission: { rate: 2/s, burst: 1, wait: 30s }"}}
          .Yaml());
  const Wire in = Join(hawser.listener());
  Head head;
  const Wire after = Join(hawser.listener(), {}, &head);
  EXPECT_EQ(head.status(), 101);
}

TEST(Admission, OthersGoWhereThereIsRoomFirst) {
  EchoBackend one("one");
  EchoBackend other("other");
  HawserProcess hawser(
      Config{.endpoints = {one.address(), other.address()},
             .cluster = {"lb_policy: random", "admission: { rate: 1/m, burst: 5, pending: 0 }"}}
          .Yaml());
  std::vector<Wire> tunnels;
  for (int i = 0; i < 10; ++i) {
    Head head;
    tunnels.push_back(Join(hawser.listener(), {}, &head));
    EXPECT_EQ(head.status(), 101) << i;
  }
  EXPECT_EQ(one.requests(), 5);
  EXPECT_EQ(other.requests(), 5);
}

// A handshake that is tried again is a handshake that is sent.
TEST(Admission, AFurtherTryTakesATokenToo) {
  FakeBackend closing;
  EchoBackend alive("alive");
  HawserProcess hawser(
      Config{.endpoints = {closing.address(), alive.address()},
             .cluster = {"admission: { rate: 1/m, burst: 2, pending: 0 }", "lb_policy: round_robin"}}
          .Yaml());
  int in = 0;
  for (int i = 0; i < 4; ++i) {
    Wire client = Ask(hawser);
    if (Eventually([&] { return closing.contacted() || client.HasInput(); }) && closing.contacted()) {
      Wire backend = closing.Accept();
      ReadHead(backend);
    }
    in += ReadHead(client).status() == 101;
  }
  EXPECT_EQ(in, 2) << "two tokens of each endpoint, of which the closing one's are lost";
  EXPECT_EQ(alive.requests(), 2);
}

// --- Changes while clients wait ---

TEST(Admission, ThoseThatWaitPickAnewWhenTheirEndpointGoes) {
  EchoBackend one("one");
  EchoBackend other("other");
  const std::string admission = "admission: { rate: 1/m, burst: 1, wait: 1m }";
  Site site{.listeners = {ListenerOf("main", "127.0.0.1:0")},
            .routes = {RouteOf("all", "rooms", "match: { path_prefix: / }")},
            .clusters = {ClusterOf("rooms", {one.address()}, admission)}};
  HawserProcess hawser(site.Yaml());
  const Wire in = Join(hawser.listener());
  Wire waits = Ask(hawser);
  EXPECT_TRUE(hawser.MetricIs("hawser_admission_waiting", 1));
  site.clusters = {ClusterOf("rooms", {other.address()}, admission)};
  Apply(hawser, site);
  const Head head = ReadHead(waits);
  EXPECT_EQ(head.status(), 101);
  EXPECT_EQ(head.Value("X-Backend"), "other");
}

TEST(Admission, AReloadThatTurnsItOffAdmitsEverybody) {
  EchoBackend one("one");
  Site site{
      .listeners = {ListenerOf("main", "127.0.0.1:0")},
      .routes = {RouteOf("all", "rooms", "match: { path_prefix: / }")},
      .clusters = {ClusterOf("rooms", {one.address()}, "admission: { rate: 1/m, burst: 1, wait: 1m }")}};
  HawserProcess hawser(site.Yaml());
  const Wire in = Join(hawser.listener());
  Wire waits = Ask(hawser);
  EXPECT_TRUE(hawser.MetricIs("hawser_admission_waiting", 1));
  site.clusters = {ClusterOf("rooms", {one.address()})};
  Apply(hawser, site);
  EXPECT_EQ(ReadHead(waits).status(), 101);
}

}  // namespace
}  // namespace hawser::integration::admission_test
