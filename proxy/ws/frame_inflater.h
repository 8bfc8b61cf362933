// Inflates the messages of a client: takes the frames of RFC 7692 and makes masked frames without RSV1. A
// compressed message comes out in fragments, each made of the bytes at hand and no larger than the caller's
// room, so that the caller can stop a message that is too long at any time. A message that is at hand as a
// whole comes out as one frame. Unchanged are control frames, uncompressed messages, and frames that break a
// rule, which the scanner behind finds. Holds no payload, and a context only while a compressed message is
// under way. Pure but for the pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "proxy/ws/deflate_pool.h"
#include "proxy/ws/header_carry.h"
#include "proxy/ws/spans.h"

namespace hawser::ws {

class FrameInflater {
 public:
  static constexpr size_t kLeastRoom = 64;

  enum class State : uint8_t {
    kInput,      // all of the input was taken
    kRoom,       // the room is used up: there is more to come, of what was taken or of what was not
    kMalformed,  // a message is not DEFLATE. The output before it is valid; do not call Advance again
    kNoContext,  // the pool gives none. Likewise
  };
  struct Step {
    size_t taken = 0;
    size_t made = 0;
    State state = State::kInput;
  };

  // Fragments carry at most `max_fragment` bytes, 1 or more; the pool outlives this.
  FrameInflater(DeflatePool& pool, size_t max_fragment);

  // out.size() >= kLeastRoom.
  Step Advance(std::span<const std::byte> in, std::span<std::byte> out);

  // Gives the context back, if there is one. Call Advance no more.
  void Release() { context_.reset(); }

 private:
  enum class Phase : uint8_t { kHeader, kVerbatim, kMessage };
  enum class Message : uint8_t { kNone, kPlain, kCompressed };
  enum class Stop : uint8_t { kInput, kRoom, kFrameEnd, kMessageEnd, kMalformed, kNoMemory };

  std::optional<State> TakeHeader(Spans& left);
  void Begin(const ParsedHeader& parsed, Spans& left);
  bool Misplaced(const FrameHeader& header) const;
  void PassOn(Spans& left, uint64_t bytes);
  std::optional<State> CopyVerbatim(Spans& left);
  std::optional<State> InflateFragment(Spans& left);
  Stop Fill(Spans& left, std::span<std::byte> payload, size_t& made);
  bool Complete() const;
  Inflater::Step FeedPayload(Spans& left, std::span<std::byte> out);
  void Emit(Spans& left, size_t payload_bytes, bool fin);
  std::optional<State> Fail(State state);

  DeflatePool& pool_;
  DeflatePool::InflaterLease context_;
  const size_t max_fragment_;
  // Payload of the current frame that has not come; kForEver: pass on all that comes.
  uint64_t remaining_ = 0;
  HeaderCarry header_;
  Mask mask_{};  // of the current compressed frame; turned so that mask_[0] belongs to its next byte
  Opcode opcode_ = Opcode::kText;  // of the next fragment
  Phase phase_ = Phase::kHeader;
  Message message_ = Message::kNone;  // that has begun and not ended
  uint8_t tail_taken_ = 0;            // bytes of kFlushTail that the context has had
  bool fin_ = false;                  // the current compressed frame ends its message
  bool fed_ = false;                  // the current compressed message has had payload
};

}  // namespace hawser::ws
