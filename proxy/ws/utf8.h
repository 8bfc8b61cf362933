// UTF-8 (RFC 3629), validated as it streams past: any cut between calls is fine, and masked payload is read
// without being changed. Whole blocks of 32 bytes are validated at once (utf8_blocks.h); what is left, and
// the exact place of an error, goes through a table-driven automaton whose state is one byte: the transitions
// of all states are packed into one word per input byte, so that a step is a load and a shift.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace hawser::ws {

class Utf8Validator {
 public:
  // Takes the next bytes of the text and returns how many of them fit. Fewer than all: the byte behind them
  // can stand in no valid text, and the validator still waits in front of it.
  size_t Feed(std::span<const std::byte> text) { return FeedMasked(text, {}); }

  // The same for text that lies masked; mask[0] belongs to its first byte.
  size_t FeedMasked(std::span<const std::byte> masked, const std::array<uint8_t, 4>& mask);

  // No character is unfinished: the text may end here.
  bool complete() const { return state_ == 0; }

 private:
  size_t Step(const void* plain, size_t count);

  uint8_t state_ = 0;
};

// Whether `text` is valid and whole.
bool IsUtf8(std::span<const std::byte> text);

}  // namespace hawser::ws
