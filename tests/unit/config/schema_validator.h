// Whether a value fits a JSON Schema: the keywords that hawser's own schema uses, and no others (an unknown
// one fails the test). Patterns are RE2's, matched anywhere, as JSON Schema has them.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>

#include <re2/re2.h>
#include <nlohmann/json.hpp>

#include "gtest/gtest.h"

namespace hawser::config {

class SchemaValidator {
 public:
  using Json = nlohmann::ordered_json;

  static bool Fits(const Json& value, const Json& schema) {
    return std::all_of(schema.items().begin(), schema.items().end(), [&](const auto& keyword) {
      return Holds(value, schema, keyword.key(), keyword.value());
    });
  }

 private:
  static bool Holds(const Json& value, const Json& schema, const std::string& keyword, const Json& rule) {
    if (keyword == "type") return HasType(value, rule);
    if (keyword == "const") return value == rule;
    if (keyword == "enum") return std::find(rule.begin(), rule.end(), value) != rule.end();
    if (keyword == "minimum") return !value.is_number() || value >= rule;
    if (keyword == "maximum") return !value.is_number() || value <= rule;
    if (keyword == "pattern") return !value.is_string() || Matches(value, rule);
    if (keyword == "minLength") return !value.is_string() || Length(value) >= rule;
    if (keyword == "maxLength") return !value.is_string() || Length(value) <= rule;
    if (keyword == "minItems") return !value.is_array() || value.size() >= rule;
    if (keyword == "allOf") return Fitting(value, rule) == rule.size();
    if (keyword == "anyOf") return Fitting(value, rule) > 0;
    if (keyword == "oneOf") return Fitting(value, rule) == 1;
    if (keyword == "not") return !Fits(value, rule);
    if (keyword == "items") return ItemsFit(value, rule);
    if (keyword == "properties") return PropertiesFit(value, rule);
    if (keyword == "patternProperties") return PatternsFit(value, rule);
    if (keyword == "required") return HasAll(value, rule);
    if (keyword == "additionalProperties") return HasNoneBut(value, schema);
    const bool annotation =
        keyword == "$schema" || keyword == "title" || keyword == "description" || keyword == "default";
    EXPECT_TRUE(annotation) << "the validator does not know " << keyword;
    return true;
  }

  static bool HasType(const Json& value, const std::string& type) {
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "array") return value.is_array();
    if (type == "object") return value.is_object();
    if (type == "number") return value.is_number();
    EXPECT_EQ(type, "integer");  // 1.0 is one
    return value.is_number() && (value.is_number_integer() || value == std::trunc(value.get<double>()));
  }
  static bool Matches(const std::string& text, const std::string& pattern) {
    return RE2::PartialMatch(text, pattern);
  }
  // In characters, not bytes.
  static size_t Length(const std::string& text) {
    return static_cast<size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  }
  static size_t Fitting(const Json& value, const Json& schemas) {
    return static_cast<size_t>(std::count_if(schemas.begin(), schemas.end(),
                                             [&value](const Json& schema) { return Fits(value, schema); }));
  }
  static bool ItemsFit(const Json& value, const Json& schema) {
    return !value.is_array() || std::all_of(value.begin(), value.end(),
                                            [&schema](const Json& item) { return Fits(item, schema); });
  }
  static bool PropertiesFit(const Json& value, const Json& properties) {
    if (!value.is_object()) return true;
    const auto items = properties.items();
    return std::all_of(items.begin(), items.end(), [&value](const auto& property) {
      return !value.contains(property.key()) || Fits(value.at(property.key()), property.value());
    });
  }
  static bool HasAll(const Json& value, const Json& keys) {
    return !value.is_object() || std::all_of(keys.begin(), keys.end(), [&value](const Json& key) {
      return value.contains(key.get<std::string>());
    });
  }
  static bool PatternsFit(const Json& value, const Json& patterns) {
    if (!value.is_object()) return true;
    const auto items = value.items();
    return std::all_of(items.begin(), items.end(), [&patterns](const auto& item) {
      const auto schemas = patterns.items();
      return std::all_of(schemas.begin(), schemas.end(), [&item](const auto& schema) {
        return !Matches(item.key(), schema.key()) || Fits(item.value(), schema.value());
      });
    });
  }
  static bool HasNoneBut(const Json& value, const Json& schema) {
    if (!value.is_object()) return true;
    const auto items = value.items();
    const Json patterns = schema.value("patternProperties", Json::object());
    return std::all_of(items.begin(), items.end(), [&schema, &patterns](const auto& item) {
      const auto pairs = patterns.items();
      return schema.at("properties").contains(item.key()) ||
             std::any_of(pairs.begin(), pairs.end(),
                         [&item](const auto& pattern) { return Matches(item.key(), pattern.key()); });
    });
  }
};

}  // namespace hawser::config
