#include "proxy/server/generation.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "config/form.h"
#include "config/keys_file.h"
#include "config/reload.h"
#include "proxy/base/status_macros.h"
#include "proxy/cluster/discovery.h"
#include "proxy/server/start_check.h"

namespace hawser::server {
namespace {

constexpr size_t kMostFileBytes = 16 << 20;

std::vector<Wanted> WantedBy(const config::Config& config, size_t workers) {
  std::vector<Wanted> wanted;
  for (const config::Listener& listener : config.listeners) {
    wanted.push_back({.listener = listener.name,
                      .address = listener.address,
                      .mode = static_cast<mode_t>(config::ModeOf(listener.mode)),
                      .sockets = workers});
  }
  const config::Admin& admin = config.admin;
  if (admin.address) {
    wanted.push_back({.listener = "",
                      .address = *admin.address,
                      .mode = static_cast<mode_t>(config::ModeOf(admin.mode)),
                      .sockets = 1});
  }
  return wanted;
}

std::vector<net::SocketAddress> BoundOf(const std::vector<Binding>& bindings, size_t listeners) {
  std::vector<net::SocketAddress> bound;
  for (size_t i = 0; i < listeners; ++i) bound.push_back(bindings[i].bound);
  return bound;
}

bool TakesAway(const session::Snapshot& before, const session::Snapshot& now) {
  return std::any_of(before.listeners.begin(), before.listeners.end(),
                     [&now](const auto& one) { return !now.listeners.Has(one->name.id()); }) ||
         std::any_of(before.routes.begin(), before.routes.end(),
                     [&now](const auto& one) { return !now.routes.Has(one->route->name.id()); });
}

// `old`: null at the start.
std::shared_ptr<Change> ChangeTo(const Generation& generation, const Generation* old,
                                 const Clusters& before) {
  auto change = std::make_shared<Change>();
  change->takes_away = old != nullptr && TakesAway(*old->snapshot, *generation.snapshot);
  change->snapshot = generation.snapshot;
  const Clusters& clusters = generation.snapshot->clusters;
  for (size_t i = 0; i < generation.snapshot->listeners.size(); ++i) {
    change->addresses.push_back(generation.bindings[i].bound.ToString());
  }
  for (const auto& membership : clusters) {
    if (before.Find(membership->cluster()->id()) != membership) change->clusters.push_back(membership);
  }
  for (const auto& membership : before) {
    const uint32_t id = membership->cluster()->id();
    if (!clusters.Has(id)) change->gone_clusters.push_back(id);
  }
  return change;
}

}  // namespace

std::vector<std::string> PartsOf(const config::Config& config) {
  std::vector<std::string> files = config::FilesOf(config);
  for (const config::Cluster& cluster : config.clusters) {
    if (cluster.discovery && cluster.discovery->file) std::erase(files, *cluster.discovery->file);
  }
  return files;
}

FileHashes HashFiles(const config::Config& config, const base::SipKey& key) {
  FileHashes hashes;
  for (const std::string& path : PartsOf(config)) {
    const auto text = config::ReadFile(path, kMostFileBytes);
    hashes[path] = text.ok() ? std::max<uint64_t>(base::SipHash(key, *text), 1) : 0;
  }
  return hashes;
}

absl::StatusOr<std::optional<resolve::Setup>> SetupFor(const config::Config& config) {
  if (std::ranges::none_of(config.clusters, cluster::Discovery::Needs)) return std::nullopt;
  HAWSER_ASSIGN_OR_RETURN(resolve::Setup setup, resolve::ReadSetup(config.dns));
  return std::optional(std::move(setup));
}

bool IsInForce(const config::Config& config, const FileHashes& files, const Generation& generation) {
  return files == generation.files && config == *generation.snapshot->config;
}

// The hashes were made before the files are read again for the parts: if one changes in between, the next
// reload finds that it differs.
Built BuildGeneration(config::Loaded& loaded, FileHashes files, Workshop& workshop, const InForce* before,
                      StartErrors& errors) {
  const config::Config& config = *loaded.config;
  const Generation* old = before == nullptr ? nullptr : before->generation.get();
  const size_t listeners = config.listeners.size();
  const auto failed = [&](size_t index, const absl::Status& status) {
    const net::SocketAddress& address =
        index < listeners ? config.listeners[index].address : *config.admin.address;
    errors.push_back(loaded.At(address, std::string(status.message()), AdviceForAddress(status)));
  };
  auto generation = std::make_shared<Generation>();
  generation->files = std::move(files);
  const std::vector<Binding> none;
  const std::vector<Binding>& bound = old == nullptr ? none : old->bindings;
  generation->bindings = Bind(WantedBy(config, workshop.registries.workers), bound, failed);
  const auto changed = [&](const std::string& path) {
    const auto hash = old->files.find(path);
    return hash == old->files.end() || hash->second != generation->files[path];
  };
  std::optional<Present> present;
  if (old != nullptr) present.emplace(Present{*old->snapshot, before->clusters, before->discovered, changed});
  generation->snapshot = BuildSnapshot(loaded, workshop.registries, BoundOf(generation->bindings, listeners),
                                       present ? &*present : nullptr, errors);
  Built built;
  if (errors.empty()) {
    auto setup = SetupFor(config);
    if (!setup.ok()) errors.push_back(loaded.At(config.dns, std::string(setup.status().message())));
    if (setup.ok()) built.setup = *std::move(setup);
  }
  if (errors.empty()) BeginListening(generation->bindings, bound, failed);
  if (!errors.empty()) {
    GiveUp(std::move(generation->bindings));
    return built;
  }
  for (Binding& binding : generation->bindings) {
    std::vector<net::Socket> sockets = std::exchange(binding.sockets, {});
    if (!binding.wanted.for_admin()) {
      built.sockets.push_back(std::move(sockets));
    } else if (!sockets.empty()) {
      built.admin = std::move(sockets.front());
    }
  }
  built.change = ChangeTo(*generation, old, before == nullptr ? Clusters() : before->clusters);
  built.generation = std::move(generation);
  return built;
}

void GiveUp(Built built) {
  if (built.generation == nullptr) return;
  const std::vector<Binding>& bindings = built.generation->bindings;
  for (size_t i = 0; i < built.sockets.size(); ++i) {
    if (!built.sockets[i].empty()) net::RemoveFile(bindings[i].bound);
  }
  if (built.admin.open()) net::RemoveFile(bindings.back().bound);
}

}  // namespace hawser::server
