#include "proxy/ws/frame.h"

#include <algorithm>
#include <cstring>

#include "proxy/ws/utf8.h"

namespace hawser::ws {
namespace {

constexpr uint8_t kFin = 0x80;
constexpr uint8_t kMasked = 0x80;

uint8_t ByteAt(std::span<const std::byte> bytes, size_t at) {
  return std::to_integer<uint8_t>(bytes[at]);
}

bool Known(Opcode opcode) {
  return opcode <= Opcode::kBinary || (opcode >= Opcode::kClose && opcode <= Opcode::kPong);
}

uint64_t LoadBigEndian(std::span<const std::byte> bytes) {
  uint64_t value = 0;
  for (const std::byte byte : bytes) value = value << 8 | std::to_integer<uint64_t>(byte);
  return value;
}

ParsedHeader Fail(Violation violation) {
  return {.state = ParsedHeader::State::kViolation, .violation = violation, .header = {}};
}

// The end of a prefix of `text` of at most `limit` bytes that cuts no character.
size_t CharacterEnd(std::string_view text, size_t limit) {
  if (text.size() <= limit) return text.size();
  while (limit > 0 && (static_cast<uint8_t>(text[limit]) & 0xc0) == 0x80) --limit;
  return limit;
}

}  // namespace

ParsedHeader ParseHeader(std::span<const std::byte> in, Strictness strictness) {
  const bool strict = strictness == Strictness::kStrict;
  ParsedHeader parsed;
  FrameHeader& header = parsed.header;
  if (in.empty()) return parsed;
  const uint8_t first = ByteAt(in, 0);
  header.fin = (first & kFin) != 0;
  header.rsv = (first >> 4) & 7;
  header.opcode = static_cast<Opcode>(first & 15);
  if (strict && !Known(header.opcode)) return Fail(Violation::kOpcode);
  const bool control = IsControl(header.opcode);
  if (control && !header.fin) return Fail(Violation::kControlFragmented);

  if (in.size() < 2) return parsed;
  const uint8_t length = ByteAt(in, 1) & 0x7f;
  header.masked = (ByteAt(in, 1) & kMasked) != 0;
  if (control && length > kMaxControlPayload) return Fail(Violation::kControlTooLong);

  const size_t extended = length == 127 ? 8 : length == 126 ? 2 : 0;
  header.header_bytes = static_cast<uint8_t>(2 + extended + (header.masked ? 4 : 0));
  header.payload_bytes = length;
  if (in.size() < 2 + extended) return parsed;
  if (extended > 0) {
    header.payload_bytes = LoadBigEndian(in.subspan(2, extended));
    const bool shorter = strict && header.payload_bytes < (extended == 2 ? 126U : 65536U);
    if (shorter || header.payload_bytes >> 63 != 0) return Fail(Violation::kLength);
  }

  if (in.size() < header.header_bytes) return parsed;
  if (header.masked) std::memcpy(header.mask.data(), in.data() + 2 + extended, 4);
  parsed.state = ParsedHeader::State::kComplete;
  return parsed;
}

void Unmask(std::span<std::byte> payload, const Mask& mask, uint64_t offset) {
  using Block = uint64_t __attribute__((vector_size(16)));
  const Mask turned = {mask[offset & 3], mask[(offset + 1) & 3], mask[(offset + 2) & 3],
                       mask[(offset + 3) & 3]};
  uint32_t half;
  std::memcpy(&half, turned.data(), sizeof half);
  const uint64_t key = uint64_t{half} << 32 | half;
  const auto apply = [&payload](size_t at, auto pattern) {
    auto bytes = pattern;
    std::memcpy(&bytes, payload.data() + at, sizeof bytes);
    bytes ^= pattern;
    std::memcpy(payload.data() + at, &bytes, sizeof bytes);
  };
  size_t at = 0;
  for (; payload.size() - at >= 2 * sizeof(Block); at += 2 * sizeof(Block)) {
    apply(at, Block{key, key});
    apply(at + sizeof(Block), Block{key, key});
  }
  for (; payload.size() - at >= sizeof key; at += sizeof key) apply(at, key);
  for (size_t i = 0; at < payload.size(); ++at, ++i) payload[at] ^= std::byte{turned[i & 3]};
}

ClosePayload ParseClose(std::span<const std::byte> payload) {
  if (payload.empty()) return {};
  if (payload.size() == 1) return {.violation = Violation::kCloseLength};
  const auto code = static_cast<uint16_t>(LoadBigEndian(payload.first(2)));
  if (!MayBeSent(code)) return {.code = code, .violation = Violation::kCloseCode};
  const auto reason = payload.subspan(2);
  if (!IsUtf8(reason)) return {.code = code, .violation = Violation::kInvalidUtf8};
  return {.code = code, .reason = {reinterpret_cast<const char*>(reason.data()), reason.size()}};
}

SmallFrame SmallFrame::Make(Opcode opcode, std::span<const std::byte> payload, std::optional<Mask> mask) {
  SmallFrame frame;
  payload = payload.first(std::min(payload.size(), kMaxControlPayload));
  const uint8_t mask_bit = mask.has_value() ? kMasked : 0;
  frame.bytes_[0] = std::byte(kFin | static_cast<uint8_t>(opcode));
  frame.bytes_[1] = std::byte(mask_bit | static_cast<uint8_t>(payload.size()));
  std::byte* at = frame.bytes_.data() + 2;
  if (mask) {
    std::memcpy(at, mask->data(), mask->size());
    at += mask->size();
  }
  std::copy(payload.begin(), payload.end(), at);
  if (mask) Unmask({at, payload.size()}, *mask, 0);
  frame.size_ = static_cast<uint8_t>(at + payload.size() - frame.bytes_.data());
  return frame;
}

SmallFrame SmallFrame::MakeClose(uint16_t code, std::string_view reason, std::optional<Mask> mask) {
  if (code == kNoCloseCode) return Make(Opcode::kClose, {}, mask);
  std::array<std::byte, kMaxControlPayload> payload;
  payload[0] = std::byte(code >> 8);
  payload[1] = std::byte(code & 0xff);
  const std::string_view fits = reason.substr(0, CharacterEnd(reason, payload.size() - 2));
  std::transform(fits.begin(), fits.end(), payload.begin() + 2,
                 [](char c) { return static_cast<std::byte>(c); });
  return Make(Opcode::kClose, {payload.data(), 2 + fits.size()}, mask);
}

}  // namespace hawser::ws
