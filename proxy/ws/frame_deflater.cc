#include "proxy/ws/frame_deflater.h"

#include <algorithm>
#include <cstring>

#include "proxy/base/check.h"

namespace hawser::ws {
namespace {

constexpr size_t kPlainHeader = 4;  // of a fragment: 16 bits of length, no mask
constexpr size_t kLongestFragment = 65535;

}  // namespace

FrameDeflater::Step FrameDeflater::Advance(std::span<const std::byte> in, std::span<std::byte> out) {
  HAWSER_DCHECK(out.size() >= kLeastRoom);
  Spans left{in, out};
  std::optional<State> state;
  while (!state) {
    switch (phase_) {
      case Phase::kHeader: state = TakeHeader(left); break;
      case Phase::kVerbatim: state = CopyVerbatim(left); break;
      case Phase::kMessage: state = DeflateFragment(left); break;
    }
  }
  return {.taken = in.size() - left.in.size(), .made = out.size() - left.out.size(), .state = *state};
}

std::optional<FrameDeflater::State> FrameDeflater::TakeHeader(Spans& left) {
  if (left.out.size() < kMaxHeaderBytes) return State::kRoom;
  const ParsedHeader parsed = header_.Take(left.in);
  if (parsed.state == ParsedHeader::State::kIncomplete) return State::kInput;
  Begin(parsed, left);
  return std::nullopt;
}

void FrameDeflater::Begin(const ParsedHeader& parsed, Spans& left) {
  const FrameHeader& header = parsed.header;
  const bool starts = header.opcode == Opcode::kText || header.opcode == Opcode::kBinary;
  const bool misplaced = !IsControl(header.opcode) && starts != (message_ == Message::kNone);
  // The scanner in front lets these through only if it does not inspect.
  const bool no_frame = parsed.state == ParsedHeader::State::kViolation || header.masked || header.rsv != 0;
  if (no_frame || misplaced) return PassOn(left, kForEver);
  if (IsControl(header.opcode)) return PassOn(left, header.payload_bytes);
  if (starts) message_ = StartMessage(header);
  if (message_ == Message::kPlain) {
    if (header.fin) message_ = Message::kNone;
    return PassOn(left, header.payload_bytes);
  }
  remaining_ = header.payload_bytes;
  fin_ = header.fin;
  phase_ = Phase::kMessage;
}

FrameDeflater::Message FrameDeflater::StartMessage(const FrameHeader& header) {
  if (header.fin && header.payload_bytes < kWorthwhile) return Message::kPlain;
  context_ = pool_.TakeDeflater(window_bits_);
  opcode_ = header.opcode;
  untouched_ = true;
  return context_ != nullptr ? Message::kCompressed : Message::kPlain;
}

// The header that was just taken, and `bytes` behind it.
void FrameDeflater::PassOn(Spans& left, uint64_t bytes) {
  left.Put(header_.bytes());
  remaining_ = bytes;
  phase_ = Phase::kVerbatim;
  if (bytes == kForEver) context_.reset();
}

std::optional<FrameDeflater::State> FrameDeflater::CopyVerbatim(Spans& left) {
  left.Copy(remaining_);
  if (remaining_ > 0) return left.in.empty() ? State::kInput : State::kRoom;
  phase_ = Phase::kHeader;
  return std::nullopt;
}

// --- Compressed messages ---

// Takes the available part of the current frame and makes at most one fragment.
std::optional<FrameDeflater::State> FrameDeflater::DeflateFragment(Spans& left) {
  if (left.out.size() < kPlainHeader + 2 * kFlushTail.size()) return State::kRoom;
  const auto room = left.out.subspan(kPlainHeader);
  const auto payload = room.first(std::min(room.size(), kLongestFragment));
  const auto in = left.in.first(std::min<uint64_t>(left.in.size(), remaining_));
  const bool last = fin_ && in.size() == remaining_;
  const bool whole = last && untouched_;
  std::copy_n(held_.begin(), held_bytes_, payload.begin());
  const Deflater::Step step = context_->Advance(in, payload.subspan(held_bytes_), last);
  const size_t made = held_bytes_ + step.made;
  left.in = left.in.subspan(step.taken);
  remaining_ -= step.taken;
  untouched_ = untouched_ && step.taken == 0;
  pool_.counters().plain_out.Add(step.taken);
  if (made == payload.size()) {
    EmitPart(left, payload, made);
  } else if (last) {
    EmitLast(left, payload, made, whole ? in : std::span<const std::byte>());
  } else {
    EmitPart(left, payload, made);
    if (remaining_ > 0) return State::kInput;
    phase_ = Phase::kHeader;
  }
  return std::nullopt;
}

// All but the last bytes, which EmitLast may have to take off.
void FrameDeflater::EmitPart(Spans& left, std::span<std::byte> payload, size_t made) {
  held_bytes_ = static_cast<uint8_t>(std::min(made, held_.size()));
  const size_t ready = made - held_bytes_;
  std::copy_n(payload.begin() + static_cast<std::ptrdiff_t>(ready), held_bytes_, held_.begin());
  if (ready > 0) Emit(left, ready, false, true);
}

// `whole` is the message if all of it was at hand: if compression did not help, it is sent uncompressed.
void FrameDeflater::EmitLast(Spans& left, std::span<std::byte> payload, size_t made,
                             std::span<const std::byte> whole) {
  HAWSER_DCHECK(made >= kFlushTail.size());
  made -= kFlushTail.size();
  const bool smaller = whole.empty() || made < whole.size();
  if (!smaller) {
    std::copy(whole.begin(), whole.end(), payload.begin());
    made = whole.size();
  }
  Emit(left, made, true, smaller);
  context_.reset();
  held_bytes_ = 0;
  message_ = Message::kNone;
  phase_ = Phase::kHeader;
}

// Puts a header in front of the `payload_bytes` that lie behind the room for one.
void FrameDeflater::Emit(Spans& left, size_t payload_bytes, bool fin, bool compressed) {
  const bool small = payload_bytes <= kMaxControlPayload;
  const size_t header_bytes = small ? 2 : 4;
  HAWSER_DCHECK(payload_bytes <= kLongestFragment && kPlainHeader + payload_bytes <= left.out.size());
  if (small) std::memmove(&left.out[header_bytes], &left.out[kPlainHeader], payload_bytes);
  const uint8_t rsv = compressed && opcode_ != Opcode::kContinuation ? kRsv1 << 4 : 0;
  left.out[0] = std::byte((fin ? 0x80 : 0) | rsv | static_cast<uint8_t>(opcode_));
  left.out[1] = std::byte(small ? payload_bytes : 126);
  if (!small) {
    left.out[2] = std::byte(payload_bytes >> 8);
    left.out[3] = std::byte(payload_bytes & 0xff);
  }
  left.out = left.out.subspan(header_bytes + payload_bytes);
  opcode_ = Opcode::kContinuation;
  pool_.counters().compressed_out.Add(payload_bytes);
}

}  // namespace hawser::ws
