// Large frames between plain sockets, through the real binary: they are spliced, and arrive like others.
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

constexpr size_t kKiB = 1024;

// Every byte shows its position.
std::string Payload(size_t size) {
  std::string payload(size, '\0');
  for (size_t i = 0; i < size; ++i) payload[i] = static_cast<char>(i * 31 + (i >> 8) * 7 + (i >> 16));
  return payload;
}

// Both directions at once: each end sends from a thread of its own.
void SendBothWays(Tunnel& tunnel, const std::string& up, const std::string& down) {
  std::thread client([&] { EXPECT_TRUE(tunnel.client.Send(up)); });
  std::thread backend([&] { EXPECT_TRUE(tunnel.backend.Send(down)); });
  std::thread reader([&] { EXPECT_TRUE(tunnel.backend.Read(up.size()) == up); });
  EXPECT_TRUE(tunnel.client.Read(down.size()) == down);
  reader.join();
  client.join();
  backend.join();
}

class SpliceSizes : public testing::TestWithParam<size_t> {};

INSTANTIATE_TEST_SUITE_P(Frames, SpliceSizes, testing::Values(64 * kKiB, 1024 * kKiB, 16 * 1024 * kKiB),
                         [](const auto& one) { return std::to_string(one.param / kKiB) + "KiB"; });

TEST_P(SpliceSizes, ArriveInBothDirectionsAsTheyWereSent) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  const std::string payload = Payload(GetParam());
  const size_t count = std::max<size_t>(3, 2048 * kKiB / GetParam());
  std::string up;
  std::string down;
  for (size_t i = 0; i < count; ++i) {
    up += EncodeMasked({.opcode = kBinary, .payload = payload});
    down += Encode({.opcode = kBinary, .payload = payload});
  }
  SendBothWays(tunnel, up, down);
  ExpectAlive(tunnel);
  EXPECT_TRUE(world.hawser().MetricReaches("hawser_spliced_bytes_total", static_cast<double>(up.size()) + 1));
  tunnel.client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000)}));
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
  tunnel.backend.Send(Encode({.opcode = kClose, .payload = ClosePayload(1000)}));
  EXPECT_EQ(ReadFrame(tunnel.client).opcode, kClose);
  tunnel.backend.Close();
  tunnel.client.Close();
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_EQ(line.Number("messages_in"), static_cast<double>(count + 1));
  EXPECT_EQ(line.Number("messages_out"), static_cast<double>(count + 1));
}

TEST(Splice, PingsStandBehindALargeFrameAndNeverInsideIt) {
  OneBackend world({.websocket = {"keepalive: { interval: 20ms, timeout: 1h, to: client }"}});
  Tunnel tunnel = world.Open();
  const std::string payload = Payload(16 * 1024 * kKiB);
  std::thread backend([&] {
    for (int i = 0; i < 4; ++i)
      EXPECT_TRUE(tunnel.backend.Send(Encode({.opcode = kBinary, .payload = payload})));
  });
  int frames = 0;
  int pings = 0;
  while (frames < 4 || pings == 0) {
    const Frame frame = ReadFrame(tunnel.client);
    if (frame.ended()) break;
    pings += frame.opcode == kPing;
    if (frame.opcode == kPing) continue;
    EXPECT_EQ(frame.opcode, kBinary);
    EXPECT_TRUE(frame.payload == payload);
    ++frames;
  }
  backend.join();
  EXPECT_EQ(frames, 4);
  EXPECT_GT(pings, 0);
}

TEST(Splice, AResetInsideALargeFrameEndsTheOtherSideInsideItToo) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  const std::string frame = Encode({.opcode = kBinary, .payload = Payload(1024 * kKiB)});
  std::thread backend([&] {
    EXPECT_TRUE(tunnel.backend.Send(frame));
    EXPECT_TRUE(tunnel.backend.Send(frame.substr(0, frame.size() / 2)));
  });
  EXPECT_TRUE(tunnel.client.Read(frame.size()) == frame);
  backend.join();
  EXPECT_TRUE(tunnel.client.Read(1000) == frame.substr(0, 1000));
  tunnel.backend.Reset();
  std::string rest;
  EXPECT_NE(tunnel.client.ReadEnd(&rest), End::kOpen);
  EXPECT_TRUE(frame.substr(1000).starts_with(rest)) << "a close frame cannot stand inside another frame";
  tunnel.client.Close();
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_EQ(line["closed_by"], "backend");
  EXPECT_EQ(line["close_code"], "1006");
}

TEST(Splice, ALargeFrameThatBreaksARuleIsStoppedAtItsHeader) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  const std::string good = Encode({.opcode = kBinary, .payload = Payload(256 * kKiB)});
  std::thread backend(
      [&] { tunnel.backend.Send(good + EncodeMasked({.opcode = kBinary, .payload = Payload(256 * kKiB)})); });
  EXPECT_TRUE(tunnel.client.Read(good.size()) == good);
  EXPECT_EQ(ReadFrame(tunnel.client).close_code(), 1011);
  backend.join();
}

}  // namespace
}  // namespace hawser::integration
