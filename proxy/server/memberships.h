// What the clusters consist of now, over reloads and what discovery finds. Tables are made on the builder's
// thread; a cluster that has changed goes to the workers by itself, without the rest of a configuration.
// Endpoints that leave are followed until they are forgotten. Main thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "proxy/cluster/departures.h"
#include "proxy/cluster/discovery.h"
#include "proxy/event/io_handler.h"
#include "proxy/event/loop.h"
#include "proxy/event/timer_wheel.h"
#include "proxy/resolve/resolver.h"
#include "proxy/server/build_snapshot.h"
#include "proxy/server/builder.h"

namespace hawser::server {

class Memberships final : public event::IoHandler {
 public:
  struct Calls {
    // A cluster that there was before consists of that now.
    absl::AnyInvocable<void(std::shared_ptr<const cluster::Membership>)> changed;
    // An endpoint that has left.
    absl::AnyInvocable<void(const cluster::Departures::Order&)> left;
  };
  // All but `calls` must outlive this.
  Memberships(event::Loop& loop, Builder& builder, Registries& registries, Calls calls);
  ~Memberships() override;

  // A snapshot comes into force. The caller sends its clusters to the workers, as `clusters` has them then,
  // before the loop's next turn. `setup`: what names are resolved with, where one of them needs that.
  void Apply(const session::Snapshot& snapshot, std::optional<resolve::Setup> setup);
  // The same clusters, perhaps another setup.
  void Use(resolve::Setup setup);

  // In the order of the file.
  const Clusters& clusters() const { return clusters_; }
  // What discovery has found.
  const Targets& discovered() const { return discovered_; }
  // Whether the first answers have come and are applied, or have been waited for long enough.
  bool ready() const { return discovery_ == nullptr || (discovery_->ready() && being_made_ == 0); }
  const cluster::Discovery* discovery() const { return discovery_.get(); }  // null: no cluster has needed it
  const cluster::Departures& departures() const { return departures_; }

  void OnReady(event::Ready ready) override;  // departures are due

 private:
  void OnTargets(const std::string& cluster, const std::vector<cluster::Target>& targets);
  void Make(std::shared_ptr<const cluster::Cluster> cluster);
  void OnMade(std::shared_ptr<const cluster::Membership> made);
  void Send(std::shared_ptr<const cluster::Membership> membership);
  void SeeWhoLeft(const cluster::Membership* before, const cluster::Membership& now);
  std::vector<std::shared_ptr<const cluster::Membership>> TakeReplaced(uint32_t cluster);
  void AdvanceDepartures();
  void ArmDepartures();

  event::Loop& loop_;
  Builder& builder_;
  Registries& registries_;  // its endpoints are the builder's
  Calls calls_;
  Clusters clusters_;
  Targets discovered_;
  // By cluster: what it consisted of before it was made anew, where its present membership is only a guess.
  absl::flat_hash_map<uint32_t, std::vector<std::shared_ptr<const cluster::Membership>>> replaced_;
  size_t being_made_ = 0;  // memberships that the builder has not made yet
  cluster::Departures departures_;
  event::Timer departures_due_;
  std::unique_ptr<resolve::Resolver> resolver_;  // null until a cluster needs it
  std::unique_ptr<cluster::Discovery> discovery_;
};

}  // namespace hawser::server
