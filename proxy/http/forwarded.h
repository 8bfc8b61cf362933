// The fields that tell a backend where a request came from and by which way: X-Forwarded-For, -Proto, -Host
// and -Port, Forwarded (RFC 7239), X-Request-Id, Via (RFC 9110 §7.6.3), and X-Real-IP where the configuration
// asks for it. Fields that a peer sends count only if the listener trusts that peer. Otherwise they are
// dropped, also in spellings with '_', which CGI-like backends read as those with '-'.
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
  bool trusted = false;              // its fields count
  bool tls = false;
  // The port that it connected to, as text that outlives the head; empty: a Unix socket.
  std::string_view port;
  std::span<const net::PeerBlock> trusted_proxies;  // whose entries in X-Forwarded-For count
  bool send_real_ip = false;                        // set X-Real-IP
};

struct Forwarding {
  // Where the request comes from: the peer itself, or behind a trusted one the rightmost address of
  // X-Forwarded-For that is not a trusted proxy's. An entry that is no address ends the search at the address
  // found before it. None if all that is known is a Unix socket.
  std::optional<net::IpAddress> client;
  // The id that a trusted peer sent, if it is valid, else a new one. Lives as long as the head.
  std::string_view request_id;
};

// Sets all of these fields. Hop-by-hop fields must be gone from the head; new text goes into `arena`. A
// trusted peer's fields are treated so:
//
//   - Lists (X-Forwarded-For, Forwarded, Via) get another element. Empty elements are left out (RFC 9110
//   §5.6.1).
//   - Of -Proto, -Host and -Port the first element is kept if it is valid: http or https in any case, where
//   ws and wss mean
//     http and https; a valid authority; 1 to 65535. If -Proto or -Host came without -Port, the port is the
//     one they imply.
//   - Forwarded and X-Forwarded-* say the same. If -For, -Proto or -Host came, Forwarded is made from them,
//   because many
//     proxies set these and pass on Forwarded as their client sent it. If only Forwarded came, the others are
//     made from it.
//   - X-Real-IP and X-Forwarded- fields of other names pass unchanged.
Forwarding SetForwarded(RequestHead& head, const Peer& peer, const Via& via, std::mt19937_64& random,
                        TextArena& arena);

}  // namespace hawser::http
