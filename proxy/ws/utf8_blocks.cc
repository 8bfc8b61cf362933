#include "proxy/ws/utf8_blocks.h"

#include <bit>
#include <cstring>

#if defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__x86_64__)
#include <immintrin.h>
#endif

namespace hawser::ws {

namespace {

using Block = uint8_t __attribute__((vector_size(16)));
using Words = uint64_t __attribute__((vector_size(16)));

Block KeyBlock(uint32_t key) {
  const uint64_t wide = uint64_t{key} << 32 | key;
  return reinterpret_cast<Block>(Words{wide, wide});
}

bool AnySet(Block block) {
  const Words words = reinterpret_cast<Words>(block);
  return (words[0] | words[1]) != 0;
}

bool Ascii(Block block) {
  return !AnySet(block & 0x80);
}

Block Load(const std::byte* from, Block key) {
  Block block;
  std::memcpy(&block, from, sizeof block);
  return block ^ key;
}

// Four blocks from `at` on, one upon the other: what is set in none of them is not set here.
Block LoadFour(const std::byte* at, Block key) {
  return Load(at, key) | Load(at + 16, key) | Load(at + 32, key) | Load(at + 48, key);
}

}  // namespace

size_t PassAscii(std::span<const std::byte> masked, uint32_t key) {
  const Block keys = KeyBlock(key);
  size_t at = 0;
  while (masked.size() - at >= 4 * sizeof(Block) && Ascii(LoadFour(masked.data() + at, keys)))
    at += 4 * sizeof(Block);
  while (masked.size() - at >= sizeof(Block) && Ascii(Load(masked.data() + at, keys))) at += sizeof(Block);
  const size_t rest = masked.size() - at;
  if (rest == 0 || rest >= sizeof(Block) || masked.size() < sizeof(Block)) return at;
  const size_t last = masked.size() - sizeof(Block);  // a block that overlaps the one before
  return Ascii(Load(masked.data() + last, KeyBlock(std::rotr(key, static_cast<int>(8 * (last % 4))))))
             ? masked.size()
             : at;
}

#if defined(__x86_64__) || defined(__aarch64__)

namespace {

// What two neighbouring bytes may be guilty of; an error is a bit that all three tables name.
constexpr uint8_t kTooShort = 1 << 0;      // a lead byte without its continuation
constexpr uint8_t kTooLong = 1 << 1;       // a continuation behind ASCII
constexpr uint8_t kOverlong3 = 1 << 2;     // E0 80 to E0 9F
constexpr uint8_t kTooLarge = 1 << 3;      // F4 90 and above
constexpr uint8_t kSurrogate = 1 << 4;     // ED A0 to ED BF
constexpr uint8_t kOverlong2 = 1 << 5;     // C0, C1
constexpr uint8_t kTooLarge1000 = 1 << 6;  // F5 80 and above
constexpr uint8_t kOverlong4 = 1 << 6;     // F0 80 to F0 8F
constexpr uint8_t kTwoConts = 1 << 7;      // right only where a longer character says so
constexpr uint8_t kCarry = kTooShort | kTooLong | kTwoConts;
constexpr uint8_t kLarge = kCarry | kTooLarge | kTooLarge1000;

constexpr Block kFirstHigh = {kTooLong,
                              kTooLong,
                              kTooLong,
                              kTooLong,
                              kTooLong,
                              kTooLong,
                              kTooLong,
                              kTooLong,
                              kTwoConts,
                              kTwoConts,
                              kTwoConts,
                              kTwoConts,
                              kTooShort | kOverlong2,
                              kTooShort,
                              kTooShort | kOverlong3 | kSurrogate,
                              kTooShort | kTooLarge | kTooLarge1000 | kOverlong4};
constexpr Block kFirstLow = {kCarry | kOverlong3 | kOverlong2 | kOverlong4,
                             kCarry | kOverlong2,
                             kCarry,
                             kCarry,
                             kCarry | kTooLarge,
                             kLarge,
                             kLarge,
                             kLarge,
                             kLarge,
                             kLarge,
                             kLarge,
                             kLarge,
                             kLarge,
                             kLarge | kSurrogate,
                             kLarge,
                             kLarge};
constexpr uint8_t kContinuation = kTooLong | kOverlong2 | kTwoConts;
constexpr Block kSecondHigh = {kTooShort,
                               kTooShort,
                               kTooShort,
                               kTooShort,
                               kTooShort,
                               kTooShort,
                               kTooShort,
                               kTooShort,
                               kContinuation | kOverlong3 | kTooLarge1000 | kOverlong4,
                               kContinuation | kOverlong3 | kTooLarge,
                               kContinuation | kSurrogate | kTooLarge,
                               kContinuation | kSurrogate | kTooLarge,
                               kTooShort,
                               kTooShort,
                               kTooShort,
                               kTooShort};
// A block ends inside a character where one of its last three bytes is larger than these.
constexpr Block kLastWhole = {255, 255, 255, 255, 255, 255,  255,  255,
                              255, 255, 255, 255, 255, 0xef, 0xdf, 0xbf};

Block LookUp(Block table, Block nibbles) {
#if defined(__aarch64__)
  return reinterpret_cast<Block>(
      vqtbl1q_u8(reinterpret_cast<uint8x16_t>(table), reinterpret_cast<uint8x16_t>(nibbles)));
#else
  return reinterpret_cast<Block>(
      _mm_shuffle_epi8(reinterpret_cast<__m128i>(table), reinterpret_cast<__m128i>(nibbles)));
#endif
}

// Byte by byte, no lower than 0.
Block Less(Block from, Block what) {
#if defined(__aarch64__)
  return reinterpret_cast<Block>(
      vqsubq_u8(reinterpret_cast<uint8x16_t>(from), reinterpret_cast<uint8x16_t>(what)));
#else
  return reinterpret_cast<Block>(
      _mm_subs_epu8(reinterpret_cast<__m128i>(from), reinterpret_cast<__m128i>(what)));
#endif
}

Block All(uint8_t value) {
  return Block{} + value;
}

// Not zero where a byte of `in`, which follows `before`, is wrong.
Block ErrorsIn(Block in, Block before) {
  const Block prev1 =
      __builtin_shufflevector(before, in, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
  const Block prev2 =
      __builtin_shufflevector(before, in, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
  const Block prev3 =
      __builtin_shufflevector(before, in, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28);
  const Block pairs =
      LookUp(kFirstHigh, prev1 >> 4) & LookUp(kFirstLow, prev1 & 0x0f) & LookUp(kSecondHigh, in >> 4);
  const Block third = Less(prev2, All(0xe0 - 0x80));   // top bit: a third byte must stand here
  const Block fourth = Less(prev3, All(0xf0 - 0x80));  // a fourth
  return ((third | fourth) & 0x80) ^ pairs;
}

// How many of the bytes in front of `end` belong to a character that goes on behind it.
size_t Unfinished(const std::byte* end, size_t size, uint32_t key) {
  for (size_t back = 1; back <= 3 && back <= size; ++back) {
    const size_t at = size - back;
    const auto plain = static_cast<uint8_t>(std::to_integer<uint32_t>(*(end - back)) ^ key >> 8 * (at % 4));
    if (plain < 0x80) return 0;
    if (plain < 0xc0) continue;
    const size_t length = plain >= 0xf0 ? 4 : plain >= 0xe0 ? 3 : 2;
    return length > back ? back : 0;
  }
  return 0;
}

size_t PassBlocks(const std::byte* masked, size_t size, uint32_t key) {
  constexpr size_t kStep = 2 * sizeof(Block);
  const Block keys = KeyBlock(key);
  Block before{};
  size_t at = 0;
  for (; size - at >= kStep; at += kStep) {
    const Block first = Load(masked + at, keys);
    const Block second = Load(masked + at + sizeof(Block), keys);
    const Block errors =
        Ascii(first | second) ? Less(before, kLastWhole) : ErrorsIn(first, before) | ErrorsIn(second, first);
    if (AnySet(errors)) break;
    before = second;
  }
  return at - Unfinished(masked + at, at, key);
}

}  // namespace

size_t PassUtf8Blocks(std::span<const std::byte> masked, uint32_t key) {
#if defined(__x86_64__)
  static const bool supported = __builtin_cpu_supports("ssse3") != 0;
  if (!supported) return 0;
#endif
  return PassBlocks(masked.data(), masked.size(), key);
}

#else

size_t PassUtf8Blocks(std::span<const std::byte>, uint32_t) {
  return 0;
}

#endif

}  // namespace hawser::ws
