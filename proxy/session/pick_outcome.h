// What comes of a pick: the metric of the client's affinity, the parts that an endpoint's health had in it,
// and the refusal where no endpoint was picked.
#pragma once

#include <cstdint>

#include "proxy/cluster/affinity.h"
#include "proxy/cluster/worker_cluster.h"
#include "proxy/http/reject.h"
#include "proxy/stats/metrics.h"

namespace hawser::session {

stats::Metric MetricOf(cluster::AffinityResult result);

// http::Part bits, of a request that goes to an endpoint in this state.
uint8_t PartsOf(uint32_t state);

http::Reject RejectOf(cluster::NoPick why);

}  // namespace hawser::session
