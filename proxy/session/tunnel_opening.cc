#include "proxy/session/tunnel_opening.h"

#include <string>
#include <utility>

#include "proxy/cluster/connector.h"
#include "proxy/route/answer.h"
#include "proxy/session/offload.h"

namespace hawser::session {
namespace {

base::Duration LongestSilence(const BackendRequest& backend) {
  if (backend.endpoint().address().unix_socket()) return base::Duration(0);
  return cluster::LongestSilence(backend.cluster_settings().tcp_keepalive);
}

}  // namespace

void TunnelOpening::OnRequest(const config::WebSocket& settings, http::RequestHead& head,
                              http::UpgradeRequest& upgrade, http::TextArena& arena) {
  offload_ = NegotiateCompression(settings, head, upgrade, arena);
}

void TunnelOpening::OnResponse(const config::Route& route, http::ResponseHead& head, http::TextArena& arena) {
  // Only what the backend agreed to counts.
  deflate_ = http::HasExtension(head, "permessage-deflate");
  route::ApplyRules(route.response_headers, head.headers);
  if (offload_) head.headers.Add("Sec-WebSocket-Extensions", arena(offload_->Answer()));
}

void TunnelOpening::OnOpened(WorkerServices& services, RequestRecord& record,
                             cluster::Endpoint& endpoint) const {
  record.status = record.version == http::Version::kHttp2 ? 200 : 101;
  record.SetOpened(services.loop.now());
  endpoint.CountTunnelOpened();
  record.endpoint.BecomeTunnel();
  stats::WorkerStats& stats = services.stats;
  stats.Add(stats::Metric::kUpgradesOk);
  stats.Add(stats::Metric::kTunnels);
  stats.Add(stats::Metric::kTunnelsOpen);
  stats.CountResponse(record.status);
  stats.Observe(stats::Histogram::kHandshake, services.loop.now() - record.start);
}

Tunnel& TunnelOpening::Start(WorkerServices& services, BackendRequest& backend, Tunnel::Parts parts,
                             std::string_view early) const {
  parts.early_from_client = std::as_bytes(std::span(early));
  if (offload_) {
    parts.client = Offload(services, parts.record->route->settings.websocket, *offload_,
                           std::move(parts.client), std::exchange(parts.early_from_client, {}));
  }
  std::string early_from_backend;
  parts.backend = backend.TakeTunnel(early_from_backend);
  parts.early_from_backend = std::as_bytes(std::span(early_from_backend));
  parts.longest_silence = LongestSilence(backend);
  parts.deflate = deflate_;
  return Tunnel::Start(services, std::move(parts));
}

}  // namespace hawser::session
