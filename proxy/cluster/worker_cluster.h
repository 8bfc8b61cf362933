// A worker's own part of a cluster: its balancers, one a priority, and the membership that the main thread
// gave it last. Found by the cluster's id (session/backends), held by std::shared_ptr so that a request under
// way keeps it when the cluster goes. Its worker's thread only.
//
//   Picked picked = rooms.Choose({.head = head, .client = client_ip, .random = random(), .now = loop.now()});
//   if (picked.renew_affinity) SetCookie(rooms.CookieFor(*picked.endpoint, WallNow(), tls));
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/log_gate.h"
#include "proxy/cluster/affinity.h"
#include "proxy/cluster/balancer.h"
#include "proxy/cluster/cluster.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/membership.h"
#include "proxy/cluster/room.h"
#include "proxy/cluster/trial.h"
#include "proxy/cluster/usable_view.h"
#include "proxy/http/head.h"
#include "proxy/net/address.h"

namespace hawser::cluster {

// What is to be sent, and what is known of it. It lives as long as the call.
struct Ask {
  const http::RequestHead& head;
  net::IpAddress client = {};
  // Endpoints that have failed this request: they are not picked again.
  EndpointSet tried = {};
  uint64_t random = 0;     // 64 fresh bits
  bool websocket = false;  // a handshake
  WallTime wall = WallNow();
  base::TimePoint now = base::SteadyNow();
  // What was learned of the request's session. Its endpoint, one of this cluster's, goes before the cookie's.
  AffinityLookup session = {};
  // The endpoint that the request still holds by an OpenLease, from a try before: that one is no load. Null:
  // none.
  const Endpoint* held = nullptr;

  Work work() const { return websocket ? Work::kHandshake : Work::kRequest; }
};

// The pointer is valid until the end of the turn, or as long as the lease is kept.
struct Picked {
  Endpoint* endpoint = nullptr;  // null: see `why`
  AffinityResult affinity = AffinityResult::kNone;
  bool renew_affinity = false;  // the response is to set the cookie, for `endpoint`
  bool queue = false;           // there is no token for this handshake, or others wait for one
  NoPick why = NoPick::kNone;
  Trial trial = {};      // to be told what came of it
  OpenLease lease = {};  // of `endpoint`: a request or a handshake is counted there from now on
};

class WorkerCluster {
 public:
  // `seed` as MakeBalancer has it.
  WorkerCluster(std::shared_ptr<const Membership> membership, uint64_t seed,
                base::TimePoint now = base::SteadyNow());
  WorkerCluster(const WorkerCluster&) = delete;
  WorkerCluster& operator=(const WorkerCluster&) = delete;

  // Affinity first, then the priorities by their shares, then the policy. If no other is left, one that is
  // only ejected is picked: it may be back. Who is not led by a cookie or a session goes where there is room
  // first.
  Picked Choose(const Ask& ask);

  // The Set-Cookie field that leads the client back to `endpoint`, which was picked here. Only with affinity.
  std::string CookieFor(const Endpoint& endpoint, WallTime now, bool tls) const {
    return cluster().affinity()->SetCookieFor(endpoint, membership(), now, tls);
  }

  // From now on `membership` counts, of the cluster of the same name. What the balancers know of endpoints
  // that stay survives. Returns what counted before, which the caller frees elsewhere.
  std::shared_ptr<const Membership> Update(std::shared_ptr<const Membership> membership,
                                           base::TimePoint now = base::SteadyNow());

  const Membership& membership() const { return *membership_; }
  const std::shared_ptr<const Membership>& shared_membership() const { return membership_; }
  const Cluster& cluster() const { return *membership_->cluster(); }  // valid until the next Update

  // Says in the process log why a try at `endpoint` has failed; only some of very many.
  void LogFailure(const Endpoint& endpoint, std::string_view why, base::TimePoint now);

 private:
  struct Level {
    std::unique_ptr<UsableView> view;
    std::unique_ptr<Balancer> balancer;
    uint32_t percent = 100;  // of what comes
  };

  void Adopt(base::TimePoint now);
  void Refresh(base::TimePoint now);
  void EndEjections(base::TimePoint now);
  void SetShares();

  Picked Find(const Ask& ask);
  AffinityLookup Remembered(const Ask& ask, Room* room) const;
  Endpoint* PickWithRoom(PickKey& key, Room& room);
  Endpoint* Pick(const PickKey& key, Room* room);
  Endpoint* PickByPriority(const PickKey& key, Room* room);
  static Endpoint* PickIn(Level& level, const PickKey& key, Room* room);
  Level& LevelFor(const PickKey& key);
  NoPick WhyNone(const PickKey& key) const;
  bool Take(const Ask& ask, Picked& picked);
  NoPick OverCluster(const Ask& ask, const Endpoint& endpoint, Open open) const;

  base::LogGate failures_{5, base::Duration(5'000)};  // of those lines
  const uint64_t seed_;
  std::shared_ptr<const Membership> membership_;
  const std::shared_ptr<Health> health_;  // of the cluster's name: the same over all memberships
  std::vector<Level> levels_;             // as the table has them
  // Of the cluster's settings.
  std::optional<SlowStart> slow_start_;
  RoomRules rules_;
  bool limited_ = false;  // by circuit breakers
  // What the levels were made from, and until when they hold.
  uint32_t seen_changes_ = 0;
  base::TimePoint until_ = base::TimePoint::max();
  bool probe_due_ = false;  // some endpoint's is
};

}  // namespace hawser::cluster
