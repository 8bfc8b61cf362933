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
  v.Field({"header", "The value of this request header."}, policy.header, {{Form::kToken}});
  v.Field({"cookie", "The value of this cookie."}, policy.cookie, {{Form::kToken}});
  v.Field({"query", "The value of this query parameter."}, policy.query);
  v.Field({"source_ip", "The client's address, as a prefix (`hash_ipv4_prefix`, `hash_ipv6_prefix`)."},
          policy.source_ip, {.only_true = true});
  v.ExactlyOneOf({"header", "cookie", "query", "source_ip"});
}

template <class V>
void Describe(V& v, Is<AffinityCookie> auto& cookie) {
  v.Field({"name",
           "Name of the cookie. Two clusters that browsers reach on one host need two names, or two paths.",
           "`hawser-` and eight hexadecimal digits of a hash of the cluster's name"},
          cookie.name, {Form::kToken});
  v.Field({"ttl", "How long a browser keeps it (Max-Age). `0`: until it ends."}, cookie.ttl,
          {0s, kLongestCookie});
  v.Field({"path", "Its Path attribute: the requests that browsers send it with."}, cookie.path,
          {Form::kCookiePath});
  v.Field({"secure", "Its Secure attribute: sent over TLS only.",
           "on if the client came over TLS, to hawser or to a trusted proxy"},
          cookie.secure);
  v.Field({"http_only", "Its HttpOnly attribute: scripts do not see it."}, cookie.http_only);
  v.Field({"same_site",
           "Its SameSite attribute. `None` (pages of other sites open your WebSockets) needs `secure`."},
          cookie.same_site);
  v.Field(
      {"keys",
       "Secrets that sign the cookie, so that a client can neither read an address from it nor steer to one: "
       "the first signs, all verify. To rotate, put a new one in front. Several hawsers with the same keys "
       "agree without talking."},
      cookie.keys, {.min_items = 1, .each = {32}});
  v.Field({"keys_file", "A file with one key in each line, instead of `keys`.", "`keys`"}, cookie.keys_file,
          {{Form::kFile}});
  v.ExactlyOneOf({"keys", "keys_file"});
}

template <class V>
void Describe(V& v, Is<Affinity> auto& affinity) {
  v.Field(
      {"cookie",
       "A signed cookie, set on the 101 and on relayed responses, that brings a client back to its "
       "endpoint. One that is forged, stale, or names a dead endpoint is replaced by what `lb_policy` "
       "picks. A response that a shared cache may keep (`Cache-Control: public` or `s-maxage`) sets none."},
      affinity.cookie);
  v.ExactlyOneOf({"cookie"});
}

template <class V>
void Describe(V& v, Is<Endpoint> auto& endpoint) {
  v.ShortFor("address", ShortForm::kValue);
  v.Field({"address", "Of a backend.", {}, kRequired}, endpoint.address, {.connects = true});
  v.Field({"weight", "Its share of the tunnels, beside the other endpoints'."}, endpoint.weight, {1, 1000});
}

template <class V>
void Describe(V& v, Is<BackendTls> auto& tls) {
  v.Field({"verify",
           "Whether the backend's certificate must be signed by a known authority and carry the right name. "
           "`false` "
           "lets anyone on the way read and change everything."},
          tls.verify);
  v.Field({"ca_file", "PEM file with the authorities to trust.", "the system's authorities"}, tls.ca_file,
          {{Form::kFile}});
  v.Field({"server_name", "The name that the certificate must carry, also sent as SNI.",
           "the endpoint's address, no SNI"},
          tls.server_name, {{Form::kHost}});
  v.Field({"certificate", "PEM file with hawser's own certificate, for backends that ask for one.", "none"},
          tls.certificate, {{Form::kFile}});
  v.Field({"private_key", "PEM file with the key of `certificate`.", "none"}, tls.private_key,
          {{Form::kFile}});
  v.Field({"min_version", "The oldest TLS version that is spoken."}, tls.min_version);
}

