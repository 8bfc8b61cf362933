#include "proxy/route/rewrite.h"

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"
#include "proxy/route/path.h"

namespace hawser::route {
namespace {

absl::Status CheckReplacement(const std::optional<std::string>& replacement) {
  if (!replacement || !HasDotSegments(*replacement)) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("prefix_rewrite \"{}\" has dot segments", *replacement));
}

}  // namespace

std::string ReplaceMatched(std::string_view path, const config::RouteMatch& match,
                           std::string_view replacement) {
  if (match.path) return std::string(replacement);
  HAWSER_DCHECK(path.starts_with(match.path_prefix.value_or("/")));
  std::string_view rest = path.substr(match.path_prefix.value_or("/").size());
  std::string out(replacement);
  if (rest.empty()) return out;
  if (out.ends_with('/') && rest.starts_with('/')) rest.remove_prefix(1);
  if (!out.ends_with('/') && !rest.starts_with('/')) out += '/';
  return out.append(rest);
}

absl::StatusOr<Rewrite> Rewrite::Compile(const config::Route& route) {
  Rewrite rewrite;
  HAWSER_RETURN_IF_ERROR(CheckReplacement(route.prefix_rewrite));
  if (route.regex_rewrite) {
    HAWSER_ASSIGN_OR_RETURN(rewrite.regex_, Substitution::Compile(route.regex_rewrite->pattern,
                                                                  route.regex_rewrite->substitution));
  }
  return rewrite;
}

bool Rewrite::Apply(const config::Route& route, http::RequestHead& head, size_t longest,
                    http::TextArena& arena) const {
  const std::string_view path = head.path();
  // "*" of OPTIONS is no path.
  if (path.starts_with('/') && (route.prefix_rewrite || regex_)) {
    std::optional<std::string> target = PathFor(route, path, longest);
    if (!target || HasDotSegments(*target)) return false;
    target->append(head.target.substr(path.size()));
    if (target->size() > longest) return false;
    head.target = arena(*std::move(target));
  }
  if (route.host_rewrite) {
    head.authority = *route.host_rewrite;
    if (head.headers.Count("Host") > 0) head.headers.Set("Host", head.authority);
  }
  ApplyRules(route.request_headers, head.headers);
  return true;
}

std::optional<std::string> Rewrite::PathFor(const config::Route& route, std::string_view path,
                                            size_t longest) const {
  if (route.prefix_rewrite) return ReplaceMatched(path, route.match, *route.prefix_rewrite);
  HAWSER_DCHECK(regex_);
  std::optional<std::string> replaced = regex_->Replace(path, longest);
  // A request line needs the slash that the substitution may have taken.
  if (replaced && !replaced->starts_with('/')) replaced->insert(0, 1, '/');
  return replaced;
}

void ApplyRules(const config::HeaderRules& rules, http::HeaderList& headers) {
  for (const std::string& name : rules.remove) headers.Remove(name);
  for (const config::HeaderField& field : rules.set) headers.Set(field.name, field.value);
  for (const config::HeaderField& field : rules.add) headers.Add(field.name, field.value);
}

}  // namespace hawser::route
