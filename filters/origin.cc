#include "filters/origin.h"

#include <algorithm>
#include <charconv>

#include "fmt/format.h"
#include "proxy/http/head.h"

namespace hawser::filters {
namespace {

constexpr int kNoPort = 0;

// scheme "://" host [":" port], the port made explicit where the scheme has a default.
struct ParsedOrigin {
  std::string_view scheme;
  std::string_view host;
  int port = kNoPort;
};

struct HostPort {
  std::string_view host;
  std::optional<int> port;
};

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool IsOneOf(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}

bool IsScheme(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return IsAlphanumeric(c) || IsOneOf(c, "+-."); });
}

// A name, an IPv4 address, or an IPv6 one in brackets. Browsers send names in punycode.
bool IsHost(std::string_view text) {
  const bool brackets = text.starts_with('[') && text.ends_with(']') && text.size() > 2;
  if (brackets) text = text.substr(1, text.size() - 2);
  const std::string_view others = brackets ? ":." : "-._~";
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [others](char c) { return IsAlphanumeric(c) || IsOneOf(c, others); });
}

int DefaultPort(std::string_view scheme) {
  if (http::EqualsIgnoreCase(scheme, "https") || http::EqualsIgnoreCase(scheme, "wss")) return 443;
  if (http::EqualsIgnoreCase(scheme, "http") || http::EqualsIgnoreCase(scheme, "ws")) return 80;
  return kNoPort;
}

std::optional<HostPort> ParseHostPort(std::string_view text) {
  const std::string_view host = http::HostOf(text);
  if (!IsHost(host)) return std::nullopt;
  std::string_view rest = text.substr(host.size());
  if (rest.empty()) return HostPort{.host = host, .port = std::nullopt};
  if (!rest.starts_with(':')) return std::nullopt;
  rest.remove_prefix(1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), port);
  if (error != std::errc() || end != rest.data() + rest.size()) return std::nullopt;
  return HostPort{.host = host, .port = port};
}

std::optional<ParsedOrigin> Parse(std::string_view text) {
  const size_t colon = text.find("://");
  if (colon == std::string_view::npos || !IsScheme(text.substr(0, colon))) return std::nullopt;
  const std::string_view scheme = text.substr(0, colon);
  const auto authority = ParseHostPort(text.substr(colon + 3));
  if (!authority) return std::nullopt;
  return ParsedOrigin{
      .scheme = scheme, .host = authority->host, .port = authority->port.value_or(DefaultPort(scheme))};
}

// Whether a page of that origin and the request share host and port. If hawser ends TLS, only https counts:
// anyone on the network could serve an http page of the same host. If not, a balancer in front may have ended
// TLS; then the origin's scheme gives the port of an authority without one.
bool SameHost(const ParsedOrigin& origin, const Context& context) {
  const bool https = http::EqualsIgnoreCase(origin.scheme, "https");
  if (!https && (context.from.tls || !http::EqualsIgnoreCase(origin.scheme, "http"))) return false;
  const auto authority = ParseHostPort(context.request.authority);
  if (!authority || !http::EqualsIgnoreCase(authority->host, origin.host)) return false;
  return authority->port.value_or(DefaultPort(origin.scheme)) == origin.port;
}

// `pattern` is lower case; a leading dot stands for one more label or several.
bool HostMatches(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with('.')) return http::EqualsIgnoreCase(pattern, host);
  return host.size() > pattern.size() &&
         http::EqualsIgnoreCase(pattern, host.substr(host.size() - pattern.size()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<const Filter>> Origin::Create(const config::OriginFilter& settings) {
  auto filter = std::make_unique<Origin>();
  filter->missing_ = settings.allow_missing;
  for (const std::string& entry : settings.allow) {
    if (filter->Add(entry)) continue;
    return absl::InvalidArgumentError(fmt::format(
        "\"{}\" is no origin; expected https://example.com, https://*.example.com, same-host or null",
        entry));
  }
  return filter;
}

bool Origin::Add(std::string_view entry) {
  if (entry == "same-host") return same_host_ = true;
  if (entry == "null") return null_ = true;
  std::string plain(entry);
  const size_t star = plain.find("://*.");
  if (star != std::string::npos) plain.erase(star + 3, 2);
  const auto origin = Parse(plain);
  if (!origin) return false;
  const std::string_view dot = star == std::string::npos ? "" : ".";
  patterns_.push_back({.scheme = std::string(origin->scheme),
                       .host = fmt::format("{}{}", dot, origin->host),
                       .port = origin->port});
  return true;
}

bool Origin::Allows(std::string_view text, const Context& context) const {
  if (text == "null") return null_;
  const auto origin = Parse(text);
  if (!origin) return false;
  if (same_host_ && SameHost(*origin, context)) return true;
  return std::any_of(patterns_.begin(), patterns_.end(), [&origin](const Pattern& pattern) {
    return http::EqualsIgnoreCase(pattern.scheme, origin->scheme) && pattern.port == origin->port &&
           HostMatches(pattern.host, origin->host);
  });
}

Verdict Origin::OnRequest(Context& context) const {
  const http::HeaderList& headers = context.request.headers;
  const size_t count = headers.Count("Origin");
  const bool allowed = count == 0 ? missing_ : count == 1 && Allows(*headers.Find("Origin"), context);
  return allowed ? Verdict::Continue() : Verdict::Reject(http::Reject::kOriginNotAllowed);
}

}  // namespace hawser::filters
