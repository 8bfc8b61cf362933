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
// other members by now, and keeps them. For one that it made anew, discovery may have found others by now.
void Memberships::Apply(const session::Snapshot& snapshot, std::optional<resolve::Setup> setup) {
  Clusters before = std::exchange(clusters_, {});
  std::vector<std::shared_ptr<const Membership>> fresh;
  for (size_t i = 0; i < snapshot.clusters.size(); ++i) {
    const base::Name& name = snapshot.clusters.name(i);
    const auto& built = snapshot.clusters[i];
    const auto old = before.Find(name.id());
    const bool same = old != nullptr && old->cluster() == built->cluster();
    clusters_.Add(name, same ? old : built);
    if (same) continue;
    departures_.OnMembership(old.get(), *built, loop_.now());
    fresh.push_back(built);
  }
  for (const auto& old : before) {
    if (!clusters_.Has(old->cluster()->id())) departures_.OnRemoved(*old, loop_.now());
  }
  builder_.Destroy(std::move(before));
  if (setup) Use(*std::move(setup));
  if (discovery_ != nullptr) discovery_->Set(snapshot.config->clusters);
  for (const auto& built : fresh) {
    auto leaving = departures_.Honoured(built->cluster()->name());
    if (!leaving.empty()) Send(built->WithLeaving(std::move(leaving)));
    if (cluster::Discovery::Needs(built->cluster()->settings())) Make(built->cluster());
  }
  absl::erase_if(discovered_, [this](const auto& entry) {
    const auto now = clusters_.Find(registries_.clusters.Intern(entry.first).id());
    return now == nullptr || !cluster::Discovery::Needs(now->cluster()->settings());
  });
  AdvanceDepartures();
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
  departures_.OnMembership(before.get(), *made, loop_.now());
  auto leaving = departures_.Honoured(made->cluster()->name());
  Send(leaving.empty() ? std::move(made) : made->WithLeaving(std::move(leaving)));
  AdvanceDepartures();
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
  const auto next = departures_.Next(loop_.now());
  if (next) loop_.Arm(departures_due_, std::max(base::Between(loop_.now(), *next), base::Duration(1)));
}

void Memberships::OnReady(event::Ready) {
  AdvanceDepartures();
}

}  // namespace hawser::server
