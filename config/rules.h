// The rules by which fields are checked (bounds, or a form), one kind for each type, and the words of enums.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "config/form.h"
#include "config/values.h"

namespace hawser::config {

// The words of an enum: Names<E>::kTable, in the order in which they are printed.
template <class E>
struct Name {
  std::string_view word;
  E value;
};
template <class E>
struct Names;

template <class T>
concept Enum = std::is_enum_v<T>;
template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept Bounded = Integer<T> || std::same_as<T, double> || std::same_as<T, Duration>;

// What a value must keep to. Both ends belong to the range.
template <class T>
struct Rules {};
template <Bounded T>
struct Rules<T> {
  T min{};
  T max = std::numeric_limits<T>::max();
  std::span<const T> only = {};  // not empty: none but these
};
template <>
struct Rules<bool> {
  bool only_true = false;
};
template <>
struct Rules<Duration> {
  Duration min{};
  Duration max = Duration::max();
};
template <>
struct Rules<ByteSize> {
  uint64_t min = 0;
  uint64_t max = std::numeric_limits<uint64_t>::max();
};
template <>
struct Rules<Rate> {
  double max_per_second = 1e6;
};
template <>
struct Rules<ByteRate> {
  double max_per_second = 1e12;
};
template <>
struct Rules<Secret> {
  size_t min_bytes = 1;
};
template <>
struct Rules<std::string> {
  Form form = Form::kText;
  size_t max_bytes = std::numeric_limits<size_t>::max();
};
template <class T>
struct Rules<std::optional<T>> : Rules<T> {};
template <class T>
struct Rules<std::vector<T>> {
  size_t min_items = 0;
  Rules<T> each = {};
};

// The words of any enum, each with its value.
struct WordRules {
  struct Word {
    std::string_view word;
    uint8_t value;
  };
  std::vector<Word> words;

  std::vector<std::string_view> Texts() const;
};

template <Enum E>
WordRules WordsOf() {
  static_assert(sizeof(E) == sizeof(uint8_t));
  WordRules rules;
  for (const Name<E>& name : Names<E>::kTable)
    rules.words.push_back({name.word, static_cast<uint8_t>(name.value)});
  return rules;
}

// Bounds that several fields share.
inline constexpr Duration kLongestWait = 1h;       // for one step of a handshake
inline constexpr Duration kLongestProbe = 9h;      // the kernel takes 32,767 seconds
inline constexpr Duration kLongestLife = 8760h;    // a year: of a tunnel
inline constexpr Duration kLongestCookie = 9600h;  // 400 days, where browsers cut it off
inline constexpr size_t kLongestBody = 64 * 1024;  // of a direct response
inline constexpr size_t kLongestSubstitution = 256;
inline constexpr uint64_t kKiB = 1024;
inline constexpr uint64_t kMiB = 1024 * kKiB;
inline constexpr uint64_t kLargestPayload = (uint64_t{1} << 63) - 1;  // of a WebSocket frame, RFC 6455 §5.2

}  // namespace hawser::config
