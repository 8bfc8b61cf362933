// The load generator's own turn of epoll: level-triggered, one target a descriptor, deadlines in nanoseconds.
// It shares no code with the proxy's loop, so that a bug there is not repeated here. One per process.
#pragma once

#include <array>
#include <cstdint>

#include <sys/epoll.h>

#include "bench/load/clock.h"
#include "proxy/net/socket.h"

namespace hawser::bench {

class Target {
 public:
  virtual ~Target() = default;
  // `events` as epoll names them. A target may close its own descriptor in here, and nobody else's.
  virtual void OnReady(uint32_t events) = 0;
};

class Poller {
 public:
  Poller();

  // Closing the descriptor removes it. Targets must outlive it.
  void Add(int fd, Target& target, uint32_t events);
  void Modify(int fd, Target& target, uint32_t events);

  // Waits for events or until `deadline`, and delivers what came.
  void Turn(Nanos deadline);

 private:
  net::Socket epoll_;
  std::array<epoll_event, 256> events_;
};

}  // namespace hawser::bench
