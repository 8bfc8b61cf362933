#include "config/action_check.h"

#include <string>
#include <string_view>

#include <re2/re2.h>

#include "config/form.h"
#include "config/suggest.h"
#include "fmt/format.h"
#include "proxy/http/head.h"
#include "proxy/http/hop_by_hop.h"

namespace hawser::config {
namespace {

void CheckFieldName(const std::string& name, const Checks& checks) {
  if (!checks.Given(name) || !http::IsOwnField(name)) return;
  checks.Error(name, fmt::format("{} is written by hawser itself", Quote(name)), "expected another field");
}

void CheckFields(const std::vector<HeaderField>& fields, const Checks& checks) {
  for (const HeaderField& field : fields) CheckFieldName(field.name, checks);
}

void CheckHeaderRules(const HeaderRules& rules, const Checks& checks) {
  CheckFields(rules.add, checks);
  CheckFields(rules.set, checks);
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
  CheckFields(response.headers, checks);
  const bool bodiless = response.status == 204 || response.status == 304;
  if (bodiless && !response.body.empty() && checks.Given(response.body)) {
    checks.Error(response.body, fmt::format("a {} has no body", response.status),
                 "expected none, or another status");
  }
}

// Warns of rewrites on a route whose requests reach no backend.
void CheckUnusedRewrites(const Route& route, const Checks& checks) {
  const auto warn = [&checks](const auto& field) {
    if (checks.Given(field)) checks.Warn(field, "has no effect: no backend sees the request");
  };
  if (route.prefix_rewrite) warn(*route.prefix_rewrite);
  if (route.regex_rewrite) warn(*route.regex_rewrite);
  if (route.host_rewrite) warn(*route.host_rewrite);
  warn(route.request_headers);
}

}  // namespace

void CheckAction(const Route& route, const Checks& checks) {
  CheckHeaderRules(route.request_headers, checks);
  CheckHeaderRules(route.response_headers, checks);
  CheckAuthority(route.host_rewrite, checks);
  CheckPrefixRewrite(route.prefix_rewrite, route.match, checks);
  if (route.regex_rewrite) CheckRegexRewrite(*route.regex_rewrite, checks);
  if (route.redirect) CheckRedirect(*route.redirect, route.match, checks);
  if (route.direct_response) CheckDirectResponse(*route.direct_response, checks);
  if (route.redirect || route.direct_response) CheckUnusedRewrites(route, checks);
}

}  // namespace hawser::config
