#include "bench/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace hawser::bench {
namespace {

constexpr int kBits = 7;
constexpr size_t kPerPower = size_t{1} << kBits;
constexpr size_t kBuckets = (64 - kBits + 1) * kPerPower;

// Values below 256 have a bucket each; above, a bucket is 2^shift wide.
size_t IndexOf(uint64_t value) {
  const int shift = std::max(0, static_cast<int>(std::bit_width(value)) - kBits - 1);
  return static_cast<size_t>(shift) * kPerPower + (value >> shift);
}

uint64_t UpperEdge(size_t index) {
  if (index < 2 * kPerPower) return index;
  const size_t shift = index / kPerPower - 1;
  return ((index - shift * kPerPower + 1) << shift) - 1;
}

}  // namespace

Histogram::Histogram() : buckets_(kBuckets) {}

void Histogram::Record(int64_t value) {
  value = std::max<int64_t>(value, 0);
  ++buckets_[IndexOf(static_cast<uint64_t>(value))];
  ++count_;
  sum_ += static_cast<double>(value);
  max_ = std::max(max_, value);
}

void Histogram::Clear() {
  *this = Histogram();
}

int64_t Histogram::Percentile(double percent) const {
  const auto wanted = static_cast<uint64_t>(std::ceil(static_cast<double>(count_) * percent / 100));
  uint64_t seen = 0;
  for (size_t index = 0; index < buckets_.size(); ++index) {
    seen += buckets_[index];
    if (seen > 0 && seen >= wanted) return std::min(static_cast<int64_t>(UpperEdge(index)), max_);
  }
  return max_;
}

std::vector<std::pair<int64_t, uint64_t>> Histogram::Buckets() const {
  std::vector<std::pair<int64_t, uint64_t>> held;
  for (size_t index = 0; index < buckets_.size(); ++index) {
    if (buckets_[index] > 0) held.emplace_back(static_cast<int64_t>(UpperEdge(index)), buckets_[index]);
  }
  return held;
}

}  // namespace hawser::bench
