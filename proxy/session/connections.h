// The client connections of one worker that have not become tunnels, and the operations on all of them: let
// go of those whose listener has gone, or of all, and cut what is left of those. Both walk over them, some in
// each turn. A connection is owned by its list from Add until it unlinks and retires itself. Owned by
// Sessions; loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "proxy/base/clock.h"
#include "proxy/base/stepped_list.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/http/reject.h"

namespace hawser::session {

class ClientConnection;
class Http2Connection;

class Connections final : public event::IoHandler {
 public:
  // What has gone, by the ids of names; asked anew for each connection and each request.
  struct Gone {
    absl::AnyInvocable<bool(uint32_t id) const> listener;
    absl::AnyInvocable<bool(uint32_t id) const> route = {};  // null: none has
  };

  // `loop` must outlive this.
  explicit Connections(event::Loop& loop) : loop_(loop), timer_(*this, kTimerTag) {}
  ~Connections() override;

  ClientConnection& Add(std::unique_ptr<ClientConnection> connection);
  Http2Connection& Add(std::unique_ptr<Http2Connection> connection);
  bool empty();

  // Of a listener that has gone: idle ones end, busy ones behind their request, those of HTTP/2 with a
  // GOAWAY. The requests that are still under way when `deadline` has passed are cut, for `reason`, where
  // their listener or their route is still gone.
  void LetGo(Gone gone, base::Duration deadline, http::Reject reason);
  // Ends all of them at once.
  void Abort();

 private:
  enum Tag : uint8_t { kTimerTag = 0, kMoreTag = 1 };

  // One walk over all connections.
  struct Walk {
    std::shared_ptr<const Gone> gone;
    http::Reject cut = http::Reject::kNone;  // kNone: let go
  };
  // A walk that is to come.
  struct Due {
    base::TimePoint at;
    Walk walk;
  };

  void OnReady(event::Ready ready) override;
  void Begin(Walk walk);
  void Step();
  template <typename Connection>
  static void Visit(const Walk& walk, Connection& connection);
  void ArmTimer();

  event::Loop& loop_;
  base::SteppedList<ClientConnection> http1_;
  base::SteppedList<Http2Connection> http2_;
  std::deque<Walk> walks_;  // the first is under way
  bool in_http2_ = false;   // where that is
  std::vector<Due> due_;
  event::Timer timer_;
};

}  // namespace hawser::session
