// The specification of the configuration at run time: what each struct holds, under which keys, by which
// rules. It is made once from the description that every section gives of itself (describe.h). What needs to
// know every field is an ordinary function over it: the reader, the JSON Schema, the reference, the dump,
// the comparison of two configurations.
//
// A value is reached through void pointers: that of a struct, and a field's offset in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace hawser::config {

struct Node;

using Json = nlohmann::ordered_json;

enum class Presence : uint8_t { kOptional, kRequired };
enum class Change : uint8_t { kByReload, kByRestart };

struct Key {
  std::string_view name;
  std::string_view help;  // sentences in Markdown
  // What holds when an optional field is left out, if its default does not say it.
  std::string_view absent = {};
  Presence presence = Presence::kOptional;
  Change change = Change::kByReload;  // what it takes to change the field
};

// Instead of its map, a value may be written as...
enum class ShortForm : uint8_t {
  kValue,  // the value of that key alone: "127.0.0.1:80" for { address: "127.0.0.1:80" }
  kWord,   // the name of that key alone: source_ip for { source_ip: true }
};

// A type of single values: a number, a duration, an address. `rules` are those of one field, a Rules<T> for
// values that are a T.
struct LeafType {
  bool secret = false;   // never shown
  bool ranged = false;   // a range that JSON Schema cannot express
  bool is_text = false;  // T is a string
  // The error, or none and the value.
  std::optional<std::string> (*parse)(const Node& node, const void* rules, void* value) = nullptr;
  // Makes what is relative to the folder of the file absolute. The error, if that cannot be.
  std::optional<std::string> (*resolve)(const std::filesystem::path& folder, const void* rules,
                                        void* value) = nullptr;
  std::string (*expected_for)(const Node& node,
                              const void* rules) = nullptr;  // for a node that did not parse
  std::string (*expected)(const void* rules) = nullptr;
  std::string (*type)(const void* rules) = nullptr;
  std::string (*bounds)(const void* rules) = nullptr;  // may be empty
  std::string (*standard)(const void* rules,
                          const void* value) = nullptr;  // as the reference shows a default; may be empty
  Json (*json)(const void* rules, const void* value) = nullptr;
  Json (*schema)(const void* rules) = nullptr;
  bool (*equal)(const void* a, const void* b) = nullptr;
};

struct OptionalType {
  void* (*emplace)(void* optional);
  const void* (*get)(const void* optional);  // null: it has no value
};

struct ListType {
  size_t (*count)(const void* list);
  void (*resize)(void* list, size_t count);
  void* (*at)(void* list, size_t index);
  const void* (*get)(const void* list, size_t index);
  std::shared_ptr<void> (*make_entry)();  // one that stands in no list
};

struct MapSpec;

struct ValueSpec {
  enum class Kind : uint8_t { kLeaf, kMap, kOptional, kList };

  Kind kind = Kind::kLeaf;
  size_t bytes = 0;                        // of the value itself
  const LeafType* leaf = nullptr;          // of a leaf
  std::shared_ptr<const void> rules;       // of a leaf
  const MapSpec* map = nullptr;            // of a map
  std::shared_ptr<const ValueSpec> inner;  // of what an optional or a list holds
  const OptionalType* optional = nullptr;
  const ListType* list = nullptr;
  size_t min_items = 0;  // of a list
};

struct FieldSpec {
  Key key;
  size_t offset = 0;  // in the struct
  ValueSpec value;

  const void* In(const void* object) const { return static_cast<const std::byte*>(object) + offset; }
  void* In(void* object) const { return static_cast<std::byte*>(object) + offset; }
};

// On the keys of one map together.
struct Condition {
  enum class Kind : uint8_t {
    kExactlyOneOf,
    kAtMostOneOf,
    kNeededBy,  // the list `key` has an entry wherever an entry of `list` has one of `keys`
  };

  Kind kind;
  std::vector<std::string_view> keys;
  std::string_view key = {};
  std::string_view list = {};
};

struct MapSpec {
  std::vector<FieldSpec> fields;  // in the order in which they are printed
  std::vector<Condition> conditions;
  std::string_view short_key;  // empty: there is no short form
  ShortForm short_form = ShortForm::kValue;
  std::string_view free_prefix;          // not empty: keys that begin so are ignored, with any value
  std::string_view named_by;             // not empty: where the text of this key names a credential,
  std::vector<std::string_view> hidden;  // the texts of these are not shown
  std::shared_ptr<const void> defaults;  // the struct as its initializers make it

  const FieldSpec& Find(std::string_view key) const;  // one of the fields
  std::vector<std::string_view> Keys() const;
};

// "expected a list", "expected a whole number, 1 to 100".
std::string ExpectedText(const ValueSpec& spec);

// The help, and what holds for a field that a reload cannot change.
std::string HelpText(const Key& key);

}  // namespace hawser::config
