// An order to end tunnels, and why.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "proxy/base/clock.h"
#include "proxy/base/counter.h"
#include "proxy/http/reject.h"

namespace hawser::session {

class Tunnel;

enum class DrainCause : uint8_t {
  kShutdown,   // the process ends
  kReload,     // their listener or their route has gone
  kEndpoint,   // their endpoint has gone
  kUnhealthy,  // a check of their endpoint says so
  kAdmin,      // an operator has asked for it
  kRebalance,  // there are too many at their endpoint
  kHandOver,   // another process takes over, and cannot take these
  kCount,
};

// How the orders that share it go, on one worker: that one writes, any thread reads.
struct DrainTally {
  base::Counter walks;  // orders that have looked at all tunnels
  base::Counter found;  // in the last of these walks: tunnels that it concerned and that no drain had yet
  base::Counter left;   // tunnels that wait for their turn or have not ended yet, of all orders
  base::Counter ended;  // tunnels whose end has begun, of all orders
};

struct DrainOrder {
  enum class First : uint8_t { kOldest, kLongestSilent };

  DrainCause cause = DrainCause::kShutdown;
  First first = First::kOldest;                     // who is ended first
  base::Duration window{0};                         // over which they are ended
  base::Duration deadline = base::Duration::max();  // from the order on: then what is left is cut
  http::Reject reason = http::Reject::kDrained;
  uint16_t code = 1001;  // for the clients (RFC 6455 §7.4)
  // Which tunnels: asked when one is found, and again when its turn comes, since what it lacks may be back.
  // Null: all.
  absl::AnyInvocable<bool(const Tunnel&) const> which = {};
  // Those that open behind the deadline are asked too, until this holds. Null: they are not.
  absl::AnyInvocable<bool() const> over = {};
  // As many at the most, of those that are open now and that no drain has yet; none takes the turn of one
  // that is spared or has gone. Nothing: all, and those that open until the deadline.
  std::optional<size_t> most = {};
  std::shared_ptr<DrainTally> tally = {};  // null: nobody asks
};

}  // namespace hawser::session
