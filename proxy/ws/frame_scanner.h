// Finds the frames of one direction of a tunnel (RFC 6455 §5) in the bytes as they were read, and checks
// every MUST of §5 before a byte that breaks it is forwarded. Holds no payload. One per direction, owned by
// the tunnel; pure.
//
//   for (size_t at = 0;;) {
//     const Scan scan = scanner.Advance(in.subspan(at), rules, ping_waits);
//     Forward(in.subspan(at, scan.bytes));
//     at += scan.bytes;
//     if (scan.stop == Stop::kInput) break;  // keep in[at..], offer it again with more behind it
//     if (scan.stop == Stop::kBoundary) SendPing();
//     if (scan.stop == Stop::kControl) at += scan.control_bytes;  // after having forwarded or swallowed it
//     if (scan.stop == Stop::kMessage) break;  // keep in[at..] until another message may begin
//     if (scan.stop == Stop::kFrames) break;   // keep in[at..] until there is time for it
//     if (scan.stop == Stop::kViolation) return Close(scan.violation);
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "proxy/ws/frame.h"
#include "proxy/ws/utf8.h"

namespace hawser::ws {

enum class Stop : uint8_t {
  // All that can be judged was; in[bytes..], at most 130 bytes, is an unfinished header or control frame.
  kInput,
  kBoundary,  // a data frame ended at in[bytes]; there may be more behind it
  // A whole valid control frame lies at in[bytes, bytes + control_bytes); the scanner has passed it.
  kControl,
  kMessage,  // a message begins at in[bytes] and may not yet (max_messages); the scanner stays in front of it
  kFrames,   // likewise a frame (frames_left)
  // in[bytes] starts the frame that breaks a rule; or, in text whose frame began before `in`, it is the byte
  // that does. The scanner stays in front of it.
  kViolation,
};

struct Scan {
  size_t bytes = 0;  // this prefix of the input may be forwarded as it came
  Stop stop = Stop::kInput;
  Violation violation = Violation::kNone;
  size_t control_bytes = 0;
  FrameHeader control;
};

// Lenient accepts violations that leave frame boundaries clear: missing or superfluous masks, reserved bits,
// unknown opcodes, lengths that are not in shortest form, any close payload. It still enforces the 2^63 bit,
// the form of control frames, the order of fragments, and the limits.
struct ScanRules {
  bool expect_masked = false;  // true over what a client sends
  bool rsv1_allowed = false;   // permessage-deflate was agreed on (RFC 7692 §6): on a message's first frame
  uint64_t max_frame_bytes = 0;    // of payload, as it lies on the wire; 0: no limit
  uint64_t max_message_bytes = 0;  // likewise
  bool validate_utf8 = false;      // of text messages that are not compressed
  Strictness strictness = Strictness::kStrict;
  uint64_t max_messages = std::numeric_limits<uint64_t>::max();  // that may begin in this call
};

class FrameScanner {
 public:
  // Scans all data frames in `in`, and the part of the last one that `in` holds. With `stop_at_boundary` it
  // stops behind the first data frame that ends in `in`.
  Scan Advance(std::span<const std::byte> in, const ScanRules& rules, bool stop_at_boundary) {
    uint64_t any = std::numeric_limits<uint64_t>::max();
    return Advance(in, rules, stop_at_boundary, any);
  }
  // Likewise for at most `frames_left` frames; the number of those that have begun is taken from it.
  Scan Advance(std::span<const std::byte> in, const ScanRules& rules, bool stop_at_boundary,
               uint64_t& frames_left);

  // The forwarded bytes end between two frames (also between fragments of a message): a frame may be
  // inserted.
  bool AtBoundary() const { return remaining_ == 0; }

  // Payload bytes of the current data frame that have not come.
  uint64_t remaining() const { return remaining_; }

  // The scanner need not see those bytes: they may be spliced and reported by Pass.
  bool blind() const { return !validating_; }

  // `bytes` of the current frame's payload, at most remaining(), were spliced without being read; only while
  // blind().
  void Pass(uint64_t bytes);

  // The last data frame whose header came was at least this long.
  static constexpr uint64_t kLargeFrame = 32 * 1024;
  bool large() const { return large_; }

  // A data message has begun and not ended; a close frame may have cut it off.
  bool InMessage() const { return remaining_ > 0 || !final_; }

  // Data messages that have begun.
  uint64_t messages_begun() const { return messages_ + (InMessage() ? 1 : 0); }

  // Data messages that have ended.
  uint64_t messages() const { return messages_; }

 private:
  enum class Expect : uint8_t { kMessage, kContinuation, kNoData };

  size_t PassWholeMessages(std::span<const std::byte> in, const ScanRules& rules, uint64_t most);
  size_t PassPayload(std::span<const std::byte> in);
  Violation JudgeStart(std::span<const std::byte> in, const ScanRules& rules) const;
  Scan TakeControl(std::span<const std::byte> in, const FrameHeader& header, const ScanRules& rules,
                   size_t at);
  Violation BeginFrame(const FrameHeader& header, const ScanRules& rules);

  uint64_t remaining_ = 0;      // payload bytes of the current data frame that have not come
  uint64_t message_bytes_ = 0;  // payload of the current message's frames whose headers have come
  uint64_t messages_ = 0;
  Mask mask_{};         // turned so that mask_[0] belongs to the next payload byte; kept while validating
  Utf8Validator text_;  // complete between messages
  Expect expect_ = Expect::kMessage;  // of the data frame behind the current one
  bool final_ : 1 = true;             // the last data frame whose header came ends its message
  bool validating_ : 1 = false;       // the current message is text to be validated
  bool large_ : 1 = false;
};

}  // namespace hawser::ws
