// Signals as events, read from a signalfd by the main loop. They are blocked only while this object exists:
// before and after, Ctrl-C and SIGTERM end the process, even if it waits for something. Other threads never
// see them (base/thread.h).
#pragma once

#include <csignal>
#include <initializer_list>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "proxy/event/loop.h"

namespace hawser::event {

class Signals : public IoHandler {
 public:
  // Blocks `signals` in the calling thread, which must be the loop's, and calls `on_signal(number)` there for
  // each.
  static absl::StatusOr<std::unique_ptr<Signals>> Watch(Loop& loop, std::initializer_list<int> signals,
                                                        absl::AnyInvocable<void(int)> on_signal);
  // Signals that have come and were not read are dropped. Later ones do what they did before Watch.
  ~Signals() override;
  void OnReady(Ready ready) override;

 private:
  Signals(Loop& loop, int fd, const sigset_t& mask_before, absl::AnyInvocable<void(int)> on_signal);

  Loop& loop_;
  const sigset_t mask_before_;
  const int fd_;
  Target target_;
  absl::AnyInvocable<void(int)> on_signal_;
};

}  // namespace hawser::event
