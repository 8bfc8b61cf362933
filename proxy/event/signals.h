// Signals as events: blocked in every thread, read from a signalfd by the main loop.
#pragma once

#include <initializer_list>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "proxy/event/loop.h"

namespace hawser::event {

// Blocks `signals` for the calling thread and those that it starts later. Call before any thread is started.
void BlockSignals(std::initializer_list<int> signals);

class Signals : public IoHandler {
 public:
  // Calls `on_signal(number)` on the loop's thread for each of `signals`, which must be blocked.
  static absl::StatusOr<std::unique_ptr<Signals>> Watch(Loop& loop, std::initializer_list<int> signals,
                                                        absl::AnyInvocable<void(int)> on_signal);
  ~Signals() override;
  void OnReady(Ready ready) override;

 private:
  Signals(Loop& loop, int fd, absl::AnyInvocable<void(int)> on_signal);

  Loop& loop_;
  const int fd_;
  Target target_;
  absl::AnyInvocable<void(int)> on_signal_;
};

}  // namespace hawser::event
