#include "proxy/server/worker.h"

#include <random>
#include <utility>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/session/offload.h"
#include "proxy/session/tunnel.h"

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

TunnelRow RowOf(const session::Tunnel& tunnel) {
  const session::RequestRecord& record = tunnel.record();
  return {.request_id = std::string(record.text.request_id()),
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
               cluster::StickTable& stick_table, const http::Via& via)
    : loop_(std::move(loop)),
      sessions_(*loop_),
      services_{.loop = *loop_,
                .buffers = buffers_,
                .stats = stats_,
                .sessions = sessions_,
                .access_log = snapshot->access_log.get(),
                .via = via,
                .deflate{snapshot->config->limits.compression_contexts, session::DeflateCountersOf(stats_)},
                .random = SeededRandom(),
                .handshakes{*loop_, stats_, snapshot->config->limits.tls_handshake_share}},
      backends_(*loop_, buffers_, stick_table, std::move(snapshot), services_.random),
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

absl::Status Worker::AddListener(Edge& edge, size_t index, net::Socket socket) {
  HAWSER_DCHECK(!thread_.running() && index < backends_.snapshot()->listeners.size());
  listeners_.push_back(std::make_unique<Listener>(services_, backends_, edge,
                                                  backends_.snapshot()->listeners[index], std::move(socket)));
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

void Worker::Drain(base::Duration window, absl::AnyInvocable<void()> on_empty) {
  for (const auto& listener : listeners_) listener->Stop();
  backends_.pool().CloseIdle();
  sessions_.Drain(window, std::move(on_empty));
}

void Worker::AbortAll(http::Reject reason) {
  for (const auto& listener : listeners_) listener->Stop();
  sessions_.Abort(reason);
  backends_.pool().Abort();
}

TunnelRows Worker::NextTunnels(size_t most, bool first) {
  TunnelRows next;
  const auto add = [&next](session::Tunnel& tunnel) { next.rows.push_back(RowOf(tunnel)); };
  next.more = sessions_.VisitTunnels(most, first, add);
  return next;
}

}  // namespace hawser::server
