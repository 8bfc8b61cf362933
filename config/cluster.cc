#include "config/cluster.h"

#include <algorithm>
#include <utility>

#include "config/checks.h"
#include "config/describe.h"
#include "config/source_addresses.h"
#include "fmt/format.h"

namespace hawser::config {

template <>
struct Names<LbPolicy> {
  static constexpr Name<LbPolicy> kTable[] = {{"round_robin", LbPolicy::kRoundRobin},
                                              {"least_request", LbPolicy::kLeastRequest},
                                              {"random", LbPolicy::kRandom},
                                              {"ring_hash", LbPolicy::kRingHash},
                                              {"maglev", LbPolicy::kMaglev}};
};

template <>
struct Names<BackendProtocol> {
  static constexpr Name<BackendProtocol> kTable[] = {{"http/1.1", BackendProtocol::kHttp11},
                                                     {"h2", BackendProtocol::kHttp2},
                                                     {"auto", BackendProtocol::kAuto}};
};

void Describe(Description& d, const HashPolicy& policy) {
  d.ShortFor("source_ip", ShortForm::kWord);
  d.Field({"header", "Name of a request header. Its value is hashed."}, policy.header, {{Form::kToken}});
  d.Field({"cookie", "Name of a cookie. Its value is hashed."}, policy.cookie, {{Form::kToken}});
  d.Field({"query", "Name of a query parameter. Its value is hashed."}, policy.query);
  d.Field(
      {"source_ip", "Hashes the client's address, cut to a prefix (`hash_ipv4_prefix`, `hash_ipv6_prefix`)."},
      policy.source_ip, {.only_true = true});
  d.ExactlyOneOf({"header", "cookie", "query", "source_ip"});
}

void Describe(Description& d, const Cluster& cluster) {
  d.Field({"name",
           "Name of the cluster, for routes, logs and metrics. No two clusters share one.",
           {},
           kRequired},
          cluster.name, {Form::kName});
  d.Field({"lb_policy",
           "How an endpoint is picked. `round_robin`: each in turn. `least_request`: of two picked at "
           "random, the one with fewer open requests and tunnels. `random`: any. `ring_hash` and `maglev`: "
           "by `hash_policy`, so that few clients move when endpoints come and go."},
          cluster.lb_policy);
  d.Field({"hash_policy",
           "What `ring_hash` and `maglev` hash. The first entry that is present in the request decides.",
           "`source_ip`"},
          cluster.hash_policy);
  d.Field({"hash_ipv4_prefix", "How many bits of an IPv4 address `source_ip` hashes."},
          cluster.hash_ipv4_prefix, {1, 32});
  d.Field({"hash_ipv6_prefix", "How many bits of an IPv6 address `source_ip` hashes."},
          cluster.hash_ipv6_prefix, {1, 128});
  d.Field(
      {"hash_balance_factor",
       "With `ring_hash` and `maglev`: an endpoint may have this many percent of the mean number of "
       "requests and tunnels, by weight. What would exceed that goes to the next one that the hash names. "
       "`0`: no bound."},
      cluster.hash_balance_factor, {0, 10'000});
  d.Field(
      {"affinity", "Brings a client back to the endpoint that it had, whatever `lb_policy` says.", "none"},
      cluster.affinity);
  d.Field(
      {"health_checks",
       "Checks that hawser makes of every endpoint. With several, an endpoint is healthy when all of them "
       "say so. Without any, only `outlier_detection` finds endpoints that fail."},
      cluster.health_checks);
  d.Field({"outlier_detection",
           "Takes endpoints out that fail under real traffic, for a time that grows. It is on unless "
           "`max_ejection_percent` is `0`."},
          cluster.outlier_detection);
  d.Field(
      {"panic_threshold",
       "When fewer than this many percent of the endpoints of a priority are usable, hawser ignores their "
       "health, so that the few that are left are not overrun. `0`: never."},
      cluster.panic_threshold, {0, 100});
  d.Field({"circuit_breakers",
           "How much may be under way to the cluster, from all workers together. Beyond that a request is "
           "answered 503 with `Retry-After`."},
          cluster.circuit_breakers);
  d.Field({"endpoint_circuit_breakers",
           "How much may be under way to each endpoint, from all workers together. What exceeds it goes to "
           "another endpoint; when all are full, it is answered 503 with `Retry-After`."},
          cluster.endpoint_circuit_breakers);
  d.Field({"admission",
           "How fast each endpoint gets WebSocket handshakes, so that a storm of reconnects does not take "
           "down what is left. What exceeds the rate goes to an endpoint that has room, or waits.",
           "no limit"},
          cluster.admission);
  d.Field({"slow_start", "An endpoint that is new or has come back gets its share step by step.",
           "its whole share at once"},
          cluster.slow_start);
  d.Field(
      {"rebalance",
       "Moves tunnels from endpoints that have more than their share, by closing a few at a time; their "
       "clients connect again. It rests while an endpoint is ejected or drains. It cannot be combined with "
       "`ring_hash` or `maglev`.",
       "tunnels stay where they are"},
      cluster.rebalance);
  d.Field(
      {"connect_timeout", "Time for a connection to one endpoint: TCP, TLS and, for HTTP/2, its SETTINGS."},
      cluster.connect_timeout, {1ms, 5min});
  d.Field({"retry",
           "When a request or WebSocket handshake is tried again. Each try goes to an endpoint that this "
           "request has not tried, if there is one."},
          cluster.retry);
  d.Field({"connect_retries", "The old name of `retry.attempts`, for this release.", "`retry.attempts`"},
          cluster.connect_retries, {{0, 16}});
  d.Field({"protocol",
           "Protocol to the endpoints. `http/1.1`: HTTP/1.1. `h2`: HTTP/2, by ALPN or, without `tls`, with "
           "prior knowledge. `auto`: what the backend chooses by ALPN; HTTP/1.1 without `tls`. Over HTTP/2, "
           "many requests and WebSockets (RFC 8441) share few connections. If a backend does not take "
           "WebSockets over HTTP/2, they get HTTP/1.1 connections of their own."},
          cluster.protocol);
  d.Field({"max_concurrent_streams",
           "How many requests and WebSockets share one HTTP/2 connection, if the backend allows as many. For "
           "more, another connection is opened."},
          cluster.max_concurrent_streams, {1, 10'000});
  d.Field({"retry_http2_after",
           "A backend that chose HTTP/1.1, or that takes no WebSockets over HTTP/2, gets HTTP/1.1 "
           "connections for this time. Then hawser tries HTTP/2 again."},
          cluster.retry_http2_after, {10ms, 24h});
  d.Field({"tls", "TLS to the endpoints.", "plain text"}, cluster.tls);
  d.Field({"idle_connections",
           "Limits on HTTP/1.1 connections that have carried a request and wait for the next. A WebSocket "
           "always gets a connection of its own."},
          cluster.idle_connections);
  d.Field({"tcp_keepalive",
           "How hawser finds backends whose host is gone. The kernel probes a quiet connection; hawser "
           "watches tunnels and shared HTTP/2 connections whose data is not acknowledged. A host is lost "
           "when it has acknowledged nothing for `idle` + `interval` × `probes`. A backend that acknowledges "
           "but reads nothing is slow, not lost. Plain HTTP/1.1 requests have time-outs of their own. Unix "
           "sockets need none of this."},
          cluster.tcp_keepalive);
  d.Field(
      {"draining",
       "What happens when an endpoint leaves the cluster: it gets no new requests and no new tunnels; its "
       "connections stay for those that it has."},
      cluster.draining);
  d.Field(
      {"source_addresses",
       "Addresses of this machine that connections to the endpoints come from, in turn: a connection to an "
       "IPv6 endpoint comes from an IPv6 address. Each gives as many connections to one endpoint as the "
       "kernel has local ports (`net.ipv4.ip_local_port_range`).",
       "the kernel's choice"},
      cluster.source_addresses, {.min_items = 1});
  d.Field({"endpoints", "The backends."}, cluster.endpoints, {.min_items = 1});
  d.Field({"discovery", "Where the backends are looked up, instead of `endpoints`."}, cluster.discovery);
  d.ExactlyOneOf({"endpoints", "discovery"});
}

namespace {

// What only the hashing policies know, and what they do not.
void CheckHashPolicy(const Cluster& cluster, const Checks& checks) {
  constexpr const char* kNoEffect = "has no effect with this lb_policy";
  const uint32_t factor = cluster.hash_balance_factor;
  if (checks.Given(cluster.hash_balance_factor) && factor > 0 && factor < 100) {
    checks.Error(cluster.hash_balance_factor, fmt::format("{} is below the mean itself", factor),
                 "expected 0, or at least 100");
  }
  if (!checks.Sound(cluster)) return;
  if (!Hashes(cluster)) {
    constexpr const char* kExpected = "expected ring_hash or maglev";
    if (checks.Given(cluster.hash_policy)) checks.Warn(cluster.hash_policy, kNoEffect, kExpected);
    if (factor > 0) checks.Warn(cluster.hash_balance_factor, kNoEffect, kExpected);
  } else if (cluster.slow_start) {
    checks.Warn(*cluster.slow_start, kNoEffect, "expected round_robin, least_request or random");
  }
}

// The hash would bring back at once what was moved.
void CheckRebalanced(const Cluster& cluster, const Checks& checks) {
  if (!cluster.rebalance) return;
  CheckRebalance(*cluster.rebalance, checks);
  if (!Hashes(cluster) || !checks.Given(*cluster.rebalance)) return;
  checks.Error(*cluster.rebalance, "cannot be combined with ring_hash or maglev",
               "expected round_robin, least_request or random");
}

void MoveAlias(Cluster& cluster, const Checks& checks) {
  if (!cluster.connect_retries) return;
  if (checks.Given(cluster.retry.attempts)) {
    return checks.Error(*cluster.connect_retries, "cannot be combined with retry.attempts",
                        "expected retry.attempts alone");
  }
  if (checks.Given(*cluster.connect_retries)) {
    checks.Warn(*cluster.connect_retries, "is the old name of retry.attempts",
                "expected retry: { attempts }");
  }
  cluster.retry.attempts = *std::exchange(cluster.connect_retries, std::nullopt);
}

// Whether what is unhealthy closes its tunnels.
bool ClosesUnhealthy(const Cluster& cluster) {
  return std::any_of(cluster.health_checks.begin(), cluster.health_checks.end(),
                     [](const HealthCheck& one) { return one.on_unhealthy == OnUnhealthy::kClose; });
}

// Public certificates carry names. Only a private authority signs addresses.
void CheckServerName(const Cluster& cluster, const Checks& checks) {
  if (!cluster.tls || cluster.tls->server_name || cluster.tls->ca_file || !cluster.tls->verify) return;
  if (!checks.Given(*cluster.tls)) return;
  const auto bare =
      std::find_if(cluster.endpoints.begin(), cluster.endpoints.end(), [&](const Endpoint& endpoint) {
        return checks.Given(endpoint.address) && !endpoint.address.named() &&
               !endpoint.address.literal().unix_socket();
      });
  if (bare == cluster.endpoints.end()) return;
  checks.Warn(
      *cluster.tls,
      fmt::format("the certificate of {} must carry its IP address, and few do", bare->address.ToString()),
      "expected server_name, the name in the certificate");
}

}  // namespace

bool Hashes(const Cluster& cluster) {
  return cluster.lb_policy == LbPolicy::kRingHash || cluster.lb_policy == LbPolicy::kMaglev;
}

void CheckCluster(Cluster& cluster, bool all_tls, const Checks& checks) {
  if (cluster.tls) CheckBackendTls(*cluster.tls, checks);
  CheckHashPolicy(cluster, checks);
  CheckEndpoints(cluster.endpoints, checks);
  if (cluster.discovery) CheckDiscovery(*cluster.discovery, checks);
  CheckDraining(cluster.draining, cluster.affinity && cluster.affinity->cookie, ClosesUnhealthy(cluster),
                checks);
  for (const HealthCheck& one : cluster.health_checks) CheckHealthCheck(one, checks);
  CheckOutlierDetection(cluster.outlier_detection, checks);
  if (cluster.admission) CheckAdmission(*cluster.admission, checks);
  CheckRebalanced(cluster, checks);
  CheckRetry(cluster.retry, checks);
  MoveAlias(cluster, checks);
  CheckSourceAddresses(cluster.source_addresses, cluster.endpoints, checks);
  CheckServerName(cluster, checks);
  if (cluster.affinity) CheckAffinity(*cluster.affinity, all_tls, checks);
}

}  // namespace hawser::config
