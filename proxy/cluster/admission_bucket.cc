#include "proxy/cluster/admission_bucket.h"

#include <algorithm>
#include <cmath>

#include "proxy/base/check.h"

namespace hawser::cluster {
namespace {

constexpr double kLongest = 1e17;  // nanoseconds, three years

}  // namespace

AdmissionRate AdmissionRate::Of(double per_second, uint32_t burst) {
  HAWSER_DCHECK(per_second > 0 && burst >= 1);
  const auto nanoseconds = [](double count) {
    return std::chrono::nanoseconds(static_cast<int64_t>(std::min(count, kLongest)));
  };
  const std::chrono::nanoseconds interval = nanoseconds(std::ceil(1e9 / per_second));
  return {.interval = interval, .capacity = nanoseconds(static_cast<double>(interval.count()) * burst)};
}

bool AdmissionBucket::TryTake(base::TimePoint now, const AdmissionRate& rate) {
  const Nanoseconds at = now.time_since_epoch().count();
  Nanoseconds full_at = full_at_.load(std::memory_order_relaxed);
  Nanoseconds next;
  do {
    next = std::max(full_at, at) + rate.interval.count();
    if (next - at > rate.capacity.count()) return false;
  } while (!full_at_.compare_exchange_weak(full_at, next, std::memory_order_relaxed));
  return true;
}

base::TimePoint AdmissionBucket::Next(const AdmissionRate& rate) const {
  const auto full_at = std::chrono::nanoseconds(full_at_.load(std::memory_order_relaxed));
  return base::TimePoint(full_at + rate.interval - rate.capacity);
}

bool AdmissionBucket::Enter(uint32_t most) {
  uint32_t pending = this->pending();
  do {
    if (pending >= most) return false;
  } while (!pending_.compare_exchange_weak(pending, pending + 1, std::memory_order_relaxed));
  return true;
}

void AdmissionBucket::Leave() {
  const uint32_t before = pending_.fetch_sub(1, std::memory_order_relaxed);
  HAWSER_DCHECK(before > 0);
}

}  // namespace hawser::cluster
