// A TCP socket whose host looks dead to its peer, without any privilege: a filter drops every received
// segment, so nothing is acknowledged.
#pragma once

#include <linux/filter.h>
#include <sys/socket.h>

namespace hawser::fakes {

inline bool SilenceHost(int fd) {
  sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{.len = 1, .filter = &drop};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

}  // namespace hawser::fakes
