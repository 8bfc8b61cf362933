#include "proxy/http/forwarded.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "proxy/http/characters.h"
#include "proxy/http/forwarded_element.h"
#include "proxy/http/request_id.h"

namespace hawser::http {
namespace {

// The fields that tell where a request came from.
enum class Kind : uint8_t { kNone, kFor, kProto, kHost, kPort, kForwarded, kRequestId, kRealIp, kOther };

struct Known {
  std::string_view name;
  Kind kind;
};
constexpr auto kKnown = std::to_array<Known>({{"X-Forwarded-For", Kind::kFor},
                                              {"X-Forwarded-Proto", Kind::kProto},
                                              {"X-Forwarded-Host", Kind::kHost},
                                              {"X-Forwarded-Port", Kind::kPort},
                                              {"X-Forwarded", Kind::kOther},
                                              {"X-Request-Id", Kind::kRequestId},
                                              {"X-Real-IP", Kind::kRealIp},
                                              {"Forwarded", Kind::kForwarded}});

Kind KindOf(std::string_view name) {
  constexpr std::string_view kPrefix = "X-Forwarded-";
  const char first = name.empty() ? '\0' : LowerCase(name.front());
  if (first != 'x' && first != 'f') return Kind::kNone;
  for (const Known& known : kKnown) {
    if (SpellsSame(name, known.name)) return known.kind;
  }
  return SpellsSame(name.substr(0, kPrefix.size()), kPrefix) ? Kind::kOther : Kind::kNone;
}

// The fields of a trusted peer. Views into the head's text, or into the arena.
struct Received {
  std::vector<std::string_view> nodes;      // the elements of X-Forwarded-For, first to last
  std::vector<std::string_view> forwarded;  // the elements of Forwarded; empty: it does not count
  std::optional<std::string_view> proto, host, port, request_id;  // the first elements, valid or not

  bool by_x_forwarded() const { return !nodes.empty() || proto || host; }
};

// A comma always separates, also between quotes: a client could open a quote that its proxy does not close.
std::string_view TakePlain(std::string_view& list) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view element = TrimWhitespace(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (!element.empty()) return element;
  }
  return {};
}

// Whether every quoted string in `list` ends. If one does not, it could swallow the element that the next
// proxy appended.
bool QuotesEnd(std::string_view list) {
  bool quoted = false;
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i] == '"') quoted = !quoted;
    if (list[i] == '\\' && quoted) ++i;
  }
  return !quoted;
}

void KeepFirst(std::optional<std::string_view>& first, std::string_view list) {
  if (first) return;
  const std::string_view element = TakePlain(list);
  if (!element.empty()) first = element;
}

// Returns whether the field was collected, so that it will be written anew.
bool Collect(Received& received, Kind kind, std::string_view value) {
  switch (kind) {
    case Kind::kFor:
      for (auto node = TakePlain(value); !node.empty(); node = TakePlain(value))
        received.nodes.push_back(node);
      return true;
    case Kind::kForwarded: {
      const auto take = QuotesEnd(value) ? TakeElement : TakePlain;
      for (auto one = take(value); !one.empty(); one = take(value)) received.forwarded.push_back(one);
      return true;
    }
    case Kind::kProto: KeepFirst(received.proto, value); return true;
    case Kind::kHost: KeepFirst(received.host, value); return true;
    case Kind::kPort: KeepFirst(received.port, value); return true;
    case Kind::kRequestId:
      if (!received.request_id) received.request_id = value;
      return true;
    case Kind::kRealIp:
    case Kind::kOther:
    case Kind::kNone: break;
  }
  return false;
}

// Removes them all from the head, except a trusted peer's X-Forwarded- fields of other names. Spellings with
// '_' are removed for every peer: a trusted proxy may pass on what its own client sent.
Received TakeReceived(HeaderList& headers, const Peer& peer) {
  Received received;
  headers.RemoveIf([&](const Header& header) {
    const Kind kind = KindOf(header.name);
    if (kind == Kind::kNone) return false;
    if (!peer.trusted || HasUnderscore(header)) return true;
    return Collect(received, kind, header.value) || (kind == Kind::kRealIp && peer.send_real_ip);
  });
  return received;
}

