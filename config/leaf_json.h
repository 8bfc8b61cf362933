// Single values in JSON: as the dump prints them, and as the JSON Schema describes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "config/address_pattern.h"
#include "config/backend_address.h"
#include "config/core_schema.h"
#include "config/dns.h"
#include "config/rules.h"
#include "config/spec.h"
#include "config/units.h"

namespace hawser::config {

template <Integer T>
Json LeafJson(T value) {
  return value;
}
inline Json LeafJson(bool value) {
  return value;
}
inline Json LeafJson(double value) {
  return value;
}
inline Json LeafJson(Duration value) {
  return FormatDuration(value);
}
inline Json LeafJson(ByteSize value) {
  return FormatSize(value);
}
inline Json LeafJson(CloseCode value) {
  return value.code;
}
inline Json LeafJson(LostCode value) {
  return value.code;
}
inline Json LeafJson(Rate value) {
  return FormatRate(value);
}
inline Json LeafJson(ByteRate value) {
  return FormatByteRate(value);
}
inline Json LeafJson(const Secret&) {
  return "[redacted]";
}
inline Json LeafJson(const std::string& value) {
  return value;
}
inline Json LeafJson(const net::SocketAddress& value) {
  return value.ToString();
}
inline Json LeafJson(const BackendAddress& value) {
  return value.ToString();
}
inline Json LeafJson(const DnsServer& value) {
  return value.address.ToString();
}
inline Json LeafJson(const net::IpAddress& value) {
  return value.ToString();
}
inline Json LeafJson(const net::PeerBlock& value) {
  return value.ToString();
}

inline Json TextSchema(std::string_view pattern) {
  Json schema = {{"type", "string"}};
  if (!pattern.empty()) schema["pattern"] = pattern;
  return schema;
}

template <Integer T>
Json LeafSchema(const Rules<T>& rules) {
  Json schema = {{"type", "integer"}, {"minimum", rules.min}, {"maximum", rules.max}};
  if (!rules.only.empty()) schema["enum"] = rules.only;
  return schema;
}
// A word of an enum as JSON has it: one of digits, such as 502, is a number.
inline Json WordJson(std::string_view word) {
  const std::optional<CoreNumber> number = ParseCoreNumber(word);
  return number && number->whole ? Json(*number->whole) : Json(word);
}
inline Json LeafSchema(const WordRules& rules) {
  Json words = Json::array();
  for (const WordRules::Word& one : rules.words) words.push_back(WordJson(one.word));
  return {{"enum", std::move(words)}};
}
inline Json LeafSchema(const Rules<bool>& rules) {
  Json schema = {{"type", "boolean"}};
  if (rules.only_true) schema["const"] = true;
  return schema;
}
inline Json LeafSchema(const Rules<double>& rules) {
  return {{"type", "number"}, {"minimum", rules.min}, {"maximum", rules.max}};
}
inline Json LeafSchema(const Rules<Duration>& rules) {
  Json text = TextSchema(kDurationPattern);
  if (rules.min == Duration(0)) return {{"anyOf", {std::move(text), {{"const", 0}}}}};
  text["not"] = {{"const", "0"}};
  return text;
}
inline Json LeafSchema(const Rules<ByteSize>& rules) {
  return {
      {"anyOf",
       {TextSchema(kSizePattern), {{"type", "integer"}, {"minimum", rules.min}, {"maximum", rules.max}}}}};
}
inline Json LeafSchema(const Rules<CloseCode>&) {
  const auto range = [](int min, int max) {
    return Json{{"type", "integer"}, {"minimum", min}, {"maximum", max}};
  };
  return {{"anyOf", {{{"const", 1001}}, range(1011, 1014), range(3000, 4999)}}};
}
inline Json LeafSchema(const Rules<LostCode>&) {
  Json schema = LeafSchema(Rules<CloseCode>{});
  schema["anyOf"].insert(schema["anyOf"].begin(), Json{{"const", 0}});
  return schema;
}
inline Json LeafSchema(const Rules<Rate>&) {
  return {{"anyOf", {TextSchema(kRatePattern), {{"const", 0}}}}};
}
inline Json LeafSchema(const Rules<ByteRate>&) {
  return {{"anyOf", {TextSchema(kByteRatePattern), {{"const", 0}}}}};
}
// JSON Schema counts characters, not bytes: where they differ, the loader decides.
inline Json LeafSchema(const Rules<Secret>& rules) {
  Json long_enough = {{"minLength", rules.min_bytes}};
  return {{"type", "string"}, {"anyOf", {std::move(long_enough), {{"pattern", "[^\\x00-\\x7f]"}}}}};
}
inline Json LeafSchema(const Rules<std::string>& rules) {
  Json schema = TextSchema(PatternOf(rules.form));
  if (rules.max_bytes < std::numeric_limits<size_t>::max()) schema["maxLength"] = rules.max_bytes;
  return schema;
}
inline Json LeafSchema(const Rules<net::SocketAddress>&) {
  return TextSchema(SocketAddressPattern());
}
inline Json LeafSchema(const Rules<BackendAddress>&) {
  return TextSchema(BackendAddressPattern());
}
inline Json LeafSchema(const Rules<DnsServer>&) {
  return TextSchema(DnsServerPattern());
}
inline Json LeafSchema(const Rules<net::IpAddress>&) {
  return TextSchema(IpAddressPattern());
}
inline Json LeafSchema(const Rules<net::PeerBlock>&) {
  return TextSchema(PeerBlockPattern());
}

}  // namespace hawser::config
