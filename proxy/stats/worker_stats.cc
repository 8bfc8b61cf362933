#include "proxy/stats/worker_stats.h"

#include <algorithm>

namespace hawser::stats {
namespace {

// The metrics stand in the order of the classes; a status outside the classes of RFC 9110 §15 counts with the
// nearest.
constexpr Metric ResponsesOf(int status) {
  const int status_class = std::clamp(status / 100, 1, 5);
  return static_cast<Metric>(static_cast<int>(Metric::kResponses1xx) + status_class - 1);
}
static_assert(ResponsesOf(101) == Metric::kResponses1xx && ResponsesOf(200) == Metric::kResponses2xx &&
              ResponsesOf(301) == Metric::kResponses3xx && ResponsesOf(404) == Metric::kResponses4xx &&
              ResponsesOf(503) == Metric::kResponses5xx);

}  // namespace

void WorkerStats::CountResponse(int status) {
  Add(ResponsesOf(status));
}

void WorkerStats::Observe(Histogram histogram, std::chrono::nanoseconds value) {
  const auto nanoseconds = std::max<int64_t>(value.count(), 0);
  const auto bounds = HistogramTable()[static_cast<size_t>(histogram)].bounds;
  const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), static_cast<double>(nanoseconds) / 1e9);
  HistogramCells& cells = histograms_[static_cast<size_t>(histogram)];
  cells.buckets[static_cast<size_t>(bucket - bounds.begin())].Add(1);
  cells.sum_nanoseconds.Add(static_cast<uint64_t>(nanoseconds));
}

void WorkerStats::AddTo(Totals& totals) const {
  for (size_t i = 0; i < kMetricCount; ++i) totals.metrics[i] += metrics_[i].Get();
  for (size_t i = 0; i < kRejectCount; ++i) totals.rejects[i] += rejects_[i].Get();
  for (size_t by = 0; by < kClosedByCount; ++by) {
    for (size_t code = 0; code < kCloseCodes; ++code) totals.closes[by][code] += closes_[by][code].Get();
  }
  for (size_t i = 0; i < kHistogramCount; ++i) {
    HistogramTotals& total = totals.histograms[i];
    for (size_t k = 0; k < total.buckets.size(); ++k) total.buckets[k] += histograms_[i].buckets[k].Get();
    total.sum_nanoseconds += histograms_[i].sum_nanoseconds.Get();
  }
  if (turns_ == nullptr) return;
  totals.metrics[static_cast<size_t>(Metric::kTurnBudgetHits)] += turns_->budget_hits.Get();
  HistogramTotals& turns = totals.histograms[static_cast<size_t>(Histogram::kLoopTurn)];
  for (size_t k = 0; k < turns_->buckets.size(); ++k) turns.buckets[k] += turns_->buckets[k].Get();
  turns.sum_nanoseconds += turns_->nanoseconds.Get();
}

}  // namespace hawser::stats
