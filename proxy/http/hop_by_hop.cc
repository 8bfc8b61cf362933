#include "proxy/http/hop_by_hop.h"

#include <algorithm>
#include <array>
#include <span>

namespace hawser::http {
namespace {

constexpr auto kHopByHop = std::to_array<std::string_view>(
    {"Connection", "Proxy-Connection", "Keep-Alive", "TE", "Transfer-Encoding", "Upgrade"});

// Never removed because Connection names them.
constexpr auto kProtected = std::to_array<std::string_view>({
    "Host",
    "Content-",
    "Authorization",
    "Cookie",
    "Set-Cookie",
    "Origin",
    "Forwarded",
    "X-Forwarded-",
    "X-Real-IP",
    "X-Request-Id",
    "Via",
    "Max-Forwards",
    "Sec-",
    "Cache-Control",
    "Expect",
    "Date",
    "Location",
    "WWW-Authenticate",
    "Access-Control-",
    "Strict-Transport-Security",
    "X-Frame-Options",
    "Vary",
    "Trailer",
});

constexpr auto kOwn = std::to_array<std::string_view>(
    {"Content-Length", "Trailer", "Expect", "Host", "HTTP2-Settings", "Sec-WebSocket-"});

// Rules that end in '-' are prefixes.
bool IsAmong(std::string_view name, std::span<const std::string_view> rules) {
  return std::any_of(rules.begin(), rules.end(), [name](std::string_view rule) {
    return EqualsIgnoreCase(rule.ends_with('-') ? name.substr(0, rule.size()) : name, rule);
  });
}

bool IsHopByHop(std::string_view name) {
  return std::any_of(kHopByHop.begin(), kHopByHop.end(),
                     [name](std::string_view field) { return EqualsIgnoreCase(name, field); });
}

void RemoveNominated(HeaderList& headers) {
  std::vector<std::string_view> nominated;
  for (const Header& header : headers) {
    if (!EqualsIgnoreCase(header.name, "Connection")) continue;
    std::string_view list = header.value;
    for (auto name = TakeElement(list); !name.empty(); name = TakeElement(list)) {
      if (!IsHopByHop(name) && !IsAmong(name, kProtected)) nominated.push_back(name);
    }
  }
  for (const std::string_view name : nominated) headers.Remove(name);
}

void RemoveAll(HeaderList& headers) {
  RemoveNominated(headers);
  headers.RemoveIf([](const Header& header) { return IsHopByHop(header.name); });
}

}  // namespace

void RemoveHopByHop(RequestHead& head) {
  const bool takes_trailers = head.headers.HasToken("TE", "trailers");
  RemoveAll(head.headers);
  if (takes_trailers) head.headers.Add("TE", "trailers");
}

void RemoveHopByHop(ResponseHead& head) {
  RemoveAll(head.headers);
  if (head.status < 200 || head.status == 204) head.headers.Remove("Content-Length");
}

bool IsOwnField(std::string_view name) {
  return IsHopByHop(name) || IsAmong(name, kOwn);
}

}  // namespace hawser::http
