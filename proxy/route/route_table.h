// Which route takes a request: listener → host → path → headers, compiled once from the config and immutable.
// Any thread.
//
// Routes are tried in the order of the file: the first one that matches wins, however specific it is, and a
// request that matches none of a host's own routes may match one for any host. The indexes of hosts and paths
// only make this fast: a look-up probes a hash table for the host, for the path, and once for each length of
// a wildcard or prefix in the config, and tries the few routes that it finds there.
//
// Paths are compared as sent. The target "*" of OPTIONS matches routes for any path: those without a
// condition on the path, and those with the prefix "/". A path with dot segments (path.h) matches no route.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/schema.h"
#include "proxy/http/head.h"
#include "proxy/route/rewrite.h"

namespace hawser::route {

struct WeightedTarget {
  size_t cluster = 0;  // index in config::Config::clusters
  uint64_t below = 0;  // sum of the weights up to and with this one
};

struct Route {
  const config::Route& settings;
  std::string name;  // settings.name, or "route-3" for the third one
  size_t index;      // in config::Config::routes
  // At least one, and the last `below` is positive; none where the route answers by itself (answer.h).
  std::vector<WeightedTarget> clusters;
  std::optional<Rewrite> rewrite = {};  // none where nothing of a request is changed

  // The cluster for a uniformly random number, by the clusters' weights: an index in
  // config::Config::clusters. Only for a route that has clusters.
  size_t PickCluster(uint64_t random) const;
};

class RouteTable {
 public:
  // `config` must outlive the table. Fails on what validation would have found: a bad expression, an unknown
  // name.
  static absl::StatusOr<RouteTable> Create(const config::Config& config);
  RouteTable(RouteTable&&) noexcept;
  RouteTable& operator=(RouteTable&&) noexcept;
  ~RouteTable();

  // The route for a request on the listener with that index in the config; null if there is none. It lives as
  // long as the table. `websocket`: the request asks for a WebSocket; only then can it match a route's
  // `subprotocol`.
  const Route* Match(size_t listener, const http::RequestHead& head, bool websocket) const;

  // In the order of the config.
  std::span<const Route> routes() const;

 private:
  struct Index;
  explicit RouteTable(std::unique_ptr<const Index> index);
  std::unique_ptr<const Index> index_;
};

}  // namespace hawser::route
