#include "proxy/stats/registry.h"

namespace hawser::stats {

Totals Registry::Sum() const {
  Totals totals;
  for (const WorkerStats* worker : workers_) worker->AddTo(totals);
  return totals;
}

}  // namespace hawser::stats
