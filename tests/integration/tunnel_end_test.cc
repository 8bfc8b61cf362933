// How a tunnel ends: the close handshake relayed, peers that vanish, halves that close, and what each side
// and the log learn of it.
#include <gtest/gtest.h>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

const std::vector<std::string> kLongCloseTimeout = {"close_timeout: 1h"};

void ExpectLogged(OneBackend& world, const std::string& closed_by, const std::string& close_code) {
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_EQ(line["event"], "tunnel");
  EXPECT_EQ(line["closed_by"], closed_by);
  EXPECT_EQ(line["close_code"], close_code);
}

TEST(TunnelEnd, AClientsCloseIsRelayedAndItsAnswerToo) {
  OneBackend world({.websocket = kLongCloseTimeout});
  Tunnel tunnel = world.Open();
  tunnel.client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(4321, "going home")}));
  const Frame seen = ReadFrame(tunnel.backend);
  EXPECT_EQ(seen.opcode, kClose);
  EXPECT_EQ(seen.close_code(), 4321);
  EXPECT_EQ(seen.close_reason(), "going home");
  tunnel.backend.Send(Encode({.opcode = kClose, .payload = ClosePayload(4321, "farewell")}));
  const Frame answer = ReadFrame(tunnel.client);
  EXPECT_EQ(answer.close_code(), 4321);
  EXPECT_EQ(answer.close_reason(), "farewell");
  tunnel.backend.Close();
  EXPECT_EQ(tunnel.client.ReadEnd(), End::kFin);
  tunnel.client.Close();
  ExpectLogged(world, "client", "4321");
}

TEST(TunnelEnd, ABackendsCloseIsRelayedAndItsAnswerToo) {
  OneBackend world({.websocket = kLongCloseTimeout});
  Tunnel tunnel = world.Open();
  tunnel.backend.Send(Encode({.opcode = kClose, .payload = ClosePayload(1000, "enough")}));
  EXPECT_EQ(ReadFrame(tunnel.client), (Frame{.opcode = kClose, .payload = ClosePayload(1000, "enough")}));
  tunnel.client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000)}));
  EXPECT_EQ(ReadFrame(tunnel.backend).close_code(), 1000);
  EXPECT_EQ(tunnel.backend.ReadEnd(), End::kFin);
  tunnel.backend.Close();
  EXPECT_EQ(tunnel.client.ReadEnd(), End::kFin);
  tunnel.client.Close();
  ExpectLogged(world, "backend", "1000");
}

TEST(TunnelEnd, ACloseWithoutACodeStaysWithoutOne) {
  OneBackend world({.websocket = kLongCloseTimeout});
  Tunnel tunnel = world.Open();
  tunnel.client.Send(EncodeMasked({.opcode = kClose}));
  const Frame seen = ReadFrame(tunnel.backend);
  EXPECT_EQ(seen.opcode, kClose);
  EXPECT_EQ(seen.payload, "");
  tunnel.backend.Send(Encode({.opcode = kClose}));
  EXPECT_EQ(ReadFrame(tunnel.client), (Frame{.opcode = kClose}));
  tunnel.client.Close();
  tunnel.backend.Close();
  ExpectLogged(world, "client", "1005");
}

TEST(TunnelEnd, MessagesOnTheirWayWhenACloseComesAreDelivered) {
  OneBackend world({.websocket = kLongCloseTimeout});
  Tunnel tunnel = world.Open();
  tunnel.client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000)}));
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
  tunnel.backend.Send(Encode({.payload = "was under way"}) +
                      Encode({.opcode = kClose, .payload = ClosePayload(1000)}));
  EXPECT_EQ(ReadFrame(tunnel.client).payload, "was under way");
  EXPECT_EQ(ReadFrame(tunnel.client).opcode, kClose);
}

TEST(TunnelEnd, NothingBehindACloseFrameIsForwarded) {
  OneBackend world({.websocket = kLongCloseTimeout});
  Tunnel tunnel = world.Open();
  tunnel.client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000)}) +
                     EncodeMasked({.payload = "too late"}));
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
  tunnel.backend.Send(Encode({.opcode = kClose, .payload = ClosePayload(1000)}));
  std::string rest;
  EXPECT_EQ(tunnel.backend.ReadEnd(&rest), End::kFin);
  EXPECT_EQ(rest, "");
}

TEST(TunnelEnd, ACloseThatNobodyAnswersEndsBothSidesAfterTheTimeout) {
  OneBackend world({.websocket = {"close_timeout: 300ms"}});
  Tunnel tunnel = world.Open();
  tunnel.client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000)}));
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
  EXPECT_NE(tunnel.client.ReadEnd(), End::kOpen);
  EXPECT_NE(tunnel.backend.ReadEnd(), End::kOpen);
  ExpectLogged(world, "client", "1000");
}

TEST(TunnelEnd, ABackendThatResetsBetweenMessagesGivesTheClient1001) {
  OneBackend world({.websocket = kLongCloseTimeout});
  Tunnel tunnel = world.Open();
  ExpectAlive(tunnel);
  tunnel.backend.Reset();
  const Frame close = ReadFrame(tunnel.client);
  EXPECT_EQ(close.opcode, kClose);
  EXPECT_EQ(close.close_code(), 1001);
  tunnel.client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1001)}));
  EXPECT_EQ(tunnel.client.ReadEnd(), End::kFin);
  tunnel.client.Close();
  EXPECT_EQ(world.hawser().WaitForLog()["closed_by"], "backend");
}

