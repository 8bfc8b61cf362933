#include "config/route_match.h"

#include <set>

#include "absl/strings/ascii.h"
#include "fmt/format.h"

namespace hawser::config {
namespace {

std::string Canonical(const ValueMatch& match, bool is_header) {
  const auto part = [](char kind, const std::optional<std::string>& text) {
    return text ? fmt::format("{}{}", kind, *text) : std::string();
  };
  return fmt::format("{}\n{}{}{}{}", is_header ? absl::AsciiStrToLower(match.name) : match.name,
                     part('e', match.exact), part('p', match.prefix), part('r', match.regex),
                     match.present ? fmt::format("{}", *match.present) : "");
}

std::string CanonicalPath(const RouteMatch& match) {
  if (match.path) return "=" + *match.path;
  if (match.path_regex) return "~" + *match.path_regex;
  return match.path_prefix.value_or("/");
}

}  // namespace

std::string Canonical(const RouteMatch& match) {
  std::set<std::string> headers;
  std::set<std::string> query;
  for (const ValueMatch& header : match.headers) headers.insert(Canonical(header, true));
  for (const ValueMatch& parameter : match.query) query.insert(Canonical(parameter, false));
  return fmt::format("{}\n{}\n{}\nH{}\nQ{}", absl::AsciiStrToLower(match.host.value_or("")),
                     CanonicalPath(match), match.subprotocol.value_or(""), fmt::join(headers, "\n"),
                     fmt::join(query, "\n"));
}

}  // namespace hawser::config
