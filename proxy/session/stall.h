// Whether a peer that has been sent more than its connection takes still takes some of it. Its stream says so
// when it takes bytes; the kernel knows of peers so slow that they do not even make room for a write
// (ByteStream::TakenMark), and is asked a few times per limit. Nothing is done while nothing waits.
//
// A plain value of 8 bytes; the times are the loop's, in milliseconds modulo 12 days.
#pragma once

#include <algorithm>
#include <cstdint>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"

namespace hawser::session {

class Stall {
 public:
  static constexpr base::Duration kLongestLimit{24 * 3'600'000};
  // How many checks a limit has. A peer that stops between two of them is found late by up to one.
  static constexpr int kChecks = 4;

  bool watched() const { return watched_; }

  // Bytes have begun to wait, and the peer's stream has this mark.
  void Watch(base::TimePoint now, uint32_t mark) {
    watched_ = true;
    Note(now, mark);
  }
  // Nothing waits any more.
  void End() { watched_ = false; }

  // The peer's stream has taken bytes.
  void Moved() { moved_ = true; }

  // Whether the peer has taken nothing for `limit`. Call it at NextCheck; later calls find a stall later.
  bool Check(base::TimePoint now, uint32_t mark, base::Duration limit) {
    HAWSER_DCHECK(watched_ && limit <= kLongestLimit);
    if (moved_ || mark != mark_) Note(now, mark);
    return Since(now) >= limit;
  }

  base::TimePoint NextCheck(base::TimePoint now, base::Duration limit) const {
    const base::Duration step = std::max(limit / kChecks, base::Duration(1));
    return now + std::min(step, std::max(limit - Since(now), base::Duration(0)));
  }

 private:
  static constexpr uint32_t kModulus = 1U << 30;

  static uint32_t Millis(base::TimePoint at) {
    return static_cast<uint32_t>(base::Between(base::TimePoint{}, at).count()) % kModulus;
  }

  base::Duration Since(base::TimePoint now) const {
    return base::Duration((Millis(now) - since_ms_) % kModulus);
  }

  void Note(base::TimePoint now, uint32_t mark) {
    since_ms_ = Millis(now) % kModulus;
    mark_ = mark;
    moved_ = false;
  }

  uint32_t since_ms_ : 30 = 0;
  uint32_t watched_ : 1 = 0;
  uint32_t moved_ : 1 = 0;
  uint32_t mark_ = 0;
};

}  // namespace hawser::session
