// The configuration in the form in which sessions read it. The server builds it; it is immutable and shared
// by all workers. A request keeps the snapshot that was current when its connection was accepted.
#pragma once

#include <memory>
#include <vector>

#include "config/schema.h"
#include "filters/chain.h"
#include "proxy/cluster/membership.h"
#include "proxy/edge/ip_table.h"
#include "proxy/http2/settings.h"
#include "proxy/route/route_table.h"
#include "proxy/tls/context.h"

namespace hawser::session {

struct ListenerRuntime {
  const config::Listener& settings;
  size_t index;                                   // its place in the configuration
  std::shared_ptr<const tls::ServerContext> tls;  // null: plain
  edge::IpLimits ip_limits;
  http2::Settings http2;
};

struct Snapshot {
  std::unique_ptr<const config::Config> config;
  std::vector<ListenerRuntime> listeners;
  std::unique_ptr<route::RouteTable> routes;
  std::vector<filters::Chain> filters;  // by Route::index
  std::vector<std::shared_ptr<const cluster::Membership>> clusters;
};

}  // namespace hawser::session
