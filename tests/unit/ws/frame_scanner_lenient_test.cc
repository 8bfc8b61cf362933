// What lenient inspection accepts and what it enforces, and how messages that may begin are counted.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/ws/frame_scanner.h"
#include "tests/unit/ws/frame_builder.h"

namespace hawser::ws::frame_scanner_lenient_test {
namespace {

constexpr Mask kMask = {1, 2, 3, 4};

ScanRules Lenient(ScanRules rules = {}) {
  rules.strictness = Strictness::kLenient;
  return rules;
}

// The first violation in `in`, and how many bytes lie before it.
struct Judged {
  Violation violation = Violation::kNone;
  size_t bytes = 0;
};
Judged Judge(const Bytes& in, const ScanRules& rules) {
  FrameScanner scanner;
  Judged judged;
  while (true) {
    const Scan scan = scanner.Advance(std::span(in).subspan(judged.bytes), rules, false);
    judged.bytes += scan.bytes + scan.control_bytes;
    judged.violation = scan.violation;
    if (scan.stop != Stop::kControl) return judged;
  }
}

TEST(LenientFrameScanner, AcceptsWhatLeavesFrameBoundariesClear) {
  struct Case {
    const char* name;
    Bytes frame;
    bool from_client = false;
  };
  const Case cases[] = {
      {"a client that does not mask", Build({.payload = "x"}), true},
      {"a backend that masks", Build({.payload = "x", .mask = kMask})},
      {"a reserved bit", Build({.payload = "x", .rsv = 2})},
      {"RSV1 without deflate", Build({.payload = "x", .rsv = 4})},
      {"a reserved bit on a ping", Build({.opcode = 9, .rsv = 1})},
      {"an unknown data opcode", Build({.opcode = 3, .payload = "x"})},
      {"an unknown control opcode", Build({.opcode = 11, .payload = "x"})},
      {"a length in two bytes", Build({.payload = "x", .length_bytes = 2})},
      {"a length in eight bytes", Build({.payload = "x", .length_bytes = 8})},
      {"a close of one byte", Build({.opcode = 8, .payload = "x"})},
      {"a close code of 1005", Build({.opcode = 8, .payload = "\x03\xed"})},
      {"a close reason that is no text", Build({.opcode = 8, .payload = "\x03\xe8\xff"})},
  };
  for (const Case& one : cases) {
    const ScanRules strict{.expect_masked = one.from_client};
    EXPECT_NE(Judge(one.frame, strict).violation, Violation::kNone) << one.name;
    EXPECT_EQ(Judge(one.frame, Lenient(strict)).violation, Violation::kNone) << one.name;
    EXPECT_EQ(Judge(one.frame, Lenient(strict)).bytes, one.frame.size()) << one.name;
  }
}

TEST(LenientFrameScanner, EnforcesFrameBoundariesAndLimits) {
  struct Case {
    const char* name;
    Bytes frame;
    Violation violation;
  };
  const Case cases[] = {
      {"2^63", Build({.length_bytes = 8, .claimed_bytes = uint64_t{1} << 63}), Violation::kLength},
      {"a long ping", Build({.opcode = 9, .claimed_bytes = 126}), Violation::kControlTooLong},
      {"a ping in fragments", Build({.opcode = 9, .fin = false}), Violation::kControlFragmented},
      {"a long control frame without a name", Build({.opcode = 12, .claimed_bytes = 126}),
       Violation::kControlTooLong},
      {"nothing to continue", Build({.opcode = 0}), Violation::kContinuation},
      {"a message in another", Build({.fin = false}) + Build({.opcode = 3}), Violation::kContinuation},
      {"a large frame", Build({.payload = "123456"}), Violation::kFrameTooLarge},
      {"a large message", Build({.payload = "12345", .fin = false}) + Build({.opcode = 0, .payload = "6789"}),
       Violation::kMessageTooLarge},
  };
  for (const Case& one : cases) {
    EXPECT_EQ(Judge(one.frame, Lenient({.max_frame_bytes = 5, .max_message_bytes = 8})).violation,
              one.violation)
        << one.name;
  }
}

TEST(FrameScanner, StopsInFrontOfTheMessageThatMayNotBegin) {
  const Bytes whole = Build({.payload = "one"});
  const Bytes parts = Build({.payload = "tw", .fin = false}) + Build({.opcode = 0, .payload = "o"});
  const Bytes ping = Build({.opcode = 9});
  struct Case {
    const char* name;
    Bytes before;
    uint64_t most;
  };
  const Case cases[] = {
      {"none", {}, 0},
      {"a whole one", whole, 1},
      {"fragments", parts, 1},
      {"both", whole + parts, 2},
      {"pings are not counted", whole + ping, 1},
  };
  for (const Case& one : cases) {
    for (const Bytes& next : {whole, parts, Build({.opcode = 2, .payload = std::string(70000, 'x')})}) {
      FrameScanner scanner;
      ScanRules rules{.max_messages = one.most};
      const Bytes in = one.before + next;
      size_t at = 0;
      Scan scan;
      do {
        scan = scanner.Advance(std::span(in).subspan(at), rules, false);
        at += scan.bytes + scan.control_bytes;
        if (scan.stop == Stop::kControl) rules.max_messages = one.most - scanner.messages_begun();
      } while (scan.stop == Stop::kControl);
      EXPECT_EQ(scan.stop, Stop::kMessage) << one.name;
      EXPECT_EQ(at, one.before.size()) << one.name;
      EXPECT_EQ(scanner.messages_begun(), one.most) << one.name;
      EXPECT_TRUE(scanner.AtBoundary()) << one.name;
      EXPECT_EQ(scanner.Advance(std::span(in).subspan(at), {.max_messages = 1}, false).bytes, next.size())
          << one.name;
    }
  }
}

TEST(FrameScanner, AMessageThatHasBegunGoesOnWhenNoOtherMayBegin) {
  FrameScanner scanner;
  const Bytes begin = Build({.payload = "be", .fin = false});
  EXPECT_EQ(scanner.Advance(begin, {.max_messages = 1}, false).bytes, begin.size());
  const Bytes end = Build({.opcode = 0, .payload = "gun"});
  const Scan scan = scanner.Advance(end + begin, {.max_messages = 0}, false);
  EXPECT_EQ(scan.stop, Stop::kMessage);
  EXPECT_EQ(scan.bytes, end.size());
}

}  // namespace
}  // namespace hawser::ws::frame_scanner_lenient_test
