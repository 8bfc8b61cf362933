// Endpoints that have left their clusters, from then until they are forgotten. Says when which of their
// tunnels are to end, when cookies no longer lead to them, and when their connections and counts go; others
// do it.
//
//   tunnels: keep   they stay until they end; after `timeout` they are drained over `window`
//   tunnels: close  they are drained over `window` at once; those that came later, after `timeout`
//   cookies: honour clients whose cookie or Socket.IO session names the endpoint get there until `timeout`
//
// An endpoint that returns meanwhile is taken out. Main thread; no timers of its own.
//
//   departures.OnMembership(before.get(), *after, now);            // before the workers get `after`
//   post(after->WithLeaving(departures.Honoured("rooms")));
//   for (const Order& order : departures.Advance(now)) ...         // then again when Next says
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "proxy/base/clock.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/membership.h"

namespace hawser::cluster {

struct Departure {
  std::shared_ptr<Endpoint> endpoint;
  base::TimePoint left;
  base::TimePoint told;               // when the workers were last told that less leads to it
  config::EndpointDraining draining;  // as the configuration has it now
  bool honoured = false;              // cookies still lead to it
  bool closed = false;                // its tunnels have been drained once
  // Once its last tunnels drain: when they have been ended, whatever they do.
  std::optional<base::TimePoint> drained_at = std::nullopt;
};

class Departures {
 public:
  struct Order {
    enum class Kind : uint8_t {
      // Those that are older than the order end with 1012, spread over `window`; not if it returns meanwhile.
      kDrainTunnels,
      kCookiesOver,  // the cluster's membership goes out again, with Honoured
      kForget,       // its pooled connections and its counts go
    };
    Kind kind;
    std::shared_ptr<Endpoint> endpoint;
    base::Duration window{0};
  };

  // A cluster now consists of `after`, and did of `before` (null: it is new). Its settings count for all that
  // have left it.
  void OnMembership(const Membership* before, const Membership& after, base::TimePoint now);
  // A cluster is gone, with all its endpoints. Its own settings count; its cookies lead nowhere.
  void OnRemoved(const Membership& before, base::TimePoint now);

  // What is due, in the order in which they left. Call it after each change, and when Next says.
  std::vector<Order> Advance(base::TimePoint now);
  // When Advance is due again; nothing while nobody leaves.
  std::optional<base::TimePoint> Next(base::TimePoint now) const;

  // Of a cluster: those to whom cookies still lead.
  std::vector<std::shared_ptr<Endpoint>> Honoured(std::string_view cluster) const;
  // In the order in which they left.
  std::span<const Departure> departures() const { return departures_; }

 private:
  void Leave(const std::shared_ptr<Endpoint>& endpoint, const config::EndpointDraining& draining,
             bool honoured, base::TimePoint now);
  void Return(Endpoint& endpoint);
  static void HonourNoMore(Departure& departure, base::TimePoint now);

  std::vector<Departure> departures_;
};

}  // namespace hawser::cluster
