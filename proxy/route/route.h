// One route as sessions use it: its settings, its conditions, where it leads, and what it changes of a
// request. It owns all of that and stands for itself, so that a tunnel may keep it while configurations come
// and go. Compiled once, then immutable and shared; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "config/schema.h"
#include "proxy/base/name.h"
#include "proxy/route/conditions.h"
#include "proxy/route/rewrite.h"
#include "proxy/stats/group.h"

namespace hawser::route {

struct WeightedTarget {
  base::Name cluster;
  uint64_t below = 0;  // sum of the weights up to and with this one
};

struct Route {
  const config::Route settings;
  const base::Name name;
  Conditions conditions = {};  // beyond the host and the path
  // At least one, and the last `below` is positive; none where the route answers by itself (answer.h).
  std::vector<WeightedTarget> clusters = {};
  std::optional<Rewrite> rewrite = {};  // none where nothing of a request is changed
  std::shared_ptr<stats::Group> group = std::make_shared<stats::Group>(1);  // never null

  // Fails on what validation would have found: a bad expression, a host that is none, no cluster. The names
  // of its clusters are interned in `clusters`. `group`: of the route of this name before; null: none.
  static absl::StatusOr<std::shared_ptr<const Route>> Compile(config::Route settings, base::Name name,
                                                              base::NameTable& clusters,
                                                              std::shared_ptr<stats::Group> group = nullptr);

  // The cluster for a uniformly random number, by the clusters' weights. Only for a route that has clusters.
  const base::Name& PickCluster(uint64_t random) const;
};

}  // namespace hawser::route
