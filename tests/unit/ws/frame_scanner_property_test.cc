// Random traffic, right and mutated, cut at random places: the scanner and the naive parser must agree on
// every byte.
#include <algorithm>
#include <iterator>
#include <random>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "proxy/ws/frame_scanner.h"
#include "tests/unit/ws/frame_builder.h"
#include "tests/unit/ws/naive_frames.h"

namespace hawser::ws {
namespace {

class Traffic {
 public:
  Traffic(uint32_t seed, const ScanRules& rules) : random_(seed), rules_(rules) {}

  size_t Below(size_t limit) { return static_cast<size_t>(random_() % limit); }

  Bytes Stream() {
    Bytes stream;
    for (size_t messages = 1 + Below(12); messages > 0; --messages) stream = std::move(stream) + Message();
    if (Below(8) == 0)
      stream = std::move(stream) + Frame({.opcode = 8,
                                          .payload = Below(2) == 0 ? ""
                                                                   : "\x03\xe8"
                                                                     "bye"});
    return stream;
  }

 private:
  size_t Size() {
    constexpr size_t kLimits[] = {1, 8, 126, 140, 600};
    return Below(400) == 0 ? 65530 + Below(12) : Below(kLimits[Below(5)]);
  }

  std::string Payload(bool text) {
    std::string payload;
    for (size_t size = Size(); payload.size() < size;) {
      constexpr std::string_view kCharacters[] = {"a", "é", "€", "😀",
                                                  "plain words in a row, more than a block of them"};
      if (text)
        payload += kCharacters[Below(5)];
      else
        payload += static_cast<char>(random_());
    }
    return payload;
  }

  Bytes Frame(FrameSpec spec) {
    if (rules_.expect_masked) {
      const uint32_t key = random_();
      spec.mask = {static_cast<uint8_t>(key), static_cast<uint8_t>(key >> 8), static_cast<uint8_t>(key >> 16),
                   static_cast<uint8_t>(key >> 24)};
    }
    return Build(spec);
  }

  Bytes Message() {
    const int opcode = 1 + static_cast<int>(Below(2));
    const int rsv = rules_.rsv1_allowed && Below(2) == 0 ? 4 : 0;
    std::string rest = Payload(opcode == 1 && rsv == 0);
    Bytes message;
    bool first = true;
    for (bool fin = false; !fin; first = false) {
      fin = Below(3) != 0;
      const std::string part = rest.substr(0, fin ? rest.size() : Below(rest.size() + 1));
      rest.erase(0, part.size());
      message = std::move(message) +
                Frame({.opcode = first ? opcode : 0, .payload = part, .fin = fin, .rsv = first ? rsv : 0});
      while (Below(4) == 0) {
        message = std::move(message) + Frame({.opcode = 9 + static_cast<int>(Below(2)),
                                              .payload = std::string(Below(126), '\xee')});
      }
    }
    return message;
  }

  std::mt19937 random_;
  const ScanRules& rules_;
};

ScanRules RulesOf(uint32_t seed) {
  return {.expect_masked = (seed & 1) != 0,
          .rsv1_allowed = (seed & 2) != 0,
          .max_frame_bytes = (seed & 12) == 12 ? 500U : 0U,
          .max_message_bytes = (seed & 48) == 48 ? 700U : 0U,
          .validate_utf8 = (seed & 64) != 0,
          .strictness = (seed & 384) == 384 ? Strictness::kLenient : Strictness::kStrict};
}

void ExpectAgreement(const Bytes& stream, const ScanRules& rules, Traffic& traffic, bool stop_at_boundary) {
  const naive::Report truth = naive::Parse(stream, rules);
  const size_t longest = traffic.Below(4) == 0 ? 3 : traffic.Below(2) == 0 ? 200 : 100000;
  const naive::Run run =
      naive::ScanInPieces(stream, rules, stop_at_boundary, [&] { return 1 + traffic.Below(longest); });
  ASSERT_EQ(run.report.violation, truth.violation);
  ASSERT_TRUE(naive::StopsRightly(run.report.end, truth)) << run.report.end << " " << truth.end;
  ASSERT_EQ(run.report.messages, truth.messages);
  ASSERT_EQ(run.report.controls, truth.controls);
  ASSERT_TRUE(run.boundaries_agree);
  ASSERT_LE(run.longest_rest, 130U);
  ASSERT_EQ(run.report.data_ends, stop_at_boundary ? truth.data_ends : std::set<size_t>());
}

TEST(FrameScannerProperty, ValidTrafficPassesWhereverItIsCut) {
  for (uint32_t seed = 0; seed < 800; ++seed) {
    SCOPED_TRACE(seed);
    ScanRules rules = RulesOf(seed);
    rules.max_frame_bytes = rules.max_message_bytes = 0;
    Traffic traffic(seed, rules);
    const Bytes stream = traffic.Stream();
    const naive::Report truth = naive::Parse(stream, rules);
    ASSERT_EQ(truth.violation, Violation::kNone);
    ASSERT_EQ(truth.end, stream.size());
    ExpectAgreement(stream, rules, traffic, seed % 3 == 0);
  }
}

TEST(FrameScannerProperty, MutatedTrafficIsJudgedAsTheReferenceJudgesIt) {
  for (uint32_t seed = 0; seed < 1600; ++seed) {
    SCOPED_TRACE(seed);
    const ScanRules rules = RulesOf(seed);
    Traffic traffic(seed, rules);
    Bytes stream = traffic.Stream();
    const std::set<size_t> starts = naive::Parse(stream, rules).boundaries;
    for (size_t changes = traffic.Below(4); changes > 0 && !stream.empty(); --changes) {
      auto at = static_cast<ptrdiff_t>(traffic.Below(stream.size()));
      if (traffic.Below(2) == 0) {  // in a frame's first bytes
        const size_t start = *std::next(starts.begin(), static_cast<ptrdiff_t>(traffic.Below(starts.size())));
        at = static_cast<ptrdiff_t>(std::min(start + traffic.Below(3), stream.size() - 1));
      }
      switch (traffic.Below(3)) {
        case 0: stream[static_cast<size_t>(at)] ^= std::byte(1 << traffic.Below(8)); break;
        case 1: stream.erase(stream.begin() + at); break;
        default: stream.insert(stream.begin() + at, std::byte(traffic.Below(256)));
      }
    }
    ExpectAgreement(stream, rules, traffic, seed % 3 == 0);
  }
}

}  // namespace
}  // namespace hawser::ws
