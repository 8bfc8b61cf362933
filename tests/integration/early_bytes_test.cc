// Bytes that come earlier than expected, or one by one: ahead of the 101, behind it in the same segment,
// torn.
#include <gtest/gtest.h>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

TEST(EarlyBytes, FramesBehindThe101InTheSameSegmentReachTheClient) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(Request{}.Text());
  Wire backend = world.backend().Accept();
  const Head request = ReadHead(backend);
  backend.Send(SwitchingProtocols(request) + Encode({.payload = "first"}) + Encode({.payload = "second"}));
  EXPECT_EQ(ReadHead(client).status(), 101);
  EXPECT_EQ(ReadFrame(client).payload, "first");
  EXPECT_EQ(ReadFrame(client).payload, "second");
}

TEST(EarlyBytes, HalfAFrameBehindThe101IsCompletedLater) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(Request{}.Text());
  Wire backend = world.backend().Accept();
  const Head request = ReadHead(backend);
  const std::string frame = Encode({.payload = "in two parts"});
  backend.Send(SwitchingProtocols(request) + frame.substr(0, 1));
  EXPECT_EQ(ReadHead(client).status(), 101);
  backend.Send(frame.substr(1));
  EXPECT_EQ(ReadFrame(client).payload, "in two parts");
}

TEST(EarlyBytes, AnAnswerMessagesAndACloseInOneSegmentAllArrive) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(Request{}.Text());
  {
    Wire backend = world.backend().Accept();
    const Head request = ReadHead(backend);
    backend.Send(SwitchingProtocols(request) + Encode({.payload = "bye"}) +
                 Encode({.opcode = kClose, .payload = ClosePayload(4000, "done")}));
    backend.ShutdownWrite();
    EXPECT_EQ(ReadHead(client).status(), 101);
    EXPECT_EQ(ReadFrame(client).payload, "bye");
    EXPECT_EQ(ReadFrame(client).close_code(), 4000);
  }
}

TEST(EarlyBytes, FramesAheadOfThe101AreHeldAndThenDelivered) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(Request{}.Text() + EncodeMasked({.payload = "eager"}));
  Wire backend = world.backend().Accept();
  const Head request = ReadHead(backend);
  client.Send(EncodeMasked({.payload = "more"}));
  EXPECT_FALSE(backend.HasInput());
  backend.Send(SwitchingProtocols(request));
  EXPECT_EQ(ReadHead(client).status(), 101);
  EXPECT_EQ(ReadFrame(backend).payload, "eager");
  EXPECT_EQ(ReadFrame(backend).payload, "more");
}

TEST(EarlyBytes, AViolationAheadOfThe101IsFoundInTheTunnel) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(Request{}.Text() + Encode({.payload = "not masked"}));
  Wire backend = world.backend().Accept();
  backend.Send(SwitchingProtocols(ReadHead(backend)));
  EXPECT_EQ(ReadHead(client).status(), 101);
  EXPECT_EQ(ReadFrame(client).close_code(), 1002);
}

TEST(EarlyBytes, AfterARefusalTheyAreNeverParsedAsARequest) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(Request{}.Text() + PlainGet("/smuggled"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("403 Forbidden", "no"));
  const Head head = ReadHead(client);
  EXPECT_EQ(head.status(), 403);
  EXPECT_EQ(ReadBody(client, head), "no");
  std::string rest;
  client.ReadEnd(&rest);
  EXPECT_EQ(rest, "");
  std::string seen;
  backend.Close();
  EXPECT_EQ(world.Open({.target = "/honest"}).request.target(), "/honest");
}

TEST(EarlyBytes, ARequestHeadMayComeOneByteAtATime) {
  OneBackend world;
  Wire client = world.Connect();
  client.SendTorn(Request{.target = "/torn"}.Text());
  Wire backend = world.backend().Accept();
  const Head request = ReadHead(backend);
  EXPECT_EQ(request.target(), "/torn");
  backend.SendTorn(SwitchingProtocols(request));
  EXPECT_EQ(ReadHead(client).status(), 101);
}

TEST(EarlyBytes, FramesMayComeOneByteAtATimeBothWays) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  for (const size_t size : {0, 1, 125, 126, 300}) {
    const Frame frame{.opcode = kBinary, .payload = std::string(size, 'x')};
    tunnel.client.SendTorn(EncodeMasked(frame));
    EXPECT_EQ(ReadFrame(tunnel.backend).payload, frame.payload);
    tunnel.backend.SendTorn(Encode(frame));
    EXPECT_EQ(ReadFrame(tunnel.client), frame);
  }
  tunnel.client.SendTorn(EncodeMasked({.opcode = kPing, .payload = "torn"}));
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kPing);
  tunnel.backend.SendTorn(Encode({.opcode = kClose, .payload = ClosePayload(1000, "torn")}));
  EXPECT_EQ(ReadFrame(tunnel.client).close_reason(), "torn");
}

}  // namespace
}  // namespace hawser::integration
