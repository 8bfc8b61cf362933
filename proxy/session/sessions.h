// The sessions of one worker: its client connections and its tunnels, and the operations on all of them
// (find, drain, abort, visit). A session is owned by its list from Add until it unlinks and retires itself,
// which Close, End and Abort of each kind do. Loop thread only.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "proxy/base/clock.h"
#include "proxy/base/stepped_list.h"
#include "proxy/base/tunnel_id.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http/reject.h"
#include "proxy/session/connection_budgets.h"
#include "proxy/session/connections.h"
#include "proxy/session/drain_order.h"
#include "proxy/session/drains.h"
#include "proxy/session/evictions.h"
#include "proxy/session/tunnel_slots.h"
#include "proxy/stats/worker_stats.h"

namespace hawser::session {

class Tunnel;

class Sessions final : public event::IoHandler {
 public:
  // `loop` and `stats` must outlive this. `worker` stands in the ids of its tunnels.
  Sessions(event::Loop& loop, stats::WorkerStats& stats, uint16_t worker = 0)
      : loop_(loop), connections_(loop), slots_(worker), drains_(loop, stats, slots_), empty_timer_(*this) {}
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  template <typename Connection>
  Connection& Add(std::unique_ptr<Connection> connection) {
    return connections_.Add(std::move(connection));
  }
  Tunnel& Add(std::unique_ptr<Tunnel> tunnel);
  // An open tunnel has begun to close.
  void OnClosing(Tunnel& tunnel);
  // A tunnel is about to retire: it has no id any more.
  void OnClosed(Tunnel& tunnel);

  base::TunnelId IdOf(const Tunnel& tunnel) const;
  // Null: it has ended, or is another worker's.
  Tunnel* Find(const base::TunnelId& id) const { return slots_.Find(id); }

  bool empty();
  // The oldest open tunnel; if there is none, the one that has been closing for the longest time; null if
  // there is none either.
  Tunnel* FirstTunnel();
  // Calls visit(Tunnel&) for up to `most` tunnels (at least 1) behind those of the last call: closing ones
  // first, then open ones in the order in which they opened; `visit` ends none of them. False: there are no
  // more. `first` begins anew; only then may a call follow one that returned false.
  bool VisitTunnels(size_t most, bool first, absl::FunctionRef<void(Tunnel&)> visit);

  // A drain has it in its queue, or has ended it.
  bool IsDrained(const Tunnel& tunnel) const;
  // Ends tunnels by order (drains.h).
  void Drain(DrainOrder order) { drains_.Begin(std::move(order)); }
  // As Connections::LetGo.
  void LetGo(Connections::Gone gone, base::Duration deadline, http::Reject reason) {
    connections_.LetGo(std::move(gone), deadline, reason);
  }
  // The server ends. Call it once. From now on requests are refused, idle connections end, and tunnels are
  // ended by `order`. `on_empty` is called once, when no session is left; perhaps within this call.
  void DrainAll(DrainOrder order, absl::AnyInvocable<void()> on_empty);
  // DrainAll or Abort has been called.
  bool draining() const { return draining_; }
  // Ends every session at once. The clients of tunnels are sent `code`, or the reason's own.
  void Abort(http::Reject reason) { Abort(reason, http::SpecOf(reason).close_code); }
  void Abort(http::Reject reason, uint16_t code);

  ConnectionBudgets& budgets() { return budgets_; }
  Evictions& evictions() { return evictions_; }

  // What becomes of a request of the evicted connection that waits in the kernel.
  enum class Unread : uint8_t {
    kServed,  // a few are looked for: who has sent one is not idle, and the next in order goes
    kLost,    // for callers within an exchange, who must not begin another
  };
  // While something is left for new connections, those that have just come are not closed for others.
  enum class Left : uint8_t { kSome, kNothing };
  // Closes the connection that is next in `evictions`, of that listener or of any, and says what it was.
  // Nothing: there is none, or the server drains.
  std::optional<Evictable> Evict(std::optional<uint32_t> listener, Unread unread, Left left = Left::kNothing);

 private:
  void OnReady(event::Ready ready) override;  // looks whether a session is left, while draining

  event::Loop& loop_;
  Connections connections_;            // those that have no tunnel
  base::SteppedList<Tunnel> tunnels_;  // open
  base::SteppedList<Tunnel> closing_tunnels_;
  bool visits_closing_ = false;  // where VisitTunnels goes on: in closing_tunnels_, or in tunnels_
  TunnelSlots slots_;
  Drains drains_;
  ConnectionBudgets budgets_;
  Evictions evictions_;

  bool draining_ = false;
  event::Timer empty_timer_;
  absl::AnyInvocable<void()> on_empty_;
};

}  // namespace hawser::session
