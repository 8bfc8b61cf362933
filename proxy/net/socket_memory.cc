#include "proxy/net/socket_memory.h"

#include <algorithm>
#include <limits>
#include <optional>

#include <linux/socket.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "proxy/base/check.h"
#include "proxy/net/tcp_state.h"

namespace hawser::net {
namespace {

// What the kernel may take beyond the bound: one segment, before the network card cuts it up.
constexpr size_t kSegment = 64 * 1024;
constexpr size_t kBytesPerMicrosecond = 125;  // 1 Gbit/s

int AsInt(size_t value) {
  return static_cast<int>(std::min<size_t>(value, std::numeric_limits<int>::max()));
}

bool SetOption(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

}  // namespace

void LimitUnsent(int fd, size_t bytes) {
  HAWSER_DCHECK(bytes > 0);
  SetOption(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, AsInt(bytes - std::min(kSegment, bytes / 2)));
}

bool IsNear(std::chrono::microseconds round_trip, size_t bytes) {
  return static_cast<uint64_t>(round_trip.count()) * kBytesPerMicrosecond <= bytes / 2;
}

void LimitUnread(int fd, size_t bytes) {
  HAWSER_DCHECK(bytes > 0);
  const std::optional<TcpState> state = AskTcp(fd);
  if (!state || !IsNear(state->shortest_trip, bytes)) return;
  int now = 0;
  socklen_t length = sizeof now;
  if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &now, &length) != 0) return;
  // The kernel doubles what it is given here. A buffer below what the peer was promised would drop segments:
  // one that has grown further is only kept from growing on, and its window shrinks as bytes are read. Both
  // end the growth; TCP_WINDOW_CLAMP alone does not, because whenever the buffer grows, so does the clamp.
  const bool locked = static_cast<size_t>(now) <= bytes
                          ? SetOption(fd, SOL_SOCKET, SO_RCVBUF, AsInt(bytes / 2))
                          : SetOption(fd, SOL_SOCKET, SO_BUF_LOCK, SOCK_RCVBUF_LOCK);
  if (locked) SetOption(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, AsInt(bytes));
}

void FreeUnread(int fd) {
  SetOption(fd, SOL_SOCKET, SO_BUF_LOCK, 0);
  SetOption(fd, IPPROTO_TCP, TCP_WINDOW_CLAMP, 1 << 30);
}

}  // namespace hawser::net
