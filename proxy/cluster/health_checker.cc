#include "proxy/cluster/health_checker.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/cluster/health.h"

namespace hawser::cluster {
namespace {

std::string Words(const CheckPlan& plan, std::string_view what) {
  return fmt::format("{} check: {}", NameOf(plan.kind()), what);
}

bool CountsAsFailed(const Endpoint& endpoint) {
  return (endpoint.state() & Endpoint::kCheckFailed) != 0;
}

void Tell(Endpoint& endpoint, bool healthy, std::string_view why, base::TimePoint now) {
  endpoint.health().SetChecked(endpoint, healthy, why, now);
}

}  // namespace

bool HealthChecker::Watched::healthy() const {
  return std::all_of(rows.begin(), rows.end(), [](const Row& row) { return row.healthy(); });
}

std::vector<std::optional<size_t>> HealthChecker::Matches(const Group& before, const Group& now) {
  std::vector<bool> taken(before.plans.size());
  std::vector<std::optional<size_t>> matches(now.plans.size());
  for (size_t i = 0; i < now.plans.size(); ++i) {
    for (size_t j = 0; j < before.plans.size() && !matches[i]; ++j) {
      if (taken[j] || before.plans[j]->settings() != now.plans[i]->settings()) continue;
      matches[i] = j;
      taken[j] = true;
    }
  }
  return matches;
}

void HealthChecker::Set(const std::shared_ptr<const Cluster>& cluster,
                        std::span<const std::shared_ptr<Endpoint>> endpoints, base::TimePoint now) {
  if (cluster->settings().health_checks.empty()) {
    Remove(cluster->id());
    for (const auto& endpoint : endpoints) {
      if (CountsAsFailed(*endpoint)) Tell(*endpoint, true, "it is no longer checked", now);
    }
    return;
  }
  auto next = std::make_unique<Group>(Group{.cluster = cluster});
  for (const config::HealthCheck& settings : cluster->settings().health_checks)
    next->plans.push_back(CheckPlan::Make(cluster, settings));
  std::unique_ptr<Group>& group = groups_[cluster->id()];
  if (group == nullptr) group = std::make_unique<Group>();
  const auto matches = Matches(*group, *next);
  for (const auto& endpoint : endpoints) {
    std::unique_ptr<Watched>& watched = next->watched[endpoint.get()];
    if (watched != nullptr) continue;
    if (auto known = group->watched.extract(endpoint.get()); !known.empty()) {
      watched = std::move(known.mapped());
    } else {
      watched = std::make_unique<Watched>(Watched{.endpoint = endpoint});
    }
    Adapt(*next, *watched, matches, now);
  }
  for (auto& [endpoint, watched] : group->watched) Drop(*watched);
  group = std::move(next);
  size_t turn = 0;
  for (auto& [endpoint, watched] : group->watched)
    Begin(*group, *watched, turn++, group->watched.size(), now);
}

void HealthChecker::Remove(uint32_t cluster) {
  const auto found = groups_.find(cluster);
  if (found == groups_.end()) return;
  for (auto& [endpoint, watched] : found->second->watched) {
    Drop(*watched);
  }
  groups_.erase(found);
}

// Where none of the checks that are left is why an endpoint is out, it stays out until the new ones succeed.
void HealthChecker::Adapt(Group& group, Watched& watched, std::span<const std::optional<size_t>> matches,
                          base::TimePoint now) {
  const bool known = !watched.rows.empty();
  const bool was_out = known ? !watched.healthy() : CountsAsFailed(*watched.endpoint);
  std::vector<Row> rows(group.plans.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!known || !matches[i]) continue;
    rows[i] = std::exchange(watched.rows[*matches[i]], {});
    places_[rows[i].id] = {.group = &group, .watched = &watched, .index = i};
  }
  for (Row& row : watched.rows) Drop(row);
  watched.rows = std::move(rows);
  const bool unexplained = was_out && watched.healthy();
  for (Row& row : watched.rows) {
    if (row.id == 0) row.state = unexplained ? State::kUnknownOut : known ? State::kHealthy : State::kUnknown;
  }
  if (was_out && watched.healthy()) Tell(*watched.endpoint, true, "the check that failed is gone", now);
  JudgeTunnels(group, watched);
}

// A few that come to many do not come at once, nor do they wait for a whole interval.
void HealthChecker::Begin(Group& group, Watched& watched, size_t turn, size_t among, base::TimePoint now) {
  for (size_t i = 0; i < watched.rows.size(); ++i) {
    Row& row = watched.rows[i];
    if (row.id != 0) continue;
    row.id = ++last_id_;
    row.target = group.plans[i]->EndpointFor(*watched.endpoint);
    places_[row.id] = {.group = &group, .watched = &watched, .index = i};
    const double place = (static_cast<double>(turn) + std::uniform_real_distribution(0.0, 1.0)(random_)) /
                         static_cast<double>(among);
    const config::HealthCheck& settings = group.plans[i]->settings();
    const base::Duration within =
        row.healthy() ? settings.interval : std::min(settings.interval, settings.unhealthy_interval);
    Wait(row, now + base::Duration(static_cast<int64_t>(static_cast<double>(within.count()) * place)));
  }
}

void HealthChecker::Drop(Row& row) {
  if (row.id == 0) return;
  if (row.under_way) {
    --under_way_;
  } else {
    waiting_.erase({row.time, row.id});
  }
  places_.erase(row.id);
  calls_.forget(row.id, row.target);
}

void HealthChecker::Drop(Watched& watched) {
  for (Row& row : watched.rows) Drop(row);
}

