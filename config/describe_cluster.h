// The description of `clusters`: balancing, affinity, endpoints. See describe.h.
#pragma once

#include "config/describe_listener.h"
#include "config/field.h"
#include "config/schema.h"

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
struct Names<SameSite> {
  static constexpr Name<SameSite> kTable[] = {
      {"Lax", SameSite::kLax}, {"Strict", SameSite::kStrict}, {"None", SameSite::kNone}};
};

template <>
struct Names<BackendProtocol> {
  static constexpr Name<BackendProtocol> kTable[] = {{"http/1.1", BackendProtocol::kHttp11},
                                                     {"h2", BackendProtocol::kHttp2},
                                                     {"auto", BackendProtocol::kAuto}};
};

template <class V>
void Describe(V& v, Is<HashPolicy> auto& policy) {
  v.ShortFor("source_ip", ShortForm::kWord);
  v.Field({"header", "Name of a request header. Its value is hashed."}, policy.header, {{Form::kToken}});
  v.Field({"cookie", "Name of a cookie. Its value is hashed."}, policy.cookie, {{Form::kToken}});
  v.Field({"query", "Name of a query parameter. Its value is hashed."}, policy.query);
  v.Field(
      {"source_ip", "Hashes the client's address, cut to a prefix (`hash_ipv4_prefix`, `hash_ipv6_prefix`)."},
      policy.source_ip, {.only_true = true});
  v.ExactlyOneOf({"header", "cookie", "query", "source_ip"});
}

template <class V>
void Describe(V& v, Is<AffinityCookie> auto& cookie) {
  v.Field({"name",
           "Name of the cookie. Two clusters that browsers reach on one host need two names, or two paths.",
           "`hawser-` and eight hexadecimal digits of a hash of the cluster's name"},
          cookie.name, {Form::kToken});
  v.Field({"ttl", "How long a browser keeps the cookie (Max-Age). `0`: until the browser ends."}, cookie.ttl,
          {0s, kLongestCookie});
  v.Field({"path", "Path attribute of the cookie: browsers send it with requests below this path."},
          cookie.path, {Form::kCookiePath});
  v.Field({"secure", "Secure attribute of the cookie: browsers send it over TLS only.",
           "on if the client came over TLS, to hawser or to a trusted proxy"},
          cookie.secure);
  v.Field({"http_only", "HttpOnly attribute of the cookie: scripts cannot read it."}, cookie.http_only);
  v.Field({"same_site",
           "SameSite attribute of the cookie. `None` (pages of other sites open your WebSockets) needs "
           "`secure`."},
          cookie.same_site);
  v.Field({"keys",
           "Secrets that sign the cookie, so that a client can neither read an address from it nor choose "
           "one. The first signs; all verify. To rotate, put a new key in front. Several hawsers with the "
           "same keys accept each other's cookies."},
          cookie.keys, {.min_items = 1, .each = {32}});
  v.Field({"keys_file", "File with one key in each line, instead of `keys`.", "none"}, cookie.keys_file,
          {{Form::kFile}});
  v.ExactlyOneOf({"keys", "keys_file"});
}

template <class V>
void Describe(V& v, Is<Affinity> auto& affinity) {
  v.Field({"cookie",
           "A signed cookie that brings a client back to its endpoint. hawser sets it on the 101 and on "
           "relayed responses. A cookie that is forged or expired, or whose endpoint is gone, is ignored and "
           "replaced: `lb_policy` picks another endpoint. A response that a shared cache may keep "
           "(`Cache-Control: public` or `s-maxage`) gets no cookie."},
          affinity.cookie);
  v.ExactlyOneOf({"cookie"});
}

template <class V>
void Describe(V& v, Is<Endpoint> auto& endpoint) {
  v.ShortFor("address", ShortForm::kValue);
  v.Field({"address",
           "Address of the backend. Each address of a host name is an endpoint of its own with this weight. "
           "The name is the default of `tls.server_name`.",
           {},
           kRequired},
          endpoint.address);
  v.Field({"weight", "Share of the requests and tunnels, relative to the weights of the other endpoints."},
          endpoint.weight, {1, 1000});
}

