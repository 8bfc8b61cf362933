// The leases of a client's connection: its place among the connections of the listener and of its address,
// and its place in the worker's counters. When a tunnel takes over the connection, it takes the leases too.
#pragma once

#include <algorithm>
#include <utility>

#include "proxy/edge/connection_cap.h"
#include "proxy/edge/ip_table.h"
#include "proxy/edge/room.h"
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

// A deadline of a connection that has asked for nothing yet, or that is idle: `full`, or less where the
// process's descriptors or the listener's connections are short. `reserve` as in edge/room.h.
inline base::Duration ShrunkDeadline(base::Duration full, const EdgeLeases& leases, double reserve) {
  const base::Duration least = edge::Shrunk(full, edge::DescriptorRoom(reserve));
  const edge::ConnectionCap* const cap = leases.cap.cap();
  return cap == nullptr ? least : std::min(least, edge::Shrunk(full, edge::RoomOf(*cap, reserve)));
}

}  // namespace hawser::session
