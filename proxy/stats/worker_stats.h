// The counters of one worker, and their sum over the workers.
//
// A worker is the only writer of its counters, the main thread reads them (base::Counter). A reader sees each
// counter whole and recent, but may see only some of the counters that change together.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "proxy/base/check.h"
#include "proxy/base/counter.h"
#include "proxy/event/turn_counts.h"
#include "proxy/http/reject.h"
#include "proxy/stats/metrics.h"

namespace hawser::stats {

constexpr size_t kMetricCount = static_cast<size_t>(Metric::kCount);
constexpr size_t kRejectCount = static_cast<size_t>(http::Reject::kCount);
constexpr size_t kHistogramCount = static_cast<size_t>(Histogram::kCount);
constexpr size_t kClosedByCount = static_cast<size_t>(ClosedBy::kCount);

struct HistogramTotals {
  // Not cumulative; the one behind the last bound takes the rest.
  std::array<uint64_t, kMaxBounds + 1> buckets{};
  uint64_t sum_nanoseconds = 0;
};

// Plain numbers, as read at one moment.
struct Totals {
  std::array<uint64_t, kMetricCount> metrics{};
  std::array<uint64_t, kRejectCount> rejects{};
  std::array<std::array<uint64_t, kCloseCodes>, kClosedByCount> closes{};
  std::array<HistogramTotals, kHistogramCount> histograms{};

  uint64_t operator[](Metric metric) const { return metrics[static_cast<size_t>(metric)]; }
};

// All but AddTo: the owning worker only.
class WorkerStats {
 public:
  void Add(Metric metric, uint64_t count = 1) { At(metric).Add(count); }
  // Gauges only.
  void Subtract(Metric metric, uint64_t count = 1) {
    HAWSER_DCHECK(MetricTable()[static_cast<size_t>(metric)].type == MetricType::kGauge);
    At(metric).Add(-count);
  }

  // `reject` must not be kNone.
  void CountReject(http::Reject reject) {
    HAWSER_DCHECK(reject != http::Reject::kNone);
    rejects_[static_cast<size_t>(reject)].Add(1);
  }
  void CountClose(ClosedBy closed_by, uint16_t code) {
    closes_[static_cast<size_t>(closed_by)][CloseCodeIndex(code)].Add(1);
  }
  void CountResponse(int status);
  void Observe(Histogram histogram, std::chrono::nanoseconds value);

  // The counts of the worker's loop belong to these; it must outlive them.
  void Include(const event::TurnCounts& turns) { turns_ = &turns; }

  // For layers below that do not know of metrics.
  base::Counter& CounterOf(Metric metric) { return At(metric); }

  // Adds what has been counted to `totals`. Any thread.
  void AddTo(Totals& totals) const;

 private:
  using Cell = base::Counter;

  struct HistogramCells {
    std::array<Cell, kMaxBounds + 1> buckets;
    Cell sum_nanoseconds;
  };

  Cell& At(Metric metric) { return metrics_[static_cast<size_t>(metric)]; }

  alignas(64) std::array<Cell, kMetricCount> metrics_;  // no other worker's counters in these cache lines
  std::array<Cell, kRejectCount> rejects_;
  std::array<std::array<Cell, kCloseCodes>, kClosedByCount> closes_;
  std::array<HistogramCells, kHistogramCount> histograms_;
  const event::TurnCounts* turns_ = nullptr;
};

}  // namespace hawser::stats
