// Messages through a tunnel arrive exactly as they were sent.
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

// Bytes that show their position.
std::string Pattern(size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  for (char& byte : bytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(state >> 56);
  }
  return bytes;
}

// Sends and reads at once, so that neither side waits for the other's buffers.
Frame Carry(Wire& from, Wire& to, const std::string& bytes) {
  std::thread sender([&] { from.Send(bytes); });
  Frame frame = ReadFrame(to);
  sender.join();
  return frame;
}

TEST(Tunnel, MessagesOfEverySizeArriveBothWays) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  unsigned seed = 0;
  for (const size_t size :
       {0, 1, 2, 124, 125, 126, 127, 128, 4096, 16383, 16384, 65535, 65536, 65537, 262144, 1048576}) {
    const Frame frame{.opcode = kBinary, .payload = Pattern(size, ++seed)};
    const Frame there = Carry(tunnel.client, tunnel.backend, EncodeMasked(frame));
    EXPECT_TRUE(there.masked) << size;
    EXPECT_TRUE(there.payload == frame.payload) << size;
    const Frame back = Carry(tunnel.backend, tunnel.client, Encode(frame));
    EXPECT_FALSE(back.masked) << size;
    EXPECT_TRUE(back == frame) << size;
  }
}

TEST(Tunnel, AFrameIsForwardedByteForByteWithItsMask) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  const std::string frame = EncodeMasked({.payload = "as it came"}, 0xdeadbeef);
  tunnel.client.Send(frame);
  EXPECT_EQ(tunnel.backend.Read(frame.size()), frame);
}

TEST(Tunnel, FragmentsStayFragments) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  const std::vector<Frame> fragments = {{.opcode = kText, .payload = "one ", .fin = false},
                                        {.opcode = kContinuation, .payload = "", .fin = false},
                                        {.opcode = kContinuation, .payload = "two ", .fin = false},
                                        {.opcode = kContinuation, .payload = "three"}};
  for (const Frame& fragment : fragments) tunnel.backend.Send(Encode(fragment));
  for (const Frame& fragment : fragments) EXPECT_EQ(ReadFrame(tunnel.client), fragment);
}

TEST(Tunnel, ControlFramesPassBetweenFragments) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  const std::vector<Frame> frames = {{.opcode = kText, .payload = "begun ", .fin = false},
                                     {.opcode = kPing, .payload = "still there?"},
                                     {.opcode = kContinuation, .payload = "on ", .fin = false},
                                     {.opcode = kPong, .payload = "unasked"},
                                     {.opcode = kContinuation, .payload = "ended"}};
  for (const Frame& frame : frames) {
    tunnel.client.Send(EncodeMasked(frame));
    tunnel.backend.Send(Encode(frame));
  }
  for (const Frame& frame : frames) {
    const Frame there = ReadFrame(tunnel.backend);
    EXPECT_EQ(there.opcode, frame.opcode);
    EXPECT_EQ(there.payload, frame.payload);
    EXPECT_EQ(ReadFrame(tunnel.client), frame);
  }
}

TEST(Tunnel, PingsAndPongsOfThePeersPassThrough) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  tunnel.client.Send(EncodeMasked({.opcode = kPing, .payload = "from the client"}));
  EXPECT_EQ(ReadFrame(tunnel.backend).payload, "from the client");
  tunnel.backend.Send(Encode({.opcode = kPong, .payload = "from the client"}));
  EXPECT_EQ(ReadFrame(tunnel.client), (Frame{.opcode = kPong, .payload = "from the client"}));
  tunnel.backend.Send(Encode({.opcode = kPing, .payload = ""}));
  EXPECT_EQ(ReadFrame(tunnel.client), (Frame{.opcode = kPing}));
}

TEST(Tunnel, AHundredThousandSmallMessagesArriveInOrder) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  constexpr int kMessages = 100'000;
  std::string bytes;
  for (int i = 0; i < kMessages; ++i) bytes += Encode({.payload = std::to_string(i)});
  std::thread sender([&] { tunnel.backend.Send(bytes); });
  int wrong = 0;
  for (int i = 0; i < kMessages; ++i) wrong += ReadFrame(tunnel.client).payload != std::to_string(i);
  sender.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Tunnel, BothDirectionsRunAtOnce) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  const Frame large{.opcode = kBinary, .payload = Pattern(8 << 20, 7)};
  std::thread client_sender([&] { tunnel.client.Send(EncodeMasked(large)); });
  std::thread backend_reader([&] { EXPECT_TRUE(ReadFrame(tunnel.backend).payload == large.payload); });
  client_sender.join();
  backend_reader.join();
  std::thread backend_sender([&] { tunnel.backend.Send(Encode(large)); });
  EXPECT_TRUE(ReadFrame(tunnel.client) == large);
  backend_sender.join();
}

TEST(Tunnel, HundredsOfThemShareTheWorkers) {
  EchoBackend echo("echo");
  HawserProcess hawser(Config{.endpoints = {echo.address()}}.Yaml(), 2);
  std::vector<Wire> clients;
  for (int i = 0; i < 300; ++i) {
    clients.push_back(Join(hawser.listener()));
    ASSERT_TRUE(clients.back().open()) << i;
  }
  for (size_t i = 0; i < clients.size(); ++i) clients[i].Send(EncodeMasked({.payload = std::to_string(i)}));
  for (size_t i = 0; i < clients.size(); ++i) EXPECT_EQ(ReadFrame(clients[i]).payload, std::to_string(i));
  clients.clear();
  EXPECT_TRUE(Eventually([&] { return echo.open() == 0; }));
}

}  // namespace
}  // namespace hawser::integration
