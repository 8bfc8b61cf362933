// What the metrics page has beside the workers' counters: numbers of endpoints, listeners, shared tables,
// logs and the process. One table of families (docs/metrics.md is made from it), read on request. Main
// thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "proxy/admin/refusal.h"
#include "proxy/server/process_log.h"
#include "proxy/server/server.h"
#include "proxy/stats/prometheus.h"

namespace hawser::admin {

// Of the admin listener.
struct Counts {
  uint64_t evictions = 0;
  std::array<uint64_t, kRefusals> refused{};
};

struct Sources {
  server::Server& server;
  const server::ProcessLog& log;
  const Counts& counts;
};

// In the order of the page.
std::vector<std::span<const stats::FamilySpec>> SampleFamilies();

std::vector<stats::ExtraSample> CollectSamples(const Sources& from);

}  // namespace hawser::admin
