#include "proxy/cluster/outlier.h"

#include <algorithm>
#include <bit>

#include "proxy/base/check.h"
#include "spdlog/spdlog.h"

namespace hawser::cluster {
namespace {

constexpr uint32_t kOut = Endpoint::kEjected | Endpoint::kProbeDue | Endpoint::kProbing;

}  // namespace

void OutlierDetector::Adopt(const std::shared_ptr<const MemberTable>& table) {
  const std::lock_guard lock(mutex_);
  if (table == table_) return;
  table_ = table;
  const Members members = table->members();
  const auto out = std::count_if(members.begin(), members.end(),
                                 [](const Member& member) { return (member.endpoint->state() & kOut) != 0; });
  out_.store(static_cast<uint32_t>(out), std::memory_order_relaxed);
}

void OutlierDetector::EndEjection(Endpoint& endpoint, base::TimePoint now) {
  if ((endpoint.state() & kOut) == 0 || endpoint.probe_due() || now < endpoint.out_until()) return;
  endpoint.MoveState(Endpoint::kEjected, Endpoint::kProbeDue);
  endpoint.MoveState(Endpoint::kProbing, Endpoint::kProbeDue);
}

// A probe that takes longer than an ejection (a long poll, say) does not keep the others away.
bool OutlierDetector::TakeProbe(Endpoint& endpoint, base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (!endpoint.probe_due()) return false;  // another worker has it, and may have ejected the endpoint again
  endpoint.set_out_until(now + settings_.base_ejection_time);
  return endpoint.MoveState(Endpoint::kProbeDue, Endpoint::kProbing);
}

void OutlierDetector::OnProbeGivenUp(Endpoint& endpoint) {
  endpoint.MoveState(Endpoint::kProbing, Endpoint::kProbeDue);
}

// Two loads, while the endpoint does not fail.
void OutlierDetector::OnAnswer(Endpoint& endpoint, base::TimePoint now) {
  if (endpoint.failures() != 0) endpoint.ForgetFailures();
  if ((endpoint.state() & kOut) == 0 || !LetIn(endpoint, now)) return;
  spdlog::warn("cluster {}: endpoint {} answers and is in again", endpoint.cluster(), endpoint.NameAndHost());
}

// Tries that were under way when the endpoint was ejected do not count.
void OutlierDetector::OnFailure(Endpoint& endpoint, bool probe, std::string_view why, base::TimePoint now) {
  const bool out = (endpoint.state() & kOut) != 0;
  if (out && !probe) return;
  const uint32_t failures = endpoint.CountFailure();
  if (failures < settings_.consecutive_failures && !out) return;
  const base::Duration time = Eject(endpoint, why, now);
  if (time.count() == 0) return;
  spdlog::warn("cluster {}: endpoint {} is left out for {} s after {} failures in a row, the last: {}",
               endpoint.cluster(), endpoint.NameAndHost(),
               std::chrono::ceil<std::chrono::seconds>(time).count(), failures, why);
}

bool OutlierDetector::LetIn(Endpoint& endpoint, base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  if ((endpoint.state() & kOut) == 0) return false;
  Endpoint::Ejections ejections = endpoint.ejections();
  ejections.returned = now;
  endpoint.set_ejections(std::move(ejections));
  endpoint.ForgetFailures();
  endpoint.ChangeState(0, kOut);
  if (table_ == nullptr || !table_->Contains(endpoint)) return true;
  const uint32_t before = out_.fetch_sub(1, std::memory_order_relaxed);
  HAWSER_DCHECK(before > 0);
  return true;
}

base::Duration OutlierDetector::Eject(Endpoint& endpoint, std::string_view why, base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  const uint32_t state = endpoint.state();
  const bool was_in = (state & kOut) == 0;
  HAWSER_DCHECK(was_in || std::has_single_bit(state & kOut));
  if (table_ == nullptr || !table_->Contains(endpoint)) return base::Duration(0);
  if ((state & Endpoint::kEjected) != 0 || (was_in && !AnotherIsIn(endpoint))) return base::Duration(0);
  Endpoint::Ejections ejections = endpoint.ejections();
  if (was_in && now >= ejections.returned + settings_.max_ejection_time) ejections.in_a_row = 0;
  const uint32_t doublings = std::min(ejections.in_a_row++, 16u);
  const base::Duration time =
      std::min(settings_.base_ejection_time * (1 << doublings), settings_.max_ejection_time);
  ejections.why = why;
  endpoint.set_ejections(std::move(ejections));
  endpoint.set_out_until(now + time);
  endpoint.ChangeState(Endpoint::kEjected, kOut);
  endpoint.CountEjection();
  if (was_in) out_.fetch_add(1, std::memory_order_relaxed);
  return time;
}

bool OutlierDetector::AnotherIsIn(const Endpoint& than) const {
  const Members members = table_->members();
  return std::any_of(members.begin(), members.end(), [&than](const Member& member) {
    return member.endpoint.get() != &than && (member.endpoint->state() & kOut) == 0;
  });
}

// Whoever doubles the number of names pays for the walk.
std::shared_ptr<OutlierDetector> OutlierRegistry::Get(std::string_view cluster) {
  if (by_cluster_.size() >= sweep_at_) {
    absl::erase_if(by_cluster_, [](const auto& entry) { return entry.second.expired(); });
    sweep_at_ = std::max(size_t{64}, 2 * by_cluster_.size());
  }
  std::weak_ptr<OutlierDetector>& known = by_cluster_[std::string(cluster)];
  std::shared_ptr<OutlierDetector> detector = known.lock();
  if (detector == nullptr) {
    detector = std::make_shared<OutlierDetector>();
    known = detector;
  }
  return detector;
}

}  // namespace hawser::cluster
