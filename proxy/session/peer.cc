#include "proxy/session/peer.h"

namespace hawser::session {
namespace {

using stats::Histogram;
using stats::Metric;

constexpr PeerMetrics kMetrics[] = {
    {.bytes = Metric::kBytesToBackend,
     .messages = Metric::kMessagesToBackend,
     .pauses = Metric::kPausesOfClient,
     .slowdowns = Metric::kSlowdownsOfClient,
     .pings = Metric::kPingsToClient,
     .pongs = Metric::kPongsFromClient,
     .violations = Metric::kViolationsByClient,
     .close_timeouts = Metric::kCloseTimeoutsOfClient,
     .rtt = Histogram::kRttClient},
    {.bytes = Metric::kBytesToClient,
     .messages = Metric::kMessagesToClient,
     .pauses = Metric::kPausesOfBackend,
     .slowdowns = Metric::kSlowdownsOfBackend,
     .pings = Metric::kPingsToBackend,
     .pongs = Metric::kPongsFromBackend,
     .violations = Metric::kViolationsByBackend,
     .close_timeouts = Metric::kCloseTimeoutsOfBackend,
     .rtt = Histogram::kRttBackend},
};

}  // namespace

const PeerMetrics& MetricsOf(Peer peer) {
  return kMetrics[static_cast<size_t>(peer)];
}

}  // namespace hawser::session
