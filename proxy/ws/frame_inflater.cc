#include "proxy/ws/frame_inflater.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "proxy/base/check.h"

namespace hawser::ws {
namespace {

constexpr size_t kMaskedHeader = 8;  // of a fragment: 16 bits of length and a mask
constexpr size_t kPiece = 4096;      // of masked payload, unmasked on the stack

}  // namespace

FrameInflater::FrameInflater(DeflatePool& pool, size_t max_fragment)
    : pool_(pool), max_fragment_(std::clamp<size_t>(max_fragment, 1, 65535)) {}

FrameInflater::Step FrameInflater::Advance(std::span<const std::byte> in, std::span<std::byte> out) {
  HAWSER_DCHECK(out.size() >= kLeastRoom);
  Spans left{in, out};
  std::optional<State> state;
  while (!state) {
    switch (phase_) {
      case Phase::kHeader: state = TakeHeader(left); break;
      case Phase::kVerbatim: state = CopyVerbatim(left); break;
      case Phase::kMessage: state = InflateFragment(left); break;
    }
  }
  return {.taken = in.size() - left.in.size(), .made = out.size() - left.out.size(), .state = *state};
}

std::optional<FrameInflater::State> FrameInflater::TakeHeader(Spans& left) {
  if (left.out.size() < kMaskedHeader + kMaxHeaderBytes) return State::kRoom;
  const ParsedHeader parsed = header_.Take(left.in);
  if (parsed.state == ParsedHeader::State::kIncomplete) return State::kInput;
  Begin(parsed, left);
  return std::nullopt;
}

void FrameInflater::Begin(const ParsedHeader& parsed, Spans& left) {
  const FrameHeader& header = parsed.header;
  if (parsed.state == ParsedHeader::State::kViolation || Misplaced(header)) {
    // The scanner behind must know that a message is under way.
    if (message_ == Message::kCompressed && opcode_ != Opcode::kContinuation) Emit(left, 0, false);
    return PassOn(left, kForEver);
  }
  if (IsControl(header.opcode)) {
    return PassOn(left, header.opcode == Opcode::kClose ? kForEver : header.payload_bytes);
  }
  if (header.opcode != Opcode::kContinuation) {
    message_ = header.rsv == kRsv1 ? Message::kCompressed : Message::kPlain;
    opcode_ = header.opcode;
    fed_ = false;
  }
  if (message_ == Message::kPlain) {
    if (header.fin) message_ = Message::kNone;
    return PassOn(left, header.payload_bytes);
  }
  remaining_ = header.payload_bytes;
  mask_ = header.mask;
  fin_ = header.fin;
  phase_ = Phase::kMessage;
}

// Whether a data frame with a valid header cannot belong to a compressed message.
bool FrameInflater::Misplaced(const FrameHeader& header) const {
  if (IsControl(header.opcode)) return false;
  const bool starts = header.opcode != Opcode::kContinuation;
  const bool allowed = starts ? header.rsv == 0 || header.rsv == kRsv1 : header.rsv == 0;
  const bool compressed = starts ? header.rsv == kRsv1 : message_ == Message::kCompressed;
  return !allowed || starts != (message_ == Message::kNone) || (compressed && !header.masked);
}

// The header that was just taken, and `bytes` behind it.
void FrameInflater::PassOn(Spans& left, uint64_t bytes) {
  left.Put(header_.bytes());
  remaining_ = bytes;
  phase_ = Phase::kVerbatim;
  if (bytes == kForEver) context_.reset();
}

std::optional<FrameInflater::State> FrameInflater::CopyVerbatim(Spans& left) {
  left.Copy(remaining_);
  if (remaining_ > 0) return left.in.empty() ? State::kInput : State::kRoom;
  phase_ = Phase::kHeader;
  return std::nullopt;
}

// --- Compressed messages ---

std::optional<FrameInflater::State> FrameInflater::InflateFragment(Spans& left) {
  if (left.out.size() <= kMaskedHeader) return State::kRoom;
  if (remaining_ == 0 && fin_ && !fed_) {  // an empty message without even a DEFLATE block
    Emit(left, 0, true);
    return std::nullopt;
  }
  if (context_ == nullptr) context_ = pool_.TakeInflater();
  if (context_ == nullptr) return Fail(State::kNoContext);
  const auto payload = left.out.subspan(kMaskedHeader);
  size_t made = 0;
  const Stop stop = Fill(left, payload.first(std::min(payload.size(), max_fragment_)), made);
  pool_.counters().plain_in.Add(made);
  if (made > 0 || stop == Stop::kMessageEnd) Emit(left, made, stop == Stop::kMessageEnd);
  switch (stop) {
    case Stop::kInput: return State::kInput;
    case Stop::kMalformed: return Fail(State::kMalformed);
    case Stop::kNoMemory: return Fail(State::kNoContext);
    case Stop::kFrameEnd: phase_ = Phase::kHeader; return std::nullopt;
    case Stop::kMessageEnd:
    case Stop::kRoom: return std::nullopt;
  }
  return std::nullopt;
}

// Inflates into `payload` until it is full or there is nothing more to inflate for now.
FrameInflater::Stop FrameInflater::Fill(Spans& left, std::span<std::byte> payload, size_t& made) {
  bool drained = false;  // the context has no more to give of what it was fed
  while (made < payload.size()) {
    const auto rest = payload.subspan(made);
    const bool at_end = remaining_ == 0 && fin_;
    if (at_end && Complete()) return Stop::kMessageEnd;
    const bool feed_tail = at_end && (drained || tail_taken_ > 0);
    Inflater::Step step;
    if (feed_tail) {
      step = context_->Advance(std::span(kFlushTail).subspan(tail_taken_), rest);
      tail_taken_ = static_cast<uint8_t>(tail_taken_ + step.taken);
    } else {
      step = FeedPayload(left, rest);
    }
    made += step.made;
    if (step.state == Inflater::State::kNoMemory) return Stop::kNoMemory;
    if (step.state == Inflater::State::kMalformed) return Stop::kMalformed;
    if (step.made == rest.size()) return Stop::kRoom;
    drained = true;
    if (feed_tail) return Complete() ? Stop::kMessageEnd : Stop::kMalformed;
    if (remaining_ == 0 && !fin_) return Stop::kFrameEnd;
    if (remaining_ > 0 && left.in.empty()) return Stop::kInput;
  }
  return Stop::kRoom;
}

// Whether the context has got a whole message and has returned all of it.
bool FrameInflater::Complete() const {
  return tail_taken_ == 0 ? context_->ended()
                          : tail_taken_ == kFlushTail.size() && context_->between_blocks();
}

Inflater::Step FrameInflater::FeedPayload(Spans& left, std::span<std::byte> out) {
  std::array<std::byte, kPiece> piece;
  const size_t count = std::min<uint64_t>({left.in.size(), remaining_, piece.size()});
  std::copy_n(left.in.begin(), count, piece.begin());
  Unmask(std::span(piece).first(count), mask_, 0);
  const Inflater::Step step = context_->Advance(std::span(piece).first(count), out);
  fed_ = fed_ || count > 0;
  remaining_ -= step.taken;
  left.in = left.in.subspan(step.taken);
  std::rotate(mask_.begin(), mask_.begin() + step.taken % mask_.size(), mask_.end());
  pool_.counters().compressed_in.Add(step.taken);
  return step;
}

// Turns the `payload_bytes` that lie behind the room for a header into a frame, under the mask of the frame
// that they came from.
void FrameInflater::Emit(Spans& left, size_t payload_bytes, bool fin) {
  const bool small = payload_bytes <= kMaxControlPayload;
  const size_t header_bytes = small ? 6 : 8;
  HAWSER_DCHECK(payload_bytes <= max_fragment_ && kMaskedHeader + payload_bytes <= left.out.size());
  const auto frame = left.out.first(header_bytes + payload_bytes);
  if (small) std::memmove(&left.out[header_bytes], &left.out[kMaskedHeader], payload_bytes);
  frame[0] = std::byte((fin ? 0x80 : 0) | static_cast<uint8_t>(opcode_));
  frame[1] = std::byte(0x80 | (small ? payload_bytes : 126));
  if (!small) {
    frame[2] = std::byte(payload_bytes >> 8);
    frame[3] = std::byte(payload_bytes & 0xff);
  }
  std::memcpy(&frame[header_bytes - sizeof(Mask)], mask_.data(), sizeof(Mask));
  Unmask(frame.subspan(header_bytes), mask_, 0);
  left.out = left.out.subspan(frame.size());
  opcode_ = Opcode::kContinuation;
  if (!fin) return;
  context_.reset();
  tail_taken_ = 0;
  message_ = Message::kNone;
  phase_ = Phase::kHeader;
}

std::optional<FrameInflater::State> FrameInflater::Fail(State state) {
  context_.reset();
  return state;
}

}  // namespace hawser::ws
