// Which route takes a request: listener → host → path → headers. An index over routes that are shared with
// other generations of the configuration; built once, then immutable. Any thread.
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
#include <vector>

#include "absl/status/statusor.h"
#include "proxy/base/name.h"
#include "proxy/http/head.h"
#include "proxy/route/route.h"

namespace hawser::route {

class RouteTable {
 public:
  using Routes = std::vector<std::shared_ptr<const Route>>;

  // `routes` in the order of the file; `listeners`: all that there are. Fails on a route for a listener that
  // is none of them.
  static absl::StatusOr<RouteTable> Create(Routes routes, std::span<const base::Name> listeners);
  RouteTable(RouteTable&&) noexcept;
  RouteTable& operator=(RouteTable&&) noexcept;
  ~RouteTable();

  // The place in `routes` of the route for a request on the listener whose name has that id; nothing if there
  // is none. `websocket`: the request asks for a WebSocket; only then can it match a route's `subprotocol`.
  std::optional<size_t> Match(uint32_t listener, const http::RequestHead& head, bool websocket) const;

  const Routes& routes() const;

 private:
  struct Index;
  explicit RouteTable(std::unique_ptr<const Index> index);
  std::unique_ptr<const Index> index_;
};

}  // namespace hawser::route