// An entry of X-Forwarded-For: "192.0.2.1", "192.0.2.1:4711", "2001:db8::1", "[2001:db8::1]" or
// "[2001:db8::1]:4711".
std::optional<net::IpAddress> ParseEntry(std::string_view entry) {
  // The parser below is C: a NUL would hide the text behind it.
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

// The entry of X-Forwarded-For for a node of Forwarded: its address, or the word that stands in its place.
std::string_view EntryOf(std::string_view node, TextArena& arena) {
  if (const auto address = ParseEntry(node)) return arena(address->ToString());
  return IsToken(node) ? node : "unknown";
}

// If only Forwarded came, X-Forwarded-* are made from it. If others came too, or if it says nothing, it is
// dropped.
void ReadForwarded(Received& received, TextArena& arena) {
  if (received.by_x_forwarded()) return received.forwarded.clear();
  for (const std::string_view element : received.forwarded) {
    const auto node = ForwardedParameter(element, "for", arena);
    // A first element without "for" is from a proxy that hides addresses; any other one stands for an unknown
    // hop.
    if (node || !received.nodes.empty()) received.nodes.push_back(node ? EntryOf(*node, arena) : "unknown");
  }
  if (received.forwarded.empty()) return;
  received.proto = ForwardedParameter(received.forwarded.front(), "proto", arena);
  received.host = ForwardedParameter(received.forwarded.front(), "host", arena);
  if (!received.by_x_forwarded()) received.forwarded.clear();
}

// "https", "http", or empty for anything else. wss and ws mean the scheme of their handshake.
std::string_view SchemeOf(std::string_view text) {
  if (EqualsIgnoreCase(text, "https") || EqualsIgnoreCase(text, "wss")) return "https";
  return EqualsIgnoreCase(text, "http") || EqualsIgnoreCase(text, "ws") ? "http" : "";
}

bool IsForwardedPort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

// The port of a URL with this scheme and authority.
std::string_view ImpliedPort(std::string_view scheme, std::string_view authority) {
  const std::string_view host = HostOf(authority);
  if (authority.size() > host.size() + 1) return authority.substr(host.size() + 1);
  return scheme == "https" ? "443" : "80";
}

std::optional<net::IpAddress> ClientOf(const Received& received, const Peer& peer) {
  std::optional<net::IpAddress> client = peer.ip;
  for (auto node = received.nodes.rbegin(); node != received.nodes.rend(); ++node) {
    const auto address = ParseEntry(*node);
    if (!address) return client;
    client = address;
    if (!net::AnyContains(peer.trusted_proxies, *address)) return client;
  }
  return client;
}

std::string_view ForText(const Received& received, std::string_view ip, TextArena& arena) {
  if (received.nodes.empty()) return ip;
  std::string list;
  for (const std::string_view node : received.nodes) list.append(list.empty() ? "" : ", ").append(node);
  return arena(ip.empty() ? std::move(list) : list.append(", ").append(ip));
}

// Host and scheme: those that this hop sees itself, and those of the client's own connection.
struct Hop {
  std::string_view host;
  std::string_view scheme;
};

std::string ForwardedText(const Received& received, const Peer& peer, const Hop& own, const Hop& first,
                          TextArena& arena) {
  constexpr size_t kUsual = 128;
  std::string list;
  list.reserve(kUsual);
  const bool continued = !received.forwarded.empty();
  for (const std::string_view element : received.forwarded) {
    const bool sound = IsForwardedElement(element, arena);
    list.append(list.empty() ? "" : ", ").append(sound ? element : "for=unknown");
  }
  if (!continued) {
    for (const std::string_view node : received.nodes) {
      const Hop hop = list.empty() ? first : Hop{};
      AppendForwardedElement(list, ForwardedNode(ParseEntry(node)), hop.host, hop.scheme);
    }
  }
  if (list.empty()) {
    AppendForwardedElement(list, ForwardedNode(peer.ip), first.host, first.scheme);
  } else if (peer.ip) {  // X-Forwarded-For has no entry for a Unix socket either
    AppendForwardedElement(list, ForwardedNode(peer.ip), own.host, own.scheme);
  }
  return list;
}

// Joins all fields of that name to one and appends `value`, which lives as long as the head.
void AppendToList(HeaderList& headers, std::string_view name, std::string_view value, TextArena& arena) {
  std::string list;
  for (const Header& header : headers) {
    if (!EqualsIgnoreCase(header.name, name)) continue;
    std::string_view rest = header.value;
    for (auto element = TakeElement(rest); !element.empty(); element = TakeElement(rest)) {
      list.append(element).append(", ");
    }
  }
  headers.Set(name, list.empty() ? value : arena(list.append(value)));
}

}  // namespace

Forwarding SetForwarded(RequestHead& head, const Peer& peer, const Via& via, std::mt19937_64& random,
                        TextArena& arena) {
  HeaderList& headers = head.headers;
  Received received = TakeReceived(headers, peer);
  ReadForwarded(received, arena);

  const Hop own{.host = head.authority, .scheme = peer.tls ? "https" : "http"};
  Hop first = own;
  if (received.host && IsValidAuthority(*received.host)) first.host = *received.host;
  if (received.proto && !SchemeOf(*received.proto).empty()) first.scheme = SchemeOf(*received.proto);
  std::string_view port = received.proto || received.host ? ImpliedPort(first.scheme, first.host) : peer.port;
  if (received.port && IsForwardedPort(*received.port)) port = *received.port;

  Forwarding result{.client = ClientOf(received, peer), .request_id = {}};
  const std::string_view ip = peer.ip ? arena(peer.ip->ToString()) : std::string_view();
  const std::string_view nodes = ForText(received, ip, arena);
  const bool sound_id = received.request_id && IsRequestId(*received.request_id);
  result.request_id = sound_id ? *received.request_id : arena(GenerateRequestId(random));

  if (!nodes.empty()) headers.Add("X-Forwarded-For", nodes);
  headers.Add("X-Forwarded-Proto", first.scheme);
  if (!first.host.empty()) headers.Add("X-Forwarded-Host", first.host);
  if (!port.empty()) headers.Add("X-Forwarded-Port", port);
  if (peer.send_real_ip && result.client) {
    headers.Add("X-Real-IP", result.client == peer.ip ? ip : arena(result.client->ToString()));
  }
  headers.Add("Forwarded", arena(ForwardedText(received, peer, own, first, arena)));
  headers.Add("X-Request-Id", result.request_id);
  AppendToList(headers, "Via", via.EntryFor(head.version), arena);
  return result;
}

}  // namespace hawser::http
