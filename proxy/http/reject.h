// Every reason for which hawser itself refuses a request or ends a tunnel, and the one table that says what
// the client, the metrics, the access log and the operator's handbook (docs/access-log.md) say of it.
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
  kLoopDetected,  // this process has already forwarded it once (RFC 9110 §7.6.3)
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
  kTunnelsFull,  // this one and the next two: a circuit breaker of the cluster, or those of all its endpoints
  kRequestsFull,
  kConnectingFull,
  kAdmissionFull,     // as many handshakes wait for the endpoint as may
  kAdmissionTimeout,  // it has waited for its admission for too long
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
  kSlowConsumer,  // a side took nothing of what was sent to it
  kIdleTimeout,
  kMaxDuration,
  kCloseTimeout,
  kDrained,
  kReload,             // its listener or its route has gone from the configuration
  kEndpointGone,       // its endpoint has left its cluster
  kEndpointUnhealthy,  // a health check with `on_unhealthy: close` says so
  kRebalanced,         // its endpoint has more tunnels than its fair share
  kShutdown,
  kCount,
};

// Who ended a request or a tunnel.
enum class ClosedBy : uint8_t {
  kNobody,  // nobody yet; or the response was relayed in full
  kClient,
  kBackend,
  kProxy,   // hawser could not go on: no endpoint, a broken answer, shutdown
  kPolicy,  // a rule or a limit was broken
  kTimeout,
  kDrain,
  kCount,
};
// Metric label and access-log value: "client"; empty for kNobody.
std::string_view LabelOf(ClosedBy closed_by);

struct RejectSpec {
  Reject reject;
  int status = 0;           // HTTP status where the client has had no head yet; 0: the connection just ends
  uint16_t close_code = 0;  // RFC 6455 §7.4 code for a tunnel's client; 0: never happens in a tunnel
  ClosedBy closed_by;
  // Retry-After of the response (RFC 9110 §10.2.3), seconds; 0: none. Each response has between this and
  // twice as much, so that those who are refused together do not come back together.
  uint16_t retry_after = 0;
  std::string_view label;   // metric label and access-log reason: snake_case
  std::string_view flag;    // the access log's short flag, one of FlagTable; "-" for kNone
  std::string_view text;    // one sentence for the response body and the close frame's reason
  std::string_view advice;  // what an operator should do about it, for docs/access-log.md
};

// Total: every enumerator but kCount has its row.
const RejectSpec& SpecOf(Reject reject);
// All rows, in the order of the enumerators.
std::span<const RejectSpec> RejectTable();

// The client is not at fault, and there is room: once its request is complete, the next one may follow on the
// same connection.
bool LeavesClientSound(Reject reject);

struct FlagSpec {
  std::string_view flag;
  std::string_view meaning;  // one sentence
};

// Envoy's response flags where there is a fitting one; else flags of hawser's own.
std::span<const FlagSpec> FlagTable();

// What had a part in how a request went, also in one that succeeded. Bits.
enum Part : uint8_t {
  kBreakerPart = 1 << 0,     // a circuit breaker kept it from an endpoint
  kQueuePart = 1 << 1,       // it waited to be admitted
  kRetryPart = 1 << 2,       // it was tried again
  kRetryLimitPart = 1 << 3,  // it was not tried again: its further tries, or the budget, were spent
  kEjectionPart = 1 << 4,    // it went to an ejected endpoint, or its failure ejected one
  kPanicPart = 1 << 5,       // health was ignored
};

struct PartSpec {
  Part part;
  std::string_view flag;  // one of FlagTable
};

// In the order in which the log has them.
std::span<const PartSpec> PartTable();

}  // namespace hawser::http
