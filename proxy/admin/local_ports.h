// The gauge of local ports that are left towards each endpoint. Main thread.
#pragma once

#include <span>
#include <vector>

#include "proxy/admin/cluster_rows.h"
#include "proxy/stats/prometheus.h"

namespace hawser::admin {

std::span<const stats::FamilySpec> LocalPortFamilies();

// Of the members of the clusters that the configuration has. None where the kernel does not tell its range.
void AddLocalPortSamples(const server::Server& server, const std::vector<ClusterRow>& clusters,
                         std::vector<stats::ExtraSample>& samples);

}  // namespace hawser::admin
