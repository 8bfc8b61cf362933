// The numbers of clusters and their endpoints on the metrics page. Main thread.
#pragma once

#include <span>
#include <vector>

#include "proxy/admin/cluster_rows.h"
#include "proxy/stats/prometheus.h"

namespace hawser::admin {

std::span<const stats::FamilySpec> EndpointFamilies();
std::span<const stats::FamilySpec> ClusterFamilies();
std::span<const stats::FamilySpec> PriorityFamilies();

// Of all three, in this order.
void AddClusterSamples(const std::vector<ClusterRow>& clusters, std::vector<stats::ExtraSample>& samples);

}  // namespace hawser::admin
