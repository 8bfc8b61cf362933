// A JSON object as a table: a row for each field, with its documentation and the way in which it is made.
//
//   constexpr auto kPoint = std::to_array<Field<Point>>({
//       {"x", "number", "Metres.", [](const Point& p) { return Json(p.x); }},
//   });
//   ToJson(kPoint, point);            // {"x": 1.5}
//   Document("points[].", kPoint);    // {{"points[].x", "number", "Metres."}}
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fmt/chrono.h"
#include "nlohmann/json.hpp"
#include "proxy/admin/pages.h"

namespace hawser::admin {

using Json = nlohmann::ordered_json;

// RFC 3339, to the second.
inline std::string TimeText(std::chrono::system_clock::time_point time) {
  return fmt::format("{:%FT%TZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

// As a page shows it. What is no UTF-8 is replaced.
inline std::string TextOf(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

template <typename T>
struct Field {
  std::string_view name;
  std::string_view type;
  std::string_view meaning;
  Json (*value)(const T& of);  // null leaves the field out
};

template <typename Fields, typename T>
Json ToJson(const Fields& fields, const T& of) {
  Json object = Json::object();
  for (const auto& field : fields) {
    Json value = field.value(of);
    if (!value.is_null()) object[std::string(field.name)] = std::move(value);
  }
  return object;
}

// An object for each element of `list`, which are pointers or values.
template <typename Fields, typename List>
Json ToJsonList(const Fields& fields, const List& list) {
  Json array = Json::array();
  for (const auto& element : list) {
    if constexpr (requires { *element; }) {
      array.push_back(ToJson(fields, *element));
    } else {
      array.push_back(ToJson(fields, element));
    }
  }
  return array;
}

// Appends a row for each field to `into`.
template <typename Fields>
void Document(std::string_view prefix, const Fields& fields, std::vector<FieldSpec>& into) {
  for (const auto& field : fields) {
    into.push_back({std::string(prefix).append(field.name), field.type, field.meaning});
  }
}

}  // namespace hawser::admin
