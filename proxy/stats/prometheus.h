// The Prometheus text exposition (format 0.0.4) of the workers' totals and of further samples: gauges of
// endpoints, of the process, of the per-IP table. Families come in the order of the tables, then of the
// samples.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "proxy/stats/worker_stats.h"

namespace hawser::stats {

constexpr const char* kPrometheusContentType = "text/plain; version=0.0.4; charset=utf-8";

// One number that is not in the workers' totals.
struct ExtraSample {
  const FamilySpec& family;              // lives as long as the process
  std::vector<std::string> labels = {};  // a value for each of the family's
  double value = 0;
};

std::string RenderPrometheus(const Totals& totals, std::span<const ExtraSample> extra);

}  // namespace hawser::stats
