#include "proxy/ws/frame_inflater.h"

#include <random>

#include "gmock/gmock.h"
#include "tests/unit/ws/deflate_frames.h"

namespace hawser::ws::frame_inflater_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using State = FrameInflater::State;

struct Inflated {
  std::string bytes;
  State state = State::kInput;

  std::vector<ReadFrame> frames() const { return FramesOf(bytes, true); }
  std::vector<std::string> messages() const { return MessagesOf(frames()); }
};

struct Cuts {
  size_t input = SIZE_MAX;  // offered at once
  size_t room = 1 << 17;    // likewise
  size_t max_fragment = 65535;
};

Inflated Inflate(FrameInflater& inflater, std::string_view in, const Cuts& cuts = {}) {
  Inflated result;
  std::vector<std::byte> out(cuts.room);
  size_t at = 0;
  while (at < in.size() || result.state == State::kRoom) {
    const auto piece = std::as_bytes(std::span(in)).subspan(at, std::min(cuts.input, in.size() - at));
    const FrameInflater::Step step = inflater.Advance(piece, out);
    at += step.taken;
    result.bytes.append(reinterpret_cast<const char*>(out.data()), step.made);
    result.state = step.state;
    if (step.state == State::kMalformed || step.state == State::kNoContext) break;
    EXPECT_TRUE(step.state == State::kRoom || step.taken == piece.size());
  }
  return result;
}

Inflated Inflate(TestPool& pool, std::string_view in, const Cuts& cuts = {}) {
  FrameInflater inflater(*pool, cuts.max_fragment);
  return Inflate(inflater, in, cuts);
}

class FrameInflaterTest : public testing::Test {
 protected:
  TestPool pool_;
};

