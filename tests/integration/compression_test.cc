// `compression: pass | strip | offload`: which side negotiates permessage-deflate, and what each side sees of
// the messages.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/deflate.h"
#include "tests/integration/harness/flood.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

constexpr std::string_view kExtensions = "Sec-WebSocket-Extensions";
constexpr std::string_view kAnswer =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

Config WithCompression(std::string compression, std::vector<std::string> websocket = {}) {
  websocket.push_back("compression: " + compression);
  return {.websocket = std::move(websocket)};
}

// --- pass ---

TEST(CompressionPass, BothEndsNegotiateAndCompressedMessagesPassUnchanged) {
  OneBackend world;
  Tunnel tunnel = world.Open(Offering("permessage-deflate; client_max_window_bits"),
                             {{"Sec-WebSocket-Extensions", "permessage-deflate"}});
  EXPECT_EQ(tunnel.request.Value(kExtensions), "permessage-deflate; client_max_window_bits");
  EXPECT_EQ(tunnel.response.Value(kExtensions), "permessage-deflate");
  tunnel.client.Send(CompressedMessage("hello"));
  EXPECT_EQ(ReadFrame(tunnel.backend).payload, Compress("hello"));
}

// --- strip ---

class CompressionStrip : public testing::Test {
 protected:
  OneBackend world_{WithCompression("strip", {"close_timeout: 1h"})};
};

TEST_F(CompressionStrip, TheBackendNeverSeesTheOfferAndNothingIsAnswered) {
  Tunnel tunnel = world_.Open(Offering("permessage-deflate; client_max_window_bits, x-webkit-deflate-frame"));
  EXPECT_FALSE(tunnel.request.Has(kExtensions));
  EXPECT_FALSE(tunnel.response.Has(kExtensions));
  ExpectAlive(tunnel);
  tunnel.client.Send(CompressedMessage("not agreed on"));
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1002);
}

TEST_F(CompressionStrip, OtherExtensionsPass) {
  Tunnel tunnel = world_.Open(Offering("permessage-deflate, bbf-usp-protocol; eid=\"a\""),
                              {{"Sec-WebSocket-Extensions", "bbf-usp-protocol"}});
  EXPECT_EQ(tunnel.request.Value(kExtensions), "bbf-usp-protocol; eid=\"a\"");
  EXPECT_EQ(tunnel.response.Value(kExtensions), "bbf-usp-protocol");
}

TEST_F(CompressionStrip, ABackendThatAcceptsWhatItWasNotOfferedIsRefused) {
  Wire client = world_.Connect();
  client.Send(Offering().Text());
  Wire backend = world_.backend().Accept();
  backend.Send(SwitchingProtocols(ReadHead(backend), {{"Sec-WebSocket-Extensions", "permessage-deflate"}}));
  EXPECT_EQ(ReadHead(client).status(), 502);
}

// --- offload ---

class CompressionOffload : public testing::Test {
 protected:
  testing::AssertionResult ContextsAre(double count, const std::string& kind) {
    return world_.hawser().MetricIs("hawser_deflate_contexts_in_use", count, {"kind=\"" + kind + "\""});
  }

  OneBackend world_{WithCompression("offload", {"close_timeout: 1h"})};
};

TEST_F(CompressionOffload, TheClientIsAnsweredAndTheBackendSeesNoOffer) {
  Tunnel tunnel = world_.Open(Offering());
  EXPECT_FALSE(tunnel.request.Has(kExtensions));
  EXPECT_EQ(tunnel.response.Value(kExtensions), kAnswer);
}

