#include "proxy/cluster/base64url.h"

#include <array>

#include "proxy/base/check.h"

namespace hawser::cluster {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr uint8_t kNoDigit = 0xff;

constexpr std::array<uint8_t, 256> kDigits = [] {
  std::array<uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (size_t i = 0; i < kAlphabet.size(); ++i)
    digits[static_cast<uint8_t>(kAlphabet[i])] = static_cast<uint8_t>(i);
  return digits;
}();

}  // namespace

std::string EncodeBase64Url(std::span<const uint8_t> bytes) {
  HAWSER_DCHECK(bytes.size() % 3 == 0);
  std::string text;
  text.reserve(bytes.size() / 3 * 4);
  for (size_t i = 0; i + 3 <= bytes.size(); i += 3) {
    const uint32_t group = uint32_t{bytes[i]} << 16 | uint32_t{bytes[i + 1]} << 8 | bytes[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) text += kAlphabet[(group >> shift) & 63];
  }
  return text;
}

bool DecodeBase64Url(std::string_view text, std::span<uint8_t> bytes) {
  HAWSER_DCHECK(bytes.size() % 3 == 0);
  if (text.size() % 4 != 0 || text.size() / 4 * 3 != bytes.size()) return false;
  size_t written = 0;
  for (size_t i = 0; i < text.size(); i += 4) {
    uint32_t group = 0;
    for (size_t k = i; k < i + 4; ++k) {
      const uint8_t digit = kDigits[static_cast<uint8_t>(text[k])];
      if (digit == kNoDigit) return false;
      group = group << 6 | digit;
    }
    for (int shift = 16; shift >= 0; shift -= 8) bytes[written++] = static_cast<uint8_t>(group >> shift);
  }
  HAWSER_DCHECK(written == bytes.size());
  return true;
}

}  // namespace hawser::cluster
