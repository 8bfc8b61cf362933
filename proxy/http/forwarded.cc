#include "proxy/http/forwarded.h"

#include <algorithm>

#include "fmt/format.h"
#include "proxy/http/characters.h"
#include "proxy/http/request_id.h"

namespace hawser::http {
namespace {

constexpr std::string_view kFor = "X-Forwarded-For";
constexpr std::string_view kProto = "X-Forwarded-Proto";
constexpr std::string_view kHost = "X-Forwarded-Host";
constexpr std::string_view kRequestId = "X-Request-Id";

bool IsGuarded(std::string_view name) {
  constexpr std::string_view kPrefix = "X-Forwarded-";
  return SpellsSame(name.substr(0, kPrefix.size()), kPrefix) || SpellsSame(name, "X-Forwarded") ||
         SpellsSame(name, "Forwarded") || SpellsSame(name, kRequestId) || SpellsSame(name, "X-Real-IP");
}

// From any peer the spellings with '_' go: a trusted proxy may pass on what its own client sent.
void DropUntrusted(HeaderList& headers, const Peer& peer) {
  headers.RemoveIf([&](const Header& header) {
    return IsGuarded(header.name) && (!peer.trusted || header.name.find('_') != std::string_view::npos);
  });
}

// An entry of X-Forwarded-For: "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:4711".
std::optional<net::IpAddress> ParseEntry(std::string_view entry) {
  // The parser below is of C: nothing may stand behind a NUL.
  if (entry.empty() || !AllAre(entry, kVisibleCharacter)) return std::nullopt;
  const bool one_colon = std::count(entry.begin(), entry.end(), ':') == 1;
  if (entry[0] == '[' || one_colon) {
    if (!IsValidAuthority(entry)) return std::nullopt;
    entry = HostOf(entry);
    if (entry[0] == '[') entry = entry.substr(1, entry.size() - 2);
  }
  const auto address = net::IpAddress::Parse(entry);
  return address.ok() ? std::optional(*address) : std::nullopt;
}

bool IsTrusted(const net::IpAddress& address, const Peer& peer) {
  return std::any_of(peer.trusted_proxies.begin(), peer.trusted_proxies.end(),
                     [&](const net::IpBlock& block) { return block.Contains(address); });
}

// Takes the last entry off a list, trimmed; it may be empty.
std::string_view TakeLast(std::string_view& list) {
  const size_t comma = list.rfind(',');
  const std::string_view last = comma == std::string_view::npos ? list : list.substr(comma + 1);
  list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
  return TrimWhitespace(last);
}

// Makes one field of all of that name, with `value` at its end, which lives as long as the head.
void AppendToList(HeaderList& headers, std::string_view name, std::string_view value, Keep& keep) {
  std::string list;
  for (const Header& header : headers) {
    if (EqualsIgnoreCase(header.name, name) && !header.value.empty()) list.append(header.value).append(", ");
  }
  headers.Set(name, list.empty() ? value : keep(list.append(value)));
}

// A value of Forwarded (RFC 7239 §4): a token where it is one, else quoted.
std::string TokenOrQuoted(std::string_view text) {
  if (IsToken(text)) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted += '"';
}

// RFC 7239 §6: an IPv6 address stands in brackets, and "unknown" where there is none.
std::string NodeName(const Peer& peer) {
  if (!peer.ip) return "unknown";
  return peer.ip->v4() ? peer.ip->ToString() : fmt::format("\"[{}]\"", peer.ip->ToString());
}

std::string ForwardedElement(const RequestHead& head, const Peer& peer, std::string_view scheme) {
  constexpr size_t kLongestAddress = 45;
  std::string element;
  element.reserve(sizeof "for=[];host=\"\";proto=https" + kLongestAddress + head.authority.size());
  element.append("for=").append(NodeName(peer));
  if (!head.authority.empty()) element.append(";host=").append(TokenOrQuoted(head.authority));
  return element.append(";proto=").append(scheme);
}

// The trusted peer's value where it is the only one and sound, else ours.
template <typename Sound>
void KeepOrSet(HeaderList& headers, std::string_view name, std::string_view ours, Sound sound) {
  const auto theirs = headers.Find(name);
  if (headers.Count(name) == 1 && sound(*theirs)) return;
  if (ours.empty()) return headers.Remove(name);
  headers.Set(name, ours);
}

std::string_view ViaOf(Version version) {
  return version == Version::kHttp10 ? "1.0 hawser" : version == Version::kHttp11 ? "1.1 hawser" : "2 hawser";
}

}  // namespace

std::optional<net::IpAddress> ClientOf(const HeaderList& headers, const Peer& peer) {
  std::optional<net::IpAddress> client = peer.ip;
  if (!peer.trusted) return client;
  std::vector<std::string_view> fields;
  for (const Header& header : headers) {
    if (EqualsIgnoreCase(header.name, kFor)) fields.push_back(header.value);
  }
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    for (std::string_view rest = *field; !rest.empty();) {
      const auto address = ParseEntry(TakeLast(rest));
      if (!address) return client;
      client = address;
      if (!IsTrusted(*address, peer)) return client;
    }
  }
  return client;
}

std::string RequestIdOf(const HeaderList& headers, const Peer& peer, std::mt19937_64& random) {
  const auto theirs = headers.Find(kRequestId);
  if (peer.trusted && headers.Count(kRequestId) == 1 && IsRequestId(*theirs)) return std::string(*theirs);
  return GenerateRequestId(random);
}

void SetForwarded(RequestHead& head, const Peer& peer, std::string_view request_id, Keep& keep) {
  HeaderList& headers = head.headers;
  const std::string_view scheme = peer.tls ? "https" : "http";
  DropUntrusted(headers, peer);
  if (peer.ip) AppendToList(headers, kFor, keep(peer.ip->ToString()), keep);
  KeepOrSet(headers, kProto, scheme,
            [](std::string_view proto) { return proto == "http" || proto == "https"; });
  KeepOrSet(headers, kHost, head.authority, IsValidAuthority);
  AppendToList(headers, "Forwarded", keep(ForwardedElement(head, peer, scheme)), keep);
  headers.Set(kRequestId, request_id);
  AppendToList(headers, "Via", ViaOf(head.version), keep);
}

}  // namespace hawser::http
