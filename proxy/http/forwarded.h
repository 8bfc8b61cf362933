// What a backend is told of the way its request came: X-Forwarded-For, -Proto and -Host, Forwarded (RFC 7239),
// X-Request-Id and Via (RFC 9110 §7.6.3). What a peer says of itself counts only if the listener trusts that peer;
// else its fields are dropped, also in spellings with '_' that CGI-like backends cannot tell from those with '-'.
#pragma once

#include <optional>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "proxy/http/head.h"
#include "proxy/net/address.h"

namespace hawser::http {

struct Peer {
  std::optional<net::IpAddress> ip;  // none: it came over a Unix socket
  bool trusted = false;              // its fields are believed
  bool tls = false;
  std::span<const net::IpBlock> trusted_proxies;  // whose entries in X-Forwarded-For are believed
};

// Where the request comes from: the peer itself, or behind a trusted one the rightmost address of X-Forwarded-For that
// is not a trusted proxy's. An entry that is no address ends the search at the address found before it. None if all
// that is known is a Unix socket. Before SetForwarded, which appends the peer.
std::optional<net::IpAddress> ClientOf(const HeaderList& headers, const Peer& peer);

// The trusted peer's id if it sent a sound one, else a new one.
std::string RequestIdOf(const HeaderList& headers, const Peer& peer, std::mt19937_64& random);

// Sets all six on a head without hop-by-hop fields. From a trusted peer the lists are appended to, Proto and Host kept
// where they are sound. `request_id` must live as long as the head; text made here goes into `keep`.
void SetForwarded(RequestHead& head, const Peer& peer, std::string_view request_id, Keep& keep);

}  // namespace hawser::http
