// What a route changes in a request before a backend sees it: path (by prefix or by regex), host and header
// fields. Compiled once from the config, immutable; any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "config/schema.h"
#include "proxy/http/head.h"
#include "proxy/route/substitution.h"

namespace hawser::route {

// Replaces the part of `path` that `match` has matched: all of it for a `path`, else the `path_prefix`, or
// "/" if there is none. Exactly one slash stands between `replacement` and the rest. `path` must match.
std::string ReplaceMatched(std::string_view path, const config::RouteMatch& match,
                           std::string_view replacement);

class Rewrite {
 public:
  // Fails on what validation would have found.
  static absl::StatusOr<Rewrite> Compile(const config::Route& route);

  // Changes target, authority and fields as `route` says, which it was compiled from and which outlives the
  // head; new text goes into `arena`. False if the new path cannot be sent to a backend: it has dot segments,
  // which the matched one had not, or more than `longest` bytes.
  [[nodiscard]] bool Apply(const config::Route& route, http::RequestHead& head, size_t longest,
                           http::TextArena& arena) const;

 private:
  // The path for a backend; none if it would have more than `longest` bytes.
  std::optional<std::string> PathFor(const config::Route& route, std::string_view path, size_t longest) const;

  std::optional<Substitution> regex_;
};

// Removes, sets and adds, in this order. The values live as long as `rules`.
void ApplyRules(const config::HeaderRules& rules, http::HeaderList& headers);

}  // namespace hawser::route
