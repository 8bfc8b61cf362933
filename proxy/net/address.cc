#include "proxy/net/address.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"

namespace hawser::net {
namespace {

constexpr std::array<uint8_t, 12> kV4Mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::string_view kUnixPeers = "unix";

absl::Status Invalid(std::string_view what, std::string_view text) {
  return absl::InvalidArgumentError(fmt::format("{}: \"{}\"", what, text));
}

template <typename Number>
bool ParseNumber(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

absl::StatusOr<IpAddress> IpAddress::Parse(std::string_view text) {
  if (text.find('\0') != std::string_view::npos) return Invalid("not an IP address", text);
  const std::string terminated(text);
  std::array<uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) {
    return FromV4(std::span<const uint8_t, 4>(bytes.data(), 4));
  }
  if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return FromV6(bytes);
  return Invalid("not an IP address", text);
}

IpAddress IpAddress::FromV4(std::span<const uint8_t, 4> bytes) {
  IpAddress address;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

IpAddress IpAddress::FromV6(std::span<const uint8_t, 16> bytes) {
  if (std::equal(kV4Mapped.begin(), kV4Mapped.end(), bytes.begin())) {
    return FromV4(std::span<const uint8_t, 4>(bytes.data() + 12, 4));
  }
  IpAddress address;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  address.v4_ = false;
  return address;
}

bool IpAddress::loopback() const {
  if (v4_) return bytes_[0] == 127;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](uint8_t byte) { return byte == 0; }) &&
         bytes_[15] == 1;
}

bool IpAddress::unspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](uint8_t byte) { return byte == 0; });
}

IpAddress IpAddress::Masked(int length) const {
  HAWSER_DCHECK(length >= 0);
  IpAddress masked = *this;
  for (int i = 0; i < static_cast<int>(bytes().size()); ++i) {
    const int kept = std::clamp(length - i * 8, 0, 8);
    masked.bytes_[static_cast<size_t>(i)] &= static_cast<uint8_t>(0xff00 >> kept);
  }
  return masked;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN];
  if (!v4_) return inet_ntop(AF_INET6, bytes_.data(), text, sizeof text);
  char* end = text;  // by hand: inet_ntop prints, and every request's address is written
  for (const uint8_t byte : bytes()) {
    if (end != text) *end++ = '.';
    end = std::to_chars(end, end + 3, byte).ptr;
  }
  return {text, end};
}

absl::StatusOr<IpBlock> IpBlock::Parse(std::string_view text) {
  IpBlock block;
  const size_t slash = text.find('/');
  HAWSER_ASSIGN_OR_RETURN(block.base_, IpAddress::Parse(text.substr(0, slash)));
  block.length_ = block.base_.bits();
  if (slash != std::string_view::npos) {
    if (!ParseNumber(text.substr(slash + 1), block.length_) || block.length_ < 0 ||
        block.length_ > block.base_.bits()) {
      return Invalid("not a prefix length", text.substr(slash + 1));
    }
  }
  if (block.base_.Masked(block.length_) != block.base_) {
    return Invalid("bits are set behind the prefix", text);
  }
  return block;
}

bool IpBlock::Contains(const IpAddress& address) const {
  return address.v4() == base_.v4() && address.Masked(length_) == base_;
}

std::string IpBlock::ToString() const {
  return fmt::format("{}/{}", base_.ToString(), length_);
}

absl::StatusOr<SocketAddress> SocketAddress::Parse(std::string_view text) {
  SocketAddress address;
  if (text.starts_with("unix:")) {
    address.path_ = text.substr(5);
    if (address.path_.empty() || address.path_ == "@" || address.path_.find('\0') != std::string::npos)
      return Invalid("a Unix socket needs a path", text);
    if (address.path_.size() >= sizeof(sockaddr_un::sun_path))
      return Invalid("path too long for a Unix socket", text);
    return address;
  }
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return Invalid("expected IP:PORT, [IPv6]:PORT or unix:PATH", text);
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (!bracketed && host.find(':') != std::string_view::npos)
    return Invalid("an IPv6 address needs brackets", text);
  if (!ParseNumber(text.substr(colon + 1), address.port_))
    return Invalid("not a port", text.substr(colon + 1));
  HAWSER_ASSIGN_OR_RETURN(address.ip_, IpAddress::Parse(host));
  return address;
}

