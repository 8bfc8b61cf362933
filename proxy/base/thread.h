// A thread of hawser's own, which std::thread is not in three points: starting it can fail without an exception, it has
// a name, and signals to the process never reach it. Those go to the main thread, by their default action or as events
// (event/signals.h), whenever that thread is ready for them.
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

  // Runs `run` on a new thread. `name` is what ps(1) shows, at most 15 characters. ResourceExhausted where a limit on
  // threads is reached or their stacks find no room. Not running before.
  absl::Status Start(const std::string& name, absl::AnyInvocable<void()> run);

  bool running() const { return running_; }  // started, neither joined nor abandoned
  // Waits for its end. Does nothing if it does not run.
  void Join();
  // Lets it run on by itself; for one that may be stuck while the process ends.
  void Abandon();

 private:
  pthread_t thread_{};
  bool running_ = false;
};

}  // namespace hawser::base
