// Every reason for which hawser itself refuses a request or ends a tunnel, and the one table that says what the client,
// the metrics and the access log see of it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace hawser::http {

enum class Reject : uint8_t {
  kNone,
  // The request, before a backend is asked.
  kMalformedRequest,
  kUnsupportedVersion,
  kUriTooLong,
  kHeadTooLarge,
  kTooManyHeaders,
  kRequestTimeout,
  kUnsupportedTransferCoding,
  kBadHost,
  kUnderscoreInHeader,
  kMethodNotAllowed,
  kBadUpgrade,
  kBadWebSocketKey,
  kBadWebSocketVersion,
  kUpgradeWithBody,
  kEarlyBytesTooLarge,
  kLoopDetected,  // it has passed this process before (RFC 9110 §7.6.3)
  kNoRoute,
  kOriginNotAllowed,
  kFilterTimeout,       // a filter waited for too long
  kTooManyConnections,  // of one client (prefix) at once
  kConnectionRate,      // of one client, new ones
  kListenerFull,
  kIpTableFull,
  kTlsTimeout,  // the handshake's deadline; nothing is sent
  kDraining,
  // The backend's answer, or the lack of it.
  kNoEndpoint,
  kConnectFailed,
  kConnectTimeout,
  kNoLocalPort,  // every local port towards the backend is taken
  kNoResources,  // hawser is out of descriptors or memory
  kBackendClosed,
  kBackendTimeout,
  kBadBackendResponse,
  kBadBackendUpgrade,
  // Ends of a tunnel.
  kProtocolError,
  kInvalidUtf8,
  kBadCompression,
  kNoCompressionContext,
  kFrameTooLarge,
  kMessageTooLarge,
  kMessageRate,
  kByteRate,
  kBackendLost,
  kClientLost,
  kPongTimeout,
  kIdleTimeout,
  kMaxDuration,
  kCloseTimeout,
  kDrained,
  kShutdown,
  kCount,
};

struct RejectSpec {
  Reject reject;
  int status;              // HTTP status where the client has had no head yet; 0: the connection just ends
  uint16_t close_code;     // RFC 6455 §7.4 code for a tunnel's client; 0: never happens in a tunnel
  std::string_view label;  // metric label and access-log reason: snake_case
  std::string_view flag;   // the access log's short flag, in Envoy's style
  std::string_view text;  // one sentence for the response body and for the close frame's reason (≤ 123 bytes)
};

// Total: every enumerator but kCount has its row.
const RejectSpec& SpecOf(Reject reject);

}  // namespace hawser::http
