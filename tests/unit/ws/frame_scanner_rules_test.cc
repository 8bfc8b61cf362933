// Every rule that the scanner holds a peer to, wherever the input is cut.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/ws/frame_scanner.h"
#include "tests/unit/ws/frame_builder.h"

namespace hawser::ws::frame_scanner_rules_test {
namespace {

constexpr Mask kMask = {1, 2, 3, 4};
constexpr ScanRules kFromBackend = {};
constexpr ScanRules kFromClient = {.expect_masked = true};
constexpr ScanRules kValidating = {.validate_utf8 = true};

Scan Advance(FrameScanner& scanner, const Bytes& in, const ScanRules& rules = kFromBackend) {
  return scanner.Advance(in, rules, false);
}

// --- Every MUST of RFC 6455 §5 ---

struct Rule {
  std::string name;
  Bytes before;  // valid
  Bytes frame;   // judged
  Violation violation;
  ScanRules rules = kFromBackend;
};

std::string Close(int code, const std::string& reason = "") {
  return std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)} + reason;
}

std::vector<Rule> Rules() {
  const Bytes open = Build({.opcode = 2, .payload = "part", .fin = false});
  const Bytes open_text = Build({.opcode = 1, .payload = "part", .fin = false});
  const Bytes close = Build({.opcode = 8});
  const ScanRules deflate{.rsv1_allowed = true};
  const auto frame = [](FrameSpec spec) { return Build(spec); };
  std::vector<Rule> rules = {
      {"a client masks", {}, frame({.mask = kMask}), Violation::kNone, kFromClient},
      {"a client must mask", {}, frame({}), Violation::kMask, kFromClient},
      {"a client must mask control frames", {}, frame({.opcode = 9}), Violation::kMask, kFromClient},
      {"a backend must not mask", {}, frame({.mask = kMask}), Violation::kMask},
      {"a backend must not mask control frames", {}, frame({.opcode = 10, .mask = kMask}), Violation::kMask},
      {"RSV1 needs an extension", {}, frame({.rsv = 4}), Violation::kReservedBits},
      {"RSV1 with deflate", {}, frame({.rsv = 4}), Violation::kNone, deflate},
      {"RSV1 on binary with deflate", {}, frame({.opcode = 2, .rsv = 4}), Violation::kNone, deflate},
      {"RSV2 never", {}, frame({.rsv = 2}), Violation::kReservedBits, deflate},
      {"RSV3 never", {}, frame({.rsv = 1}), Violation::kReservedBits, deflate},
      {"RSV1 and RSV2 never", {}, frame({.rsv = 6}), Violation::kReservedBits, deflate},
      {"RSV1 not on a continuation", open, frame({.opcode = 0, .rsv = 4}), Violation::kReservedBits, deflate},
      {"RSV1 not on a ping", {}, frame({.opcode = 9, .rsv = 4}), Violation::kReservedBits, deflate},
      {"RSV1 not on a close", {}, frame({.opcode = 8, .rsv = 4}), Violation::kReservedBits, deflate},
      {"nothing to continue", {}, frame({.opcode = 0}), Violation::kContinuation},
      {"nothing to continue, open", {}, frame({.opcode = 0, .fin = false}), Violation::kContinuation},
      {"nothing to continue behind a whole message", frame({}), frame({.opcode = 0}),
       Violation::kContinuation},
      {"text inside a message", open, frame({.opcode = 1}), Violation::kContinuation},
      {"binary inside a message", open_text, frame({.opcode = 2}), Violation::kContinuation},
      {"a continuation", open, frame({.opcode = 0}), Violation::kNone},
      {"a continuation that is not the last", open, frame({.opcode = 0, .fin = false}), Violation::kNone},
      {"a new message behind the last fragment", open + frame({.opcode = 0}), frame({}), Violation::kNone},
      {"a ping between fragments", open, frame({.opcode = 9}), Violation::kNone},
      {"a close between fragments", open, frame({.opcode = 8}), Violation::kNone},
      {"a ping with 125 bytes", {}, frame({.opcode = 9, .payload = std::string(125, 'p')}), Violation::kNone},
      {"a ping with 126 bytes",
       {},
       frame({.opcode = 9, .payload = std::string(126, 'p')}),
       Violation::kControlTooLong},
      {"a pong with 64 KiB", {}, frame({.opcode = 10, .claimed_bytes = 65536}), Violation::kControlTooLong},
      {"a ping in fragments", {}, frame({.opcode = 9, .fin = false}), Violation::kControlFragmented},
      {"a close in fragments", {}, frame({.opcode = 8, .fin = false}), Violation::kControlFragmented},
      {"two length bytes for 125", {}, frame({.length_bytes = 2, .claimed_bytes = 125}), Violation::kLength},
      {"eight length bytes for 65535",
       {},
       frame({.length_bytes = 8, .claimed_bytes = 65535}),
       Violation::kLength},
      {"2^63", {}, frame({.length_bytes = 8, .claimed_bytes = uint64_t{1} << 63}), Violation::kLength},
      {"2^63 - 1",
       {},
       frame({.length_bytes = 8, .claimed_bytes = (uint64_t{1} << 63) - 1}),
       Violation::kNone},
      {"an empty close", {}, frame({.opcode = 8}), Violation::kNone},
      {"a close with a code", {}, frame({.opcode = 8, .payload = Close(1000)}), Violation::kNone},
      {"a close with a reason", {}, frame({.opcode = 8, .payload = Close(4999, "é")}), Violation::kNone},
      {"a close of one byte", {}, frame({.opcode = 8, .payload = "x"}), Violation::kCloseLength},
      {"a close reason cut short",
       {},
       frame({.opcode = 8, .payload = Close(1000, "\xc3")}),
       Violation::kInvalidUtf8},
      {"a masked close reason",
       {},
       frame({.opcode = 8, .payload = Close(1000, "\xff"), .mask = kMask}),
       Violation::kInvalidUtf8,
       kFromClient},
      {"a masked close code",
       {},
       frame({.opcode = 8, .payload = Close(1001), .mask = kMask}),
       Violation::kNone,
       kFromClient},
      {"text behind a close", close, frame({.opcode = 1}), Violation::kAfterClose},
      {"a continuation behind a close", open + close, frame({.opcode = 0}), Violation::kAfterClose},
      {"a pong behind a close", close, frame({.opcode = 10}), Violation::kNone},
      {"a frame of the limit", {}, frame({.payload = "12345"}), Violation::kNone, {.max_frame_bytes = 5}},
      {"a frame above the limit",
       {},
       frame({.payload = "123456"}),
       Violation::kFrameTooLarge,
       {.max_frame_bytes = 5}},
      {"a message of the limit",
       open,
       frame({.opcode = 0, .payload = "5"}),
       Violation::kNone,
       {.max_message_bytes = 5}},
      {"a message above the limit",
       open,
       frame({.opcode = 0, .payload = "56"}),
       Violation::kMessageTooLarge,
       {.max_message_bytes = 5}},
      {"a message above the limit at once",
       {},
       frame({.payload = "123456"}),
       Violation::kMessageTooLarge,
       {.max_message_bytes = 5}},
      {"a fresh message has the whole limit",
       frame({.payload = "12345"}),
       frame({.payload = "12345"}),
       Violation::kNone,
       {.max_message_bytes = 5}},
      {"a ping does not count",
       open,
       frame({.opcode = 9, .payload = "123456"}),
       Violation::kNone,
       {.max_frame_bytes = 5, .max_message_bytes = 5}},
      {"text is UTF-8", {}, frame({.payload = "é"}), Violation::kNone, kValidating},
      {"an empty end inside a character", Build({.payload = "\xc3", .fin = false}), frame({.opcode = 0}),
       Violation::kInvalidUtf8, kValidating},
      {"binary is anything", {}, frame({.opcode = 2, .payload = "\xff"}), Violation::kNone, kValidating},
      {"so is its continuation", open, frame({.opcode = 0, .payload = "\xff"}), Violation::kNone,
       kValidating},
      {"and compressed text",
       {},
       frame({.payload = "\xff", .rsv = 4}),
       Violation::kNone,
       {.rsv1_allowed = true, .validate_utf8 = true}},
      {"and text if nobody asks", {}, frame({.payload = "\xff"}), Violation::kNone},
  };
  for (const int opcode : {3, 4, 5, 6, 7, 11, 12, 13, 14, 15}) {
    rules.push_back({"opcode " + std::to_string(opcode), {}, frame({.opcode = opcode}), Violation::kOpcode});
    rules.push_back(
        {"opcode inside " + std::to_string(opcode), open, frame({.opcode = opcode}), Violation::kOpcode});
  }
  for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535}) {
    rules.push_back({"close " + std::to_string(code),
                     {},
                     frame({.opcode = 8, .payload = Close(code)}),
                     Violation::kCloseCode});
  }
  return rules;
}

