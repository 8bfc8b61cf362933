// Puts what a test does into a turn of the loop, together with what else is due in it: an end and a timer in
// one turn.
//
//   InTurn turn(*loop);
//   clock.Advance(10s);                        // a timer is due
//   turn.First([&] { stream.Deliver(); });     // before the turn's events and timers
//   turn.Last([&] { stream.Deliver(); });      // behind them, before those that have retired are destroyed
//   loop->RunOnce(0ms);
#pragma once

#include <functional>
#include <utility>

#include "proxy/event/loop.h"

namespace hawser::fakes {

class InTurn final : public event::IoHandler {
 public:
  explicit InTurn(event::Loop& loop) : loop_(loop) {}
  ~InTurn() override { loop_.CancelSoon(*this, 0); }
  InTurn(const InTurn&) = delete;
  InTurn& operator=(const InTurn&) = delete;

  void First(std::function<void()> what) {
    first_ = std::move(what);
    loop_.Soon(*this, {});
  }
  void Last(std::function<void()> what) { loop_.Post(std::move(what)); }

  void OnReady(event::Ready) override { std::exchange(first_, nullptr)(); }

 private:
  event::Loop& loop_;
  std::function<void()> first_;
};

}  // namespace hawser::fakes
