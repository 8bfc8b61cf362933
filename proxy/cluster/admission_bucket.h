// The tokens of an endpoint's admission: each WebSocket handshake that is sent to it takes one, on whichever
// worker. The generic cell rate algorithm (ITU-T I.371): one point in time, at which the bucket is full
// again, instead of a count of tokens and the moment at which it was counted. So one relaxed atomic is the
// whole bucket, and nobody takes a lock. Beside it stands the number of clients that wait for a token.
//
// A part of the endpoint; any thread. The rate comes with every call: a reload may change it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "proxy/base/clock.h"

namespace hawser::cluster {

struct AdmissionRate {
  // `per_second` above 0, `burst` at least 1.
  static AdmissionRate Of(double per_second, uint32_t burst);

  std::chrono::nanoseconds interval;  // from one token to the next; rounded up, so that there are never more
  std::chrono::nanoseconds capacity;  // what filling an empty bucket takes: `burst` intervals
};

class AdmissionBucket {
 public:
  AdmissionBucket() = default;
  AdmissionBucket(const AdmissionBucket&) = delete;
  AdmissionBucket& operator=(const AdmissionBucket&) = delete;

  // Takes a token if there is one at `now`. The bucket starts full. A refusal costs nothing.
  [[nodiscard]] bool TryTake(base::TimePoint now, const AdmissionRate& rate);
  // Whether TryTake would succeed.
  bool HasToken(base::TimePoint now, const AdmissionRate& rate) const { return Next(rate) <= now; }
  // When there is a token, if nobody takes it before. May be past.
  base::TimePoint Next(const AdmissionRate& rate) const;

  // Clients that wait for a token of this bucket, on all workers.
  uint32_t pending() const { return pending_.load(std::memory_order_relaxed); }
  // One more waits, unless `most` wait already.
  [[nodiscard]] bool Enter(uint32_t most);
  // One of them waits no longer.
  void Leave();

 private:
  using Nanoseconds = std::chrono::nanoseconds::rep;

  // When the bucket is full, on the clock of base::TimePoint: past where it is. Far from the ends of the
  // type, so that sums with a rate do not overflow.
  std::atomic<Nanoseconds> full_at_ = 0;
  std::atomic<uint32_t> pending_ = 0;
};

}  // namespace hawser::cluster
