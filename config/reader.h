// The visitor that fills a struct from a YAML map: finds each described field among the map's keys, reads it
// by its type, and reports everything that does not fit. Never stops at the first error.
#pragma once

#include <filesystem>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/describe.h"
#include "config/diagnostic.h"
#include "config/field_text.h"
#include "config/leaf.h"
#include "config/node.h"
#include "config/source_map.h"

namespace hawser::config {

// The state of one load.
struct LoadState {
  Diagnostics& errors;
  SourceMap& sources;
  std::filesystem::path folder;  // of the configuration file; relative files are seen from here
};

class Reader {
 public:
  Reader(LoadState& state, Cursor cursor) : state_(state), cursor_(std::move(cursor)) {}

  template <class T>
  void Field(const Key& key, T& field, const Rules<T>& rules = {});
  void ExactlyOneOf(Keys keys);
  void AtMostOneOf(Keys keys);
  void NeededBy(std::string_view key, std::string_view list, Keys keys);
  void ShortFor(std::string_view key, ShortForm form);
  void FreeKeys(std::string_view prefix) { free_prefix_ = prefix; }

  // After the last field: keys that no field has, or a value that is no map at all.
  void Finish();

 private:
  bool is_map() const { return cursor_.node.kind == Node::Kind::kMap; }
  // Whether each of the keys is a field so far.
  bool AreFields(Keys keys) const;
  // The index of the key in the map.
  std::optional<size_t> Find(std::string_view key) const;
  void ReportMissing(const Key& key, std::string expected);
  template <class T>
  void ReadShort(T& field, const Rules<T>& rules);

  LoadState& state_;
  const Cursor cursor_;
  std::vector<std::string_view> known_;  // keys of the fields so far
  std::string_view free_prefix_;         // not empty: keys that begin so are not read
  std::string_view short_key_;           // not empty: the value is a scalar that stands for this key alone
  ShortForm short_form_ = ShortForm::kValue;
};

// Relative to the folder of the configuration file, where the form is a file's.
std::string ResolveFile(const LoadState& state, Form form, std::string file);

// Likewise the path of a Unix socket. Says what is wrong where that makes it too long.
std::optional<std::string> ResolveSocket(const LoadState& state, net::SocketAddress& address);
std::optional<std::string> ResolveSocket(const LoadState& state, BackendAddress& address);

// Whether the value was meant to come from the environment: "${HOST}:80".
bool NamesVariable(const Node& node);

template <class T>
void ReadValue(LoadState& state, const Cursor& cursor, T& value, const Rules<T>& rules) {
  auto what = NotAValue(cursor.node);
  if (!what) what = ParseLeaf(cursor.node, rules, value);
  if constexpr (std::is_same_v<T, net::SocketAddress> || std::is_same_v<T, BackendAddress>) {
    if (!what) what = ResolveSocket(state, value);
  }
  if (what) {
    return state.errors.Add(cursor.node.mark, cursor.path, *std::move(what),
                            NamesVariable(cursor.node) ? "hawser does not read environment variables"
                                                       : ExpectedFor(cursor.node, rules));
  }
  if constexpr (std::is_same_v<T, std::string>) value = ResolveFile(state, rules.form, std::move(value));
  state.sources.Record(value, {cursor.node.mark, cursor.path});
}

template <Described T>
void ReadValue(LoadState& state, const Cursor& cursor, T& object, const Rules<T>&) {
  state.sources.Record(object, {cursor.node.mark, cursor.path});
  Reader reader(state, cursor);
  Describe(reader, object);
  reader.Finish();
}

template <class T>
void ReadValue(LoadState& state, const Cursor& cursor, std::optional<T>& value,
               const Rules<std::optional<T>>& rules) {
  ReadValue(state, cursor, value.emplace(), static_cast<const Rules<T>&>(rules));
}

// "[ a ]": the list with this value alone.
std::string AsEntry(const Node& node);

// What is expected where a list is, for a node that is none. Never quotes a secret.
template <class T>
std::string ExpectedList(const Cursor& cursor, const Rules<std::vector<T>>& rules) {
  constexpr size_t kLongest = 80;
  const Node& node = cursor.node;
  if (node.kind == Node::Kind::kMap) return ExpectedText(rules) + ", each entry behind a dash and a space";
  if (node.kind == Node::Kind::kPlain && node.text.starts_with('-'))
    return "a space is missing behind the dash";
  if constexpr (!std::is_same_v<T, Secret>) {
    if (!node.scalar() || node.text.size() > kLongest) return ExpectedText(rules);
    Diagnostics errors({});
    SourceMap sources;
    LoadState aside{errors, sources, {}};
    T entry{};
    ReadValue(aside, cursor, entry, rules.each);
    if (errors.empty()) return fmt::format("{} such as {}", ExpectedText(rules), AsEntry(node));
  }
  return ExpectedText(rules);
}

template <class T>
void ReadValue(LoadState& state, const Cursor& cursor, std::vector<T>& list,
               const Rules<std::vector<T>>& rules) {
  if (cursor.node.kind != Node::Kind::kList) {
    const std::string what = cursor.node.scalar() ? "is a single value" : *NotAValue(cursor.node);
    return state.errors.Add(cursor.node.mark, cursor.path, what, ExpectedList(cursor, rules));
  }
  const size_t count = cursor.node.children.size();
  if (count < rules.min_items) {
    state.errors.Add(cursor.node.mark, cursor.path, "the list is empty", "expected at least one entry");
  }
  list.resize(count);  // once: the addresses of the elements are recorded
  for (size_t i = 0; i < count; ++i) ReadValue(state, cursor.Child(i), list[i], rules.each);
  state.sources.Record(list, {cursor.node.mark, cursor.path});
}

template <class T>
void Reader::Field(const Key& key, T& field, const Rules<T>& rules) {
  known_.push_back(key.name);
  if (key.name == short_key_) return ReadShort(field, rules);
  if (!is_map()) return;
  if (const std::optional<size_t> index = Find(key.name)) {
    return ReadValue(state_, cursor_.Child(*index), field, rules);
  }
  if (key.presence == Presence::kRequired) ReportMissing(key, ExpectedText(rules));
}

template <class T>
void Reader::ReadShort(T& field, const Rules<T>& rules) {
  if (short_form_ == ShortForm::kValue) return ReadValue(state_, cursor_, field, rules);
  if constexpr (std::is_same_v<T, bool>) field = true;
}

}  // namespace hawser::config
