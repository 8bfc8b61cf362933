// A thread that differs from std::thread in three points: its start can fail without an exception, it has a
// name, and signals to the process never reach it. Signals go to the main thread, which handles them by
// default or as events (event/signals.h).
#pragma once

#include <string>

#include <pthread.h>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

namespace hawser::base {

class Thread {
 public:
  Thread() = default;
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread() { Join(); }

  // Runs `run` on a new thread. `name` is what ps(1) shows, at most 15 characters. ResourceExhausted where a
  // limit on threads is reached or there is no memory for its stack. Only while it is not running.
  absl::Status Start(const std::string& name, absl::AnyInvocable<void()> run);

  bool running() const { return running_; }  // started, neither joined nor abandoned
  // Waits for its end. Does nothing if it does not run.
  void Join();
  // Nobody waits for its end any more: for a thread that may be stuck while the process ends.
  void Abandon();

 private:
  pthread_t thread_{};
  bool running_ = false;
};

}  // namespace hawser::base
