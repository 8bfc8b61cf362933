#include "proxy/server/worker.h"

#include <algorithm>
#include <utility>

#include "fmt/format.h"
#include "proxy/base/status_macros.h"
#include "proxy/session/client_connection.h"
#include "proxy/session/http2_connection.h"
#include "proxy/session/tunnel.h"

namespace hawser::server {
namespace {

constexpr base::Duration kDrainStep{50};

TunnelRow RowOf(const session::Tunnel& tunnel) {
  const session::RequestRecord& record = tunnel.record();
  return {.request_id = std::string(record.text.request_id()),
          .client = record.client_port == 0
                        ? record.client.ToString()
                        : net::SocketAddress(record.client, record.client_port).ToString(),
          .listener = *record.listener,
          .protocol = std::string(session::NameOf(record.version)),
          .route = record.route == nullptr ? "" : record.route->name,
          .cluster = record.endpoint == nullptr ? "" : std::string(record.endpoint->cluster()),
          .endpoint = record.endpoint == nullptr ? "" : record.endpoint->address().ToString(),
          .state = std::string(tunnel.state_name()),
          .age_seconds = std::chrono::duration<double>(tunnel.age()).count(),
          .traffic = tunnel.traffic()};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Worker>> Worker::Create(std::shared_ptr<const session::Snapshot> snapshot,
                                                       session::AccessLog* access_log,
                                                       cluster::StickTable& stick_table,
                                                       const http::Via& via) {
  HAWSER_ASSIGN_OR_RETURN(auto loop, event::Loop::Create());
  return std::unique_ptr<Worker>(
      new Worker(std::move(loop), std::move(snapshot), access_log, stick_table, via));
}

Worker::Worker(std::unique_ptr<event::Loop> loop, std::shared_ptr<const session::Snapshot> snapshot,
               session::AccessLog* access_log, cluster::StickTable& stick_table, const http::Via& via)
    : loop_(std::move(loop)),
      pool_(*loop_, buffers_),
      environment_(new session::Environment{.loop = *loop_,
                                            .buffers = buffers_,
                                            .pool = pool_,
                                            .stats = stats_,
                                            .access_log = access_log,
                                            .stick_table = stick_table,
                                            .via = via,
                                            .snapshot = std::move(snapshot)}),
      drain_timer_(*this) {
  std::random_device seed;
  environment_->random.seed((uint64_t{seed()} << 32) | seed());
  environment_->listener_ports.resize(environment_->snapshot->listeners.size());
  for (const auto& cluster : environment_->snapshot->clusters) {
    environment_->clusters.emplace_back(*cluster, environment_->random());
  }
}

Worker::~Worker() {
  Stop();
  // The thread is gone: what it still held ends here, then is destroyed with the loop.
  AbortAll(http::Reject::kShutdown);
  listeners_.clear();
  loop_->RunOnce(base::Duration(0));
}

absl::Status Worker::AddListener(Edge& edge, size_t index, net::Socket socket) {
  HAWSER_ASSIGN_OR_RETURN(const net::SocketAddress local, net::LocalAddress(socket));
  if (!local.unix_socket()) environment_->listener_ports[index] = fmt::to_string(local.port());
  listeners_.push_back(std::make_unique<Listener>(
      *environment_, edge, environment_->snapshot->listeners[index], std::move(socket)));
  return listeners_.back()->Start();
}

absl::Status Worker::Start(int number) {
  return thread_.Start(fmt::format("worker-{}", number), [this] { loop_->Run(); });
}

void Worker::Stop() {
  if (!thread_.running()) return;
  loop_->Stop();
  thread_.Join();
}

bool Worker::empty() const {
  return environment_->connections.empty() && environment_->http2_connections.empty() &&
         environment_->tunnels.empty() && environment_->closing_tunnels.empty();
}

void Worker::Drain(base::Duration window, absl::AnyInvocable<void()> on_empty) {
  for (const auto& listener : listeners_) listener->Stop();
  environment_->draining = true;
  pool_.CloseIdle();
  environment_->connections.ForEach([](session::ClientConnection& connection) { connection.Drain(); });
  environment_->http2_connections.ForEach([](session::Http2Connection& connection) { connection.Drain(); });
  drain_start_ = loop_->now();
  drain_window_ = window;
  on_empty_ = std::move(on_empty);
  environment_->tunnels.ForEach([this](session::Tunnel&) { ++drain_total_; });
  OnReady({.timer = true});
}

// Every step ends as many tunnels as the elapsed part of the window asks for, the oldest first.
void Worker::OnReady(event::Ready) {
  const auto elapsed = base::Between(drain_start_, loop_->now());
  const double part =
      drain_window_.count() == 0
          ? 1.0
          : std::min(1.0, static_cast<double>(elapsed.count()) / static_cast<double>(drain_window_.count()));
  const auto due = static_cast<size_t>(part * static_cast<double>(drain_total_));
  while (drain_ended_ < due || part >= 1.0) {
    session::Tunnel* tunnel = environment_->tunnels.front();
    if (tunnel == nullptr) break;
    tunnel->End(http::Reject::kDrained);
    ++drain_ended_;
  }
  if (empty()) {
    if (on_empty_) std::exchange(on_empty_, nullptr)();
    return;
  }
  loop_->Arm(drain_timer_, kDrainStep);
}

void Worker::AbortAll(http::Reject reason) {
  for (const auto& listener : listeners_) listener->Stop();
  environment_->draining = true;
  while (session::Tunnel* tunnel = environment_->tunnels.front()) tunnel->Abort(reason);
  while (session::Tunnel* tunnel = environment_->closing_tunnels.front()) tunnel->Abort(reason);
  while (session::ClientConnection* connection = environment_->connections.front()) connection->Abort();
  while (session::Http2Connection* connection = environment_->http2_connections.front()) connection->Abort();
  pool_.Abort();
}

// Closing tunnels first: one that closes during the walk moves from a list that is still to be walked to one that was, and
// is missed rather than met twice.
TunnelRows Worker::NextTunnels(size_t most, bool first) {
  TunnelRows next;
  if (first) {
    walks_closing_ = true;
    environment_->tunnels.Rewind();
    environment_->closing_tunnels.Rewind();
  }
  const auto add = [&next](session::Tunnel& tunnel) { next.rows.push_back(RowOf(tunnel)); };
  if (walks_closing_) walks_closing_ = environment_->closing_tunnels.Step(most, add);
  next.more = next.rows.size() == most || environment_->tunnels.Step(most - next.rows.size(), add);
  return next;
}

}  // namespace hawser::server
