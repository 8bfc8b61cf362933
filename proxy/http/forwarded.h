// What a backend is told of the way its request came: X-Forwarded-For, -Proto, -Host and -Port, Forwarded (RFC 7239),
// X-Request-Id, Via (RFC 9110 §7.6.3), and X-Real-IP where it is asked for. What a peer says of itself counts only if the
// listener trusts that peer; else its fields are dropped, also in spellings with '_' that CGI-like backends cannot tell
// from those with '-'.
#pragma once

#include <optional>
#include <random>
#include <span>
#include <string_view>

#include "proxy/http/head.h"
#include "proxy/http/via.h"
#include "proxy/net/address.h"

namespace hawser::http {

struct Peer {
  std::optional<net::IpAddress> ip;  // none: it came over a Unix socket
  bool trusted = false;              // its fields are believed
  bool tls = false;
  std::string_view port;  // that it connected to, as text that outlives the head; empty: a Unix socket
  std::span<const net::PeerBlock> trusted_proxies;  // whose entries in X-Forwarded-For are believed
  bool send_real_ip = false;                        // X-Real-IP is set
};

struct Forwarding {
  // Where the request comes from: the peer itself, or behind a trusted one the rightmost address of X-Forwarded-For that
  // is not a trusted proxy's. An entry that is no address ends the search at the address found before it. None if all
  // that is known is a Unix socket.
  std::optional<net::IpAddress> client;
  // The trusted peer's if it sent a sound one, else a new one. Lives as long as the head.
  std::string_view request_id;
};

// Sets all of them on a head without hop-by-hop fields; text made here goes into `arena`. Of a trusted peer's fields:
//
//   - Lists (X-Forwarded-For, Forwarded, Via) are continued. Empty elements are left out (RFC 9110 §5.6.1).
//   - Of -Proto, -Host and -Port the first element is kept if it is sound: http or https, in any case, ws and wss meaning
//     these; a valid authority; 1 to 65535. A port that it leaves out beside one of the others is the one they imply.
//   - Forwarded and X-Forwarded-* tell the same: where -For, -Proto or -Host came, Forwarded is made from them (many a
//     proxy sets these and passes Forwarded on as its client sent it); where only Forwarded came, they are made from it.
//   - X-Real-IP, and X-Forwarded- fields of other names, pass as they came.
Forwarding SetForwarded(RequestHead& head, const Peer& peer, const Via& via, std::mt19937_64& random,
                        TextArena& arena);

}  // namespace hawser::http
