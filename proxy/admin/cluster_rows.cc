#include "proxy/admin/cluster_rows.h"

#include <utility>

#include "absl/container/flat_hash_map.h"
#include "proxy/cluster/health.h"
#include "proxy/cluster/slow_start.h"
#include "proxy/cluster/usable_view.h"

namespace hawser::admin {
namespace {

using cluster::Endpoint;

// Policies that place by hash have fixed weights.
cluster::SlowStart SlowStartOf(const cluster::Membership& membership) {
  const auto& settings = membership.cluster()->settings().slow_start;
  if (!settings || membership.table()->places_by_hash()) return {};
  return cluster::SlowStart::Of(*settings);
}

// By the rules that the workers follow.
std::vector<PriorityRow> PrioritiesOf(const cluster::Membership& membership, base::TimePoint now) {
  std::vector<PriorityRow> rows;
  std::vector<cluster::PriorityHealth> healths;
  for (const cluster::MemberLevel& level : membership.table()->levels()) {
    if (level.members().empty()) continue;
    healths.push_back(cluster::UsableView(level, std::nullopt, now).health());
    rows.push_back({.priority = level.members().front().priority, .health = healths.back(), .share = {}});
  }
  const uint32_t panic_threshold = membership.cluster()->settings().panic_threshold;
  const std::vector<cluster::PriorityShare> shares = cluster::SharesOf(healths, panic_threshold);
  for (size_t i = 0; i < rows.size(); ++i) rows[i].share = shares[i];
  return rows;
}

ClusterRow RowOf(const server::Server& server, std::shared_ptr<const cluster::Membership> membership,
                 base::TimePoint now) {
  const uint32_t id = membership->cluster()->id();
  const cluster::SlowStart slow_start = SlowStartOf(*membership);
  ClusterRow row{.name = membership->cluster()->name(),
                 .membership = membership,
                 .priorities = PrioritiesOf(*membership, now),
                 .endpoints = {},
                 .rebalanced = server.rebalancer().closed(id)};
  for (const cluster::Member& member : membership->members()) {
    const double part = 1.0 * slow_start.PartOf(*member.endpoint, now) / cluster::SlowStart::kFull;
    row.endpoints.push_back({.endpoint = member.endpoint,
                             .weight = member.weight,
                             .weight_in_force = member.endpoint->usable() ? member.weight * part : 0,
                             .priority = member.priority,
                             .checks = server.health_checks().StatusOf(id, *member.endpoint)});
  }
  return row;
}

}  // namespace

const cluster::Load* ClusterRow::load() const {
  if (membership != nullptr) return &membership->health()->load();
  return endpoints.empty() ? nullptr : &endpoints.front().endpoint->load();
}

uint64_t ClusterRow::waiting() const {
  uint64_t waiting = 0;
  for (const EndpointRow& row : endpoints) waiting += row.endpoint->admission().pending();
  return waiting;
}

std::vector<ClusterRow> ClusterRows(const server::Server& server) {
  const base::TimePoint now = base::SteadyNow();
  std::vector<ClusterRow> rows;
  absl::flat_hash_map<std::string, size_t> places;
  for (const auto& membership : server.clusters()) {
    places.emplace(membership->cluster()->name(), rows.size());
    rows.push_back(RowOf(server, membership, now));
  }
  for (const cluster::Departure& departure : server.departures().departures()) {
    const std::string& name = departure.endpoint->cluster();
    const auto [place, is_new] = places.try_emplace(name, rows.size());
    if (is_new) rows.push_back({.name = name});
    rows[place->second].endpoints.push_back({.endpoint = departure.endpoint});
  }
  return rows;
}

bool IsLeftOut(const Endpoint& endpoint) {
  constexpr uint32_t kOut =
      Endpoint::kEjected | Endpoint::kProbeDue | Endpoint::kProbing | Endpoint::kCheckFailed;
  return (endpoint.state() & kOut) != 0;
}

}  // namespace hawser::admin
