#include "proxy/server/fair_shares.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "config/units.h"
#include "proxy/base/check.h"
#include "proxy/cluster/health.h"
#include "proxy/cluster/priority_shares.h"
#include "proxy/cluster/slow_start.h"
#include "spdlog/spdlog.h"

namespace hawser::server {

using cluster::Endpoint;

// What an endpoint has, and what it should have.
struct FairShares::Share {
  std::shared_ptr<Endpoint> endpoint;
  size_t level;    // its place in the membership's
  double weight;   // in force, to scale
  double tunnels;  // without those that are being closed
  double fair = 0;

  double excess() const { return tunnels - fair; }
};

struct FairShares::Shedding {
  std::shared_ptr<Endpoint> endpoint;
  std::vector<std::shared_ptr<session::DrainTally>> tallies;  // one a worker
  base::TimePoint last_above;
  double allowance;     // tunnels that may be closed now
  uint64_t orders = 0;  // that each worker has got
  bool active = true;   // false: only closes are still under way

  template <typename Count>
  uint64_t Sum(Count count) const {
    uint64_t sum = 0;
    for (const auto& tally : tallies) sum += ((*tally).*count).Get();
    return sum;
  }
  uint64_t closed() const { return Sum(&session::DrainTally::ended); }
  uint64_t left() const { return Sum(&session::DrainTally::left); }
  // Every worker has looked for the tunnels that it was to close.
  bool answered() const {
    return std::all_of(tallies.begin(), tallies.end(),
                       [this](const auto& tally) { return tally->walks.Get() == orders; });
  }
};

namespace {

// For how long an endpoint sheds on at its fair share. Those whom it closed last are on their way back
// meanwhile, with their cookies.
constexpr base::Duration kSettling{5'000};

// What rounding may take from a whole tunnel.
constexpr double kRounding = 1e-6;

// For how long an endpoint whose ejection is over waits for a request that tries it. Where requests come, one
// is there long before.
constexpr base::Duration kProbeWait{2'000};

bool LeavesWithTunnels(const cluster::Membership& membership,
                       std::span<const cluster::Departure> departures) {
  return std::any_of(departures.begin(), departures.end(), [&](const cluster::Departure& departure) {
    return departure.endpoint->cluster() == membership.cluster()->name() && departure.endpoint->tunnels() > 0;
  });
}

// The levels that get what comes: as many as it takes in their order. What is behind them is spare.
size_t LevelsInUse(std::span<const uint32_t> percents) {
  size_t levels = 0;
  for (uint32_t sum = 0; levels < percents.size() && sum < 100; ++levels) sum += percents[levels];
  return levels;
}

}  // namespace

FairShares::FairShares(size_t workers) : workers_(workers) {}

FairShares::~FairShares() {
  Stop("the cluster has gone");
}

std::vector<FairShares::Order> FairShares::Step(const cluster::Membership& membership,
                                                std::span<const cluster::Departure> departures,
                                                absl::FunctionRef<bool(const Endpoint&)> unchecked,
                                                base::TimePoint now, cluster::WallTime wall) {
  ForgetEnded();
  const config::Cluster& cluster = membership.cluster()->settings();
  const auto& settings = cluster.rebalance;
  std::vector<Order> orders;
  if (!settings) {
    Stop("it is configured no longer");
    return orders;
  }
  for (const cluster::Member& member : membership.members())
    membership.health()->EndEjection(*member.endpoint, now);
  std::vector<Share> shares = TakePart(membership, unchecked, now);
  const std::vector<uint32_t> percents = PercentsOf(shares, membership);
  std::optional<size_t> most = MostNow(shares, percents, now);
  if (!most || LeavesWithTunnels(membership, departures)) {
    Stop("an endpoint is out or leaves");
    return orders;
  }
  SetFair(shares, percents);
  for (const Share& share : shares) {
    const bool above = share.tunnels > share.fair * (1 + settings->above / 100.0) + kRounding;
    const bool whole = share.excess() >= 1 - kRounding;
    Shedding* shedding = Find(*share.endpoint);
    const bool sheds = shedding != nullptr && shedding->active;
    if (whole && !sheds && above) shedding = &Begin(share, *settings, now, wall);
    if (whole && (sheds || above)) *most -= Give(*shedding, share, *settings, *most, now, orders);
    if (!whole && sheds && now - shedding->last_above >= kSettling) End(*shedding, "it is at its fair share");
  }
  for (const auto& shedding : sheddings_) {
    const bool takes_part = std::any_of(shares.begin(), shares.end(), [&](const Share& share) {
      return share.endpoint == shedding->endpoint;
    });
    if (!takes_part) End(*shedding, "it takes no part any more");
  }
  return orders;
}

std::vector<FairShares::Share> FairShares::TakePart(const cluster::Membership& membership,
                                                    absl::FunctionRef<bool(const Endpoint&)> unchecked,
                                                    base::TimePoint now) const {
  const config::Cluster& settings = membership.cluster()->settings();
  const auto slow_start =
      cluster::SlowStart::Of(settings.slow_start.value_or(config::SlowStart{.window = {}}));
  const auto levels = membership.table()->levels();
  std::vector<Share> shares;
  for (size_t level = 0; level < levels.size(); ++level) {
    for (const cluster::Member& member : levels[level].members()) {
      if (member.weight == 0 || unchecked(*member.endpoint)) continue;
      shares.push_back({.endpoint = member.endpoint,
                        .level = level,
                        .weight = 1.0 * member.weight * slow_start.PartOf(*member.endpoint, now),
                        .tunnels = TunnelsThatStay(*member.endpoint)});
    }
  }
  return shares;
}

// Of each level: what it gets of what comes.
std::vector<uint32_t> FairShares::PercentsOf(std::span<const Share> shares,
                                             const cluster::Membership& membership) {
  std::vector<cluster::PriorityHealth> healths(membership.table()->levels().size());
  for (const Share& share : shares) {
    ++healths[share.level].all;
    healths[share.level].sound += share.endpoint->sound();
  }
  std::vector<uint32_t> percents;
  const uint32_t panic_threshold = membership.cluster()->settings().panic_threshold;
  for (const cluster::PriorityShare& level : cluster::SharesOf(healths, panic_threshold))
    percents.push_back(level.percent);
  return percents;
}

// How many tunnels may be closed now, beside the rate; nothing while an endpoint that matters is out, or may
// soon be.
std::optional<size_t> FairShares::MostNow(std::span<const Share> shares, std::span<const uint32_t> percents,
                                          base::TimePoint now) {
  size_t most = std::numeric_limits<size_t>::max();
  const size_t in_use = LevelsInUse(percents);
  for (const Share& share : shares) {
    if (share.level >= in_use) continue;
    const Endpoint& endpoint = *share.endpoint;
    if (!endpoint.sound()) return std::nullopt;
    if (!endpoint.probe_due(cluster::Work::kHandshake)) continue;
    if (now < endpoint.out_until() + kProbeWait) return std::nullopt;
    most = 1;
  }
  return most;
}

// All endpoints of the levels that get something are sound here: nobody sheds otherwise.
void FairShares::SetFair(std::span<Share> shares, std::span<const uint32_t> percents) {
  std::vector<double> weights(percents.size());
  double total = 0;
  for (const Share& share : shares) {
    weights[share.level] += share.weight;
    total += static_cast<double>(share.endpoint->tunnels());
  }
  const bool somebody_sheds = std::any_of(sheddings_.begin(), sheddings_.end(),
                                          [](const auto& shedding) { return shedding->active; });
  highest_total_ = somebody_sheds ? std::max(highest_total_, total) : total;
  for (Share& share : shares)
    share.fair = highest_total_ * percents[share.level] / 100 * share.weight / weights[share.level];
}

double FairShares::TunnelsThatStay(const Endpoint& endpoint) const {
  const Shedding* shedding = Find(endpoint);
  const int64_t closing = shedding == nullptr ? 0 : static_cast<int64_t>(shedding->left());
  return static_cast<double>(std::max<int64_t>(endpoint.tunnels() - closing, 0));
}

FairShares::Shedding* FairShares::Find(const Endpoint& endpoint) const {
  const auto found = std::find_if(sheddings_.begin(), sheddings_.end(), [&](const auto& shedding) {
    return shedding->endpoint.get() == &endpoint;
  });
  return found == sheddings_.end() ? nullptr : found->get();
}

// The tally of an endpoint that sheds again goes on: closes of the last time may still be under way.
FairShares::Shedding& FairShares::Begin(const Share& share, const config::Rebalance& settings,
                                        base::TimePoint now, cluster::WallTime wall) {
  Shedding* shedding = Find(*share.endpoint);
  if (shedding == nullptr) {
    shedding = sheddings_.emplace_back(std::make_unique<Shedding>()).get();
    shedding->endpoint = share.endpoint;
    for (size_t i = 0; i < workers_; ++i)
      shedding->tallies.push_back(std::make_shared<session::DrainTally>());
  }
  shedding->active = true;
  shedding->last_above = now;
  shedding->allowance = settings.rate.per_second;
  share.endpoint->set_shedding_since(wall.time_since_epoch().count());
  spdlog::info(
      "cluster {}: {}: rebalancing begins: it has {:.0f} tunnels, and its fair share is {:.1f}; "
      "up to {} are closed with {}",
      share.endpoint->cluster(), share.endpoint->NameAndHost(), share.tunnels, share.fair,
      config::FormatRate(settings.rate), settings.code.code);
  return *shedding;
}

void FairShares::End(Shedding& shedding, std::string_view why) {
  if (!std::exchange(shedding.active, false)) return;
  shedding.endpoint->set_shedding_since(0);
  spdlog::info("cluster {}: {}: rebalancing ends: {}; tunnels closed: {}", shedding.endpoint->cluster(),
               shedding.endpoint->NameAndHost(), why, shedding.closed());
}

// A worker that has not looked yet may close what nobody counts so far.
size_t FairShares::Give(Shedding& shedding, const Share& share, const config::Rebalance& settings,
                        size_t most, base::TimePoint now, std::vector<Order>& orders) {
  const double rate = settings.rate.per_second;
  const std::chrono::duration<double> elapsed = now - std::exchange(shedding.last_above, now);
  shedding.allowance = std::min(shedding.allowance + elapsed.count() * rate, std::max(rate, 1.0));
  if (!shedding.answered()) return 0;
  const double allowed = std::floor(std::min(shedding.allowance, share.excess()) + kRounding);
  const size_t tunnels = std::min(static_cast<size_t>(allowed), most);
  shedding.allowance -= static_cast<double>(tunnels);
  const std::vector<size_t> split = Split(shedding, tunnels);
  for (size_t worker = 0; worker < workers_; ++worker) {
    orders.push_back({.worker = worker,
                      .endpoint = shedding.endpoint,
                      .most = split[worker],
                      .code = settings.code.code,
                      .tally = shedding.tallies[worker]});
  }
  ++shedding.orders;
  return tunnels;
}

// Over the workers, in proportion to the tunnels that they have found there; evenly where none has yet.
std::vector<size_t> FairShares::Split(const Shedding& shedding, size_t tunnels) {
  std::vector<uint64_t> found;
  for (const auto& tally : shedding.tallies) found.push_back(tally->found.Get());
  if (std::all_of(found.begin(), found.end(), [](uint64_t of_worker) { return of_worker == 0; }))
    std::fill(found.begin(), found.end(), 1);
  uint64_t all = 0;
  for (const uint64_t of_worker : found) all += of_worker;
  std::vector<size_t> split(workers_);
  uint64_t seen = 0;
  uint64_t given = 0;
  for (size_t i = 0; i < workers_; ++i) {
    const size_t worker = (first_worker_ + i) % workers_;
    seen += found[worker];
    const uint64_t until_here = tunnels * seen / all;
    split[worker] = until_here - std::exchange(given, until_here);
  }
  HAWSER_DCHECK(given == tunnels);
  first_worker_ = (first_worker_ + 1) % workers_;
  return split;
}

void FairShares::Stop(std::string_view why) {
  for (const auto& shedding : sheddings_) End(*shedding, why);
}

void FairShares::ForgetEnded() {
  std::erase_if(sheddings_, [this](const auto& shedding) {
    const bool over = !shedding->active && shedding->answered() && shedding->left() == 0;
    if (over) forgotten_ += shedding->closed();
    return over;
  });
}

uint64_t FairShares::closed() const {
  uint64_t closed = forgotten_;
  for (const auto& shedding : sheddings_) closed += shedding->closed();
  return closed;
}

}  // namespace hawser::server
