#include "proxy/ws/utf8.h"

#include <algorithm>
#include <cstring>

#include "proxy/ws/utf8_blocks.h"

namespace hawser::ws {
namespace {

// A state is the shift that brings its transition to the low bits of a byte's word.
enum State : uint8_t {
  kAccept = 0,
  kReject = 6,
  kOneMore = 12,  // one continuation byte, 80 to BF
  kTwoMore = 18,
  kThreeMore = 24,
  kBehindE0 = 30,  // A0 to BF, then one: nothing that fits in two bytes
  kBehindEd = 36,  // 80 to 9F, then one: no surrogates
  kBehindF0 = 42,  // 90 to BF, then two: nothing that fits in three bytes
  kBehindF4 = 48,  // 80 to 8F, then two: nothing above U+10FFFF
};
constexpr uint64_t kStateMask = 63;

constexpr State AfterLead(unsigned byte) {
  if (byte <= 0x7f) return kAccept;
  if (byte < 0xc2 || byte > 0xf4) return kReject;
  if (byte <= 0xdf) return kOneMore;
  if (byte == 0xe0) return kBehindE0;
  if (byte == 0xed) return kBehindEd;
  if (byte <= 0xef) return kTwoMore;
  if (byte == 0xf0) return kBehindF0;
  if (byte == 0xf4) return kBehindF4;
  return kThreeMore;
}

constexpr State Within(unsigned byte, unsigned low, unsigned high, State next) {
  return byte >= low && byte <= high ? next : kReject;
}

constexpr uint64_t Transitions(unsigned byte) {
  uint64_t word = 0;
  const auto set = [&](State from, State to) { word |= uint64_t{to} << from; };
  set(kAccept, AfterLead(byte));
  set(kReject, kReject);
  set(kOneMore, Within(byte, 0x80, 0xbf, kAccept));
  set(kTwoMore, Within(byte, 0x80, 0xbf, kOneMore));
  set(kThreeMore, Within(byte, 0x80, 0xbf, kTwoMore));
  set(kBehindE0, Within(byte, 0xa0, 0xbf, kOneMore));
  set(kBehindEd, Within(byte, 0x80, 0x9f, kOneMore));
  set(kBehindF0, Within(byte, 0x90, 0xbf, kTwoMore));
  set(kBehindF4, Within(byte, 0x80, 0x8f, kTwoMore));
  return word;
}

constexpr auto kTransitions = [] {
  std::array<uint64_t, 256> table{};
  for (unsigned byte = 0; byte < table.size(); ++byte) table[byte] = Transitions(byte);
  return table;
}();

bool Ascii(uint64_t word) {
  return (word & 0x8080808080808080) == 0;
}

// The mask as it stands at byte `at` of the masked text.
uint32_t KeyAt(const std::array<uint8_t, 4>& mask, size_t at) {
  uint32_t key = 0;
  for (size_t i = 0; i < mask.size(); ++i) key |= uint32_t{mask[(at + i) & 3]} << (8 * i);
  return key;
}

}  // namespace

size_t Utf8Validator::Step(const void* plain, size_t count) {
  const auto* bytes = static_cast<const uint8_t*>(plain);
  uint64_t state = state_;
  for (size_t i = 0; i < count; ++i) state = kTransitions[bytes[i]] >> (state & kStateMask);
  state &= kStateMask;
  if (state != kReject) {
    state_ = static_cast<uint8_t>(state);
    return count;
  }
  for (size_t i = 0;; ++i) {  // once more, to find where
    const auto next = static_cast<uint8_t>(kTransitions[bytes[i]] >> state_ & kStateMask);
    if (next == kReject) return i;
    state_ = next;
  }
}

size_t Utf8Validator::FeedMasked(std::span<const std::byte> masked, const std::array<uint8_t, 4>& mask) {
  constexpr size_t kBlockwise = 32;
  size_t at = 0;
  for (; at < masked.size() && state_ != kAccept; ++at) {  // a character that was cut off
    const uint8_t plain = std::to_integer<uint8_t>(masked[at]) ^ mask[at & 3];
    if (Step(&plain, 1) == 0) return at;
  }
  at += PassAscii(masked.subspan(at), KeyAt(mask, at));
  if (masked.size() - at >= kBlockwise) at += PassUtf8Blocks(masked.subspan(at), KeyAt(mask, at));
  const uint32_t half = KeyAt(mask, at);
  const uint64_t key = uint64_t{half} << 32 | half;
  while (at < masked.size()) {
    const size_t count = std::min(masked.size() - at, sizeof key);
    uint64_t plain = 0;
    std::memcpy(&plain, masked.data() + at, count);
    plain ^= count == sizeof key ? key : key & ((uint64_t{1} << (8 * count)) - 1);
    if (state_ != kAccept || !Ascii(plain)) {
      if (const size_t fit = Step(&plain, count); fit < count) return at + fit;
    }
    at += count;
  }
  return at;
}

bool IsUtf8(std::span<const std::byte> text) {
  Utf8Validator validator;
  return validator.Feed(text) == text.size() && validator.complete();
}

}  // namespace hawser::ws
