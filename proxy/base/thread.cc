#include "proxy/base/thread.h"

#include <csignal>
#include <memory>
#include <utility>

#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::base {
namespace {

using Run = absl::AnyInvocable<void()>;

void* RunAndForget(void* argument) {
  const std::unique_ptr<Run> run(static_cast<Run*>(argument));
  (*run)();
  return nullptr;
}

// All but those that a thread raises by its own fault: with these blocked the kernel would end the process
// silently.
sigset_t SignalsOfTheProcess() {
  sigset_t signals;
  sigfillset(&signals);
  for (const int own : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF}) {
    sigdelset(&signals, own);
  }
  return signals;
}

}  // namespace

absl::Status Thread::Start(const std::string& name, absl::AnyInvocable<void()> run) {
  HAWSER_DCHECK(!running_ && name.size() <= 15);
  auto argument = std::make_unique<Run>(std::move(run));
  // A thread inherits the mask, so that there is no moment in which a signal could find it.
  const sigset_t blocked = SignalsOfTheProcess();
  sigset_t before;
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const int error = pthread_create(&thread_, nullptr, RunAndForget, argument.get());
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) return absl::ErrnoToStatus(error, fmt::format("cannot start the thread {}", name));
  static_cast<void>(argument.release());
  running_ = true;
  pthread_setname_np(thread_, name.c_str());
  return absl::OkStatus();
}

void Thread::Join() {
  if (!std::exchange(running_, false)) return;
  pthread_join(thread_, nullptr);
}

void Thread::Abandon() {
  if (!std::exchange(running_, false)) return;
  pthread_detach(thread_);
}

}  // namespace hawser::base
