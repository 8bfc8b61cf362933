#include "proxy/server/start_report.h"

#include <algorithm>
#include <climits>
#include <cstddef>

#include "config/units.h"
#include "fmt/format.h"
#include "proxy/net/socket.h"
#include "proxy/server/machine.h"
#include "spdlog/spdlog.h"

namespace hawser::server {

OpenFiles PrepareOpenFiles(const config::Config& config, int workers) {
  OpenFiles files{.all = RaiseOpenFiles(), .kept = 0};
  if (config.admin.address) files.kept = KeptFiles(files.all, static_cast<size_t>(workers));
  return files;
}

void KeepOpenFiles(const OpenFiles& files) {
  net::KeepDescriptors(static_cast<int>(std::min<uint64_t>(files.all - files.kept, INT_MAX)));
}

void AnnounceListener(const session::ListenerRuntime& listener, const net::SocketAddress& bound) {
  const config::ListenerLimits& limits = listener.settings.limits;
  const auto& rate = limits.connection_rate_per_ip;
  spdlog::info(
      "listener {} on {} ({}), limits: {} connections, {} per IP, {}; timeouts: answer {}, linger {}",
      listener.settings.name, bound.ToString(), listener.tls != nullptr ? "tls" : "plain", limits.connections,
      limits.connections_per_ip == 0 ? "any number" : fmt::to_string(limits.connections_per_ip),
      rate ? fmt::format("{}/s per IP (burst {})", rate->rate.per_second, rate->burst) : "any rate per IP",
      config::FormatDuration(listener.settings.timeouts.answer),
      config::FormatDuration(listener.settings.timeouts.linger));
}

void AnnounceListeners(const Server& server) {
  const auto& listeners = server.snapshot().listeners;
  for (size_t i = 0; i < listeners.size(); ++i) AnnounceListener(*listeners[i], server.bound(i));
}

void AnnounceLimits(const Server& server, const OpenFiles& files) {
  const session::Snapshot& snapshot = server.snapshot();
  spdlog::info(
      "limits: {} open files (two for each tunnel), {} of them kept for the admin listener, {} per-IP rows, "
      "{} Socket.IO sessions, {} compression "
      "contexts each way and {} refusals answered at one time for each worker, {:.0f}% of a worker's time "
      "for TLS handshakes, {}% of open files and connections kept for new clients, {} MiB of memory; {} "
      "workers",
      files.all, files.kept, snapshot.config->limits.per_ip_entries,
      snapshot.config->limits.socket_io_sessions, snapshot.config->limits.compression_contexts,
      snapshot.config->limits.answered_refusals, 100 * snapshot.config->limits.tls_handshake_share,
      100 * snapshot.config->limits.reserve, MemoryLimit() / (1024 * 1024), server.workers());
}

}  // namespace hawser::server
