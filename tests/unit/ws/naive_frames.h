// What FrameScanner is tested against: a parser that has the whole input before it, keeps every payload, and
// checks UTF-8 by the code points that a sequence could still become. Slow and simple; shared by the unit
// tests and the fuzz targets. Also the driver that offers a scanner its input in pieces, as a tunnel does.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "proxy/ws/frame_scanner.h"

namespace hawser::ws::naive {

using Bytes = std::vector<std::byte>;

enum class Character : uint8_t { kBroken, kUnfinished, kWhole };

// Whether `sequence` is, or can become, the encoding of one Unicode scalar value.
inline Character Judge(std::span<const uint8_t> sequence) {
  const uint32_t lead = sequence[0];
  const size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
  if (length == 0 || sequence.size() > length) return Character::kBroken;
  if (length == 1) return Character::kWhole;
  uint32_t low = lead & (0x7fU >> length);
  uint32_t high = low;
  for (size_t i = 1; i < length; ++i) {
    const bool there = i < sequence.size();
    if (there && sequence[i] >> 6 != 2) return Character::kBroken;
    low = low << 6 | (there ? sequence[i] & 63U : 0U);
    high = high << 6 | (there ? sequence[i] & 63U : 63U);
  }
  constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  low = std::max(low, kSmallest[length]);
  high = std::min<uint32_t>(high, 0x10ffff);
  if (low > high || (low >= 0xd800 && high <= 0xdfff)) return Character::kBroken;
  return sequence.size() == length ? Character::kWhole : Character::kUnfinished;
}

// How many bytes of `text` may stand at the start of a valid text; less than all: the next one may not. With
// `whole`, a text that ends inside a character is wrong at its last byte.
inline size_t ValidBytes(std::span<const uint8_t> text, bool whole) {
  size_t begin = 0;
  for (size_t end = 1; end <= text.size(); ++end) {
    const Character found = Judge(text.subspan(begin, end - begin));
    if (found == Character::kBroken) return end - 1;
    if (found == Character::kWhole) begin = end;
  }
  return whole && begin < text.size() ? text.size() - 1 : text.size();
}

struct Control {
  Opcode opcode;
  size_t begin;
  size_t end;
  bool operator==(const Control&) const = default;
};

// Offsets count from the start of the input.
struct Report {
  size_t end = 0;    // everything before it may be forwarded
  size_t frame = 0;  // where the last frame that was begun begins
  Violation violation = Violation::kNone;
  std::vector<Control> controls;
  std::set<size_t> boundaries = {0};  // frames begin or end here
  std::set<size_t> data_ends;
  uint64_t messages = 0;
};

class Parser {
 public:
  Parser(std::span<const std::byte> in, const ScanRules& rules) : rules_(rules) {
    for (const std::byte byte : in) in_.push_back(std::to_integer<uint8_t>(byte));
    while (Frame()) {
    }
  }
  const Report& report() const { return report_; }

 private:
  bool Fail(Violation violation, size_t at) {
    report_.violation = violation;
    report_.end = at;
    return false;
  }

  bool Frame() {
    const size_t begin = report_.end;
    report_.frame = begin;
    const std::span<const uint8_t> in = std::span<const uint8_t>(in_).subspan(begin);
    if (in.size() < 2) return false;
    const bool fin = (in[0] & 0x80) != 0;
    const int rsv = in[0] >> 4 & 7;
    const int opcode = in[0] & 15;
    const bool masked = (in[1] & 0x80) != 0;
    const bool lenient = rules_.strictness == Strictness::kLenient;
    const bool starts = opcode == 1 || opcode == 2 || (lenient && opcode > 2 && opcode < 8);
    if (!lenient && rsv != 0 && !(rsv == 4 && rules_.rsv1_allowed && starts))
      return Fail(Violation::kReservedBits, begin);
    if (opcode <= 2 || starts) {
      if (closed_) return Fail(Violation::kAfterClose, begin);
      if (starts == open_) return Fail(Violation::kContinuation, begin);
    }
    if (!lenient && masked != rules_.expect_masked) return Fail(Violation::kMask, begin);
    if (!lenient && ((opcode > 2 && opcode < 8) || opcode > 10)) return Fail(Violation::kOpcode, begin);
    if (opcode >= 8 && !fin) return Fail(Violation::kControlFragmented, begin);
    if (opcode >= 8 && (in[1] & 0x7f) > 125) return Fail(Violation::kControlTooLong, begin);

    uint64_t length = in[1] & 0x7f;
    size_t header = 2;
    if (length >= 126) {
      header += length == 126 ? 2 : 8;
      if (in.size() < header) return false;
      const uint64_t smallest = length == 126 ? 126 : 65536;
      length = 0;
      for (size_t i = 2; i < header; ++i) length = length << 8 | in[i];
      if ((!lenient && length < smallest) || (length & (uint64_t{1} << 63)) != 0)
        return Fail(Violation::kLength, begin);
    }
    header += masked ? 4 : 0;
    if (in.size() < header) return false;

    std::vector<uint8_t> payload(
        in.begin() + static_cast<ptrdiff_t>(header),
        in.begin() + static_cast<ptrdiff_t>(header + std::min<uint64_t>(length, in.size() - header)));
    for (size_t i = 0; masked && i < payload.size(); ++i) payload[i] ^= in[header - 4 + i % 4];
    const bool whole = payload.size() == length;
    if (opcode >= 8) return whole && ControlFrame(opcode, payload, begin, begin + header + payload.size());
    return DataFrame(opcode, fin, rsv == 0, length, payload, begin, begin + header);
  }

