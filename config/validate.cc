#include "config/validate.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "config/address_check.h"
#include "config/loop_check.h"
#include "config/route_check.h"
#include "fmt/format.h"

namespace hawser::config {
namespace {

std::string SeenAt(const SourceMap& sources, const auto& first) {
  const Mark mark = sources.MarkOf(&first);
  return mark.line == 0 ? std::string() : fmt::format("the first is in line {}", mark.line);
}

// `elements` are the listeners, routes or clusters: no two may share a name.
template <class Named>
void CheckNames(const std::vector<Named>& elements, const Checks& checks) {
  absl::flat_hash_map<std::string, const Named*> seen;
  for (const Named& element : elements) {
    if (!checks.Given(element.name)) continue;  // no name that is made is one that may be given
    const auto [first, added] = seen.try_emplace(element.name, &element);
    if (added) continue;
    checks.Error(element.name, fmt::format("{} is used twice", Quote(element.name)),
                 SeenAt(checks.sources, first->second->name));
  }
}

// Browsers distinguish cookies by host, path and name.
void CheckCookieNames(const std::vector<Cluster>& clusters, const Checks& checks) {
  absl::flat_hash_map<std::pair<std::string, std::string>, const Cluster*> seen;
  for (const Cluster& cluster : clusters) {
    if (!cluster.affinity || !cluster.affinity->cookie) continue;
    const AffinityCookie& cookie = *cluster.affinity->cookie;
    const auto [first, added] = seen.try_emplace(std::pair(cookie.name, cookie.path), &cluster);
    if (added || !checks.Given(cookie.name)) continue;
    checks.Warn(
        cookie.name,
        fmt::format("{} is the cookie of cluster {} too, in line {}: on one host each overwrites the other",
                    Quote(cookie.name), Quote(first->second->name),
                    checks.sources.MarkOf(&*first->second->affinity->cookie).line),
        "expected another name or path");
  }
}

}  // namespace

void Validate(Config& config, const Checks& checks) {
  CheckNames(config.listeners, checks);
  CheckNames(config.routes, checks);
  CheckNames(config.clusters, checks);
  CheckAddresses(config, checks);
  CheckAdmin(config.admin, checks);
  CheckAccessLog(config.access_log, checks);
  CheckDrain(config.drain, checks);
  CheckDns(config.dns, checks);
  for (const Listener& listener : config.listeners) CheckListener(listener, checks);
  CheckRoutes(config, checks);
  const bool all_tls = std::all_of(config.listeners.begin(), config.listeners.end(),
                                   [](const Listener& listener) { return listener.tls.has_value(); });
  for (Cluster& cluster : config.clusters) CheckCluster(cluster, all_tls, checks);
  CheckCookieNames(config.clusters, checks);
  CheckConnectTimeouts(config, checks);
  CheckLoops(config, checks);
}

}  // namespace hawser::config
