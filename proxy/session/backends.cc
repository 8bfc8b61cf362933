#include "proxy/session/backends.h"

namespace hawser::session {

std::shared_ptr<const cluster::Membership> Backends::UpdateCluster(
    std::shared_ptr<const cluster::Membership> membership) {
  const std::shared_ptr<const cluster::Cluster> now = membership->cluster();
  std::shared_ptr<cluster::WorkerCluster>& worker = clusters_[now->id()];
  if (worker == nullptr) {
    worker = std::make_shared<cluster::WorkerCluster>(std::move(membership), random_());
    return nullptr;
  }
  auto before = worker->Update(std::move(membership));
  admission_.PickAnew(now->name());
  if (*before->cluster()->transport() == *now->transport()) return before;
  // Kept connections of the old kind end now, and not only when a request asks for one.
  for (const cluster::Member& member : before->members()) pool_.SetCluster(*member.endpoint, now);
  for (const auto& endpoint : before->leaving()) pool_.SetCluster(*endpoint, now);
  return before;
}

std::shared_ptr<const cluster::Membership> Backends::RemoveCluster(uint32_t id) {
  const auto found = clusters_.find(id);
  HAWSER_DCHECK(found != clusters_.end());
  auto before = found->second->shared_membership();
  clusters_.erase(found);
  return before;
}

}  // namespace hawser::session
