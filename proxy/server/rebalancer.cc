#include "proxy/server/rebalancer.h"

#include <utility>

namespace hawser::server {
namespace {

constexpr base::Duration kEvery{1000};

}  // namespace

Rebalancer::Rebalancer(event::Loop& loop, const Memberships& memberships, const HealthChecks& checks,
                       size_t workers, absl::AnyInvocable<void(const FairShares::Order&)> send)
    : loop_(loop),
      memberships_(memberships),
      checks_(checks),
      workers_(workers),
      send_(std::move(send)),
      timer_(*this) {}

void Rebalancer::Look() {
  const Clusters& clusters = memberships_.clusters();
  absl::erase_if(clusters_, [&](const auto& entry) { return !clusters.Has(entry.first); });
  bool again = false;
  for (const auto& membership : clusters) {
    const bool wanted = membership->cluster()->settings().rebalance.has_value();
    const uint32_t id = membership->cluster()->id();
    again |= wanted;
    if (!wanted && !clusters_.contains(id)) continue;
    std::unique_ptr<FairShares>& shares = clusters_[id];
    if (shares == nullptr) shares = std::make_unique<FairShares>(workers_);
    const auto departures = memberships_.departures().departures();
    const auto unchecked = [&](const cluster::Endpoint& endpoint) { return checks_.Awaits(id, endpoint); };
    for (const FairShares::Order& order :
         shares->Step(*membership, departures, unchecked, loop_.now(), cluster::WallNow())) {
      send_(order);
    }
  }
  if (again) loop_.Arm(timer_, kEvery);
}

void Rebalancer::Stop() {
  timer_.Cancel();
  for (const auto& [id, shares] : clusters_) shares->Stop("hawser drains");
}

std::optional<uint64_t> Rebalancer::closed(uint32_t cluster) const {
  const auto found = clusters_.find(cluster);
  return found == clusters_.end() ? std::nullopt : std::optional(found->second->closed());
}

void Rebalancer::OnReady(event::Ready) {
  Look();
}

}  // namespace hawser::server
