// Where a backend listens: an IP address and a port, a Unix socket, or a host name and a port, which DNS
// turns into addresses later. A value; compared by content.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proxy/net/address.h"

namespace hawser::config {

class BackendAddress {
 public:
  BackendAddress() = default;                                                   // 0.0.0.0:0
  BackendAddress(net::SocketAddress literal) : literal_(std::move(literal)) {}  // NOLINT: a kind of it
  BackendAddress(std::string host, uint16_t port) : literal_({}, port), host_(std::move(host)) {}

  // "127.0.0.1:80", "[::1]:80", "unix:/run/chat.sock" or "rooms.internal:9000". Port 0 is allowed. A name is
  // kept in lower case; a dot at its end keeps the resolver from trying its search list.
  static absl::StatusOr<BackendAddress> Parse(std::string_view text);

  bool named() const { return !host_.empty(); }
  const std::string& host() const { return host_; }  // empty if this is no name
  uint16_t port() const { return literal_.port(); }  // 0 for a Unix socket
  // What to connect to. Not of a name.
  const net::SocketAddress& literal() const;
  // As Parse takes it.
  std::string ToString() const;

  bool operator==(const BackendAddress&) const = default;

 private:
  net::SocketAddress literal_;  // of a name: its port alone
  std::string host_;
};

// Whether DNS may know the name (RFC 1123 §2.1, and _ as in "_ws._tcp.example.com"): labels of letters,
// digits, - and _, at most 253 bytes together. The last one is no number, which would make it an IPv4
// address.
bool IsHostName(std::string_view text);
// Decimal, up to 65,535; nothing if it is no such number.
std::optional<uint16_t> PortIn(std::string_view text);

}  // namespace hawser::config
