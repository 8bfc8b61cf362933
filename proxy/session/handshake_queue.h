// The TLS handshakes with clients that wait for their turn, and the time that they get. A step of a handshake
// costs as much as hundreds of messages, and a client's part of it costs the client nothing. So handshakes
// run at the end of a turn of the loop, behind the streams that are ready, and within a share of the worker's
// time:
//
// - A turn earns `share / (1 - share)` of the time that everything else took. Steps run while some of it is
//   left, and are paid by the clock. The last one may cost more than there is: what is owed is paid by later
//   turns. Nothing is saved up for handshakes that come later.
// - A turn in which no stream had work runs a step whatever is owed.
//
// A handshake that has waited for one turn in vain is parked: it leaves the poll set. Good standing goes
// first (edge/ip_table), then handshakes that were answered already, since they are cheap to finish; then the
// oldest. Where the oldest has waited for too long, the newest goes first: clients that have waited for long
// have left, and a queue that serves them serves nobody. docs/decisions/0083 has the reasons.
//
// One for each worker; loop thread only.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "proxy/base/clock.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/base/log_gate.h"
#include "proxy/edge/ip_table.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/stats/worker_stats.h"

namespace hawser::session {

class HandshakeQueue final : public event::IoHandler {
 public:
  // How long the oldest may wait before the newest goes first.
  static constexpr base::Duration kPatience{500};

  // One handshake, a part of whoever owns the connection. The owner must Leave before it ends.
  class Waiter : public base::ListLink {
   public:
    // owner.OnReady({.readable = true, .tag = tag}) takes a step.
    Waiter(event::IoHandler& owner, uint8_t tag) : owner_(owner), tag_(tag) {}
    ~Waiter() { HAWSER_DCHECK(!linked()); }

    // It waited for longer than kPatience for its last turn.
    bool overdue() const { return overdue_; }

   private:
    friend class HandshakeQueue;
    event::IoHandler& owner_;
    base::TimePoint since_;
    const uint8_t tag_;
    edge::Standing standing_ = edge::Standing::kGood;
    bool parked_ = false;  // out of the poll set
    bool overdue_ = false;
  };

  // `share` of the worker's time, above 0 and below 1, while streams have work.
  HandshakeQueue(event::Loop& loop, stats::WorkerStats& stats, double share);
  void SetShare(double share);  // the same, from now on
  HandshakeQueue(const HandshakeQueue&) = delete;
  HandshakeQueue& operator=(const HandshakeQueue&) = delete;

  // The handshake is ready for a step: its turn is at the end of this turn of the loop or of a later one.
  // `answered`: the server's flight has been sent. True: it was waiting already, and is parked from now on;
  // the owner no longer asks for readable events, which epoll would report in every turn.
  [[nodiscard]] bool Ask(Waiter& waiter, edge::Standing standing, bool answered);

  // Counts a handshake that hawser gives up: its deadline has passed, or its place is needed. One that does
  // not wait is not counted. Leave follows.
  void Shed(const Waiter& waiter);

  // The handshake ends, or never was here. True: it has waited in vain, for longer than kPatience.
  bool Leave(Waiter& waiter);

  size_t parked() const { return parked_; }

 private:
  // The end of a turn.
  void OnReady(event::Ready ready) override;
  void Earn(base::TimePoint now);
  Waiter* Next();
  void Take(Waiter& waiter);
  bool Overdue(const Waiter& waiter) const { return loop_.now() - waiter.since_ > kPatience; }

  event::Loop& loop_;
  stats::WorkerStats& stats_;
  double earned_;  // for each second of other work
  // Those that wait, in the order of their turns: good and answered, good, bad and answered, bad. Each list
  // has the oldest in front.
  std::array<base::IntrusiveList<Waiter>, 4> lists_;
  size_t parked_ = 0;
  std::chrono::nanoseconds left_{0};  // of the time for steps; below 0: owed
  base::TimePoint settled_;           // until when the time is accounted for
  base::LogGate sheds_;
};

}  // namespace hawser::session
