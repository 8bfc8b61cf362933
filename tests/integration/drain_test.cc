// SIGTERM: no new connections, 1001 for everyone over the window, then the end.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

Config Draining(const std::string& drain) {
  return {.top = {"drain: { " + drain + " }"}};
}

void ExpectNobodyNewIsLetIn(OneBackend& world) {
  EXPECT_TRUE(Eventually([&] {
    Wire admin = Wire::Connect(world.hawser().admin());
    admin.Send(AdminGet("/ready"));
    return ReadHead(admin).status() == 503;
  }));
  EXPECT_EQ(world.hawser().AdminPage("/healthz"), "alive\n");
  const std::string address = world.hawser().listener();
  EXPECT_TRUE(Eventually([&] { return !Wire::Connect(address).open(); }));
}

void AnswerTheDrain(Tunnel& tunnel) {
  Frame close = ReadFrame(tunnel.client);
  EXPECT_EQ(close.opcode, kClose);
  EXPECT_EQ(close.close_code(), 1001);
  tunnel.client.Send(EncodeMasked(close));
  EXPECT_EQ(ReadFrame(tunnel.backend).close_code(), 1001);
  tunnel.client.Close();
  tunnel.backend.Close();
}

TEST(Drain, ClientsAndBackendsGet1001AndTheProcessEndsWhenTheyAreGone) {
  OneBackend world(Draining("window: 300ms, deadline: 1h"));
  std::vector<Tunnel> tunnels;
  for (int i = 0; i < 5; ++i) tunnels.push_back(world.Open());
  world.hawser().process().Signal(SIGTERM);
  for (Tunnel& tunnel : tunnels) AnswerTheDrain(tunnel);
  EXPECT_EQ(world.hawser().process().Wait(), 0);
  const std::vector<LogLine> log = world.hawser().Log();
  ASSERT_EQ(log.size(), 5u);
  for (const LogLine& line : log) {
    EXPECT_EQ(line["closed_by"], "drain");
    EXPECT_EQ(line["close_code"], "1001");
  }
}

TEST(Drain, SignalsOfOtherProxiesAreIgnored) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  for (const int signal : {SIGUSR1, SIGUSR2}) world.hawser().process().Signal(signal);
  for (const char* name : {"SIGUSR1", "SIGUSR2"}) {
    EXPECT_TRUE(Eventually([&] { return world.hawser().process().err().find(name) != std::string::npos; }))
        << name;
  }
  ExpectAlive(tunnel);
}

// nginx's users send SIGQUIT to stop without a cut.
TEST(Drain, SigintAndSigquitDrainToo) {
  for (const int signal : {SIGINT, SIGQUIT}) {
    OneBackend world(Draining("window: 0s, deadline: 1h"));
    Tunnel tunnel = world.Open();
    world.hawser().process().Signal(signal);
    AnswerTheDrain(tunnel);
    EXPECT_EQ(world.hawser().process().Wait(), 0) << signal;
  }
}

TEST(Drain, AnIdleServerEndsAtOnce) {
  OneBackend world(Draining("window: 1h"));
  Wire idle = world.Connect();
  world.hawser().process().Signal(SIGTERM);
  EXPECT_EQ(world.hawser().process().Wait(), 0);
}

TEST(Drain, TheClosesAreSpreadOverTheWindow) {
  OneBackend world(Draining("window: 4s, deadline: 1h"));
  std::vector<Tunnel> tunnels;
  for (int i = 0; i < 30; ++i) tunnels.push_back(world.Open());
  world.hawser().process().Signal(SIGTERM);
  const auto closed = [&tunnels] {
    return std::count_if(tunnels.begin(), tunnels.end(),
                         [](Tunnel& tunnel) { return tunnel.client.HasInput(); });
  };
  ASSERT_TRUE(Eventually([&] { return closed() > 0; }));
  EXPECT_LT(closed(), 25);
  EXPECT_TRUE(Eventually([&] { return closed() == 30; }));
}

TEST(Drain, NewConnectionsAreRefusedWhileOldTunnelsLive) {
  OneBackend world(Draining("window: 1h, deadline: 2h"));
  Tunnel tunnel = world.Open();
  world.hawser().process().Signal(SIGTERM);
  ExpectNobodyNewIsLetIn(world);
  ExpectAlive(tunnel);
}

TEST(Drain, ACloseWaitsForTheEndOfAFrame) {
  OneBackend world(Draining("window: 0s, deadline: 1h"));
  Tunnel tunnel = world.Open();
  Tunnel other = world.Open();
  const std::string bytes = Encode({.opcode = kBinary, .payload = std::string(1000, 'x')});
  tunnel.backend.Send(bytes.substr(0, 500));
  EXPECT_EQ(tunnel.client.Read(500), bytes.substr(0, 500));
  world.hawser().process().Signal(SIGTERM);
  AnswerTheDrain(other);
  EXPECT_EQ(ReadFrame(tunnel.backend).close_code(), 1001);
  EXPECT_FALSE(tunnel.client.HasInput());
  tunnel.backend.Send(bytes.substr(500));
  EXPECT_EQ(tunnel.client.Read(500), bytes.substr(500, 500));
  EXPECT_EQ(tunnel.client.Read(bytes.size() - 1000), bytes.substr(1000));
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1001);
}

TEST(Drain, PeersThatDoNotAnswerAreCutAtTheDeadline) {
  OneBackend world(
      {.websocket = {"close_timeout: 1h"}, .top = {"drain: { window: 100ms, deadline: 500ms }"}});
  Tunnel tunnel = world.Open();
  world.hawser().process().Signal(SIGTERM);
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1001);
  EXPECT_NE(tunnel.client.ReadEnd(), End::kOpen);
  EXPECT_NE(world.hawser().process().Wait(), -1);
}

TEST(Drain, ASecondSignalEndsNow) {
  for (const int second : {SIGTERM, SIGINT, SIGQUIT}) {
    OneBackend world(Draining("window: 1h, deadline: 2h"));
    Tunnel tunnel = world.Open();
    world.hawser().process().Signal(SIGTERM);
    ExpectNobodyNewIsLetIn(world);
    ExpectAlive(tunnel);
    world.hawser().process().Signal(second);
    EXPECT_NE(world.hawser().process().Wait(), -1);
    EXPECT_NE(tunnel.client.ReadEnd(), End::kOpen);
    EXPECT_EQ(world.hawser().Log().size(), 1u);
  }
}

}  // namespace
}  // namespace hawser::integration
