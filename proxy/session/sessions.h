// The sessions of one worker: its client connections and its tunnels, and the operations on all of them
// (drain, abort, visit). A session is owned by its list from Add until it unlinks and retires itself, which
// Close, End and Abort of each kind do. Loop thread only.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "proxy/base/clock.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/base/stepped_list.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http/reject.h"
#include "proxy/session/connection_budgets.h"
#include "proxy/session/evictions.h"

namespace hawser::session {

class ClientConnection;
class Http2Connection;
class Tunnel;

class Sessions final : public event::IoHandler {
 public:
  // `loop` must outlive this.
  explicit Sessions(event::Loop& loop) : loop_(loop), drain_timer_(*this) {}
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  ClientConnection& Add(std::unique_ptr<ClientConnection> connection);
  Http2Connection& Add(std::unique_ptr<Http2Connection> connection);
  Tunnel& Add(std::unique_ptr<Tunnel> tunnel);
  // An open tunnel has begun to close: a drain skips it from now on.
  void OnClosing(Tunnel& tunnel);

  bool empty();
  // The oldest open tunnel; if there is none, the one that has been closing for the longest time; null if
  // there is none either.
  Tunnel* FirstTunnel();
  // Calls visit(Tunnel&) for up to `most` tunnels (at least 1) behind those of the last call: closing ones
  // first, then open ones in the order in which they opened; `visit` ends none of them. False: there are no
  // more. `first` begins anew; only then may a call follow one that returned false.
  bool VisitTunnels(size_t most, bool first, absl::FunctionRef<void(Tunnel&)> visit);

  // Call it once. From now on requests are refused and idle connections end; open tunnels are ended over the
  // course of `window`, the oldest first. `on_empty` is called once, when no session is left; perhaps within
  // this call.
  void Drain(base::Duration window, absl::AnyInvocable<void()> on_empty);
  // Drain or Abort has been called.
  bool draining() const { return draining_; }
  // Ends every session at once.
  void Abort(http::Reject reason);

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
  void OnReady(event::Ready ready) override;  // the drain timer

  event::Loop& loop_;
  base::IntrusiveList<ClientConnection> connections_;  // those that have no tunnel
  base::IntrusiveList<Http2Connection> http2_connections_;
  base::SteppedList<Tunnel> tunnels_;  // open
  base::SteppedList<Tunnel> closing_tunnels_;
  bool visits_closing_ = false;  // where VisitTunnels goes on: in closing_tunnels_, or in tunnels_
  ConnectionBudgets budgets_;
  Evictions evictions_;

  // While draining.
  bool draining_ = false;
  event::Timer drain_timer_;
  base::TimePoint drain_start_;
  base::Duration drain_window_{0};
  size_t drain_total_ = 0;  // tunnels open when it began
  size_t drain_ended_ = 0;
  absl::AnyInvocable<void()> on_empty_;
};

}  // namespace hawser::session
