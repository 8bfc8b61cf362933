#include "proxy/http/reject.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "proxy/base/check.h"

namespace hawser::http {
namespace {

using enum Reject;
using ClosedBy::kBackend;
using ClosedBy::kClient;
using ClosedBy::kDrain;
using ClosedBy::kNobody;
using ClosedBy::kPolicy;
using ClosedBy::kProxy;
using ClosedBy::kTimeout;

// RFC 6455 §7.4.1 and the IANA registry of close codes. Where the RFC does not dictate a code: 1001 wherever
// a new connection may work, since clients then connect again; 1011 where a backend did something wrong,
// since it may do so again, and some clients (graphql-ws) do not connect again after 1011; no client does
// after 1008.
constexpr uint16_t kGoingAway = 1001;
constexpr uint16_t kProtocol = 1002;
constexpr uint16_t kInvalidPayload = 1007;
constexpr uint16_t kPolicyViolation = 1008;
constexpr uint16_t kTooBig = 1009;
constexpr uint16_t kInternalError = 1011;
constexpr uint16_t kServiceRestart = 1012;
constexpr uint16_t kTryAgainLater = 1013;

// Seconds. Long enough to let a burst pass, short enough that a client which waits does not give up.
constexpr uint16_t kSoon = 2;

constexpr auto kFlags = std::to_array<FlagSpec>({
    {"DPE", "The client broke HTTP (Envoy's flag)."},
    {"HT", "A TLS handshake or a request did not arrive in time."},
    {"IH", "A header field has a value that hawser refuses (Envoy's flag)."},
    {"WSH", "The WebSocket handshake is wrong."},
    {"LD", "The request goes round in a loop."},
    {"NR", "No route matches (Envoy's flag)."},
    {"ORG", "The origin is not allowed."},
    {"FT", "A filter did not decide in time."},
    {"RL", "A limit was reached (Envoy's flag)."},
    {"DRN", "hawser is draining."},
    {"UH", "No endpoint can be used (Envoy's flag)."},
    {"UO", "A circuit breaker was full (Envoy's flag)."},
    {"AQ", "The WebSocket handshake waited to be admitted."},
    {"RT", "The request was tried again."},
    {"URX",
     "The request was not tried again, because `retry.attempts` or the retry budget was spent (Envoy's "
     "flag)."},
    {"EJ", "The request went to an endpoint that was ejected, or its failure ejected one."},
    {"PAN", "Too few endpoints were healthy, so that health was ignored."},
    {"UF", "The connection to the backend failed (Envoy's flag)."},
    {"OVL", "hawser is out of ports, descriptors, memory or contexts."},
    {"UC", "The backend ended the connection (Envoy's flag)."},
    {"UT", "The backend did not answer in time (Envoy's flag)."},
    {"UPE", "The backend broke HTTP or the handshake (Envoy's flag)."},
    {"WPE", "A side broke the WebSocket protocol."},
    {"WTL", "A frame or message is too large."},
    {"DC", "The client ended the connection (Envoy's flag)."},
    {"WPT", "A ping was not answered."},
    {"WSC", "A side did not read what was sent to it."},
    {"SI", "The connection was idle for too long (Envoy's flag)."},
    {"DT", "The connection reached its maximum duration (Envoy's flag)."},
    {"WCT", "A close frame was not answered."},
    {"SHD", "hawser was shut down."},
});

constexpr auto kTable = std::to_array<RejectSpec>({
    {kNone, 0, 0, kNobody, 0, "none", "-", "", ""},
    {kMalformedRequest, 400, 0, kPolicy, 0, "malformed_request", "DPE", "The request is malformed.",
     "Find the client by its address: its request breaks RFC 9112 or RFC 9113. Many from one address are a "
     "scan."},
    {kUnsupportedVersion, 505, 0, kPolicy, 0, "unsupported_version", "DPE",
     "The version of HTTP is not supported.",
     "Find the client: it speaks a version of HTTP that is neither 1.0, 1.1 nor 2."},
    {kUriTooLong, 414, 0, kPolicy, 0, "uri_too_long", "DPE", "The request line is too long.",
     "If the URLs are legitimate, raise `listeners[].limits.request_head`."},
    {kHeadTooLarge, 431, 0, kPolicy, 0, "head_too_large", "DPE", "The request head is too large.",
     "If the heads are legitimate (large cookies, for example), raise `listeners[].limits.request_head`."},
    {kTooManyHeaders, 431, 0, kPolicy, 0, "too_many_headers", "DPE",
     "The request has too many header fields.",
     "If the requests are legitimate, raise `listeners[].limits.request_headers`."},
    {kRequestTimeout, 408, 0, kTimeout, 0, "request_timeout", "HT", "The request did not arrive in time.",
     "A few are slow or lost clients; many from one address are an attack that holds connections open. "
     "`listeners[].timeouts.request_headers` and `routes[].stream_idle_timeout` are the bounds."},
    {kUnsupportedTransferCoding, 501, 0, kPolicy, 0, "unsupported_transfer_coding", "DPE",
     "The request's transfer coding is not supported.",
     "Let the client send its body with `chunked` or a Content-Length only."},
    {kBadHost, 400, 0, kPolicy, 0, "bad_host", "IH", "The request must name exactly one valid host.",
     "Find the client: its Host is missing, repeated or not a host. If a proxy stands in front of hawser, "
     "look at what it sends."},
    {kUnderscoreInHeader, 400, 0, kPolicy, 0, "underscore_in_header", "IH",
     "The name of a header field contains an underscore.",
     "Rename the field in the client, or set `listeners[].headers_with_underscores` to `drop` or `allow`."},
    {kMethodNotAllowed, 405, 0, kPolicy, 0, "method_not_allowed", "DPE", "The method is not allowed here.",
     "Find the client: hawser does not proxy CONNECT, and a WebSocket handshake over HTTP/1.1 must be a "
     "GET."},
    {kBadUpgrade, 400, 0, kPolicy, 0, "bad_upgrade", "WSH", "The WebSocket handshake is malformed.",
     "Find the client: its handshake breaks RFC 6455 or RFC 8441. A proxy between the two may have removed "
     "Connection or Upgrade."},
    {kBadWebSocketKey, 400, 0, kPolicy, 0, "bad_websocket_key", "WSH",
     "Sec-WebSocket-Key must be given once and be 16 bytes in base64.",
     "Find the client: its WebSocket library breaks RFC 6455."},
    {kBadWebSocketVersion, 426, 0, kPolicy, 0, "bad_websocket_version", "WSH",
     "Only WebSocket version 13 is supported.",
     "Update the client; it speaks a draft that came before RFC 6455."},
    {kUpgradeWithBody, 413, 0, kPolicy, 0, "upgrade_with_body", "WSH",
     "A WebSocket handshake must not have a body.", "Find the client: a WebSocket handshake has no body."},
    {kEarlyBytesTooLarge, 413, 0, kPolicy, 0, "early_bytes_too_large", "WSH",
     "Too many bytes were sent ahead of the handshake's answer.",
     "The client sends frames before it has the 101. If it may, raise `listeners[].limits.early_bytes`."},
    {kLoopDetected, 508, 0, kProxy, 0, "loop_detected", "LD",
     "The request has already passed through this proxy.",
     "An endpoint, or a proxy behind it, leads back to hawser. The line's `endpoint` names it where it has "
     "one."},
    {kNoRoute, 404, 0, kPolicy, 0, "no_route", "NR", "No route matches the request.",
     "Compare the line's `host` and `path` with `routes`. Add a route if the request should be served."},
    {kOriginNotAllowed, 403, 0, kPolicy, 0, "origin_not_allowed", "ORG",
     "The origin is not allowed to connect.",
     "If the page may use this service, add its origin to the route's `origin` filter. If not, the filter "
     "has stopped a foreign page."},
    {kFilterTimeout, 504, 0, kTimeout, 0, "filter_timeout", "FT", "The request could not be checked in time.",
     "Look at the service that the route's filter asks."},
    {kTooManyConnections, 429, 0, kPolicy, kSoon, "too_many_connections", "RL",
     "Too many connections from this address.",
     "Raise `listeners[].limits.connections_per_ip` if many users share the address, or list it in "
     "`listeners[].trusted_proxies` if it is your own proxy."},
    {kConnectionRate, 429, 0, kPolicy, kSoon, "connection_rate", "RL",
     "New connections from this address come too fast.",
     "Raise `listeners[].limits.connection_rate_per_ip` if many users share the address. Otherwise a client "
     "connects in a loop."},
    {kListenerFull, 503, 0, kPolicy, kSoon, "listener_full", "RL",
     "The server has no room for more connections.",
     "Raise `listeners[].limits.connections` if the machine has the memory and descriptors; else add a "
     "machine."},
    {kIpTableFull, 503, 0, kPolicy, kSoon, "ip_table_full", "RL", "The server has no room for more clients.",
     "Raise `limits.per_ip_entries`: more addresses are connected than the table has rows."},
    {kTlsTimeout, 0, 0, kTimeout, 0, "tls_timeout", "HT", "The TLS handshake did not end in time.",
     "A few are lost clients or port scans. Many at once: see `hawser_tls_handshakes_shed_total`; the "
     "workers may be overloaded."},
    {kDraining, 503, 0, kDrain, kSoon, "draining", "DRN", "The server is shutting down.",
     "Nothing to do: hawser is shutting down. If clients still arrive, let the load balancer check hawser's "
     "port: operations.md, Behind another proxy."},
    {kNoEndpoint, 503, 0, kProxy, kSoon, "no_endpoint", "UH", "No backend is available.",
     "Look at `/clusters`: no endpoint of the cluster can be used."},
    {kTunnelsFull, 503, 0, kProxy, kSoon, "tunnels_full", "UO", "The backends have too many tunnels.",
     "Add endpoints, or raise `tunnels` in `clusters[].circuit_breakers` or "
     "`clusters[].endpoint_circuit_breakers`, whichever `/clusters` shows as full."},
    {kRequestsFull, 503, 0, kProxy, kSoon, "requests_full", "UO", "The backends have too many requests.",
     "Find out whether the backends have become slow. Else add endpoints, or raise `requests` in "
     "`clusters[].circuit_breakers` or `clusters[].endpoint_circuit_breakers`."},
    {kConnectingFull, 503, 0, kProxy, kSoon, "connecting_full", "UO",
     "Too many connections to the backends are being made.",
     "Look at the backends' accept queues and network. Else raise `connecting` in "
     "`clusters[].circuit_breakers` or `clusters[].endpoint_circuit_breakers`."},
    {kAdmissionFull, 503, 0, kProxy, kSoon, "admission_full", "AQ", "Too many clients wait to be admitted.",
     "Nothing to do if it was a storm of reconnects: clients come again. If it lasts, add endpoints, or "
     "raise "
     "`clusters[].admission`: its `rate` where the backends can take more, its `pending` where more may "
     "wait."},
    {kAdmissionTimeout, 503, 0, kProxy, kSoon, "admission_timeout", "AQ",
     "The client was not admitted in time.",
     "As for `admission_full`; the bound is `clusters[].admission.wait`."},
    {kConnectFailed, 503, 0, kProxy, kSoon, "connect_failed", "UF", "The backend cannot be reached.",
     "Look at the line's `backend_error` and at the backend: it refuses connections, or its certificate is "
     "not accepted."},
    {kConnectTimeout, 504, 0, kTimeout, 0, "connect_timeout", "UF",
     "The backend could not be reached in time.",
     "Look at the backend's host, its network and its accept queue. The bound is "
     "`clusters[].connect_timeout`."},
    {kNoLocalPort, 503, 0, kProxy, kSoon, "no_local_port", "OVL",
     "No local port is free for a connection to the backend.",
     "Give the cluster `source_addresses` or endpoints, or widen `net.ipv4.ip_local_port_range`."},
    {kNoResources, 503, 0, kProxy, kSoon, "no_resources", "OVL",
     "No descriptor or memory is free for a connection to the backend.",
     "Raise the limit of open files (`ulimit -n`), or give the machine more memory."},
    {kBackendClosed, 502, 0, kBackend, 0, "backend_closed", "UC",
     "The backend closed the connection without an answer.",
     "Look at the backend's log: it ended the connection before it had answered whole. It may have crashed, "
     "or not like the request."},
    {kBackendTimeout, 504, 0, kTimeout, 0, "backend_timeout", "UT", "The backend did not answer in time.",
     "Find out why the backend is slow. The bounds are `routes[].handshake_timeout`, "
     "`routes[].response_timeout` and `routes[].stream_idle_timeout`."},
    {kBadBackendResponse, 502, 0, kProxy, 0, "bad_backend_response", "UPE",
     "The backend's answer is malformed.",
     "Look at the backend: its answer breaks RFC 9112 or RFC 9113, so hawser passed nothing of it on."},
    {kBadBackendUpgrade, 502, 0, kProxy, 0, "bad_backend_upgrade", "UPE",
     "The backend's WebSocket handshake is malformed.",
     "Look at the backend: its 101 has a wrong Sec-WebSocket-Accept, or a subprotocol or extension that the "
     "client did not offer."},
    {kProtocolError, 0, kProtocol, kPolicy, 0, "protocol_error", "WPE",
     "A rule of the WebSocket protocol was broken.",
     "The line's `violation` names the rule and `offender` the side. For peers that you cannot fix, set "
     "`routes[].websocket.inspection: lenient`."},
    {kInvalidUtf8, 0, kInvalidPayload, kPolicy, 0, "invalid_utf8", "WPE",
     "A text message is not valid UTF-8.",
     "Fix the side that `offender` names: it sends text messages that are not UTF-8. "
     "`routes[].websocket.validate_utf8: false` turns the check off."},
    {kBadCompression, 0, kInvalidPayload, kPolicy, 0, "bad_compression", "WPE",
     "A compressed message is malformed.",
     "Find the client: its compressed message is not DEFLATE. `routes[].websocket.compression: strip` avoids "
     "compression."},
    {kNoCompressionContext, 0, kTryAgainLater, kPolicy, 0, "no_compression_context", "OVL",
     "Too many compressed messages are being processed.",
     "Raise `limits.compression_contexts` if the workers have the memory."},
    {kFrameTooLarge, 0, kTooBig, kPolicy, 0, "frame_too_large", "WTL", "A frame is too large.",
     "If such frames are legitimate, raise `routes[].websocket.max_frame_bytes`."},
    {kMessageTooLarge, 0, kTooBig, kPolicy, 0, "message_too_large", "WTL", "A message is too large.",
     "If such messages are legitimate, raise `routes[].websocket.max_message_bytes`."},
    {kMessageRate, 0, kPolicyViolation, kPolicy, 0, "message_rate", "RL", "Messages come too fast.",
     "If this rate is legitimate, raise `routes[].websocket.message_rate`, or its `burst`; or let it "
     "`slow_down`."},
    {kByteRate, 0, kPolicyViolation, kPolicy, 0, "byte_rate", "RL", "Bytes come too fast.",
     "If this rate is legitimate, raise `routes[].websocket.byte_rate`, or its `burst`; or let it "
     "`slow_down`."},
    // This one and a backend's missing pong: unless the route's backend_lost_code says otherwise.
    {kBackendLost, 0, kGoingAway, kBackend, 0, "backend_lost", "UC",
     "The connection to the backend was lost.",
     "Look at the backend's log: its connection ended without a close frame. Many at one time mean that a "
     "backend or its host has failed."},
    // Nobody is left to read a code. The log has 1006, which is never sent (§7.4.1).
    {kClientLost, 0, 0, kClient, 0, "client_lost", "DC", "The connection to the client was lost.",
     "Nothing to do for a few: clients close laptops and lose networks. Many at one time point to a network "
     "or a proxy in front of hawser."},
    {kPongTimeout, 0, kGoingAway, kTimeout, 0, "pong_timeout", "WPT", "A ping was not answered in time.",
     "Nothing to do for a few: the client is gone. If living clients are ended, raise "
     "`routes[].websocket.keepalive.timeout`."},
    // A slow backend's client gets the route's backend_lost_code.
    {kSlowConsumer, 0, kTryAgainLater, kTimeout, 0, "slow_consumer", "WSC",
     "The bytes that were sent were not read in time.",
     "Find out why the side does not read: the code is 1013 or 1006 where it is the client, and "
     "`routes[].websocket.backend_lost_code` where it is the backend. If such sides are legitimate, raise "
     "`routes[].websocket.send_timeout`."},
    {kIdleTimeout, 0, kGoingAway, kTimeout, 0, "idle_timeout", "SI", "The connection was idle for too long.",
     "If quiet connections should live longer, raise `routes[].websocket.idle_timeout`, or "
     "`routes[].stream_idle_timeout` for requests."},
    {kMaxDuration, 0, kGoingAway, kTimeout, 0, "max_duration", "DT",
     "The connection reached its maximum duration.",
     "Nothing to do: `routes[].websocket.max_connection_duration` ends connections at this age."},
    // The only client that reads this code waits for an answer to its close frame while the backend sends
    // nothing.
    {kCloseTimeout, 0, kInternalError, kTimeout, 0, "close_timeout", "WCT",
     "A close frame was not answered in time.",
     "Nothing to do for a few. If one kind of client does it always, it does not answer close frames; "
     "`routes[].websocket.close_timeout` is the bound."},
    {kDrained, 0, kGoingAway, kDrain, 0, "drained", "DRN", "The server is draining; connect again.",
     "Nothing to do: hawser is draining, and clients connect again elsewhere."},
    {kReload, 0, kServiceRestart, kDrain, 0, "reload", "DRN", "The configuration has changed; connect again.",
     "Nothing to do: a reload took the listener or the route away. `drain.reload` has the window and the "
     "code; "
     "`drain.deadline` is the bound for requests."},
    {kEndpointGone, 0, kServiceRestart, kDrain, 0, "endpoint_gone", "DRN",
     "The backend has gone; connect again.",
     "Nothing to do: the endpoint has left its cluster. `clusters[].draining` says what becomes of its "
     "tunnels."},
    {kEndpointUnhealthy, 0, kServiceRestart, kDrain, 0, "endpoint_unhealthy", "DRN",
     "The backend is not healthy; connect again.",
     "Look why the endpoint's health check fails: hawser's own log and `/clusters` have the reason. "
     "`on_unhealthy: keep` leaves its tunnels open."},
    // Unless the cluster's rebalance.code says otherwise.
    {kRebalanced, 0, kServiceRestart, kDrain, 0, "rebalanced", "DRN",
     "The backend has more than its share; connect again.",
     "Nothing to do: the endpoint had more tunnels than its fair share, and the client connects again. "
     "`clusters[].rebalance` has the bounds."},
    {kShutdown, 0, kGoingAway, kProxy, 0, "shutdown", "SHD", "The server is shutting down.",
     "Nothing to do if hawser was ended at once. To give tunnels more time, raise `drain.deadline`."},
});

constexpr auto kParts = std::to_array<PartSpec>({
    {kBreakerPart, "UO"},
    {kQueuePart, "AQ"},
    {kRetryPart, "RT"},
    {kRetryLimitPart, "URX"},
    {kEjectionPart, "EJ"},
    {kPanicPart, "PAN"},
});

constexpr bool HasFlag(std::string_view flag) {
  return std::any_of(kFlags.begin(), kFlags.end(), [flag](const FlagSpec& row) { return row.flag == flag; });
}

// RFC 6455 §5.5: a control frame's payload has 125 bytes at the most, of which the code takes two.
constexpr size_t kLongestCloseReason = 123;

constexpr bool Sound(const RejectSpec& row) {
  if (row.reject == kNone) return row.closed_by == ClosedBy::kNobody;
  return row.closed_by != ClosedBy::kNobody && HasFlag(row.flag) && !row.advice.empty() &&
         !row.text.empty() && row.text.size() <= kLongestCloseReason &&
         (row.retry_after == 0 || row.status != 0);
}

constexpr bool InOrder() {
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<size_t>(kTable[i].reject) != i) return false;
  }
  return true;
}

