// The backends, in groups.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/affinity.h"
#include "config/backend_address.h"
#include "config/backend_connection.h"
#include "config/values.h"

namespace hawser::config {

enum class LbPolicy : uint8_t { kRoundRobin, kLeastRequest, kRandom, kRingHash, kMaglev };

// Exactly one member is given; source_ip may be written as a bare word.
struct HashPolicy {
  std::optional<std::string> header;
  std::optional<std::string> cookie;
  std::optional<std::string> query;
  bool source_ip = false;
  bool operator==(const HashPolicy&) const = default;
};

struct Endpoint {  // may be written as its bare address
  BackendAddress address;
  uint32_t weight = 1;  // 1 to 1000
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
  Duration window = 30s;    // of `close`: closes are spread over it
  Duration timeout = 5min;  // from leaving to the end of its last tunnel, and of its cookies
  bool operator==(const EndpointDraining&) const = default;
};

struct Cluster {
  std::string name;
  LbPolicy lb_policy = LbPolicy::kRoundRobin;
  std::vector<HashPolicy> hash_policy;  // the first that is present decides; source_ip if none is
  uint8_t hash_ipv4_prefix = 32;
  uint8_t hash_ipv6_prefix = 64;
  std::optional<Affinity> affinity;
  Duration connect_timeout = 5s;
  uint32_t connect_retries = 2;  // further tries after one that failed before any byte of an answer
  BackendProtocol protocol = BackendProtocol::kHttp11;
  std::optional<BackendTls> tls;
  IdleConnections idle_connections;
  TcpKeepalive tcp_keepalive;
  uint32_t max_concurrent_streams = 100;  // of one HTTP/2 connection, whatever more the backend allows
  Duration retry_http2_after = 60s;       // HTTP/1.1 until then to a backend that did not take HTTP/2
  EndpointDraining draining;
  std::vector<Endpoint> endpoints;  // exactly one of the two
  std::optional<Discovery> discovery;
  bool operator==(const Cluster&) const = default;
};

}  // namespace hawser::config
