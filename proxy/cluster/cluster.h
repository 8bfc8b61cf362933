// A cluster as the workers use it: endpoints, tables and keys, made from config::Cluster. Immutable except
// its endpoints' counts and health; part of the snapshot, shared by all workers. Each worker's own part is a
// WorkerCluster.
//
//   WorkerCluster rooms(*snapshot.clusters[i], seed);                                        // once a worker
//   Picked picked = rooms.Choose(head, client_ip, tried, random());
//   const cluster::Affinity* affinity = rooms.cluster.affinity();
//   if (picked.renew_affinity) SetCookie(affinity->SetCookieFor(*picked.endpoint, WallNow(), tls));
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "config/schema.h"
#include "proxy/base/log_gate.h"
#include "proxy/cluster/affinity.h"
#include "proxy/cluster/balancer.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/maglev.h"
#include "proxy/cluster/outlier.h"
#include "proxy/cluster/ring_hash.h"
#include "proxy/http/head.h"
#include "proxy/http2/settings.h"
#include "proxy/net/address.h"
#include "proxy/tls/client_context.h"

namespace hawser::cluster {

// How a cluster's connections speak TLS.
struct BackendTls {
  // Null: plain text. They differ in what they offer by ALPN: HTTP/1.1 alone, or HTTP/2 as well (where the
  // cluster's protocol is h2: HTTP/2 alone).
  std::shared_ptr<const tls::ClientContext> http1;
  std::shared_ptr<const tls::ClientContext> any;
};
// Fails on files that do not load.
absl::StatusOr<BackendTls> MakeBackendTls(const config::Cluster& settings);

class Cluster {
 public:
  // `settings` must outlive this.
  explicit Cluster(const config::Cluster& settings, BackendTls tls = {});
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  const std::string& name() const { return settings_.name; }
  const config::Cluster& settings() const { return settings_; }  // timeouts, retries, policies
  Endpoints endpoints() const { return endpoints_; }
  OutlierDetector& outliers() const { return *outliers_; }
  const BackendTls& tls() const { return tls_; }
  const http2::Settings& http2() const { return http2_; }
  // Null if there is none of that name. O(endpoints).
  Endpoint* Find(std::string_view name) const;
  const Affinity* affinity() const { return affinity_ ? &*affinity_ : nullptr; }  // null: none configured

  // Each built only for its own policy; null otherwise.
  const HashRing* ring() const { return ring_.get(); }
  const MaglevTable* maglev() const { return maglev_.get(); }
  bool places_by_hash() const { return ring_ != nullptr || maglev_ != nullptr; }

 private:
  const config::Cluster& settings_;
  const BackendTls tls_;
  const http2::Settings http2_;
  const std::vector<std::unique_ptr<Endpoint>> endpoints_;
  const std::unique_ptr<OutlierDetector> outliers_;
  std::unique_ptr<const HashRing> ring_;
  std::unique_ptr<const MaglevTable> maglev_;
  std::optional<const Affinity> affinity_;
};

struct Picked {
  Endpoint* endpoint = nullptr;  // null: none is available
  AffinityResult affinity = AffinityResult::kNone;
  bool renew_affinity = false;  // the response is to set the cookie, for `endpoint`
  Trial trial;                  // to be told what came of it
};

struct WorkerCluster {
  // `cluster` must outlive this; `seed` as MakeBalancer has it.
  WorkerCluster(const Cluster& cluster, uint64_t seed);

  // Affinity first, then the policy. `tried` holds the endpoints that have failed this request: they are
  // picked again only if no other is left, not even one that is ejected. `random` is 64 fresh bits. `session`
  // is what was learned of the request's session; its endpoint, one of this cluster's, goes before the
  // cookie's.
  Picked Choose(const http::RequestHead& head, const net::IpAddress& client, EndpointSet tried,
                uint64_t random, WallTime now = WallNow(), AffinityLookup session = {});

  const Cluster& cluster;
  std::unique_ptr<Balancer> balancer;
  base::LogGate failures{5, base::Duration(5'000)};  // of lines that say why an endpoint failed

 private:
  Picked Find(const http::RequestHead& head, const net::IpAddress& client, EndpointSet tried, uint64_t random,
              WallTime now, AffinityLookup session);
};

}  // namespace hawser::cluster