static_assert(kTable.size() == static_cast<size_t>(Reject::kCount), "a refusal has no row");
static_assert(InOrder(), "rows stand in the order of the enumerators");
static_assert(std::all_of(kTable.begin(), kTable.end(), Sound), "a row lacks a column");
static_assert(std::all_of(kParts.begin(), kParts.end(),
                          [](const PartSpec& row) { return HasFlag(row.flag); }),
              "a part has no flag");

constexpr auto kClosedByLabels =
    std::to_array<std::string_view>({"", "client", "backend", "proxy", "policy", "timeout", "drain"});
static_assert(kClosedByLabels.size() == static_cast<size_t>(ClosedBy::kCount), "a ClosedBy has no label");

}  // namespace

const RejectSpec& SpecOf(Reject reject) {
  HAWSER_DCHECK(reject < Reject::kCount);
  return kTable[static_cast<size_t>(reject)];
}

std::span<const RejectSpec> RejectTable() {
  return kTable;
}

bool LeavesClientSound(Reject reject) {
  switch (reject) {
    case kNoRoute:
    case kNoEndpoint:
    case kTunnelsFull:
    case kRequestsFull:
    case kConnectingFull:
    case kConnectFailed:
    case kConnectTimeout:
    case kBackendClosed:
    case kBackendTimeout:
    case kBadBackendResponse: return true;
    default: return false;
  }
}

std::span<const FlagSpec> FlagTable() {
  return kFlags;
}

std::span<const PartSpec> PartTable() {
  return kParts;
}

std::string_view LabelOf(ClosedBy closed_by) {
  HAWSER_DCHECK(closed_by < ClosedBy::kCount);
  return kClosedByLabels[static_cast<size_t>(closed_by)];
}

}  // namespace hawser::http
