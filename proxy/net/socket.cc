#include "proxy/net/socket.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <limits>

#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"

namespace hawser::net {
namespace {

// Both written before threads start.
int first_kept = std::numeric_limits<int>::max();
int64_t descriptors_of_others = 0;  // that no Socket has

std::atomic<int64_t> descriptors_of_sockets = 0;

// The lowest number that is free: as many are in use, since the kernel always gives that one.
int LowestFree() {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd >= 0) close(fd);
  return fd;
}

absl::Status Failed(std::string_view what, const SocketAddress& address) {
  return absl::ErrnoToStatus(errno, fmt::format("cannot {} {}", what, address.ToString()));
}

void Set(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof value);  // only tuning: a kernel without the option will do
}

absl::StatusOr<Socket> Open(const SocketAddress& address) {
  Socket socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.open()) return Failed("open a socket for", address);
  if (!address.unix_socket()) Set(socket.fd(), IPPROTO_TCP, TCP_NODELAY, 1);
  return socket;
}

// Removes a socket file that a dead process left behind. One that a process serves, or that is no socket,
// stays.
void UnlinkStale(const SocketAddress& address) {
  struct stat status;
  if (stat(address.path().c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  // Non-blocking: a server whose queue is full is alive.
  Socket probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_storage native;
  const socklen_t length = address.ToNative(native);
  if (connect(probe.fd(), reinterpret_cast<sockaddr*>(&native), length) != 0 && errno == ECONNREFUSED) {
    unlink(address.path().c_str());
  }
}

}  // namespace

Socket::Socket(int fd) {
  Reset(fd);
}

void Socket::Reset(int fd) {
  const int change = int{fd >= 0} - int{open()};
  if (change != 0) descriptors_of_sockets.fetch_add(change, std::memory_order_relaxed);
  if (open()) close(fd_);
  fd_ = fd;
}

absl::StatusOr<Socket> Bind(const SocketAddress& address, const ListenOptions& options) {
  if (address.has_file()) UnlinkStale(address);
  HAWSER_ASSIGN_OR_RETURN(Socket socket, Open(address));
  Set(socket.fd(), SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.family() == AF_INET6)
    Set(socket.fd(), IPPROTO_IPV6, IPV6_V6ONLY, 0);  // whatever bindv6only says
  if (options.reuse_port && !address.unix_socket()) Set(socket.fd(), SOL_SOCKET, SO_REUSEPORT, 1);
  // bind(2) makes the file with the socket's own mode: at no moment may more users write to it than are to.
  if (address.has_file()) fchmod(socket.fd(), options.mode);
  sockaddr_storage native;
  const socklen_t length = address.ToNative(native);
  if (bind(socket.fd(), reinterpret_cast<sockaddr*>(&native), length) != 0) return Failed("bind", address);
  if (const absl::Status mode = SetMode(address, options.mode); !mode.ok()) {
    RemoveFile(address);
    return mode;
  }
  return socket;
}

absl::Status BeginListening(const Socket& socket, const SocketAddress& address, int backlog) {
  return listen(socket.fd(), backlog) == 0 ? absl::OkStatus() : Failed("listen on", address);
}

absl::StatusOr<Socket> Listen(const SocketAddress& address, const ListenOptions& options) {
  HAWSER_ASSIGN_OR_RETURN(Socket socket, Bind(address, options));
  HAWSER_RETURN_IF_ERROR(BeginListening(socket, address, options.backlog));
  return socket;
}

// The umask, which is the whole process's, is left alone: it may have taken bits from the mode with which the
// file was made, and these are given here. A link that somebody has put in the file's place meanwhile is not
// followed.
absl::Status SetMode(const SocketAddress& address, mode_t mode) {
  if (!address.has_file() || fchmodat(AT_FDCWD, address.path().c_str(), mode, AT_SYMLINK_NOFOLLOW) == 0) {
    return absl::OkStatus();
  }
  return Failed("set the mode of", address);
}

void RemoveFile(const SocketAddress& address) {
  if (address.has_file()) unlink(address.path().c_str());
}

absl::StatusOr<Socket> Duplicate(const Socket& socket) {
  Socket copy(fcntl(socket.fd(), F_DUPFD_CLOEXEC, 0));
  if (!copy.open()) return absl::ErrnoToStatus(errno, "cannot duplicate a socket");
  return copy;
}

void KeepDescriptors(int first) {
  first_kept = first;
  descriptors_of_others = LowestFree() - descriptors_of_sockets.load(std::memory_order_relaxed);
}

bool HasKeptDescriptor(const Socket& socket) {
  return socket.fd() >= first_kept;
}

Descriptors DescriptorsOfProcess() {
  const int64_t used = descriptors_of_others + descriptors_of_sockets.load(std::memory_order_relaxed);
  return {.most = static_cast<uint64_t>(std::max(first_kept, 0)),
          .used = static_cast<uint64_t>(std::max<int64_t>(used, 0))};
}

namespace {

absl::Status BindSource(const Socket& socket, const IpAddress& source) {
  Set(socket.fd(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
  const SocketAddress address(source, 0);
  sockaddr_storage native;
  const socklen_t length = address.ToNative(native);
  if (bind(socket.fd(), reinterpret_cast<sockaddr*>(&native), length) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, fmt::format("cannot connect from {}", source.ToString()));
}

}  // namespace

absl::StatusOr<Socket> Connect(const SocketAddress& address, const IpAddress* source) {
  HAWSER_ASSIGN_OR_RETURN(Socket socket, Open(address));
  if (HasKeptDescriptor(socket)) {
    errno = EMFILE;
    return Failed("open a socket for", address);
  }
  if (source != nullptr) HAWSER_RETURN_IF_ERROR(BindSource(socket, *source));
  sockaddr_storage native;
  const socklen_t length = address.ToNative(native);
  if (connect(socket.fd(), reinterpret_cast<sockaddr*>(&native), length) != 0 && errno != EINPROGRESS) {
    return Failed("connect to", address);
  }
  return socket;
}

int LocalPorts() {
  std::ifstream file("/proc/sys/net/ipv4/ip_local_port_range");
  int low = 0;
  int high = -1;
  if (!(file >> low >> high) || high < low) return 0;
  const int count = high - low + 1;
  return count > 1 ? count & ~1 : count;  // of an odd number the kernel leaves one out
}

void KeepAlive(const Socket& socket, const TcpKeepalive& keepalive) {
  Set(socket.fd(), IPPROTO_TCP, TCP_KEEPIDLE, keepalive.idle);
  Set(socket.fd(), IPPROTO_TCP, TCP_KEEPINTVL, keepalive.interval);
  Set(socket.fd(), IPPROTO_TCP, TCP_KEEPCNT, keepalive.probes);
  Set(socket.fd(), SOL_SOCKET, SO_KEEPALIVE, 1);
}

Socket Accept(const Socket& listening, SocketAddress& peer) {
  HAWSER_DCHECK(listening.open());
  sockaddr_storage native{};
  socklen_t length = sizeof native;
  Socket socket(
      accept4(listening.fd(), reinterpret_cast<sockaddr*>(&native), &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.open()) peer = SocketAddress::FromNative(native, length);
  return socket;
}

std::span<std::byte> Peek(int fd, std::span<std::byte> into) {
  const ssize_t seen = recv(fd, into.data(), into.size(), MSG_PEEK);
  return into.first(seen > 0 ? static_cast<size_t>(seen) : 0);
}

void AwaitAtLeast(int fd, size_t bytes) {
  HAWSER_DCHECK(bytes > 0);
  Set(fd, SOL_SOCKET, SO_RCVLOWAT, static_cast<int>(bytes));
}

absl::StatusOr<SocketAddress> LocalAddress(const Socket& socket) {
  sockaddr_storage native{};
  socklen_t length = sizeof native;
  if (getsockname(socket.fd(), reinterpret_cast<sockaddr*>(&native), &length) != 0) {
    return absl::ErrnoToStatus(errno, "cannot read a socket's address");
  }
  return SocketAddress::FromNative(native, length);
}

}  // namespace hawser::net
