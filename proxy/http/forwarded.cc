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

// Fields that say something of the client or of the way.
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

// What a trusted peer says. Views into the head's text, or into the arena.
struct Said {
  std::vector<std::string_view> nodes;      // the elements of X-Forwarded-For, first to last
  std::vector<std::string_view> forwarded;  // those of Forwarded; empty: it does not count
  std::optional<std::string_view> proto, host, port, request_id;  // the first elements, sound or not

  bool by_x_forwarded() const { return !nodes.empty() || proto || host; }
};

// A comma always separates, also where quotes stand around it: a client could open one that its proxy does not close.
std::string_view TakePlain(std::string_view& list) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view element = TrimWhitespace(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (!element.empty()) return element;
  }
  return {};
}

// Whether every quoted string in `list` ends. If one does not, nobody can tell what its writer meant to stand in it, and
// what the next proxy has added must not.
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

// Returns whether the field has been taken in, and is to be written anew.
bool TakeIn(Said& said, Kind kind, std::string_view value) {
  switch (kind) {
    case Kind::kFor:
      for (auto node = TakePlain(value); !node.empty(); node = TakePlain(value)) said.nodes.push_back(node);
      return true;
    case Kind::kForwarded: {
      const auto take = QuotesEnd(value) ? TakeElement : TakePlain;
      for (auto one = take(value); !one.empty(); one = take(value)) said.forwarded.push_back(one);
      return true;
    }
    case Kind::kProto: KeepFirst(said.proto, value); return true;
    case Kind::kHost: KeepFirst(said.host, value); return true;
    case Kind::kPort: KeepFirst(said.port, value); return true;
    case Kind::kRequestId:
      if (!said.request_id) said.request_id = value;
      return true;
    case Kind::kRealIp:
    case Kind::kOther:
    case Kind::kNone: break;
  }
  return false;
}

// Leaves none of them in the head but a trusted peer's of other names. From any peer the spellings with '_' go: a
// trusted proxy may pass on what its own client sent.
Said TakeSaid(HeaderList& headers, const Peer& peer) {
  Said said;
  headers.RemoveIf([&](const Header& header) {
    const Kind kind = KindOf(header.name);
    if (kind == Kind::kNone) return false;
    if (!peer.trusted || HasUnderscore(header)) return true;
    return TakeIn(said, kind, header.value) || (kind == Kind::kRealIp && peer.send_real_ip);
  });
  return said;
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

// An entry of X-Forwarded-For out of a node of Forwarded: its address, or what stands there instead of one.
std::string_view EntryOf(std::string_view node, TextArena& arena) {
  if (const auto address = ParseEntry(node)) return arena(address->ToString());
  return IsToken(node) ? node : "unknown";
}

// Where only Forwarded came, X-Forwarded-* are made from it; where it did not come alone, or says nothing, it is not to
// be continued.
void ReadForwarded(Said& said, TextArena& arena) {
  if (said.by_x_forwarded()) return said.forwarded.clear();
  for (const std::string_view element : said.forwarded) {
    const auto node = ForwardedParameter(element, "for", arena);
    // A first element without one is that of a proxy which tells no addresses; any other stands for an unknown hop.
    if (node || !said.nodes.empty()) said.nodes.push_back(node ? EntryOf(*node, arena) : "unknown");
  }
  if (said.forwarded.empty()) return;
  said.proto = ForwardedParameter(said.forwarded.front(), "proto", arena);
  said.host = ForwardedParameter(said.forwarded.front(), "host", arena);
  if (!said.by_x_forwarded()) said.forwarded.clear();
}

// Empty: neither of the two. A WebSocket's scheme means the one that its handshake has.
std::string_view SchemeOf(std::string_view text) {
  if (EqualsIgnoreCase(text, "https") || EqualsIgnoreCase(text, "wss")) return "https";
  return EqualsIgnoreCase(text, "http") || EqualsIgnoreCase(text, "ws") ? "http" : "";
}

bool IsPort(std::string_view text) {
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

std::optional<net::IpAddress> ClientOf(const Said& said, const Peer& peer) {
  std::optional<net::IpAddress> client = peer.ip;
  for (auto node = said.nodes.rbegin(); node != said.nodes.rend(); ++node) {
    const auto address = ParseEntry(*node);
    if (!address) return client;
    client = address;
    if (!net::AnyContains(peer.trusted_proxies, *address)) return client;
  }
  return client;
}

std::string_view ForText(const Said& said, std::string_view ip, TextArena& arena) {
  if (said.nodes.empty()) return ip;
  std::string list;
  for (const std::string_view node : said.nodes) list.append(list.empty() ? "" : ", ").append(node);
  return arena(ip.empty() ? std::move(list) : list.append(", ").append(ip));
}

// What this hop knows by itself, and what the head tells in the end: of the client's own connection.
struct Hop {
  std::string_view host;
  std::string_view scheme;
};

std::string ForwardedText(const Said& said, const Peer& peer, const Hop& own, const Hop& first,
                          TextArena& arena) {
  constexpr size_t kUsual = 128;
  std::string list;
  list.reserve(kUsual);
  const bool continued = !said.forwarded.empty();
  for (const std::string_view element : said.forwarded) {
    const bool sound = IsForwardedElement(element, arena);
    list.append(list.empty() ? "" : ", ").append(sound ? element : "for=unknown");
  }
  if (!continued) {
    for (const std::string_view node : said.nodes) {
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

// Makes one field of all of that name, with `value` at its end, which lives as long as the head.
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
  Said said = TakeSaid(headers, peer);
  ReadForwarded(said, arena);

  const Hop own{.host = head.authority, .scheme = peer.tls ? "https" : "http"};
  Hop first = own;
  if (said.host && IsValidAuthority(*said.host)) first.host = *said.host;
  if (said.proto && !SchemeOf(*said.proto).empty()) first.scheme = SchemeOf(*said.proto);
  std::string_view port = said.proto || said.host ? ImpliedPort(first.scheme, first.host) : peer.port;
  if (said.port && IsPort(*said.port)) port = *said.port;

  Forwarding result{.client = ClientOf(said, peer), .request_id = {}};
  const std::string_view ip = peer.ip ? arena(peer.ip->ToString()) : std::string_view();
  const std::string_view nodes = ForText(said, ip, arena);
  const bool sound_id = said.request_id && IsRequestId(*said.request_id);
  result.request_id = sound_id ? *said.request_id : arena(GenerateRequestId(random));

  if (!nodes.empty()) headers.Add("X-Forwarded-For", nodes);
  headers.Add("X-Forwarded-Proto", first.scheme);
  if (!first.host.empty()) headers.Add("X-Forwarded-Host", first.host);
  if (!port.empty()) headers.Add("X-Forwarded-Port", port);
  if (peer.send_real_ip && result.client) {
    headers.Add("X-Real-IP", result.client == peer.ip ? ip : arena(result.client->ToString()));
  }
  headers.Add("Forwarded", arena(ForwardedText(said, peer, own, first, arena)));
  headers.Add("X-Request-Id", result.request_id);
  AppendToList(headers, "Via", via.EntryFor(head.version), arena);
  return result;
}

}  // namespace hawser::http
