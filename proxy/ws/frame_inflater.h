// Turns the frames of a client that compresses (RFC 7692), as they come, into plain masked frames without RSV1. A compressed message comes out as fragments, each made of what lay at hand and no larger than the room
// that it is given, so that whoever counts its bytes can stop it at any time; one that is at hand as a whole comes out
// as one frame. All else passes as it came: control frames, messages that are not compressed, and whatever breaks a
// rule, for the scanner behind to find. Holds no payload, and a context only while a compressed message is under way.
// Pure but for the pool.
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
    kMalformed,  // a message is not DEFLATE. What was made before it counts; call no more
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
