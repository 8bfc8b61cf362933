#include "proxy/http/reject.h"

#include <array>
#include <cstddef>

namespace hawser::http {
namespace {

using enum Reject;

// RFC 6455 §7.4.1 and the IANA registry of close codes.
constexpr uint16_t kGoingAway = 1001;
constexpr uint16_t kProtocol = 1002;
constexpr uint16_t kInvalidPayload = 1007;
constexpr uint16_t kPolicy = 1008;
constexpr uint16_t kTooBig = 1009;
constexpr uint16_t kInternalError = 1011;
constexpr uint16_t kTryAgainLater = 1013;

// Flags are Envoy's where it has one: DPE and UPE (a peer broke the protocol), IH (invalid value of a checked field),
// NR (no route), UH (no endpoint to use), UF (connection failed), UT (no answer in time), UC and DC (backend or client
// cut the connection), RL (limited), SI (idle), DT (duration). Ours: FT (a filter not in time), HT (handshake or head
// not in time), WSH (WebSocket handshake), ORG (origin), OVL (overload), DRN (drain), WPE (WebSocket protocol error), WTL
// (too large), WPT (no pong), WCT (no answer to a close frame), SHD (shutdown), LD (loop).
//
// Close codes that the RFC does not dictate: 1001 wherever a new connection may well do better, since clients take it as
// leave to connect again; 1011 where a backend did something wrong, since it may do so again and some clients (graphql-ws)
// take it as advice not to come back, as all take 1008.
constexpr auto kTable = std::to_array<RejectSpec>({
    {kNone, 0, 0, "none", "-", ""},
    {kMalformedRequest, 400, 0, "malformed_request", "DPE", "The request is malformed."},
    {kUnsupportedVersion, 505, 0, "unsupported_version", "DPE", "The version of HTTP is not supported."},
    {kUriTooLong, 414, 0, "uri_too_long", "DPE", "The request line is too long."},
    {kHeadTooLarge, 431, 0, "head_too_large", "DPE", "The request head is too large."},
    {kTooManyHeaders, 431, 0, "too_many_headers", "DPE", "The request has too many header fields."},
    {kRequestTimeout, 408, 0, "request_timeout", "HT", "The request did not arrive in time."},
    {kUnsupportedTransferCoding, 501, 0, "unsupported_transfer_coding", "DPE",
     "The request's transfer coding is not supported."},
    {kBadHost, 400, 0, "bad_host", "IH", "The request must name one valid host."},
    {kUnderscoreInHeader, 400, 0, "underscore_in_header", "IH",
     "The name of a header field has an underscore."},
    {kMethodNotAllowed, 405, 0, "method_not_allowed", "DPE", "The method is not allowed here."},
    {kBadUpgrade, 400, 0, "bad_upgrade", "WSH", "The WebSocket handshake is malformed."},
    {kBadWebSocketKey, 400, 0, "bad_websocket_key", "WSH",
     "Sec-WebSocket-Key must be 16 bytes in base64, once."},
    {kBadWebSocketVersion, 426, 0, "bad_websocket_version", "WSH", "Only WebSocket version 13 is supported."},
    {kUpgradeWithBody, 413, 0, "upgrade_with_body", "WSH", "A WebSocket handshake must not have a body."},
    {kEarlyBytesTooLarge, 413, 0, "early_bytes_too_large", "WSH",
     "Too much was sent ahead of the handshake's answer."},
    {kLoopDetected, 508, 0, "loop_detected", "LD", "The request has come back to this proxy."},
    {kNoRoute, 404, 0, "no_route", "NR", "No route leads there."},
    {kOriginNotAllowed, 403, 0, "origin_not_allowed", "ORG", "The origin is not allowed to connect."},
    {kFilterTimeout, 504, 0, "filter_timeout", "FT", "The request could not be checked in time."},
    {kTooManyConnections, 429, 0, "too_many_connections", "RL", "Too many connections from this address."},
    {kConnectionRate, 429, 0, "connection_rate", "RL", "New connections come too fast from this address."},
    {kListenerFull, 503, 0, "listener_full", "RL", "No more connections are accepted for now."},
    {kIpTableFull, 503, 0, "ip_table_full", "RL", "No more clients are accepted for now."},
    {kTlsTimeout, 0, 0, "tls_timeout", "HT", "The TLS handshake did not end in time."},
    {kDraining, 503, 0, "draining", "DRN", "The server is shutting down."},
    {kNoEndpoint, 503, 0, "no_endpoint", "UH", "No backend is available."},
    {kConnectFailed, 503, 0, "connect_failed", "UF", "The backend cannot be reached."},
    {kConnectTimeout, 504, 0, "connect_timeout", "UF", "The backend could not be reached in time."},
    {kNoLocalPort, 503, 0, "no_local_port", "OVL", "No local port is left for a connection to the backend."},
    {kNoResources, 503, 0, "no_resources", "OVL",
     "No descriptor or memory is left for a connection to the backend."},
    {kBackendClosed, 502, 0, "backend_closed", "UC", "The backend closed the connection without an answer."},
    {kBackendTimeout, 504, 0, "backend_timeout", "UT", "The backend did not answer in time."},
    {kBadBackendResponse, 502, 0, "bad_backend_response", "UPE", "The backend's answer is malformed."},
    {kBadBackendUpgrade, 502, 0, "bad_backend_upgrade", "UPE",
     "The backend's WebSocket handshake is malformed."},
    {kProtocolError, 0, kProtocol, "protocol_error", "WPE", "The WebSocket protocol was broken."},
    {kInvalidUtf8, 0, kInvalidPayload, "invalid_utf8", "WPE", "A text message is not valid UTF-8."},
    {kBadCompression, 0, kInvalidPayload, "bad_compression", "WPE", "A compressed message is malformed."},
    {kNoCompressionContext, 0, kTryAgainLater, "no_compression_context", "OVL",
     "Too many compressed messages are under way."},
    {kFrameTooLarge, 0, kTooBig, "frame_too_large", "WTL", "A frame is too large."},
    {kMessageTooLarge, 0, kTooBig, "message_too_large", "WTL", "A message is too large."},
    {kMessageRate, 0, kPolicy, "message_rate", "RL", "Messages come too fast."},
    {kByteRate, 0, kPolicy, "byte_rate", "RL", "Bytes come too fast."},
    // This one and a backend's missing pong: unless the route's backend_lost_code says otherwise.
    {kBackendLost, 0, kGoingAway, "backend_lost", "UC", "The connection to the backend was lost."},
    // Nobody is left to read a code; the log has 1006, which is never sent (§7.4.1).
    {kClientLost, 0, 0, "client_lost", "DC", "The connection to the client was lost."},
    {kPongTimeout, 0, kGoingAway, "pong_timeout", "WPT", "A ping was not answered in time."},
    {kIdleTimeout, 0, kGoingAway, "idle_timeout", "SI", "The connection was idle for too long."},
    {kMaxDuration, 0, kGoingAway, "max_duration", "DT", "The connection reached its greatest age."},
    // Read only by a client that waits for its close to be answered while the backend says nothing.
    {kCloseTimeout, 0, kInternalError, "close_timeout", "WCT", "A close frame was not answered in time."},
    {kDrained, 0, kGoingAway, "drained", "DRN", "The server is draining; connect again."},
    {kShutdown, 0, kGoingAway, "shutdown", "SHD", "The server is shutting down."},
});

constexpr bool InOrder() {
  for (size_t i = 0; i < kTable.size(); ++i) {
    if (static_cast<size_t>(kTable[i].reject) != i) return false;
  }
  return true;
}

static_assert(kTable.size() == static_cast<size_t>(Reject::kCount), "a refusal has no row");
static_assert(InOrder(), "rows stand in the order of the enumerators");

}  // namespace

const RejectSpec& SpecOf(Reject reject) {
  return kTable[static_cast<size_t>(reject)];
}

}  // namespace hawser::http
