// Compresses the messages of a backend: takes plain unmasked frames and makes the frames of RFC 7692 §6.1. A
// message leaves in fragments as its compressed bytes come; one that is at hand as a whole leaves as one
// frame. Unchanged are control frames, short messages, messages that would not become smaller, and all
// messages while the pool has no context. Holds at most four bytes of payload, and a context only while a
// message is under way. Pure but for the pool.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "proxy/ws/deflate_pool.h"
#include "proxy/ws/header_carry.h"
#include "proxy/ws/spans.h"

namespace hawser::ws {

class FrameDeflater {
 public:
  static constexpr size_t kLeastRoom = 64;
  // A message in one frame of fewer bytes is not worth the work: compression would save about the size of its
  // header.
  static constexpr uint64_t kWorthwhile = 128;

  enum class State : uint8_t {
    kInput,  // all of the input was taken
    kRoom,   // the room is used up: there is more to come, of what was taken or of what was not
  };
  struct Step {
    size_t taken = 0;
    size_t made = 0;
    State state = State::kInput;
  };

  // The pool outlives this.
  FrameDeflater(DeflatePool& pool, int window_bits) : pool_(pool), window_bits_(window_bits) {}

  // out.size() >= kLeastRoom. The output ends between two frames, unless `in` ends inside a frame that is
  // passed on unchanged.
  Step Advance(std::span<const std::byte> in, std::span<std::byte> out);

  // Gives the context back, if there is one. Call Advance no more.
  void Release() { context_.reset(); }

 private:
  enum class Phase : uint8_t { kHeader, kVerbatim, kMessage };
  enum class Message : uint8_t { kNone, kPlain, kCompressed };

  std::optional<State> TakeHeader(Spans& left);
  void Begin(const ParsedHeader& parsed, Spans& left);
  Message StartMessage(const FrameHeader& header);
  void PassOn(Spans& left, uint64_t bytes);
  std::optional<State> CopyVerbatim(Spans& left);
  std::optional<State> DeflateFragment(Spans& left);
  void EmitPart(Spans& left, std::span<std::byte> payload, size_t made);
  void EmitLast(Spans& left, std::span<std::byte> payload, size_t made, std::span<const std::byte> whole);
  void Emit(Spans& left, size_t payload_bytes, bool fin, bool compressed);

  DeflatePool& pool_;
  DeflatePool::DeflaterLease context_;
  // Payload of the current frame that has not come; kForEver: pass on all that comes.
  uint64_t remaining_ = 0;
  HeaderCarry header_;
  std::array<std::byte, kFlushTail.size()> held_{};  // the last output bytes, which may be the flush tail
  uint8_t held_bytes_ = 0;
  const int window_bits_;
  Opcode opcode_ = Opcode::kText;  // of the next fragment
  Phase phase_ = Phase::kHeader;
  Message message_ = Message::kNone;  // that has begun and not ended
  bool fin_ = false;                  // the current frame ends its message
  bool untouched_ = false;            // nothing of the current message's payload has been taken
};

}  // namespace hawser::ws
