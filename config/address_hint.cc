#include "config/address_hint.h"

#include "config/backend_address.h"
#include "config/diagnostic.h"
#include "config/form.h"
#include "fmt/format.h"
#include "proxy/net/address.h"

namespace hawser::config {
namespace {

std::optional<net::IpAddress> IpIn(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const auto ip = net::IpAddress::Parse(text);
  return ip.ok() ? std::optional(*ip) : std::nullopt;
}

// In quotes, where YAML asks for them.
std::string Written(const net::IpAddress& ip, std::string_view port) {
  return ip.v4() ? fmt::format("{}:{}", ip.ToString(), port)
                 : fmt::format("\"[{}]:{}\"", ip.ToString(), port);
}

// "http://127.0.0.1:9000/chat".
std::optional<Hint> UrlHint(std::string_view text, bool connects) {
  const size_t mark = text.find("://");
  if (mark == std::string_view::npos) return std::nullopt;
  const std::string_view scheme = text.substr(0, mark);
  const std::string_view authority = text.substr(mark + 3).substr(0, text.substr(mark + 3).find('/'));
  const bool tls = scheme == "https" || scheme == "wss";
  std::string expected =
      connects ? "expected IP:PORT or HOST:PORT" : "expected IP:PORT (host names are not supported)";
  if (net::SocketAddress::Parse(authority).ok() || (connects && BackendAddress::Parse(authority).ok())) {
    const char* const quote = authority.starts_with('[') ? "\"" : "";  // where YAML asks for them
    expected = fmt::format("expected {0}{1}{0}", quote, authority);
  } else if (const auto ip = IpIn(authority)) {
    expected = fmt::format("expected {}", Written(*ip, tls ? "443" : "80"));
  } else if (connects && IsHostName(authority)) {
    expected = fmt::format("expected {}:{}", authority, tls ? "443" : "80");
  }
  if (tls) expected += connects ? ", and `tls` in the cluster" : ", and `tls` in the listener";
  return Hint{Quote(text) + " is a URL, not an address", std::move(expected)};
}

std::optional<Hint> NoHostHint(std::string_view text, bool connects) {
  const std::string_view port = text.substr(text.starts_with("*:") ? 2 : text.starts_with(':') ? 1 : 0);
  if (!PortIn(port)) return std::nullopt;
  return Hint{Quote(text) + " has no IP address",
              connects ? fmt::format("expected 127.0.0.1:{} for a backend on this machine", port)
                       : fmt::format("expected 0.0.0.0:{0}, or \"[::]:{0}\" for IPv6 as well", port)};
}

// "localhost:80", "::1:80".
std::optional<Hint> HostHint(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !PortIn(text.substr(colon + 1))) return std::nullopt;
  const std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (host == "localhost") {
    return Hint{Quote(text) + " has a host name",
                fmt::format("expected 127.0.0.1:{0} or \"[::1]:{0}\" (host names are not supported)", port)};
  }
  const auto ip = IpIn(host);
  if (!ip) return std::nullopt;
  return Hint{Quote(text) + " has no brackets around the IPv6 address",
              fmt::format("expected {}", Written(*ip, port))};
}

// "127.0.0.1:84433".
std::optional<Hint> PortHint(std::string_view text, bool connects) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || IpIn(text)) return std::nullopt;
  const std::string_view host = text.substr(0, colon);
  if (!IpIn(host) && !(connects && host != "unix" && IsHostName(host))) return std::nullopt;
  return Hint{"not a port: " + Quote(text.substr(colon + 1)), "expected 1 to 65535"};
}

// `[ 127.0.0.1:9000 127.0.0.1:9001 ]` is one text to YAML.
template <typename Address>
std::optional<Hint> CommaHint(std::string_view text) {
  const size_t space = text.find_first_of(" \t\n");
  if (space == std::string_view::npos || !Address::Parse(text.substr(0, space)).ok()) return std::nullopt;
  return Hint{Quote(text) + " is not one address", "two addresses without a comma between them?"};
}

std::optional<Hint> HintFor(std::string_view text, bool connects) {
  if (auto hint = UrlHint(text, connects)) return hint;
  if (text.starts_with('/')) {
    return Hint{Quote(text) + " is a path, not an address", fmt::format("expected \"unix:{}\"", text)};
  }
  if (auto hint = NoHostHint(text, connects)) return hint;
  if (auto hint = HostHint(text)) return hint;  // "::1:80" is an address too, but nobody means it
  if (auto hint = PortHint(text, connects)) return hint;
  const auto ip = IpIn(text);
  if (connects && !ip && IsHostName(text)) {
    return Hint{Quote(text) + " has no port", fmt::format("expected {}:PORT", text)};
  }
  if (!ip) return std::nullopt;
  return Hint{Quote(text) + " has no port", fmt::format("expected {}", Written(*ip, "PORT"))};
}

}  // namespace

std::optional<Hint> AddressHint(std::string_view text) {
  if (net::SocketAddress::Parse(text).ok()) return std::nullopt;
  if (auto hint = CommaHint<net::SocketAddress>(text)) return hint;
  return HintFor(text, false);
}

std::optional<Hint> BackendHint(std::string_view text) {
  if (BackendAddress::Parse(text).ok()) return std::nullopt;
  if (auto hint = CommaHint<BackendAddress>(text)) return hint;
  return HintFor(text, true);
}

std::optional<Hint> PeersHint(std::string_view text) {
  if (net::PeerBlock::Parse(text).ok()) return std::nullopt;
  if (auto hint = CommaHint<net::PeerBlock>(text)) return hint;
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto ip = IpIn(text.substr(0, slash));
  const auto length = PortIn(text.substr(slash + 1));
  if (!ip || !length || *length > ip->bits()) return std::nullopt;
  return Hint{Quote(text) + " has bits set behind its prefix",
              fmt::format("expected {}/{} for the block, or {} for the one address",
                          ip->Masked(*length).ToString(), *length, ip->ToString())};
}

std::optional<std::string> OriginHint(std::string_view text) {
  if (text == "*") return "to allow every origin, leave the filter out";
  const size_t mark = text.find("://");
  const bool schemed = mark != std::string_view::npos;
  const std::string_view rest = text.substr(schemed ? mark + 3 : 0);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (!schemed && authority.find('.') == std::string_view::npos && !authority.starts_with("localhost"))
    return std::nullopt;
  const std::string_view scheme = schemed ? text.substr(0, mark) : "https";
  const std::string origin = fmt::format("{}://{}",
                                         scheme == "wss"  ? "https"
                                         : scheme == "ws" ? "http"
                                                          : scheme,
                                         authority);
  if (Misfit(Form::kOrigin, origin)) return std::nullopt;
  return "expected " + origin;
}

}  // namespace hawser::config
