#include "proxy/event/signals.h"

#include <cerrno>
#include <csignal>
#include <utility>

#include <sys/signalfd.h>
#include <unistd.h>

#include "proxy/base/status_macros.h"

namespace hawser::event {
namespace {

sigset_t SetOf(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (int signal : signals) sigaddset(&set, signal);
  return set;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Signals>> Signals::Watch(Loop& loop, std::initializer_list<int> signals,
                                                        absl::AnyInvocable<void(int)> on_signal) {
  const sigset_t set = SetOf(signals);
  const int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return absl::ErrnoToStatus(errno, "cannot read signals");
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &set, &before);
  std::unique_ptr<Signals> watch(new Signals(loop, fd, before, std::move(on_signal)));
  HAWSER_RETURN_IF_ERROR(loop.Add(fd, watch->target_, {.read = true}));
  return watch;
}

Signals::Signals(Loop& loop, int fd, const sigset_t& mask_before, absl::AnyInvocable<void(int)> on_signal)
    : loop_(loop), mask_before_(mask_before), fd_(fd), target_(*this, 0), on_signal_(std::move(on_signal)) {}

Signals::~Signals() {
  loop_.Remove(fd_, target_);
  signalfd_siginfo dropped;
  while (read(fd_, &dropped, sizeof dropped) > 0) continue;
  close(fd_);
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

void Signals::OnReady(Ready) {
  signalfd_siginfo info;
  while (read(fd_, &info, sizeof info) == sizeof info) on_signal_(static_cast<int>(info.ssi_signo));
}

}  // namespace hawser::event
