// The two peers of a tunnel, and the metrics of each.
#pragma once

#include <cstdint>
#include <string_view>

#include "proxy/stats/metrics.h"

namespace hawser::session {

enum class Peer : uint8_t { kClient = 0, kBackend = 1 };

inline constexpr Peer kPeers[] = {Peer::kClient, Peer::kBackend};

constexpr Peer Other(Peer peer) {
  return peer == Peer::kClient ? Peer::kBackend : Peer::kClient;
}

constexpr std::string_view NameOf(Peer peer) {
  return peer == Peer::kClient ? "client" : "backend";
}

// The metrics of one peer.
struct PeerMetrics {
  stats::Metric bytes;           // received from it
  stats::Metric messages;        // likewise
  stats::Metric pauses;          // it was not read because the other one was slow
  stats::Metric slowdowns;       // it was not read because its rate was spent
  stats::Metric pings;           // sent to it
  stats::Metric pongs;           // of these, answered
  stats::Metric violations;      // it broke a rule
  stats::Metric close_timeouts;  // it did not answer a close frame in time
  stats::Histogram rtt;          // from ping to pong
};

const PeerMetrics& MetricsOf(Peer peer);

}  // namespace hawser::session
