#include "config/route_check.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "config/suggest.h"
#include "config/units.h"
#include "fmt/format.h"

namespace hawser::config {
namespace {

// The names that routes may refer to. Unknown if any element lacks a name: then a reference may still be
// right.
class KnownNames {
 public:
  template <class Named>
  KnownNames(std::string_view kind, const std::vector<Named>& elements)
      : kind_(kind), complete_(!elements.empty()) {
    for (const Named& element : elements) {
      complete_ = complete_ && !element.name.empty();
      if (set_.insert(element.name).second) list_.push_back(element.name);
    }
  }

  void Check(const std::string& name, const Checks& checks) const {
    if (!complete_ || !checks.Given(name) || set_.contains(name)) return;
    checks.Error(name, fmt::format("no {} is named {}", kind_, Quote(name)), Suggest(name, list_));
  }

 private:
  std::string_view kind_;
  bool complete_;
  absl::flat_hash_set<std::string> set_;
  std::vector<std::string_view> list_;
};

void CheckReferences(const Config& config, const Checks& checks) {
  const KnownNames clusters("cluster", config.clusters);
  const KnownNames listeners("listener", config.listeners);
  for (const Route& route : config.routes) {
    if (route.cluster) clusters.Check(*route.cluster, checks);
    for (const WeightedCluster& weighted : route.weighted_clusters) clusters.Check(weighted.name, checks);
    for (const std::string& name : route.listeners) listeners.Check(name, checks);
  }
}

bool TakesEverything(const RouteMatch& match) {
  static const std::string everything = Canonical(RouteMatch{});
  return Canonical(match) == everything;
}

bool Serves(const Route& route, const std::string& listener) {
  return route.listeners.empty() ||
         std::find(route.listeners.begin(), route.listeners.end(), listener) != route.listeners.end();
}

// The requests that earlier routes take, for each listener.
class Taken {
 public:
  Taken(const Config& config, const Checks& checks)
      : config_(config), checks_(checks), listeners_(config.listeners.size()) {}

  void Add(const Route& route) {
    const std::string canonical = Canonical(route.match);
    const Route* same = nullptr;
    const Route* before = nullptr;
    size_t served = 0;
    size_t covered = 0;
    for (size_t i = 0; i < config_.listeners.size(); ++i) {
      if (!Serves(route, config_.listeners[i].name)) continue;
      ++served;
      Claims& claims = listeners_[i];
      covered += claims.everything != nullptr ? 1 : 0;
      if (before == nullptr) before = claims.everything;
      const auto [first, added] = claims.exact.try_emplace(canonical, &route);
      if (!added && same == nullptr) same = first->second;
      if (claims.everything == nullptr && TakesEverything(route.match)) claims.everything = &route;
    }
    if (same != nullptr) {
      checks_.Error(route.match, "duplicate route: the same match on the same listener",
                    fmt::format("{} comes first{}", Quote(same->name), Line(*same)));
    } else if (served > 0 && covered == served) {
      checks_.Warn(
          route.match,
          fmt::format("no request takes this route: {} takes them all{}", Quote(before->name), Line(*before)),
          "expected it before that one");
    }
  }

 private:
  struct Claims {
    absl::flat_hash_map<std::string, const Route*> exact;
    const Route* everything = nullptr;
  };

  std::string Line(const Route& route) const {
    const Mark mark = checks_.sources.MarkOf(&route.match);
    return mark.line == 0 ? std::string() : fmt::format(", in line {}", mark.line);
  }

  const Config& config_;
  const Checks& checks_;
  std::vector<Claims> listeners_;  // as in the config
};

void CheckOrder(const Config& config, const Checks& checks) {
  Taken taken(config, checks);
  for (const Route& route : config.routes) {
    if (checks.Sound(route.match)) taken.Add(route);
  }
}

void CheckUse(const Config& config, const Checks& checks) {
  if (!checks.Sound(config.routes)) return;
  absl::flat_hash_set<std::string> used;
  for (const Route& route : config.routes) {
    if (route.cluster) used.insert(*route.cluster);
    for (const WeightedCluster& weighted : route.weighted_clusters) used.insert(weighted.name);
  }
  for (const Cluster& cluster : config.clusters) {
    if (!checks.Given(cluster.name) || used.contains(cluster.name)) continue;
    checks.Warn(cluster.name, fmt::format("cluster {} is never used", Quote(cluster.name)),
                "expected a route to it");
  }
  for (const Listener& listener : config.listeners) {
    const bool served = std::any_of(config.routes.begin(), config.routes.end(),
                                    [&](const Route& route) { return Serves(route, listener.name); });
    if (served || !checks.Given(listener.name)) continue;
    checks.Warn(
        listener.name,
        fmt::format("listener {} has no route: every request there is answered 404", Quote(listener.name)),
        "expected a route for it");
  }
}

bool Takes(const Route& route, const std::string& cluster) {
  if (route.cluster == cluster) return true;
  return std::any_of(route.weighted_clusters.begin(), route.weighted_clusters.end(),
                     [&cluster](const WeightedCluster& weighted) { return weighted.name == cluster; });
}

// Warns if connecting may take longer than the route allows the backend for the whole answer. False if there
// is no warning.
bool CheckConnectTimeout(const Cluster& cluster, const Route& route, const Duration& answer,
                         std::string_view key, const Checks& checks) {
  if (answer.count() == 0 || cluster.connect_timeout <= answer) return false;
  const bool own = checks.Given(cluster.connect_timeout);
  if (!own && !checks.Given(answer)) return false;
  const std::string limit = FormatDuration(own ? answer : cluster.connect_timeout);
  if (own) {
    checks.Warn(cluster.connect_timeout,
                fmt::format("a connection may take longer than the answer: {} of route {} is {}", key,
                            Quote(route.name), limit),
                "expected at most " + limit);
  } else {
    checks.Warn(
        answer,
        fmt::format("a connection may take longer than the answer: connect_timeout of cluster {} is {}",
                    Quote(cluster.name), limit),
        "expected at least " + limit);
  }
  return true;
}

}  // namespace

void CheckRoutes(const Config& config, const Checks& checks) {
  CheckReferences(config, checks);
  for (const Route& route : config.routes) CheckRoute(route, checks);
  CheckOrder(config, checks);
  CheckUse(config, checks);
}

void CheckConnectTimeouts(const Config& config, const Checks& checks) {
  for (const Cluster& cluster : config.clusters) {
    for (const Route& route : config.routes) {
      if (!Takes(route, cluster.name) || !checks.Sound(route) || !checks.Sound(cluster)) continue;
      if (CheckConnectTimeout(cluster, route, route.handshake_timeout, "handshake_timeout", checks)) break;
      if (CheckConnectTimeout(cluster, route, route.response_timeout, "response_timeout", checks)) break;
    }
  }
}

}  // namespace hawser::config