TEST_F(FrameInflaterTest, TheExamplesOfTheRfcSayHello) {  // RFC 7692 §7.2.3
  for (const std::string& payload :
       {std::string("\xf2\x48\xcd\xc9\xc9\x07\x00", 7),  // one block
        std::string("\x00\x05\x00\xfa\xff"
                    "Hello\x00",
                    11),                                     // no compression
        std::string("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8),  // BFINAL
        std::string("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13)}) {
    EXPECT_THAT(Inflate(pool_, CompressedMessage(payload)).messages(), ElementsAre("1:Hello"));
  }
}

TEST_F(FrameInflaterTest, AMessageAtHandComesOutAsOneFrameWhateverItsOwnFragments) {
  for (const size_t size : {1, 125, 126, 127, 1000, 65534}) {
    const std::string text = SomeText(size);
    const auto frames = Inflate(pool_, CompressedMessage(Compress(text), SIZE_MAX, 2)).frames();
    EXPECT_THAT(frames, ElementsAre(ReadFrame{2, true, 0, text}));
  }
}

TEST_F(FrameInflaterTest, AnEmptyMessageIsOneEmptyFrame) {
  for (const std::string& payload : {Compress(""), std::string()}) {
    EXPECT_THAT(Inflate(pool_, CompressedMessage(payload)).frames(), ElementsAre(ReadFrame{1, true, 0, ""}));
  }
  EXPECT_EQ(Compress("").size(), 1U);  // §7.2.3.6
}

TEST_F(FrameInflaterTest, EveryCutOfInputAndRoomGivesTheSameMessages) {
  const std::string text = SomeText(5000);
  const std::string noise = Noise(3000);
  const std::string in = CompressedMessage(Compress(text), 100) + ClientFrame({.payload = "not compressed"}) +
                         CompressedMessage(Compress(noise), 700, 2) +
                         ClientFrame({.opcode = 9, .payload = "ping"}) +
                         CompressedMessage(Compress("", {.last_block = true})) +
                         CompressedMessage(Compress(text, {.last_block = true}));
  for (const size_t input : {size_t{1}, size_t{7}, size_t{1000}, SIZE_MAX}) {
    for (const size_t room : {size_t{64}, size_t{300}, size_t{1} << 17}) {
      for (const size_t fragment : {size_t{1}, size_t{65535}}) {
        const Inflated out = Inflate(pool_, in, {.input = input, .room = room, .max_fragment = fragment});
        EXPECT_THAT(out.messages(),
                    ElementsAre("1:" + text, "1:not compressed", "2:" + noise, "1:", "1:" + text));
        for (const ReadFrame& frame : out.frames()) {
          const bool as_it_came = frame.payload == "not compressed" || frame.opcode == 9;
          EXPECT_TRUE(as_it_came || frame.payload.size() <= fragment);
        }
      }
    }
  }
}

TEST_F(FrameInflaterTest, AMessageThatJustFillsItsRoomEndsWithAnEmptyFragment) {
  for (const CompressOptions& options : {CompressOptions{}, CompressOptions{.last_block = true}}) {
    const auto frames =
        Inflate(pool_, CompressedMessage(Compress(std::string(300, 'x'), options)), {.max_fragment = 100})
            .frames();
    ASSERT_THAT(frames, SizeIs(4));
    EXPECT_EQ(frames.back(), (ReadFrame{0, true, 0, ""}));
  }
}

TEST_F(FrameInflaterTest, AControlFrameBetweenFragmentsStaysBetweenThem) {
  const std::string payload = Compress(SomeText(5000));
  const size_t half = payload.size() / 2;
  const auto frames =
      Inflate(pool_, ClientFrame({.opcode = 1, .payload = payload.substr(0, half), .fin = false, .rsv = 4}) +
                         ClientFrame({.opcode = 9, .payload = "ping"}) +
                         ClientFrame({.opcode = 0, .payload = payload.substr(half)}))
          .frames();
  ASSERT_THAT(frames, SizeIs(3));
  EXPECT_EQ(frames[1], (ReadFrame{9, true, 0, "ping"}));
  EXPECT_EQ(frames[0].payload + frames[2].payload, SomeText(5000));
  EXPECT_FALSE(frames[0].fin);
  EXPECT_TRUE(frames[2].fin);
}

TEST_F(FrameInflaterTest, WhatComesOfAnUnfinishedMessageIsHandedOnAtOnce) {
  const std::string payload = Compress(SomeText(5000));
  FrameInflater inflater(*pool_, 65535);
  const std::string frame = ClientFrame({.payload = payload, .rsv = 4});
  const Inflated first = Inflate(inflater, frame.substr(0, frame.size() / 2));
  ASSERT_THAT(first.frames(), SizeIs(1));
  EXPECT_FALSE(first.frames()[0].fin);
  EXPECT_GT(first.frames()[0].payload.size(), 1000U);
  const Inflated second = Inflate(inflater, frame.substr(frame.size() / 2));
  EXPECT_EQ(first.frames()[0].payload + second.frames()[0].payload, SomeText(5000));
}

TEST_F(FrameInflaterTest, ABombGivesNoMoreThanTheRoomAtATime) {
  const std::string in = CompressedMessage(Compress(std::string(64 << 20, 'x')));
  EXPECT_LT(in.size(), 100'000U);
  FrameInflater inflater(*pool_, 65535);
  std::vector<std::byte> room(4096);
  size_t taken = 0;
  for (int i = 0; i < 10; ++i) {
    const auto step = inflater.Advance(std::as_bytes(std::span(in)).subspan(taken), room);
    taken += step.taken;
    EXPECT_EQ(step.state, State::kRoom);
    EXPECT_LE(step.made, room.size());
  }
  EXPECT_LT(taken, 200U) << "what is not inflated yet is not taken";
}

TEST_F(FrameInflaterTest, AContextIsHeldOnlyWhileACompressedMessageIsUnderWay) {
  FrameInflater inflater(*pool_, 65535);
  const std::string frame = CompressedMessage(Compress(SomeText(1000)));
  Inflate(inflater, ClientFrame({.payload = "plain", .fin = false}));
  EXPECT_EQ(pool_.inflaters(), 0U);
  Inflate(inflater, ClientFrame({.opcode = 0, .payload = "plain"}) + frame.substr(0, 50));
  EXPECT_EQ(pool_.inflaters(), 1U);
  Inflate(inflater, frame.substr(50));
  EXPECT_EQ(pool_.inflaters(), 0U);
}

TEST_F(FrameInflaterTest, NoContextIsTakenOverFromOneMessageToTheNext) {
  // Refers back to a message before it (RFC 7692 §7.2.3.2).
  const std::string second("\xf2\x00\x11\x00\x00", 5);
  const Inflated out = Inflate(pool_, CompressedMessage(Compress("Hello")) + CompressedMessage(second));
  EXPECT_EQ(out.state, State::kMalformed);
  EXPECT_THAT(out.messages(), ElementsAre("1:Hello", "1:H..."));
}

TEST_F(FrameInflaterTest, AMessageThatIsNotDeflateIsMalformed) {
  const std::string good = Compress(SomeText(1000));
  const std::string payloads[] = {
      "\xff\xff\xff\xff",  // a block of no type
      "junk, and more of it",
      good.substr(0, good.size() / 2),  // cut short
      good.substr(0, good.size() - 2),
      std::string("\x00\x05\x00\xfa\xffHel", 8),         // a stored block without its end
      std::string("\x00\x05\x00\xfa\xfeHello\x00", 11),  // lengths that disagree
  };
  for (const std::string& payload : payloads) {
    EXPECT_EQ(Inflate(pool_, CompressedMessage(payload)).state, State::kMalformed);
    EXPECT_EQ(Inflate(pool_, CompressedMessage(payload), {.input = 1, .room = 64}).state, State::kMalformed);
  }
}

TEST_F(FrameInflaterTest, AtItsBoundThePoolRefusesAndCounts) {
  TestPool pool(1);
  FrameInflater one(*pool, 65535);
  FrameInflater two(*pool, 65535);
  const std::string frame = CompressedMessage(Compress(SomeText(1000)));
  EXPECT_EQ(Inflate(one, frame.substr(0, 50)).state, State::kInput);
  EXPECT_EQ(Inflate(two, ClientFrame({.payload = "plain"}) + frame).state, State::kNoContext);
  EXPECT_EQ(pool->counters().inflaters_refused.Get(), 1U);
  EXPECT_EQ(Inflate(one, frame.substr(50)).state, State::kInput);
}

// A frame that breaks a rule passes unchanged, so that the scanner finds the violation too.
TEST_F(FrameInflaterTest, WhatBreaksARulePassesAsItCame) {
  const std::string begun = ClientFrame({.payload = Compress("a").substr(0, 1), .fin = false, .rsv = 4});
  const std::string offences[] = {
      ClientFrame({.payload = "x", .rsv = 2}),
      ClientFrame({.payload = "x", .rsv = 5}),
      ClientFrame({.opcode = 3, .payload = "x"}),
      ClientFrame({.opcode = 0, .payload = "x"}),
      ClientFrame({.opcode = 0, .payload = "x", .rsv = 4}),
      ClientFrame({.opcode = 9, .payload = "x", .fin = false}),
      BackendFrame({.payload = Compress("no mask"), .rsv = 4}),
      ClientFrame({.payload = "x", .length_bytes = 2}),
  };
  for (const std::string& offence : offences) {
    EXPECT_EQ(Inflate(pool_, offence + "rest").bytes, offence + "rest");
    EXPECT_EQ(Inflate(pool_, offence + "rest", {.input = 1, .room = 64}).bytes, offence + "rest");
  }
  // Inside a message without output yet, the scanner first gets the beginning of the message.
  for (const std::string& offence :
       {ClientFrame({.payload = "x"}), ClientFrame({.payload = "x", .rsv = 4})}) {
    const Inflated out = Inflate(pool_, begun + offence);
    EXPECT_TRUE(out.bytes.ends_with(offence));
    const auto first = FramesOf(out.bytes.substr(0, out.bytes.size() - offence.size()), true);
    EXPECT_THAT(first, ElementsAre(ReadFrame{1, false, 0, ""}));
  }
}

TEST_F(FrameInflaterTest, NothingIsInflatedBehindACloseFrame) {
  const std::string in =
      ClientFrame({.opcode = 8, .payload = "\x03\xe8"}) + CompressedMessage(Compress("late"));
  EXPECT_EQ(Inflate(pool_, in).bytes, in);
}

TEST_F(FrameInflaterTest, PayloadBytesAreCountedOnBothSidesOfTheInflation) {
  const std::string payload = Compress(SomeText(10000));
  Inflate(pool_, CompressedMessage(payload) + ClientFrame({.payload = "plain"}));
  EXPECT_EQ(pool_->counters().compressed_in.Get(), payload.size());
  EXPECT_EQ(pool_->counters().plain_in.Get(), 10000U);
}

TEST_F(FrameInflaterTest, RandomMessagesInRandomFragmentsAndCutsComeOutAsTheyWere) {
  std::mt19937 random(7);
  const auto upto = [&](size_t most) { return random() % (most + 1); };
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    std::string in;
    std::vector<std::string> expected;
    for (size_t i = 0; i < 1 + upto(4); ++i) {
      const size_t size = upto(3) == 0 ? upto(100'000) : upto(300);
      const std::string text = upto(1) == 0 ? SomeText(size, round) : Noise(size, round);
      const CompressOptions options{.level = static_cast<int>(upto(9)),
                                    .window_bits = 9 + static_cast<int>(upto(6)),
                                    .last_block = upto(3) == 0};
      in += upto(4) == 0 ? ClientFrame({.payload = text})
                         : CompressedMessage(Compress(text, options), 1 + upto(size + 10));
      expected.push_back("1:" + text);
    }
    const Cuts cuts{.input = 1 + upto(5000), .room = 64 + upto(70000), .max_fragment = 1 + upto(70000)};
    EXPECT_EQ(Inflate(pool_, in, cuts).messages(), expected);
  }
}

}  // namespace
}  // namespace hawser::ws::frame_inflater_test
