#include "proxy/ws/frame_scanner.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/ws/frame_builder.h"

namespace hawser::ws::frame_scanner_test {
namespace {

constexpr Mask kMask = {1, 2, 3, 4};
constexpr ScanRules kFromBackend = {};
constexpr ScanRules kFromClient = {.expect_masked = true};

Scan Advance(FrameScanner& scanner, const Bytes& in, const ScanRules& rules = kFromBackend) {
  return scanner.Advance(in, rules, false);
}

// --- What a call passes over ---

TEST(FrameScanner, StartsAtABoundaryOutsideAnyMessage) {
  const FrameScanner scanner;
  EXPECT_TRUE(scanner.AtBoundary());
  EXPECT_FALSE(scanner.InMessage());
  EXPECT_EQ(scanner.messages(), 0U);
}

TEST(FrameScanner, PassesManyFramesInOneCall) {
  Bytes in;
  for (int i = 0; i < 100; ++i)
    in = std::move(in) + Build({.payload = std::string(static_cast<size_t>(i) * 3, 'x')});
  FrameScanner scanner;
  const Scan scan = Advance(scanner, in);
  EXPECT_EQ(scan.stop, Stop::kInput);
  EXPECT_EQ(scan.bytes, in.size());
  EXPECT_EQ(scanner.messages(), 100U);
}

TEST(FrameScanner, AnUnfinishedHeaderIsLeftBehind) {
  const Bytes whole = Build({.payload = "first"});
  const Bytes next = Build({.payload = std::string(70000, 'x'), .mask = kMask});
  for (size_t size = 0; size < 14; ++size) {
    const Bytes start(next.begin(), next.begin() + static_cast<ptrdiff_t>(size));
    FrameScanner scanner;
    const Bytes in = Build({.payload = "first", .mask = kMask}) + start;
    const Scan scan = Advance(scanner, in, kFromClient);
    EXPECT_EQ(scan.stop, Stop::kInput);
    EXPECT_EQ(scan.bytes, in.size() - size);
    EXPECT_TRUE(scanner.AtBoundary());
  }
}

TEST(FrameScanner, PayloadIsPassedAsFarAsItHasCome) {
  const Bytes frame = Build({.payload = "0123456789"});
  FrameScanner scanner;
  EXPECT_EQ(scanner.Advance(std::span(frame).first(5), kFromBackend, false).bytes, 5U);
  EXPECT_FALSE(scanner.AtBoundary());
  EXPECT_TRUE(scanner.InMessage());
  EXPECT_EQ(scanner.messages(), 0U);
  EXPECT_EQ(scanner.Advance(std::span(frame).subspan(5), kFromBackend, false).bytes, 7U);
  EXPECT_TRUE(scanner.AtBoundary());
  EXPECT_FALSE(scanner.InMessage());
  EXPECT_EQ(scanner.messages(), 1U);
}

TEST(FrameScanner, AnEmptyInputChangesNothing) {
  FrameScanner scanner;
  EXPECT_EQ(Advance(scanner, {}).bytes, 0U);
  Advance(scanner, Build({.opcode = 2, .claimed_bytes = 10}));
  EXPECT_EQ(Advance(scanner, {}).stop, Stop::kInput);
  EXPECT_FALSE(scanner.AtBoundary());
}

TEST(FrameScanner, BetweenFragmentsIsABoundaryInsideAMessage) {
  FrameScanner scanner;
  Advance(scanner, Build({.payload = "one", .fin = false}));
  EXPECT_TRUE(scanner.AtBoundary());
  EXPECT_TRUE(scanner.InMessage());
  Advance(scanner, Build({.opcode = 0, .payload = "two", .fin = false}));
  EXPECT_TRUE(scanner.InMessage());
  EXPECT_EQ(scanner.messages(), 0U);
  Advance(scanner, Build({.opcode = 0}));
  EXPECT_FALSE(scanner.InMessage());
  EXPECT_EQ(scanner.messages(), 1U);
}

TEST(FrameScanner, AFrameOfTheLargestSizeIsCountedDownOverManyCalls) {
  FrameScanner scanner;
  Advance(scanner, Build({.opcode = 2, .claimed_bytes = (uint64_t{1} << 20) + 1}));
  const Bytes chunk(65536);
  for (int i = 0; i < 16; ++i) EXPECT_EQ(Advance(scanner, chunk).bytes, chunk.size());
  EXPECT_FALSE(scanner.AtBoundary());
  EXPECT_EQ(Advance(scanner, Raw({0})).bytes, 1U);
  EXPECT_TRUE(scanner.AtBoundary());
  EXPECT_EQ(scanner.messages(), 1U);
}

// --- Control frames ---

TEST(FrameScanner, AControlFrameMayStandBetweenFragments) {
  const Bytes first = Build({.payload = "one", .fin = false});
  const Bytes ping = Build({.opcode = 9, .payload = "are you there"});
  const Bytes last = Build({.opcode = 0, .payload = "two"});
  const Bytes in = first + ping + last;
  FrameScanner scanner;
  const Scan scan = Advance(scanner, in);
  ASSERT_EQ(scan.stop, Stop::kControl);
  EXPECT_EQ(scan.bytes, first.size());
  EXPECT_EQ(scan.control_bytes, ping.size());
  EXPECT_EQ(scan.control.opcode, Opcode::kPing);
  EXPECT_EQ(scan.control.payload_bytes, 13U);
  EXPECT_TRUE(scanner.AtBoundary());
  EXPECT_TRUE(scanner.InMessage());
  const Scan rest = scanner.Advance(std::span(in).subspan(first.size() + ping.size()), kFromBackend, false);
  EXPECT_EQ(rest.bytes, last.size());
  EXPECT_EQ(scanner.messages(), 1U);
}

TEST(FrameScanner, AMessageThatACloseFrameCutsOffStaysBegun) {
  FrameScanner scanner;
  Advance(scanner, Build({.payload = "one", .fin = false}));
  EXPECT_EQ(scanner.messages_begun(), 1U);
  EXPECT_EQ(Advance(scanner, Build({.opcode = 8})).stop, Stop::kControl);
  EXPECT_EQ(scanner.messages_begun(), 1U);
  EXPECT_EQ(scanner.messages(), 0U);
}

TEST(FrameScanner, AControlFrameComesWholeOrNotAtAll) {
  const Bytes ping = Build({.opcode = 9, .payload = std::string(125, 'p'), .mask = kMask});
  ASSERT_EQ(ping.size(), 131U);
  for (size_t size = 0; size < ping.size(); ++size) {
    FrameScanner scanner;
    const Scan scan = scanner.Advance(std::span(ping).first(size), kFromClient, false);
    ASSERT_EQ(scan.stop, Stop::kInput);
    ASSERT_EQ(scan.bytes, 0U);
  }
  FrameScanner scanner;
  const Scan scan = Advance(scanner, ping, kFromClient);
  ASSERT_EQ(scan.stop, Stop::kControl);
  EXPECT_EQ(scan.control_bytes, 131U);
  EXPECT_EQ(scan.control.mask, kMask);
}

TEST(FrameScanner, ControlFramesInARowComeOneByOne) {
  const Bytes in = Build({.opcode = 9}) + Build({.opcode = 10, .payload = "x"}) + Build({.opcode = 8});
  FrameScanner scanner;
  std::vector<Opcode> seen;
  size_t at = 0;
  while (true) {
    const Scan scan = scanner.Advance(std::span(in).subspan(at), kFromBackend, false);
    EXPECT_EQ(scan.bytes, 0U);
    if (scan.stop != Stop::kControl) break;
    seen.push_back(scan.control.opcode);
    at += scan.control_bytes;
  }
  EXPECT_EQ(seen, (std::vector<Opcode>{Opcode::kPing, Opcode::kPong, Opcode::kClose}));
  EXPECT_EQ(at, in.size());
  EXPECT_EQ(scanner.messages(), 0U);
}

// --- Boundaries ---

TEST(FrameScanner, StopsBehindTheFirstDataFrameWhenAsked) {
  const Bytes one = Build({.payload = "one"});
  const Bytes two = Build({.payload = "two", .fin = false});
  const Bytes three = Build({.opcode = 0});
  const Bytes in = one + two + three;
  FrameScanner scanner;
  size_t at = 0;
  for (const size_t size : {one.size(), two.size(), three.size()}) {
    const Scan scan = scanner.Advance(std::span(in).subspan(at), kFromBackend, true);
    EXPECT_EQ(scan.stop, Stop::kBoundary);
    EXPECT_EQ(scan.bytes, size);
    EXPECT_TRUE(scanner.AtBoundary());
    at += scan.bytes;
  }
  EXPECT_EQ(scanner.Advance({}, kFromBackend, true).stop, Stop::kInput);
}

TEST(FrameScanner, StopsAtTheEndOfALongFrameThatWasUnderWay) {
  const Bytes frame = Build({.payload = std::string(1000, 'x')});
  const Bytes in = frame + frame;
  FrameScanner scanner;
  scanner.Advance(std::span(in).first(500), kFromBackend, false);
  const Scan scan = scanner.Advance(std::span(in).subspan(500), kFromBackend, true);
  EXPECT_EQ(scan.stop, Stop::kBoundary);
  EXPECT_EQ(scan.bytes, frame.size() - 500);
}

// --- A bound on frames ---

// Whole messages, fragments, control frames: whatever begins.
TEST(FrameScanner, StopsInFrontOfTheFrameThatMayNotBegin) {
  const Bytes whole = Build({.payload = "one"});
  const Bytes first = Build({.payload = "two", .fin = false});
  const Bytes ping = Build({.opcode = 9});
  const Bytes last = Build({.opcode = 0, .payload = "three"});
  const Bytes in = whole + first + ping + last + whole;
  const size_t ends[] = {
      0,        whole.size(), (whole + first).size(), (whole + first + ping).size(), in.size() - whole.size(),
      in.size()};
  for (uint64_t most = 0; most <= 5; ++most) {
    FrameScanner scanner;
    size_t at = 0;
    uint64_t left = most;
    Scan scan;
    do {
      scan = scanner.Advance(std::span(in).subspan(at), kFromBackend, false, left);
      at += scan.bytes + scan.control_bytes;
    } while (scan.stop == Stop::kControl);
    EXPECT_EQ(at, ends[most]) << most;
    EXPECT_EQ(scan.stop, most < 5 ? Stop::kFrames : Stop::kInput) << most;
    EXPECT_EQ(left, 0U) << most;
  }
}

TEST(FrameScanner, AFrameThatHasBegunGoesOnWhenNoOtherMayBegin) {
  const Bytes frame = Build({.payload = "a payload in two parts"});
  FrameScanner scanner;
  uint64_t left = 1;
  EXPECT_EQ(scanner.Advance(std::span(frame).first(5), kFromBackend, false, left).stop, Stop::kInput);
  EXPECT_EQ(left, 0U);
  EXPECT_EQ(scanner.Advance(std::span(frame).subspan(5), kFromBackend, false, left).stop, Stop::kInput);
  EXPECT_EQ(scanner.messages(), 1U);
}

TEST(FrameScanner, IsSmall) {
  EXPECT_LE(sizeof(FrameScanner), 48U);
}

}  // namespace
}  // namespace hawser::ws::frame_scanner_test
