#include "config/reader.h"

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/leaf.h"
#include "config/suggest.h"
#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::config {
namespace {

using Keys = std::vector<std::string_view>;

bool Has(const Keys& keys, std::string_view key) {
  return std::ranges::find(keys, key) != keys.end();
}

std::optional<size_t> IndexOf(const Node& map, std::string_view key) {
  const auto found =
      std::find_if(map.keys.begin(), map.keys.end(), [key](const Node::Key& own) { return own.text == key; });
  if (found == map.keys.end()) return std::nullopt;
  return static_cast<size_t>(found - map.keys.begin());
}

// "path:access.log" and "path = access.log" are text to YAML.
bool IsGluedKey(const Node& node, const Keys& keys, char sign) {
  std::string_view key = std::string_view(node.text).substr(0, node.text.find(sign));
  key = key.substr(0, key.find_last_not_of(' ') + 1);
  return node.kind == Node::Kind::kPlain && key.size() < node.text.size() && Has(keys, key);
}

// Whether the map has an unknown key that was meant as one of these: one near to it, or the only one.
bool MeantAsOneOf(const Keys& keys, const Node& map, const Keys& known) {
  bool any_known = false;
  for (const Node::Key& key : map.keys) {
    if (Has(known, key.text)) {
      any_known = true;
    } else if (Has(keys, Nearest(key.text, known))) {
      return true;
    }
  }
  return !any_known && !map.keys.empty();
}

// "routes[2] has cluster": the first entry of the list with one of the keys; empty if there is none.
std::string WhoHas(const Node& list, std::string_view name, const Keys& keys) {
  for (size_t i = 0; i < list.children.size(); ++i) {
    for (const std::string_view key : keys) {
      if (IndexOf(*list.children[i], key)) return fmt::format("{}[{}] has {}", name, i, key);
    }
  }
  return {};
}

// Whether the value was meant to come from the environment: "${HOST}:80".
bool NamesVariable(const Node& node) {
  const size_t begin = node.scalar() ? node.text.find("${") : std::string::npos;
  return begin != std::string::npos && node.text.find('}', begin) != std::string::npos;
}

// "[ a ]": the list with this value alone.
std::string AsEntry(const Node& node) {
  const bool quotes =
      node.kind == Node::Kind::kQuoted || node.text.find_first_of("[]{}#") != std::string::npos;
  return quotes ? fmt::format("[ \"{}\" ]", node.text) : fmt::format("[ {} ]", node.text);
}

// One map, read into one struct.
class MapReader {
 public:
  MapReader(LoadState& state, const Cursor& cursor, const MapSpec& spec)
      : state_(state), cursor_(cursor), spec_(spec), known_(spec.Keys()) {}

  void Read(void* object);

 private:
  const Node& node() const { return cursor_.node; }
  bool is_map() const { return node().kind == Node::Kind::kMap; }

  void ReadShort(void* object);
  void ReadFields(void* object);
  void Check(const Condition& condition);
  void CheckExactlyOneOf(const Keys& keys);
  void CheckAtMostOneOf(const Keys& keys);
  void CheckNeededBy(const Condition& condition);
  void ReportUnknownKeys();
  void ReportNoMap();

