#include "proxy/stats/metrics.h"

#include <array>

#include "proxy/event/turn_counts.h"

namespace hawser::stats {
namespace {

using enum Metric;
using enum MetricType;

constexpr std::string_view kEvicted =
    "Client connections that were closed to make room for others because less than limits.reserve was left, "
    "by what they were: without a complete request, also of an address whose connections lead nowhere, idle "
    "between requests, or bringing the body of a request.";
constexpr std::string_view kAcceptErrors = "Connections that hawser could not accept, by reason.";
constexpr std::string_view kTlsHandshakes = "TLS handshakes with clients that ended, by result.";
constexpr std::string_view kTlsShed =
    "TLS handshakes that hawser gave up while they waited for their turn, because their deadline passed or "
    "their place was needed, by the standing of the client's address.";
constexpr std::string_view kResponses = "Response heads sent to clients, by class of status.";
constexpr std::string_view kUpgrades = "WebSocket handshakes of clients that were answered, by result.";
constexpr std::string_view kNotBegun =
    "Connections to backends that hawser could not begin, because it has no free local port, descriptor or "
    "memory.";
constexpr std::string_view kDraining =
    "Tunnels that wait for their turn to be ended, or are being ended, by cause.";
constexpr std::string_view kAffinity =
    "Endpoints picked, by what the client's affinity cookie or session led to.";
constexpr std::string_view kMessages = "WebSocket messages relayed.";
constexpr std::string_view kBytes = "Bytes of WebSocket frames relayed, frame headers included.";
constexpr std::string_view kPings = "Keepalive pings that hawser sent, by the peer that they went to.";
constexpr std::string_view kPongs =
    "Pongs that answered a keepalive ping of hawser, by the peer that sent them.";
constexpr std::string_view kPauses =
    "Times that hawser stopped reading from a peer because the other one was slow.";
constexpr std::string_view kContexts = "Compression contexts that unfinished messages hold now.";
constexpr std::string_view kContextsRefused =
    "Messages for which no compression context was free. With inflate the tunnel is closed with 1013, with "
    "deflate the message is sent uncompressed.";
constexpr std::string_view kCompressedBytes =
    "Payload bytes of messages that were compressed between client and hawser, in compressed form.";
constexpr std::string_view kPlainBytes =
    "Payload bytes of messages that were compressed between client and hawser, in plain form.";

constexpr std::string_view kSlowdowns =
    "Times that hawser stopped reading from a peer until its message_rate or byte_rate allowed more.";
constexpr std::string_view kCloseTimeouts =
    "Peers whose connection was cut because they did not answer a close frame within "
    "websocket.close_timeout.";
constexpr std::string_view kViolations =
    "Tunnels that ended because a peer broke a rule of WebSocket or a limit.";

constexpr std::string_view kHttp2StreamsHelp = "HTTP/2 streams that clients opened, by result.";
constexpr std::string_view kHttp2Rst = "RST_STREAM frames on HTTP/2 connections of clients, by sender.";
constexpr std::string_view kHttp2Abuse =
    "HTTP/2 connections of clients that were ended because a budget of listeners[].http2.budgets was spent; "
    "for window_stall, streams too.";

constexpr auto kMetrics = std::to_array<MetricSpec>({
    {kConnectionsAccepted, kCounter, "hawser_connections_accepted_total", "", "",
     "Client connections accepted."},
    {kConnectionsOpen, kGauge, "hawser_connections_open", "", "", "Client connections open now."},
    {kConnectionsClosed, kCounter, "hawser_connections_closed_total", "", "", "Client connections closed."},
    {kEvictedNoRequestBadStanding, kCounter, "hawser_connections_evicted_total", "why",
     "no_request_bad_standing", kEvicted},
    {kEvictedNoRequest, kCounter, "hawser_connections_evicted_total", "why", "no_request", kEvicted},
    {kEvictedIdle, kCounter, "hawser_connections_evicted_total", "why", "idle", kEvicted},
    {kEvictedBody, kCounter, "hawser_connections_evicted_total", "why", "body", kEvicted},
    {kAcceptNoDescriptor, kCounter, "hawser_accept_errors_total", "reason", "no_descriptor", kAcceptErrors},
    {kAcceptOther, kCounter, "hawser_accept_errors_total", "reason", "other", kAcceptErrors},
    {kTlsHandshakesOk, kCounter, "hawser_tls_handshakes_total", "result", "ok", kTlsHandshakes},
    {kTlsHandshakesFailed, kCounter, "hawser_tls_handshakes_total", "result", "failed", kTlsHandshakes},
    {kTlsHandshakesResumed, kCounter, "hawser_tls_handshakes_resumed_total", "", "",
     "TLS handshakes with clients that succeeded and resumed a session."},
    {kTlsHandshakesOpen, kGauge, "hawser_tls_handshakes_open", "", "",
     "TLS handshakes with clients in progress now."},
    {kTlsHandshakesParked, kGauge, "hawser_tls_handshakes_parked", "", "",
     "TLS handshakes with clients that wait for their turn now, of those in progress."},
    {kTlsHandshakesShedGood, kCounter, "hawser_tls_handshakes_shed_total", "standing", "good", kTlsShed},
    {kTlsHandshakesShedBad, kCounter, "hawser_tls_handshakes_shed_total", "standing", "bad", kTlsShed},
    {kRequests, kCounter, "hawser_requests_total", "", "", "Requests whose head was received."},
    {kHeadersWithUnderscore, kCounter, "hawser_header_fields_dropped_total", "reason", "underscore",
     "Header fields of requests that hawser did not pass on."},
    {kResponses1xx, kCounter, "hawser_responses_total", "class", "1xx", kResponses},
    {kResponses2xx, kCounter, "hawser_responses_total", "class", "2xx", kResponses},
    {kResponses3xx, kCounter, "hawser_responses_total", "class", "3xx", kResponses},
    {kResponses4xx, kCounter, "hawser_responses_total", "class", "4xx", kResponses},
    {kResponses5xx, kCounter, "hawser_responses_total", "class", "5xx", kResponses},
    {kUpgradesOk, kCounter, "hawser_upgrades_total", "result", "ok", kUpgrades},
    {kUpgradesRefused, kCounter, "hawser_upgrades_total", "result", "refused", kUpgrades},
    {kAnswerTimeouts, kCounter, "hawser_answer_timeouts_total", "", "",
     "Responses of hawser's own that a client did not take within timeouts.answer."},
    {kHttp2Connections, kCounter, "hawser_http2_connections_total", "", "",
     "HTTP/2 connections that clients opened."},
    {kHttp2ConnectionsOpen, kGauge, "hawser_http2_connections_open", "", "",
     "HTTP/2 connections of clients open now."},
    {kHttp2Streams, kCounter, "hawser_http2_streams_total", "result", "accepted", kHttp2StreamsHelp},
    {kHttp2StreamsRefused, kCounter, "hawser_http2_streams_total", "result", "refused", kHttp2StreamsHelp},
    {kHttp2ResetsReceived, kCounter, "hawser_http2_resets_total", "by", "client", kHttp2Rst},
    {kHttp2ResetsSent, kCounter, "hawser_http2_resets_total", "by", "proxy", kHttp2Rst},
    {kHttp2Goaways, kCounter, "hawser_http2_goaways_total", "", "",
     "GOAWAY frames sent to clients, graceful shutdown notices not counted."},
    {kHttp2Resets, kCounter, "hawser_http2_abuse_total", "kind", "resets", kHttp2Abuse},
    {kHttp2ProvokedResets, kCounter, "hawser_http2_abuse_total", "kind", "provoked_resets", kHttp2Abuse},
    {kHttp2Settings, kCounter, "hawser_http2_abuse_total", "kind", "settings", kHttp2Abuse},
    {kHttp2Pings, kCounter, "hawser_http2_abuse_total", "kind", "pings", kHttp2Abuse},
    {kHttp2Priorities, kCounter, "hawser_http2_abuse_total", "kind", "priorities", kHttp2Abuse},
    {kHttp2EmptyData, kCounter, "hawser_http2_abuse_total", "kind", "empty_data", kHttp2Abuse},
    {kHttp2WindowUpdates, kCounter, "hawser_http2_abuse_total", "kind", "window_updates", kHttp2Abuse},
    {kHttp2Continuations, kCounter, "hawser_http2_abuse_total", "kind", "continuations", kHttp2Abuse},
    {kHttp2HeaderBombs, kCounter, "hawser_http2_abuse_total", "kind", "header_bomb", kHttp2Abuse},
    {kHttp2WindowStalls, kCounter, "hawser_http2_abuse_total", "kind", "window_stall", kHttp2Abuse},
    {kBackendConnects, kCounter, "hawser_backend_connects_total", "", "",
     "Connections to backends that were begun."},
    {kBackendReuses, kCounter, "hawser_backend_reuses_total", "", "",
     "Requests sent on a backend connection that had carried another request before."},
    {kBackendConnectFailures, kCounter, "hawser_backend_connect_failures_total", "", "",
     "Connections to backends that failed."},
    {kBackendConnectTimeouts, kCounter, "hawser_backend_connect_timeouts_total", "", "",
     "Connections to backends that were not made within clusters[].connect_timeout."},
    {kBackendConnectRetries, kCounter, "hawser_backend_connect_retries_total", "", "",
     "Requests tried again after a failed try, at another endpoint or on another connection."},
    {kBackendRetriesOverBudget, kCounter, "hawser_backend_retries_over_budget_total", "", "",
     "Failed tries that were not followed by another because as many further tries were under way to the "
     "cluster as retry.budget_percent and retry.budget_least allow."},
    {kAdmissionWaits, kCounter, "hawser_admission_waits_total", "", "",
     "WebSocket handshakes that had to wait for a token of clusters[].admission; each time that one chose "
     "its endpoint anew counts."},
    {kAdmissionWaiting, kGauge, "hawser_admission_waiting", "", "",
     "WebSocket handshakes that wait for a token of clusters[].admission now."},
    {kBackendNoLocalPort, kCounter, "hawser_backend_connects_not_begun_total", "reason", "no_local_port",
     kNotBegun},
    {kBackendNoResources, kCounter, "hawser_backend_connects_not_begun_total", "reason", "no_resources",
     kNotBegun},
    {kAffinityNone, kCounter, "hawser_affinity_total", "result", "none", kAffinity},
    {kAffinitySet, kCounter, "hawser_affinity_total", "result", "set", kAffinity},
    {kAffinityHit, kCounter, "hawser_affinity_total", "result", "hit", kAffinity},
    {kAffinityForged, kCounter, "hawser_affinity_total", "result", "forged", kAffinity},
    {kAffinityExpired, kCounter, "hawser_affinity_total", "result", "expired", kAffinity},
    {kAffinityGone, kCounter, "hawser_affinity_total", "result", "gone", kAffinity},
    {kAffinityUnknown, kCounter, "hawser_affinity_total", "result", "unknown", kAffinity},
    {kTunnelsOpen, kGauge, "hawser_tunnels_open", "", "", "WebSocket tunnels open now."},
    {kDrainingForShutdown, kGauge, "hawser_draining_tunnels", "cause", "shutdown", kDraining},
    {kDrainingForReload, kGauge, "hawser_draining_tunnels", "cause", "reload", kDraining},
    {kDrainingForEndpoint, kGauge, "hawser_draining_tunnels", "cause", "endpoint", kDraining},
    {kDrainingForUnhealthy, kGauge, "hawser_draining_tunnels", "cause", "unhealthy", kDraining},
    {kDrainingForAdmin, kGauge, "hawser_draining_tunnels", "cause", "admin", kDraining},
    {kDrainingForRebalance, kGauge, "hawser_draining_tunnels", "cause", "rebalance", kDraining},
    {kDrainingForHandOver, kGauge, "hawser_draining_tunnels", "cause", "hand_over", kDraining},
    {kTunnels, kCounter, "hawser_tunnels_total", "", "", "WebSocket tunnels opened."},
    {kMessagesToBackend, kCounter, "hawser_messages_total", "direction", "client_to_backend", kMessages},
    {kMessagesToClient, kCounter, "hawser_messages_total", "direction", "backend_to_client", kMessages},
    {kBytesToBackend, kCounter, "hawser_tunnel_bytes_total", "direction", "client_to_backend", kBytes},
    {kBytesToClient, kCounter, "hawser_tunnel_bytes_total", "direction", "backend_to_client", kBytes},
    {kPingsToClient, kCounter, "hawser_pings_sent_total", "peer", "client", kPings},
    {kPingsToBackend, kCounter, "hawser_pings_sent_total", "peer", "backend", kPings},
    {kPongsFromClient, kCounter, "hawser_pongs_received_total", "peer", "client", kPongs},
    {kPongsFromBackend, kCounter, "hawser_pongs_received_total", "peer", "backend", kPongs},
    {kPausesOfClient, kCounter, "hawser_backpressure_pauses_total", "peer", "client", kPauses},
    {kPausesOfBackend, kCounter, "hawser_backpressure_pauses_total", "peer", "backend", kPauses},
    {kSplicedBytes, kCounter, "hawser_spliced_bytes_total", "", "",
     "Bytes of large frames that the kernel moved from socket to socket (splice)."},
    {kDeflateInflatersInUse, kGauge, "hawser_deflate_contexts_in_use", "kind", "inflate", kContexts},
    {kDeflateDeflatersInUse, kGauge, "hawser_deflate_contexts_in_use", "kind", "deflate", kContexts},
    {kDeflateInflatersRefused, kCounter, "hawser_deflate_contexts_refused_total", "kind", "inflate",
     kContextsRefused},
    {kDeflateDeflatersRefused, kCounter, "hawser_deflate_contexts_refused_total", "kind", "deflate",
     kContextsRefused},
    {kDeflateCompressedToBackend, kCounter, "hawser_deflate_compressed_bytes_total", "direction",
     "client_to_backend", kCompressedBytes},
    {kDeflateCompressedToClient, kCounter, "hawser_deflate_compressed_bytes_total", "direction",
     "backend_to_client", kCompressedBytes},
    {kDeflatePlainToBackend, kCounter, "hawser_deflate_plain_bytes_total", "direction", "client_to_backend",
     kPlainBytes},
    {kDeflatePlainToClient, kCounter, "hawser_deflate_plain_bytes_total", "direction", "backend_to_client",
     kPlainBytes},
    {kSlowdownsOfClient, kCounter, "hawser_rate_pauses_total", "peer", "client", kSlowdowns},
    {kSlowdownsOfBackend, kCounter, "hawser_rate_pauses_total", "peer", "backend", kSlowdowns},
    {kCloseTimeoutsOfClient, kCounter, "hawser_close_timeouts_total", "peer", "client", kCloseTimeouts},
    {kCloseTimeoutsOfBackend, kCounter, "hawser_close_timeouts_total", "peer", "backend", kCloseTimeouts},
    {kBackendFinTimeouts, kCounter, "hawser_backend_fin_timeouts_total", "", "",
     "Backends that did not end their connection within websocket.backend_fin_timeout after the last close "
     "frame."},
    {kViolationsByClient, kCounter, "hawser_violations_total", "peer", "client", kViolations},
    {kViolationsByBackend, kCounter, "hawser_violations_total", "peer", "backend", kViolations},
    {kTurnBudgetHits, kCounter, "hawser_turn_budget_hits_total", "", "",
     "Times that a connection or a tunnel had spent its share of a turn of its worker's loop. What it still "
     "had "
     "to do came behind the others."},
});

constexpr double kRttBounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
constexpr double kHandshakeBounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                       0.25,  0.5,    1,     2.5,  5,     10};
constexpr double kDurationBounds[] = {1,    5,    15,       60,        300,       900,
                                      1800, 3600, 4 * 3600, 12 * 3600, 24 * 3600, 7 * 24 * 3600};

constexpr auto kTurnBounds = [] {
  std::array<double, event::TurnCounts::kBounds.size()> bounds{};
  for (size_t i = 0; i < bounds.size(); ++i) bounds[i] = event::TurnCounts::kBounds[i] / 1e6;
  return bounds;
}();

constexpr std::string_view kRtt =
    "Time from a keepalive ping of hawser to its pong, by the peer that was pinged.";

constexpr auto kHistograms = std::to_array<HistogramSpec>({
    {Histogram::kRttClient, "hawser_ping_rtt_seconds", "peer", "client", kRtt, kRttBounds},
    {Histogram::kRttBackend, "hawser_ping_rtt_seconds", "peer", "backend", kRtt, kRttBounds},
    {Histogram::kTunnelDuration, "hawser_tunnel_duration_seconds", "", "",
     "Time from the opening of a tunnel to its end.", kDurationBounds},
    {Histogram::kHandshake, "hawser_handshake_seconds", "", "",
     "Time from a WebSocket handshake's head to the answer that opens the tunnel.", kHandshakeBounds},
    {Histogram::kAdmissionWait, "hawser_admission_wait_seconds", "", "",
     "Time that a WebSocket handshake waited for a token of clusters[].admission, admitted or not.",
     kHandshakeBounds},
    {Histogram::kLoopTurn, "hawser_loop_turn_seconds", "", "",
     "Time that a turn of a worker's loop took, without its wait. What is ready meanwhile waits as long.",
     kTurnBounds},
});

// A missing or misplaced row does not compile.
constexpr bool Complete() {
  if (std::size(kMetrics) != static_cast<size_t>(Metric::kCount)) return false;
  if (std::size(kHistograms) != static_cast<size_t>(Histogram::kCount)) return false;
  for (size_t i = 0; i < std::size(kMetrics); ++i) {
    if (static_cast<size_t>(kMetrics[i].metric) != i) return false;
  }
  for (size_t i = 0; i < std::size(kHistograms); ++i) {
    if (static_cast<size_t>(kHistograms[i].histogram) != i || kHistograms[i].bounds.size() > kMaxBounds)
      return false;
  }
  return true;
}
static_assert(Complete());

// What CloseCodeIndex gives for the codes that stand in kCloseCodeLabels by range.
constexpr uint16_t kFirstCode = 1000;
constexpr uint16_t kLastCode = 1015;
constexpr size_t kReserved = kLastCode - kFirstCode + 1;
constexpr size_t kLibrary = kReserved + 1;  // RFC 6455 §7.4.2
constexpr size_t kPrivate = kReserved + 2;
constexpr size_t kInvalid = kReserved + 3;
static_assert(kInvalid + 1 == kCloseCodes);
constexpr std::array<std::string_view, kCloseCodes> kCloseCodeLabels = {
    "1000", "1001", "1002", "1003", "1004", "1005", "1006",     "1007", "1008", "1009",
    "1010", "1011", "1012", "1013", "1014", "1015", "reserved", "3xxx", "4xxx", "invalid"};

}  // namespace

std::span<const MetricSpec> MetricTable() {
  return kMetrics;
}
std::span<const HistogramSpec> HistogramTable() {
  return kHistograms;
}

size_t CloseCodeIndex(uint16_t code) {
  if (code < kFirstCode || code >= 5000) return kInvalid;
  if (code <= kLastCode) return code - kFirstCode;
  if (code < 3000) return kReserved;
  return code < 4000 ? kLibrary : kPrivate;
}

std::string_view CloseCodeLabel(size_t index) {
  return kCloseCodeLabels[index];
}

}  // namespace hawser::stats
