#include "config/route_action.h"

#include "config/describe.h"

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

}  // namespace hawser::config
