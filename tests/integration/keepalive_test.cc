// Pings of hawser's own: where they are inserted, which pongs are dropped, and what happens to a peer that
// does not answer.
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

Config Pinging(const std::string& to, const std::string& timeout = "1h") {
  return {.websocket = {"keepalive: { interval: 100ms, timeout: " + timeout + ", to: " + to + " }",
                        "close_timeout: 1h"}};
}

void Pong(Wire& client, const Frame& ping) {
  client.Send(EncodeMasked({.opcode = kPong, .payload = ping.payload}));
}

// Some intervals go by: seen by the pings of another tunnel.
void LetIntervalsPass(OneBackend& world) {
  Tunnel clock = world.Open();
  for (int i = 0; i < 4; ++i) {
    const Frame ping = ReadFrame(clock.client);
    ASSERT_EQ(ping.opcode, kPing);
    Pong(clock.client, ping);
  }
}

TEST(Keepalive, AQuietClientIsPingedAndItsPongsAreSwallowed) {
  OneBackend world(Pinging("client"));
  Tunnel tunnel = world.Open();
  for (int i = 0; i < 3; ++i) {
    const Frame ping = ReadFrame(tunnel.client);
    EXPECT_EQ(ping.opcode, kPing);
    EXPECT_FALSE(ping.masked);
    Pong(tunnel.client, ping);
  }
  EXPECT_FALSE(tunnel.backend.HasInput());
  tunnel.client.Send(EncodeMasked({.payload = "after the pongs"}));
  EXPECT_EQ(ReadFrame(tunnel.backend).payload, "after the pongs");
}

TEST(Keepalive, AQuietBackendIsPingedUnderAMaskAndItsPongsAreSwallowed) {
  OneBackend world(Pinging("backend"));
  Tunnel tunnel = world.Open();
  for (int i = 0; i < 3; ++i) {
    const Frame ping = ReadFrame(tunnel.backend);
    EXPECT_EQ(ping.opcode, kPing);
    EXPECT_TRUE(ping.masked);
    tunnel.backend.Send(Encode({.opcode = kPong, .payload = ping.payload}));
  }
  EXPECT_FALSE(tunnel.client.HasInput());
  tunnel.backend.Send(Encode({.payload = "after the pongs"}));
  EXPECT_EQ(ReadFrame(tunnel.client).payload, "after the pongs");
}

TEST(Keepalive, BothSidesArePingedWhenTheRouteSaysBoth) {
  OneBackend world(Pinging("both"));
  Tunnel tunnel = world.Open();
  EXPECT_EQ(ReadFrame(tunnel.client).opcode, kPing);
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kPing);
}

TEST(Keepalive, PongsThatAnswerThePeersOwnPingsPassThrough) {
  OneBackend world(Pinging("client"));
  Tunnel tunnel = world.Open();
  const Frame ping = ReadFrame(tunnel.client);
  tunnel.client.Send(EncodeMasked({.opcode = kPong, .payload = "the backend's own"}));
  Pong(tunnel.client, ping);
  tunnel.client.Send(EncodeMasked({.payload = "next"}));
  EXPECT_EQ(ReadFrame(tunnel.backend).payload, "the backend's own");
  EXPECT_EQ(ReadFrame(tunnel.backend).payload, "next");
}

// RFC 6455 §5.5.3: a peer may answer the last of several pings alone.
TEST(Keepalive, OnePongForSeveralPingsReachesThePeerThatAsked) {
  OneBackend world(Pinging("client"));
  Tunnel tunnel = world.Open();
  tunnel.backend.Send(Encode({.opcode = kPing, .payload = "the backend's own"}));
  LetIntervalsPass(world);
  std::vector<Frame> pings = {ReadFrame(tunnel.client)};
  while (tunnel.client.HasInput()) pings.push_back(ReadFrame(tunnel.client));
  Pong(tunnel.client, pings.back());
  const Frame pong = ReadFrame(tunnel.backend);
  EXPECT_EQ(pong.opcode, kPong);
  EXPECT_EQ(pong.payload, "the backend's own");
  EXPECT_EQ(ReadFrame(tunnel.client).opcode, kPing) << "now one of hawser's own";
}

TEST(Keepalive, APassedPingThatIsNotAnsweredEndsTheTunnelAsDead) {
  OneBackend world(Pinging("client", "200ms"));
  Tunnel tunnel = world.Open();
  tunnel.backend.Send(Encode({.opcode = kPing, .payload = "the backend's own"}));
  EXPECT_EQ(ReadFrame(tunnel.client).payload, "the backend's own");
  EXPECT_NE(tunnel.client.ReadEnd(), End::kOpen);
  EXPECT_EQ(ReadFrame(tunnel.backend).close_code(), 1001);
  tunnel.backend.Close();
  EXPECT_EQ(world.hawser().WaitForLog()["reason"], "pong_timeout");
}

TEST(Keepalive, GoesToTheClientAloneUnlessTheRouteSaysOtherwise) {
  OneBackend world({.websocket = {"keepalive: { interval: 100ms, timeout: 1h }"}});
  Tunnel tunnel = world.Open();
  for (int i = 0; i < 3; ++i) Pong(tunnel.client, ReadFrame(tunnel.client));
  tunnel.client.Send(EncodeMasked({.payload = "after the pings"}));
  EXPECT_EQ(ReadFrame(tunnel.backend).payload, "after the pings");
}

