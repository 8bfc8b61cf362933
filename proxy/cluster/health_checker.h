// When which endpoint is checked, and what the results say of it. An endpoint is healthy when all checks of
// its cluster say so.
//
//   unknown ──first result──▶ healthy ──unhealthy_threshold failures in a row──▶ unhealthy
//   (counts as healthy)          ◀──healthy_threshold successes in a row──────
//
// The first result decides at once, as in Envoy: an endpoint that is announced before it listens is out after
// one interval, not after three. First checks are spread over one interval, each later one comes after
// `interval`, or `unhealthy_interval` while it fails or its check says unhealthy, a tenth more or less. No
// more than kMostUnderWay are under way at once; others wait for their turn and are counted.
//
// What stays keeps its state: an endpoint over memberships, a check over reloads that leave its settings as
// they are. A check with other settings starts anew, and takes no endpoint out before `unhealthy_threshold`
// failures; one that was out comes back with its first success.
//
// What the checks say goes to Health::SetChecked, a success each time, since it ends an ejection. Pure: no
// timers and no I/O of its own. Main thread.
//
//   checker.Set(cluster, endpoints, now);          // what there is to check
//   checker.Advance(now);                          // begins what is due; again when Next says
//   checker.OnResult(id, result, now);             // then Advance
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "proxy/base/clock.h"
#include "proxy/cluster/cluster.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/health_check.h"

namespace hawser::cluster {

// How a check of an endpoint stands.
struct CheckStatus {
  struct Last {
    CheckResult result;
    base::TimePoint at;
    base::Duration took{0};
  };

  CheckKind kind;
  std::optional<bool> healthy;  // nothing before its first result
  uint32_t against = 0;         // results in a row that contradict it
  std::optional<Last> last = std::nullopt;
};

class HealthChecker {
 public:
  static constexpr size_t kMostUnderWay = 256;

  // An endpoint's check, for as long as it is made.
  using CheckId = uint64_t;

  // None of them calls back.
  struct Calls {
    // To be made now; its result is awaited.
    absl::AnyInvocable<void(CheckId id, const CheckPlan& plan, const std::shared_ptr<Endpoint>& target)>
        begin;
    // It is made no more: whatever is under way, and the connections to `target`, may go.
    absl::AnyInvocable<void(CheckId id, const std::shared_ptr<Endpoint>& target)> forget;
    // A check with `on_unhealthy: close` says that the endpoint is unhealthy, and its clients have another to
    // go to (Health::TunnelsUnwanted): not both were so before.
    absl::AnyInvocable<void(const std::shared_ptr<Endpoint>& endpoint, const Cluster& cluster)> close_tunnels;
  };

  HealthChecker(uint64_t seed, Calls calls) : random_(seed), calls_(std::move(calls)) {}

  // From now on these endpoints of the cluster are checked, as its settings say.
  void Set(const std::shared_ptr<const Cluster>& cluster,
           std::span<const std::shared_ptr<Endpoint>> endpoints, base::TimePoint now);
  // The cluster is gone.
  void Remove(uint32_t cluster);

  // Begins what is due.
  void Advance(base::TimePoint now);
  // When Advance is due again, be it to count what has to wait; nothing where a result has to come first.
  std::optional<base::TimePoint> Next() const;
  void OnResult(CheckId id, const CheckResult& result, base::TimePoint now);

  // The endpoint is checked, and a check of it has had no result yet. `cluster`: its id.
  bool Awaits(uint32_t cluster, const Endpoint& endpoint) const;
  // In the order of the settings; none for an endpoint that is not checked.
  std::vector<CheckStatus> StatusOf(uint32_t cluster, const Endpoint& endpoint) const;

  size_t under_way() const { return under_way_; }
  uint64_t delayed() const { return delayed_; }  // checks that have waited because so many were under way

 private:
  enum class State : uint8_t {
    kUnknown,  // counts as healthy; the first result decides
    kHealthy,
    kUnhealthy,
    kUnknownOut,  // counts as unhealthy, as it was before; the first success decides
  };

  // One check of one endpoint.
  struct Row {
    CheckId id = 0;
    std::shared_ptr<Endpoint> target;
    State state = State::kUnknown;
    bool under_way = false;  // else it waits
    bool delayed = false;    // it waits behind others, and is counted
    uint32_t against = 0;    // results in a row that contradict the state; of kUnknownOut: failures
    base::TimePoint time;    // when it is due, or was begun
    std::optional<CheckStatus::Last> last = std::nullopt;

    bool healthy() const { return state == State::kUnknown || state == State::kHealthy; }
  };
  struct Watched {
    std::shared_ptr<Endpoint> endpoint;
    std::vector<Row> rows;  // as the group's plans
    bool closes = false;    // its tunnels are to be closed
    bool healthy() const;
  };
  struct Group {
    std::shared_ptr<const Cluster> cluster;
    std::vector<std::shared_ptr<const CheckPlan>> plans;
    absl::flat_hash_map<const Endpoint*, std::unique_ptr<Watched>> watched;
  };
  struct Place {
    Group* group;
    Watched* watched;
    size_t index;  // of the row and its plan
  };

  // Where each plan of `now` stands in `before`; nothing where its settings are new.
  static std::vector<std::optional<size_t>> Matches(const Group& before, const Group& now);
  Row& RowAt(const Place& place) { return place.watched->rows[place.index]; }
  static const CheckPlan& PlanAt(const Place& place) { return *place.group->plans[place.index]; }

  void Adapt(Group& group, Watched& watched, std::span<const std::optional<size_t>> matches,
             base::TimePoint now);
  // The rows that have no id yet are checked from now on; it is one of `among` endpoints.
  void Begin(Group& group, Watched& watched, size_t turn, size_t among, base::TimePoint now);
  void Drop(Row& row);
  void Drop(Watched& watched);
  void Wait(Row& row, base::TimePoint due);
  void CountDelayed(base::TimePoint now);
  // What a result makes of a check: whether it counts as unhealthy from now on, and did not before.
  bool Judge(Row& row, const config::HealthCheck& settings, bool passed);
  void JudgeTunnels(const Group& group, Watched& watched);
  base::Duration Jittered(base::Duration interval);

  std::mt19937_64 random_;
  Calls calls_;
  absl::flat_hash_map<uint32_t, std::unique_ptr<Group>> groups_;  // by the cluster's id
  absl::flat_hash_map<CheckId, Place> places_;
  std::set<std::pair<base::TimePoint, CheckId>> waiting_;  // those that are not under way
  CheckId last_id_ = 0;
  size_t under_way_ = 0;
  uint64_t delayed_ = 0;
  base::TimePoint counted_until_ = base::TimePoint::min();  // those that were due by then are in delayed_
};

}  // namespace hawser::cluster