TEST_F(CompressionOffload, AClientsCompressedMessageReachesTheBackendAsOnePlainMaskedFrame) {
  Tunnel tunnel = world_.Open(Offering());
  for (const size_t size : {0, 1, 125, 126, 1000, 30'000}) {
    tunnel.client.Send(CompressedMessage(SomeText(size)));
    EXPECT_EQ(ReadFrame(tunnel.backend), (Frame{.opcode = kText, .payload = SomeText(size), .masked = true}));
  }
  tunnel.client.Send(EncodeMasked({.opcode = kBinary, .payload = "as it is"}));
  EXPECT_EQ(ReadFrame(tunnel.backend).payload, "as it is");
}

TEST_F(CompressionOffload, ABackendsMessageReachesTheClientCompressed) {
  Tunnel tunnel = world_.Open(Offering());
  for (const size_t size : {500, 30'000, 1'000'000}) {
    tunnel.backend.Send(Encode({.opcode = kBinary, .payload = SomeText(size)}));
    const Message message = ReadMessage(tunnel.client);
    EXPECT_EQ(message.opcode, kBinary);
    EXPECT_TRUE(message.compressed);
    EXPECT_EQ(message.text, SomeText(size));
    EXPECT_LT(message.wire_bytes, size / 2);
  }
  tunnel.backend.Send(Encode({.payload = "short"}));
  EXPECT_EQ(ReadFrame(tunnel.client), (Frame{.opcode = kText, .payload = "short"}));
}

TEST_F(CompressionOffload, AClientThatOffersNothingIsServedPlainly) {
  Tunnel tunnel = world_.Open();
  EXPECT_FALSE(tunnel.response.Has(kExtensions));
  tunnel.backend.Send(Encode({.payload = SomeText(1000)}));
  EXPECT_EQ(ReadFrame(tunnel.client), (Frame{.opcode = kText, .payload = SomeText(1000)}));
  tunnel.client.Send(CompressedMessage("not agreed on"));
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1002);
}

TEST_F(CompressionOffload, AMalformedOfferIsDeclinedAndTheNextOneTaken) {
  struct Case {
    std::string offer;
    std::string answer;
  };
  const Case cases[] = {
      {"permessage-deflate; server_max_window_bits=8", ""},
      {"permessage-deflate; server_max_window_bits=8, permessage-deflate", std::string(kAnswer)},
      {"permessage-deflate; unknown", ""},
      {"permessage-deflate; client_max_window_bits=10", std::string(kAnswer) + "; client_max_window_bits=10"},
      {"permessage-deflate; server_max_window_bits=9; client_max_window_bits",
       std::string(kAnswer) + "; server_max_window_bits=9"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.offer);
    Tunnel tunnel = world_.Open(Offering(one.offer));
    EXPECT_FALSE(tunnel.request.Has(kExtensions));
    EXPECT_EQ(tunnel.response.Value(kExtensions), one.answer);
    ExpectAlive(tunnel);
  }
}

TEST_F(CompressionOffload, NoContextIsTakenOverFromOneMessageToTheNext) {
  Tunnel tunnel = world_.Open(Offering("permessage-deflate; server_no_context_takeover"));
  tunnel.backend.Send(Encode({.payload = SomeText(1000)}) + Encode({.payload = SomeText(1000)}));
  EXPECT_EQ(ReadFrame(tunnel.client), ReadFrame(tunnel.client));
}

TEST_F(CompressionOffload, TheWindowTowardsTheClientIsNoLargerThanItAsked) {
  const std::string far_apart = Noise(3000) + Noise(3000);
  Tunnel narrow = world_.Open(Offering("permessage-deflate; server_max_window_bits=9"));
  narrow.backend.Send(Encode({.opcode = kBinary, .payload = far_apart + SomeText(5000)}));
  EXPECT_EQ(ReadMessage(narrow.client, 9).text, far_apart + SomeText(5000));
  Tunnel wide = world_.Open(Offering());
  wide.backend.Send(Encode({.opcode = kBinary, .payload = far_apart + SomeText(5000)}));
  EXPECT_EQ(ReadMessage(wide.client).text, far_apart + SomeText(5000));
}

TEST_F(CompressionOffload, OtherExtensionsAreAgreedOnBesideIt) {
  Tunnel tunnel = world_.Open(Offering("bbf-usp-protocol, permessage-deflate"),
                              {{"Sec-WebSocket-Extensions", "bbf-usp-protocol"}});
  EXPECT_EQ(tunnel.request.Value(kExtensions), "bbf-usp-protocol");
  EXPECT_THAT(tunnel.response.All(kExtensions), testing::UnorderedElementsAre("bbf-usp-protocol", kAnswer));
}

TEST_F(CompressionOffload, ControlFramesPassBetweenTheFragmentsOfACompressedMessage) {
  Tunnel tunnel = world_.Open(Offering());
  const std::string payload = Compress(SomeText(20'000));
  tunnel.client.Send(EncodeMasked({.payload = payload.substr(0, 1000), .fin = false, .reserved = kRsv1}) +
                     EncodeMasked({.opcode = kPing, .payload = "between"}) +
                     EncodeMasked({.opcode = kContinuation, .payload = payload.substr(1000)}));
  std::string text;
  bool pinged = false;
  for (bool fin = false; !fin;) {
    const Frame frame = ReadFrame(tunnel.backend);
    ASSERT_FALSE(frame.ended());
    if (frame.opcode == kPing) {
      pinged = true;
      EXPECT_EQ(frame.payload, "between");
      EXPECT_FALSE(text.empty());
      continue;
    }
    text += frame.payload;
    fin = frame.fin;
  }
  EXPECT_TRUE(pinged);
  EXPECT_EQ(text, SomeText(20'000));
}

TEST_F(CompressionOffload, BytesThatCameAheadOfThe101AreTakenAsTheyWere) {
  Wire client = world_.Connect();
  const std::string frame = EncodeMasked({.payload = SomeText(300)});
  client.Send(Offering().Text() + frame.substr(0, 100));
  Wire backend = world_.backend().Accept();
  backend.Send(SwitchingProtocols(ReadHead(backend)) + Encode({.payload = SomeText(1000)}));
  EXPECT_EQ(ReadHead(client).status(), 101);
  EXPECT_EQ(ReadMessage(client).text, SomeText(1000));
  client.Send(frame.substr(100) + CompressedMessage("compressed"));
  EXPECT_EQ(ReadFrame(backend).payload, SomeText(300));
  EXPECT_EQ(ReadFrame(backend).payload, "compressed");
}

TEST_F(CompressionOffload, ACompressedMessageThatIsNotDeflateGets1007AndTheBackendACleanClose) {
  Tunnel tunnel = world_.Open(Offering());
  tunnel.client.Send(CompressedMessage("fine") +
                     EncodeMasked({.payload = "\xff\xff\xff\xff", .reserved = kRsv1}));
  EXPECT_EQ(ReadFrame(tunnel.backend).payload, "fine");
  EXPECT_EQ(ReadFrame(tunnel.backend).close_code(), 1001);
  const Frame close = ReadFrame(tunnel.client);
  EXPECT_EQ(close.close_code(), 1007);
  EXPECT_EQ(close.close_reason(), "A compressed message is malformed.");
  EXPECT_EQ(tunnel.client.ReadEnd(), End::kFin);
  tunnel.client.Close();
  tunnel.backend.Close();
  const LogLine line = world_.hawser().WaitForLog();
  EXPECT_EQ(line["reason"], "bad_compression");
  EXPECT_EQ(line["close_code"], "1007");
  EXPECT_EQ(line["closed_by"], "policy");
}

TEST_F(CompressionOffload, ARuleThatACompressedFrameBreaksIsStillARule) {
  const std::string offences[] = {
      Encode({.payload = Compress("no mask"), .reserved = kRsv1}),
      EncodeMasked({.payload = Compress("x"), .reserved = kRsv1 | 0x20}),
      EncodeMasked({.opcode = kContinuation, .payload = "of nothing", .reserved = kRsv1}),
      EncodeMasked({.payload = Compress("x"), .fin = false, .reserved = kRsv1}) +
          EncodeMasked({.payload = "another"}),
  };
  for (const std::string& offence : offences) {
    Tunnel tunnel = world_.Open(Offering());
    tunnel.client.Send(offence);
    EXPECT_EQ(ReadMessage(tunnel.client).text.substr(0, 2), ClosePayload(1002));
  }
}

TEST_F(CompressionOffload, AnIdleTunnelHoldsNoContextAndTheBytesOfBothFormsAreCounted) {
  Tunnel tunnel = world_.Open(Offering());
  const std::string message = CompressedMessage(SomeText(50'000), kText, 2000);
  tunnel.client.Send(message.substr(0, 3000));
  EXPECT_EQ(ReadFrame(tunnel.backend).fin, false);
  EXPECT_TRUE(ContextsAre(1, "inflate"));
  tunnel.client.Send(message.substr(3000));
  while (!ReadFrame(tunnel.backend).fin) {
  }
  tunnel.backend.Send(Encode({.payload = SomeText(10'000)}));
  EXPECT_EQ(ReadMessage(tunnel.client).text, SomeText(10'000));
  EXPECT_TRUE(ContextsAre(0, "inflate"));
  EXPECT_TRUE(ContextsAre(0, "deflate"));
  const std::string up = "direction=\"client_to_backend\"";
  const std::string down = "direction=\"backend_to_client\"";
  HawserProcess& hawser = world_.hawser();
  const auto compressed = static_cast<double>(Compress(SomeText(50'000)).size());
  EXPECT_TRUE(hawser.MetricIs("hawser_deflate_plain_bytes_total", 50'000, {up}));
  EXPECT_TRUE(hawser.MetricIs("hawser_deflate_compressed_bytes_total", compressed, {up}));
  EXPECT_TRUE(hawser.MetricIs("hawser_deflate_plain_bytes_total", 10'000, {down}));
  EXPECT_LT(hawser.Metric("hawser_deflate_compressed_bytes_total", {down}), 5'000);
}

TEST_F(CompressionOffload, LargeMessagesBothWaysAtOnceArriveInFull) {
  EchoBackend echo("echo");
  HawserProcess hawser(Config{.endpoints = {echo.address()}, .websocket = {"compression: offload"}}.Yaml());
  Wire client = Join(hawser.listener(), Offering());
  ASSERT_TRUE(client.open());
  const std::string text = SomeText(8 << 20);
  std::thread sender([&] {
    for (int i = 0; i < 3; ++i) client.Send(CompressedMessage(text, kBinary, 100'000));
  });
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ReadMessage(client).text == text);
  sender.join();
}

TEST_F(CompressionOffload, AClientThatDoesNotReadStallsItsBackendAndGetsAllInTheEnd) {
  Tunnel tunnel = world_.Open(Offering(), {}, {.receive_buffer = 4096});
  const std::string frame = Encode({.opcode = kBinary, .payload = Noise(100'000) + SomeText(100'000)});
  size_t sent = 0;
  size_t offset = 0;
  const auto before = world_.hawser().ResidentBytes();
  EXPECT_TRUE(Eventually([&] {
    const size_t put = tunnel.backend.SendSome(std::string_view(frame).substr(offset));
    sent += put;
    offset = (offset + put) % frame.size();
    return put == 0 && world_.hawser().Metric("hawser_backpressure_pauses_total", {"peer=\"backend\""}) > 0;
  }));
  EXPECT_LT(world_.hawser().ResidentBytes(), before + 2 * MostGrowth());
  std::thread rest([&] { tunnel.backend.Send(std::string_view(frame).substr(offset)); });
  for (size_t i = 0; i <= sent / frame.size(); ++i) {
    EXPECT_TRUE(ReadMessage(tunnel.client).text == Noise(100'000) + SomeText(100'000));
  }
  rest.join();
}

TEST_F(CompressionOffload, ACloseOfEitherSidePassesWithItsCode) {
  Tunnel first = world_.Open(Offering());
  first.client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(4001, "client is done")}));
  EXPECT_EQ(ReadFrame(first.backend).close_code(), 4001);
  first.backend.Send(Encode({.opcode = kClose, .payload = ClosePayload(4001)}));
  EXPECT_EQ(ReadFrame(first.client).close_code(), 4001);
  EXPECT_EQ(first.client.ReadEnd(), End::kFin);
  Tunnel second = world_.Open(Offering());
  second.backend.Send(Encode({.payload = SomeText(100'000)}) +
                      Encode({.opcode = kClose, .payload = ClosePayload(4002)}));
  EXPECT_EQ(ReadMessage(second.client).text, SomeText(100'000));
  EXPECT_EQ(ReadFrame(second.client).close_code(), 4002);
}

TEST(CompressionOffloadLimits, WithoutAContextTheClientGets1013) {
  Config config = WithCompression("offload");
  config.top = {"limits: { compression_contexts: 1 }"};
  OneBackend world(config);
  Tunnel first = world.Open(Offering());
  const std::string message = CompressedMessage(SomeText(5000));
  first.client.Send(message.substr(0, message.size() / 2));
  EXPECT_FALSE(ReadFrame(first.backend).fin);
  Tunnel second = world.Open(Offering());
  second.client.Send(message);
  EXPECT_EQ(ReadFrame(second.client).close_code(), 1013);
  EXPECT_TRUE(world.hawser().MetricIs("hawser_deflate_contexts_refused_total", 1, {"kind=\"inflate\""}));
}

TEST(CompressionOffloadLimits, ABombIsCutWith1009WhileItIsInflatedAndTheMemoryStaysFlat) {
  OneBackend world(WithCompression("offload", {"max_message_bytes: 1MiB", "close_timeout: 1h"}));
  Tunnel tunnel = world.Open(Offering());
  const std::string fine = SomeText(kMiB);
  std::thread up([&] { tunnel.client.Send(CompressedMessage(fine)); });
  EXPECT_TRUE(ReadMessage(tunnel.backend).text == fine) << "the limit is met, not passed";
  up.join();
  const std::string bomb = CompressedMessage(std::string(64 * kMiB, 'x'));
  EXPECT_LT(bomb.size(), kMiB / 2);
  const size_t before = world.hawser().ResidentBytes();
  tunnel.client.Send(bomb);
  size_t got = 0;
  Frame frame;
  for (frame = ReadFrame(tunnel.backend); frame.opcode != kClose && !frame.ended();
       frame = ReadFrame(tunnel.backend)) {
    got += frame.payload.size();
    EXPECT_FALSE(frame.fin);
  }
  EXPECT_EQ(frame.close_code(), 1001);
  EXPECT_LE(got, kMiB);
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1009);
  EXPECT_LT(world.hawser().ResidentBytes(), before + 8 * kMiB);
  tunnel.client.Close();
  tunnel.backend.Close();
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_EQ(line["reason"], "message_too_large");
  EXPECT_EQ(line["close_code"], "1009");
}

TEST(CompressionOffloadLimits, AMessageThatInflatesBeyondTheFrameLimitIsHandedOnInFramesThatKeepIt) {
  OneBackend world(WithCompression("offload", {"max_frame_bytes: 1KiB"}));
  Tunnel tunnel = world.Open(Offering());
  tunnel.client.Send(CompressedMessage(SomeText(3000)));
  std::string text;
  for (bool fin = false; !fin;) {
    const Frame frame = ReadFrame(tunnel.backend);
    ASSERT_FALSE(frame.ended());
    EXPECT_LE(frame.payload.size(), 1024U);
    text += frame.payload;
    fin = frame.fin;
  }
  EXPECT_EQ(text, SomeText(3000));
}

TEST(CompressionOffloadTls, WorksTheSame) {
  Directory directory;
  const CertificateFiles files = MakeCertificate(directory, "server", {"hawser.test"});
  Config config = WithCompression("offload");
  config.listener = {fmt::format("tls: {{ certificates: [ {{ certificate: {}, private_key: {} }} ] }}",
                                 files.certificate, files.private_key)};
  OneBackend world(config);
  Tunnel tunnel = world.Open(Offering(), {}, {.tls = true});
  const std::string text = SomeText(1 << 20);
  std::thread up([&] { tunnel.client.Send(CompressedMessage(text)); });
  std::string got;
  for (bool fin = false; !fin;) {
    const Frame frame = ReadFrame(tunnel.backend);
    ASSERT_FALSE(frame.ended());
    got += frame.payload;
    fin = frame.fin;
  }
  EXPECT_TRUE(got == text);
  up.join();
  std::thread back([&] { tunnel.backend.Send(Encode({.payload = text})); });
  EXPECT_TRUE(ReadMessage(tunnel.client).text == text);
  back.join();
}

}  // namespace
}  // namespace hawser::integration
