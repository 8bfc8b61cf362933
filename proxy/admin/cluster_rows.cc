#include "proxy/admin/cluster_rows.h"

#include "absl/container/flat_hash_map.h"

namespace hawser::admin {

std::vector<ClusterRow> ClusterRows(const server::Server& server) {
  std::vector<ClusterRow> rows;
  absl::flat_hash_map<std::string, size_t> places;
  for (const auto& membership : server.clusters()) {
    ClusterRow& row = rows.emplace_back();
    row.name = membership->cluster()->name();
    for (const cluster::Member& member : membership->members())
      row.endpoints.push_back({member.endpoint, member.weight});
    places.emplace(row.name, rows.size() - 1);
  }
  for (const cluster::Departure& departure : server.departures().departures()) {
    const std::string& name = departure.endpoint->cluster();
    const auto [place, is_new] = places.try_emplace(name, rows.size());
    if (is_new) rows.push_back({.name = name, .endpoints = {}});
    rows[place->second].endpoints.push_back({.endpoint = departure.endpoint, .weight = 0});
  }
  return rows;
}

}  // namespace hawser::admin
