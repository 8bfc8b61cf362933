#include "proxy/ws/frame.h"

#include <algorithm>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "proxy/ws/utf8.h"
#include "tests/unit/ws/frame_builder.h"

namespace hawser::ws::frame_test {
namespace {

using State = ParsedHeader::State;
constexpr Mask kMask = {0x37, 0xfa, 0x21, 0x3d};

std::string ToText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

TEST(ParseHeader, ReadsTheExamplesOfTheRfc) {
  // RFC 6455 §5.7.
  ParsedHeader parsed = ParseHeader(Raw({0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}));
  ASSERT_EQ(parsed.state, State::kComplete);
  EXPECT_TRUE(parsed.header.fin);
  EXPECT_EQ(parsed.header.opcode, Opcode::kText);
  EXPECT_FALSE(parsed.header.masked);
  EXPECT_EQ(parsed.header.payload_bytes, 5U);
  EXPECT_EQ(parsed.header.header_bytes, 2);

  parsed = ParseHeader(Raw({0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58}));
  ASSERT_EQ(parsed.state, State::kComplete);
  EXPECT_TRUE(parsed.header.masked);
  EXPECT_EQ(parsed.header.mask, kMask);
  EXPECT_EQ(parsed.header.header_bytes, 6);

  parsed = ParseHeader(Raw({0x82, 0x7e, 0x01, 0x00}));
  ASSERT_EQ(parsed.state, State::kComplete);
  EXPECT_EQ(parsed.header.payload_bytes, 256U);
  EXPECT_EQ(parsed.header.header_bytes, 4);

  parsed = ParseHeader(Raw({0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0}));
  ASSERT_EQ(parsed.state, State::kComplete);
  EXPECT_EQ(parsed.header.payload_bytes, 65536U);
  EXPECT_EQ(parsed.header.header_bytes, 10);
}

TEST(ParseHeader, EveryPrefixOfAHeaderIsIncomplete) {
  for (const uint64_t length : {0U, 125U, 126U, 65535U, 65536U}) {
    for (const bool masked : {false, true}) {
      FrameSpec spec{.opcode = 2, .claimed_bytes = length};
      if (masked) spec.mask = kMask;
      const Bytes header = Build(spec);
      for (size_t size = 0; size < header.size(); ++size) {
        EXPECT_EQ(ParseHeader(std::span(header).first(size)).state, State::kIncomplete);
      }
      const ParsedHeader parsed = ParseHeader(header);
      ASSERT_EQ(parsed.state, State::kComplete);
      EXPECT_EQ(parsed.header.payload_bytes, length);
      EXPECT_EQ(parsed.header.header_bytes, header.size());
      EXPECT_EQ(parsed.header.masked, masked);
    }
  }
}

TEST(ParseHeader, FinAndReservedBitsAreReported) {
  const ParsedHeader parsed = ParseHeader(Raw({0x51, 0x00}));
  ASSERT_EQ(parsed.state, State::kComplete);
  EXPECT_FALSE(parsed.header.fin);
  EXPECT_EQ(parsed.header.rsv, 5);
}

TEST(ParseHeader, ReservedOpcodesAreViolationsFromTheFirstByte) {
  for (int opcode = 0; opcode < 16; ++opcode) {
    const bool known = opcode <= 2 || (opcode >= 8 && opcode <= 10);
    const ParsedHeader parsed = ParseHeader(Raw({0x80 | opcode}));
    EXPECT_EQ(parsed.state, known ? State::kIncomplete : State::kViolation) << opcode;
    EXPECT_EQ(parsed.violation, known ? Violation::kNone : Violation::kOpcode) << opcode;
  }
}

TEST(ParseHeader, ControlFramesAreShortAndWhole) {
  for (const int opcode : {8, 9, 10}) {
    EXPECT_EQ(ParseHeader(Raw({opcode, 0})).violation, Violation::kControlFragmented);
    EXPECT_EQ(ParseHeader(Raw({0x80 | opcode, 125})).state, State::kComplete);
    EXPECT_EQ(ParseHeader(Raw({0x80 | opcode, 126})).violation, Violation::kControlTooLong);
    EXPECT_EQ(ParseHeader(Raw({0x80 | opcode, 127})).violation, Violation::kControlTooLong);
  }
}

TEST(ParseHeader, LengthsMustBeMinimalAndLeaveTheTopBitClear) {
  const auto violation = [](int length_bytes, uint64_t claimed) {
    return ParseHeader(Build({.opcode = 2, .length_bytes = length_bytes, .claimed_bytes = claimed}))
        .violation;
  };
  EXPECT_EQ(violation(2, 0), Violation::kLength);
  EXPECT_EQ(violation(2, 125), Violation::kLength);
  EXPECT_EQ(violation(2, 126), Violation::kNone);
  EXPECT_EQ(violation(2, 65535), Violation::kNone);
  EXPECT_EQ(violation(8, 0), Violation::kLength);
  EXPECT_EQ(violation(8, 65535), Violation::kLength);
  EXPECT_EQ(violation(8, 65536), Violation::kNone);
  EXPECT_EQ(violation(8, (uint64_t{1} << 63) - 1), Violation::kNone);
  EXPECT_EQ(violation(8, uint64_t{1} << 63), Violation::kLength);
  EXPECT_EQ(violation(8, ~uint64_t{0}), Violation::kLength);
}

TEST(Unmask, MatchesTheDefinitionAtEveryOffsetAndSize) {
  std::mt19937 random(1);
  for (size_t size = 0; size < 150; ++size) {
    for (uint64_t offset = 0; offset < 9; ++offset) {
      Bytes bytes(size);
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
      Bytes expected = bytes;
      for (size_t i = 0; i < size; ++i) expected[i] ^= std::byte{kMask[(offset + i) % 4]};
      Unmask(bytes, kMask, offset);
      ASSERT_EQ(bytes, expected) << size << " bytes from " << offset;
    }
  }
}

TEST(Unmask, TakesOffsetsOfHugeFrames) {
  Bytes bytes = Raw({0, 0, 0});
  Unmask(bytes, kMask, (uint64_t{1} << 62) + 3);
  EXPECT_EQ(bytes, Raw({0x3d, 0x37, 0xfa}));
}

TEST(ParseClose, AnEmptyPayloadHasNoCode) {
  const ClosePayload close = ParseClose({});
  EXPECT_EQ(close.code, 1005);
  EXPECT_EQ(close.reason, "");
  EXPECT_EQ(close.violation, Violation::kNone);
}

TEST(ParseClose, ReadsCodeAndReason) {
  const Bytes payload = ToBytes("\x03\xe9gone fishing");
  const ClosePayload close = ParseClose(payload);
  EXPECT_EQ(close.code, 1001);
  EXPECT_EQ(close.reason, "gone fishing");
  EXPECT_EQ(close.violation, Violation::kNone);
}

TEST(ParseClose, OneByteIsTooShort) {
  EXPECT_EQ(ParseClose(Raw({3})).violation, Violation::kCloseLength);
}

TEST(ParseClose, OnlyCodesThatMayBeSentAreValid) {
  for (int code = 0; code <= 0xffff; ++code) {
    const bool valid =
        (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
    const ClosePayload close = ParseClose(Raw({code >> 8, code & 0xff}));
    ASSERT_EQ(close.violation, valid ? Violation::kNone : Violation::kCloseCode) << code;
    ASSERT_EQ(close.code, code);
  }
}

TEST(ParseClose, AReasonMustBeWholeUtf8) {
  EXPECT_EQ(ParseClose(ToBytes("\x03\xe8schön")).violation, Violation::kNone);
  EXPECT_EQ(ParseClose(ToBytes("\x03\xe8sch\xc3")).violation, Violation::kInvalidUtf8);
  EXPECT_EQ(ParseClose(ToBytes("\x03\xe8\xff")).violation, Violation::kInvalidUtf8);
}

TEST(SmallFrame, IsTheFrameThatTheRfcDescribes) {
  const Bytes hello = ToBytes("Hello");
  EXPECT_EQ(ToText(SmallFrame::Make(Opcode::kPing, hello, std::nullopt).bytes()), "\x89\x05Hello");
  EXPECT_EQ(ToText(SmallFrame::Make(Opcode::kPong, hello, kMask).bytes()),
            "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
  EXPECT_EQ(ToText(SmallFrame::Make(Opcode::kPing, {}, std::nullopt).bytes()), std::string("\x89\0", 2));
}

TEST(SmallFrame, CutsAPayloadThatIsTooLong) {
  const Bytes long_payload(200, std::byte{'x'});
  const SmallFrame frame = SmallFrame::Make(Opcode::kPing, long_payload, kMask);
  EXPECT_EQ(frame.bytes().size(), 131U);
  EXPECT_EQ(ParseHeader(frame.bytes()).header.payload_bytes, 125U);
}

TEST(SmallFrame, MakesCloseFramesThatParse) {
  for (const std::optional<Mask>& mask : {std::optional<Mask>(), std::optional<Mask>(kMask)}) {
    const SmallFrame frame = SmallFrame::MakeClose(1011, "the backend left", mask);
    const ParsedHeader parsed = ParseHeader(frame.bytes());
    ASSERT_EQ(parsed.state, State::kComplete);
    EXPECT_EQ(parsed.header.opcode, Opcode::kClose);
    EXPECT_EQ(parsed.header.masked, mask.has_value());
    const auto body = frame.bytes().subspan(parsed.header.header_bytes);
    Bytes payload(body.begin(), body.end());
    if (mask) Unmask(payload, *mask, 0);
    const ClosePayload close = ParseClose(payload);
    EXPECT_EQ(close.code, 1011);
    EXPECT_EQ(close.reason, "the backend left");
    EXPECT_EQ(close.violation, Violation::kNone);
  }
}

TEST(SmallFrame, ACloseWithoutACodeIsEmpty) {
  EXPECT_EQ(ToText(SmallFrame::MakeClose(kNoCloseCode, "unsaid", std::nullopt).bytes()),
            std::string("\x88\0", 2));
}

TEST(SmallFrame, CutsACloseReasonBetweenCharacters) {
  for (size_t ascii = 0; ascii < 4; ++ascii) {
    std::string reason(ascii, 'x');
    while (reason.size() < 150) reason += "\U0001F6A2";  // a ship, four bytes
    const SmallFrame frame = SmallFrame::MakeClose(1000, reason, std::nullopt);
    const ClosePayload close = ParseClose(frame.bytes().subspan(2));
    EXPECT_EQ(close.violation, Violation::kNone);
    EXPECT_EQ(close.reason, reason.substr(0, ascii + (123 - ascii) / 4 * 4));
  }
  const std::string exact(123, 'x');
  EXPECT_EQ(ParseClose(SmallFrame::MakeClose(1000, exact, std::nullopt).bytes().subspan(2)).reason, exact);
}

}  // namespace
}  // namespace hawser::ws::frame_test
