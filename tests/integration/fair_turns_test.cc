// Tunnels whose peers send as many frames as they can: others go on, and no byte is lost.
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/harness/flood.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

// 1 MiB of frames of one byte, 150,000 of them.
std::string TinyFrames(uint64_t) {
  std::string frames;
  for (int i = 0; frames.size() + 7 <= kMiB; ++i) {
    frames += EncodeMasked({.opcode = kBinary, .payload = std::string(1, static_cast<char>(i))});
  }
  return frames;
}

TEST(FairTurns, FramesOfOneByteArriveInOrderAndTheCloseBehindThem) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  const std::string frames = TinyFrames(0);
  Flood flood(tunnel.client, 1, [&](uint64_t) { return frames; });
  EXPECT_TRUE(tunnel.backend.Read(frames.size()) == frames);
  const std::string close = EncodeMasked({.opcode = kClose, .payload = "\x03\xe8"});
  tunnel.client.Send(close);
  EXPECT_EQ(tunnel.backend.Read(close.size()), close);
}

TEST(FairTurns, OthersAreAnsweredWhileSomeSendAllTheyCan) {
  constexpr int kFlooding = 4;
  constexpr int kBlocks = 2;
  OneBackend world;
  Tunnel honest = world.Open();
  std::vector<Tunnel> flooding;
  for (int i = 0; i < kFlooding; ++i) flooding.push_back(world.Open());
  std::vector<std::unique_ptr<Flood>> floods;
  std::vector<std::thread> readers;
  std::vector<size_t> wrong(kFlooding);
  const std::string frames = TinyFrames(0);
  for (size_t i = 0; i < kFlooding; ++i) {
    floods.push_back(std::make_unique<Flood>(flooding[i].client, kBlocks, [&](uint64_t) { return frames; }));
    readers.emplace_back([&, i] {
      for (int block = 0; block < kBlocks; ++block)
        wrong[i] += flooding[i].backend.Read(frames.size()) != frames;
    });
  }
  for (int i = 0; i < 20; ++i) {
    honest.client.Send(EncodeMasked({.payload = std::to_string(i)}));
    EXPECT_EQ(ReadFrame(honest.backend).payload, std::to_string(i));
    honest.backend.Send(Encode({.payload = "answer"}));
    EXPECT_EQ(ReadFrame(honest.client).payload, "answer");
  }
  for (std::thread& reader : readers) reader.join();
  for (const size_t blocks : wrong) EXPECT_EQ(blocks, 0U);
  EXPECT_TRUE(world.hawser().MetricReaches("hawser_turn_budget_hits_total", 1));
  EXPECT_TRUE(world.hawser().MetricReaches("hawser_loop_turn_seconds_count", 1));
}

}  // namespace
}  // namespace hawser::integration
