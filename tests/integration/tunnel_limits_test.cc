// The limits that a route sets on its tunnels, and its inspection: what each side receives, and what the log
// and the metrics show.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

struct Limit {
  std::string what;
  std::vector<std::string> websocket;
  std::vector<Frame> fine;  // forwarded
  Frame offence;            // not forwarded
  uint16_t code;
  std::string reason;
  std::string violation;
};

std::vector<Limit> Limits() {
  const Frame hello{.payload = "hello"};
  return {
      {"frame",
       {"max_frame_bytes: 5"},
       {hello},
       {.payload = "hello!"},
       1009,
       "frame_too_large",
       "frame_size"},
      {"message",
       {"max_message_bytes: 1KiB"},
       {hello, {.payload = std::string(1000, 'x'), .fin = false}},
       {.opcode = kContinuation, .payload = std::string(25, 'x')},
       1009,
       "message_too_large",
       "message_size"},
      {"message rate",
       {"message_rate:", "  from_client: { rate: 2/h, over_limit: close }",
        "  from_backend: { rate: 1/h, burst: 1, over_limit: close }"},
       {hello},
       hello,
       1008,
       "message_rate",
       "message_rate"},
      {"utf8", {}, {hello}, {.payload = "\xc0\xaf"}, 1007, "invalid_utf8", "utf8"},
      {"protocol", {}, {hello}, {.payload = "x", .reserved = 0x20}, 1002, "protocol_error", "reserved_bits"},
  };
}

TEST(TunnelLimits, AClientAboveOneGetsTheReasonAndTheBackendACleanClose) {
  for (const Limit& limit : Limits()) {
    SCOPED_TRACE(limit.what);
    Config config{.websocket = limit.websocket};
    config.websocket.push_back("close_timeout: 100ms");
    OneBackend world(config);
    Tunnel tunnel = world.Open();
    for (const Frame& frame : limit.fine) {
      tunnel.client.Send(EncodeMasked(frame));
      EXPECT_EQ(ReadFrame(tunnel.backend).payload, frame.payload);
    }
    tunnel.client.Send(EncodeMasked(limit.offence));
    const Frame close = ReadFrame(tunnel.client);
    EXPECT_EQ(close.close_code(), limit.code);
    EXPECT_NE(close.close_reason(), "");
    EXPECT_EQ(tunnel.client.ReadEnd(), End::kFin);
    tunnel.client.Close();
    EXPECT_EQ(ReadFrame(tunnel.backend).close_code(), 1001);
    EXPECT_NE(tunnel.backend.ReadEnd(), End::kOpen);
    tunnel.backend.Close();
    const LogLine line = world.hawser().WaitForLog();
    EXPECT_EQ(line["closed_by"], "policy");
    EXPECT_EQ(line["close_code"], std::to_string(limit.code));
    EXPECT_EQ(line["reason"], limit.reason);
    EXPECT_EQ(line["violation"], limit.violation);
    EXPECT_EQ(line["offender"], "client");
    EXPECT_TRUE(world.hawser().MetricIs("hawser_violations_total", 1, {"peer=\"client\""}));
    EXPECT_TRUE(world.hawser().MetricIs("hawser_rejects_total", 1, {"reason=\"" + limit.reason + "\""}));
  }
}

TEST(TunnelLimits, ABackendAboveOneGetsTheReasonAndTheClientACleanClose) {
  for (const Limit& limit : Limits()) {
    SCOPED_TRACE(limit.what);
    OneBackend world({.websocket = limit.websocket});
    Tunnel tunnel = world.Open();
    for (const Frame& frame : limit.fine) {
      tunnel.backend.Send(Encode(frame));
      EXPECT_EQ(ReadFrame(tunnel.client).payload, frame.payload);
    }
    tunnel.backend.Send(Encode(limit.offence));
    EXPECT_EQ(ReadFrame(tunnel.backend).close_code(), limit.code);
    EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1011);
    tunnel.client.Close();
    tunnel.backend.Close();
    const LogLine line = world.hawser().WaitForLog();
    EXPECT_EQ(line["violation"], limit.violation);
    EXPECT_EQ(line["offender"], "backend");
    EXPECT_TRUE(world.hawser().MetricIs("hawser_violations_total", 1, {"peer=\"backend\""}));
  }
}

TEST(TunnelLimits, AByteRateMayCloseToo) {
  OneBackend world(
      {.websocket = {"byte_rate: { from_client: { rate: 10/h, burst: 100, over_limit: close } }"}});
  Tunnel tunnel = world.Open();
  ExpectAlive(tunnel);
  tunnel.client.Send(EncodeMasked({.payload = std::string(120, 'x')}));
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1008);
  EXPECT_EQ(tunnel.client.ReadEnd(), End::kFin);
  tunnel.client.Close();
  tunnel.backend.Close();
  EXPECT_EQ(world.hawser().WaitForLog()["reason"], "byte_rate");
}

