#include "config/dump.h"

#include <algorithm>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "config/describe.h"
#include "config/schema.h"

namespace hawser::config {
namespace {

const std::string kRedacted = "[redacted]";

// Whether a header field or a query parameter of this name is likely to hold one.
bool IsCredential(std::string_view name) {
  const std::string lower = absl::AsciiStrToLower({name.data(), name.size()});
  for (const std::string_view whole : {"authorization", "proxy-authorization", "cookie", "set-cookie", "key",
                                       "token", "secret", "jwt", "apikey", "x-apikey", "password"}) {
    if (lower == whole) return true;
  }
  for (const std::string_view end : {"-key", "-token", "-secret", "_key", "_token", "_secret"}) {
    if (lower.ends_with(end)) return true;
  }
  return false;
}

Json DumpOf(const ValueSpec& spec, const void* value);

// Whether the texts that the map hides are hidden in this one.
bool Hides(const MapSpec& spec, const void* object) {
  if (spec.named_by.empty()) return false;
  const FieldSpec& name = spec.Find(spec.named_by);
  return IsCredential(name.value.leaf->json(name.value.rules.get(), name.In(object)).get<std::string>());
}

Json MapOf(const MapSpec& spec, const void* object) {
  const bool hides = Hides(spec, object);
  Json map = Json::object();
  for (const FieldSpec& field : spec.fields) {
    const void* const value = field.In(object);
    if (field.value.kind == ValueSpec::Kind::kOptional && field.value.optional->get(value) == nullptr)
      continue;
    const bool hidden = hides && std::ranges::find(spec.hidden, field.key.name) != spec.hidden.end();
    map[std::string(field.key.name)] = hidden ? Json(kRedacted) : DumpOf(field.value, value);
  }
  return map;
}

Json ListOf(const ValueSpec& spec, const void* list) {
  Json array = Json::array();
  for (size_t i = 0; i < spec.list->count(list); ++i)
    array.push_back(DumpOf(*spec.inner, spec.list->get(list, i)));
  return array;
}

// Not of an optional without a value.
Json DumpOf(const ValueSpec& spec, const void* value) {
  switch (spec.kind) {
    case ValueSpec::Kind::kLeaf: return spec.leaf->json(spec.rules.get(), value);
    case ValueSpec::Kind::kList: return ListOf(spec, value);
    case ValueSpec::Kind::kOptional: return DumpOf(*spec.inner, spec.optional->get(value));
    case ValueSpec::Kind::kMap: break;
  }
  return MapOf(*spec.map, value);
}

}  // namespace

nlohmann::ordered_json Dump(const Config& config) {
  return MapOf(SpecOf<Config>(), &config);
}

}  // namespace hawser::config
