// The WebSocket frame of RFC 6455 §5.2: its header, masking, close payloads, and the small frames that hawser
// makes itself. Pure functions over bytes; the rules that need the frames before this one are FrameScanner's.
//
//    0 1 2 3 4 5 6 7   0 1 2 3 4 5 6 7
//   |F|R R R|opcode | |M| payload len | [length: 2 or 8 bytes] [mask: 4 bytes] payload ...
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "proxy/ws/violation.h"

namespace hawser::ws {

enum class Opcode : uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

constexpr bool IsControl(Opcode opcode) {
  return (static_cast<uint8_t>(opcode) & 8) != 0;
}

using Mask = std::array<uint8_t, 4>;

constexpr size_t kMaxHeaderBytes = 14;
constexpr size_t kMaxControlPayload = 125;
constexpr uint8_t kRsv1 = 4;  // of FrameHeader::rsv; permessage-deflate gives it a meaning (RFC 7692 §6)

struct FrameHeader {
  bool fin = false;
  uint8_t rsv = 0;  // RSV1 is 4, RSV2 is 2, RSV3 is 1
  Opcode opcode = Opcode::kContinuation;
  bool masked = false;
  uint64_t payload_bytes = 0;
  Mask mask{};
  uint8_t header_bytes = 0;
};

struct ParsedHeader {
  enum class State : uint8_t { kComplete, kIncomplete, kViolation };
  State state = State::kIncomplete;
  Violation violation = Violation::kNone;
  FrameHeader header;  // meaningful when complete
};

// Which rules for a single header are enforced.
enum class Strictness : uint8_t {
  kStrict,   // opcode, length, and the form of control frames
  kLenient,  // accepts unknown opcodes and lengths that are not in shortest form
};

// Reads the header at the start of `in`. A violation shows as soon as its byte is there.
ParsedHeader ParseHeader(std::span<const std::byte> in, Strictness strictness = Strictness::kStrict);

// Masks or unmasks `payload` in place; its first byte is byte `offset` of the frame's payload.
void Unmask(std::span<std::byte> payload, const Mask& mask, uint64_t offset);

// What ParseClose reports for an empty payload; never on the wire.
constexpr uint16_t kNoCloseCode = 1005;

// Whether an endpoint may send `code`: 1000 to 1003, 1007 to 1014, 3000 to 4999.
constexpr bool MayBeSent(uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

struct ClosePayload {
  uint16_t code = kNoCloseCode;
  std::string_view reason;  // lies in the payload that was parsed
  Violation violation = Violation::kNone;
};

// `payload` is unmasked.
ClosePayload ParseClose(std::span<const std::byte> payload);

// A frame of hawser's own, whole, in place.
class SmallFrame {
 public:
  // FIN is set. `payload` of more than 125 bytes is cut. With a mask where the frame goes to a backend.
  static SmallFrame Make(Opcode opcode, std::span<const std::byte> payload, std::optional<Mask> mask);

  // A close frame; kNoCloseCode makes it empty. `reason` is UTF-8, cut to the 123 bytes that fit, between
  // characters.
  static SmallFrame MakeClose(uint16_t code, std::string_view reason, std::optional<Mask> mask);

  std::span<const std::byte> bytes() const { return {bytes_.data(), size_}; }

 private:
  std::array<std::byte, 2 + 4 + kMaxControlPayload> bytes_;
  uint8_t size_ = 0;
};

}  // namespace hawser::ws
