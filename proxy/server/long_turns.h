// Tells the log of turns of a worker's loop that took so long that something must have blocked its thread.
// Owned by the worker; its thread only.
#pragma once

#include "proxy/base/log_gate.h"
#include "proxy/event/loop.h"

namespace hawser::server {

class LongTurns final : public event::IoHandler {
 public:
  explicit LongTurns(event::Loop& loop) : loop_(loop) { loop_.WatchTurns(this, kLongest); }
  ~LongTurns() override;
  LongTurns(const LongTurns&) = delete;
  LongTurns& operator=(const LongTurns&) = delete;

  void OnReady(event::Ready) override;

 private:
  static constexpr base::Duration kLongest{100};

  event::Loop& loop_;
  base::LogGate lines_{1, base::Duration(1000)};
};

}  // namespace hawser::server
