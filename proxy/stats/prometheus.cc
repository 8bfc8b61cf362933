#include "proxy/stats/prometheus.h"

#include <limits>
#include <sstream>
#include <string_view>

#include "prometheus/metric_family.h"
#include "prometheus/text_serializer.h"
#include "proxy/base/check.h"

namespace hawser::stats {
namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;

// The families in the order in which their first sample came.
class Families {
 public:
  prometheus::ClientMetric& Add(std::string_view name, std::string_view help, prometheus::MetricType type,
                                Labels labels) {
    prometheus::MetricFamily& family = Find(name, help, type);
    family.metric.emplace_back().label = std::move(labels);
    return family.metric.back();
  }

  void AddNumber(std::string_view name, std::string_view help, bool counter, Labels labels, double value) {
    if (counter) {
      Add(name, help, prometheus::MetricType::Counter, std::move(labels)).counter.value = value;
    } else {
      Add(name, help, prometheus::MetricType::Gauge, std::move(labels)).gauge.value = value;
    }
  }

  std::string Serialize() const {
    std::ostringstream out;
    prometheus::TextSerializer().Serialize(out, families_);
    return std::move(out).str();
  }

 private:
  // A family's samples come one after the other, with few exceptions: look from the end.
  prometheus::MetricFamily& Find(std::string_view name, std::string_view help, prometheus::MetricType type) {
    for (auto family = families_.rbegin(); family != families_.rend(); ++family) {
      if (family->name == name) return *family;
    }
    return families_.emplace_back(prometheus::MetricFamily{std::string(name), std::string(help), type, {}});
  }

  std::vector<prometheus::MetricFamily> families_;
};

Labels LabelsOf(std::string_view name, std::string_view value) {
  if (name.empty()) return {};
  return {{std::string(name), std::string(value)}};
}

double ValueOf(const MetricSpec& spec, uint64_t total) {
  const bool counter = spec.type == MetricType::kCounter;
  return counter ? static_cast<double>(total) : static_cast<double>(static_cast<int64_t>(total));
}

void AddMetrics(const Totals& totals, Families& families) {
  for (const MetricSpec& spec : MetricTable()) {
    families.AddNumber(spec.name, spec.help, spec.type == MetricType::kCounter,
                       LabelsOf(spec.label, spec.value), ValueOf(spec, totals[spec.metric]));
  }
}

void AddRejects(const Totals& totals, Families& families) {
  for (size_t i = 0; i < kRejectCount; ++i) {
    const auto reject = static_cast<http::Reject>(i);
    if (reject == http::Reject::kNone) continue;
    families.AddNumber(kRejectsFamily.name, kRejectsFamily.help, true,
                       LabelsOf(kRejectsFamily.labels[0], http::SpecOf(reject).label),
                       static_cast<double>(totals.rejects[i]));
  }
}

// Of the many pairs only those that have happened.
void AddCloses(const Totals& totals, Families& families) {
  for (size_t by = 0; by < kClosedByCount; ++by) {
    for (size_t code = 0; code < kCloseCodes; ++code) {
      if (totals.closes[by][code] == 0) continue;
      Labels labels = LabelsOf(kClosesFamily.labels[0], LabelOf(static_cast<ClosedBy>(by)));
      labels.push_back({std::string(kClosesFamily.labels[1]), std::string(CloseCodeLabel(code))});
      families.AddNumber(kClosesFamily.name, kClosesFamily.help, true, std::move(labels),
                         static_cast<double>(totals.closes[by][code]));
    }
  }
}

void AddHistogram(const HistogramSpec& spec, const HistogramTotals& totals, Families& families) {
  auto& histogram =
      families.Add(spec.name, spec.help, prometheus::MetricType::Histogram, LabelsOf(spec.label, spec.value))
          .histogram;
  uint64_t count = 0;
  for (size_t i = 0; i <= spec.bounds.size(); ++i) {
    count += totals.buckets[i];
    const double bound = i < spec.bounds.size() ? spec.bounds[i] : std::numeric_limits<double>::infinity();
    histogram.bucket.push_back({count, bound});
  }
  histogram.sample_count = count;
  histogram.sample_sum = static_cast<double>(totals.sum_nanoseconds) / 1e9;
}

void AddExtra(const ExtraSample& sample, Families& families) {
  const FamilySpec& family = sample.family;
  HAWSER_DCHECK(sample.labels.size() == family.labels.size());
  Labels labels;
  for (size_t i = 0; i < sample.labels.size(); ++i) {
    labels.push_back({std::string(family.labels[i]), sample.labels[i]});
  }
  families.AddNumber(family.name, family.help, family.type == MetricType::kCounter, std::move(labels),
                     sample.value);
}

}  // namespace

std::string RenderPrometheus(const Totals& totals, std::span<const ExtraSample> extra) {
  Families families;
  AddMetrics(totals, families);
  AddRejects(totals, families);
  AddCloses(totals, families);
  for (const HistogramSpec& spec : HistogramTable()) {
    AddHistogram(spec, totals.histograms[static_cast<size_t>(spec.histogram)], families);
  }
  for (const ExtraSample& sample : extra) AddExtra(sample, families);
  return families.Serialize();
}

}  // namespace hawser::stats