  bool ControlFrame(int opcode, const std::vector<uint8_t>& payload, size_t begin, size_t end) {
    if (opcode == 8 && !payload.empty() && rules_.strictness == Strictness::kStrict) {
      if (payload.size() == 1) return Fail(Violation::kCloseLength, begin);
      const int code = payload[0] << 8 | payload[1];
      static const std::set<int> kDefined = {1000, 1001, 1002, 1003, 1007, 1008,
                                             1009, 1010, 1011, 1012, 1013, 1014};
      if (!kDefined.contains(code) && (code < 3000 || code > 4999)) return Fail(Violation::kCloseCode, begin);
      const auto reason = std::span<const uint8_t>(payload).subspan(2);
      if (ValidBytes(reason, true) < reason.size()) return Fail(Violation::kInvalidUtf8, begin);
    }
    closed_ = closed_ || opcode == 8;
    report_.controls.push_back({static_cast<Opcode>(opcode), begin, end});
    report_.end = end;
    report_.boundaries.insert(end);
    return true;
  }

  bool DataFrame(int opcode, bool fin, bool plain, uint64_t length, const std::vector<uint8_t>& payload,
                 size_t begin, size_t payload_begin) {
    if (opcode != 0) {
      message_bytes_ = 0;
      text_ = {};
    }
    message_bytes_ += length;
    if (rules_.max_frame_bytes != 0 && length > rules_.max_frame_bytes)
      return Fail(Violation::kFrameTooLarge, begin);
    if (rules_.max_message_bytes != 0 && message_bytes_ > rules_.max_message_bytes) {
      return Fail(Violation::kMessageTooLarge, begin);
    }
    if (opcode != 0) validated_ = rules_.validate_utf8 && opcode == 1 && plain;
    const size_t before = text_.size();
    text_.insert(text_.end(), payload.begin(), payload.end());
    const bool whole = payload.size() == length;
    if (validated_) {
      const size_t valid = ValidBytes(text_, whole && fin);
      if (valid < before) return Fail(Violation::kInvalidUtf8, begin);
      if (valid < text_.size()) return Fail(Violation::kInvalidUtf8, payload_begin + (valid - before));
    }
    report_.end = payload_begin + payload.size();
    if (!whole) return false;
    report_.boundaries.insert(report_.end);
    report_.data_ends.insert(report_.end);
    open_ = !fin;
    report_.messages += fin ? 1 : 0;
    return true;
  }

  const ScanRules& rules_;
  std::vector<uint8_t> in_;
  Report report_;
  bool open_ = false;
  bool closed_ = false;
  bool validated_ = false;
  uint64_t message_bytes_ = 0;
  std::vector<uint8_t> text_;  // the current message
};

// Whether a scanner that found what `truth` says may stop at `end`: text that is wrong within the bytes in
// which its frame began is not forwarded at all.
inline bool StopsRightly(size_t end, const Report& truth) {
  return end == truth.end || (truth.violation == Violation::kInvalidUtf8 && end == truth.frame);
}

inline Report Parse(std::span<const std::byte> in, const ScanRules& rules) {
  return Parser(in, rules).report();
}

struct Run {
  Report report;
  bool boundaries_agree = true;  // AtBoundary said at every stop what Parse says
  size_t longest_rest = 0;
};

// Offers `in` to a scanner in pieces of next_piece() bytes, what was left of the last one in front of each.
inline Run ScanInPieces(std::span<const std::byte> in, const ScanRules& rules, bool stop_at_boundary,
                        const std::function<size_t()>& next_piece) {
  const Report truth = Parse(in, rules);
  FrameScanner scanner;
  Run run;
  Report& report = run.report;
  size_t offered = 0;
  while (offered < in.size()) {
    offered += std::clamp<size_t>(next_piece(), 1, in.size() - offered);
    while (true) {
      // A copy of just these bytes, so that reading behind them shows under ASan.
      const Bytes piece(in.begin() + static_cast<ptrdiff_t>(report.end),
                        in.begin() + static_cast<ptrdiff_t>(offered));
      const Scan scan = scanner.Advance(piece, rules, stop_at_boundary);
      report.end += scan.bytes;
      report.messages = scanner.messages();
      run.boundaries_agree &= scanner.AtBoundary() == truth.boundaries.contains(report.end);
      if (scan.stop == Stop::kInput) {
        run.longest_rest = std::max(run.longest_rest, piece.size() - scan.bytes);
        break;
      }
      if (scan.stop == Stop::kViolation) {
        report.violation = scan.violation;
        return run;
      }
      if (scan.stop == Stop::kBoundary) report.data_ends.insert(report.end);
      if (scan.stop == Stop::kControl) {
        report.controls.push_back({scan.control.opcode, report.end, report.end + scan.control_bytes});
        report.end += scan.control_bytes;
      }
    }
  }
  return run;
}

}  // namespace hawser::ws::naive
