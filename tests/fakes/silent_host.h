// A TCP socket whose host is gone, as far as its peer can tell, without any privilege: a filter drops every segment that
// comes, so that nothing is acknowledged.
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
