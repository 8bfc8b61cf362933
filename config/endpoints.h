// The endpoints of a cluster: those that the file lists, where others come from, and what becomes of those
// that leave.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/backend_address.h"
#include "config/section.h"
#include "config/values.h"

namespace hawser::config {

struct Endpoint {  // may be written as its bare address
  BackendAddress address;
  uint32_t weight = 1;    // up to 1000; 0: no new sessions
  uint32_t priority = 0;  // the lowest gets everything while it is healthy
  bool operator==(const Endpoint&) const = default;
};

// Where endpoints come from that the file does not list. Exactly one member is given.
struct Discovery {
  std::optional<std::string> srv;   // name of SRV records
  std::optional<std::string> file;  // a list in the form of `endpoints` (endpoints_file.h)
  bool operator==(const Discovery&) const = default;
};

enum class LeavingTunnels : uint8_t { kKeep, kClose };
enum class LeavingCookies : uint8_t { kMove, kHonour };

// What becomes of an endpoint that leaves its cluster.
struct EndpointDraining {
  LeavingTunnels tunnels = LeavingTunnels::kKeep;
  LeavingCookies cookies = LeavingCookies::kMove;
  Duration window = 30s;    // of `close`, also of health checks: closes are spread over it
  Duration timeout = 5min;  // from leaving to the end of its last tunnel, and of its cookies
  bool operator==(const EndpointDraining&) const = default;
};

void Describe(Description& d, const Endpoint& endpoint);
void Describe(Description& d, const Discovery& discovery);
void Describe(Description& d, const EndpointDraining& draining);

// Of one cluster: port 0, addresses that are listed twice, addresses that nobody connects to.
void CheckEndpoints(const std::vector<Endpoint>& endpoints, const Checks& checks);
// Reads its file, if checks.files.
void CheckDiscovery(const Discovery& discovery, const Checks& checks);
// `cookies`: the cluster has an affinity cookie. `unhealthy`: its health checks close tunnels too.
void CheckDraining(const EndpointDraining& draining, bool cookies, bool unhealthy, const Checks& checks);

}  // namespace hawser::config
