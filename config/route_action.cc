#include "config/route_action.h"

#include <string>
#include <string_view>

#include <re2/re2.h>

#include "config/checks.h"
#include "config/describe.h"
#include "config/route_match.h"
#include "fmt/format.h"
#include "proxy/http/head.h"
#include "proxy/http/hop_by_hop.h"

namespace hawser::config {

template <>
struct Names<UrlScheme> {
  static constexpr Name<UrlScheme> kTable[] = {{"http", UrlScheme::kHttp}, {"https", UrlScheme::kHttps}};
};

namespace {

constexpr uint16_t kRedirectStatuses[] = {301, 302, 303, 307, 308};

}  // namespace

void Describe(Description& d, const HeaderField& field) {
  d.Field({"name",
           "Name of the field. Fields that hawser writes itself are refused: hop-by-hop and framing fields, "
           "`Host`, `Expect`, `Sec-WebSocket-*`.",
           {},
           kRequired},
          field.name, {Form::kToken});
  d.Field({"value",
           "Value of the field, sent unchanged. `/config_dump` hides it where the name is that of a "
           "credential: `Authorization`, `Cookie`, `*-Key`, `*-Token`, `*-Secret`.",
           {},
           kRequired},
          field.value, {Form::kFieldValue});
  d.HiddenBy("name", {"value"});
}

void Describe(Description& d, const HeaderRules& rules) {
  d.Field({"add", "Fields that are added beside those of the same name. Done last."}, rules.add);
  d.Field({"set", "Fields that replace all those of the same name, or are added. Done after `remove`."},
          rules.set);
  d.Field(
      {"remove",
       "Names of fields that are removed. Done first. The names that `set` refuses are refused here too."},
      rules.remove, {.each = {Form::kToken}});
}

void Describe(Description& d, const RegexRewrite& rewrite) {
  d.Field({"pattern",
           "Regular expression. Every match in the path is replaced; `^` and `$` are the path's ends.",
           {},
           kRequired},
          rewrite.pattern, {Form::kRegex});
  d.Field({"substitution",
           "Text that replaces each match; `\\1` to `\\9` are the groups of the pattern, `\\0` is the whole "
           "match. If the new path has dot segments or is longer than `limits.request_head`, the request is "
           "answered 404.",
           {},
           kRequired},
          rewrite.substitution, {Form::kSubstitution, kLongestSubstitution});
}

void Describe(Description& d, const Redirect& redirect) {
  d.Field({"status", "Status of the response."}, redirect.status, {301, 308, kRedirectStatuses});
  d.Field(
      {"scheme", "Scheme of the target. A default port of the old scheme is dropped.", "as the request's"},
      redirect.scheme);
  d.Field({"host", "Host of the target, with or without a port.", "as the request's"}, redirect.host,
          {{Form::kAuthority}});
  d.Field({"port", "Port of the target.", "as the request's"}, redirect.port, {{1, 65535}});
  d.Field({"path", "Path of the target. If it holds a `?`, what follows replaces the request's query.",
           "as the request's"},
          redirect.path, {{Form::kUrlTarget}});
  d.Field({"prefix_rewrite",
           "Replaces the matched prefix in the path of the target, as the route's `prefix_rewrite` does for "
           "backends.",
           "as the request's"},
          redirect.prefix_rewrite, {{Form::kUrlPath}});
  d.Field({"strip_query", "Removes the request's query from the target."}, redirect.strip_query);
  d.AtMostOneOf({"path", "prefix_rewrite"});
}

void Describe(Description& d, const DirectResponse& response) {
  d.Field({"status", "Status of the response.", {}, kRequired}, response.status, {200, 599});
  d.Field({"body", "Body of the response; `text/plain` unless `headers` say otherwise.", "an empty one"},
          response.body, {Form::kBody, kLongestBody});
  d.Field({"headers", "Header fields of the response. hawser itself sets the length."}, response.headers);
}

namespace {

void CheckFieldName(const std::string& name, const Checks& checks) {
  if (!checks.Given(name) || !http::IsOwnField(name)) return;
  checks.Error(name, fmt::format("{} is written by hawser itself", Quote(name)), "expected another field");
}

// Groups are written $1 in many other programs.
void CheckGroups(const RegexRewrite& rewrite, const Checks& checks) {
  re2::StringPiece group;
  if (!checks.Given(rewrite.substitution) || !RE2::PartialMatch(rewrite.substitution, R"((\$[0-9]))", &group))
    return;
  checks.Warn(rewrite.substitution, fmt::format("{} is plain text", Quote({group.data(), group.size()})),
              "expected \\1 to \\9 for the groups");
}

}  // namespace

void CheckHeaderFields(const std::vector<HeaderField>& fields, const Checks& checks) {
  for (const HeaderField& field : fields) CheckFieldName(field.name, checks);
}

void CheckHeaderRules(const HeaderRules& rules, const Checks& checks) {
  CheckHeaderFields(rules.add, checks);
  CheckHeaderFields(rules.set, checks);
  for (const std::string& name : rules.remove) CheckFieldName(name, checks);
}

void CheckAuthority(const std::optional<std::string>& authority, const Checks& checks) {
  if (!authority || !checks.Given(*authority) || http::IsValidAuthority(*authority)) return;
  checks.Error(*authority, Quote(*authority) + " is not a valid host",
               "expected a host, with or without a port");
}

// A prefix can only be replaced where one was matched.
void CheckPrefixRewrite(const std::optional<std::string>& rewrite, const RouteMatch& match,
                        const Checks& checks) {
  if (!rewrite || !checks.Given(*rewrite) || !match.path_regex) return;
  checks.Error(*rewrite, "path_regex matches no prefix", "expected path_prefix or path in match");
}

// The pattern must have every group that the substitution names.
void CheckRegexRewrite(const RegexRewrite& rewrite, const Checks& checks) {
  CheckGroups(rewrite, checks);
  if (!checks.Given(rewrite.pattern) || !checks.Given(rewrite.substitution)) return;
  const RE2 pattern(rewrite.pattern, RE2::Quiet);
  std::string fault;
  if (pattern.ok() && pattern.CheckRewriteString(rewrite.substitution, &fault)) return;
  checks.Error(rewrite.substitution,
               Quote(rewrite.substitution) + " names a group that the pattern does not have",
               fmt::format("expected \\0 to \\{}", pattern.NumberOfCapturingGroups()));
}

void CheckRedirect(const Redirect& redirect, const RouteMatch& match, const Checks& checks) {
  CheckAuthority(redirect.host, checks);
  CheckPrefixRewrite(redirect.prefix_rewrite, match, checks);
  const bool moves = redirect.scheme || redirect.host || redirect.port || redirect.path ||
                     redirect.prefix_rewrite || redirect.strip_query;
  if (!moves && checks.Sound(redirect)) {
    checks.Error(redirect, "redirects to the same URL",
                 "expected scheme, host, port, path, prefix_rewrite or strip_query");
  }
}

void CheckDirectResponse(const DirectResponse& response, const Checks& checks) {
  CheckHeaderFields(response.headers, checks);
  const bool bodiless = response.status == 204 || response.status == 304;
  if (bodiless && !response.body.empty() && checks.Given(response.body)) {
    checks.Error(response.body, fmt::format("a {} has no body", response.status),
                 "expected none, or another status");
  }
}

}  // namespace hawser::config
