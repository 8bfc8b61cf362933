#include "config/reader.h"

#include <algorithm>

#include "config/suggest.h"
#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::config {
namespace {

std::optional<size_t> IndexOf(const Node& map, std::string_view key) {
  const auto found =
      std::find_if(map.keys.begin(), map.keys.end(), [key](const Node::Key& own) { return own.text == key; });
  if (found == map.keys.end()) return std::nullopt;
  return static_cast<size_t>(found - map.keys.begin());
}

// "path:access.log" and "path = access.log" are text to YAML.
bool IsGluedKey(const Node& node, const std::vector<std::string_view>& keys, char sign) {
  std::string_view key = std::string_view(node.text).substr(0, node.text.find(sign));
  key = key.substr(0, key.find_last_not_of(' ') + 1);
  return node.kind == Node::Kind::kPlain && key.size() < node.text.size() &&
         std::find(keys.begin(), keys.end(), key) != keys.end();
}

// Whether the map has an unknown key that was meant as one of these: one near to it, or the only one.
bool MeantAsOneOf(Keys keys, const Node& map, const std::vector<std::string_view>& known) {
  bool any_known = false;
  for (const Node::Key& key : map.keys) {
    if (std::find(known.begin(), known.end(), key.text) != known.end()) {
      any_known = true;
    } else if (std::ranges::find(keys, Nearest(key.text, known)) != keys.end()) {
      return true;
    }
  }
  return !any_known && !map.keys.empty();
}

// "routes[2] has cluster": the first entry of the list with one of the keys; empty if there is none.
std::string WhoHas(const Node& list, std::string_view name, Keys keys) {
  for (size_t i = 0; i < list.children.size(); ++i) {
    for (const std::string_view key : keys) {
      if (IndexOf(*list.children[i], key)) return fmt::format("{}[{}] has {}", name, i, key);
    }
  }
  return {};
}

}  // namespace

void Reader::ExactlyOneOf(Keys keys) {
  HAWSER_DCHECK(AreFields(keys));
  if (!is_map()) return;
  const auto given =
      std::count_if(keys.begin(), keys.end(), [this](std::string_view key) { return Find(key); });
  if (given > 0) return AtMostOneOf(keys);
  if (MeantAsOneOf(keys, cursor_.node, known_)) return;  // Finish reports it
  const std::string_view what = keys.size() == 1 ? "is empty" : "a key is missing";
  state_.errors.Add(cursor_.node.mark, cursor_.path, std::string(what),
                    fmt::format("expected {}{}", keys.size() == 1 ? "" : "one of ", fmt::join(keys, ", ")));
}

void Reader::AtMostOneOf(Keys keys) {
  HAWSER_DCHECK(AreFields(keys));
  if (!is_map()) return;
  std::string_view first;
  for (const std::string_view key : keys) {
    const std::optional<size_t> index = Find(key);
    if (index && first.empty()) {
      first = key;
    } else if (index) {
      state_.errors.Add(cursor_.node.keys[*index].mark, Join(cursor_.path, key),
                        fmt::format("cannot be combined with {}", first),
                        fmt::format("expected one of {}", fmt::join(keys, ", ")));
    }
  }
}

void Reader::NeededBy(std::string_view key, std::string_view list, Keys keys) {
  if (!is_map()) return;
  const std::optional<size_t> listed = Find(list);
  const std::string who = listed ? WhoHas(*cursor_.node.children[*listed], list, keys) : "";
  if (who.empty()) return;
  const std::optional<size_t> index = Find(key);
  if (!index) {
    state_.errors.Add(cursor_.node.mark, Join(cursor_.path, key), "is missing",
                      "expected a list, because " + who);
  } else if (const Node& own = *cursor_.node.children[*index];
             own.kind == Node::Kind::kList && own.children.empty()) {
    state_.errors.Add(own.mark, Join(cursor_.path, key), "the list is empty",
                      "expected an entry, because " + who);
  }
}

void Reader::ShortFor(std::string_view key, ShortForm form) {
  HAWSER_DCHECK(known_.empty());
  if (!cursor_.node.scalar()) return;
  short_key_ = key;
  short_form_ = form;
  if (form != ShortForm::kWord || cursor_.node.text == key) return;
  const std::string_view words[] = {key};
  const std::string_view nearest = Nearest(cursor_.node.text, words);
  state_.errors.Add(
      cursor_.node.mark, cursor_.path, Quote(cursor_.node.text) + " is not known",
      nearest.empty() ? fmt::format("expected {} or a map", key) : Suggest(cursor_.node.text, words));
}

void Reader::Finish() {
  if (!short_key_.empty()) return;
  if (!is_map()) {
    const std::string what = cursor_.node.scalar() ? "is a single value" : *NotAValue(cursor_.node);
    return state_.errors.Add(
        cursor_.node.mark, cursor_.path, what,
        IsGluedKey(cursor_.node, known_, ':')
            ? fmt::format("expected a space behind the colon of {}", Quote(cursor_.node.text))
        : IsGluedKey(cursor_.node, known_, '=')
            ? fmt::format("expected a colon and a space instead of the = of {}", Quote(cursor_.node.text))
            : fmt::format("expected a map with {}", fmt::join(known_, ", ")));
  }
  for (const Node::Key& key : cursor_.node.keys) {
    if (!free_prefix_.empty() && key.text.starts_with(free_prefix_)) continue;
    if (std::find(known_.begin(), known_.end(), key.text) != known_.end()) continue;
    state_.errors.Add(key.mark, Join(cursor_.path, key.text), "unknown key", Suggest(key.text, known_));
  }
}

bool Reader::AreFields(Keys keys) const {
  return std::all_of(keys.begin(), keys.end(), [this](std::string_view key) {
    return std::find(known_.begin(), known_.end(), key) != known_.end();
  });
}

std::optional<size_t> Reader::Find(std::string_view key) const {
  return IndexOf(cursor_.node, key);
}

void Reader::ReportMissing(const Key& key, std::string expected) {
  state_.errors.Add(cursor_.node.mark, Join(cursor_.path, key.name), "is missing", std::move(expected));
}

std::string AsEntry(const Node& node) {
  const bool quotes =
      node.kind == Node::Kind::kQuoted || node.text.find_first_of("[]{}#") != std::string::npos;
  return quotes ? fmt::format("[ \"{}\" ]", node.text) : fmt::format("[ {} ]", node.text);
}

bool NamesVariable(const Node& node) {
  const size_t begin = node.scalar() ? node.text.find("${") : std::string::npos;
  return begin != std::string::npos && node.text.find('}', begin) != std::string::npos;
}

std::string ResolveFile(const LoadState& state, Form form, std::string file) {
  const bool is_file = form == Form::kFile || (form == Form::kLogFile && !file.empty() && file != "-");
  if (!is_file || file.starts_with('/') || state.folder.empty()) return file;
  return (state.folder / file).lexically_normal().string();
}

std::optional<std::string> ResolveSocket(const LoadState& state, net::SocketAddress& address) {
  if (!address.has_file()) return std::nullopt;
  auto resolved = net::SocketAddress::Parse("unix:" + ResolveFile(state, Form::kFile, address.path()));
  if (!resolved.ok()) return std::string(resolved.status().message());
  address = *std::move(resolved);
  return std::nullopt;
}

std::optional<std::string> ResolveSocket(const LoadState& state, BackendAddress& address) {
  if (address.named()) return std::nullopt;
  net::SocketAddress literal = address.literal();
  auto what = ResolveSocket(state, literal);
  if (!what) address = std::move(literal);
  return what;
}

}  // namespace hawser::config
