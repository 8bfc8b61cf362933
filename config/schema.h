// The configuration as plain structs, read from YAML; the runtime is built from them. Defaults stand here;
// names, bounds and help stand in describe.h. Field names are the YAML keys.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/net/address.h"

namespace hawser::config {

using base::Duration;
using namespace std::chrono_literals;

struct ByteSize {  // written 64KiB, 1MiB, 512
  uint64_t bytes = 0;
  bool operator==(const ByteSize&) const = default;
};

struct Rate {  // written 20/s, 100/m, 5/h
  double per_second = 0;
  bool operator==(const Rate&) const = default;
};

struct ByteRate {  // written 64KiB/s, 1MB/m
  double per_second = 0;
  bool operator==(const ByteRate&) const = default;
};

// The close code for a client whose backend is lost: 1001, 1011 to 1014, 3000 to 4999; 0: no close frame.
struct LostCode {
  uint16_t code = 1001;
  bool operator==(const LostCode&) const = default;
};

struct Secret {  // never printed
  std::string value;
  bool operator==(const Secret&) const = default;
};

struct TokenBucket {
  Rate rate;  // 0 turns the limit off
  uint32_t burst = 1;
};

struct Admin {
  std::optional<net::SocketAddress> address;  // none: no admin listener
  std::string mode = "0600";                  // of a Unix socket's file: octal, as ModeOf reads it
  uint32_t connections = 64;                  // open at once; one more takes the place of the oldest
  Duration timeout = 30s;                     // from accept to the end of the answer
  uint32_t tunnels_shown = 10'000;            // rows of /tunnels
  uint32_t clients_shown = 100;               // rows of /clients
};

// What the access log has of a request's query.
enum class QueryLog : uint8_t { kKeep, kDrop, kRedact };

struct AccessLog {
  std::string path;             // "-" is stdout; empty: no access log
  std::string format = "json";  // "json", or a line with %field% operators
  QueryLog query = QueryLog::kRedact;
  std::vector<std::string> redacted = {"token", "access_token", "jwt", "key"};  // parameters, in any case
  uint32_t queue = 8192;  // records that wait to be written; more are dropped and counted
};

struct Drain {
  Duration window = 30s;    // closes are spread over it
  Duration deadline = 60s;  // from SIGTERM to the end; window + 30s if left out
};

struct ProcessLimits {
  uint64_t per_ip_entries = 1'000'000;   // rows of the per-IP table at the most, about 100 bytes each
  uint32_t compression_contexts = 1024;  // of each worker, each way: messages being (de)compressed at once
  uint64_t socket_io_sessions =
      1'000'000;  // rows of the table behind `affinity: socket.io`, about 150 bytes each
  Duration socket_io_session_idle = 5min;  // a session that no request has named for this time is dropped
  uint32_t answered_refusals = 256;        // of each worker: connections that get their 429 at one time
  double reserve = 0.05;                   // part of the open files, and of each listener's connections
  double tls_handshake_share = 0.25;       // of each worker's time, while streams have work
};

struct Certificate {
  std::string certificate;  // PEM chain, leaf first; relative paths are resolved against the config file
  std::string private_key;
};

enum class TlsVersion : uint8_t { kTls12, kTls13 };

struct SessionTickets {
  bool enabled = true;
  uint32_t count = 1;       // TLS 1.3 tickets sent after a full handshake
  Duration rotation = 12h;  // a key signs for this long, and is accepted for as long again
};

struct Tls {
  std::vector<Certificate> certificates;  // the first is the default
  TlsVersion min_version = TlsVersion::kTls12;
  TlsVersion max_version = TlsVersion::kTls13;
  std::string ciphers;      // TLS 1.2 cipher list, OpenSSL syntax; tls::kDefaultCiphers if left out
  bool strict_sni = false;  // refuse a handshake whose name no certificate carries
  SessionTickets session_tickets;
};

enum class OverLimit : uint8_t { kClose, kRespond };

struct ListenerLimits {
  uint64_t connections = 1'000'000;      // open at once on this listener, all workers together
  uint32_t connections_per_ip = 10'000;  // 0: no limit
  std::optional<TokenBucket> connection_rate_per_ip;
  uint8_t ipv4_prefix = 32;  // what counts as one client
  uint8_t ipv6_prefix = 64;
  OverLimit over_limit = OverLimit::kClose;  // respond: 429 where TLS is off
  ByteSize request_head{64 * 1024};          // request line and headers together
  uint32_t request_headers = 100;            // fields
  ByteSize early_bytes{16 * 1024};           // held of what a client sends ahead of the 101
};

struct ListenerTimeouts {
  Duration tls_handshake = 10s;
  Duration request_headers = 10s;  // from accept, end of TLS or first byte to the end of the head
  Duration keep_alive = 60s;       // between two requests of one connection
  Duration answer = 10s;           // for a client to take a response of hawser's own
  Duration linger = 2s;            // for a client to close behind hawser's last words, before hawser does
};

// What becomes of header fields whose names have a '_'.
enum class UnderscorePolicy : uint8_t { kAllow, kDrop, kReject };

// Frames that a client may send in a window of time; more ends the connection.
struct Http2Budgets {
  Duration window = 10s;
  uint32_t resets = 200;
  uint32_t provoked_resets = 100;
  uint32_t settings = 100;
  uint32_t pings = 1000;
  uint32_t priorities = 1000;
  uint32_t empty_data = 200;
  uint32_t window_updates = 2000;
  uint32_t continuations = 8;  // of one header block
};

struct Http2 {
  bool enabled = true;           // offered by ALPN, where TLS is
  bool prior_knowledge = false;  // plain listeners only: for connections that begin with the preface
  uint32_t max_concurrent_streams = 100;
  ByteSize initial_stream_window{64 * 1024};
  ByteSize initial_connection_window{1024 * 1024};
  Duration stall_timeout = 60s;  // of output that a closed window keeps waiting; 0: no limit
  Http2Budgets budgets;
};

// Headers for backends, in addition to those that hawser always sets.
struct Forwarded {
  bool x_real_ip = false;
};

struct Listener {
  std::string name;
  net::SocketAddress address;
  std::string mode = "0666";  // of a Unix socket's file: octal, as ModeOf reads it
  std::optional<Tls> tls;
  ListenerLimits limits;
  ListenerTimeouts timeouts;
  UnderscorePolicy headers_with_underscores = UnderscorePolicy::kDrop;
  Http2 http2;
  std::vector<net::PeerBlock> trusted_proxies;  // peers whose X-Forwarded-* and X-Request-Id are believed
  Forwarded forwarded;
};

// Exactly one of the four is given.
struct ValueMatch {
  std::string name;  // of the header or of the query parameter
  std::optional<std::string> exact;
  std::optional<std::string> prefix;
  std::optional<std::string> regex;  // RE2, matched whole
  std::optional<bool> present;
};

struct RouteMatch {
  std::optional<std::string> host;         // exact or "*.example.com"; any, if left out
  std::optional<std::string> path;         // at most one of the three; any path, if none
  std::optional<std::string> path_prefix;  // by whole segments: /chat takes /chat and /chat/1, not /chatter
  std::optional<std::string> path_regex;   // RE2, matched whole
  std::vector<ValueMatch> headers;         // all must hold
  std::vector<ValueMatch> query;           // all must hold
  std::optional<std::string> subprotocol;  // offered in Sec-WebSocket-Protocol
};

enum class KeepaliveTo : uint8_t { kNone, kClient, kBackend, kBoth };

struct Keepalive {
  Duration interval = 30s;  // silence before a ping, less up to an eighth (jitter); 0 turns it off
  Duration timeout = 10s;   // for the pong
  KeepaliveTo to = KeepaliveTo::kClient;
};

struct MaxDuration {
  Duration duration = 0s;  // 0: no limit
  double jitter = 0.1;     // part of `duration` by which each tunnel's may be shorter
};

enum class Compression : uint8_t { kPass, kStrip, kOffload };
enum class Inspection : uint8_t { kStrict, kLenient, kOff };
enum class OverRate : uint8_t { kSlowDown, kClose };

struct MessageRateLimit {
  Rate rate;           // 0 turns the limit off
  uint32_t burst = 1;  // one second's worth if left out, as below
  OverRate over_limit = OverRate::kSlowDown;
};

struct ByteRateLimit {
  ByteRate rate;
  ByteSize burst{1};
  OverRate over_limit = OverRate::kSlowDown;
};

template <class Limit>
struct PerDirection {
  std::optional<Limit> from_client;
  std::optional<Limit> from_backend;
};

struct WebSocket {
  Inspection inspection = Inspection::kStrict;
  bool validate_utf8 = true;  // of text; if left out: where inspection is strict
  ByteSize max_frame_bytes;   // of payload as on the wire, as below; 0: no limit
  ByteSize max_message_bytes;
  PerDirection<MessageRateLimit> message_rate;
  PerDirection<ByteRateLimit> byte_rate;
  Keepalive keepalive;
  LostCode backend_lost_code;
  Compression compression = Compression::kPass;
  Duration close_timeout = 5s;           // from the first close frame to the end of both connections
  Duration backend_fin_timeout = 200ms;  // of it, for the backend to end its connection first; 0: hawser does
  Duration idle_timeout = 0s;            // without a message in either direction; 0: no limit
  MaxDuration max_connection_duration;
  ByteSize buffer{64 *
                  1024};  // per direction: read at once, and held at the most while the other side is slow
  ByteSize socket_buffer{256 *
                         1024};  // of kernel memory for each of the two sockets; 0: the kernel's own way
  Duration send_timeout = 60s;   // in which a side takes nothing of what waits for it; 0: no limit
};

struct WeightedCluster {
  std::string name;
  uint32_t weight = 1;
};

// One entry of a route's `filters` list: exactly one member is given.
struct OriginFilter {
  std::vector<std::string> allow;  // "https://app.example.com", "https://*.example.com", "same-host"
  bool allow_missing = true;       // clients that are not browsers send no Origin
};
struct FilterConfig {
  std::optional<OriginFilter> origin;
};

// A header field that a route adds or sets, its value taken as it stands.
struct HeaderField {
  std::string name;
  std::string value;
};

// Applied in the order remove, set, add.
struct HeaderRules {
  std::vector<HeaderField> add;  // beside fields of the same name
  std::vector<HeaderField> set;  // in their place
  std::vector<std::string> remove;
};

struct RegexRewrite {
  std::string pattern;       // RE2; every match in the path is replaced
  std::string substitution;  // \1 to \9 are its groups, \0 the whole match
};

enum class UrlScheme : uint8_t { kHttp, kHttps };

// A part that is left out stays as in the request.
struct Redirect {
  uint16_t status = 301;
  std::optional<UrlScheme> scheme;
  std::optional<std::string> host;  // with a port or without
  std::optional<uint16_t> port;
  std::optional<std::string> path;  // at most one of the two; a query in it takes the place of the request's
  std::optional<std::string> prefix_rewrite;  // as in Route
  bool strip_query = false;
};

struct DirectResponse {
  uint16_t status = 200;
  std::string body;
  std::vector<HeaderField> headers;
};

enum class RouteAffinity : uint8_t { kSocketIo };

struct Route {
  std::string name;  // for log and metrics; "route-3" if left out
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
};

enum class LbPolicy : uint8_t { kRoundRobin, kLeastRequest, kRandom, kRingHash, kMaglev };

// Exactly one member is given; source_ip may be written as a bare word.
struct HashPolicy {
  std::optional<std::string> header;
  std::optional<std::string> cookie;
  std::optional<std::string> query;
  bool source_ip = false;
};

enum class SameSite : uint8_t { kLax, kStrict, kNone };

struct AffinityCookie {
  std::string name;   // "hawser-" and a hash of the cluster's, made by the loader, if left out
  Duration ttl = 0s;  // 0: a session cookie
  std::string path = "/";
  std::optional<bool> secure;  // left out: true if all listeners have TLS, else if the client used it
  bool http_only = true;
  SameSite same_site = SameSite::kLax;
  std::vector<Secret> keys;              // at least 32 bytes each; the first signs, all verify
  std::optional<std::string> keys_file;  // one key a line
};

struct Affinity {
  std::optional<AffinityCookie> cookie;
};

struct Endpoint {  // may be written as its bare address
  net::SocketAddress address;
  uint32_t weight = 1;  // 1 to 1000
};

enum class BackendProtocol : uint8_t { kHttp11, kHttp2, kAuto };

struct BackendTls {
  bool verify = true;                      // the backend's chain and name
  std::optional<std::string> ca_file;      // PEM; the system's authorities if left out
  std::optional<std::string> server_name;  // for SNI and verification; the endpoint's address if left out
  std::optional<std::string> certificate;  // hawser's own, for backends that ask; both or none
  std::optional<std::string> private_key;
  TlsVersion min_version = TlsVersion::kTls12;
};

struct IdleConnections {
  uint32_t max = 256;  // kept by each worker for each endpoint; 0: none is kept
  Duration timeout = 30s;
};

// Of the connections to backends, by their TCP. Kept in whole seconds.
struct TcpKeepalive {
  Duration idle = 30s;      // silence after which the first probe is sent; 0 turns all of it off
  Duration interval = 10s;  // between probes
  uint32_t probes = 3;      // unanswered ones that end the connection
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
  std::vector<Endpoint> endpoints;
};

struct Config {
  Admin admin;
  AccessLog access_log;
  Drain drain;
  ProcessLimits limits;
  std::vector<Listener> listeners;
  std::vector<Route> routes;
  std::vector<Cluster> clusters;
};

}  // namespace hawser::config
