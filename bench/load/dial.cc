#include "bench/load/dial.h"

#include <cerrno>

#include <netinet/in.h>
#include <netinet/tcp.h>

namespace hawser::bench {
namespace {

void Enable(int fd, int level, int option) {
  const int one = 1;
  setsockopt(fd, level, option, &one, sizeof one);
}

}  // namespace

net::Socket Dial(const net::SocketAddress& to, const net::SocketAddress* from) {
  net::Socket socket(::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.open()) return socket;
  sockaddr_storage native;
  if (!to.unix_socket()) Enable(socket.fd(), IPPROTO_TCP, TCP_NODELAY);
  if (from != nullptr) {
    Enable(socket.fd(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    const socklen_t length = from->ToNative(native);
    if (bind(socket.fd(), reinterpret_cast<sockaddr*>(&native), length) != 0) return {};
  }
  const socklen_t length = to.ToNative(native);
  const int result = connect(socket.fd(), reinterpret_cast<sockaddr*>(&native), length);
  if (result != 0 && errno != EINPROGRESS) return {};
  return socket;
}

}  // namespace hawser::bench
