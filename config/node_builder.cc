#include "config/node_builder.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::config {
namespace {

constexpr std::string_view kMergeKey = "<<";

size_t FindControl(std::string_view text) {
  return static_cast<size_t>(std::find_if(text.begin(), text.end(), IsControl) - text.begin());
}

}  // namespace

Mark ToMark(const YAML::Mark& mark) {
  return {static_cast<uint32_t>(mark.line + 1), static_cast<uint32_t>(mark.column + 1)};
}

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == 0x7f || (byte < 0x20 && c != '\t' && c != '\n' && c != '\r');
}

void NodeBuilder::OnDocumentStart(const YAML::Mark& mark) {
  if (std::exchange(seen_document_, true)) second_document_ = ToMark(mark);
  anchors_.clear();
}

void NodeBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  if (second_document_.line > 0 && open_.empty()) return;  // a "---" with nothing behind it
  Node* node = Make(mark, "?", anchor, Node::Kind::kNull);
  if (node == nullptr) return;
  if (!open_.empty() && open_.back()->keys.size() > open_.back()->children.size()) {
    node->mark = open_.back()->keys.back().mark;  // yaml-cpp gives the place of what comes behind
  }
  Finish(*node);
  Place(*node);
}

void NodeBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                           const std::string& value) {
  Node* node = Make(mark, tag, anchor, tag == "?" ? Node::Kind::kPlain : Node::Kind::kQuoted);
  if (node == nullptr) return;
  if (const size_t at = FindControl(value); at < value.size()) {
    errors_.Add(node->mark, Path(), fmt::format("control character 0x{:02x} in text", value[at]));
  }
  node->text = value;
  Finish(*node);
  Place(*node);
}

void NodeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  if (failed_) return;
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end() || !found->second->complete) {
    return Fail(ToMark(mark), "the alias is inside the value that it names",
                "expected an alias of a value that ends before it");
  }
  Place(*found->second);
}

void NodeBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                                  YAML::EmitterStyle::value) {
  Open(Make(mark, tag, anchor, Node::Kind::kList));
}

void NodeBuilder::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                             YAML::EmitterStyle::value) {
  Open(Make(mark, tag, anchor, Node::Kind::kMap));
}

Node* NodeBuilder::Make(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                        Node::Kind kind) {
  if (failed_) return nullptr;
  if (second_document_.line > 0) {
    Fail(second_document_, "a second document begins", "expected one document in the file");
    return nullptr;
  }
  if (document_.nodes.size() == bounds_.nodes) {
    Fail(ToMark(mark), "the file has too many values",
         fmt::format("expected at most {} values", bounds_.nodes));
    return nullptr;
  }
  if (tag.size() > 1) errors_.Add(ToMark(mark), Path(), "tags are not supported", "expected a plain value");
  Node& node = document_.nodes.emplace_back();
  node.kind = kind;
  node.mark = ToMark(mark);
  if (anchor != YAML::NullAnchor) anchors_[anchor] = &node;
  return &node;
}

void NodeBuilder::Open(Node* node) {
  if (node == nullptr) return;
  if (open_.size() == bounds_.depth) {
    return Fail(node->mark, "nested too deeply", fmt::format("expected at most {} levels", bounds_.depth));
  }
  open_.push_back(node);
}

void NodeBuilder::Close() {
  if (failed_) return;
  HAWSER_DCHECK(!open_.empty());
  Node& node = *open_.back();
  Finish(node);
  if (failed_) return;
  open_.pop_back();
  Place(node);
}

void NodeBuilder::Place(const Node& node) {
  if (failed_) return;
  HAWSER_DCHECK(node.complete);
  if (open_.empty()) {
    document_.root = &node;
    return;
  }
  Node& container = *open_.back();
  const bool wants_key =
      container.kind == Node::Kind::kMap && container.keys.size() == container.children.size();
  if (wants_key) return PlaceKey(node);
  container.children.push_back(&node);
}

