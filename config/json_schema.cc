#include "config/json_schema.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "config/describe.h"
#include "config/schema.h"
#include "fmt/format.h"

namespace hawser::config {
namespace {

Json SchemaOf(const ValueSpec& spec, const void* standard);

std::string DescriptionOf(const FieldSpec& field) {
  const Key& key = field.key;
  std::string text = HelpText(key);
  const LeafType* const leaf = field.value.leaf;
  if (leaf != nullptr && leaf->ranged)
    text += fmt::format(" Range: {}.", leaf->bounds(field.value.rules.get()));
  if (!key.absent.empty()) text += fmt::format(" If left out: {}.", key.absent);
  return text;
}

// Only single values have a default: those of a map are the defaults of its own fields.
Json PropertyOf(const FieldSpec& field, const void* object) {
  const void* const standard = field.In(object);
  Json schema = SchemaOf(field.value, standard);
  schema["description"] = DescriptionOf(field);
  const bool has_default = field.key.presence == Presence::kOptional && field.key.absent.empty();
  if (field.value.kind == ValueSpec::Kind::kLeaf && has_default) {
    schema["default"] = field.value.leaf->json(field.value.rules.get(), standard);
  }
  return schema;
}

Json Required(const std::vector<std::string_view>& keys) {
  Json choices = Json::array();
  for (const std::string_view key : keys) choices.push_back({{"required", {key}}});
  return choices;
}

Json ExactlyOne(const std::vector<std::string_view>& keys) {
  return {{"oneOf", Required(keys)}};
}

// No two of them together.
Json AtMostOne(const std::vector<std::string_view>& keys) {
  Json pairs = Json::array();
  for (auto first = keys.begin(); first != keys.end(); ++first) {
    for (auto second = first + 1; second != keys.end(); ++second)
      pairs.push_back({{"required", {*first, *second}}});
  }
  return {{"not", {{"anyOf", std::move(pairs)}}}};
}

Json Needed(const Condition& condition) {
  const Json items = {{"not", {{"anyOf", Required(condition.keys)}}}};
  Json given = {{"required", {condition.key}}};
  given["properties"][std::string(condition.key)] = {{"minItems", 1}};
  Json not_needed;
  not_needed["properties"][std::string(condition.list)] = {{"items", items}};
  return {{"anyOf", {std::move(given), std::move(not_needed)}}};
}

Json ConditionOf(const Condition& condition) {
  switch (condition.kind) {
    case Condition::Kind::kExactlyOneOf: return ExactlyOne(condition.keys);
    case Condition::Kind::kAtMostOneOf: return AtMostOne(condition.keys);
    case Condition::Kind::kNeededBy: break;
  }
  return Needed(condition);
}

Json MapSchema(const MapSpec& spec, const void* object) {
  Json properties = Json::object();
  Json required = Json::array();
  Json conditions = Json::array();
  for (const FieldSpec& field : spec.fields) {
    properties[std::string(field.key.name)] = PropertyOf(field, object);
    if (field.key.presence == Presence::kRequired) required.push_back(field.key.name);
  }
  for (const Condition& condition : spec.conditions) conditions.push_back(ConditionOf(condition));
  Json map = {{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
  if (!spec.free_prefix.empty())
    map["patternProperties"]["^" + std::string(spec.free_prefix)] = Json::object();
  if (!required.empty()) map["required"] = required;
  if (!conditions.empty()) map["allOf"] = conditions;
  if (spec.short_key.empty()) return map;
  Json short_form = spec.short_form == ShortForm::kValue ? properties[std::string(spec.short_key)]
                                                         : Json{{"const", spec.short_key}};
  return {{"anyOf", {std::move(short_form), std::move(map)}}};
}

Json ListSchema(const ValueSpec& spec) {
  Json schema = {{"type", "array"}, {"items", SchemaOf(*spec.inner, nullptr)}};
  if (spec.min_items > 0) schema["minItems"] = spec.min_items;
  return schema;
}

// `standard`: the value as the struct around it makes it; null inside an optional or a list.
Json SchemaOf(const ValueSpec& spec, const void* standard) {
  switch (spec.kind) {
    case ValueSpec::Kind::kLeaf: return spec.leaf->schema(spec.rules.get());
    case ValueSpec::Kind::kOptional: return SchemaOf(*spec.inner, nullptr);
    case ValueSpec::Kind::kList: return ListSchema(spec);
    case ValueSpec::Kind::kMap: break;
  }
  return MapSchema(*spec.map, standard != nullptr ? standard : spec.map->defaults.get());
}

}  // namespace

nlohmann::ordered_json JsonSchema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "hawser configuration"}};
  const MapSpec& config = SpecOf<Config>();
  schema.update(MapSchema(config, config.defaults.get()));
  return schema;
}

}  // namespace hawser::config
