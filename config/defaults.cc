#include "config/defaults.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "config/route_name.h"
#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/base/hash.h"
#include "proxy/tls/ciphers.h"

namespace hawser::config {
namespace {

double SecondsWorth(double per_second) {
  return std::max(1.0, std::ceil(per_second));
}

void FillRates(WebSocket& websocket, const SourceMap& sources) {
  for (std::optional<MessageRateLimit>* limit :
       {&websocket.message_rate.from_client, &websocket.message_rate.from_backend}) {
    if (!*limit || sources.Find((*limit)->burst) != nullptr) continue;
    (*limit)->burst = static_cast<uint32_t>(SecondsWorth((*limit)->rate.per_second));
  }
  for (std::optional<ByteRateLimit>* limit :
       {&websocket.byte_rate.from_client, &websocket.byte_rate.from_backend}) {
    if (!*limit || sources.Find((*limit)->burst) != nullptr) continue;
    (*limit)->burst.bytes = static_cast<uint64_t>(SecondsWorth((*limit)->rate.per_second));
  }
}

void FillRoute(Route& route, const SourceMap& sources) {
  HAWSER_DCHECK(!route.name.empty());  // NameRoutes
  FillRates(route.websocket, sources);
  if (sources.Find(route.websocket.validate_utf8) == nullptr) {
    route.websocket.validate_utf8 = route.websocket.inspection == Inspection::kStrict;
  }
}

// Clients of a plain listener may have come over TLS to a trusted proxy: then the request decides.
std::optional<bool> SecureOnAll(const std::vector<Listener>& listeners) {
  const bool all = std::all_of(listeners.begin(), listeners.end(),
                               [](const Listener& listener) { return listener.tls.has_value(); });
  return all ? std::optional(true) : std::nullopt;
}

void FillCluster(Cluster& cluster, const std::vector<Listener>& listeners, const SourceMap& sources) {
  if (cluster.admission && sources.Find(cluster.admission->burst) == nullptr)
    cluster.admission->burst = static_cast<uint32_t>(SecondsWorth(cluster.admission->rate.per_second));
  if (Hashes(cluster) && cluster.hash_policy.empty()) cluster.hash_policy.push_back({.source_ip = true});
  if (!cluster.affinity || !cluster.affinity->cookie) return;
  AffinityCookie& cookie = *cluster.affinity->cookie;
  HAWSER_DCHECK(!cookie.name.empty());  // NameCookies
  HAWSER_DCHECK(!cookie.keys.empty() || cookie.keys_file);
  if (!cookie.secure) cookie.secure = SecureOnAll(listeners);
}

}  // namespace

void NameRoutes(Config& config) {
  for (Route& route : config.routes) {
    if (route.name.empty()) route.name = NameAfterMatch(route);
  }
}

// The hash has no key: other hawsers with the same cluster, and later processes, accept the cookies too.
void NameCookies(Config& config) {
  for (Cluster& cluster : config.clusters) {
    if (!cluster.affinity || !cluster.affinity->cookie || !cluster.affinity->cookie->name.empty()) continue;
    const auto hash = static_cast<uint32_t>(base::SipHash({}, cluster.name));
    cluster.affinity->cookie->name = fmt::format("hawser-{:08x}", hash);
  }
}

void FillDefaults(Config& config, const SourceMap& sources) {
  HAWSER_DCHECK(!config.listeners.empty() && !config.routes.empty());
  if (sources.Find(config.drain.deadline) == nullptr)
    config.drain.deadline = config.drain.window + kTimeToClose;
  for (Listener& listener : config.listeners) {
    if (listener.tls && listener.tls->ciphers.empty()) listener.tls->ciphers = tls::kDefaultCiphers;
  }
  for (Route& route : config.routes) FillRoute(route, sources);
  for (Cluster& cluster : config.clusters) FillCluster(cluster, config.listeners, sources);
}

}  // namespace hawser::config