// Passes over `in` to the first violation or the end of the input; returns the violation and where it stands.
std::pair<Violation, size_t> Judge(FrameScanner& scanner, const Bytes& in, const ScanRules& rules,
                                   size_t piece) {
  size_t at = 0;
  for (size_t end = 0; end < in.size();) {
    end = std::min(in.size(), end + piece);
    while (true) {
      const Scan scan = scanner.Advance(std::span(in).subspan(at, end - at), rules, false);
      at += scan.bytes;
      if (scan.stop == Stop::kViolation) return {scan.violation, at};
      if (scan.stop == Stop::kInput) break;
      at += scan.control_bytes;
    }
  }
  return {Violation::kNone, at};
}

TEST(FrameScanner, HoldsEveryMustOfTheRfc) {
  for (const Rule& rule : Rules()) {
    for (const size_t piece : {size_t{1}, size_t{2}, size_t{5}, size_t{1} << 20}) {
      FrameScanner scanner;
      const auto [violation, at] = Judge(scanner, rule.before + rule.frame, rule.rules, piece);
      EXPECT_EQ(violation, rule.violation) << rule.name << ", " << piece << " bytes at a time";
      if (violation != Violation::kNone) {  // with more behind it than any frame here claims, the same
        FrameScanner another;
        const auto again = Judge(another, rule.before + rule.frame + Bytes(70000), rule.rules, piece);
        EXPECT_EQ(again, std::pair(violation, at)) << rule.name << ", " << piece << " bytes at a time";
      }
      const size_t all = rule.before.size() + rule.frame.size();
      EXPECT_EQ(at, rule.violation == Violation::kNone ? all : rule.before.size()) << rule.name;
    }
  }
}

