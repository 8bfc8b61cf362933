// The routes that a host and a path may lead to: hash tables that a look-up probes once for the whole text,
// and once for each length of a wildcard or prefix in the config. Built once, then immutable; any thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "config/schema.h"
#include "proxy/base/check.h"
#include "proxy/route/path.h"

namespace hawser::route {

// The keys come from the config, so the hash needs no secret.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <typename Value>
using TextMap = absl::flat_hash_map<std::string, Value, TextHash, std::equal_to<>>;

using Indexes = std::vector<size_t>;  // of routes, ascending

// The distinct lengths of a map's keys, ascending: a look-up probes each of them to find the keys that a text
// begins or ends with. So the config bounds the work; walking the segments of the text would let the client
// decide.
inline void AddLength(std::vector<size_t>& lengths, size_t length) {
  const auto at = std::lower_bound(lengths.begin(), lengths.end(), length);
  if (at == lengths.end() || *at != length) lengths.insert(at, length);
}

struct PathIndex {
  TextMap<Indexes> exact;
  TextMap<Indexes> prefixes;
  std::vector<size_t> prefix_lengths;
  Indexes others;  // any path, or an expression

  // Routes are added in ascending order.
  void Add(const config::RouteMatch& match, size_t route) {
    if (match.path) {
      Append(exact[*match.path], route);
    } else if (match.path_prefix && !match.path_prefix->empty()) {
      Append(prefixes[*match.path_prefix], route);
      AddLength(prefix_lengths, match.path_prefix->size());
    } else {
      Append(others, route);
    }
  }

  static void Append(Indexes& indexes, size_t route) {
    HAWSER_DCHECK(indexes.empty() || indexes.back() <= route);
    indexes.push_back(route);
  }
};

struct HostIndex {
  TextMap<PathIndex> exact;
  TextMap<PathIndex> wildcards;  // ".example.com" for *.example.com
  std::vector<size_t> wildcard_lengths;
  PathIndex any;

  PathIndex& For(const std::optional<std::string>& host) {
    if (!host || *host == "*") return any;
    const HostName name(*host);
    if (!name.view().starts_with("*.")) return exact[std::string(name.view())];
    const std::string_view suffix = name.view().substr(1);
    AddLength(wildcard_lengths, suffix.size());
    return wildcards[std::string(suffix)];
  }
};

}  // namespace hawser::route
