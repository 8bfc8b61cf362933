#include "config/dump.h"

#include "absl/strings/ascii.h"
#include "config/describe.h"
#include "config/leaf_json.h"

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
  static Json ToJson(const HeaderField& field) {
    return {{"name", field.name}, {"value", IsCredential(field.name) ? kRedacted : field.value}};
  }
  // Routes may tell clients apart by a credential.
  static Json ToJson(const ValueMatch& match) {
    if (!IsCredential(match.name)) return MapOf(match);
    ValueMatch redacted = match;
    for (auto* text : {&redacted.exact, &redacted.prefix, &redacted.regex}) {
      if (*text) *text = kRedacted;
    }
    return MapOf(redacted);
  }

  template <Described T>
  static Json ToJson(const T& value) {
    return MapOf(value);
  }

  template <class T>
  static Json ToJson(const std::vector<T>& list) {
    Json array = Json::array();
    for (const T& element : list) array.push_back(ToJson(element));
    return array;
  }

 private:
  template <Described T>
  static Json MapOf(const T& value) {
    Json object = Json::object();
    Dumper dumper(object);
    Describe(dumper, value);
    return object;
  }
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
