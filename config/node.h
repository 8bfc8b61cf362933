// A YAML file as a tree that knows where everything stands. Built from yaml-cpp's events rather than from its
// own nodes, which keep neither the place of a key nor a duplicate one. Aliases share the node they name;
// merge keys (<<) are resolved here. Bounded: bytes, depth, and nodes with every alias counted as often as it
// is used.
//
// The Document owns its nodes; a Cursor points into it and must not outlive it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"

namespace hawser::config {

struct TreeBounds {
  size_t bytes = 16 << 20;   // of the file
  size_t nodes = 1'000'000;  // keys and values
  size_t depth = 64;         // levels
};

struct Node {
  enum class Kind : uint8_t { kNull, kPlain, kQuoted, kList, kMap };
  struct Key {
    std::string text;
    Mark mark;
  };

  bool scalar() const { return kind == Kind::kPlain || kind == Kind::kQuoted; }

  Kind kind = Kind::kNull;
  bool complete = false;  // its end was read; an alias to it from inside would be a cycle
  Mark mark;
  std::string text;                   // of a scalar, without quotes
  std::vector<Key> keys;              // of a map, each beside its value in `children`; none twice
  std::vector<const Node*> children;  // of a map or a list
  size_t size = 1;                    // this node and all below
  size_t depth = 1;                   // 1 for a scalar
};

struct Document {
  std::deque<Node> nodes;  // never moves its elements
  const Node* root = nullptr;
};

// Reads UTF-8 text without control characters; a byte order mark in front of it is skipped. Null, with at
// least one diagnostic, if there is no tree; a tree and diagnostics if only parts are wrong (a key that
// stands twice: the first counts). `expected`: what the file should have held, if it is empty.
std::unique_ptr<Document> ParseYaml(std::string_view file, Diagnostics& errors, const TreeBounds& bounds = {},
                                    std::string_view expected = "a map with listeners and routes");

// A node and the way to it.
struct Cursor {
  const Node& node;
  std::string path;

  Cursor Child(size_t index) const;  // of a list: "path[index]"; of a map: "path.key"
};

// "path.key", or "key" at the root; a long key is cut.
std::string Join(std::string_view path, std::string_view key);

}  // namespace hawser::config
