// What a client's connection holds for as long as it lives: it counts among the connections of its listener, of its address and
// of its worker. A tunnel that takes the connection over takes these leases too.
#pragma once

#include <utility>

#include "proxy/edge/connection_cap.h"
#include "proxy/edge/ip_table.h"
#include "proxy/stats/worker_stats.h"

namespace hawser::session {

// One open client connection in the counters of its worker.
class ConnectionCount {
 public:
  ConnectionCount() = default;
  explicit ConnectionCount(stats::WorkerStats& stats) : stats_(&stats) {
    stats.Add(stats::Metric::kConnectionsOpen);
  }
  ConnectionCount(ConnectionCount&& other) noexcept : stats_(std::exchange(other.stats_, nullptr)) {}
  ConnectionCount& operator=(ConnectionCount&& other) noexcept {
    std::swap(stats_, other.stats_);
    return *this;
  }
  ~ConnectionCount() {
    if (stats_ == nullptr) return;
    stats_->Subtract(stats::Metric::kConnectionsOpen);
    stats_->Add(stats::Metric::kConnectionsClosed);
  }

 private:
  stats::WorkerStats* stats_ = nullptr;
};

struct EdgeLeases {
  edge::IpTable::Lease ip;
  edge::ConnectionCap::Lease cap;
  ConnectionCount count;
};

}  // namespace hawser::session
