// Times in nanoseconds, in buckets as HdrHistogram cuts them: 128 to each power of two, so that a value is
// known within 0.8 % from a nanosecond to centuries, in 58 kB. Recording is a shift and an increment.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace hawser::bench {

class Histogram {
 public:
  Histogram();

  void Record(int64_t value);  // below zero counts as zero
  void Clear();

  uint64_t count() const { return count_; }
  double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
  int64_t max() const { return max_; }

  // The value that `percent` of the recorded ones do not exceed, as the upper edge of its bucket; 0 when
  // empty.
  int64_t Percentile(double percent) const;

  // The upper edges of those buckets that hold something, with their counts.
  std::vector<std::pair<int64_t, uint64_t>> Buckets() const;

 private:
  std::vector<uint64_t> buckets_;
  uint64_t count_ = 0;
  double sum_ = 0;
  int64_t max_ = 0;
};

}  // namespace hawser::bench
