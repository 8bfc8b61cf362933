#include "proxy/server/worker.h"

#include <random>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/cluster/health.h"
#include "proxy/session/drain_gone.h"
#include "proxy/session/offload.h"
#include "proxy/session/tunnel.h"
#include "spdlog/spdlog.h"

namespace hawser::server {
namespace {

std::mt19937_64 SeededRandom() {
  std::random_device seed;
  return std::mt19937_64((uint64_t{seed()} << 32) | seed());
}

TunnelRow::Side SideOf(const session::Tunnel& tunnel, session::Peer peer) {
  const session::Side& side = tunnel.sides().Of(peer);
  return {.incoming = side.incoming(), .outgoing = side.outgoing()};
}

TunnelRow RowOf(const session::Tunnel& tunnel, const base::TunnelId& id) {
  const session::RequestRecord& record = tunnel.record();
  return {.id = id.ToString(),
          .request_id = std::string(record.text.request_id()),
          .client = record.client_port == 0
                        ? record.client.ToString()
                        : net::SocketAddress(record.client, record.client_port).ToString(),
          .listener = std::string(record.listener.text()),
          .protocol = std::string(session::NameOf(record.version)),
          .route = record.route == nullptr ? "" : std::string(record.route->name.text()),
          .cluster = record.endpoint == nullptr ? "" : std::string(record.endpoint->cluster()),
          .endpoint = record.endpoint == nullptr ? "" : record.endpoint->address().ToString(),
          .state = std::string(tunnel.state_name()),
          .age_seconds = std::chrono::duration<double>(tunnel.age()).count(),
          .traffic = tunnel.traffic(),
          .client_side = SideOf(tunnel, session::Peer::kClient),
          .backend_side = SideOf(tunnel, session::Peer::kBackend)};
}

}  // namespace

Worker::Worker(std::unique_ptr<event::Loop> loop, std::shared_ptr<const session::Snapshot> snapshot,
               cluster::StickTable& stick_table, const http::Via& via, uint16_t number)
    : loop_(std::move(loop)),
      sessions_(*loop_, stats_, number),
      services_{.loop = *loop_,
                .buffers = buffers_,
                .stats = stats_,
                .sessions = sessions_,
                .access_log = snapshot->access_log.get(),
                .via = via,
                .deflate{snapshot->config->limits.compression_contexts, session::DeflateCountersOf(stats_)},
                .random = SeededRandom(),
                .worker = number,
                .handshakes{*loop_, stats_, snapshot->config->limits.tls_handshake_share}},
      backends_(*loop_, buffers_, stats_, stick_table, std::move(snapshot), services_.random),
      long_turns_(*loop_) {
  stats_.Include(loop_->turn_counts());
}

Worker::~Worker() {
  Stop();
  // The thread is gone: what it still held ends here, then is destroyed with the loop.
  AbortAll(http::Reject::kShutdown);
  listeners_.clear();
  loop_->RunOnce(base::Duration(0));
}

absl::Status Worker::AddListener(Edge& edge, size_t index, std::string address, net::Socket socket) {
  const auto& listeners = backends_.snapshot()->listeners;
  HAWSER_DCHECK(index < listeners.size());
  std::unique_ptr<Listener>& listener = listeners_[std::move(address)];
  listener = std::make_unique<Listener>(services_, backends_, edge, listeners[index], std::move(socket));
  return listener->Start();
}

absl::Status Worker::Start(int number) {
  return thread_.Start(fmt::format("worker-{}", number), [this] { loop_->Run(); });
}

void Worker::Stop() {
  if (!thread_.running()) return;
  loop_->Stop();
  thread_.Join();
}

// Clusters come before the routes that lead to them, and go after them. What waits to be accepted on an
// address that goes belongs to the old configuration.
Replaced Worker::Apply(Edge& edge, const Change& change, std::vector<net::Socket> sockets) {
  Replaced replaced;
  const absl::flat_hash_set<std::string_view> addresses(change.addresses.begin(), change.addresses.end());
  absl::erase_if(listeners_, [&addresses](const auto& entry) {
    if (addresses.contains(entry.first)) return false;
    entry.second->Stop();
    return true;
  });
  for (const auto& membership : change.clusters) {
    replaced.clusters.push_back(backends_.UpdateCluster(membership));
  }
  replaced.snapshot = backends_.SetSnapshot(change.snapshot);
  for (const uint32_t id : change.gone_clusters) replaced.clusters.push_back(backends_.RemoveCluster(id));
  services_.access_log = change.snapshot->access_log.get();
  services_.deflate.SetMost(change.snapshot->config->limits.compression_contexts);
  services_.handshakes.SetShare(change.snapshot->config->limits.tls_handshake_share);
  ApplyListeners(edge, change, std::move(sockets));
  if (change.takes_away) session::DrainGone(sessions_, backends_, *replaced.snapshot);
  return replaced;
}

std::shared_ptr<const cluster::Membership> Worker::Update(
    std::shared_ptr<const cluster::Membership> membership) {
  if (!backends_.snapshot()->clusters.Has(membership->cluster()->id())) return membership;
  return backends_.UpdateCluster(std::move(membership));
}

void Worker::Depart(const cluster::Departures::Order& order) {
  // Later requests were led there by a cookie that counts.
  const auto still_leaves = [endpoint = order.endpoint, now = loop_->now()](const session::Tunnel& tunnel) {
    const session::RequestRecord& record = tunnel.record();
    return record.endpoint.get() == endpoint.get() && endpoint->draining() && record.start <= now;
  };
  session::DrainOrder drain{.cause = session::DrainCause::kEndpoint,
                            .window = order.window,
                            .deadline = order.window + config::kTimeToClose,
                            .reason = http::Reject::kEndpointGone,
                            .code = http::SpecOf(http::Reject::kEndpointGone).close_code,
                            .which = still_leaves};
  if (order.kind == cluster::Departures::Order::Kind::kForget) {
    backends_.Forget(*order.endpoint);
    if (order.endpoint->active() == 0) return;
    // A handshake may have outlasted the drain, or may still do so.
    drain.deadline = base::Duration::max();
    drain.over = [endpoint = order.endpoint] { return endpoint->active() == 0 || !endpoint->draining(); };
  }
  sessions_.Drain(std::move(drain));
}

void Worker::CloseUnhealthy(const std::shared_ptr<cluster::Endpoint>& endpoint, base::Duration window) {
  const auto still_unwanted = [endpoint, now = loop_->now()](const session::Tunnel& tunnel) {
    const session::RequestRecord& record = tunnel.record();
    return record.endpoint.get() == endpoint.get() && record.start <= now &&
           endpoint->health().TunnelsUnwanted(*endpoint);
  };
  sessions_.Drain({.cause = session::DrainCause::kUnhealthy,
                   .window = window,
                   .deadline = window + config::kTimeToClose,
                   .reason = http::Reject::kEndpointUnhealthy,
                   .code = http::SpecOf(http::Reject::kEndpointUnhealthy).close_code,
                   .which = still_unwanted});
}

void Worker::Shed(const FairShares::Order& order) {
  const auto is_shed = [endpoint = order.endpoint](const session::Tunnel& tunnel) {
    return tunnel.record().endpoint.get() == endpoint.get() && endpoint->shedding_since() != 0;
  };
  sessions_.Drain({.cause = session::DrainCause::kRebalance,
                   .first = session::DrainOrder::First::kLongestSilent,
                   .window = base::Duration(1000),
                   .reason = http::Reject::kRebalanced,
                   .code = order.code,
                   .which = is_shed,
                   .most = order.most,
                   .tally = order.tally});
}

void Worker::ApplyListeners(Edge& edge, const Change& change, std::vector<net::Socket> sockets) {
  const auto& listeners = change.snapshot->listeners;
  for (size_t i = 0; i < listeners.size(); ++i) {
    if (const auto bound = listeners_.find(change.addresses[i]); bound != listeners_.end()) {
      bound->second->Serve(listeners[i]);
      continue;
    }
    const absl::Status added = AddListener(edge, i, change.addresses[i], std::move(sockets[i]));
    if (!added.ok()) {
      spdlog::error("listener {}: a worker does not accept connections: {}", listeners[i]->settings.name,
                    std::string(added.message()));
    }
  }
}

void Worker::StopListeners() {
  for (const auto& [address, listener] : listeners_) listener->Stop();
}

void Worker::Drain(base::Duration window, uint16_t code, absl::AnyInvocable<void()> on_empty) {
  StopListeners();
  backends_.pool().CloseIdle();
  sessions_.DrainAll({.window = window, .code = code}, std::move(on_empty));
}

void Worker::AbortAll(http::Reject reason) {
  StopListeners();
  sessions_.Abort(reason, backends_.snapshot()->config->drain.code.code);
  backends_.pool().Abort();
}

TunnelRows Worker::NextTunnels(size_t most, bool first) {
  TunnelRows next;
  const auto add = [&](session::Tunnel& tunnel) {
    next.rows.push_back(RowOf(tunnel, sessions_.IdOf(tunnel)));
  };
  next.more = sessions_.VisitTunnels(most, first, add);
  return next;
}

}  // namespace hawser::server
