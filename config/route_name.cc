#include "config/route_name.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "fmt/format.h"
#include "proxy/base/hash.h"

namespace hawser::config {
namespace {

constexpr size_t kLongestShown = 112;  // in front of the hash

std::string ShownHost(const RouteMatch& match) {
  return match.host ? absl::AsciiStrToLower(*match.host) : "*";
}

std::string ShownPath(const RouteMatch& match) {
  if (match.path) return "=" + *match.path;
  if (match.path_regex) return "~" + *match.path_regex;
  return match.path_prefix.value_or("/") + "*";
}

// Without characters that logs and metrics would escape.
std::string Printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c == '"' || !absl::ascii_isgraph(static_cast<unsigned char>(c)); }, '_');
  return text.substr(0, kLongestShown);
}

std::string Identity(const Route& route) {
  const std::set<std::string> listeners(route.listeners.begin(), route.listeners.end());
  return fmt::format("{}\n{}", Canonical(route.match), fmt::join(listeners, "\n"));
}

}  // namespace

std::string NameAfterMatch(const Route& route) {
  const RouteMatch& match = route.match;
  const std::string all = ShownHost(match) + ShownPath(match);
  const std::string shown = Printable(all);
  const bool whole = shown == all && match.headers.empty() && match.query.empty() && !match.subprotocol &&
                     route.listeners.empty();
  // The hash has no key: the name is the same in every process.
  return whole ? shown : fmt::format("{}#{:012x}", shown, base::SipHash({}, Identity(route)) >> 16);
}

}  // namespace hawser::config
