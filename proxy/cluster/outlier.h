// Outlier detection: endpoints that fail requests are left out for a while. A failure is a try without an
// answer, through a fault of the endpoint's: refused, unreachable, not connected or no answer to a WebSocket
// handshake in time, closed before the first byte of an answer. The first byte of an answer, whatever it
// says, ends the row of failures.
//
//   in ──failures in a row──▶ ejected ──time over──▶ probe due ──picked──▶ probing ──answer──▶ in
//                                ▲                       ▲                   │ │
//                                │                       └── client left ────┘ │
//                                └────────── failure, for twice as long ───────┘
//
// The last member of the cluster that is in is never left out. One that has been in again for
// `max_ejection_time` begins with `base_ejection_time`. The endpoints hold what is known of them, also while
// they are no members. A mutex guards decisions about several of them at once; nobody takes it while no
// endpoint fails. One for each name of a cluster, over all its configurations and memberships; shared by all
// workers; any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "proxy/base/clock.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/member_table.h"

namespace hawser::cluster {

struct OutlierSettings {
  uint32_t consecutive_failures = 3;
  base::Duration base_ejection_time{5'000};
  base::Duration max_ejection_time{60'000};
};

class OutlierDetector {
 public:
  explicit OutlierDetector(OutlierSettings settings = {}) : settings_(settings) {}
  OutlierDetector(const OutlierDetector&) = delete;
  OutlierDetector& operator=(const OutlierDetector&) = delete;

  // The members are these from now on. Each worker says so when it swaps.
  void Adopt(const std::shared_ptr<const MemberTable>& table);

  // Whether any member is not in: only then is there something for EndEjection to do. Those that leave are
  // not counted.
  bool any_out() const { return out_.load(std::memory_order_relaxed) > 0; }
  // An endpoint whose time is over may be tried, by one request: see TakeProbe. So may one whose probe has no
  // result yet.
  static void EndEjection(Endpoint& endpoint, base::TimePoint now);
  // The endpoint's probe is due: true for the one request that may try it.
  bool TakeProbe(Endpoint& endpoint, base::TimePoint now);

  // The result of a try; `probe`: it is the request that took the probe. Use a Trial.
  void OnAnswer(Endpoint& endpoint, base::TimePoint now);
  void OnFailure(Endpoint& endpoint, bool probe, std::string_view why, base::TimePoint now);
  void OnProbeGivenUp(Endpoint& endpoint);

 private:
  // False where it is in already.
  bool LetIn(Endpoint& endpoint, base::TimePoint now);
  // For how long; 0: not ejected, because it is out already, is the last one that is in, or is no member.
  base::Duration Eject(Endpoint& endpoint, std::string_view why, base::TimePoint now);
  bool AnotherIsIn(const Endpoint& than) const;

  const OutlierSettings settings_;
  std::mutex mutex_;  // held while an endpoint goes out or comes in, or the members change
  std::shared_ptr<const MemberTable> table_;  // under it; null before the first
  std::atomic<uint32_t> out_ = 0;             // members that are not in
};

// Gives one detector for each name of a cluster for as long as anybody holds it: a cluster that goes and
// comes again while requests are under way has the same one. It holds none itself. Used by one thread at a
// time: the one that builds configurations.
class OutlierRegistry {
 public:
  std::shared_ptr<OutlierDetector> Get(std::string_view cluster);

 private:
  absl::flat_hash_map<std::string, std::weak_ptr<OutlierDetector>> by_cluster_;
  size_t sweep_at_ = 64;  // entries
};

// One request's try at an endpoint. It reports its result once. One that is destroyed without a result was
// given up for no fault of the endpoint's. Detector and endpoint must outlive it.
class Trial {
 public:
  Trial() = default;
  Trial(OutlierDetector& detector, Endpoint& endpoint, bool probe)
      : detector_(&detector), endpoint_(&endpoint), probe_(probe) {}
  Trial(Trial&& other) noexcept { *this = std::move(other); }
  Trial& operator=(Trial&& other) noexcept {
    if (this == &other) return *this;
    GiveUp();
    detector_ = std::exchange(other.detector_, nullptr);
    endpoint_ = other.endpoint_;
    probe_ = other.probe_;
    return *this;
  }
  ~Trial() { GiveUp(); }

  void Answered(base::TimePoint now) {
    if (detector_ != nullptr) std::exchange(detector_, nullptr)->OnAnswer(*endpoint_, now);
  }
  // `why` in words, for log and admin page.
  void Failed(std::string_view why, base::TimePoint now) {
    if (detector_ != nullptr) std::exchange(detector_, nullptr)->OnFailure(*endpoint_, probe_, why, now);
  }
  void GiveUp() {
    if (detector_ != nullptr && probe_) detector_->OnProbeGivenUp(*endpoint_);
    detector_ = nullptr;
  }

 private:
  OutlierDetector* detector_ = nullptr;  // null once it has reported
  Endpoint* endpoint_ = nullptr;
  bool probe_ = false;
};

}  // namespace hawser::cluster
