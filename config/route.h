// Which requests go to which cluster, and what happens to them on the way.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/filters.h"
#include "config/route_action.h"
#include "config/route_match.h"
#include "config/section.h"
#include "config/values.h"
#include "config/websocket.h"

namespace hawser::config {

struct WeightedCluster {
  std::string name;
  uint32_t weight = 1;
  bool operator==(const WeightedCluster&) const = default;
};

enum class RouteAffinity : uint8_t { kSocketIo };

struct Route {
  std::string name;  // for log and metrics; after the match if left out (route_name.h)
  RouteMatch match;
  std::vector<std::string> listeners;  // all, if left out
  std::optional<std::string> cluster;  // exactly one of the four
  std::vector<WeightedCluster> weighted_clusters;
  std::optional<Redirect> redirect;
  std::optional<DirectResponse> direct_response;
  std::optional<std::string> prefix_rewrite;  // at most one of the two
  std::optional<RegexRewrite> regex_rewrite;
  std::optional<std::string> host_rewrite;
  HeaderRules request_headers;
  HeaderRules response_headers;
  std::optional<RouteAffinity> affinity;  // beside the cluster's own
  Duration handshake_timeout = 10s;       // of a WebSocket: from its request on a connection to the 101
  Duration response_timeout = 120s;  // of any other: from its last byte to the response's head; 0: no limit
  Duration stream_idle_timeout = 5min;  // without a byte of a relayed body, in either direction
  WebSocket websocket;
  std::vector<FilterConfig> filters;
  bool operator==(const Route&) const = default;
};

void Describe(Description& d, const WeightedCluster& cluster);
void Describe(Description& d, const Route& route);

void CheckRoute(const Route& route, const Checks& checks);

}  // namespace hawser::config
