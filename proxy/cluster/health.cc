#include "proxy/cluster/health.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <span>
#include <utility>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/cluster/priority_shares.h"
#include "spdlog/spdlog.h"

namespace hawser::cluster {
namespace {

constexpr uint32_t kOut = Endpoint::kEjected | Endpoint::kProbeDue | Endpoint::kProbing;

constexpr base::Duration kSilentWindow{1'000};

constexpr std::string_view kWhatFailed[] = {"failures", "handshakes failed", "tunnels failed"};  // by Row

bool IsOut(const Endpoint& endpoint) {
  return (endpoint.state() & kOut) != 0;
}

// Takes its share of what comes.
bool IsWarm(const Member& member, const SlowStart& slow_start, base::TimePoint now) {
  return member.weight > 0 && member.endpoint->usable() && slow_start.Warm(*member.endpoint, now);
}

// A tunnel's connection has ended without a close frame, as those of that age do now and then. How many
// faults that makes: none, until half of those that were open a second ago have ended so; then all of them.
uint32_t SilentFaults(Endpoint& endpoint, base::TimePoint now) {
  Endpoint::SilentEnds& ends = endpoint.silent_ends();
  if (ends.of == 0 || now - ends.since >= kSilentWindow) ends = {.since = now, .of = endpoint.tunnels()};
  ++ends.count;
  if (2 * int64_t{ends.count} < ends.of) return 0;
  return ends.count - std::exchange(ends.counted, ends.count);
}

}  // namespace

HealthSettings HealthSettings::Of(const config::Cluster& settings) {
  HealthSettings of{.outliers = settings.outlier_detection, .panic_threshold = settings.panic_threshold};
  if (settings.slow_start) of.slow_start = SlowStart::Of(*settings.slow_start);
  return of;
}

// The first members of all need not warm up, nor do those that join nobody who is warm.
void Health::Adopt(const std::shared_ptr<const MemberTable>& table, const HealthSettings& settings,
                   base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  const auto before = table_.lock();
  if (table == before && settings == settings_) return;
  settings_ = settings;
  table_ = table;
  if (before != nullptr && before != table) {
    const auto was_member = [&](const Member& member) { return before->Contains(*member.endpoint); };
    const Members members = table->members();
    const bool some_warm =
        settings_.slow_start && std::any_of(members.begin(), members.end(), [&](const Member& member) {
          return was_member(member) && IsWarm(member, *settings_.slow_start, now);
        });
    for (const Member& member : members) {
      if (some_warm && !was_member(member)) member.endpoint->set_warming_since(now);
    }
  }
  SetPanic(*table);
  if (before != nullptr) {
    for (const Member& member : before->members()) {
      if (!table->Contains(*member.endpoint)) member.endpoint->ChangeState(0, Endpoint::kPanic);
    }
  }
  SetSomeUsable(*table);
  changes_.fetch_add(1, std::memory_order_release);
}

void Health::SetSomeUsable(const MemberTable& table) {
  const Members members = table.members();
  const bool usable = std::any_of(members.begin(), members.end(), [](const Member& member) {
    return member.weight > 0 && member.endpoint->usable();
  });
  some_usable_.store(usable, std::memory_order_relaxed);
}

void Health::SetPanic(const MemberTable& table) {
  const std::span<const MemberLevel> levels = table.levels();
  std::vector<PriorityHealth> healths(levels.size());
  for (size_t i = 0; i < levels.size(); ++i) {
    for (const Member& member : levels[i].members()) {
      if (member.weight == 0) continue;
      ++healths[i].all;
      healths[i].sound += member.endpoint->sound();
    }
  }
  const std::vector<PriorityShare> shares = SharesOf(healths, settings_.panic_threshold);
  panics_.resize(levels.size());
  uint32_t panicking = 0;
  for (size_t i = 0; i < levels.size(); ++i) {
    const bool panic = shares[i].panic;
    panicking += panic;
    constexpr uint32_t kBit = Endpoint::kPanic;
    for (const Member& member : levels[i].members())
      member.endpoint->ChangeState(panic ? kBit : 0, panic ? 0 : kBit);
    const bool before = panics_[i];
    panics_[i] = panic;
    if (panic == before || levels[i].members().empty()) continue;
    spdlog::warn("cluster {}: priority {}: {} of {} endpoints are sound; {}", cluster_,
                 levels[i].members().front().priority, healths[i].sound, healths[i].all,
                 panic ? "health is ignored (panic_threshold)" : "health counts again");
  }
  panicking_.store(panicking, std::memory_order_relaxed);
}

// Nobody sees the new number without the new bits.
void Health::Change(Endpoint& endpoint, uint32_t set, uint32_t cleared, std::string_view why) {
  const std::string_view from = endpoint.state_name();
  endpoint.ChangeState(set, cleared);
  const auto table = table_.lock();
  if (table != nullptr && (settings_.panic_threshold > 0 || panicking() > 0)) SetPanic(*table);
  if (table != nullptr) SetSomeUsable(*table);
  changes_.fetch_add(1, std::memory_order_release);
  const std::string_view to = endpoint.state_name();
  // Who tries it is one of many clients, and the next moment shows what came of it.
  if ((set & Endpoint::kProbing) != 0 || from == to) return;
  if (from == "probing" && to == "probe_due") return;
  endpoint.Log({.at = std::chrono::system_clock::now(), .from = from, .to = to, .why = std::string(why)});
  const auto level = to == "probe_due" ? spdlog::level::info : spdlog::level::warn;
  spdlog::log(level, "cluster {}: endpoint {}: {} -> {}: {}", cluster_, endpoint.NameAndHost(), from, to,
              why);
}

void Health::SetChecked(Endpoint& endpoint, bool healthy, std::string_view why, base::TimePoint now) {
  const bool failed_before = (endpoint.state() & Endpoint::kCheckFailed) != 0;
  if (healthy ? !failed_before && !IsOut(endpoint) : failed_before) return;
  const std::lock_guard lock(mutex_);
  if (!healthy) return Change(endpoint, Endpoint::kCheckFailed, 0, why);
  if ((endpoint.state() & Endpoint::kCheckFailed) != 0) {
    BeginAnew(endpoint, now);
    Change(endpoint, 0, Endpoint::kCheckFailed | Endpoint::kTunnelsUnwanted, why);
  }
  if (IsOut(endpoint)) LetIn(endpoint, why, now);
}

void Health::SetTunnelsUnwanted(Endpoint& endpoint, bool unwanted) {
  constexpr uint32_t kBit = Endpoint::kTunnelsUnwanted;
  HAWSER_DCHECK(!unwanted || (endpoint.state() & Endpoint::kCheckFailed) != 0);
  endpoint.ChangeState(unwanted ? kBit : 0, unwanted ? 0 : kBit);
}

bool Health::TunnelsUnwanted(const Endpoint& endpoint) const {
  const uint32_t bits = endpoint.state() & (Endpoint::kTunnelsUnwanted | Endpoint::kPanic);
  return bits == Endpoint::kTunnelsUnwanted && some_usable_.load(std::memory_order_relaxed);
}

void Health::EndEjection(Endpoint& endpoint, base::TimePoint now) {
  const auto over = [&] {
    return (endpoint.state() & (Endpoint::kEjected | Endpoint::kProbing)) != 0 && now >= endpoint.out_until();
  };
  if (!over()) return;
  const std::lock_guard lock(mutex_);
  if (!over()) return;
  Change(endpoint, Endpoint::kProbeDue, Endpoint::kEjected | Endpoint::kProbing, "its time is over");
}

// A probe that takes longer than an ejection (a long poll, say) does not keep the others away.
bool Health::TakeProbe(Endpoint& endpoint, base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  // Another worker may have it, and have ejected the endpoint again.
  if ((endpoint.state() & Endpoint::kProbeDue) == 0) return false;
  endpoint.set_out_until(now + settings_.outliers.base_ejection_time);
  Change(endpoint, Endpoint::kProbing, Endpoint::kProbeDue, "");
  return true;
}

void Health::OnProbeGivenUp(Endpoint& endpoint) {
  const std::lock_guard lock(mutex_);
  if ((endpoint.state() & Endpoint::kProbing) != 0)
    Change(endpoint, Endpoint::kProbeDue, Endpoint::kProbing, "");
}

// Two loads, while the endpoint does not fail. Handshakes that were under way when it was ejected for its
// tunnels prove nothing: their tunnels would end like those before.
void Health::OnAnswer(Endpoint& endpoint, bool probe, Work work, base::TimePoint now) {
  const bool handshake = work == Work::kHandshake;
  if (endpoint.failures() != 0) endpoint.ForgetFailures();
  if (handshake && endpoint.handshake_failures() != 0) endpoint.ForgetHandshakeFailures();
  if (!IsOut(endpoint)) return;
  const std::lock_guard lock(mutex_);
  if (!handshake && (endpoint.state() & Endpoint::kForHandshakes) != 0) return;
  if (IsOut(endpoint) && (probe || !endpoint.ejections().by_tunnels)) LetIn(endpoint, "it answers", now);
}

// Tries that were under way when the endpoint was ejected do not count. One that waits for a handshake is in
// for the others.
void Health::OnFailure(Endpoint& endpoint, bool probe, Work work, std::string_view why, base::TimePoint now) {
  const bool out = IsOut(endpoint);
  const bool waits = (endpoint.state() & Endpoint::kProbeDue) != 0 && !endpoint.probe_due(work);
  if (out && !probe && !waits) return;
  const uint32_t failures = endpoint.CountFailure();
  const uint32_t handshakes = work == Work::kHandshake ? endpoint.CountHandshakeFailure() : 0;
  const std::lock_guard lock(mutex_);
  const uint32_t most = settings_.outliers.consecutive_failures;
  if (handshakes >= most) return Eject(endpoint, Row::kHandshakes, handshakes, why, now);
  if (failures >= most || (out && probe)) Eject(endpoint, Row::kTries, failures, why, now);
}

void Health::OnTunnelProven(Endpoint& endpoint, base::TimePoint opened) {
  if (endpoint.tunnel_failures() == 0) return;
  const std::lock_guard lock(mutex_);
  if (opened >= endpoint.ejections().returned) endpoint.set_tunnel_failures(0);
}

void Health::OnTunnelEnd(Endpoint& endpoint, TunnelEnd end, base::TimePoint opened, base::TimePoint now,
                         std::string_view why) {
  if (end == TunnelEnd::kNormal) return OnTunnelProven(endpoint, opened);
  const std::lock_guard lock(mutex_);
  if (IsOut(endpoint) || opened < endpoint.ejections().returned) return;  // it was open before
  const bool late = end == TunnelEnd::kLost && now - opened >= kProvenAfter;
  const uint32_t faults = late ? SilentFaults(endpoint, now) : 1;
  if (faults > 0) AddFaults(endpoint, faults, why, now);
}

void Health::AddFaults(Endpoint& endpoint, uint32_t faults, std::string_view why, base::TimePoint now) {
  const uint32_t failures = endpoint.tunnel_failures() + faults;
  endpoint.set_tunnel_failures(failures);
  if (failures >= settings_.outliers.consecutive_failures) Eject(endpoint, Row::kTunnels, failures, why, now);
}

// If nobody else is warm, there is nobody to take what it does not.
void Health::WarmUp(Endpoint& endpoint, base::TimePoint now) {
  const auto table = table_.lock();
  if (!settings_.slow_start || table == nullptr) return endpoint.set_warming_since(std::nullopt);
  const Members members = table->members();
  const bool another = std::any_of(members.begin(), members.end(), [&](const Member& member) {
    return member.endpoint.get() != &endpoint && IsWarm(member, *settings_.slow_start, now);
  });
  endpoint.set_warming_since(another ? std::optional(now) : std::nullopt);
}

void Health::LetIn(Endpoint& endpoint, std::string_view why, base::TimePoint now) {
  BeginAnew(endpoint, now);
  Change(endpoint, 0, kOut | Endpoint::kForHandshakes, why);
}

void Health::BeginAnew(Endpoint& endpoint, base::TimePoint now) {
  Endpoint::Ejections ejections = endpoint.ejections();
  const bool by_tunnels = IsOut(endpoint) && ejections.by_tunnels;
  endpoint.set_tunnel_failures(by_tunnels ? settings_.outliers.consecutive_failures - 1 : 0);
  endpoint.silent_ends() = {};
  ejections.returned = now;
  endpoint.set_ejections(std::move(ejections));
  WarmUp(endpoint, now);
}

void Health::Eject(Endpoint& endpoint, Row row, uint32_t failures, std::string_view why,
                   base::TimePoint now) {
  const uint32_t state = endpoint.state();
  const bool was_in = (state & kOut) == 0;
  HAWSER_DCHECK(was_in || std::has_single_bit(state & kOut));
  if ((state & Endpoint::kEjected) != 0 || (was_in && !MayEject(endpoint))) return;
  Endpoint::Ejections ejections = endpoint.ejections();
  if (was_in && now >= ejections.returned + settings_.outliers.max_ejection_time) ejections.in_a_row = 0;
  const uint32_t doublings = std::min(ejections.in_a_row++, 16u);
  const base::Duration time = std::min(settings_.outliers.base_ejection_time * (1 << doublings),
                                       settings_.outliers.max_ejection_time);
  ejections.by_tunnels = row == Row::kTunnels;
  ejections.why = why;
  endpoint.set_ejections(std::move(ejections));
  endpoint.set_out_until(now + time);
  endpoint.CountEjection();
  const uint32_t for_handshakes = row == Row::kHandshakes ? Endpoint::kForHandshakes : 0u;
  Change(endpoint, Endpoint::kEjected | for_handshakes, kOut,
         fmt::format("{} {} in a row, left out for {} s, the last: {}", failures,
                     kWhatFailed[static_cast<size_t>(row)],
                     std::chrono::ceil<std::chrono::seconds>(time).count(), why));
}

bool Health::MayEject(const Endpoint& endpoint) const {
  const auto table = table_.lock();
  if (table == nullptr || !table->Contains(endpoint)) return false;
  const Members members = table->members();
  size_t out = 0;
  bool another = false;
  for (const Member& member : members) {
    if (IsOut(*member.endpoint)) ++out;
    another |= member.weight > 0 && member.endpoint.get() != &endpoint && !IsOut(*member.endpoint) &&
               member.endpoint->sound();
  }
  const size_t percent = settings_.outliers.max_ejection_percent;
  size_t most = members.size() * percent / 100;
  if (members.size() == 2 && percent > 0) most = std::max(most, size_t{1});
  return another && out < most;
}

}  // namespace hawser::cluster
