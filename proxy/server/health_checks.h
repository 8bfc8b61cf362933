// The health checks of all clusters (cluster/health_checker), made on the main thread over its own pool, so
// that they cost the workers nothing. Checked is what gets sessions: the members of each cluster, whatever
// their weight and priority, and the endpoints that have left but are still found by cookies. Main thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "proxy/base/clock.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/health_check.h"
#include "proxy/cluster/health_checker.h"
#include "proxy/cluster/membership.h"
#include "proxy/cluster/pool.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/server/build_snapshot.h"

namespace hawser::server {

class HealthChecks final : public event::IoHandler {
 public:
  // The endpoint's tunnels of now are to end, spread over `window`; none whose turn comes when they are not
  // unwanted any more (Health::TunnelsUnwanted).
  using CloseTunnels =
      absl::AnyInvocable<void(const std::shared_ptr<cluster::Endpoint>& endpoint, base::Duration window)>;

  // `loop` and `pool` outlive it.
  HealthChecks(event::Loop& loop, cluster::Pool& pool, CloseTunnels close_tunnels);
  HealthChecks(const HealthChecks&) = delete;
  HealthChecks& operator=(const HealthChecks&) = delete;

  // The clusters are these from now on.
  void Apply(const Clusters& clusters);
  // A cluster consists of that now.
  void Update(const cluster::Membership& membership);

  // The endpoint is checked, and a check of it has had no result yet. `cluster`: its id.
  bool Awaits(uint32_t cluster, const cluster::Endpoint& endpoint) const {
    return checker_.Awaits(cluster, endpoint);
  }
  std::vector<cluster::CheckStatus> StatusOf(uint32_t cluster, const cluster::Endpoint& endpoint) const {
    return checker_.StatusOf(cluster, endpoint);
  }
  // Since the start.
  uint64_t count(cluster::CheckKind kind, cluster::CheckResult::Kind result) const {
    return counts_[static_cast<size_t>(kind)][static_cast<size_t>(result)];
  }
  uint64_t delayed() const { return checker_.delayed(); }
  size_t under_way() const { return checker_.under_way(); }

  void OnReady(event::Ready ready) override;  // checks are due

 private:
  using CheckId = cluster::HealthChecker::CheckId;
  using Counts = std::array<uint64_t, static_cast<size_t>(cluster::CheckResult::Kind::kCount)>;

  cluster::HealthChecker::Calls CheckerCalls(CloseTunnels close_tunnels);
  void OnResult(CheckId id, cluster::CheckKind kind, const cluster::CheckResult& result);
  // Begins what is due, and sees to it that what follows is begun.
  void Advance();

  event::Loop& loop_;
  cluster::Pool& pool_;
  cluster::HealthChecker checker_;
  absl::flat_hash_map<CheckId, std::unique_ptr<cluster::HealthCheck>> under_way_;
  absl::flat_hash_set<uint32_t> clusters_;  // their ids
  std::array<Counts, static_cast<size_t>(cluster::CheckKind::kCount)> counts_{};
  event::Timer timer_;
};

}  // namespace hawser::server
