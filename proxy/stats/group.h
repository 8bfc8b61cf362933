// The counters of one named part of the configuration, a listener or a route. Each worker has a cell of its
// own, on a cache line of its own (base::Counter: one writer, any reader). The objects of the part in one
// configuration after the other share the group, and it goes with the last of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/base/check.h"
#include "proxy/base/counter.h"

namespace hawser::stats {

enum class PartCount : uint8_t {
  kConnections,  // of a listener: accepted and admitted
  kRequests,     // of a route, WebSocket handshakes included
  kTunnels,      // of a route, open now
  kCount,
};

class Group {
 public:
  // `workers` count, numbered from 0.
  explicit Group(size_t workers) : cells_(workers) {}
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;

  // On that worker's thread.
  void Add(size_t worker, PartCount count) { At(worker, count).Add(1); }
  void Subtract(size_t worker, PartCount count) { At(worker, count).Subtract(1); }

  // Over all workers. Any thread.
  uint64_t Sum(PartCount count) const {
    uint64_t sum = 0;
    for (const Cell& cell : cells_) sum += cell.counts[static_cast<size_t>(count)].Get();
    return sum;
  }

 private:
  struct alignas(64) Cell {
    std::array<base::Counter, static_cast<size_t>(PartCount::kCount)> counts;
  };

  base::Counter& At(size_t worker, PartCount count) {
    HAWSER_DCHECK(worker < cells_.size());
    return cells_[worker].counts[static_cast<size_t>(count)];
  }

  std::vector<Cell> cells_;
};

}  // namespace hawser::stats
