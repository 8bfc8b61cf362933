#include "proxy/server/fair_shares.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "config/units.h"
#include "proxy/base/check.h"
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

bool IsOut(const Endpoint& endpoint) {
  return (endpoint.state() & ~uint32_t{Endpoint::kDraining}) != 0;
}

bool IsCalm(const cluster::Membership& membership, std::span<const cluster::Departure> departures) {
  for (const cluster::Member& member : membership.members()) {
    if (IsOut(*member.endpoint)) return false;
  }
  return std::none_of(departures.begin(), departures.end(), [&](const cluster::Departure& departure) {
    return departure.endpoint->cluster() == membership.cluster()->name() && departure.endpoint->tunnels() > 0;
  });
}

}  // namespace

FairShares::FairShares(size_t workers) : workers_(workers) {}

FairShares::~FairShares() {
  Stop("the cluster has gone");
}

std::vector<FairShares::Order> FairShares::Step(const cluster::Membership& membership,
                                                std::span<const cluster::Departure> departures,
                                                base::TimePoint now, cluster::WallTime wall) {
  ForgetEnded();
  const auto& settings = membership.cluster()->settings().rebalance;
  std::vector<Order> orders;
  if (!settings || !IsCalm(membership, departures)) {
    Stop(settings ? "an endpoint is out or leaves" : "it is configured no longer");
    return orders;
  }
  const std::vector<Share> shares = SharesOf(membership, now);
  for (const Share& share : shares) {
    const bool above = share.tunnels > share.fair * (1 + settings->above / 100.0) + kRounding;
    const bool whole = share.excess() >= 1 - kRounding;
    Shedding* shedding = Find(*share.endpoint);
    const bool sheds = shedding != nullptr && shedding->active;
    if (whole && !sheds && above) shedding = &Begin(share, *settings, now, wall);
    if (whole && (sheds || above)) Give(*shedding, share, *settings, now, orders);
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

// All endpoints are sound here: nobody sheds otherwise.
std::vector<FairShares::Share> FairShares::SharesOf(const cluster::Membership& membership,
                                                    base::TimePoint now) {
  const config::Cluster& settings = membership.cluster()->settings();
  const auto slow_start =
      cluster::SlowStart::Of(settings.slow_start.value_or(config::SlowStart{.window = {}}));
  const auto levels = membership.table()->levels();
  std::vector<Share> shares;
  std::vector<cluster::PriorityHealth> healths(levels.size());
  std::vector<double> weights(levels.size());
  double total = 0;
  for (size_t level = 0; level < levels.size(); ++level) {
    for (const cluster::Member& member : levels[level].members()) {
      if (member.weight == 0) continue;
      shares.push_back({.endpoint = member.endpoint,
                        .level = level,
                        .weight = 1.0 * member.weight * slow_start.PartOf(*member.endpoint, now),
                        .tunnels = TunnelsThatStay(*member.endpoint)});
      healths[level] = {.sound = healths[level].sound + 1, .all = healths[level].all + 1};
      weights[level] += shares.back().weight;
      total += static_cast<double>(member.endpoint->tunnels());
    }
  }
  const bool somebody_sheds = std::any_of(sheddings_.begin(), sheddings_.end(),
                                          [](const auto& shedding) { return shedding->active; });
  highest_total_ = somebody_sheds ? std::max(highest_total_, total) : total;
  const std::vector<cluster::PriorityShare> of_levels = cluster::SharesOf(healths, settings.panic_threshold);
  for (Share& share : shares) {
    const double of_level = highest_total_ * of_levels[share.level].percent / 100;
    share.fair = of_level * share.weight / weights[share.level];
  }
  return shares;
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
void FairShares::Give(Shedding& shedding, const Share& share, const config::Rebalance& settings,
                      base::TimePoint now, std::vector<Order>& orders) {
  const double rate = settings.rate.per_second;
  const std::chrono::duration<double> elapsed = now - std::exchange(shedding.last_above, now);
  shedding.allowance = std::min(shedding.allowance + elapsed.count() * rate, std::max(rate, 1.0));
  if (!shedding.answered()) return;
  const double tunnels = std::floor(std::min(shedding.allowance, share.excess()) + kRounding);
  shedding.allowance -= tunnels;
  const std::vector<size_t> split = Split(shedding, static_cast<size_t>(tunnels));
  for (size_t worker = 0; worker < workers_; ++worker) {
    orders.push_back({.worker = worker,
                      .endpoint = shedding.endpoint,
                      .most = split[worker],
                      .code = settings.code.code,
                      .tally = shedding.tallies[worker]});
  }
  ++shedding.orders;
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
