// Which endpoints have room for one more request or handshake: within `endpoint_circuit_breakers`, within the
// bound on the load of a hashing policy, with a token for a handshake. Only what is configured costs: a
// cluster without any of it has no Room.
//
// Bounded loads (Mirrokni, Thorup, Zadimoghaddam 2018; Envoy's hash_balance_factor): an endpoint has at most
// `factor` percent of the mean by weight, with this request, of what is open. One at least always has less.
#pragma once

#include <cstdint>
#include <optional>

#include "config/schema.h"
#include "proxy/base/clock.h"
#include "proxy/cluster/admission_bucket.h"
#include "proxy/cluster/load.h"
#include "proxy/cluster/member.h"

namespace hawser::cluster {

// Why no endpoint was picked.
enum class NoPick : uint8_t {
  kNone,            // one was
  kNoEndpoint,      // there is none, all are out, or have failed this request
  kTunnelsFull,     // a circuit breaker of the cluster, or of each endpoint that could be picked
  kRequestsFull,    // the same, of requests
  kConnectingFull,  // the same, of connections being made
};

bool HasLimits(const config::CircuitBreakers& limits);
// Which limit is passed where that much is open, with a request or handshake of kind `work`; kNone: none.
NoPick OverLimit(const config::CircuitBreakers& limits, Work work, const Open& open);
// Whether a new connection is needed for `work`, and `connecting` of them are being made already. Only where
// connections are not shared: elsewhere the pool knows who needs one (ConnectWithinLimits).
bool ConnectingIsFull(const config::CircuitBreakers& limits, Work work, const Endpoint& endpoint,
                      int64_t connecting);

// What a cluster's settings say. A value.
struct RoomRules {
  // `shares`: the cluster's connections are shared (Transport::may_share).
  RoomRules(const config::Cluster& settings, bool shares);

  bool Any(Work work) const {
    return breakers || balance_factor > 0 || (admission && work == Work::kHandshake);
  }

  struct Admission {
    AdmissionRate rate;
    uint32_t pending;
  };
  std::optional<config::CircuitBreakers> breakers;  // of each endpoint
  uint32_t balance_factor = 0;                      // percent; 0: off
  std::optional<Admission> admission;
};

// For one request. `rules` must outlive it.
class Room {
 public:
  // What an endpoint must have, from the best to the least.
  enum class Least : uint8_t {
    kAll,
    kPlace,  // a place in its queue instead of a token
    kOpen,   // its circuit breakers are closed
  };

  // `held`: the endpoint where an OpenLease of this request is still counted; null: none.
  Room(const RoomRules& rules, Work work, base::TimePoint now, const Endpoint* held)
      : rules_(rules), now_(now), work_(work), held_(held) {}

  void Require(Least least) { least_ = least; }
  // The bound is that of these members. O(members), where there is one.
  void Bound(Members members);

  bool For(const Member& member) const;
  NoPick Full(const Endpoint& endpoint) const;
  // Whether a handshake would wait for its admission there.
  bool MustWait(const Endpoint& endpoint) const;

 private:
  bool WithinBound(const Member& member) const;
  int Held(const Endpoint& endpoint) const { return &endpoint == held_ ? 1 : 0; }
  uint64_t ActiveAt(const Endpoint& endpoint) const;

  const RoomRules& rules_;
  const base::TimePoint now_;
  const Work work_;
  const Endpoint* const held_;
  Least least_ = Least::kAll;
  uint64_t open_ = 0;     // at all of the members, with this one
  uint64_t weights_ = 0;  // of them
};

}  // namespace hawser::cluster
