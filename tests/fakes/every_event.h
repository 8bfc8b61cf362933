// Everything that a loop can have pending for a handler: a call that was asked for with Soon, a timer that is
// due, and a descriptor that is ready, each under every tag. EndAmidEveryEvent ends the handler in the turn
// in which all of that comes: the loop must call it no more, and nothing of it may be reached later.
//
//   fakes::EndAmidEveryEvent(*loop, *handler, [&] { pool.CloseIdle(); });
//   EXPECT_EQ(stream.calls(), before);
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include <sys/eventfd.h>
#include <unistd.h>

#include "gtest/gtest.h"
#include "proxy/event/loop.h"
#include "tests/fakes/in_turn.h"

namespace hawser::fakes {

class EveryEvent {
 public:
  EveryEvent(event::Loop& loop, event::IoHandler& handler) : loop_(loop), handler_(handler) {
    for (uint8_t tag = 0; tag < kTags; ++tag) {
      loop_.Soon(handler, {.readable = true, .writable = true, .tag = tag});
      timers_.push_back(std::make_unique<event::Timer>(handler, tag));
      loop_.Arm(*timers_.back(), base::Duration(0));
      targets_[tag] = event::Target(handler, tag);
      fds_[tag] = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
      EXPECT_TRUE(loop_.Add(fds_[tag], targets_[tag], {.read = true, .write = true}).ok());
    }
  }
  // Before the handler is destroyed: what is registered must not outlive it.
  ~EveryEvent() {
    for (uint8_t tag = 0; tag < kTags; ++tag) {
      loop_.Remove(fds_[tag], targets_[tag]);
      loop_.CancelSoon(handler_, tag);
      close(fds_[tag]);
    }
  }
  EveryEvent(const EveryEvent&) = delete;
  EveryEvent& operator=(const EveryEvent&) = delete;

 private:
  static constexpr uint8_t kTags = event::Ready::kMostTag + 1;

  event::Loop& loop_;
  event::IoHandler& handler_;
  std::vector<std::unique_ptr<event::Timer>> timers_;
  std::array<event::Target, kTags> targets_;
  std::array<int, kTags> fds_;
};

// `end` ends the handler, which the loop destroys when that turn is over.
inline void EndAmidEveryEvent(event::Loop& loop, event::IoHandler& handler, std::function<void()> end) {
  InTurn turn(loop);
  std::unique_ptr<EveryEvent> pending;
  turn.First(std::move(end));
  pending = std::make_unique<EveryEvent>(loop, handler);
  turn.Last([&pending] { pending = nullptr; });
  loop.RunOnce(base::Duration(0));
  EXPECT_EQ(pending, nullptr);
}

}  // namespace hawser::fakes
