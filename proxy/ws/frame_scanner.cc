#include "proxy/ws/frame_scanner.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>

#include "proxy/base/check.h"

namespace hawser::ws {
namespace {

constexpr uint8_t kWholeText = 0x81;  // the first bytes of messages of one frame
constexpr uint8_t kWholeBinary = 0x82;
constexpr size_t kLongestShortHeader = 8;  // of a frame of less than 64 KiB

uint64_t LimitOf(uint64_t configured) {
  return configured == 0 ? std::numeric_limits<uint64_t>::max() : configured;
}

}  // namespace

Scan FrameScanner::Advance(std::span<const std::byte> in, const ScanRules& rules, bool stop_at_boundary,
                           uint64_t& frames_left) {
  size_t at = 0;
  const auto violated = [&](Violation violation) {
    return Scan{.bytes = at, .stop = Stop::kViolation, .violation = violation, .control = {}};
  };
  const uint64_t begun_before = messages_begun();
  const auto may_begin = [&] { return rules.max_messages - (messages_begun() - begun_before); };
  std::optional<FrameScanner> before_frame;  // where the frame begins in `in`, at `frame_at`
  size_t frame_at = 0;
  for (bool in_frame = remaining_ > 0;; in_frame = true) {
    if (in_frame) {
      const size_t here = std::min<uint64_t>(remaining_, in.size() - at);
      const size_t passed = PassPayload(in.subspan(at, here));
      at += passed;
      if (passed < here) {
        if (before_frame) {  // none of the frame has been forwarded, so it need not be
          *this = *before_frame;
          at = frame_at;
        }
        return violated(Violation::kInvalidUtf8);
      }
      if (remaining_ > 0) return {.bytes = at, .control = {}};
      if (final_) ++messages_;
      if (stop_at_boundary) return {.bytes = at, .stop = Stop::kBoundary, .control = {}};
    }
    if (!stop_at_boundary) {
      const uint64_t before = messages_;
      at += PassWholeMessages(in.subspan(at), rules, std::min(may_begin(), frames_left));
      frames_left -= messages_ - before;
    }
    const auto rest = in.subspan(at);
    if (rest.size() < 2) return {.bytes = at, .control = {}};
    if (const Violation wrong = JudgeStart(rest, rules); wrong != Violation::kNone) return violated(wrong);
    const ParsedHeader parsed = ParseHeader(rest, rules.strictness);
    if (parsed.state == ParsedHeader::State::kViolation) return violated(parsed.violation);
    if (parsed.state == ParsedHeader::State::kIncomplete) return {.bytes = at, .control = {}};
    if (frames_left == 0) return {.bytes = at, .stop = Stop::kFrames, .control = {}};
    if (IsControl(parsed.header.opcode)) {
      const Scan control = TakeControl(rest, parsed.header, rules, at);
      frames_left -= control.stop == Stop::kControl ? 1 : 0;
      return control;
    }
    if (expect_ != Expect::kContinuation && may_begin() == 0)
      return {.bytes = at, .stop = Stop::kMessage, .control = {}};
    if (rules.validate_utf8) before_frame = *this;
    frame_at = at;
    if (const Violation wrong = BeginFrame(parsed.header, rules); wrong != Violation::kNone)
      return violated(wrong);
    at += parsed.header.header_bytes;
    --frames_left;
  }
}

// The hot path: whole messages of one frame and less than 64 KiB, one behind the other. Stops in front of
// anything else, errors included.
size_t FrameScanner::PassWholeMessages(std::span<const std::byte> in, const ScanRules& rules, uint64_t most) {
  if (expect_ != Expect::kMessage) return 0;
  const uint64_t limit = std::min(LimitOf(rules.max_frame_bytes), LimitOf(rules.max_message_bytes));
  const uint8_t mask_bit = rules.expect_masked ? 0x80 : 0;
  const size_t mask_bytes = rules.expect_masked ? sizeof(Mask) : 0;
  size_t at = 0;
  uint64_t passed = 0;
  uint64_t last = 0;
  while (in.size() - at >= kLongestShortHeader && passed < most) {
    const std::byte* start = in.data() + at;
    const auto first = std::to_integer<uint8_t>(start[0]);
    uint64_t length = std::to_integer<uint8_t>(start[1]) ^ mask_bit;  // above 127 if the mask bit is wrong
    size_t header_bytes = 2 + mask_bytes;
    if (first != kWholeText && first != kWholeBinary) break;
    if (length > 125) {
      if (length != 126) break;
      length = std::to_integer<uint64_t>(start[2]) << 8 | std::to_integer<uint64_t>(start[3]);
      header_bytes += 2;
      if (length < 126) break;
    }
    if (length > limit || length > in.size() - at - header_bytes) break;
    if (first == kWholeText && rules.validate_utf8) {
      Mask mask{};
      std::memcpy(mask.data(), start + header_bytes - mask_bytes, mask_bytes);
      Utf8Validator text;
      if (text.FeedMasked({start + header_bytes, length}, mask) != length || !text.complete()) break;
    }
    at += header_bytes + length;
    last = length;
    ++passed;
  }
  messages_ += passed;
  if (passed > 0) large_ = last >= kLargeFrame;
  return at;
}

// `in` lies within the current frame's payload. Returns how much of it may be forwarded.
size_t FrameScanner::PassPayload(std::span<const std::byte> in) {
  HAWSER_DCHECK(in.size() <= remaining_);
  size_t passed = in.size();
  if (validating_ && !in.empty()) {
    const Utf8Validator before = text_;
    passed = text_.FeedMasked(in, mask_);
    if (passed == remaining_ && final_ && !text_.complete()) {  // the text ends inside a character
      --passed;
      text_ = before;
      text_.FeedMasked(in.first(passed), mask_);
    }
    std::rotate(mask_.begin(), mask_.begin() + passed % 4, mask_.end());
  }
  remaining_ -= passed;
  return passed;
}

void FrameScanner::Pass(uint64_t bytes) {
  HAWSER_DCHECK(blind() && bytes <= remaining_);
  remaining_ -= bytes;
  if (bytes > 0 && remaining_ == 0 && final_) ++messages_;
}

// Checks the first two bytes of a header against the frames before it and the rules of this direction.
Violation FrameScanner::JudgeStart(std::span<const std::byte> in, const ScanRules& rules) const {
  HAWSER_DCHECK(in.size() >= 2 && AtBoundary());
  const auto first = std::to_integer<uint8_t>(in[0]);
  const auto rsv = static_cast<uint8_t>((first >> 4) & 7);
  const auto opcode = static_cast<Opcode>(first & 15);
  const bool lenient = rules.strictness == Strictness::kLenient;
  const bool known = opcode == Opcode::kText || opcode == Opcode::kBinary;
  const bool starts_message = known || (lenient && !IsControl(opcode) && opcode != Opcode::kContinuation);
  const uint8_t rsv_allowed = rules.rsv1_allowed && starts_message ? kRsv1 : 0;
  if (!lenient && (rsv & ~rsv_allowed) != 0) return Violation::kReservedBits;
  if (starts_message || opcode == Opcode::kContinuation) {
    if (expect_ == Expect::kNoData) return Violation::kAfterClose;
    if (starts_message != (expect_ == Expect::kMessage)) return Violation::kContinuation;
  }
  const bool masked = (std::to_integer<uint8_t>(in[1]) & 0x80) != 0;
  return lenient || masked == rules.expect_masked ? Violation::kNone : Violation::kMask;
}

Scan FrameScanner::TakeControl(std::span<const std::byte> in, const FrameHeader& header,
                               const ScanRules& rules, size_t at) {
  HAWSER_DCHECK(AtBoundary() && header.payload_bytes <= kMaxControlPayload);
  const size_t size = header.header_bytes + header.payload_bytes;
  if (in.size() < size) return {.bytes = at, .control = {}};
  if (header.opcode == Opcode::kClose) {
    std::array<std::byte, kMaxControlPayload> plain;
    const auto masked = in.subspan(header.header_bytes, header.payload_bytes);
    std::copy(masked.begin(), masked.end(), plain.begin());
    const std::span<std::byte> payload(plain.data(), masked.size());
    if (header.masked) Unmask(payload, header.mask, 0);
    const Violation wrong = ParseClose(payload).violation;
    if (rules.strictness == Strictness::kStrict && wrong != Violation::kNone) {
      return {.bytes = at, .stop = Stop::kViolation, .violation = wrong, .control = {}};
    }
    expect_ = Expect::kNoData;
  }
  return {.bytes = at, .stop = Stop::kControl, .control_bytes = size, .control = header};
}

Violation FrameScanner::BeginFrame(const FrameHeader& header, const ScanRules& rules) {
  HAWSER_DCHECK(AtBoundary());
  const bool starts_message = header.opcode != Opcode::kContinuation;
  const uint64_t message_bytes = header.payload_bytes + (starts_message ? 0 : message_bytes_);
  if (header.payload_bytes > LimitOf(rules.max_frame_bytes)) return Violation::kFrameTooLarge;
  if (message_bytes > LimitOf(rules.max_message_bytes)) return Violation::kMessageTooLarge;
  const bool cut_short = !starts_message && validating_ && !text_.complete();
  if (cut_short && header.fin && header.payload_bytes == 0) return Violation::kInvalidUtf8;
  if (starts_message) validating_ = rules.validate_utf8 && header.opcode == Opcode::kText && header.rsv == 0;
  message_bytes_ = message_bytes;
  remaining_ = header.payload_bytes;
  mask_ = header.mask;
  final_ = header.fin;
  large_ = header.payload_bytes >= kLargeFrame;
  expect_ = header.fin ? Expect::kMessage : Expect::kContinuation;
  return Violation::kNone;
}

}  // namespace hawser::ws
