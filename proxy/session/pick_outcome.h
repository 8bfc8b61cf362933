// What comes of a pick: the metric of the client's affinity, and the refusal where no endpoint was picked.
#pragma once

#include "proxy/cluster/affinity.h"
#include "proxy/cluster/worker_cluster.h"
#include "proxy/http/reject.h"
#include "proxy/stats/metrics.h"

namespace hawser::session {

stats::Metric MetricOf(cluster::AffinityResult result);

http::Reject RejectOf(cluster::NoPick why);

}  // namespace hawser::session
