#include "config/leaf_type.h"

#include <concepts>
#include <cstdint>
#include <filesystem>

#include "config/diagnostic.h"
#include "config/field_text.h"
#include "config/leaf.h"
#include "config/leaf_json.h"
#include "config/units.h"

namespace hawser::config {
namespace {

// A relative file is seen from the folder of the configuration file.
std::string Resolved(const std::filesystem::path& folder, const std::string& file) {
  if (file.starts_with('/') || folder.empty()) return file;
  return (folder / file).lexically_normal().string();
}

template <class T>
std::optional<std::string> Resolve(const std::filesystem::path&, const Rules<T>&, T&) {
  return std::nullopt;
}

std::optional<std::string> Resolve(const std::filesystem::path& folder, const Rules<std::string>& rules,
                                   std::string& text) {
  const bool log = rules.form == Form::kLogFile && !text.empty() && text != "-";
  if (log || rules.form == Form::kFile) text = Resolved(folder, text);
  return std::nullopt;
}

// The path of a Unix socket. It may become too long.
std::optional<std::string> Resolve(const std::filesystem::path& folder, const Rules<net::SocketAddress>&,
                                   net::SocketAddress& address) {
  if (!address.has_file()) return std::nullopt;
  auto resolved = net::SocketAddress::Parse("unix:" + Resolved(folder, address.path()));
  if (!resolved.ok()) return std::string(resolved.status().message());
  address = *std::move(resolved);
  return std::nullopt;
}

std::optional<std::string> Resolve(const std::filesystem::path& folder, const Rules<BackendAddress>&,
                                   BackendAddress& address) {
  if (address.named()) return std::nullopt;
  net::SocketAddress literal = address.literal();
  auto what = Resolve(folder, {}, literal);
  if (!what) address = std::move(literal);
  return what;
}

// Whether the reference shows the default, where it is not empty: rates are off, secrets and addresses have
// none.
template <class T>
constexpr bool kShown =
    std::is_arithmetic_v<T> || std::same_as<T, Duration> || std::same_as<T, ByteSize> ||
    std::same_as<T, CloseCode> || std::same_as<T, LostCode> || std::same_as<T, std::string>;

template <class T>
constexpr bool kRanged = std::same_as<T, Duration> || std::same_as<T, Rate> || std::same_as<T, ByteRate>;

template <class T>
const T& As(const void* value) {
  return *static_cast<const T*>(value);
}

std::string TextOf(const Json& json) {
  return json.is_string() ? json.get<std::string>() : json.dump();
}

// In T's own words: what does not differ between enums and the rest.
template <class T, class TRules>
constexpr LeafType kBase = {
    .parse = [](const Node& node, const void* rules,
                void* value) { return ParseLeaf(node, As<TRules>(rules), *static_cast<T*>(value)); },
    .expected_for = [](const Node& node, const void* rules) { return ExpectedFor(node, As<TRules>(rules)); },
    .expected = [](const void* rules) { return ExpectedText(As<TRules>(rules)); },
    .type = [](const void* rules) { return TypeText(As<TRules>(rules)); },
    .bounds = [](const void* rules) { return BoundsText(As<TRules>(rules)); },
    .schema = [](const void* rules) { return LeafSchema(As<TRules>(rules)); },
    .equal = [](const void* a, const void* b) { return As<T>(a) == As<T>(b); }};

template <class T>
constexpr LeafType MakeType() {
  LeafType type = kBase<T, Rules<T>>;
  type.secret = std::same_as<T, Secret>;
  type.ranged = kRanged<T>;
  type.is_text = std::same_as<T, std::string>;
  type.resolve = [](const std::filesystem::path& folder, const void* rules, void* value) {
    return Resolve(folder, As<Rules<T>>(rules), *static_cast<T*>(value));
  };
  type.standard = [](const void*, const void* value) {
    return kShown<T> ? TextOf(LeafJson(As<T>(value))) : std::string();
  };
  type.json = [](const void*, const void* value) { return Json(LeafJson(As<T>(value))); };
  return type;
}

std::string WordOf(const void* rules, const void* value) {
  for (const auto& [word, its_value] : As<WordRules>(rules).words) {
    if (its_value == As<uint8_t>(value)) return std::string(word);
  }
  return {};
}

constexpr LeafType MakeWordType() {
  LeafType type = kBase<uint8_t, WordRules>;
  type.resolve = [](const std::filesystem::path&, const void*, void*) -> std::optional<std::string> {
    return std::nullopt;
  };
  type.standard = WordOf;
  type.json = [](const void* rules, const void* value) { return WordJson(WordOf(rules, value)); };
  return type;
}

}  // namespace

template <class T>
const LeafType& LeafTypeOf() {
  static constexpr LeafType kType = MakeType<T>();
  return kType;
}

template const LeafType& LeafTypeOf<bool>();
template const LeafType& LeafTypeOf<uint8_t>();
template const LeafType& LeafTypeOf<uint16_t>();
template const LeafType& LeafTypeOf<uint32_t>();
template const LeafType& LeafTypeOf<uint64_t>();
template const LeafType& LeafTypeOf<double>();
template const LeafType& LeafTypeOf<std::string>();
template const LeafType& LeafTypeOf<Duration>();
template const LeafType& LeafTypeOf<ByteSize>();
template const LeafType& LeafTypeOf<Rate>();
template const LeafType& LeafTypeOf<ByteRate>();
template const LeafType& LeafTypeOf<CloseCode>();
template const LeafType& LeafTypeOf<LostCode>();
template const LeafType& LeafTypeOf<Secret>();
template const LeafType& LeafTypeOf<net::SocketAddress>();
template const LeafType& LeafTypeOf<net::IpAddress>();
template const LeafType& LeafTypeOf<net::PeerBlock>();
template const LeafType& LeafTypeOf<BackendAddress>();
template const LeafType& LeafTypeOf<DnsServer>();

const LeafType& WordType() {
  static constexpr LeafType kType = MakeWordType();
  return kType;
}

}  // namespace hawser::config