TEST(TunnelEnd, ABackendThatResetsBetweenFragmentsGivesTheClient1001) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  tunnel.backend.Send(Encode({.payload = "begun", .fin = false}));
  EXPECT_EQ(ReadFrame(tunnel.client).payload, "begun");
  tunnel.backend.Reset();
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1001);
}

TEST(TunnelEnd, ABackendThatResetsInsideAFrameEndsTheClientPromptly) {
  OneBackend world({.websocket = kLongCloseTimeout});
  Tunnel tunnel = world.Open();
  const std::string part = EncodeHead({.opcode = kBinary}, 1000, false) + std::string(400, 'x');
  tunnel.backend.Send(part);
  EXPECT_EQ(tunnel.client.Read(part.size()), part);
  tunnel.backend.Reset();
  std::string rest;
  EXPECT_NE(tunnel.client.ReadEnd(&rest), End::kOpen);
  EXPECT_EQ(rest, "");  // a close frame here would be taken for payload
}

TEST(TunnelEnd, ABackendThatEndsWithoutACloseFrameGivesTheClient1001) {
  OneBackend world({.websocket = kLongCloseTimeout});
  Tunnel tunnel = world.Open();
  tunnel.backend.Close();
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1001);
  tunnel.client.Close();
  EXPECT_EQ(world.hawser().WaitForLog()["closed_by"], "backend");
}

TEST(TunnelEnd, AClientThatResetsEndsTheBackendPromptly) {
  OneBackend world({.websocket = kLongCloseTimeout});
  Tunnel tunnel = world.Open();
  ExpectAlive(tunnel);
  tunnel.client.Reset();
  const Frame close = ReadFrame(tunnel.backend);
  EXPECT_EQ(close.opcode, kClose);
  EXPECT_TRUE(close.masked);
  EXPECT_EQ(close.close_code(), 1001);
  tunnel.backend.Send(Encode({.opcode = kClose, .payload = close.payload}));
  EXPECT_NE(tunnel.backend.ReadEnd(), End::kOpen);
  tunnel.backend.Close();
  EXPECT_EQ(world.hawser().WaitForLog()["closed_by"], "client");
}

TEST(TunnelEnd, AClientThatVanishesInsideAFrameEndsTheBackendPromptly) {
  OneBackend world({.websocket = kLongCloseTimeout});
  Tunnel tunnel = world.Open();
  const std::string part = EncodeHead({.opcode = kBinary}, 1000, true) + std::string(400, 'x');
  tunnel.client.Send(part);
  EXPECT_EQ(tunnel.backend.Read(part.size()), part);
  tunnel.client.Close();
  std::string rest;
  EXPECT_NE(tunnel.backend.ReadEnd(&rest), End::kOpen);
  EXPECT_EQ(rest, "");
}

TEST(TunnelEnd, AHalfClosedClientStillHearsTheAnswerToItsClose) {
  OneBackend world({.websocket = kLongCloseTimeout});
  Tunnel tunnel = world.Open();
  tunnel.client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000)}));
  tunnel.client.ShutdownWrite();
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
  tunnel.backend.Send(Encode({.opcode = kClose, .payload = ClosePayload(1000, "heard")}));
  EXPECT_EQ(ReadFrame(tunnel.client).close_reason(), "heard");
  EXPECT_EQ(tunnel.client.ReadEnd(), End::kFin);
}

TEST(TunnelEnd, AHalfCloseWithoutACloseFrameEndsTheWebSocket) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  tunnel.client.ShutdownWrite();
  EXPECT_EQ(ReadFrame(tunnel.backend).close_code(), 1001);
}

TEST(TunnelEnd, WhatABackendSentBeforeItsFinIsDeliveredBeforeThe1001) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  tunnel.backend.Send(Encode({.payload = "last words"}));
  tunnel.backend.ShutdownWrite();
  EXPECT_EQ(ReadFrame(tunnel.client).payload, "last words");
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1001);
}

TEST(TunnelEnd, NothingIsLeftOfTunnelsThatEnded) {
  EchoBackend echo("echo");
  HawserProcess hawser(Config{.endpoints = {echo.address()}}.Yaml());
  ASSERT_TRUE(Join(hawser.listener()).open());
  ASSERT_TRUE(Eventually([&] { return hawser.Log().size() == 1; }));
  const int before = hawser.OpenFiles();
  for (int i = 0; i < 50; ++i) {
    Wire client = Join(hawser.listener());
    ASSERT_TRUE(client.open());
    if (i % 3 == 0) client.Reset();
    if (i % 3 == 1) client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000)}));
  }
  EXPECT_TRUE(Eventually([&] { return hawser.Log().size() == 51; })) << hawser.Log().size();
  EXPECT_TRUE(Eventually([&] { return hawser.OpenFiles() == before; }))
      << hawser.OpenFiles() << " " << before;
  EXPECT_TRUE(Eventually([&] { return echo.open() == 0; }));
}

}  // namespace
}  // namespace hawser::integration
