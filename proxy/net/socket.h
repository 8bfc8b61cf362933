// A file descriptor with one owner, and the socket calls that hawser makes. Every socket is non-blocking and
// close-on-exec.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <sys/types.h>
#include <unistd.h>

#include "absl/status/statusor.h"
#include "proxy/net/address.h"

namespace hawser::net {

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd);
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    if (this != &other) other.Reset();
    return *this;
  }
  ~Socket() { Reset(); }

  int fd() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

struct ListenOptions {
  bool reuse_port = false;  // several sockets on one address, the kernel spreads connections over them
  int backlog = 4096;       // the kernel lowers it to net.core.somaxconn
  mode_t mode = 0666;       // of a Unix socket's file, whatever the umask: who may write to it may connect
};

// A stream socket that has the address. TCP_NODELAY is set here and inherited by what it accepts. "[::]"
// takes IPv4 as well. A Unix socket's path is unlinked first if nobody answers there.
absl::StatusOr<Socket> Bind(const SocketAddress& address, const ListenOptions& options);
// From here on the kernel takes connections for it.
absl::Status BeginListening(const Socket& socket, const SocketAddress& address, int backlog);
// Both in one.
absl::StatusOr<Socket> Listen(const SocketAddress& address, const ListenOptions& options);

// Sets the mode of a Unix socket's file. Other addresses have none.
absl::Status SetMode(const SocketAddress& address, mode_t mode);

// Removes the file of a Unix socket on which nobody listens any more. Other addresses have none.
void RemoveFile(const SocketAddress& address);

// Another descriptor of the same socket.
absl::StatusOr<Socket> Duplicate(const Socket& socket);

// Keeps the descriptors from number `first` on for connections that are accepted without asking
// HasKeptDescriptor, those of the admin listener above all: it must answer when clients have used up all
// others. Holds for the process, as RLIMIT_NOFILE does; to be called before threads start, and when whatever
// has a descriptor for good has it: DescriptorsOfProcess counts that here.
void KeepDescriptors(int first);

// Whether `socket` has one of these. Then all others are in use, since the kernel gives the lowest that is
// free.
bool HasKeptDescriptor(const Socket& socket);

struct Descriptors {
  uint64_t most = 0;  // that are not kept; without a bound until KeepDescriptors was called
  uint64_t used = 0;
};
// One read of an atomic that every Socket counts in.
Descriptors DescriptorsOfProcess();

// Asks a quiet peer's host whether it is still there (SO_KEEPALIVE).
struct TcpKeepalive {
  int idle = 0;      // seconds of silence before the first probe
  int interval = 0;  // seconds between probes
  int probes = 0;    // unanswered ones that end the connection: ETIMEDOUT
};
void KeepAlive(const Socket& socket, const TcpKeepalive& keepalive);

// A stream socket whose connection is under way or made. Fails at once only for local reasons (EMFILE where
// only kept descriptors are left) and for Unix sockets that nobody listens on. `source`: where it comes from,
// of the address's family; null: the kernel chooses. A source has as many ports for each address as the
// kernel has local ports, whatever its connections to others (IP_BIND_ADDRESS_NO_PORT: the port is chosen
// when the peer is known). EADDRNOTAVAIL: all of them are taken, or the source is no address of this machine.
absl::StatusOr<Socket> Connect(const SocketAddress& address, const IpAddress* source = nullptr);

// How many local ports the kernel gives to the connections from one address to another
// (net.ipv4.ip_local_port_range, for IPv6 too), of the calling thread's network namespace; 0: not known.
int LocalPorts();

// The next connection of a listening socket, and in `peer` who made it. Not open, with errno set, when there
// is none or accept(2) failed; `peer` is then as before.
Socket Accept(const Socket& listening, SocketAddress& peer);

// What can be read, looked at and left there: the prefix of `into` that was filled; empty when there is
// nothing, an end or an error.
std::span<std::byte> Peek(int fd, std::span<std::byte> into);

// Of a TCP socket: reported as readable only once `bytes` have come (at least 1), or the end, or an error.
void AwaitAtLeast(int fd, size_t bytes);

// Where the socket is bound. Where port 0 was asked for, this says which port it became.
absl::StatusOr<SocketAddress> LocalAddress(const Socket& socket);

}  // namespace hawser::net