template <class V>
void Describe(V& v, Is<IdleConnections> auto& idle) {
  v.Field({"max", "Kept by each worker for each endpoint. `0`: every request opens a connection of its own."},
          idle.max, {0, 100'000});
  v.Field(
      {"timeout",
       "A connection that no request has used for this long is closed. Best below the backend's own limit."},
      idle.timeout, {1ms, 24h});
}

template <class V>
void Describe(V& v, Is<TcpKeepalive> auto& keepalive) {
  v.Field(
      {"idle",
       "Silence of a backend's host after which a probe is sent (SO_KEEPALIVE), in whole seconds "
       "(rounded up). `0` "
       "turns all of this off: then a host that is gone is found after about 15 minutes if data is on its "
       "way to it, and not at all if none is."},
      keepalive.idle, {0s, kLongestProbe});
  v.Field({"interval", "Time between two probes, in whole seconds."}, keepalive.interval,
          {1s, kLongestProbe});
  v.Field({"probes", "Probes without an answer that end the connection."}, keepalive.probes, {1, 127});
}

template <class V>
void Describe(V& v, Is<Cluster> auto& cluster) {
  v.Field({"name", "For routes, log and metrics. No two clusters share one.", {}, kRequired}, cluster.name,
          {Form::kName});
  v.Field({"lb_policy",
           "How an endpoint is picked: `round_robin` in turn; `least_request` the one with fewer open "
           "tunnels of two picked at random; `random`; `ring_hash` and `maglev` by `hash_policy`, so that "
           "few clients move when endpoints come and go."},
          cluster.lb_policy);
  v.Field(
      {"hash_policy", "What `ring_hash` and `maglev` hash: the first entry that is present in the request.",
       "`source_ip`"},
      cluster.hash_policy);
  v.Field({"hash_ipv4_prefix", "Bits of an IPv4 address that `source_ip` hashes."}, cluster.hash_ipv4_prefix,
          {1, 32});
  v.Field({"hash_ipv6_prefix", "Bits of an IPv6 address that `source_ip` hashes."}, cluster.hash_ipv6_prefix,
          {1, 128});
  v.Field({"affinity", "Brings a client back to the endpoint it had, whatever `lb_policy` says.", "none"},
          cluster.affinity);
  v.Field({"connect_timeout", "For the connection to one endpoint."}, cluster.connect_timeout, {1ms, 5min});
  v.Field({"connect_retries",
           "Further tries of a request or WebSocket handshake after a connection could not be made, or ended "
           "before any "
           "byte of an answer: at another endpoint, or on a new connection where a kept one had ended. What "
           "the backend "
           "may have acted on is sent again only where its method is idempotent, and never once some of its "
           "body has "
           "been read. `0`: none. When no try is left, the client gets 502, 503 or, after a time-out, 504."},
          cluster.connect_retries, {0, 16});
  v.Field(
      {"protocol",
       "`http/1.1`; `h2`: HTTP/2, by ALPN or, without `tls`, with prior knowledge; `auto`: what the backend "
       "chooses by "
       "ALPN, HTTP/1.1 without `tls`. Over HTTP/2 many requests and WebSockets (RFC 8441) share few "
       "connections. A "
       "WebSocket to a backend that does not take them over HTTP/2 gets an HTTP/1.1 connection by itself."},
      cluster.protocol);
  v.Field({"max_concurrent_streams",
           "Requests and WebSockets on one HTTP/2 connection, if the backend allows as many. For more, "
           "another connection "
           "is opened."},
          cluster.max_concurrent_streams, {1, 10'000});
  v.Field(
      {"retry_http2_after",
       "A backend that chose HTTP/1.1, or that takes no WebSockets over HTTP/2, gets HTTP/1.1 connections "
       "for this time. Then it is asked again."},
      cluster.retry_http2_after, {10ms, 24h});
  v.Field({"tls", "Speaks TLS to the endpoints.", "plain text"}, cluster.tls);
  v.Field({"idle_connections",
           "HTTP/1.1 connections that have carried a request and wait for the next. WebSockets always get "
           "one of their own."},
          cluster.idle_connections);
  v.Field(
      {"tcp_keepalive",
       "Finds backends whose host is gone. The kernel probes a connection that is quiet; hawser looks after "
       "a "
       "tunnel, and after a shared HTTP/2 connection, whose data nobody acknowledges. The host is lost when "
       "it "
       "has acknowledged nothing for `idle` + `interval` × `probes`. A backend that acknowledges and takes "
       "nothing is slow, not lost. A plain HTTP/1.1 request under way has its own time-outs. Unix sockets "
       "need none of this."},
      cluster.tcp_keepalive);
  v.Field({"endpoints", "The backends.", {}, kRequired}, cluster.endpoints, {.min_items = 1});
}

}  // namespace hawser::config
