// The pings of RFC 6455 §5.5.2 towards one peer: when to send one, whether a pong answers it, when the peer
// is dead. Pure logic over the caller's clock. A peer is pinged once it has been silent for the interval
// (shortened each time by a random part of up to an eighth, so that tunnels opened together drift apart); it
// is dead if it is then silent for the timeout as well. Any byte counts as life.
//
// A peer may answer several pings with one pong, for the last of them (RFC 6455 §5.5.3). So that a ping of
// the other peer gets its pong, hawser sends no ping of its own while a forwarded one waits for an answer;
// the answer proves as much. If the peer sends bytes but never answers that ping, hawser sends its own after
// all, one timeout later.
//
// The payload of a ping is "hawser", a serial number and a keyed hash of it: so a pong for another hawser, or
// one that a peer invents from earlier pings, does not count as the answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "proxy/base/clock.h"
#include "proxy/ws/frame.h"

namespace hawser::ws {

// From a ping to its pong, microseconds. Where the sum would overflow it is halved with the count: the mean
// stays.
struct RoundTrips {
  uint32_t count = 0;
  uint32_t min_us = 0;
  uint32_t max_us = 0;
  uint32_t sum_us = 0;
  uint32_t last_us = 0;  // until the next ping is made
};

class Keepalive {
 public:
  enum class Due : uint8_t {
    kNothing,
    kPing,  // until MakePing is called: a ping that has to wait for a frame boundary is not sent
    kDead,
  };

  // Before Start, and with an `interval` of 0, nothing is ever due. A `timeout` of 0 never gives up. They are
  // kept as milliseconds, up to 49 days and 69 minutes. `random` is any number that the peer cannot guess.
  void Start(base::Duration interval, base::Duration timeout, base::TimePoint now, uint64_t random);

  // Bytes came from the peer.
  void Heard(base::TimePoint now) { heard_ = now; }

  // A ping of the other peer's goes to this one, with this unmasked payload.
  void PassPing(std::span<const std::byte> payload, base::TimePoint now);

  // When Check says kPing: true if a forwarded ping takes the place of ours for now. Else call MakePing.
  bool Hold(base::TimePoint now);

  // A ping that is due within `early` is due.
  Due Check(base::TimePoint now, base::Duration early = {}) const;

  // When Check becomes kPing or kDead if the peer sends nothing; TimePoint::max() if never. Lies in the past
  // while a due ping has not been made.
  base::TimePoint NextDeadline() const;

  // Makes a ping, which counts as sent at `now`: write it. Pongs for older pings are not timed any more.
  SmallFrame MakePing(base::TimePoint now, std::optional<Mask> mask);

  // Whether the pong with this unmasked payload answers a ping of ours: then it is not to be forwarded. The
  // answer to the last ping is timed. Counts as Heard. A pong for the last ping that passed through ends
  // Hold.
  bool TakePong(std::span<const std::byte> payload, base::TimePoint now);

  // By how much an interval may be shortened.
  base::Duration most_early() const { return base::Duration(interval_ms_ / 8); }

  // A ping was sent, ours or a forwarded one, and its pong has not come.
  bool waiting() const { return pinged_ > base::TimePoint{}; }

  uint32_t pings_sent() const { return pings_sent_; }
  RoundTrips round_trips() const;

 private:
  // Whose pong is waited for since pinged_.
  enum class Awaited : uint8_t {
    kOurs,
    kPassed,  // that of a ping which passed through; the peer has been silent since
    kHeld,    // likewise, but the peer has talked since: a ping of ours was due and not sent
  };

  base::TimePoint PingDue() const;
  bool Unheard() const { return waiting() && heard_ <= pinged_; }
  void Record(uint32_t micros);
  uint32_t Hash(uint32_t serial) const;

  base::TimePoint heard_;
  // When the awaited ping went out; once answered, its round trip before the clock's zero.
  base::TimePoint pinged_;
  uint32_t interval_ms_ = 0;
  uint32_t timeout_ms_ : 22 = 0;
  Awaited awaited_ : 2 = Awaited::kOurs;
  // Of the last ping that passed through and waits for its pong: a hash of its payload; 0: none waits.
  uint32_t passed_ : 8 = 0;
  uint32_t pings_sent_ = 0;  // the serial number of the last one
  uint32_t secret_ = 0;
  uint32_t trips_ = 0;  // these four as RoundTrips has them
  uint32_t min_us_ = 0;
  uint32_t max_us_ = 0;
  uint32_t sum_us_ = 0;
};

}  // namespace hawser::ws
