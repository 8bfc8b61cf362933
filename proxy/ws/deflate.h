// DEFLATE (RFC 1951) as permessage-deflate uses it (RFC 7692 §7.2), over zlib: raw streams of one message
// each, pushed through in pieces of any size. Both classes are costly to make (45 and 150 KiB) and cheap to
// use again: DeflatePool keeps them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <zlib.h>

namespace hawser::ws {

// The last bytes of a DEFLATE flush: removed from the end of a compressed message, and added again before it
// is inflated (RFC 7692 §7.2.1, §7.2.2).
inline constexpr std::array<std::byte, 4> kFlushTail = {std::byte{0}, std::byte{0}, std::byte{0xff},
                                                        std::byte{0xff}};

class Inflater {
 public:
  enum class State : uint8_t { kOk, kMalformed, kNoMemory };
  struct Step {
    size_t taken = 0;
    size_t made = 0;
    State state = State::kOk;
  };

  // Null if memory ran out. Takes every window that a peer may have used: 32 KiB.
  static std::unique_ptr<Inflater> Create();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // Continues until `in` is taken or `out` is full. If `out` is full, there may be more output for the same
  // input.
  Step Advance(std::span<const std::byte> in, std::span<std::byte> out);

  // The input so far ends with a block that is marked as the last one. Another block may follow (RFC 7692
  // §7.2.3.5).
  bool ended() const { return ended_; }
  // The input so far ends between two blocks, at a byte boundary, as it must after kFlushTail. Do not call it
  // after an Advance that took nothing and made nothing.
  bool between_blocks() const;

  // For another message.
  void Reset();

 private:
  Inflater() = default;

  z_stream stream_{};
  bool ended_ = false;
};

class Deflater {
 public:
  // zlib cannot keep raw streams within the 256 bytes of 8 bits.
  static constexpr int kMinWindowBits = 9;
  static constexpr int kMaxWindowBits = 15;

  struct Step {
    size_t taken = 0;
    size_t made = 0;
  };

  // Null if memory ran out. Looks back 2^window_bits bytes at the most.
  static std::unique_ptr<Deflater> Create(int window_bits);
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // Continues until `in` is taken or `out` is full. With `flush`, all input comes out, with kFlushTail behind
  // it; this is complete when a call does not fill `out`.
  Step Advance(std::span<const std::byte> in, std::span<std::byte> out, bool flush);

  int window_bits() const { return window_bits_; }

  // For another message.
  void Reset();

 private:
  explicit Deflater(int window_bits) : window_bits_(window_bits) {}

  z_stream stream_{};
  const int window_bits_;
};

}  // namespace hawser::ws
