#include "bench/load/poller.h"

#include <algorithm>
#include <cstdlib>

#include <sys/prctl.h>

namespace hawser::bench {

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  prctl(PR_SET_TIMERSLACK, 1);  // 50 µs by default: more than many a latency measured here
}

void Poller::Add(int fd, Target& target, uint32_t events) {
  epoll_event event{.events = events, .data = {.ptr = &target}};
  if (epoll_ctl(epoll_.fd(), EPOLL_CTL_ADD, fd, &event) != 0) std::abort();  // out of memory, or a bug here
}

void Poller::Modify(int fd, Target& target, uint32_t events) {
  epoll_event event{.events = events, .data = {.ptr = &target}};
  if (epoll_ctl(epoll_.fd(), EPOLL_CTL_MOD, fd, &event) != 0) std::abort();
}

void Poller::Turn(Nanos deadline) {
  timespec timeout{};
  if (deadline != kNever) {
    const Nanos wait = std::max<Nanos>(0, deadline - Now());
    timeout = {.tv_sec = wait / kSecond, .tv_nsec = wait % kSecond};
  }
  const int count = epoll_pwait2(epoll_.fd(), events_.data(), static_cast<int>(events_.size()),
                                 deadline == kNever ? nullptr : &timeout, nullptr);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<size_t>(i)];
    static_cast<Target*>(event.data.ptr)->OnReady(event.events);
  }
}

}  // namespace hawser::bench
