// Which requests a route takes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/section.h"

namespace hawser::config {

// Exactly one of the four is given.
struct ValueMatch {
  std::string name;  // of the header or of the query parameter
  std::optional<std::string> exact;
  std::optional<std::string> prefix;
  std::optional<std::string> regex;  // RE2, matched whole
  std::optional<bool> present;
  bool operator==(const ValueMatch&) const = default;
};

struct RouteMatch {
  std::optional<std::string> host;         // exact or "*.example.com"; any, if left out
  std::optional<std::string> path;         // at most one of the three; any path, if none
  std::optional<std::string> path_prefix;  // by whole segments: /chat takes /chat and /chat/1, not /chatter
  std::optional<std::string> path_regex;   // RE2, matched whole
  std::vector<ValueMatch> headers;         // all must hold
  std::vector<ValueMatch> query;           // all must hold
  std::optional<std::string> subprotocol;  // offered in Sec-WebSocket-Protocol
  bool operator==(const RouteMatch&) const = default;
};

// Matches of which one takes exactly the requests of the other by their form (the case of names, the order of
// conditions) give the same text.
std::string Canonical(const RouteMatch& match);

void Describe(Description& d, const ValueMatch& match);
void Describe(Description& d, const RouteMatch& match);

void CheckMatch(const RouteMatch& match, const Checks& checks);

}  // namespace hawser::config
