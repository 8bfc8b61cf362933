#include "proxy/server/memberships.h"

#include <algorithm>

#include "config/endpoints_file.h"
#include "proxy/base/check.h"

namespace hawser::server {

using cluster::Departures;
using cluster::Membership;

Memberships::Memberships(event::Loop& loop, Builder& builder, Registries& registries, Calls calls)
    : loop_(loop),
      builder_(builder),
      registries_(registries),
      calls_(std::move(calls)),
      departures_due_(*this) {}

Memberships::~Memberships() = default;

// The builder made the new ones from what there was when it began. A cluster that it left alone may have
// other members by now, and keeps them. For one that it made anew, discovery may have found others by now:
// who has left is seen once they are made.
void Memberships::Apply(const session::Snapshot& snapshot, std::optional<resolve::Setup> setup) {
  Clusters before = std::exchange(clusters_, {});
  std::vector<std::shared_ptr<const cluster::Cluster>> fresh;
  for (size_t i = 0; i < snapshot.clusters.size(); ++i) {
    const base::Name& name = snapshot.clusters.name(i);
    const auto& built = snapshot.clusters[i];
    const auto old = before.Find(name.id());
    const bool same = old != nullptr && old->cluster() == built->cluster();
    clusters_.Add(name, same ? old : built);
    if (same) continue;
    const bool made_again = cluster::Discovery::Needs(built->cluster()->settings()) &&
                            discovered_.contains(built->cluster()->name());
    if (made_again) {
      if (old != nullptr) replaced_[name.id()].push_back(old);
      fresh.push_back(built->cluster());
    } else {
      SeeWhoLeft(old.get(), *built);
    }
    auto leaving = departures_.Honoured(built->cluster()->name());
    if (!leaving.empty()) clusters_.Replace(i, built->WithLeaving(std::move(leaving)));
  }
  for (const auto& old : before) {
    const uint32_t id = old->cluster()->id();
    if (clusters_.Has(id)) continue;
    departures_.OnRemoved(*old, loop_.now());
    for (auto& older : TakeReplaced(id)) {
      departures_.OnRemoved(*older, loop_.now());
      builder_.Destroy(std::move(older));
    }
  }
  builder_.Destroy(std::move(before));
  if (setup) Use(*std::move(setup));
  if (discovery_ != nullptr) discovery_->Set(snapshot.config->clusters);
  for (auto& cluster : fresh) Make(std::move(cluster));
  absl::erase_if(discovered_, [this](const auto& entry) {
    const auto now = clusters_.Find(registries_.clusters.Intern(entry.first).id());
    return now == nullptr || !cluster::Discovery::Needs(now->cluster()->settings());
  });
  ArmDepartures();
}

void Memberships::Use(resolve::Setup setup) {
  if (discovery_ != nullptr) return discovery_->Use(std::move(setup));
  resolver_ = std::make_unique<resolve::Resolver>(loop_, std::move(setup));
  const auto load = [this](const std::string& path, cluster::FileSource::Loaded done) {
    builder_.Run([this, path, done = std::move(done)]() mutable {
      loop_.Post(
          [file = config::LoadEndpoints(path), done = std::move(done)]() mutable { done(std::move(file)); });
    });
  };
  discovery_ = std::make_unique<cluster::Discovery>(
      loop_, *resolver_,
      cluster::Discovery::Calls{
          .changed = [this](const std::string& cluster,
                            const std::vector<cluster::Target>& targets) { OnTargets(cluster, targets); },
          .ready = [] {},
          .load_file = load});
}

void Memberships::OnTargets(const std::string& cluster, const std::vector<cluster::Target>& targets) {
  const auto membership = clusters_.Find(registries_.clusters.Intern(cluster).id());
  if (membership == nullptr) return;
  discovered_[cluster] = targets;
  Make(membership->cluster());
}

// In the order of the calls, since the builder's jobs run in theirs.
void Memberships::Make(std::shared_ptr<const cluster::Cluster> cluster) {
  const auto found = discovered_.find(cluster->name());
  if (found == discovered_.end()) return;
  ++being_made_;
  builder_.Run([this, cluster = std::move(cluster), targets = found->second] {
    loop_.Post(
        [this, made = cluster::MakeMembership(cluster, targets, registries_.endpoints)] { OnMade(made); });
  });
}

// A reload may have changed the cluster meanwhile; then another membership is being made.
void Memberships::OnMade(std::shared_ptr<const Membership> made) {
  --being_made_;
  const auto before = clusters_.Find(made->cluster()->id());
  if (before == nullptr || before->cluster() != made->cluster()) return builder_.Destroy(std::move(made));
  SeeWhoLeft(before.get(), *made);
  auto leaving = departures_.Honoured(made->cluster()->name());
  Send(leaving.empty() ? std::move(made) : made->WithLeaving(std::move(leaving)));
  AdvanceDepartures();
}

void Memberships::SeeWhoLeft(const Membership* before, const Membership& now) {
  departures_.OnMembership(before, now, loop_.now());
  for (auto& older : TakeReplaced(now.cluster()->id())) {
    departures_.OnMembership(older.get(), now, loop_.now());
    builder_.Destroy(std::move(older));
  }
}

std::vector<std::shared_ptr<const Membership>> Memberships::TakeReplaced(uint32_t cluster) {
  auto found = replaced_.extract(cluster);
  if (found.empty()) return {};
  return std::move(found.mapped());
}

void Memberships::Send(std::shared_ptr<const Membership> membership) {
  const auto place = clusters_.PlaceOf(membership->cluster()->id());
  HAWSER_DCHECK(place.has_value());
  builder_.Destroy(clusters_.Replace(*place, membership));
  calls_.changed(std::move(membership));
}

void Memberships::AdvanceDepartures() {
  for (const Departures::Order& order : departures_.Advance(loop_.now())) {
    if (order.kind != Departures::Order::Kind::kCookiesOver) {
      calls_.left(order);
      continue;
    }
    const std::string& name = order.endpoint->cluster();
    const auto now = clusters_.Find(registries_.clusters.Intern(name).id());
    if (now != nullptr) Send(now->WithLeaving(departures_.Honoured(name)));
  }
  ArmDepartures();
}

void Memberships::ArmDepartures() {
  const auto next = departures_.Next(loop_.now());
  if (next) loop_.Arm(departures_due_, std::max(base::Between(loop_.now(), *next), base::Duration(1)));
}

void Memberships::OnReady(event::Ready) {
  AdvanceDepartures();
}

}  // namespace hawser::server
