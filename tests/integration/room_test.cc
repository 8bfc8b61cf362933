// Room for newcomers: silent connections from many addresses take all descriptors, or all connections of a
// listener, and honest clients are served all the same, at the cost of those who ask for nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <sys/resource.h>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::ContainsRegex;

const std::string kEvicted = "hawser_connections_evicted_total";

class Room : public testing::Test {
 protected:
  void Start(const std::string& listener, int files = 0) {
    Config config{.endpoints = {echo_.address()}, .listener = {listener}};
    hawser_.emplace(config.Yaml(), 1, Surroundings{.before = [files] {
                      const rlimit few{.rlim_cur = static_cast<rlim_t>(files),
                                       .rlim_max = static_cast<rlim_t>(files)};
                      if (files > 0) setrlimit(RLIMIT_NOFILE, &few);
                    }});
  }
  HawserProcess& hawser() { return *hawser_; }

  Wire From(int host) {
    return Wire::Connect(hawser().listener(), {.from = fmt::format("127.0.9.{}", host)});
  }
  void AddSilent(int count) {
    for (int i = 0; i < count; ++i) silent_.push_back(From(1 + (next_host_++ % 250)));
  }
  // An upgrade that must succeed.
  void AddTunnel() {
    tunnels_.push_back(Join(hawser().listener()));
    ASSERT_TRUE(tunnels_.back().open()) << tunnels_.size();
  }
  // A kept connection that has had its answer.
  Wire Idle() {
    Wire wire = Wire::Connect(hawser().listener());
    AskAgain(wire);
    return wire;
  }
  static void AskAgain(Wire& wire) {
    wire.Send(PlainGet("/"));
    const Head head = ReadHead(wire);
    EXPECT_EQ(head.status(), 200);
    ReadBody(wire, head);
  }
  void ExpectTunnelsAlive() {
    for (Wire& tunnel : tunnels_) {
      tunnel.Send(EncodeMasked({.payload = "still here"}));
      EXPECT_EQ(ReadFrame(tunnel).payload, "still here");
    }
  }

  EchoBackend echo_{"echo"};
  std::optional<HawserProcess> hawser_;
  std::vector<Wire> silent_;
  std::vector<Wire> tunnels_;
  int next_host_ = 0;
};

TEST_F(Room, DescriptorsOfTheSilentAreForWhoAsks) {
  if (IsSanitized())
    GTEST_SKIP() << "the sanitizers' own checks open pipes, and take memory for unreadable otherwise";
  Start("limits: { connections: 100000 }", 256);
  for (int i = 0; i < 12; ++i) AddTunnel();
  Wire idle = Idle();
  AddSilent(400);
  EXPECT_TRUE(hawser().MetricIs("hawser_connections_accepted_total", 413));
  for (int i = 0; i < 20; ++i) AddTunnel();
  ExpectTunnelsAlive();
  AskAgain(idle);
  EXPECT_NE(silent_[0].ReadEnd(), End::kOpen) << "the oldest";
  EXPECT_FALSE(silent_.back().HasInput()) << "the youngest";
  EXPECT_GE(hawser().Metric(kEvicted), 200);
  EXPECT_EQ(hawser().Metric(kEvicted, {"why=\"idle\""}), 0);
  EXPECT_EQ(hawser().Metric("hawser_accept_errors_total"), 0) << "no pause";
  EXPECT_LT(hawser().OpenFiles(), 256);
  const std::string log = hawser().process().err();
  EXPECT_THAT(log,
              ContainsRegex("listener main: open files are short: closed a connection without a request"));
  EXPECT_LT(std::count(log.begin(), log.end(), '\n'), 100) << "one line a second";
}

