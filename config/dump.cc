#include "config/dump.h"

#include "config/describe.h"
#include "config/leaf_json.h"

namespace hawser::config {
namespace {

// A visitor that writes one struct.
class Dumper {
 public:
  explicit Dumper(Json& object) : object_(object) {}

  template <class T>
  void Field(const Key& key, const T& field, const Rules<T>& = {}) {
    Write(key.name, field);
  }
  void ExactlyOneOf(Keys) {}
  void AtMostOneOf(Keys) {}
  void NeededBy(std::string_view, std::string_view, Keys) {}
  void ShortFor(std::string_view, ShortForm) {}
  void FreeKeys(std::string_view) {}

  template <class T>
  static Json ToJson(const T& value) {
    return LeafJson(value);
  }

  template <Described T>
  static Json ToJson(const T& value) {
    Json object = Json::object();
    Dumper dumper(object);
    Describe(dumper, value);
    return object;
  }

  template <class T>
  static Json ToJson(const std::vector<T>& list) {
    Json array = Json::array();
    for (const T& element : list) array.push_back(ToJson(element));
    return array;
  }

 private:
  template <class T>
  void Write(std::string_view key, const T& value) {
    object_[std::string(key)] = ToJson(value);
  }
  template <class T>
  void Write(std::string_view key, const std::optional<T>& value) {
    if (value) Write(key, *value);
  }

  Json& object_;
};

}  // namespace

nlohmann::ordered_json Dump(const Config& config) {
  return Dumper::ToJson(config);
}

}  // namespace hawser::config
