// The character classes of HTTP's grammars (RFC 9110 §5.6, RFC 3986, RFC 6265 §4.1.1), as bits of one table
// of 256 bytes that is computed by the compiler: a test is one load and one mask, whatever the class.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace hawser::http {

enum CharacterClass : uint8_t {
  kTokenCharacter = 1 << 0,  // tchar: methods, field names, subprotocols
  kTargetCharacter =
      1 << 1,               // visible ASCII but '#': what browsers send in paths and queries, encoded or not
  kHostCharacter = 1 << 2,  // unreserved and sub-delims of a registered name, without '%'
  kCookieCharacter = 1 << 3,   // cookie-octet
  kFieldCharacter = 1 << 4,    // in a field value: tab, space, visible ASCII, and bytes above 0x7f
  kVisibleCharacter = 1 << 5,  // 0x21 to 0x7e
  kHexDigit = 1 << 6,
  kDigit = 1 << 7,
};

namespace characters {

constexpr bool Among(char character, std::string_view set) {
  return set.find(character) != std::string_view::npos;
}

constexpr uint8_t ClassesOf(unsigned byte) {
  const char c = static_cast<char>(byte);
  const bool digit = byte >= '0' && byte <= '9';
  const bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
  const bool visible = byte > 0x20 && byte < 0x7f;
  unsigned classes = 0;
  if (letter || digit || (visible && Among(c, "!#$%&'*+-.^_`|~"))) classes |= kTokenCharacter;
  if (visible && c != '#') classes |= kTargetCharacter;
  if (letter || digit || (visible && Among(c, "-._~!$&'()*+,;="))) classes |= kHostCharacter;
  if (visible && !Among(c, "\",;\\")) classes |= kCookieCharacter;
  if (visible || c == ' ' || c == '\t' || byte >= 0x80) classes |= kFieldCharacter;
  if (visible) classes |= kVisibleCharacter;
  if (digit || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F')) classes |= kHexDigit;
  if (digit) classes |= kDigit;
  return static_cast<uint8_t>(classes);
}

inline constexpr std::array<uint8_t, 256> kTable = [] {
  std::array<uint8_t, 256> table{};
  for (unsigned byte = 0; byte < table.size(); ++byte) table[byte] = ClassesOf(byte);
  return table;
}();

}  // namespace characters

constexpr bool Is(char character, CharacterClass wanted) {
  return (characters::kTable[static_cast<unsigned char>(character)] & wanted) != 0;
}

// True of an empty text too.
constexpr bool AllAre(std::string_view text, CharacterClass wanted) {
  unsigned all = wanted;
  for (const char c : text) all &= characters::kTable[static_cast<unsigned char>(c)];
  return all == wanted;
}

// How many characters at the start of `text` are of that class.
constexpr size_t CountLeading(std::string_view text, CharacterClass wanted) {
  size_t count = 0;
  while (count < text.size() && Is(text[count], wanted)) ++count;
  return count;
}

constexpr bool IsToken(std::string_view text) {
  return !text.empty() && AllAre(text, kTokenCharacter);
}

// The first place at or behind `from` of a control character other than a tab; text.size() if there is none.
size_t FindControl(std::string_view text, size_t from);

// What may stand in a field's value.
inline bool IsFieldText(std::string_view text) {
  return text.size() < 16 ? AllAre(text, kFieldCharacter) : FindControl(text, 0) == text.size();
}

constexpr char LowerCase(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

}  // namespace hawser::http
