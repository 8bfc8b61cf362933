// The counters of all workers, summed on request.
#pragma once

#include <vector>

#include "proxy/stats/worker_stats.h"

namespace hawser::stats {

// Main thread only.
class Registry {
 public:
  // `worker` must outlive the registry.
  void Add(const WorkerStats& worker) { workers_.push_back(&worker); }

  Totals Sum() const;

 private:
  std::vector<const WorkerStats*> workers_;
};

}  // namespace hawser::stats
