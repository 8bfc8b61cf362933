// The usual process metrics of Prometheus, under the names of its client libraries (process_open_fds and so
// on), and hawser_build_info.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "proxy/stats/prometheus.h"

namespace hawser::stats {

std::span<const FamilySpec> ProcessFamilies();

// Reads /proc/self now. Omits what cannot be read.
std::vector<ExtraSample> ProcessSamples(std::string_view version);

}  // namespace hawser::stats
