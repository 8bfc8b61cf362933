// Frames that break RFC 6455: the offender gets its close code, the other side is closed cleanly, and no byte
// of the frame is forwarded.
#include <gtest/gtest.h>

#include "tests/integration/harness/flood.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

struct Offence {
  std::string what;
  std::string bytes;
};

// What neither side may send. The frames are masked as the side must.
std::vector<Offence> Offences(const std::function<std::string(const Frame&)>& encode) {
  Frame one_byte_close{.opcode = kClose, .payload = "\x03"};
  return {
      {"RSV1 without an extension", encode({.payload = "x", .reserved = 0x40})},
      {"RSV2", encode({.payload = "x", .reserved = 0x20})},
      {"RSV3", encode({.payload = "x", .reserved = 0x10})},
      {"opcode 3", encode({.opcode = 3, .payload = "x"})},
      {"opcode 11", encode({.opcode = 11, .payload = "x"})},
      {"a fragmented ping", encode({.opcode = kPing, .payload = "x", .fin = false})},
      {"a ping of 126 bytes", encode({.opcode = kPing, .payload = std::string(126, 'x')})},
      {"a continuation of nothing", encode({.opcode = kContinuation, .payload = "x"})},
      {"a close of one byte", encode(one_byte_close)},
      {"a close with code 1005", encode({.opcode = kClose, .payload = ClosePayload(1005)})},
      {"a close with code 999", encode({.opcode = kClose, .payload = ClosePayload(999)})},
  };
}

class TunnelRules : public testing::Test {
 protected:
  OneBackend world_{{.websocket = {"close_timeout: 1h"}}};
};

TEST_F(TunnelRules, AClientThatBreaksThemGets1002AndTheBackendAClose) {
  std::vector<Offence> offences = Offences([](const Frame& frame) { return EncodeMasked(frame); });
  offences.push_back({"no mask", Encode({.payload = "x"})});
  for (const Offence& offence : offences) {
    SCOPED_TRACE(offence.what);
    Tunnel tunnel = world_.Open();
    tunnel.client.Send(EncodeMasked({.payload = "fine"}) + offence.bytes);
    EXPECT_EQ(ReadFrame(tunnel.backend).payload, "fine");
    const Frame close = ReadFrame(tunnel.backend);
    EXPECT_EQ(close.opcode, kClose);
    EXPECT_TRUE(close.masked);
    EXPECT_EQ(close.close_code(), 1001);
    EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1002);
    EXPECT_EQ(tunnel.client.ReadEnd(), End::kFin);
  }
}

// A socket that is closed over unread bytes answers with a reset, which may overtake the close frame.
TEST_F(TunnelRules, WhatAnOffenderStillSendsDoesNotCutItsCloseFrameOff) {
  const std::string behind(3 * 1024 * 1024, 'x');
  Tunnel tunnel = world_.Open();
  const Flood flood(tunnel.client, 1, [&](uint64_t) { return Encode({.payload = "x"}) + behind; });
  EXPECT_EQ(ReadFrame(tunnel.backend).close_code(), 1001);
  ASSERT_TRUE(Eventually([&] { return flood.sent() > behind.size(); })) << "read on, and dropped";
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1002);
  EXPECT_EQ(tunnel.client.ReadEnd(), End::kFin);
}

TEST_F(TunnelRules, ABackendThatBreaksThemGets1002AndTheClientAClose) {
  std::vector<Offence> offences = Offences([](const Frame& frame) { return Encode(frame); });
  offences.push_back({"a mask", EncodeMasked({.payload = "x"})});
  for (const Offence& offence : offences) {
    SCOPED_TRACE(offence.what);
    Tunnel tunnel = world_.Open();
    tunnel.backend.Send(Encode({.payload = "fine"}) + offence.bytes);
    EXPECT_EQ(ReadFrame(tunnel.client).payload, "fine");
    EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1011);
    const Frame close = ReadFrame(tunnel.backend);
    EXPECT_EQ(close.close_code(), 1002);
    EXPECT_TRUE(close.masked);
    EXPECT_EQ(tunnel.backend.ReadEnd(), End::kFin);
  }
}

TEST_F(TunnelRules, ANewMessageInsideAFragmentedOneIsAViolation) {
  Tunnel tunnel = world_.Open();
  tunnel.client.Send(EncodeMasked({.payload = "begun", .fin = false}) + EncodeMasked({.payload = "another"}));
  EXPECT_EQ(ReadFrame(tunnel.backend).payload, "begun");
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1002);
}

TEST_F(TunnelRules, ALengthThatIsNotMinimalOrHasTheTopBitIsAViolation) {
  const std::string mask = "\x01\x02\x03\x04";
  for (const std::string& bytes :
       {std::string("\x82\xfe\x00\x05", 4) + mask + "hello",
        std::string("\x82\xff\x00\x00\x00\x00\x00\x00\x00\x05", 10) + mask + "hello",
        std::string("\x82\xff\x80\x00\x00\x00\x00\x00\x00\x00", 10) + mask}) {
    Tunnel tunnel = world_.Open();
    tunnel.client.Send(bytes);
    EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1002);
    EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
  }
}

TEST_F(TunnelRules, ACloseReasonThatIsNotUtf8Gets1007) {
  Tunnel tunnel = world_.Open();
  tunnel.client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000, "\xff\xfe")}));
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1007);
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
}

TEST_F(TunnelRules, AClientWhoseBackendIsInsideAFrameGetsItsCodeAtTheNextBoundary) {
  Tunnel tunnel = world_.Open();
  const Frame large{.opcode = kBinary, .payload = std::string(1000, 'x')};
  const std::string bytes = Encode(large);
  tunnel.backend.Send(bytes.substr(0, 500));
  EXPECT_EQ(tunnel.client.Read(500), bytes.substr(0, 500));
  tunnel.client.Send(Encode({.payload = "no mask"}));
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);  // the violation is known by now
  tunnel.backend.Send(bytes.substr(500));
  EXPECT_EQ(tunnel.client.Read(bytes.size() - 500), bytes.substr(500));
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1002);
}

TEST_F(TunnelRules, AViolationIsLoggedAsOneOfPolicy) {
  Tunnel tunnel = world_.Open();
  tunnel.client.Send(Encode({.payload = "no mask"}));
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1002);
  tunnel.client.Close();
  tunnel.backend.Close();
  const LogLine line = world_.hawser().WaitForLog();
  EXPECT_EQ(line["closed_by"], "policy");
  EXPECT_EQ(line["close_code"], "1002");
  EXPECT_EQ(line["reason"], "protocol_error");
}

}  // namespace
}  // namespace hawser::integration
