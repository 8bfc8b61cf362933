#include "config/route_match.h"

#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "config/checks.h"
#include "config/describe.h"
#include "config/form.h"
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

void Describe(Description& d, const ValueMatch& match) {
  d.Field({"name",
           "Name of the header or of the query parameter. A header's case does not matter.",
           {},
           kRequired},
          match.name);
  d.Field({"exact", "The value is exactly this text."}, match.exact, {{Form::kAny}});
  d.Field({"prefix", "The value begins with this text."}, match.prefix);
  d.Field({"regex", "The whole value matches this expression."}, match.regex, {{Form::kRegex}});
  d.Field({"present", "`true`: it is present, with any value. `false`: it is absent."}, match.present);
  d.ExactlyOneOf({"exact", "prefix", "regex", "present"});
  d.HiddenBy("name", {"exact", "prefix", "regex"});  // routes may tell clients apart by a credential
}

void Describe(Description& d, const RouteMatch& match) {
  d.Field(
      {"host",
       "The request's host without its port: one name, or `*.example.com` for every name below that domain "
       "(not the domain itself). Several hosts need one route for each.",
       "any host"},
      match.host, {{Form::kHost}});
  d.Field({"path", "The path is exactly this one.", "any path"}, match.path, {{Form::kUrlPath}});
  d.Field({"path_prefix",
           "The path begins with this one, by whole segments: `/chat` takes `/chat` and `/chat/1`, not "
           "`/chatter`. `/` takes every path, and `OPTIONS *`.",
           "any path"},
          match.path_prefix, {{Form::kUrlPath}});
  d.Field({"path_regex", "The whole path matches this expression.", "any path"}, match.path_regex,
          {{Form::kRegex}});
  d.Field({"headers", "Conditions on request headers. All must hold."}, match.headers);
  d.Field({"query", "Conditions on query parameters. All must hold."}, match.query);
  d.Field({"subprotocol", "A subprotocol that the client offers in `Sec-WebSocket-Protocol`.", "any or none"},
          match.subprotocol, {{Form::kToken}});
  d.AtMostOneOf({"path", "path_prefix", "path_regex"});
}

namespace {

void CheckHeaderNames(const RouteMatch& match, const Checks& checks) {
  for (const ValueMatch& header : match.headers) {
    if (!checks.Given(header.name)) continue;
    if (auto misfit = Misfit(Form::kToken, header.name)) {
      checks.Error(header.name, *std::move(misfit), "expected the name of a header");
    }
  }
}

// Other programs take * at the end of a path for "and all below".
void CheckStar(const std::optional<std::string>& path, std::string_view key, const Checks& checks) {
  if (!path || !checks.Given(*path) || !path->ends_with('*')) return;
  const size_t end = path->find_last_not_of("/*");
  const std::string prefix = end == std::string::npos ? "/" : path->substr(0, end + 1);
  checks.Warn(*path, Quote(*path) + " ends in a *, which stands for itself only",
              fmt::format("expected {}{} (whole segments), or path_regex", key, prefix));
}

}  // namespace

void CheckMatch(const RouteMatch& match, const Checks& checks) {
  CheckHeaderNames(match, checks);
  CheckStar(match.path, "path_prefix: ", checks);
  CheckStar(match.path_prefix, "", checks);
}

}  // namespace hawser::config
