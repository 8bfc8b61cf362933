// Addresses: an IP (4 or 6, IPv4-mapped ones folded into 4), a CIDR block, a socket address (IP and port, or
// a Unix socket's path), and a set of peers. Values; compared and hashed by content.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/socket.h>

#include "absl/status/statusor.h"

namespace hawser::net {

class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0

  // "192.0.2.1" or "2001:db8::1", without brackets. An IPv4-mapped IPv6 address becomes its IPv4 one.
  static absl::StatusOr<IpAddress> Parse(std::string_view text);
  static IpAddress FromV4(std::span<const uint8_t, 4> bytes);
  static IpAddress FromV6(std::span<const uint8_t, 16> bytes);

  bool v4() const { return v4_; }
  int bits() const { return v4_ ? 32 : 128; }
  // Network order: 4 or 16 bytes.
  std::span<const uint8_t> bytes() const { return {bytes_.data(), v4_ ? size_t{4} : size_t{16}}; }
  bool loopback() const;
  bool unspecified() const;

  // The address with all but the first `length` bits cleared.
  IpAddress Masked(int length) const;
  std::string ToString() const;

  bool operator==(const IpAddress&) const = default;

 private:
  std::array<uint8_t, 16> bytes_{};
  bool v4_ = true;
};

// A CIDR block: "10.0.0.0/8", "2001:db8::/32", or one address.
class IpBlock {
 public:
  static absl::StatusOr<IpBlock> Parse(std::string_view text);
  bool Contains(const IpAddress& address) const;
  std::string ToString() const;

  bool operator==(const IpBlock&) const = default;

 private:
  IpAddress base_;
  int length_ = 32;
};

class SocketAddress {
 public:
  SocketAddress() = default;
  SocketAddress(IpAddress ip, uint16_t port) : ip_(ip), port_(port) {}

  // "127.0.0.1:80", "[::1]:80" or "unix:/run/chat.sock" ("unix:@name" is abstract). Port 0 is allowed.
  static absl::StatusOr<SocketAddress> Parse(std::string_view text);
  static SocketAddress FromNative(const sockaddr_storage& native, socklen_t length);

  bool unix_socket() const { return !path_.empty(); }
  // A Unix socket with a path, as opposed to an abstract one ("@name"), which stands in no folder.
  bool has_file() const { return unix_socket() && path_[0] != '@'; }
  const IpAddress& ip() const { return ip_; }  // meaningless for a Unix socket
  uint16_t port() const { return port_; }
  const std::string& path() const { return path_; }  // empty for an IP
  int family() const;

  // Fills `native` and returns its length.
  socklen_t ToNative(sockaddr_storage& native) const;
  // As Parse takes it.
  std::string ToString() const;

  bool operator==(const SocketAddress&) const = default;

 private:
  IpAddress ip_;
  uint16_t port_ = 0;
  std::string path_;
};

// Whom connections come from: "10.0.0.0/8" or one address, or "unix" for every peer on a Unix socket.
class PeerBlock {
 public:
  static absl::StatusOr<PeerBlock> Parse(std::string_view text);
  bool Contains(const IpAddress& address) const { return block_ && block_->Contains(address); }
  bool Contains(const SocketAddress& peer) const {
    return peer.unix_socket() ? !block_.has_value() : Contains(peer.ip());
  }
  // As Parse takes it.
  std::string ToString() const;

  bool operator==(const PeerBlock&) const = default;

 private:
  std::optional<IpBlock> block_;  // none: Unix sockets
};

// Whether any of the blocks contains the peer.
bool AnyContains(std::span<const PeerBlock> blocks, const IpAddress& address);
bool AnyContains(std::span<const PeerBlock> blocks, const SocketAddress& peer);

}  // namespace hawser::net
