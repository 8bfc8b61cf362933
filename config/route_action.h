// What a route answers by itself, and what it changes in requests and responses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/section.h"

namespace hawser::config {

// A header field that a route adds or sets, its value taken as it stands.
struct HeaderField {
  std::string name;
  std::string value;
  bool operator==(const HeaderField&) const = default;
};

// Applied in the order remove, set, add.
struct HeaderRules {
  std::vector<HeaderField> add;  // beside fields of the same name
  std::vector<HeaderField> set;  // in their place
  std::vector<std::string> remove;
  bool operator==(const HeaderRules&) const = default;
};

struct RegexRewrite {
  std::string pattern;       // RE2; every match in the path is replaced
  std::string substitution;  // \1 to \9 are its groups, \0 the whole match
  bool operator==(const RegexRewrite&) const = default;
};

enum class UrlScheme : uint8_t { kHttp, kHttps };

// A part that is left out stays as in the request.
struct Redirect {
  uint16_t status = 301;
  std::optional<UrlScheme> scheme;
  std::optional<std::string> host;  // with a port or without
  std::optional<uint16_t> port;
  std::optional<std::string> path;  // at most one of the two; a query in it takes the place of the request's
  std::optional<std::string> prefix_rewrite;  // as in Route
  bool strip_query = false;
  bool operator==(const Redirect&) const = default;
};

struct DirectResponse {
  uint16_t status = 200;
  std::string body;
  std::vector<HeaderField> headers;
  bool operator==(const DirectResponse&) const = default;
};

void Describe(Description& d, const HeaderField& field);
void Describe(Description& d, const HeaderRules& rules);
void Describe(Description& d, const RegexRewrite& rewrite);
void Describe(Description& d, const Redirect& redirect);
void Describe(Description& d, const DirectResponse& response);

struct RouteMatch;

// None may have a name that hawser writes itself.
void CheckHeaderFields(const std::vector<HeaderField>& fields, const Checks& checks);
void CheckHeaderRules(const HeaderRules& rules, const Checks& checks);
void CheckRegexRewrite(const RegexRewrite& rewrite, const Checks& checks);
void CheckRedirect(const Redirect& redirect, const RouteMatch& match, const Checks& checks);
void CheckDirectResponse(const DirectResponse& response, const Checks& checks);
// Of a rewritten host.
void CheckAuthority(const std::optional<std::string>& authority, const Checks& checks);
// A prefix can only be replaced where one was matched.
void CheckPrefixRewrite(const std::optional<std::string>& rewrite, const RouteMatch& match,
                        const Checks& checks);

}  // namespace hawser::config
