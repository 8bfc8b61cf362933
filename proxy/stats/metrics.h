// Every number that a worker counts, in one table: name, type, label and help. To add one: an enumerator
// here, its row in metrics.cc, and docs/metrics.md written anew. Rows with the same name are one family and
// differ by their label. Refusals and the ends of tunnels are counted beside the table, by their own enums.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "proxy/http/reject.h"

namespace hawser::stats {

enum class Metric : uint8_t {
  // The edge. Its limits' refusals are counted with all refusals.
  kConnectionsAccepted,
  kConnectionsOpen,
  kConnectionsClosed,
  kEvictedNoRequestBadStanding,
  kEvictedNoRequest,
  kEvictedIdle,
  kEvictedBody,
  kAcceptNoDescriptor,  // EMFILE, ENFILE
  kAcceptOther,
  kTlsHandshakesOk,
  kTlsHandshakesFailed,
  kTlsHandshakesResumed,  // of those that were ok
  kTlsHandshakesOpen,
  kTlsHandshakesParked,
  kTlsHandshakesShedGood,  // by the standing of the client's prefix
  kTlsHandshakesShedBad,
  // Requests.
  kRequests,
  kHeadersWithUnderscore,
  kResponses1xx,  // mostly 101
  kResponses2xx,
  kResponses3xx,
  kResponses4xx,
  kResponses5xx,
  kUpgradesOk,
  kUpgradesRefused,
  kAnswerTimeouts,
  // HTTP/2 of clients.
  kHttp2Connections,
  kHttp2ConnectionsOpen,
  kHttp2Streams,
  kHttp2StreamsRefused,
  kHttp2ResetsReceived,
  kHttp2ResetsSent,
  kHttp2Goaways,
  kHttp2Resets,  // this one and the next nine in the order of http2::Abuse
  kHttp2ProvokedResets,
  kHttp2Settings,
  kHttp2Pings,
  kHttp2Priorities,
  kHttp2EmptyData,
  kHttp2WindowUpdates,
  kHttp2Continuations,
  kHttp2HeaderBombs,
  kHttp2WindowStalls,
  // Backends.
  kBackendConnects,
  kBackendReuses,
  kBackendConnectFailures,
  kBackendConnectTimeouts,
  kBackendConnectRetries,
  kBackendRetriesOverBudget,
  kAdmissionWaits,
  kAdmissionWaiting,
  kBackendNoLocalPort,
  kBackendNoResources,
  kAffinityNone,  // this one and the next six in the order of cluster::AffinityResult
  kAffinitySet,
  kAffinityHit,
  kAffinityForged,
  kAffinityExpired,
  kAffinityGone,
  kAffinityUnknown,
  // Tunnels.
  kTunnelsOpen,
  kDrainingForShutdown,  // this one and the next six in the order of session::DrainCause
  kDrainingForReload,
  kDrainingForEndpoint,
  kDrainingForUnhealthy,
  kDrainingForAdmin,
  kDrainingForRebalance,
  kDrainingForHandOver,
  kTunnels,
  kMessagesToBackend,
  kMessagesToClient,
  kBytesToBackend,
  kBytesToClient,
  kPingsToClient,
  kPingsToBackend,
  kPongsFromClient,
  kPongsFromBackend,
  kPausesOfClient,  // reading stopped because the other side is slow
  kPausesOfBackend,
  kSplicedBytes,  // of kBytesToClient and kBytesToBackend
  // Compression that hawser does for backends.
  kDeflateInflatersInUse,
  kDeflateDeflatersInUse,
  kDeflateInflatersRefused,
  kDeflateDeflatersRefused,
  kDeflateCompressedToBackend,
  kDeflateCompressedToClient,
  kDeflatePlainToBackend,
  kDeflatePlainToClient,
  kSlowdownsOfClient,  // reading stopped because a rate is spent
  kSlowdownsOfBackend,
  kCloseTimeoutsOfClient,  // it did not answer a close frame
  kCloseTimeoutsOfBackend,
  kBackendFinTimeouts,
  kViolationsByClient,
  kViolationsByBackend,
  kTurnBudgetHits,  // counted by the loop
  kCount,
};

enum class MetricType : uint8_t {
  kCounter,
  kGauge,  // summed over the workers
};

struct MetricSpec {
  Metric metric;
  MetricType type;
  std::string_view name;
  std::string_view label;  // name of the label that tells the family's rows apart; empty: the only row
  std::string_view value;  // of that label
  std::string_view help;
};

// Total: one row for every enumerator but kCount, in their order; a family's rows stand together.
std::span<const MetricSpec> MetricTable();

enum class Histogram : uint8_t {
  kRttClient,
  kRttBackend,
  kTunnelDuration,
  kHandshake,
  kAdmissionWait,
  kLoopTurn,
  kCount
};

struct HistogramSpec {
  Histogram histogram;
  std::string_view name;
  std::string_view label;
  std::string_view value;
  std::string_view help;
  // Upper bounds of the buckets, seconds, ascending. One more bucket takes the rest.
  std::span<const double> bounds;
};

// The most bounds that a histogram has.
constexpr size_t kMaxBounds = 16;

// As MetricTable.
std::span<const HistogramSpec> HistogramTable();

// A family of samples that has no rows in the tables above: its label values come from elsewhere.
struct FamilySpec {
  std::string_view name;
  MetricType type;
  std::string_view help;
  std::span<const std::string_view> labels = {};  // their names
};

// Of every http::Reject but kNone.
inline constexpr std::string_view kRejectsLabels[] = {"reason"};
inline constexpr FamilySpec kRejectsFamily = {
    "hawser_rejects_total", MetricType::kCounter,
    "Requests refused and tunnels ended by hawser, and peers that were lost, by reason.", kRejectsLabels};

// Of every ClosedBy and close code that has happened.
using http::ClosedBy;
inline constexpr std::string_view kClosesLabels[] = {"closed_by", "code"};
inline constexpr FamilySpec kClosesFamily = {"hawser_tunnel_closes_total", MetricType::kCounter,
                                             "Tunnels that ended, by who ended them and the close code.",
                                             kClosesLabels};

// RFC 6455 §7.4 close codes as a label: codes with a meaning by themselves, others by range, so that a peer
// cannot create series.
constexpr size_t kCloseCodes = 20;
size_t CloseCodeIndex(uint16_t code);
std::string_view CloseCodeLabel(size_t index);

}  // namespace hawser::stats
