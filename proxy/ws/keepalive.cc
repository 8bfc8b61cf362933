#include "proxy/ws/keepalive.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <limits>

#include "proxy/base/check.h"
#include "proxy/base/hash.h"

namespace hawser::ws {
namespace {

constexpr std::string_view kMarker = "hawser";
constexpr size_t kPayloadBytes = kMarker.size() + 2 * sizeof(uint32_t);
constexpr uint32_t kMost = std::numeric_limits<uint32_t>::max();
constexpr int64_t kLongestTripMicros = int64_t{1} << 30;  // 18 minutes; longer ones count as that

constexpr uint32_t kLongestTimeoutMs = (1U << 22) - 1;

uint32_t Clamp(int64_t value, uint32_t most = kMost) {
  return static_cast<uint32_t>(std::clamp<int64_t>(value, 0, most));
}

// 1 to 255. If two payloads share a hash, a hold ends too early, which at worst loses a pong.
uint32_t ShortHash(std::span<const std::byte> payload) {
  uint64_t hash = payload.size();
  for (const std::byte byte : payload) hash = base::Mix64(hash ^ static_cast<uint64_t>(byte));
  return static_cast<uint32_t>(1 + hash % 255);
}

}  // namespace

void Keepalive::Start(base::Duration interval, base::Duration timeout, base::TimePoint now, uint64_t random) {
  *this = {};
  heard_ = now;
  interval_ms_ = Clamp(interval.count());
  timeout_ms_ = Clamp(timeout.count(), kLongestTimeoutMs) & kLongestTimeoutMs;
  secret_ = static_cast<uint32_t>(base::Mix64(random));
}

base::TimePoint Keepalive::PingDue() const {
  // A new number for every ping, in 2^16 steps.
  const uint64_t part = base::Mix64(uint64_t{secret_} << 32 | pings_sent_) & 0xffff;
  return heard_ + base::Duration(interval_ms_) - most_early() * part / 65536;
}

// A peer that was heard after the ping is alive, even if its pong is still behind a long message; its silence
// starts again. A peer that got a forwarded ping has as much time as after a ping of ours.
base::TimePoint Keepalive::NextDeadline() const {
  if (interval_ms_ == 0) return base::TimePoint::max();
  if (!Unheard()) return PingDue();
  if (timeout_ms_ == 0) return base::TimePoint::max();
  return (awaited_ == Awaited::kPassed ? std::max(PingDue(), pinged_) : pinged_) +
         base::Duration(timeout_ms_);
}

Keepalive::Due Keepalive::Check(base::TimePoint now, base::Duration early) const {
  const bool pings = !Unheard();
  if (now + (pings ? early : base::Duration(0)) < NextDeadline()) return Due::kNothing;
  return pings || awaited_ == Awaited::kHeld ? Due::kPing : Due::kDead;
}

void Keepalive::PassPing(std::span<const std::byte> payload, base::TimePoint now) {
  if (interval_ms_ == 0) return;
  passed_ = ShortHash(payload) & 0xff;
  if (Unheard()) return;  // it already has to answer, and its deadline runs
  pinged_ = now;
  awaited_ = Awaited::kPassed;
}

bool Keepalive::Hold(base::TimePoint now) {
  HAWSER_DCHECK(Check(now, most_early()) == Due::kPing);
  if (passed_ == 0 || awaited_ == Awaited::kHeld) return false;
  pinged_ = now;
  awaited_ = Awaited::kHeld;
  return true;
}

SmallFrame Keepalive::MakePing(base::TimePoint now, std::optional<Mask> mask) {
  pinged_ = now;
  awaited_ = Awaited::kOurs;
  passed_ = 0;
  ++pings_sent_;
  const uint32_t hash = Hash(pings_sent_);
  std::array<std::byte, kPayloadBytes> payload;
  std::memcpy(payload.data(), kMarker.data(), kMarker.size());
  std::memcpy(payload.data() + kMarker.size(), &pings_sent_, sizeof pings_sent_);
  std::memcpy(payload.data() + kMarker.size() + sizeof pings_sent_, &hash, sizeof hash);
  return SmallFrame::Make(Opcode::kPing, payload, mask);
}

bool Keepalive::TakePong(std::span<const std::byte> payload, base::TimePoint now) {
  heard_ = std::max(heard_, now);
  if (passed_ != 0 && passed_ == ShortHash(payload)) {
    passed_ = 0;
    if (awaited_ != Awaited::kOurs) pinged_ = {};
    awaited_ = Awaited::kOurs;
  }
  if (payload.size() != kPayloadBytes || std::memcmp(payload.data(), kMarker.data(), kMarker.size()) != 0)
    return false;
  uint32_t serial;
  uint32_t hash;
  std::memcpy(&serial, payload.data() + kMarker.size(), sizeof serial);
  std::memcpy(&hash, payload.data() + kMarker.size() + sizeof serial, sizeof hash);
  if (serial > pings_sent_ || hash != Hash(serial)) return false;
  if (serial == pings_sent_ && waiting() && awaited_ == Awaited::kOurs) {
    const int64_t micros = std::chrono::duration_cast<std::chrono::microseconds>(now - pinged_).count();
    Record(Clamp(std::min(micros, kLongestTripMicros)));
  }
  return true;
}

void Keepalive::Record(uint32_t micros) {
  if (sum_us_ > kMost - micros) {
    sum_us_ /= 2;
    trips_ /= 2;
  }
  min_us_ = trips_ == 0 ? micros : std::min(min_us_, micros);
  max_us_ = std::max(max_us_, micros);
  sum_us_ += micros;
  ++trips_;
  pinged_ = base::TimePoint(-std::chrono::microseconds(micros));
}

RoundTrips Keepalive::round_trips() const {
  const auto last = std::chrono::duration_cast<std::chrono::microseconds>(-pinged_.time_since_epoch());
  return {.count = trips_,
          .min_us = min_us_,
          .max_us = max_us_,
          .sum_us = sum_us_,
          .last_us = waiting() ? 0 : Clamp(last.count())};
}

uint32_t Keepalive::Hash(uint32_t serial) const {
  const base::SipKey key{.k0 = secret_, .k1 = 0x6b656570616c6976};
  const std::string_view bytes(reinterpret_cast<const char*>(&serial), sizeof serial);
  return static_cast<uint32_t>(base::SipHash(key, bytes));
}

}  // namespace hawser::ws
