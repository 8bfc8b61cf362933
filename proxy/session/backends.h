// The backends as one worker sees them: the snapshot for new connections, this worker's balancers for its
// clusters, the worker-local state of the routes' filters, and the connections that wait for another request.
// One per worker, outlives its sessions; loop thread only.
#pragma once

#include <cstddef>
#include <memory>
#include <random>
#include <span>
#include <utility>
#include <vector>

#include "proxy/base/check.h"
#include "proxy/cluster/cluster.h"
#include "proxy/cluster/pool.h"
#include "proxy/cluster/stick_table.h"
#include "proxy/session/snapshot.h"

namespace hawser::session {

class Backends {
 public:
  // Draws the balancers' seeds from `random`. `loop`, `buffers` and `stick_table` must outlive this.
  Backends(event::Loop& loop, net::BufferPool& buffers, cluster::StickTable& stick_table,
           std::shared_ptr<const Snapshot> snapshot, std::mt19937_64& random)
      : snapshot_(std::move(snapshot)), stick_table_(stick_table), pool_(loop, buffers) {
    for (const auto& cluster : snapshot_->clusters) clusters_.emplace_back(*cluster, random());
    for (const filters::Chain& chain : snapshot_->filters) filter_locals_.push_back(chain.MakeLocals(loop));
  }

  const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }
  // By the snapshot's cluster index.
  std::span<cluster::WorkerCluster> clusters() { return clusters_; }
  cluster::WorkerCluster& cluster(size_t index) {
    HAWSER_DCHECK(index < clusters_.size());
    return clusters_[index];
  }
  // What the filters of a route keep on this worker, by Route::index.
  const filters::Locals& filter_locals(size_t route) const {
    HAWSER_DCHECK(route < filter_locals_.size());
    return filter_locals_[route];
  }
  cluster::Pool& pool() { return pool_; }
  cluster::StickTable& stick_table() { return stick_table_; }  // of all workers

 private:
  const std::shared_ptr<const Snapshot> snapshot_;
  std::vector<cluster::WorkerCluster> clusters_;
  std::vector<filters::Locals> filter_locals_;
  cluster::StickTable& stick_table_;
  cluster::Pool pool_;
};

}  // namespace hawser::session
