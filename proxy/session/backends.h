// The backends as one worker sees them: the snapshot for new connections, this worker's part of each cluster,
// the worker-local state of the routes' filters, the connections that wait for another request, and the
// handshakes that wait to be admitted. One per worker, outlives its sessions; loop thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "proxy/base/check.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/membership.h"
#include "proxy/cluster/pool.h"
#include "proxy/cluster/stick_table.h"
#include "proxy/cluster/worker_cluster.h"
#include "proxy/session/admission_queue.h"
#include "proxy/session/filter_locals.h"
#include "proxy/session/snapshot.h"

namespace hawser::session {

class Backends {
 public:
  // Draws the balancers' seeds from `random`. `loop`, `buffers`, `stick_table` and `random` must outlive
  // this.
  Backends(event::Loop& loop, net::BufferPool& buffers, stats::WorkerStats& stats,
           cluster::StickTable& stick_table, std::shared_ptr<const Snapshot> snapshot,
           std::mt19937_64& random)
      : snapshot_(std::move(snapshot)),
        random_(random),
        filter_locals_(loop),
        stick_table_(stick_table),
        pool_(loop, buffers),
        admission_(loop, stats) {
    for (const auto& membership : snapshot_->clusters) UpdateCluster(membership);
  }

  const std::shared_ptr<const Snapshot>& snapshot() const { return snapshot_; }
  // From now on `snapshot` counts for new requests. Returns the one before, which the caller frees elsewhere.
  std::shared_ptr<const Snapshot> SetSnapshot(std::shared_ptr<const Snapshot> snapshot) {
    filter_locals_.KeepThoseOf(*snapshot);
    return std::exchange(snapshot_, std::move(snapshot));
  }

  // Null if there is none of that name, or none any more. A request keeps a copy for as long as it uses it.
  std::shared_ptr<cluster::WorkerCluster> Find(const base::Name& cluster) const {
    const auto found = clusters_.find(cluster.id());
    return found == clusters_.end() ? nullptr : found->second;
  }

  // A cluster has come or has changed: how it is configured, or what it consists of. Returns what counted
  // before, which the caller frees elsewhere; null for a new one.
  std::shared_ptr<const cluster::Membership> UpdateCluster(
      std::shared_ptr<const cluster::Membership> membership);
  // A cluster is gone, and no route leads to it any more. Requests under way go on. Returns as UpdateCluster.
  std::shared_ptr<const cluster::Membership> RemoveCluster(uint32_t id);
  // An endpoint has left its cluster for good: its kept connections end.
  void Forget(const cluster::Endpoint& endpoint) {
    pool_.Forget(endpoint);
    admission_.Forget(endpoint);
  }

  FilterLocals& filter_locals() { return filter_locals_; }
  cluster::Pool& pool() { return pool_; }
  AdmissionQueue& admission() { return admission_; }
  cluster::StickTable& stick_table() { return stick_table_; }  // of all workers

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  std::mt19937_64& random_;
  absl::flat_hash_map<uint32_t, std::shared_ptr<cluster::WorkerCluster>> clusters_;
  FilterLocals filter_locals_;
  cluster::StickTable& stick_table_;
  cluster::Pool pool_;
  AdmissionQueue admission_;
};

}  // namespace hawser::session