void NodeBuilder::PlaceKey(const Node& node) {
  HAWSER_DCHECK(open_.back()->kind == Node::Kind::kMap);
  if (node.kind == Node::Kind::kList) {
    return Fail(node.mark, "a key is not plain text",
                "put an address such as \"[::1]:80\" in quotes: [ begins a list");
  }
  if (!node.scalar()) return Fail(node.mark, "a key is not plain text", "expected a name and a colon");
  open_.back()->keys.push_back({node.text, node.mark});
}

// Runs once for each node, when all below it is known.
void NodeBuilder::Finish(Node& node) {
  HAWSER_DCHECK(!node.complete);
  HAWSER_DCHECK(node.kind != Node::Kind::kMap || node.keys.size() == node.children.size());
  if (node.kind == Node::Kind::kMap) {
    DropDuplicates(node);
    Merge(node);
  }
  for (const Node* child : node.children) {
    node.size = std::min(node.size + child->size, bounds_.nodes + 1);
    node.depth = std::max(node.depth, child->depth + 1);
  }
  if (node.size > bounds_.nodes) {
    Fail(node.mark, "aliases make the file too large",
         fmt::format("expected at most {} values", bounds_.nodes));
  }
  if (node.depth > bounds_.depth) {
    Fail(node.mark, "nested too deeply", fmt::format("expected at most {} levels", bounds_.depth));
  }
  node.complete = true;
}

void NodeBuilder::DropDuplicates(Node& map) {
  absl::flat_hash_map<std::string, Mark> seen;
  size_t kept = 0;
  for (size_t i = 0; i < map.keys.size(); ++i) {
    const auto [first, added] = seen.try_emplace(map.keys[i].text, map.keys[i].mark);
    if (!added) {
      errors_.Add(map.keys[i].mark, Join(Path(), map.keys[i].text), "the key is given twice",
                  fmt::format("the first is in line {}", first->second.line));
      continue;
    }
    if (kept != i) map.keys[kept] = std::move(map.keys[i]);
    map.children[kept] = map.children[i];
    ++kept;
  }
  map.keys.resize(kept);
  map.children.resize(kept);
}

// "<<: *defaults" or "<<: [*a, *b]": keys that the map does not have itself, the first source first.
void NodeBuilder::Merge(Node& map) {
  const auto found = std::find_if(map.keys.begin(), map.keys.end(),
                                  [](const Node::Key& key) { return key.text == kMergeKey; });
  if (found == map.keys.end()) return;
  const Mark mark = found->mark;
  const auto index = found - map.keys.begin();
  const Node& source = *map.children[static_cast<size_t>(index)];
  map.keys.erase(found);
  map.children.erase(map.children.begin() + index);
  if (source.kind != Node::Kind::kList) return MergeFrom(source, mark, map);
  for (const Node* element : source.children) MergeFrom(*element, mark, map);
}

void NodeBuilder::MergeFrom(const Node& source, Mark mark, Node& map) {
  if (failed_) return;
  if (source.kind != Node::Kind::kMap) {
    errors_.Add(mark, Join(Path(), kMergeKey), "only maps can be merged", "expected an alias of a map");
    return;
  }
  merged_ += source.keys.size() + map.keys.size();
  if (merged_ > bounds_.nodes) {
    return Fail(mark, "merges make the file too large",
                fmt::format("expected at most {} values", bounds_.nodes));
  }
  absl::flat_hash_set<std::string> own;
  for (const Node::Key& key : map.keys) own.insert(key.text);
  for (size_t i = 0; i < source.keys.size(); ++i) {
    if (own.contains(source.keys[i].text)) continue;
    map.keys.push_back(source.keys[i]);
    map.children.push_back(source.children[i]);
  }
}

std::string NodeBuilder::Path() const {
  std::string path;
  for (const Node* node : open_) {
    if (node->kind == Node::Kind::kList) {
      path += fmt::format("[{}]", node->children.size());
    } else if (node->keys.size() > node->children.size()) {
      path = Join(path, node->keys.back().text);
    }
  }
  return path;
}

void NodeBuilder::Fail(Mark mark, std::string what, std::string expected) {
  if (failed_) return;
  failed_ = true;
  errors_.Add(mark, Path(), std::move(what), std::move(expected));
}

}  // namespace hawser::config
