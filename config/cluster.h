// The backends, in groups.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/admission.h"
#include "config/affinity.h"
#include "config/backend_connection.h"
#include "config/circuit_breakers.h"
#include "config/endpoints.h"
#include "config/health_check.h"
#include "config/outlier_detection.h"
#include "config/rebalance.h"
#include "config/retry.h"
#include "config/section.h"
#include "config/slow_start.h"
#include "config/tls.h"
#include "config/values.h"
#include "proxy/net/address.h"

namespace hawser::config {

enum class LbPolicy : uint8_t { kRoundRobin, kLeastRequest, kRandom, kRingHash, kMaglev };

enum class BackendProtocol : uint8_t { kHttp11, kHttp2, kAuto };

// Exactly one member is given; source_ip may be written as a bare word.
struct HashPolicy {
  std::optional<std::string> header;
  std::optional<std::string> cookie;
  std::optional<std::string> query;
  bool source_ip = false;
  bool operator==(const HashPolicy&) const = default;
};

struct Cluster {
  std::string name;
  LbPolicy lb_policy = LbPolicy::kRoundRobin;
  std::vector<HashPolicy> hash_policy;  // the first that is present decides; source_ip if none is
  uint8_t hash_ipv4_prefix = 32;
  uint8_t hash_ipv6_prefix = 64;
  uint32_t hash_balance_factor = 0;  // percent of the mean load that an endpoint may have; 0: off
  std::optional<Affinity> affinity;
  std::vector<HealthCheck> health_checks;  // healthy when all of them say so
  OutlierDetection outlier_detection;
  uint32_t panic_threshold = 0;  // percent of usable endpoints below which health is ignored; 0: never
  CircuitBreakers circuit_breakers;
  CircuitBreakers endpoint_circuit_breakers;  // of each endpoint
  std::optional<Admission> admission;
  std::optional<SlowStart> slow_start;
  std::optional<Rebalance> rebalance;
  Duration connect_timeout = 5s;
  Retry retry;
  std::optional<uint32_t> connect_retries;  // an alias: the loader moves it to retry.attempts
  BackendProtocol protocol = BackendProtocol::kHttp11;
  std::optional<BackendTls> tls;
  IdleConnections idle_connections;
  TcpKeepalive tcp_keepalive;
  uint32_t max_concurrent_streams = 100;  // of one HTTP/2 connection, whatever more the backend allows
  Duration retry_http2_after = 60s;       // HTTP/1.1 until then to a backend that did not take HTTP/2
  EndpointDraining draining;
  std::vector<net::IpAddress> source_addresses;  // the kernel's choice, if left out
  std::vector<Endpoint> endpoints;               // exactly one of the two
  std::optional<Discovery> discovery;
  bool operator==(const Cluster&) const = default;
};

// Whether its policy is one of those that hash.
bool Hashes(const Cluster& cluster);

void Describe(Description& d, const HashPolicy& policy);
void Describe(Description& d, const Cluster& cluster);

// Also reads files, as the checks of its parts do, and moves connect_retries to retry.attempts. `all_tls`:
// every listener has TLS.
void CheckCluster(Cluster& cluster, bool all_tls, const Checks& checks);

}  // namespace hawser::config
