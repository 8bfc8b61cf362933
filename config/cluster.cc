#include "config/cluster.h"

#include <algorithm>

#include "config/checks.h"
#include "config/describe.h"
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
      {"affinity", "Brings a client back to the endpoint that it had, whatever `lb_policy` says.", "none"},
      cluster.affinity);
  d.Field(
      {"connect_timeout", "Time for a connection to one endpoint: TCP, TLS and, for HTTP/2, its SETTINGS."},
      cluster.connect_timeout, {1ms, 5min});
  d.Field({"connect_retries",
           "How often a request or WebSocket handshake is tried again after a connection could not be made, "
           "or ended before any byte of an answer. The next try goes to another endpoint, or to the same one "
           "on a new connection if a kept connection had ended. A request that the backend may have acted on "
           "is sent again only if its method is idempotent, and never if some of its body has been read. "
           "`0`: never. When no try is left, the client gets 502, 503 or, after a time-out, 504."},
          cluster.connect_retries, {0, 16});
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
  d.Field({"endpoints", "The backends."}, cluster.endpoints, {.min_items = 1});
  d.Field({"discovery", "Where the backends are looked up, instead of `endpoints`."}, cluster.discovery);
  d.ExactlyOneOf({"endpoints", "discovery"});
}

namespace {

void CheckHashPolicy(const Cluster& cluster, const Checks& checks) {
  const bool hashes = cluster.lb_policy == LbPolicy::kRingHash || cluster.lb_policy == LbPolicy::kMaglev;
  if (!hashes && checks.Sound(cluster) && checks.Given(cluster.hash_policy)) {
    checks.Warn(cluster.hash_policy, "has no effect with this lb_policy", "expected ring_hash or maglev");
  }
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

void CheckCluster(Cluster& cluster, bool all_tls, const Checks& checks) {
  if (cluster.tls) CheckBackendTls(*cluster.tls, checks);
  CheckHashPolicy(cluster, checks);
  CheckEndpoints(cluster.endpoints, checks);
  if (cluster.discovery) CheckDiscovery(*cluster.discovery, checks);
  CheckDraining(cluster.draining, cluster.affinity && cluster.affinity->cookie, checks);
  CheckServerName(cluster, checks);
  if (cluster.affinity) CheckAffinity(*cluster.affinity, all_tls, checks);
}

}  // namespace hawser::config
