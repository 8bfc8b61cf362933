#include "proxy/ws/utf8.h"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/ws/frame_builder.h"
#include "tests/unit/ws/naive_frames.h"

namespace hawser::ws {
namespace {

std::span<const uint8_t> Octets(const Bytes& bytes) {
  return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()};
}

std::string Encode(uint32_t point) {
  const auto byte = [](uint32_t value) { return static_cast<char>(value); };
  if (point < 0x80) return {byte(point)};
  if (point < 0x800) return {byte(0xc0 | point >> 6), byte(0x80 | (point & 63))};
  if (point < 0x10000)
    return {byte(0xe0 | point >> 12), byte(0x80 | (point >> 6 & 63)), byte(0x80 | (point & 63))};
  return {byte(0xf0 | point >> 18), byte(0x80 | (point >> 12 & 63)), byte(0x80 | (point >> 6 & 63)),
          byte(0x80 | (point & 63))};
}

// Feeds `text` in pieces that end at each of `cuts`.
size_t FeedInPieces(Utf8Validator& validator, const Bytes& text, const std::vector<size_t>& cuts,
                    const Mask& mask) {
  size_t at = 0;
  for (const size_t cut : cuts) {
    Bytes piece(text.begin() + static_cast<ptrdiff_t>(at), text.begin() + static_cast<ptrdiff_t>(cut));
    Unmask(piece, mask, 0);
    const size_t fit = validator.FeedMasked(piece, mask);
    at += fit;
    if (fit < piece.size()) break;
  }
  return at;
}

TEST(Utf8Validator, EveryScalarValueIsValidAndNoSurrogate) {
  for (uint32_t point = 0; point < 0x110000; ++point) {
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    ASSERT_EQ(IsUtf8(ToBytes(Encode(point))), !surrogate) << std::hex << point;
  }
  for (uint32_t point = 0x110000; point < 0x200000; point += 0x333) {
    ASSERT_FALSE(IsUtf8(ToBytes(Encode(point)))) << std::hex << point;
  }
}

// Every pair of bytes, and what may stand behind it: against the reference.
TEST(Utf8Validator, AgreesWithTheReferenceOnEveryShortSequence) {
  Bytes text(3);
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      for (const int third : {0x00, 0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xff}) {
        text = Raw({first, second, third});
        Utf8Validator validator;
        ASSERT_EQ(validator.Feed(text), naive::ValidBytes(Octets(text), false))
            << first << ' ' << second << ' ' << third;
      }
    }
  }
}

TEST(Utf8Validator, FindsTheOffendingByteAtEveryPlaceInALongText) {
  const std::string_view wrongs[] = {"\xff",
                                     "\x80",
                                     "\xc0\xaf",
                                     "\xe0\x80\x80",
                                     "\xed\xa0\x80",
                                     "\xf4\x90\x80\x80",
                                     "\xf0\x80\x80\x80",
                                     "\xc3(",
                                     "\xe2\x82(",
                                     "\xf0\x9f\x9a("};
  for (const std::string_view wrong : wrongs) {
    for (size_t at = 0; at < 100; ++at) {
      std::string text(100, 'a');
      text.insert(at, wrong);
      const Bytes bytes = ToBytes(text);
      Utf8Validator validator;
      ASSERT_EQ(validator.Feed(bytes), naive::ValidBytes(Octets(bytes), false)) << at;
    }
  }
}

// Where blocks meet: every short sequence, right or wrong, across every place of two blocks, on ASCII and on
// other text.
TEST(Utf8Validator, FindsEveryShortSequenceAcrossBlocks) {
  constexpr int kBytes[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf,
                            0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
  for (const char* filler : {"a", "\xc3\xa9"}) {
    Bytes text;
    while (text.size() < 96) text = std::move(text) + ToBytes(filler);
    for (const int first : kBytes) {
      for (const int second : kBytes) {
        for (const int third : kBytes) {
          const Bytes sequence = Raw({first, second, third, 0x80});
          for (size_t at = 24; at < 40; ++at) {
            Bytes whole = text;
            std::copy(sequence.begin(), sequence.end(), whole.begin() + static_cast<ptrdiff_t>(at));
            Utf8Validator validator;
            ASSERT_EQ(validator.Feed(whole), naive::ValidBytes(Octets(whole), false))
                << std::hex << first << ' ' << second << ' ' << third << " at " << at;
          }
        }
      }
    }
  }
}

TEST(Utf8Validator, MayBeCutAnywhere) {
  const Bytes text = ToBytes("aé€😀 and then forty bytes of plain text, no less 😀€é");
  for (size_t first = 0; first <= text.size(); ++first) {
    for (size_t second = first; second <= text.size(); ++second) {
      Utf8Validator validator;
      ASSERT_EQ(FeedInPieces(validator, text, {first, second, text.size()}, {}), text.size());
      ASSERT_TRUE(validator.complete());
    }
  }
}

TEST(Utf8Validator, ATextThatEndsInsideACharacterIsNotComplete) {
  const Bytes ship = ToBytes("\U0001F6A2");
  for (size_t size = 0; size <= ship.size(); ++size) {
    Utf8Validator validator;
    EXPECT_EQ(validator.Feed(std::span(ship).first(size)), size);
    EXPECT_EQ(validator.complete(), size == 0 || size == ship.size());
  }
}

TEST(Utf8Validator, StaysInFrontOfTheOffendingByte) {
  Utf8Validator validator;
  EXPECT_EQ(validator.Feed(ToBytes("ab\xc3")), 3U);
  EXPECT_EQ(validator.Feed(ToBytes("(")), 0U);
  EXPECT_EQ(validator.Feed(ToBytes("(")), 0U);
  EXPECT_EQ(validator.Feed(ToBytes("\xa9(")), 2U);
  EXPECT_TRUE(validator.complete());
}

TEST(Utf8Validator, AgreesWithTheReferenceOnRandomTextWithFaultsCutsAndMasks) {
  std::mt19937 random(7);
  const auto below = [&](size_t limit) { return static_cast<size_t>(random() % limit); };
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (size_t pieces = below(12); pieces > 0; --pieces) {
      constexpr uint32_t kLimits[] = {0x80, 0x800, 0xd800, 0x110000};
      uint32_t point = random() % kLimits[below(4)];
      if (point >= 0xd800 && point <= 0xdfff) point = 0xd7ff;
      text += below(3) == 0 ? std::string(below(70), 'x') : Encode(point);
    }
    if (!text.empty() && below(2) == 0) text[below(text.size())] = static_cast<char>(random());
    if (!text.empty() && below(4) == 0) text.pop_back();
    const Bytes bytes = ToBytes(text);
    const Mask mask = {static_cast<uint8_t>(random()), static_cast<uint8_t>(random()),
                       static_cast<uint8_t>(random()), static_cast<uint8_t>(random())};
    size_t cut = below(bytes.size() + 1);
    Utf8Validator validator;
    const size_t fit = FeedInPieces(validator, bytes, {cut, bytes.size()}, mask);
    ASSERT_EQ(fit, naive::ValidBytes(Octets(bytes), false));
    if (fit < bytes.size()) continue;
    ASSERT_EQ(validator.complete(), naive::ValidBytes(Octets(bytes), true) == bytes.size());
  }
}

}  // namespace
}  // namespace hawser::ws