TEST(FrameScanner, AViolationIsReportedAgainWhenItIsOfferedAgain) {
  for (const Rule& rule : Rules()) {
    if (rule.violation == Violation::kNone) continue;
    FrameScanner scanner;
    Judge(scanner, rule.before + rule.frame, rule.rules, 1);
    const Scan again = Advance(scanner, rule.frame, rule.rules);
    EXPECT_EQ(again.stop, Stop::kViolation) << rule.name;
    EXPECT_EQ(again.violation, rule.violation) << rule.name;
    EXPECT_EQ(again.bytes, 0U) << rule.name;
  }
}

// --- UTF-8 ---

TEST(FrameScanner, ForwardsNoByteThatMakesTextInvalid) {
  const std::string text = "a long enough text to pass the vectorised part, ASCII all of it \xff and more";
  for (const bool masked : {false, true}) {
    FrameSpec spec{.payload = text};
    if (masked) spec.mask = kMask;
    const Bytes frame = Build(spec);
    const ScanRules rules{.expect_masked = masked, .validate_utf8 = true};
    const size_t bad = frame.size() - text.size() + text.find('\xff');
    for (size_t piece = 1; piece <= frame.size(); ++piece) {
      FrameScanner scanner;
      const auto [violation, at] = Judge(scanner, frame, rules, piece);
      ASSERT_EQ(violation, Violation::kInvalidUtf8);
      ASSERT_EQ(at, piece > bad ? 0 : bad) << "a frame that is in hand is not begun";
    }
  }
}

TEST(FrameScanner, ACharacterMayBeSplitBetweenFragmentsAndAroundAPing) {
  const Bytes in = Build({.payload = "\xf0\x9f", .fin = false}) + Build({.opcode = 9, .payload = "\xff"}) +
                   Build({.opcode = 0, .payload = "\x9a", .fin = false}) +
                   Build({.opcode = 0, .payload = "\xa2"});
  for (size_t piece = 1; piece <= in.size(); ++piece) {
    FrameScanner scanner;
    const auto [violation, at] = Judge(scanner, in, kValidating, piece);
    EXPECT_EQ(violation, Violation::kNone);
    EXPECT_EQ(at, in.size());
    EXPECT_EQ(scanner.messages(), 1U);
  }
}

TEST(FrameScanner, TextThatEndsInsideACharacterIsHeldAtItsLastByte) {
  const Bytes in = Build({.payload = "x\xf0\x9f\x9a"});
  for (size_t piece = 1; piece <= in.size(); ++piece) {
    FrameScanner scanner;
    const auto [violation, at] = Judge(scanner, in, kValidating, piece);
    EXPECT_EQ(violation, Violation::kInvalidUtf8);
    EXPECT_EQ(at, piece == in.size() ? 0 : in.size() - 1);
    EXPECT_EQ(Advance(scanner, piece == in.size() ? in : Raw({0x9a}), kValidating).stop, Stop::kViolation);
    EXPECT_EQ(scanner.messages(), 0U);
  }
}

}  // namespace
}  // namespace hawser::ws::frame_scanner_rules_test
