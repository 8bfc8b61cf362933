#include "config/reload.h"

#include <algorithm>
#include <optional>

namespace hawser::config {

std::vector<std::string> FilesOf(const Config& config) {
  std::vector<std::string> files;
  const auto add = [&files](const std::optional<std::string>& file) {
    if (file) files.push_back(*file);
  };
  for (const Listener& listener : config.listeners) {
    if (!listener.tls) continue;
    for (const Certificate& pair : listener.tls->certificates) {
      files.push_back(pair.certificate);
      files.push_back(pair.private_key);
    }
  }
  for (const Cluster& cluster : config.clusters) {
    if (cluster.tls) {
      add(cluster.tls->ca_file);
      add(cluster.tls->certificate);
      add(cluster.tls->private_key);
    }
    if (cluster.affinity && cluster.affinity->cookie) add(cluster.affinity->cookie->keys_file);
    if (cluster.discovery) add(cluster.discovery->file);
  }
  std::sort(files.begin(), files.end());
  files.erase(std::unique(files.begin(), files.end()), files.end());
  return files;
}

std::vector<std::string> WaitsForRestart(const Config& old, const Config& fresh) {
  std::vector<std::string> paths;
  if (old.limits.per_ip_entries != fresh.limits.per_ip_entries) paths.push_back("limits.per_ip_entries");
  if (old.limits.socket_io_sessions != fresh.limits.socket_io_sessions)
    paths.push_back("limits.socket_io_sessions");
  return paths;
}

}  // namespace hawser::config
