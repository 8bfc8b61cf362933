// What Prometheus' users expect to know of every process, under the names that its client libraries use
// (process_open_fds and so on), and hawser_build_info.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "proxy/stats/prometheus.h"

namespace hawser::stats {

std::span<const FamilySpec> ProcessFamilies();

// Read from /proc/self now. What cannot be read is left out.
std::vector<ExtraSample> ProcessSamples(std::string_view version);

}  // namespace hawser::stats
