// How a section describes itself, in its own file:
//
//   void Describe(Description& d, const Drain& drain) {
//     d.Field({"window", "The closes are spread over this time."}, drain.window, {0s, 24h});
//   }
//
// A field has its key and help, and its rules: bounds or a form. Names<E> gives the words of an enum.
// `drain` is a struct as its initializers make it: it tells where its fields are, and their defaults.
// Describe() runs once for each struct; SpecOf<Drain>() is what comes of it.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "config/leaf_type.h"
#include "config/rules.h"
#include "config/spec.h"

namespace hawser::config {

inline constexpr Presence kRequired = Presence::kRequired;

class Description;

// A struct that describes itself: a map in the file.
template <class T>
concept Described = requires(Description& description, const T& object) {
  Describe(description, object);
};

class Description {
 public:
  using Keys = std::initializer_list<std::string_view>;

  Description(std::shared_ptr<const void> object, size_t bytes) : bytes_(bytes) {
    spec_.defaults = std::move(object);
  }

  // `field` is part of the object.
  template <class T>
  void Field(const Key& key, const T& field, const Rules<T>& rules = {});
  void ExactlyOneOf(Keys keys) { spec_.conditions.push_back({Condition::Kind::kExactlyOneOf, keys}); }
  void AtMostOneOf(Keys keys) { spec_.conditions.push_back({Condition::Kind::kAtMostOneOf, keys}); }
  // The list `key` has an entry wherever an entry of `list` has one of `keys`.
  void NeededBy(std::string_view key, std::string_view list, Keys keys) {
    spec_.conditions.push_back({Condition::Kind::kNeededBy, keys, key, list});
  }
  void ShortFor(std::string_view key, ShortForm form) {
    spec_.short_key = key;
    spec_.short_form = form;
  }
  // Keys with this prefix are ignored, with any value.
  void FreeKeys(std::string_view prefix) { spec_.free_prefix = prefix; }
  // The dump hides the texts of `keys` where that of `name` names a credential.
  void HiddenBy(std::string_view name, Keys keys) {
    spec_.named_by = name;
    spec_.hidden = keys;
  }

  MapSpec Finish() { return std::move(spec_); }

 private:
  void Add(const Key& key, const void* field, ValueSpec value);

  MapSpec spec_;
  const size_t bytes_;  // of the object
};

template <Described T>
const MapSpec& SpecOf() {
  static const MapSpec spec = [] {
    const auto object = std::make_shared<const T>();
    Description description(object, sizeof(T));
    Describe(description, *object);
    return description.Finish();
  }();
  return spec;
}

// The specification of values of type T that keep to the rules.
template <class T>
struct ValueOf {
  static ValueSpec Make(const Rules<T>& rules) {
    ValueSpec spec{.kind = ValueSpec::Kind::kLeaf, .bytes = sizeof(T)};
    if constexpr (Enum<T>) {
      spec.leaf = &WordType();
      spec.rules = std::make_shared<const WordRules>(WordsOf<T>());
    } else {
      spec.leaf = &LeafTypeOf<T>();
      spec.rules = std::make_shared<const Rules<T>>(rules);
    }
    return spec;
  }
};

template <Described T>
struct ValueOf<T> {
  static ValueSpec Make(const Rules<T>&) {
    return {.kind = ValueSpec::Kind::kMap, .bytes = sizeof(T), .map = &SpecOf<T>()};
  }
};

template <class T>
struct ValueOf<std::optional<T>> {
  static constexpr OptionalType kType = {
      .emplace = [](void* optional) -> void* { return &static_cast<std::optional<T>*>(optional)->emplace(); },
      .get = [](const void* optional) -> const void* {
        const auto& value = *static_cast<const std::optional<T>*>(optional);
        return value ? &*value : nullptr;
      }};

  static ValueSpec Make(const Rules<std::optional<T>>& rules) {
    return {.kind = ValueSpec::Kind::kOptional,
            .bytes = sizeof(std::optional<T>),
            .inner = std::make_shared<const ValueSpec>(ValueOf<T>::Make(rules)),
            .optional = &kType};
  }
};

template <class T>
struct ValueOf<std::vector<T>> {
  static constexpr ListType kType = {
      .count = [](const void* list) { return static_cast<const std::vector<T>*>(list)->size(); },
      .resize = [](void* list, size_t count) { static_cast<std::vector<T>*>(list)->resize(count); },
      .at = [](void* list, size_t index) -> void* { return &(*static_cast<std::vector<T>*>(list))[index]; },
      .get = [](const void* list, size_t index) -> const void* {
        return &(*static_cast<const std::vector<T>*>(list))[index];
      },
      .make_entry = []() -> std::shared_ptr<void> { return std::make_shared<T>(); }};

  static ValueSpec Make(const Rules<std::vector<T>>& rules) {
    return {.kind = ValueSpec::Kind::kList,
            .bytes = sizeof(std::vector<T>),
            .inner = std::make_shared<const ValueSpec>(ValueOf<T>::Make(rules.each)),
            .list = &kType,
            .min_items = rules.min_items};
  }
};

template <class T>
void Description::Field(const Key& key, const T& field, const Rules<T>& rules) {
  Add(key, &field, ValueOf<T>::Make(rules));
}

}  // namespace hawser::config
