// RFC 6455 §5.2 framing, as little of it as a load generator and an echo backend need: headers written, and
// frames read piece by piece as bytes come, unmasked in place, never assembled. Only errors that would lose
// the frame boundaries are checked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace hawser::bench {

enum class Opcode : uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

using Mask = std::array<std::byte, 4>;

// Appends a frame's header; `mask` null leaves the frame unmasked.
void AppendHeader(std::vector<std::byte>& out, Opcode opcode, bool fin, uint64_t length, const Mask* mask);

// Applies `mask` to payload that starts `offset` bytes into its frame. Applying it twice undoes it.
void ApplyMask(std::span<std::byte> payload, const Mask& mask, uint64_t offset);

class FrameReader {
 public:
  struct Piece {
    Opcode opcode;
    bool fin;
    bool masked;
    bool first;                    // the frame's header ended in this piece
    bool last;                     // the frame's payload ends with this piece
    uint64_t length;               // of the whole frame's payload
    uint64_t offset;               // of this piece in it
    std::span<std::byte> payload;  // unmasked; lies in the bytes that were given
  };

  // Takes the next piece off the front of `bytes`; false when they are used up (a header's beginning is
  // remembered).
  bool Next(std::span<std::byte>& bytes, Piece& piece);
  void Reset() { *this = FrameReader(); }

 private:
  bool ReadHeader(std::span<std::byte>& bytes);
  size_t HeaderBytes() const;

  std::array<std::byte, 14> header_;
  uint8_t have_ = 0;  // bytes of header_ seen
  bool in_payload_ = false;
  Mask mask_;
  uint64_t length_ = 0;
  uint64_t offset_ = 0;
};

}  // namespace hawser::bench
