#include "proxy/cluster/cluster.h"

#include <algorithm>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/base/status_macros.h"
#include "proxy/cluster/hash_policy.h"

namespace hawser::cluster {
namespace {

std::vector<std::unique_ptr<Endpoint>> MakeEndpoints(const config::Cluster& settings) {
  std::vector<std::unique_ptr<Endpoint>> endpoints;
  endpoints.reserve(settings.endpoints.size());
  for (const config::Endpoint& endpoint : settings.endpoints) {
    if (endpoint.address.named()) continue;
    endpoints.push_back(
        std::make_unique<Endpoint>(settings.name, endpoint.address.literal(), endpoint.weight));
  }
  return endpoints;
}

// A session whose endpoint may be picked goes before the cookie, and renews a cookie that leads elsewhere.
// The result of another session is kept where the cookie says nothing.
AffinityLookup Joined(AffinityLookup cookie, AffinityLookup session, EndpointSet tried) {
  if (session.endpoint != nullptr && !Usable(*session.endpoint, tried)) session = {AffinityResult::kGone};
  if (session.endpoint != nullptr) {
    session.renew = cookie.renew || (cookie.endpoint != nullptr && cookie.endpoint != session.endpoint);
    return session;
  }
  if (cookie.result == AffinityResult::kNone || cookie.result == AffinityResult::kSet) {
    if (session.result != AffinityResult::kNone) cookie.result = session.result;
  }
  return cookie;
}

// One of the ejected endpoints, where every other has failed this request: it may be back, and to ask costs
// nothing.
Endpoint* LastResort(Endpoints endpoints, EndpointSet tried, uint64_t random) {
  constexpr uint32_t kMayAnswer = Endpoint::kEjected | Endpoint::kProbeDue | Endpoint::kProbing;
  for (size_t i = 0; i < endpoints.size(); ++i) {
    Endpoint& endpoint = *endpoints[(random + i) % endpoints.size()];
    if ((endpoint.state() & ~kMayAnswer) == 0 && !Contains(tried, &endpoint)) return &endpoint;
  }
  return nullptr;
}

http2::Settings Http2Of(const config::Cluster& settings) {
  http2::Settings http2;
  http2.max_concurrent_streams = settings.max_concurrent_streams;
  http2.tls = settings.tls.has_value();
  return http2;
}

}  // namespace

absl::StatusOr<BackendTls> MakeBackendTls(const config::Cluster& settings) {
  if (!settings.tls) return BackendTls{};
  const config::BackendTls& from = *settings.tls;
  tls::ClientOptions options{.verify = from.verify, .ca_file = from.ca_file.value_or("")};
  options.alpn = {"http/1.1"};
  options.min_version =
      from.min_version == config::TlsVersion::kTls12 ? tls::Version::kTls12 : tls::Version::kTls13;
  if (from.certificate)
    options.certificate = {.chain = *from.certificate, .key = from.private_key.value_or("")};
  BackendTls tls;
  HAWSER_ASSIGN_OR_RETURN(tls.http1, tls::ClientContext::Create(options));
  if (settings.protocol == config::BackendProtocol::kHttp11) return tls;
  options.alpn = {"h2"};
  if (settings.protocol == config::BackendProtocol::kAuto) options.alpn.push_back("http/1.1");
  HAWSER_ASSIGN_OR_RETURN(tls.any, tls::ClientContext::Create(options));
  return tls;
}

Cluster::Cluster(const config::Cluster& settings, BackendTls tls)
    : settings_(settings),
      tls_(std::move(tls)),
      http2_(Http2Of(settings)),
      endpoints_(MakeEndpoints(settings)),
      outliers_(std::make_unique<OutlierDetector>(endpoints_)) {
  if (settings.lb_policy == config::LbPolicy::kRingHash) ring_ = std::make_unique<HashRing>(endpoints_);
  if (settings.lb_policy == config::LbPolicy::kMaglev) maglev_ = std::make_unique<MaglevTable>(endpoints_);
  if (settings.affinity && settings.affinity->cookie) {
    affinity_.emplace(settings.name, *settings.affinity->cookie, endpoints_);
  }
}

Endpoint* Cluster::Find(std::string_view name) const {
  const auto found = std::find_if(endpoints_.begin(), endpoints_.end(),
                                  [&](const auto& endpoint) { return endpoint->name() == name; });
  return found == endpoints_.end() ? nullptr : found->get();
}

WorkerCluster::WorkerCluster(const Cluster& of, uint64_t seed)
    : cluster(of), balancer(MakeBalancer(of, seed)) {}

Picked WorkerCluster::Choose(const http::RequestHead& head, const net::IpAddress& client, EndpointSet tried,
                             uint64_t random, WallTime now, AffinityLookup session) {
  HAWSER_DCHECK(session.endpoint == nullptr || cluster.Find(session.endpoint->name()) == session.endpoint);
  OutlierDetector& outliers = cluster.outliers();
  if (!outliers.any_out()) return Find(head, client, tried, random, now, session);
  const base::TimePoint steady = base::SteadyNow();
  outliers.EndEjections(steady);
  while (true) {
    Picked picked = Find(head, client, tried, random, now, session);
    if (picked.endpoint == nullptr || !picked.endpoint->probe_due()) return picked;
    if (!outliers.TakeProbe(*picked.endpoint, steady)) continue;  // another worker was faster
    picked.trial = Trial(outliers, *picked.endpoint, true);
    return picked;
  }
}

Picked WorkerCluster::Find(const http::RequestHead& head, const net::IpAddress& client, EndpointSet tried,
                           uint64_t random, WallTime now, AffinityLookup session) {
  AffinityLookup lookup;
  if (const Affinity* affinity = cluster.affinity()) {
    lookup = affinity->FindIn(head.headers, tried, now);
  }
  lookup = Joined(lookup, session, tried);
  if (lookup.endpoint == nullptr) {
    PickKey key{.hash = std::nullopt, .random = random, .tried = tried};
    if (cluster.places_by_hash()) key.hash = HashOf(cluster.settings(), head, client);
    lookup.endpoint = balancer->Pick(key);
  }
  if (!tried.empty() && (lookup.endpoint == nullptr || Contains(tried, lookup.endpoint))) {
    Endpoint* last = LastResort(cluster.endpoints(), tried, random);
    if (last != nullptr) lookup.endpoint = last;
  }
  if (lookup.endpoint == nullptr) return {.affinity = lookup.result};
  return {lookup.endpoint, lookup.result, lookup.renew, Trial(cluster.outliers(), *lookup.endpoint, false)};
}

}  // namespace hawser::cluster