void HealthChecker::Wait(Row& row, base::TimePoint due) {
  row.under_way = false;
  row.time = due;
  waiting_.emplace(due, row.id);
}

void HealthChecker::Advance(base::TimePoint now) {
  while (under_way_ < kMostUnderWay && !waiting_.empty() && waiting_.begin()->first <= now) {
    const Place& place = places_.at(waiting_.begin()->second);
    waiting_.erase(waiting_.begin());
    Row& row = RowAt(place);
    row.under_way = true;
    row.delayed = false;
    row.time = now;
    ++under_way_;
    row.target->set_host(place.watched->endpoint->host());  // another name may lead there by now
    calls_.begin(row.id, PlanAt(place), row.target);
  }
  CountDelayed(now);
}

// Those that were counted before stand in front.
void HealthChecker::CountDelayed(base::TimePoint now) {
  for (auto next = waiting_.upper_bound({now, last_id_}); next != waiting_.begin();) {
    Row& row = RowAt(places_.at((--next)->second));
    if (row.delayed) break;
    row.delayed = true;
    ++delayed_;
  }
  counted_until_ = now;
}

std::optional<base::TimePoint> HealthChecker::Next() const {
  const bool full = under_way_ >= kMostUnderWay;
  const auto next = full ? waiting_.upper_bound({counted_until_, last_id_}) : waiting_.begin();
  if (next == waiting_.end()) return std::nullopt;
  return next->first;
}

bool HealthChecker::Awaits(uint32_t cluster, const Endpoint& endpoint) const {
  const auto group = groups_.find(cluster);
  if (group == groups_.end()) return false;
  const auto found = group->second->watched.find(&endpoint);
  if (found == group->second->watched.end()) return false;
  const std::vector<Row>& rows = found->second->rows;
  return std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.state == State::kUnknown; });
}

void HealthChecker::OnResult(CheckId id, const CheckResult& result, base::TimePoint now) {
  const auto found = places_.find(id);
  HAWSER_DCHECK(found != places_.end());
  const Place place = found->second;
  const CheckPlan& plan = PlanAt(place);
  Row& row = RowAt(place);
  HAWSER_DCHECK(row.under_way && under_way_ > 0);
  --under_way_;
  row.last = {.result = result, .at = now, .took = base::Between(row.time, now)};
  const bool made = result.kind != CheckResult::Kind::kNotMade;
  const bool passed = result.kind == CheckResult::Kind::kPassed;
  const bool fails_now = made && Judge(row, plan.settings(), passed);
  const bool doubted = !row.healthy() || row.against > 0;
  const base::TimePoint due =
      row.time + Jittered(doubted ? plan.settings().unhealthy_interval : plan.settings().interval);
  Wait(row, std::max(due, now));
  Endpoint& endpoint = *place.watched->endpoint;
  if (passed && place.watched->healthy()) Tell(endpoint, true, Words(plan, "passed"), now);
  if (fails_now) Tell(endpoint, false, Words(plan, result.why), now);
  JudgeTunnels(*place.group, *place.watched);
}

// After each result, since clients may have somewhere to go by now. A check that was not made before the
// endpoint was out has to fail as often as others to have its tunnels closed.
void HealthChecker::JudgeTunnels(const Group& group, Watched& watched) {
  bool unwanted = false;
  for (size_t i = 0; i < watched.rows.size(); ++i) {
    const config::HealthCheck& settings = group.plans[i]->settings();
    const Row& row = watched.rows[i];
    const bool fails = row.state == State::kUnhealthy ||
                       (row.state == State::kUnknownOut && row.against >= settings.unhealthy_threshold);
    unwanted |= fails && settings.on_unhealthy == config::OnUnhealthy::kClose;
  }
  Health::SetTunnelsUnwanted(*watched.endpoint, unwanted);
  const bool closes = watched.endpoint->health().TunnelsUnwanted(*watched.endpoint);
  if (closes && !watched.closes) calls_.close_tunnels(watched.endpoint, *group.cluster);
  watched.closes = closes;
}

std::vector<CheckStatus> HealthChecker::StatusOf(uint32_t cluster, const Endpoint& endpoint) const {
  std::vector<CheckStatus> statuses;
  const auto group = groups_.find(cluster);
  if (group == groups_.end()) return statuses;
  const auto watched = group->second->watched.find(&endpoint);
  if (watched == group->second->watched.end()) return statuses;
  for (size_t i = 0; i < watched->second->rows.size(); ++i) {
    const Row& row = watched->second->rows[i];
    statuses.push_back({.kind = group->second->plans[i]->kind(),
                        .healthy = row.state == State::kUnknown ? std::nullopt : std::optional(row.healthy()),
                        .against = row.against,
                        .last = row.last});
  }
  return statuses;
}

bool HealthChecker::Judge(Row& row, const config::HealthCheck& settings, bool passed) {
  if (passed == row.healthy()) {
    row.against = row.state == State::kUnknownOut ? row.against + 1 : 0;
    if (row.state == State::kUnknown) row.state = State::kHealthy;
    return false;
  }
  const bool decides = row.state == State::kUnknown || row.state == State::kUnknownOut;
  const uint32_t threshold = passed ? settings.healthy_threshold : settings.unhealthy_threshold;
  if (++row.against < threshold && !decides) return false;
  row.against = 0;
  row.state = passed ? State::kHealthy : State::kUnhealthy;
  return !passed;
}

base::Duration HealthChecker::Jittered(base::Duration interval) {
  const double factor = std::uniform_real_distribution(0.9, 1.1)(random_);
  return base::Duration(static_cast<int64_t>(static_cast<double>(interval.count()) * factor));
}

}  // namespace hawser::cluster
