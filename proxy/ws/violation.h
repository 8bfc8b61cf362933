// What a peer of a WebSocket may do wrong, and the one table that names each rule for the log and for whoever
// broke it.
#pragma once

#include <cstdint>
#include <string_view>

namespace hawser::ws {

enum class Violation : uint8_t {
  kNone,
  kMask,               // a client's frame without a mask, a backend's with one (RFC 6455 §5.1)
  kReservedBits,       // an RSV bit that no extension gave a meaning (§5.2)
  kOpcode,             // 3 to 7 or 11 to 15 (§5.2)
  kControlTooLong,     // a control frame of more than 125 bytes (§5.5)
  kControlFragmented,  // a control frame without FIN (§5.5)
  kContinuation,       // a continuation of nothing, or a new message inside another (§5.4)
  kLength,             // not the shortest encoding, or 2^63 and more (§5.2)
  kAfterClose,         // a data frame behind a close frame (§5.5.1)
  kCloseLength,        // a close payload of one byte (§5.5.1)
  kCloseCode,          // a code that may not stand on the wire (§7.4)
  kInvalidUtf8,        // in a text message or a close reason (§8.1)
  kFrameTooLarge,      // these four by configuration
  kMessageTooLarge,
  kMessageRate,
  kByteRate,
  kCount,
};

struct ViolationSpec {
  Violation violation;
  std::string_view label;  // in the log: snake_case
  std::string_view text;   // one sentence for the close frame's reason, at most 123 bytes
};

// Total: every enumerator but kCount has its row.
const ViolationSpec& SpecOf(Violation violation);

}  // namespace hawser::ws