TEST(TunnelLimits, ASlowedClientLosesNothingAndNobodyElseIsSlowed) {
  const Directory files;
  const CertificateFiles certificate = MakeCertificate(files, "limits", {"hawser.test"});
  for (const bool tls : {false, true}) {
    SCOPED_TRACE(tls);
    Config config{.websocket = {"message_rate: { from_client: { rate: 50/s, burst: 5 } }",
                                "byte_rate: { from_client: { rate: 64KiB/s, burst: 16KiB } }"}};
    if (tls) {
      config.listener = {fmt::format("tls: {{ certificates: [ {{ certificate: {}, private_key: {} }} ] }}",
                                     certificate.certificate, certificate.private_key)};
    }
    OneBackend world(config);
    Tunnel tunnel = world.Open({}, {}, {.tls = tls});
    std::string sent;
    for (int i = 0; i < 12; ++i)
      sent += EncodeMasked({.payload = std::string(2000, static_cast<char>('a' + i))});
    tunnel.client.Send(sent);
    tunnel.backend.Send(Encode({.payload = "not slowed"}));
    EXPECT_EQ(ReadFrame(tunnel.client).payload, "not slowed");
    EXPECT_EQ(tunnel.backend.Read(sent.size()), sent);
    EXPECT_TRUE(world.hawser().MetricReaches("hawser_rate_pauses_total", 1, {"peer=\"client\""}));
    EXPECT_TRUE(world.hawser().MetricIs("hawser_rate_pauses_total", 0, {"peer=\"backend\""}));
  }
}

TEST(TunnelLimits, CompressedMessagesPassAsTheyAreAndAreLimitedAsTheyAre) {
  const std::string extension = "permessage-deflate; client_max_window_bits";
  OneBackend world({.websocket = {"max_message_bytes: 8"}});
  Tunnel tunnel = world.Open({.more = {{"Sec-WebSocket-Extensions", extension}}},
                             {{"Sec-WebSocket-Extensions", "permessage-deflate"}});
  EXPECT_EQ(tunnel.request.Value("Sec-WebSocket-Extensions"), extension);
  const std::string compressed = "\xff\xfe\xfd not";  // not valid UTF-8, and not validated
  const std::string frames =
      EncodeMasked({.payload = compressed.substr(0, 2), .fin = false, .reserved = 0x40}) +
      EncodeMasked({.opcode = kPing}) +
      EncodeMasked({.opcode = kContinuation, .payload = compressed.substr(2)});
  tunnel.client.Send(frames);
  EXPECT_EQ(tunnel.backend.Read(frames.size()), frames);
  for (const Frame& wrong :
       {Frame{.opcode = kPing, .reserved = 0x40}, Frame{.payload = "too large", .reserved = 0x40}}) {
    Tunnel another = world.Open({.more = {{"Sec-WebSocket-Extensions", extension}}},
                                {{"Sec-WebSocket-Extensions", "permessage-deflate"}});
    another.client.Send(EncodeMasked(wrong));
    EXPECT_EQ(ReadFrame(another.client).close_code(), wrong.opcode == kPing ? 1002 : 1009);
  }
  tunnel.client.Send(EncodeMasked({.payload = "a", .fin = false, .reserved = 0x40}) +
                     EncodeMasked({.opcode = kContinuation, .payload = "b", .reserved = 0x40}));
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1002) << "RSV1 on a continuation";
}

TEST(TunnelLimits, LenientInspectionStillPingsAndCloses) {
  OneBackend world(
      {.websocket = {"inspection: lenient", "keepalive: { interval: 100ms, timeout: 1h, to: client }"}});
  Tunnel tunnel = world.Open();
  const std::string sloppy = Encode({.payload = "no mask"}) +
                             EncodeMasked({.payload = "\xff", .reserved = 0x10}) +
                             EncodeMasked({.opcode = 7, .payload = "?"});
  tunnel.client.Send(sloppy);
  EXPECT_EQ(tunnel.backend.Read(sloppy.size()), sloppy);
  EXPECT_EQ(ReadFrame(tunnel.client).opcode, kPing);
  tunnel.backend.Reset();
  Frame last = ReadFrame(tunnel.client);
  while (last.opcode == kPing) last = ReadFrame(tunnel.client);
  EXPECT_EQ(last.close_code(), 1001);
}

TEST(TunnelLimits, WithoutInspectionAnythingPassesAndIsCounted) {
  OneBackend world({.websocket = {"inspection: off", "keepalive: { interval: 50ms }"}});
  Tunnel tunnel = world.Open();
  tunnel.client.Send("SSH-2.0-odd\r\n");
  EXPECT_EQ(tunnel.backend.Read(13), "SSH-2.0-odd\r\n");
  tunnel.backend.Send("\xff\x80 as you like");
  EXPECT_EQ(tunnel.client.Read(14), "\xff\x80 as you like");
  tunnel.client.ShutdownWrite();
  std::string rest;
  EXPECT_EQ(tunnel.backend.ReadEnd(&rest), End::kFin);
  EXPECT_EQ(rest, "") << "no close frame, no ping";
  tunnel.backend.Send("goodbye");
  EXPECT_EQ(tunnel.client.Read(7), "goodbye");
  tunnel.backend.Close();
  EXPECT_EQ(tunnel.client.ReadEnd(), End::kFin);
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_EQ(line["bytes_in"], "13");
  EXPECT_EQ(line["bytes_out"], "21");
  EXPECT_EQ(line["closed_by"], "client");
  EXPECT_EQ(line["close_code"], "1006");
  EXPECT_EQ(line["reason"], "");
}

}  // namespace
}  // namespace hawser::integration