SocketAddress SocketAddress::FromNative(const sockaddr_storage& native, socklen_t length) {
  SocketAddress address;
  if (native.ss_family == AF_INET) {
    sockaddr_in in;
    std::memcpy(&in, &native, sizeof in);
    std::array<uint8_t, 4> bytes;
    std::memcpy(bytes.data(), &in.sin_addr, bytes.size());
    return {IpAddress::FromV4(bytes), ntohs(in.sin_port)};
  }
  if (native.ss_family == AF_INET6) {
    sockaddr_in6 in;
    std::memcpy(&in, &native, sizeof in);
    std::array<uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
    return {IpAddress::FromV6(bytes), ntohs(in.sin6_port)};
  }
  sockaddr_un un;
  std::memcpy(&un, &native, sizeof un);
  const size_t room = length > offsetof(sockaddr_un, sun_path) ? length - offsetof(sockaddr_un, sun_path) : 0;
  if (room > 0 && un.sun_path[0] == '\0') {
    address.path_ = '@' + std::string(un.sun_path + 1, room - 1);
  } else {
    address.path_ = std::string(un.sun_path, strnlen(un.sun_path, room));
  }
  if (address.path_.empty()) address.path_ = "@";  // the unnamed end of a Unix connection
  return address;
}

int SocketAddress::family() const {
  return unix_socket() ? AF_UNIX : ip_.v4() ? AF_INET : AF_INET6;
}

socklen_t SocketAddress::ToNative(sockaddr_storage& native) const {
  native = {};
  if (unix_socket()) {
    sockaddr_un un{.sun_family = AF_UNIX, .sun_path = {}};
    std::memcpy(un.sun_path, path_.data(), path_.size());
    if (path_[0] == '@') un.sun_path[0] = '\0';
    std::memcpy(&native, &un, sizeof un);
    return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size() + (path_[0] == '@' ? 0 : 1));
  }
  if (ip_.v4()) {
    sockaddr_in in{.sin_family = AF_INET, .sin_port = htons(port_), .sin_addr = {}, .sin_zero = {}};
    std::memcpy(&in.sin_addr, ip_.bytes().data(), 4);
    std::memcpy(&native, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port_);
  std::memcpy(&in.sin6_addr, ip_.bytes().data(), 16);
  std::memcpy(&native, &in, sizeof in);
  return sizeof in;
}

std::string SocketAddress::ToString() const {
  if (unix_socket()) return "unix:" + path_;
  return fmt::format(fmt::runtime(ip_.v4() ? "{}:{}" : "[{}]:{}"), ip_.ToString(), port_);
}

absl::StatusOr<PeerBlock> PeerBlock::Parse(std::string_view text) {
  PeerBlock peers;
  if (text == kUnixPeers) return peers;
  HAWSER_ASSIGN_OR_RETURN(peers.block_, IpBlock::Parse(text));
  return peers;
}

std::string PeerBlock::ToString() const {
  return block_ ? block_->ToString() : std::string(kUnixPeers);
}

bool AnyContains(std::span<const PeerBlock> blocks, const IpAddress& address) {
  return std::any_of(blocks.begin(), blocks.end(),
                     [&](const PeerBlock& block) { return block.Contains(address); });
}

bool AnyContains(std::span<const PeerBlock> blocks, const SocketAddress& peer) {
  return std::any_of(blocks.begin(), blocks.end(),
                     [&](const PeerBlock& block) { return block.Contains(peer); });
}

}  // namespace hawser::net
