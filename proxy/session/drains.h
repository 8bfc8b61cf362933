// The drains of one worker: ends tunnels by order, evenly over a window, the oldest or the longest silent
// first. Tunnels are found by a walk over the slots, some in each turn, and queued by their ids; those that
// open later are asked too. A tunnel is in one queue at the most for each cause: a second order of the same
// cause restarts no window for those that are queued already. An order may ask for some tunnels only: its
// queue never holds more, and it leaves alone what another drain has. Owned by Sessions; loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>

#include "proxy/base/clock.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/session/drain_order.h"
#include "proxy/session/tunnel_slots.h"
#include "proxy/stats/worker_stats.h"

namespace hawser::session {

class Drains final : public event::IoHandler {
 public:
  // All of them must outlive this.
  Drains(event::Loop& loop, stats::WorkerStats& stats, TunnelSlots& slots);
  ~Drains() override;

  void Begin(DrainOrder order);
  void OnOpened(uint32_t slot);
  // Before the slot is free.
  void OnGone(uint32_t slot);

 private:
  struct Drain;
  enum Tag : uint8_t { kTimerTag = 0, kMoreTag = 1 };

  void OnReady(event::Ready ready) override;
  void Step();
  bool Walk(Drain& drain);
  bool TakeTurns(Drain& drain);
  bool CutRest(Drain& drain);
  // False: it has been, or is none of the drain's.
  bool Enqueue(Drain& drain, uint32_t slot);
  void DropLast(Drain& drain);
  void ForgetEnded(Drain& drain);
  static void Tell(Drain& drain, DrainTally& tally);
  void Spare(const Drain& drain, uint32_t slot);
  bool IsLate(const Drain& drain) const;
  void WakeIn(base::Duration time);

  event::Loop& loop_;
  stats::WorkerStats& stats_;
  TunnelSlots& slots_;
  std::list<Drain> drains_;  // until their deadline has passed
  event::Timer timer_;
  base::TimePoint wakes_at_;  // while the timer is armed
};

}  // namespace hawser::session
