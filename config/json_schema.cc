#include "config/json_schema.h"

#include "config/describe.h"
#include "config/leaf_json.h"

namespace hawser::config {
namespace {

// A visitor that writes the schema of one struct.
class SchemaWriter {
 public:
  template <class T>
  void Field(const Key& key, const T& field, const Rules<T>& rules = {});
  void ExactlyOneOf(Keys keys);
  void AtMostOneOf(Keys keys);
  void NeededBy(std::string_view key, std::string_view list, Keys keys);
  void ShortFor(std::string_view key, ShortForm form);
  void FreeKeys(std::string_view prefix) { free_prefix_ = prefix; }

  Json Finish();

  template <class T>
  static Json Of(const T&, const Rules<T>& rules) {
    return LeafSchema(rules);
  }
  template <class T>
  static Json Of(const std::optional<T>&, const Rules<std::optional<T>>& rules) {
    return Of(T{}, static_cast<const Rules<T>&>(rules));
  }
  template <class T>
  static Json Of(const std::vector<T>&, const Rules<std::vector<T>>& rules) {
    Json schema = {{"type", "array"}, {"items", Of(T{}, rules.each)}};
    if (rules.min_items > 0) schema["minItems"] = rules.min_items;
    return schema;
  }
  template <Described T>
  static Json Of(const T& object, const Rules<T>&) {
    SchemaWriter writer;
    Describe(writer, object);
    return writer.Finish();
  }

 private:
  Json properties_ = Json::object();
  Json required_ = Json::array();
  Json conditions_ = Json::array();  // on combinations of keys
  std::string free_prefix_;
  std::string short_key_;
  ShortForm short_form_ = ShortForm::kValue;
};

// Only single values: the defaults of a map are those of its own fields.
template <class T>
concept Single = requires(const T& value) {
  LeafJson(value);
};

template <class T>
std::string DescriptionOf(const Key& key, const Rules<T>& rules) {
  std::string text = HelpText(key);
  if constexpr (std::same_as<T, Duration> || std::same_as<T, Rate> || std::same_as<T, ByteRate>)
    text += fmt::format(" Range: {}.", BoundsText(rules));
  if (!key.absent.empty()) text += fmt::format(" If left out: {}.", key.absent);
  return text;
}

template <class T>
void SchemaWriter::Field(const Key& key, const T& field, const Rules<T>& rules) {
  Json schema = Of(field, rules);
  schema["description"] = DescriptionOf(key, rules);
  if constexpr (Single<T>) {
    if (key.presence == Presence::kOptional && key.absent.empty()) schema["default"] = LeafJson(field);
  }
  properties_[std::string(key.name)] = std::move(schema);
  if (key.presence == Presence::kRequired) required_.push_back(key.name);
}

void SchemaWriter::ExactlyOneOf(Keys keys) {
  Json choices = Json::array();
  for (const std::string_view key : keys) choices.push_back({{"required", {key}}});
  conditions_.push_back({{"oneOf", std::move(choices)}});
}

// No two of them together.
void SchemaWriter::AtMostOneOf(Keys keys) {
  Json pairs = Json::array();
  for (auto first = keys.begin(); first != keys.end(); ++first) {
    for (auto second = first + 1; second != keys.end(); ++second)
      pairs.push_back({{"required", {*first, *second}}});
  }
  conditions_.push_back({{"not", {{"anyOf", std::move(pairs)}}}});
}

void SchemaWriter::NeededBy(std::string_view key, std::string_view list, Keys keys) {
  Json needing = Json::array();
  for (const std::string_view one : keys) needing.push_back({{"required", {one}}});
  const Json items = {{"not", {{"anyOf", std::move(needing)}}}};
  Json given = {{"required", {key}}};
  given["properties"][std::string(key)] = {{"minItems", 1}};
  Json not_needed;
  not_needed["properties"][std::string(list)] = {{"items", items}};
  conditions_.push_back({{"anyOf", {std::move(given), std::move(not_needed)}}});
}

void SchemaWriter::ShortFor(std::string_view key, ShortForm form) {
  short_key_ = key;
  short_form_ = form;
}

Json SchemaWriter::Finish() {
  Json map = {{"type", "object"}, {"properties", properties_}, {"additionalProperties", false}};
  if (!free_prefix_.empty()) map["patternProperties"]["^" + free_prefix_] = Json::object();
  if (!required_.empty()) map["required"] = required_;
  if (!conditions_.empty()) map["allOf"] = conditions_;
  if (short_key_.empty()) return map;
  Json word = {{"const", short_key_}};
  return {{"anyOf", {short_form_ == ShortForm::kValue ? properties_[short_key_] : word, std::move(map)}}};
}

}  // namespace

nlohmann::ordered_json JsonSchema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "hawser configuration"}};
  schema.update(SchemaWriter::Of(Config{}, {}));
  return schema;
}

}  // namespace hawser::config
