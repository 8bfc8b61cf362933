// An order to end tunnels, and why.
#pragma once

#include <cstdint>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "proxy/base/clock.h"
#include "proxy/http/reject.h"

namespace hawser::session {

class Tunnel;

enum class DrainCause : uint8_t {
  kShutdown,   // the process ends
  kReload,     // their listener or their route has gone
  kEndpoint,   // their endpoint has gone
  kAdmin,      // an operator has asked for it
  kRebalance,  // there are too many at their endpoint
  kHandOver,   // another process takes over, and cannot take these
  kCount,
};

struct DrainOrder {
  DrainCause cause = DrainCause::kShutdown;
  base::Duration window{0};                         // over which they are ended, the oldest first
  base::Duration deadline = base::Duration::max();  // from the order on: then what is left is cut
  http::Reject reason = http::Reject::kDrained;
  uint16_t code = 1001;  // for the clients (RFC 6455 §7.4)
  // Which tunnels: asked when one is found, and again when its turn comes, since what it lacks may be back.
  // Null: all.
  absl::AnyInvocable<bool(const Tunnel&) const> which = {};
  // Those that open behind the deadline are asked too, until this holds. Null: they are not.
  absl::AnyInvocable<bool() const> over = {};
  absl::AnyInvocable<void()> on_done = {};  // called once, when none of those that were found is left
};

}  // namespace hawser::session
