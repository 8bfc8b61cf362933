#include "proxy/route/answer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/route/rewrite.h"

namespace hawser::route {
namespace {

std::string_view TextOf(config::UrlScheme scheme) {
  return scheme == config::UrlScheme::kHttps ? "https" : "http";
}

std::string_view DefaultPort(std::string_view scheme) {
  return scheme == "https" ? ":443" : ":80";
}

// The request's own authority, without its port where the redirect sets another one, or where the scheme
// changes and the port is the old scheme's default.
std::string_view HostFor(const config::Redirect& redirect, std::string_view authority, std::string_view from,
                         std::string_view to) {
  const std::string_view host = http::HostOf(authority);
  const bool drops = redirect.port || (from != to && authority.substr(host.size()) == DefaultPort(from));
  return drops ? host : authority;
}

std::string AuthorityFor(const config::Redirect& redirect, std::string_view authority, std::string_view from,
                         std::string_view to) {
  std::string out(redirect.host ? *redirect.host : HostFor(redirect, authority, from, to));
  if (redirect.port) {
    out.resize(http::HostOf(out).size());
    out += fmt::format(":{}", *redirect.port);
  }
  return out;
}

// Path and query.
std::string TargetFor(const config::Redirect& redirect, const config::RouteMatch& match,
                      const http::RequestHead& head) {
  const std::string_view path = head.path();
  std::string out(path.starts_with('/') ? path : "/");  // "*" of OPTIONS is no path
  if (redirect.path) out = *redirect.path;
  if (redirect.prefix_rewrite) out = ReplaceMatched(out, match, *redirect.prefix_rewrite);
  if (redirect.strip_query || out.find('?') != std::string::npos) return out;
  return out.append(head.target.substr(std::min(path.size(), head.target.find('?'))));
}

// A relative reference that begins with two slashes would name a host (RFC 3986 §4.2).
std::string WithOneSlash(std::string target) {
  target.erase(0, std::min(target.find_first_not_of("/\\"), target.size()));
  return "/" + target;
}

http::LocalResponse DirectResponseOf(const config::DirectResponse& response) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const config::HeaderField& field : response.headers) fields.emplace_back(field.name, field.value);
  return http::MakeLocalResponse(response.status, std::move(fields), response.body);
}

}  // namespace

bool Answers(const config::Route& route) {
  return route.redirect || route.direct_response;
}

http::LocalResponse AnswerOf(const config::Route& route, const http::RequestHead& head,
                             std::string_view scheme) {
  HAWSER_DCHECK(Answers(route));
  if (route.direct_response) return DirectResponseOf(*route.direct_response);
  return http::MakeLocalResponse(route.redirect->status,
                                 {{"Location", LocationOf(*route.redirect, route.match, head, scheme)}}, {});
}

std::string LocationOf(const config::Redirect& redirect, const config::RouteMatch& match,
                       const http::RequestHead& head, std::string_view scheme) {
  const std::string_view to = redirect.scheme ? TextOf(*redirect.scheme) : scheme;
  std::string target = TargetFor(redirect, match, head);
  if (head.authority.empty() && !redirect.host) return WithOneSlash(std::move(target));
  return fmt::format("{}://{}{}", to, AuthorityFor(redirect, head.authority, scheme, to), target);
}

}  // namespace hawser::route