TEST(Keepalive, APongThatImitatesOursIsNotTaken) {
  OneBackend world(Pinging("client"));
  Tunnel tunnel = world.Open();
  Frame ping = ReadFrame(tunnel.client);
  ping.payload.back() = static_cast<char>(ping.payload.back() ^ 1);
  Pong(tunnel.client, ping);
  EXPECT_EQ(ReadFrame(tunnel.backend).payload, ping.payload);
}

TEST(Keepalive, APingWaitsForTheEndOfA16MiBMessage) {
  OneBackend world(Pinging("client"));
  Tunnel tunnel = world.Open();
  const Frame large{.opcode = kBinary, .payload = std::string(16 << 20, 'x')};
  const std::string bytes = Encode(large);
  const size_t half = bytes.size() / 2;
  std::thread sender([&] { tunnel.backend.Send(std::string_view(bytes).substr(0, half)); });
  std::string start = tunnel.client.Read(2);
  // What came before the message was at a boundary: the pings of a slow start.
  while (start.size() == 2 && (start[0] & 0x0f) == kPing) {
    Pong(tunnel.client, {.payload = tunnel.client.Read(static_cast<uint8_t>(start[1]))});
    start = tunnel.client.Read(2);
  }
  start += tunnel.client.Read(half - 2);
  sender.join();
  LetIntervalsPass(world);
  EXPECT_FALSE(tunnel.client.HasInput()) << "something was put into the message";
  std::thread rest([&] { tunnel.backend.Send(std::string_view(bytes).substr(half)); });
  EXPECT_TRUE(start + tunnel.client.Read(bytes.size() - half) == bytes);
  rest.join();
  EXPECT_EQ(ReadFrame(tunnel.client).opcode, kPing);
}

TEST(Keepalive, APingToTheBackendWaitsForTheEndOfTheClientsFrame) {
  OneBackend world(Pinging("both"));
  Tunnel tunnel = world.Open();
  const std::string bytes = EncodeMasked({.opcode = kBinary, .payload = std::string(1000, 'x')});
  tunnel.client.Send(bytes.substr(0, 500));
  std::string start = tunnel.backend.Read(1);
  while (start == std::string(1, static_cast<char>(0x80 | kPing))) {
    tunnel.backend.Read(static_cast<size_t>(tunnel.backend.Read(1)[0] & 0x7f) + 4);
    start = tunnel.backend.Read(1);
  }
  start += tunnel.backend.Read(499);
  LetIntervalsPass(world);
  EXPECT_FALSE(tunnel.backend.HasInput());
  tunnel.client.Send(bytes.substr(500));
  EXPECT_EQ(start + tunnel.backend.Read(bytes.size() - 500), bytes);
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kPing);
}

TEST(Keepalive, APingMayStandBetweenTwoFragments) {
  OneBackend world(Pinging("client"));
  Tunnel tunnel = world.Open();
  tunnel.backend.Send(Encode({.payload = "begun ", .fin = false}));
  Frame frame = ReadFrame(tunnel.client);
  while (frame.opcode == kPing) {
    Pong(tunnel.client, frame);
    frame = ReadFrame(tunnel.client);
  }
  EXPECT_EQ(frame, (Frame{.payload = "begun ", .fin = false}));
  EXPECT_EQ(ReadFrame(tunnel.client).opcode, kPing);
  tunnel.backend.Send(Encode({.opcode = kContinuation, .payload = "ended"}));
  EXPECT_EQ(ReadFrame(tunnel.client), (Frame{.opcode = kContinuation, .payload = "ended"}));
}

TEST(Keepalive, AClientThatDoesNotAnswerEndsTheTunnelAsDead) {
  OneBackend world(Pinging("client", "200ms"));
  Tunnel tunnel = world.Open();
  EXPECT_EQ(ReadFrame(tunnel.client).opcode, kPing);
  EXPECT_NE(tunnel.client.ReadEnd(), End::kOpen);
  EXPECT_EQ(ReadFrame(tunnel.backend).close_code(), 1001);
  tunnel.backend.Close();
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_EQ(line["closed_by"], "timeout");
  EXPECT_EQ(line["reason"], "pong_timeout");
}

TEST(Keepalive, ABackendThatDoesNotAnswerEndsTheTunnelAsDead) {
  OneBackend world(Pinging("backend", "200ms"));
  Tunnel tunnel = world.Open();
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kPing);
  EXPECT_NE(tunnel.backend.ReadEnd(), End::kOpen);
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1001);
  tunnel.client.Close();
  EXPECT_EQ(world.hawser().WaitForLog()["reason"], "pong_timeout");
}

TEST(Keepalive, AClientThatTalksIsAliveWithoutPongs) {
  OneBackend world(Pinging("client", "500ms"));
  Tunnel tunnel = world.Open();
  const auto until = Clock::now() + 1500ms;
  int messages = 0;
  while (Clock::now() < until) {
    ++messages;
    tunnel.client.Send(EncodeMasked({.payload = "here"}));
    ASSERT_EQ(ReadFrame(tunnel.backend).payload, "here") << messages;
  }
}

TEST(Keepalive, RoundTripsAreMeasuredAndCounted) {
  OneBackend world(Pinging("client"));
  Tunnel tunnel = world.Open();
  for (int i = 0; i < 3; ++i) Pong(tunnel.client, ReadFrame(tunnel.client));
  tunnel.client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000)}));
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
  tunnel.backend.Close();
  tunnel.client.Close();
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_GE(line.Number("pings_sent"), 3);
  EXPECT_GT(line.Number("rtt_ms"), 0);
  EXPECT_LE(line.Number("rtt_min_ms"), line.Number("rtt_max_ms"));
  EXPECT_EQ(line["messages_in"], "0");
}

}  // namespace
}  // namespace hawser::integration
