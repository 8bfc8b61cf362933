// Where clients connect.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/http2.h"
#include "config/section.h"
#include "config/tls.h"
#include "config/values.h"
#include "proxy/net/address.h"

namespace hawser::config {

struct TokenBucket {
  Rate rate;  // 0 turns the limit off
  uint32_t burst = 1;
  bool operator==(const TokenBucket&) const = default;
};

enum class OverLimit : uint8_t { kClose, kRespond };

struct ListenerLimits {
  uint64_t connections = 1'000'000;      // open at once on this listener, all workers together
  uint32_t connections_per_ip = 10'000;  // 0: no limit
  std::optional<TokenBucket> connection_rate_per_ip;
  uint8_t ipv4_prefix = 32;  // what counts as one client
  uint8_t ipv6_prefix = 64;
  OverLimit over_limit = OverLimit::kClose;  // respond: 429 where TLS is off
  ByteSize request_head{64 * 1024};          // request line and headers together
  uint32_t request_headers = 100;            // fields
  ByteSize early_bytes{16 * 1024};           // held of what a client sends ahead of the 101
  bool operator==(const ListenerLimits&) const = default;
};

struct ListenerTimeouts {
  Duration tls_handshake = 10s;
  Duration request_headers = 10s;  // from accept, end of TLS or first byte to the end of the head
  Duration keep_alive = 60s;       // between two requests of one connection
  Duration answer = 10s;           // for a client to take a response of hawser's own
  Duration linger = 2s;            // for a client to close behind hawser's last words, before hawser does
  bool operator==(const ListenerTimeouts&) const = default;
};

// What becomes of header fields whose names have a '_'.
enum class UnderscorePolicy : uint8_t { kAllow, kDrop, kReject };

// Headers for backends, in addition to those that hawser always sets.
struct Forwarded {
  bool x_real_ip = false;
  bool operator==(const Forwarded&) const = default;
};

struct Listener {
  std::string name;
  net::SocketAddress address;
  std::string mode = "0666";  // of a Unix socket's file: octal, as ModeOf reads it
  std::optional<Tls> tls;
  ListenerLimits limits;
  ListenerTimeouts timeouts;
  UnderscorePolicy headers_with_underscores = UnderscorePolicy::kDrop;
  Http2 http2;
  std::vector<net::PeerBlock> trusted_proxies;  // peers whose X-Forwarded-* and X-Request-Id are believed
  Forwarded forwarded;
  bool operator==(const Listener&) const = default;
};

void Describe(Description& d, const TokenBucket& bucket);
void Describe(Description& d, const ListenerLimits& limits);
void Describe(Description& d, const ListenerTimeouts& timeouts);
void Describe(Description& d, const Forwarded& forwarded);
void Describe(Description& d, const Listener& listener);

void CheckListener(const Listener& listener, const Checks& checks);

}  // namespace hawser::config
