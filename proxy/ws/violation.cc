#include "proxy/ws/violation.h"

#include <array>
#include <cstddef>

namespace hawser::ws {
namespace {

constexpr auto kTable = [] {
  using enum Violation;
  return std::to_array<ViolationSpec>({
      {kNone, "", ""},
      {kMask, "mask", "Frames of a client are masked, those of a server are not."},
      {kReservedBits, "reserved_bits", "A reserved bit is set that no extension gave a meaning."},
      {kOpcode, "opcode", "The opcode is not known."},
      {kControlTooLong, "control_too_long", "A control frame has more than 125 bytes."},
      {kControlFragmented, "control_fragmented", "A control frame is fragmented."},
      {kContinuation, "continuation", "Fragments are out of order."},
      {kLength, "length", "A length is not the shortest form, or too large."},
      {kAfterClose, "after_close", "A data frame follows a close frame."},
      {kCloseLength, "close_length", "A close frame has a payload of one byte."},
      {kCloseCode, "close_code", "The close code may not be sent."},
      {kInvalidUtf8, "utf8", "Text is not valid UTF-8."},
      {kFrameTooLarge, "frame_size", "A frame is too large."},
      {kMessageTooLarge, "message_size", "A message is too large."},
      {kMessageRate, "message_rate", "Messages come too fast."},
      {kByteRate, "byte_rate", "Bytes come too fast."},
  });
}();

constexpr bool InOrder() {
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<size_t>(kTable[i].violation) != i || kTable[i].text.size() > 123) return false;
  }
  return true;
}

static_assert(kTable.size() == static_cast<size_t>(Violation::kCount), "a violation has no row");
static_assert(InOrder(), "rows stand in the order of the enumerators, and their texts fit a close frame");

}  // namespace

const ViolationSpec& SpecOf(Violation violation) {
  return kTable[static_cast<size_t>(violation)];
}

}  // namespace hawser::ws