TEST_F(Room, AListenersConnectionsAreForWhoAsks) {
  Start("limits: { connections: 60 }");
  for (int i = 0; i < 10; ++i) AddTunnel();
  Wire idle = Idle();
  AddSilent(100);
  EXPECT_TRUE(hawser().MetricIs("hawser_connections_accepted_total", 111));
  for (int i = 0; i < 20; ++i) AddTunnel();
  ExpectTunnelsAlive();
  AskAgain(idle);
  EXPECT_NE(silent_[0].ReadEnd(), End::kOpen);
  EXPECT_FALSE(silent_.back().HasInput());
  EXPECT_THAT(hawser().process().err(), ContainsRegex("connections of the listener are short: closed a "));

  silent_.clear();
  EXPECT_TRUE(hawser().MetricIs("hawser_connections_open", 31));
  EXPECT_EQ(hawser().Metric(kEvicted, {"why=\"idle\""}), 0);
  for (int i = 0; i < 30; ++i) AddTunnel();
  EXPECT_NE(idle.ReadEnd(), End::kOpen) << "when nobody is silent";
  EXPECT_EQ(hawser().Metric(kEvicted, {"why=\"idle\""}), 1);
  EXPECT_FALSE(Join(hawser().listener()).open()) << "60 tunnels, and none is closed for another";
  ExpectTunnelsAlive();
  EXPECT_TRUE(hawser().MetricIs("hawser_rejects_total", 1, {"reason=\"listener_full\""}));
}

TEST_F(Room, BodiesThatDoNotMoveAreForWhoAsks) {
  const FakeBackend mute;  // takes connections, and answers nothing
  hawser_.emplace(fmt::format(
      "admin: {{ address: 127.0.0.1:0 }}\n"
      "listeners: [ {{ name: main, address: 127.0.0.1:0, limits: {{ connections: 20 }} }} ]\n"
      "routes: [ {{ match: {{ path: /upload }}, cluster: mute }}, {{ match: {{}}, cluster: echo }} ]\n"
      "clusters: [ {{ name: mute, endpoints: [ {} ] }}, {{ name: echo, endpoints: [ {} ] }} ]\n",
      mute.address(), echo_.address()));
  std::vector<Wire> slow;
  for (int i = 0; i < 19; ++i) {
    slow.push_back(From(1 + i));
    slow.back().Send("POST /upload HTTP/1.1\r\nHost: hawser.test\r\nContent-Length: 1000\r\n\r\nx");
  }
  EXPECT_TRUE(hawser().MetricIs("hawser_requests_total", 19));
  Wire& moves = slow.front();
  moves.Send("more");
  for (int i = 0; i < 18; ++i) AddTunnel();
  EXPECT_NE(slow[1].ReadEnd(), End::kOpen);
  EXPECT_GE(hawser().Metric(kEvicted, {"why=\"body\""}), 17);
  EXPECT_TRUE(hawser().MetricReaches("hawser_rejects_total", 17, {"reason=\"request_timeout\""}));
  EXPECT_FALSE(moves.HasInput()) << "who moved last stays";
  ExpectTunnelsAlive();
}

TEST_F(Room, AnAddressWhoseConnectionsLeadNowhereGoesFirst) {
  Start("limits: { connections: 6 }");
  From(1).Close();
  EXPECT_TRUE(hawser().MetricIs("hawser_connections_closed_total", 1));
  Wire good = From(2);
  Wire bad = From(1);
  EXPECT_TRUE(hawser().MetricIs("hawser_connections_accepted_total", 3));
  for (int i = 0; i < 5; ++i) AddTunnel();
  EXPECT_NE(bad.ReadEnd(), End::kOpen);
  EXPECT_FALSE(good.HasInput());
  AddTunnel();
  EXPECT_NE(good.ReadEnd(), End::kOpen);
  EXPECT_EQ(hawser().Metric(kEvicted, {"why=\"no_request_bad_standing\""}), 1);
  EXPECT_EQ(hawser().Metric(kEvicted, {"why=\"no_request\""}), 1);
}

}  // namespace
}  // namespace hawser::integration