  LoadState& state_;
  const Cursor& cursor_;
  const MapSpec& spec_;
  const Keys known_;
};

void MapReader::Read(void* object) {
  if (node().scalar() && !spec_.short_key.empty()) return ReadShort(object);
  if (!is_map()) return ReportNoMap();
  ReadFields(object);
  for (const Condition& condition : spec_.conditions) Check(condition);
  ReportUnknownKeys();
}

// The value is a scalar that stands for one key alone.
void MapReader::ReadShort(void* object) {
  const FieldSpec& field = spec_.Find(spec_.short_key);
  if (spec_.short_form == ShortForm::kValue) return ReadValue(state_, cursor_, field.value, field.In(object));
  HAWSER_DCHECK(field.value.bytes == sizeof(bool));
  *static_cast<bool*>(field.In(object)) = true;
  if (node().text == field.key.name) return;
  const std::string_view words[] = {field.key.name};
  const std::string_view nearest = Nearest(node().text, words);
  state_.errors.Add(
      node().mark, cursor_.path, Quote(node().text) + " is not known",
      nearest.empty() ? fmt::format("expected {} or a map", field.key.name) : Suggest(node().text, words));
}

void MapReader::ReadFields(void* object) {
  for (const FieldSpec& field : spec_.fields) {
    if (const std::optional<size_t> index = IndexOf(node(), field.key.name)) {
      ReadValue(state_, cursor_.Child(*index), field.value, field.In(object));
    } else if (field.key.presence == Presence::kRequired) {
      state_.errors.Add(node().mark, Join(cursor_.path, field.key.name), "is missing",
                        ExpectedText(field.value));
    }
  }
}

void MapReader::Check(const Condition& condition) {
  switch (condition.kind) {
    case Condition::Kind::kExactlyOneOf: return CheckExactlyOneOf(condition.keys);
    case Condition::Kind::kAtMostOneOf: return CheckAtMostOneOf(condition.keys);
    case Condition::Kind::kNeededBy: return CheckNeededBy(condition);
  }
}

void MapReader::CheckExactlyOneOf(const Keys& keys) {
  const auto given =
      std::count_if(keys.begin(), keys.end(), [this](std::string_view key) { return IndexOf(node(), key); });
  if (given > 0) return CheckAtMostOneOf(keys);
  if (MeantAsOneOf(keys, node(), known_)) return;  // ReportUnknownKeys does
  const std::string_view what = keys.size() == 1 ? "is empty" : "a key is missing";
  state_.errors.Add(node().mark, cursor_.path, std::string(what),
                    fmt::format("expected {}{}", keys.size() == 1 ? "" : "one of ", fmt::join(keys, ", ")));
}

void MapReader::CheckAtMostOneOf(const Keys& keys) {
  std::string_view first;
  for (const std::string_view key : keys) {
    const std::optional<size_t> index = IndexOf(node(), key);
    if (index && first.empty()) {
      first = key;
    } else if (index) {
      state_.errors.Add(node().keys[*index].mark, Join(cursor_.path, key),
                        fmt::format("cannot be combined with {}", first),
                        fmt::format("expected one of {}", fmt::join(keys, ", ")));
    }
  }
}

void MapReader::CheckNeededBy(const Condition& condition) {
  const std::optional<size_t> listed = IndexOf(node(), condition.list);
  const std::string who = listed ? WhoHas(*node().children[*listed], condition.list, condition.keys) : "";
  if (who.empty()) return;
  const std::optional<size_t> index = IndexOf(node(), condition.key);
  if (!index) {
    state_.errors.Add(node().mark, Join(cursor_.path, condition.key), "is missing",
                      "expected a list, because " + who);
  } else if (const Node& own = *node().children[*index];
             own.kind == Node::Kind::kList && own.children.empty()) {
    state_.errors.Add(own.mark, Join(cursor_.path, condition.key), "the list is empty",
                      "expected an entry, because " + who);
  }
}

void MapReader::ReportUnknownKeys() {
  for (const Node::Key& key : node().keys) {
    if (!spec_.free_prefix.empty() && key.text.starts_with(spec_.free_prefix)) continue;
    if (Has(known_, key.text)) continue;
    state_.errors.Add(key.mark, Join(cursor_.path, key.text), "unknown key", Suggest(key.text, known_));
  }
}

void MapReader::ReportNoMap() {
  const std::string what = node().scalar() ? "is a single value" : *NotAValue(node());
  state_.errors.Add(
      node().mark, cursor_.path, what,
      IsGluedKey(node(), known_, ':')
          ? fmt::format("expected a space behind the colon of {}", Quote(node().text))
      : IsGluedKey(node(), known_, '=')
          ? fmt::format("expected a colon and a space instead of the = of {}", Quote(node().text))
          : fmt::format("expected a map with {}", fmt::join(known_, ", ")));
}

void ReadLeaf(LoadState& state, const Cursor& cursor, const ValueSpec& spec, void* value) {
  const void* const rules = spec.rules.get();
  auto what = NotAValue(cursor.node);
  if (!what) what = spec.leaf->parse(cursor.node, rules, value);
  if (!what) what = spec.leaf->resolve(state.folder, rules, value);
  if (what) {
    return state.errors.Add(cursor.node.mark, cursor.path, *std::move(what),
                            NamesVariable(cursor.node) ? "hawser does not read environment variables"
                                                       : spec.leaf->expected_for(cursor.node, rules));
  }
  state.sources.Record(value, spec.bytes, {cursor.node.mark, cursor.path});
}

// What is expected where a list is, for a node that is none. Never quotes a secret.
std::string ExpectedList(const Cursor& cursor, const ValueSpec& spec) {
  constexpr size_t kLongest = 80;
  const Node& node = cursor.node;
  const std::string expected = ExpectedText(spec);
  if (node.kind == Node::Kind::kMap) return expected + ", each entry behind a dash and a space";
  if (node.kind == Node::Kind::kPlain && node.text.starts_with('-'))
    return "a space is missing behind the dash";
  const bool secret = spec.inner->leaf != nullptr && spec.inner->leaf->secret;
  if (secret || !node.scalar() || node.text.size() > kLongest) return expected;
  Diagnostics errors({});
  SourceMap sources;
  LoadState aside{errors, sources, {}};
  ReadValue(aside, cursor, *spec.inner, spec.list->make_entry().get());
  return errors.empty() ? fmt::format("{} such as {}", expected, AsEntry(node)) : expected;
}

void ReadList(LoadState& state, const Cursor& cursor, const ValueSpec& spec, void* list) {
  const Node& node = cursor.node;
  if (node.kind != Node::Kind::kList) {
    const std::string what = node.scalar() ? "is a single value" : *NotAValue(node);
    return state.errors.Add(node.mark, cursor.path, what, ExpectedList(cursor, spec));
  }
  const size_t count = node.children.size();
  if (count < spec.min_items) {
    state.errors.Add(node.mark, cursor.path, "the list is empty", "expected at least one entry");
  }
  spec.list->resize(list, count);  // once: the addresses of the elements are recorded
  for (size_t i = 0; i < count; ++i) ReadValue(state, cursor.Child(i), *spec.inner, spec.list->at(list, i));
  state.sources.Record(list, spec.bytes, {node.mark, cursor.path});
}

}  // namespace

void ReadValue(LoadState& state, const Cursor& cursor, const ValueSpec& spec, void* value) {
  switch (spec.kind) {
    case ValueSpec::Kind::kLeaf: return ReadLeaf(state, cursor, spec, value);
    case ValueSpec::Kind::kList: return ReadList(state, cursor, spec, value);
    case ValueSpec::Kind::kOptional:
      return ReadValue(state, cursor, *spec.inner, spec.optional->emplace(value));
    case ValueSpec::Kind::kMap: break;
  }
  state.sources.Record(value, spec.bytes, {cursor.node.mark, cursor.path});
  MapReader(state, cursor, *spec.map).Read(value);
}

}  // namespace hawser::config