template <class V>
void Describe(V& v, Is<BackendTls> auto& tls) {
  v.Field({"verify",
           "Whether the backend's certificate must be signed by a known authority and carry the right name. "
           "With `false`, anyone between hawser and the backend can read and change everything."},
          tls.verify);
  v.Field({"ca_file", "PEM file with the authorities to trust.", "the system's authorities"}, tls.ca_file,
          {{Form::kFile}});
  v.Field({"server_name", "Name that the backend's certificate must carry. It is also sent as SNI.",
           "the endpoint's host name; without one its address, no SNI"},
          tls.server_name, {{Form::kHost}});
  v.Field({"certificate", "PEM file with hawser's own certificate, for backends that ask for one.", "none"},
          tls.certificate, {{Form::kFile}});
  v.Field({"private_key", "PEM file with the key of `certificate`.", "none"}, tls.private_key,
          {{Form::kFile}});
  v.Field({"min_version", "The oldest TLS version that hawser speaks."}, tls.min_version);
}

template <class V>
void Describe(V& v, Is<IdleConnections> auto& idle) {
  v.Field({"max",
           "How many idle connections each worker keeps for each endpoint. `0` keeps none: every request "
           "opens a connection of its own."},
          idle.max, {0, 100'000});
  v.Field({"timeout",
           "A connection that no request has used for this long is closed. Set it below the backend's own "
           "limit."},
          idle.timeout, {1ms, 24h});
}

template <class V>
void Describe(V& v, Is<TcpKeepalive> auto& keepalive) {
  v.Field({"idle",
           "When a backend's host has been silent for this long, the kernel sends it a probe (SO_KEEPALIVE). "
           "Rounded up to whole seconds. `0` turns all of this off: then a host that is gone is found after "
           "about 15 minutes if data is on its way to it, and never if there is none."},
          keepalive.idle, {0s, kLongestProbe});
  v.Field({"interval", "Time between two probes. Rounded up to whole seconds."}, keepalive.interval,
          {1s, kLongestProbe});
  v.Field({"probes", "After this many probes without an answer the connection is lost."}, keepalive.probes,
          {1, 127});
}

template <>
struct Names<LeavingTunnels> {
  static constexpr Name<LeavingTunnels> kTable[] = {{"keep", LeavingTunnels::kKeep},
                                                    {"close", LeavingTunnels::kClose}};
};
template <>
struct Names<LeavingCookies> {
  static constexpr Name<LeavingCookies> kTable[] = {{"move", LeavingCookies::kMove},
                                                    {"honour", LeavingCookies::kHonour}};
};

template <class V>
void Describe(V& v, Is<EndpointDraining> auto& draining) {
  v.Field({"tunnels",
           "What happens to the tunnels of an endpoint that has left. `keep`: they stay until they end, but "
           "not longer than `timeout`. `close`: they are closed with 1012, spread over `window`."},
          draining.tunnels);
  v.Field({"cookies",
           "What happens to a client whose affinity cookie names an endpoint that has left. `move`: it gets "
           "another endpoint. `honour`: it still gets there until `timeout` is over."},
          draining.cookies);
  v.Field({"window", "With `tunnels: close`: the closes are spread evenly over this time. `0`: all at once."},
          draining.window, {0s, 24h});
  v.Field({"timeout",
           "When an endpoint has left for this long, its last tunnels are closed with 1012, its cookies no "
           "longer count, and its connections are closed."},
          draining.timeout, {0s, kLongestLife});
}

template <class V>
void Describe(V& v, Is<Discovery> auto& discovery) {
  v.Field({"srv",
           "Name of SRV records (RFC 2782), such as `_ws._tcp.rooms.internal`: each names a host, a port, a "
           "weight and a priority. Of the lowest priority that has addresses, each address is an endpoint."},
          discovery.srv, {{Form::kDnsName, kLongestDnsName}});
  v.Field(
      {"file",
       "File with a list in the form of `endpoints`, in YAML or JSON. hawser watches it: a change is "
       "applied at once. While the file is missing, empty or has errors, the last good list stays in use. "
       "`[]` is a list without endpoints."},
      discovery.file, {{Form::kFile}});
  v.ExactlyOneOf({"srv", "file"});
}

template <class V>
void Describe(V& v, Is<Cluster> auto& cluster) {
  v.Field({"name",
           "Name of the cluster, for routes, logs and metrics. No two clusters share one.",
           {},
           kRequired},
          cluster.name, {Form::kName});
  v.Field({"lb_policy",
           "How an endpoint is picked. `round_robin`: each in turn. `least_request`: of two picked at "
           "random, the one with fewer open requests and tunnels. `random`: any. `ring_hash` and `maglev`: "
           "by `hash_policy`, so that few clients move when endpoints come and go."},
          cluster.lb_policy);
  v.Field({"hash_policy",
           "What `ring_hash` and `maglev` hash. The first entry that is present in the request decides.",
           "`source_ip`"},
          cluster.hash_policy);
  v.Field({"hash_ipv4_prefix", "How many bits of an IPv4 address `source_ip` hashes."},
          cluster.hash_ipv4_prefix, {1, 32});
  v.Field({"hash_ipv6_prefix", "How many bits of an IPv6 address `source_ip` hashes."},
          cluster.hash_ipv6_prefix, {1, 128});
  v.Field(
      {"affinity", "Brings a client back to the endpoint that it had, whatever `lb_policy` says.", "none"},
      cluster.affinity);
  v.Field(
      {"connect_timeout", "Time for a connection to one endpoint: TCP, TLS and, for HTTP/2, its SETTINGS."},
      cluster.connect_timeout, {1ms, 5min});
  v.Field({"connect_retries",
           "How often a request or WebSocket handshake is tried again after a connection could not be made, "
           "or ended before any byte of an answer. The next try goes to another endpoint, or to the same one "
           "on a new connection if a kept connection had ended. A request that the backend may have acted on "
           "is sent again only if its method is idempotent, and never if some of its body has been read. "
           "`0`: never. When no try is left, the client gets 502, 503 or, after a time-out, 504."},
          cluster.connect_retries, {0, 16});
  v.Field({"protocol",
           "Protocol to the endpoints. `http/1.1`: HTTP/1.1. `h2`: HTTP/2, by ALPN or, without `tls`, with "
           "prior knowledge. `auto`: what the backend chooses by ALPN; HTTP/1.1 without `tls`. Over HTTP/2, "
           "many requests and WebSockets (RFC 8441) share few connections. If a backend does not take "
           "WebSockets over HTTP/2, they get HTTP/1.1 connections of their own."},
          cluster.protocol);
  v.Field({"max_concurrent_streams",
           "How many requests and WebSockets share one HTTP/2 connection, if the backend allows as many. For "
           "more, another connection is opened."},
          cluster.max_concurrent_streams, {1, 10'000});
  v.Field({"retry_http2_after",
           "A backend that chose HTTP/1.1, or that takes no WebSockets over HTTP/2, gets HTTP/1.1 "
           "connections for this time. Then hawser tries HTTP/2 again."},
          cluster.retry_http2_after, {10ms, 24h});
  v.Field({"tls", "TLS to the endpoints.", "plain text"}, cluster.tls);
  v.Field({"idle_connections",
           "Limits on HTTP/1.1 connections that have carried a request and wait for the next. A WebSocket "
           "always gets a connection of its own."},
          cluster.idle_connections);
  v.Field({"tcp_keepalive",
           "How hawser finds backends whose host is gone. The kernel probes a quiet connection; hawser "
           "watches tunnels and shared HTTP/2 connections whose data is not acknowledged. A host is lost "
           "when it has acknowledged nothing for `idle` + `interval` × `probes`. A backend that acknowledges "
           "but reads nothing is slow, not lost. Plain HTTP/1.1 requests have time-outs of their own. Unix "
           "sockets need none of this."},
          cluster.tcp_keepalive);
  v.Field(
      {"draining",
       "What happens when an endpoint leaves the cluster: it gets no new requests and no new tunnels; its "
       "connections stay for those that it has."},
      cluster.draining);
  v.Field({"endpoints", "The backends."}, cluster.endpoints, {.min_items = 1});
  v.Field({"discovery", "Where the backends are looked up, instead of `endpoints`."}, cluster.discovery);
  v.ExactlyOneOf({"endpoints", "discovery"});
}

}  // namespace hawser::config
