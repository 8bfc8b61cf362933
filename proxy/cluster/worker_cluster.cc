#include "proxy/cluster/worker_cluster.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/base/hash.h"
#include "proxy/cluster/hash_policy.h"
#include "proxy/cluster/priority_shares.h"
#include "spdlog/spdlog.h"

namespace hawser::cluster {
namespace {

// A session whose endpoint may be picked goes before the cookie, and renews a cookie that leads elsewhere.
// The result of another session is kept where the cookie says nothing.
AffinityLookup Joined(AffinityLookup cookie, AffinityLookup session, EndpointSet tried) {
  if (session.endpoint != nullptr && !Usable(*session.endpoint, tried)) session = {AffinityResult::kGone};
  if (session.endpoint != nullptr) {
    session.renew = cookie.renew || (cookie.endpoint != nullptr && cookie.endpoint != session.endpoint);
    return session;
  }
  if (cookie.result == AffinityResult::kNone || cookie.result == AffinityResult::kSet) {
    if (session.result != AffinityResult::kNone) cookie.result = session.result;
  }
  return cookie;
}

// One that is only ejected, where no other may be picked: it may be back, and to ask costs nothing.
Endpoint* LastResort(Members members, const PickKey& key) {
  for (size_t i = 0; i < members.size(); ++i) {
    const Member& member = members[(key.random + i) % members.size()];
    const bool checked_out = (member.endpoint->state() & Endpoint::kCheckFailed) != 0;
    if (member.weight > 0 && !checked_out && !key.Avoids(member)) return member.endpoint.get();
  }
  return nullptr;
}

void LeaveOut(Work work, Open& open) {
  --(work == Work::kHandshake ? open.handshakes : open.requests);
}

// Another mapping than the policy's, or the hashes of one priority would all lie in one part of its ring.
uint64_t LevelDraw(const PickKey& key) {
  return base::Mix64(key.hash.value_or(key.random) ^ 0x6c6576656c73) % 100;
}

}  // namespace

WorkerCluster::WorkerCluster(std::shared_ptr<const Membership> membership, uint64_t seed, base::TimePoint now)
    : seed_(seed),
      membership_(std::move(membership)),
      health_(membership_->health()),
      rules_(cluster().settings(), cluster().transport()->may_share()) {
  Adopt(now);
}

std::shared_ptr<const Membership> WorkerCluster::Update(std::shared_ptr<const Membership> membership,
                                                        base::TimePoint now) {
  HAWSER_DCHECK(membership->health() == health_);
  const bool same_policy = membership->table()->policy() == membership_->table()->policy();
  std::swap(membership, membership_);
  if (!same_policy) levels_.clear();
  Adopt(now);
  return membership;
}

void WorkerCluster::Adopt(base::TimePoint now) {
  const config::Cluster& settings = cluster().settings();
  slow_start_.reset();
  if (settings.slow_start && !membership_->table()->places_by_hash())
    slow_start_ = SlowStart::Of(*settings.slow_start);
  rules_ = RoomRules(settings, cluster().transport()->may_share());
  limited_ = rules_.breakers || HasLimits(settings.circuit_breakers);
  health_->Adopt(membership_->table(), HealthSettings::Of(settings), now);
  Refresh(now);
}

// --- What may be picked ---

void WorkerCluster::Refresh(base::TimePoint now) {
  until_ = base::TimePoint::max();
  EndEjections(now);
  seen_changes_ = health_->changes();
  const MemberTable& table = *membership_->table();
  std::vector<Level> before = std::exchange(levels_, {});
  for (size_t i = 0; i < table.levels().size(); ++i) {
    Level& level = levels_.emplace_back();
    level.view = std::make_unique<UsableView>(table.levels()[i], slow_start_, now);
    if (i < before.size()) {
      level.balancer = std::move(before[i].balancer);
      level.balancer->Adopt(*level.view);
    } else {
      level.balancer = MakeBalancer(table.policy(), *level.view, seed_ + i);
    }
    until_ = std::min(until_, level.view->until());
  }
  SetShares();
}

// Before the number of changes is read: what this changes is seen by the views that come next.
void WorkerCluster::EndEjections(base::TimePoint now) {
  probe_due_ = false;
  const auto look = [&](Endpoint& endpoint) {
    health_->EndEjection(endpoint, now);
    const uint32_t state = endpoint.state();
    probe_due_ |= (state & Endpoint::kProbeDue) != 0;
    if ((state & (Endpoint::kEjected | Endpoint::kProbing)) != 0)
      until_ = std::min(until_, endpoint.out_until());
  };
  for (const Member& member : membership_->members()) look(*member.endpoint);
  for (const auto& endpoint : membership_->leaving()) look(*endpoint);
}

void WorkerCluster::SetShares() {
  if (levels_.size() == 1) return;
  std::vector<PriorityHealth> healths;
  for (const Level& level : levels_) healths.push_back(level.view->health());
  const auto shares = SharesOf(healths, cluster().settings().panic_threshold);
  for (size_t i = 0; i < levels_.size(); ++i) levels_[i].percent = shares[i].percent;
}

// --- Who is picked ---

Picked WorkerCluster::Choose(const Ask& ask) {
  if (health_->changes() != seen_changes_ || ask.now >= until_) Refresh(ask.now);
  if (!limited_ && !probe_due_) return Find(ask);
  while (true) {
    Picked picked = Find(ask);
    if (picked.endpoint == nullptr || Take(ask, picked)) return picked;
    if (health_->changes() != seen_changes_) Refresh(ask.now);
  }
}

Picked WorkerCluster::Find(const Ask& ask) {
  std::optional<Room> room;
  if (rules_.Any(ask.work())) room.emplace(rules_, ask.work(), ask.now, ask.held);
  Room* const limits = room ? &*room : nullptr;
  AffinityLookup lookup;
  if (cluster().affinity() != nullptr || ask.session.result != AffinityResult::kNone)
    lookup = Remembered(ask, limits);
  if (lookup.endpoint == nullptr) {
    PickKey key{.hash = std::nullopt, .random = ask.random, .tried = ask.tried};
    if (membership_->table()->places_by_hash()) key.hash = HashOf(cluster().settings(), ask.head, ask.client);
    lookup.endpoint = limits == nullptr ? Pick(key, nullptr) : PickWithRoom(key, *limits);
    if (lookup.endpoint == nullptr) {
      const NoPick why = WhyNone(key);
      if (why == NoPick::kNoEndpoint) lookup.endpoint = LastResort(membership_->members(), key);
      if (lookup.endpoint == nullptr) return {.affinity = lookup.result, .why = why};
    }
  }
  return {.endpoint = lookup.endpoint,
          .affinity = lookup.result,
          .renew_affinity = lookup.renew,
          .queue = limits != nullptr && limits->MustWait(*lookup.endpoint),
          .trial = Trial(*lookup.endpoint, false),
          .lease = limited_ ? OpenLease() : OpenLease(*lookup.endpoint, ask.work())};
}

// What a session or a cookie says. It waits for its endpoint's tokens, but where that is full it moves.
AffinityLookup WorkerCluster::Remembered(const Ask& ask, Room* room) const {
  AffinityLookup lookup;
  if (const Affinity* affinity = cluster().affinity())
    lookup = affinity->FindIn(ask.head.headers, *membership_, ask.tried, ask.wall);
  lookup = Joined(lookup, ask.session, ask.tried);
  if (room == nullptr || lookup.endpoint == nullptr || room->Full(*lookup.endpoint) == NoPick::kNone)
    return lookup;
  return {AffinityResult::kGone, nullptr, cluster().affinity() != nullptr};
}

Endpoint* WorkerCluster::PickWithRoom(PickKey& key, Room& room) {
  key.room = &room;
  for (const Room::Least least : {Room::Least::kAll, Room::Least::kPlace, Room::Least::kOpen}) {
    room.Require(least);
    if (Endpoint* picked = Pick(key, &room)) return picked;
  }
  return nullptr;
}

Endpoint* WorkerCluster::Pick(const PickKey& key, Room* room) {
  return levels_.size() == 1 ? PickIn(levels_.front(), key, room) : PickByPriority(key, room);
}

// Where those of its priority are all avoided, the others take it, the first ones first.
Endpoint* WorkerCluster::PickByPriority(const PickKey& key, Room* room) {
  Level& drawn = LevelFor(key);
  if (Endpoint* picked = PickIn(drawn, key, room)) return picked;
  for (Level& level : levels_) {
    if (&level == &drawn) continue;
    if (Endpoint* picked = PickIn(level, key, room)) return picked;
  }
  return nullptr;
}

Endpoint* WorkerCluster::PickIn(Level& level, const PickKey& key, Room* room) {
  if (room != nullptr) room->Bound(level.view->members());
  return level.balancer->Pick(key);
}

WorkerCluster::Level& WorkerCluster::LevelFor(const PickKey& key) {
  uint64_t mark = LevelDraw(key);
  for (Level& level : levels_) {
    if (mark < level.percent) return level;
    mark -= level.percent;
  }
  return levels_.front();
}

NoPick WorkerCluster::WhyNone(const PickKey& key) const {
  if (key.room == nullptr) return NoPick::kNoEndpoint;
  for (const Level& level : levels_) {
    for (const Member& member : level.view->members()) {
      if (Contains(key.tried, member.endpoint.get())) continue;
      const NoPick full = key.room->Full(*member.endpoint);
      if (full != NoPick::kNone) return full;
    }
  }
  return NoPick::kNoEndpoint;
}

// --- What the pick takes ---

// Where something may be refused, or is to be tried. False: another worker was faster.
bool WorkerCluster::Take(const Ask& ask, Picked& picked) {
  Endpoint& endpoint = *picked.endpoint;
  if (limited_) {
    OpenLease::Counted open;
    picked.lease = OpenLease(endpoint, ask.work(), open);
    if (const NoPick why = OverCluster(ask, endpoint, open.cluster); why != NoPick::kNone) {
      picked = {.affinity = picked.affinity, .why = why};
      return true;
    }
    if (&endpoint == ask.held) LeaveOut(ask.work(), open.endpoint);
    if (rules_.breakers && OverLimit(*rules_.breakers, ask.work(), open.endpoint) != NoPick::kNone)
      return false;
  }
  if (!endpoint.probe_due(ask.work())) return true;
  if (!health_->TakeProbe(endpoint, ask.now)) return false;
  picked.trial = Trial(endpoint, true);
  return true;
}

NoPick WorkerCluster::OverCluster(const Ask& ask, const Endpoint& endpoint, Open open) const {
  const config::CircuitBreakers& limits = cluster().settings().circuit_breakers;
  if (ask.held != nullptr && &ask.held->health() == health_.get()) LeaveOut(ask.work(), open);
  const NoPick why = OverLimit(limits, ask.work(), open);
  if (why != NoPick::kNone) return why;
  if (cluster().transport()->may_share()) return NoPick::kNone;
  const bool full = ConnectingIsFull(limits, ask.work(), endpoint, health_->load().connecting());
  return full ? NoPick::kConnectingFull : NoPick::kNone;
}

void WorkerCluster::LogFailure(const Endpoint& endpoint, std::string_view why, base::TimePoint now) {
  const auto suppressed = failures_.Pass(now);
  if (!suppressed) return;
  const auto more =
      *suppressed > 0 ? fmt::format(" ({} more since the last such line)", *suppressed) : std::string();
  spdlog::warn("cluster {}: endpoint {}: {}{}", endpoint.cluster(), endpoint.NameAndHost(), why, more);
}

}  // namespace hawser::cluster
