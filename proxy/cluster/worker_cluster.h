// A worker's own part of a cluster: its balancer, and the membership that the main thread gave it last. Found
// by the cluster's id (session/backends), held by std::shared_ptr so that a request under way keeps it when
// the cluster goes. Its worker's thread only.
//
//   Picked picked = rooms.Choose(head, client_ip, tried, random());
//   if (picked.renew_affinity) SetCookie(rooms.CookieFor(*picked.endpoint, WallNow(), tls));
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "proxy/base/log_gate.h"
#include "proxy/cluster/affinity.h"
#include "proxy/cluster/balancer.h"
#include "proxy/cluster/cluster.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/membership.h"
#include "proxy/cluster/outlier.h"
#include "proxy/http/head.h"
#include "proxy/net/address.h"

namespace hawser::cluster {

// Valid until the end of the turn: what is kept longer keeps the endpoint by a lease.
struct Picked {
  Endpoint* endpoint = nullptr;  // null: none is available
  AffinityResult affinity = AffinityResult::kNone;
  bool renew_affinity = false;  // the response is to set the cookie, for `endpoint`
  Trial trial;                  // to be told what came of it
};

class WorkerCluster {
 public:
  // `seed` as MakeBalancer has it.
  WorkerCluster(std::shared_ptr<const Membership> membership, uint64_t seed);
  WorkerCluster(const WorkerCluster&) = delete;
  WorkerCluster& operator=(const WorkerCluster&) = delete;

  // Affinity first, then the policy. `tried` holds the endpoints that have failed this request: they are
  // picked again only if no other is left, not even one that is ejected. `random` is 64 fresh bits. `session`
  // is what was learned of the request's session; its endpoint, one of this cluster's, goes before the
  // cookie's.
  Picked Choose(const http::RequestHead& head, const net::IpAddress& client, EndpointSet tried,
                uint64_t random, WallTime now = WallNow(), AffinityLookup session = {});

  // The Set-Cookie field that leads the client back to `endpoint`, which was picked here. Only with affinity.
  std::string CookieFor(const Endpoint& endpoint, WallTime now, bool tls) const {
    return cluster().affinity()->SetCookieFor(endpoint, membership(), now, tls);
  }

  // From now on `membership` counts, of the cluster of the same name. What the balancer knows of endpoints
  // that stay survives. Returns what counted before, which the caller frees elsewhere.
  std::shared_ptr<const Membership> Update(std::shared_ptr<const Membership> membership);

  const Membership& membership() const { return *membership_; }
  const std::shared_ptr<const Membership>& shared_membership() const { return membership_; }
  const Cluster& cluster() const { return *membership_->cluster(); }  // valid until the next Update

  base::LogGate failures{5, base::Duration(5'000)};  // of lines that say why an endpoint failed

 private:
  Picked Find(const http::RequestHead& head, const net::IpAddress& client, EndpointSet tried, uint64_t random,
              WallTime now, AffinityLookup session);

  const uint64_t seed_;
  std::shared_ptr<const Membership> membership_;
  std::unique_ptr<Balancer> balancer_;
  // Of the cluster's name: the same over all memberships. Trials point at it.
  const std::shared_ptr<OutlierDetector> outliers_;
};

}  // namespace hawser::cluster
