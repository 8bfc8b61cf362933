// The vocabulary in which describe.h tells what a field is: its key and help, its rules (bounds or form), and
// for enums the words of the file. Every reader of the description (loader, schema, reference, dump) is a
// visitor with:
//
//   template <class T> void Field(const Key& key, T& field, const Rules<T>& rules = {});
//   void ExactlyOneOf(Keys keys);
//   void AtMostOneOf(Keys keys);
//   // The list `key` has an entry wherever an entry of `list` has one of `keys`.
//   void NeededBy(std::string_view key, std::string_view list, Keys keys);
//   void ShortFor(std::string_view key, ShortForm form);  // called ahead of the fields
//   void FreeKeys(std::string_view prefix);  // keys with this prefix are ignored, with any value
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "config/form.h"
#include "config/schema.h"

namespace hawser::config {

enum class Presence : uint8_t { kOptional, kRequired };
enum class Change : uint8_t { kByReload, kByRestart };

struct Key {
  std::string_view name;
  std::string_view help;  // sentences in Markdown
  // What holds when an optional field is left out, if its default does not say it.
  std::string_view absent = {};
  Presence presence = Presence::kOptional;
  Change change = Change::kByReload;  // what it takes to change the field
};

// The help, and what holds for a field that a reload cannot change.
std::string HelpText(const Key& key);

inline constexpr Presence kRequired = Presence::kRequired;

// Instead of its map, a value may be written as...
enum class ShortForm : uint8_t {
  kValue,  // the value of that key alone: "127.0.0.1:80" for { address: "127.0.0.1:80" }
  kWord,   // the name of that key alone: source_ip for { source_ip: true }
};

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

using Keys = std::initializer_list<std::string_view>;

// The words of an enum, as the file has them.
template <Enum E>
std::vector<std::string_view> Words() {
  std::vector<std::string_view> words;
  for (const Name<E>& name : Names<E>::kTable) words.push_back(name.word);
  return words;
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

// Describe() takes its object const or not: T is X or const X.
template <class T, class X>
concept Is = std::same_as<std::remove_const_t<T>, X>;

// A struct that describe.h knows: a map in the file.
struct AnyVisitor {};
template <class T>
concept Described = requires(AnyVisitor& visitor, T& object) {
  Describe(visitor, object);
};

}  // namespace hawser::config
