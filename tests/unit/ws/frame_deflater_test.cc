#include "proxy/ws/frame_deflater.h"

#include <random>

#include "gmock/gmock.h"
#include "tests/unit/ws/deflate_frames.h"

namespace hawser::ws::frame_deflater_test {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

using State = FrameDeflater::State;

struct Cuts {
  size_t input = SIZE_MAX;
  size_t room = 1 << 17;
};

std::string Deflate(FrameDeflater& deflater, std::string_view in, const Cuts& cuts = {}) {
  std::string result;
  std::vector<std::byte> out(cuts.room);
  State state = State::kInput;
  for (size_t at = 0; at < in.size() || state == State::kRoom;) {
    const auto piece = std::as_bytes(std::span(in)).subspan(at, std::min(cuts.input, in.size() - at));
    const FrameDeflater::Step step = deflater.Advance(piece, out);
    at += step.taken;
    state = step.state;
    result.append(reinterpret_cast<const char*>(out.data()), step.made);
    EXPECT_TRUE(state == State::kRoom || step.taken == piece.size());
  }
  return result;
}

std::vector<ReadFrame> Frames(TestPool& pool, std::string_view in, const Cuts& cuts = {},
                              int window_bits = 15) {
  FrameDeflater deflater(*pool, window_bits);
  return FramesOf(Deflate(deflater, in, cuts), false);
}

class FrameDeflaterTest : public testing::Test {
 protected:
  TestPool pool_;
};

TEST_F(FrameDeflaterTest, AMessageAtHandLeavesAsOneCompressedFrame) {
  for (const size_t size : {128, 1000, 65535, 65536, 200'000}) {
    const std::string text = SomeText(size);
    const auto frames = Frames(pool_, BackendFrame({.opcode = 1, .payload = text}));
    ASSERT_THAT(frames, SizeIs(1));
    EXPECT_EQ(frames[0].opcode, 1);
    EXPECT_EQ(frames[0].rsv, 4);
    EXPECT_TRUE(frames[0].fin);
    EXPECT_LT(frames[0].payload.size(), size * 4 / 5);
    EXPECT_EQ(Decompress(frames[0].payload), text);
  }
}

TEST_F(FrameDeflaterTest, AShortMessageLeavesAsItCame) {
  for (const std::string& text : {std::string(), std::string("x"), std::string(127, 'x')}) {
    EXPECT_THAT(Frames(pool_, BackendFrame({.payload = text})), ElementsAre(ReadFrame{1, true, 0, text}));
  }
}

TEST_F(FrameDeflaterTest, AMessageThatDoesNotBecomeSmallerLeavesAsItCame) {
  for (const size_t size : {128, 1000, 60000}) {
    const std::string noise = Noise(size);
    EXPECT_THAT(Frames(pool_, BackendFrame({.opcode = 2, .payload = noise})),
                ElementsAre(ReadFrame{2, true, 0, noise}));
  }
}

TEST_F(FrameDeflaterTest, FragmentsOfOneMessageShareOneRsv1) {
  const std::string text = SomeText(300'000);
  std::string in;
  for (size_t at = 0; at < text.size(); at += 50'000) {
    in += BackendFrame(
        {.opcode = at == 0 ? 2 : 0, .payload = text.substr(at, 50'000), .fin = at + 50'000 == text.size()});
  }
  const auto frames = Frames(pool_, in, {.input = 10'000, .room = 4096});
  ASSERT_GT(frames.size(), 3U);
  for (const ReadFrame& frame : frames) {
    EXPECT_EQ(frame.rsv, &frame == &frames.front() ? 4 : 0);
    EXPECT_EQ(frame.fin, &frame == &frames.back());
    EXPECT_LE(frame.payload.size(), 4096U);
  }
  EXPECT_THAT(MessagesOf(frames), ElementsAre("2:" + text));
}

TEST_F(FrameDeflaterTest, AnEmptyMessageInFragmentsIsOneOctet) {
  const auto frames =
      Frames(pool_, BackendFrame({.payload = "", .fin = false}) + BackendFrame({.opcode = 0, .payload = ""}));
  EXPECT_THAT(frames, ElementsAre(ReadFrame{1, true, 4, std::string(1, '\0')}));
}

TEST_F(FrameDeflaterTest, WhatIsPutInAtABoundaryPassesBetweenTheFragments) {
  FrameDeflater deflater(*pool_, 15);
  const std::string text = SomeText(500'000);
  const std::string ping = BackendFrame({.opcode = 9, .payload = "hawser"});
  std::string out = Deflate(deflater, BackendFrame({.payload = text.substr(0, 300'000), .fin = false}));
  EXPECT_THAT(FramesOf(out, false), testing::Not(testing::IsEmpty()));
  const std::string then = Deflate(deflater, ping);
  EXPECT_EQ(then, ping);
  out += then + Deflate(deflater, BackendFrame({.opcode = 0, .payload = text.substr(300'000)}));
  EXPECT_THAT(MessagesOf(FramesOf(out, false)), ElementsAre("1:" + text));
}

TEST_F(FrameDeflaterTest, NoWindowReachesFurtherBackThanAgreed) {
  const std::string chunk = Noise(2000);
  const std::string text = chunk + chunk + chunk;  // compresses only by looking back 2000 bytes
  for (int bits = 9; bits <= 15; ++bits) {
    SCOPED_TRACE(bits);
    const auto frames = Frames(pool_, BackendFrame({.payload = text + SomeText(3000)}), {}, bits);
    EXPECT_THAT(MessagesOf(frames, bits), ElementsAre("1:" + text + SomeText(3000)));
    EXPECT_TRUE(bits >= 11 || frames[0].payload.size() > 6000);
    EXPECT_TRUE(bits <= 11 || frames[0].payload.size() < 4000);
  }
}

TEST_F(FrameDeflaterTest, EachMessageCanBeReadWithoutTheOnesBefore) {
  const std::string frame = BackendFrame({.payload = SomeText(1000)});
  const auto frames = Frames(pool_, frame + frame);
  ASSERT_THAT(frames, SizeIs(2));
  EXPECT_EQ(frames[0], frames[1]);
}

TEST_F(FrameDeflaterTest, AContextIsHeldOnlyWhileAMessageIsUnderWay) {
  FrameDeflater deflater(*pool_, 15);
  const std::string frame = BackendFrame({.payload = SomeText(1000)});
  Deflate(deflater, BackendFrame({.payload = "short"}) + frame + frame.substr(0, 100));
  EXPECT_EQ(pool_.deflaters(), 1U);
  Deflate(deflater, frame.substr(100));
  EXPECT_EQ(pool_.deflaters(), 0U);
}

TEST_F(FrameDeflaterTest, AtThePoolsBoundMessagesLeaveUncompressed) {
  TestPool pool(1);
  FrameDeflater one(*pool, 15);
  FrameDeflater two(*pool, 9);
  const std::string frame = BackendFrame({.payload = SomeText(1000)});
  Deflate(one, frame.substr(0, 100));
  EXPECT_EQ(Deflate(two, frame), frame);
  EXPECT_EQ(pool->counters().deflaters_refused.Get(), 1U);
  Deflate(one, frame.substr(100));
  EXPECT_LT(Deflate(two, frame).size(), frame.size());
}

TEST_F(FrameDeflaterTest, BytesThatAreNoFramesOfABackendPassAsTheyCame) {
  for (const std::string& bytes :
       {std::string("\x83\x01x and more"), ClientFrame({.payload = SomeText(1000)}),
        BackendFrame({.payload = SomeText(1000), .rsv = 4}),
        BackendFrame({.opcode = 0, .payload = SomeText(1000)})}) {
    FrameDeflater deflater(*pool_, 15);
    EXPECT_EQ(Deflate(deflater, bytes, {.input = 1, .room = 64}), bytes);
  }
}

TEST_F(FrameDeflaterTest, PayloadBytesAreCountedOnBothSidesOfTheCompression) {
  const auto frames =
      Frames(pool_, BackendFrame({.payload = SomeText(10000)}) + BackendFrame({.payload = "short"}));
  EXPECT_EQ(pool_->counters().plain_out.Get(), 10000U);
  EXPECT_EQ(pool_->counters().compressed_out.Get(), frames[0].payload.size());
}

TEST_F(FrameDeflaterTest, RandomMessagesInRandomFragmentsAndCutsComeOutAsTheyWere) {
  std::mt19937 random(7);
  const auto upto = [&](size_t most) { return random() % (most + 1); };
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    std::string in;
    std::vector<std::string> expected;
    for (size_t i = 0; i < 1 + upto(4); ++i) {
      const size_t size = upto(3) == 0 ? upto(200'000) : upto(300);
      const std::string text = upto(1) == 0 ? SomeText(size, round) : Noise(size, round);
      const size_t piece = 1 + upto(size + 10);
      size_t at = 0;
      do {
        const std::string part = text.substr(at, piece);
        in += BackendFrame(
            {.opcode = at == 0 ? 2 : 0, .payload = part, .fin = at + part.size() == text.size()});
        if (upto(3) == 0) in += BackendFrame({.opcode = 10, .payload = "pong"});
        at += part.size();
      } while (at < text.size());
      expected.push_back("2:" + text);
    }
    const int bits = 9 + static_cast<int>(upto(6));
    const Cuts cuts{.input = 1 + upto(70000), .room = 64 + upto(upto(1) == 0 ? 100 : 70000)};
    EXPECT_EQ(MessagesOf(Frames(pool_, in, cuts, bits), bits), expected);
  }
}

}  // namespace
}  // namespace hawser::ws::frame_deflater_test
