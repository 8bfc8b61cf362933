#include "proxy/session/socket_io.h"

namespace hawser::session {

using cluster::AffinityResult;

SocketIoSession::SocketIoSession(cluster::StickTable& table, const http::RequestHead& request)
    : table_(table),
      session_(http::EngineIoSessionOf(request)),
      may_begin_(http::MayBeginEngineIoSession(request)),
      lookup_{may_begin_ ? AffinityResult::kSet : AffinityResult::kNone} {}

base::Name SocketIoSession::FindCluster(const route::Route& route, const Backends& backends,
                                        base::TimePoint now) {
  if (session_.empty()) return {};
  lookup_ = {AffinityResult::kUnknown};
  for (const route::WeightedTarget& target : route.clusters) {
    const auto cluster = backends.Find(target.cluster);
    if (cluster == nullptr) continue;
    const cluster::Membership& membership = cluster->membership();
    const auto name = table_.Find(membership.cluster()->name(), session_, now);
    if (!name) continue;
    lookup_ = {AffinityResult::kHit, membership.Find(*name)};
    if (lookup_.endpoint == nullptr) lookup_ = {AffinityResult::kGone};  // it has left the cluster
    return target.cluster;
  }
  return {};
}

void SocketIoSession::OnResponse(const http::ResponseHead& response) {
  if (may_begin_ && http::MayHoldOpenPacket(response)) open_packet_.emplace();
}

void SocketIoSession::OnBody(std::span<const std::byte> piece, const cluster::Endpoint& endpoint,
                             base::TimePoint now) {
  if (!open_packet_) return;
  const http::OpenPacketReader::State state = open_packet_->Read(piece);
  if (state == http::OpenPacketReader::State::kMore) return;
  if (state == http::OpenPacketReader::State::kFound) {
    table_.Learn(endpoint.cluster(), open_packet_->session(), endpoint.name(), now);
  }
  open_packet_.reset();
}

}  // namespace hawser::session
