// Moves tunnels from endpoints that have too many to those that came or returned empty: each second it asks
// the fair shares of every cluster that has `rebalance`, and sends their orders to the workers. The clients
// connect again, and the cluster's policy picks. Main thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/server/fair_shares.h"
#include "proxy/server/health_checks.h"
#include "proxy/server/memberships.h"

namespace hawser::server {

class Rebalancer final : public event::IoHandler {
 public:
  // `loop`, `memberships` and `checks` must outlive this. `send` brings an order to its worker.
  Rebalancer(event::Loop& loop, const Memberships& memberships, const HealthChecks& checks, size_t workers,
             absl::AnyInvocable<void(const FairShares::Order&)> send);

  // Looks at all clusters: once at the start, and after each change of the configuration. From then on it
  // does so by itself, while a cluster has `rebalance`.
  void Look();
  // For good: the process drains.
  void Stop();

  // Tunnels of a cluster whose close it has begun; nothing where the cluster was never rebalanced.
  std::optional<uint64_t> closed(uint32_t cluster) const;

 private:
  void OnReady(event::Ready ready) override;

  event::Loop& loop_;
  const Memberships& memberships_;
  const HealthChecks& checks_;
  const size_t workers_;
  absl::AnyInvocable<void(const FairShares::Order&)> send_;
  event::Timer timer_;
  absl::flat_hash_map<uint32_t, std::unique_ptr<FairShares>> clusters_;  // by the id of their names
};

}  // namespace hawser::server
