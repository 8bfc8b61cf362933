// The one door to the health of a cluster's endpoints: whoever finds out something says it here, and what
// follows from it is a bit of Endpoint::state. Each change of a state is one line of the log and one entry in
// the endpoint's own, and makes changes() another number: who keeps a view of the states looks at that.
//
// Active checks (SetChecked) decide for themselves. Outlier detection counts three rows of failures of each
// endpoint. The first is of tries without a good answer through a fault of the endpoint's: refused,
// unreachable, not connected or no answer to a WebSocket handshake in time, closed before the first byte of
// an answer, a handshake answered with 5xx or a wrong 101. An answer ends it. The second is of handshakes
// among them that failed on a connection that stood: only a good answer to a handshake ends it, since an
// endpoint may serve other requests well. What this row ejects is let in by a handshake only; other requests
// go there again once the time is over. The third is of tunnels that end in a fault of the endpoint's
// (TunnelEnd). A tunnel that ends in order or has lived for kProvenAfter ends it; a 101 alone does not, or an
// endpoint that answers 101 and then resets would never be ejected, and after such an ejection one more fault
// ejects again. Tunnels that were opened before the endpoint returned say nothing: the process that carried
// them may be gone.
//
//   in ──failures in a row──▶ ejected ──time over──▶ probe due ──picked──▶ probing ──answer──▶ in
//                                ▲                       ▲                   │ │
//                                │                       └── client left ────┘ │
//                                └────────── failure, for twice as long ───────┘
//
// A check that succeeds ends an ejection at once. What returns warms up (slow_start.h), while others are
// warm. Of the members, `max_ejection_percent` may be ejected, rounded down, one of two all the same; the
// last one that is usable never is. One that has been in again for `max_ejection_time` begins with
// `base_ejection_time`. Where too few of a priority are sound, health is ignored (priority_shares.h). The
// endpoints hold what is known of them, also while they are no members.
//
// A mutex guards decisions about several endpoints at once; who finds that nothing changes does not take it.
// One for each name of a cluster, over all its configurations and memberships, held by the endpoints; shared
// by all workers; any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/schema.h"
#include "proxy/base/clock.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/load.h"
#include "proxy/cluster/member_table.h"
#include "proxy/cluster/slow_start.h"

namespace hawser::cluster {

// How a tunnel ended, as far as its endpoint is concerned.
enum class TunnelEnd : uint8_t {
  kNormal,  // the endpoint closed it in order, or took part in that
  kFault,   // through a fault of the endpoint's: 1011, no pong
  // The connection has ended without a close frame: a FIN, a reset, or over HTTP/2 the end of the stream or
  // of all of them. A fault while the tunnel is young. Later it may be anything, a client's doing too: a
  // fault where half of the endpoint's tunnels end so within a second.
  kLost,
};

// Of a cluster's settings.
struct HealthSettings {
  config::OutlierDetection outliers = {};
  uint32_t panic_threshold = 0;
  std::optional<SlowStart> slow_start = std::nullopt;
  bool operator==(const HealthSettings&) const = default;

  static HealthSettings Of(const config::Cluster& settings);
};

class Health {
 public:
  // A tunnel of that age has proved that its endpoint carries tunnels.
  static constexpr base::Duration kProvenAfter{10'000};

  explicit Health(std::string_view cluster) : cluster_(cluster) {}
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  const std::string& cluster() const { return cluster_; }
  Load& load() { return load_; }

  // Another number after each change of a state. What it was changed by is seen with it.
  uint32_t changes() const { return changes_.load(std::memory_order_acquire); }

  // The members and the settings are these from now on. Each worker says so when it swaps. Those that join
  // members that are warm warm up.
  void Adopt(const std::shared_ptr<const MemberTable>& table, const HealthSettings& settings,
             base::TimePoint now);

  // Priorities whose health is ignored now.
  uint32_t panicking() const { return panicking_.load(std::memory_order_relaxed); }

  // --- Active checks ---
  // The checks of `endpoint` say that it is healthy or not. Costs two loads where nothing changes.
  void SetChecked(Endpoint& endpoint, bool healthy, std::string_view why, base::TimePoint now);
  // Whether one of the checks that have failed wants no tunnels there. Ends with SetChecked(healthy).
  static void SetTunnelsUnwanted(Endpoint& endpoint, bool unwanted);
  // Whether the endpoint's tunnels are to be closed now: a check wants that, and their clients have another
  // endpoint to go to. So not while health is ignored, or no member is usable.
  bool TunnelsUnwanted(const Endpoint& endpoint) const;

  // --- Outlier detection: tries. Use a Trial ---
  // An endpoint whose time is over may be tried, by one request: see TakeProbe. So may one whose probe has no
  // result yet.
  void EndEjection(Endpoint& endpoint, base::TimePoint now);
  // The endpoint's probe is due: true for the one request that may try it.
  bool TakeProbe(Endpoint& endpoint, base::TimePoint now);
  // The result of a try; `probe`: it is the request that took the probe. kHandshake: a good answer to a
  // handshake, or a bad one or none, on a connection that stood. kRequest: anything else.
  void OnAnswer(Endpoint& endpoint, bool probe, Work work, base::TimePoint now);
  void OnFailure(Endpoint& endpoint, bool probe, Work work, std::string_view why, base::TimePoint now);
  void OnProbeGivenUp(Endpoint& endpoint);

  // --- Outlier detection: tunnels ---
  // One that was open since `opened` ends, and still has its OpenLease. A client that leaves says nothing: no
  // call. `why` in words.
  void OnTunnelEnd(Endpoint& endpoint, TunnelEnd end, base::TimePoint opened, base::TimePoint now,
                   std::string_view why);
  // One that was open since `opened` has reached kProvenAfter, or ended in order.
  void OnTunnelProven(Endpoint& endpoint, base::TimePoint opened);

 private:
  enum class Row : uint8_t { kTries, kHandshakes, kTunnels };

  // All of them under mutex_.
  void LetIn(Endpoint& endpoint, std::string_view why, base::TimePoint now);
  // It is in from now on: what it did before counts no more, but for a row of tunnels that had it ejected.
  void BeginAnew(Endpoint& endpoint, base::TimePoint now);
  // Unless it is out already, too many others are, or it is no member. `why`: of the last of the failures.
  void Eject(Endpoint& endpoint, Row row, uint32_t failures, std::string_view why, base::TimePoint now);
  bool MayEject(const Endpoint& endpoint) const;
  void WarmUp(Endpoint& endpoint, base::TimePoint now);
  void AddFaults(Endpoint& endpoint, uint32_t faults, std::string_view why, base::TimePoint now);
  void SetPanic(const MemberTable& table);
  void SetSomeUsable(const MemberTable& table);
  // Sets and clears bits, and tells.
  void Change(Endpoint& endpoint, uint32_t set, uint32_t cleared, std::string_view why);

  const std::string cluster_;
  Load load_;
  std::atomic<uint32_t> changes_ = 0;
  std::mutex mutex_;  // held while a state changes, or the members do
  HealthSettings settings_;
  std::weak_ptr<const MemberTable> table_;  // which holds the endpoints, which hold this
  std::vector<bool> panics_;                // by level of the table
  std::atomic<uint32_t> panicking_ = 0;     // of them
  std::atomic<bool> some_usable_ = true;    // a member gets new sessions
};

}  // namespace hawser::cluster
