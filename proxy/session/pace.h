// How fast one side of a tunnel may send: the route's message_rate and byte_rate, as token buckets. Made only
// for tunnels whose route has a rate; a plain value that the tunnel owns.
#pragma once

#include <cstdint>
#include <limits>

#include "config/schema.h"
#include "proxy/base/clock.h"
#include "proxy/edge/token_bucket.h"
#include "proxy/session/peer.h"

namespace hawser::session {

// One of the two limits.
class Meter {
 public:
  static constexpr uint64_t kNoLimit = std::numeric_limits<uint64_t>::max();

  Meter() = default;  // no limit
  explicit Meter(const config::MessageRateLimit& limit);
  explicit Meter(const config::ByteRateLimit& limit);

  bool limited() const { return per_second_ > 0; }
  // Whether the tunnel is closed above the limit; otherwise it is slowed down.
  bool closes() const { return over_limit_ == config::OverRate::kClose; }

  uint64_t Available(base::TimePoint now) const;
  // The bucket may go into debt.
  void Spend(base::TimePoint now, uint64_t count);
  // When the bucket has refilled enough to be worth a wake-up: a tenth of a second's worth, at least one
  // token, at most the burst.
  base::TimePoint RefilledAt() const;

 private:
  Meter(double per_second, uint64_t burst, config::OverRate over_limit);

  double per_second_ = 0;
  uint64_t burst_ = 1;
  edge::TokenBucket bucket_;
  config::OverRate over_limit_ = config::OverRate::kSlowDown;
};

struct Pace {
  Meter messages;
  Meter bytes;
  base::TimePoint resume_at = base::TimePoint::min();  // nothing is read before it

  bool paused() const { return resume_at != base::TimePoint::min(); }
};

// Of what the client sends and of what the backend sends.
struct Paces {
  explicit Paces(const config::WebSocket& settings);
  static bool AskedFor(const config::WebSocket& settings);

  Pace& Of(Peer from) { return from == Peer::kClient ? from_client : from_backend; }

  Pace from_client;
  Pace from_backend;
};

}  // namespace hawser::session
