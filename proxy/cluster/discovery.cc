#include "proxy/cluster/discovery.h"

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include "proxy/base/check.h"
#include "spdlog/spdlog.h"

namespace hawser::cluster {
namespace {

enum Tag : uint8_t { kUpdate, kPatience };

constexpr size_t kMostAtOnce = 64;  // sources that are brought up to date in one turn

bool Before(const Target& a, const Target& b) {
  const auto rank = [](const Target& target) {
    return std::tuple(target.priority, target.address.unix_socket(), !target.address.ip().v4());
  };
  if (rank(a) != rank(b)) return rank(a) < rank(b);
  const auto bytes_a = a.address.ip().bytes(), bytes_b = b.address.ip().bytes();
  if (const auto order = std::lexicographical_compare_three_way(bytes_a.begin(), bytes_a.end(),
                                                                bytes_b.begin(), bytes_b.end());
      order != 0) {
    return order < 0;
  }
  const auto rest = [](const Target& target) {
    return std::tuple<uint16_t, const std::string&, const std::string&, uint32_t>(
        target.address.port(), target.address.path(), target.host, target.weight);
  };
  return rest(a) < rest(b);
}

// As SNI and certificates have it (RFC 6066 §3).
std::string WithoutDot(std::string host) {
  if (host.ends_with('.')) host.pop_back();
  return host;
}

// Makes `current`, the keys that `user` uses of a table, the same as `wanted`. Returns whether any is new.
template <typename Table, typename User, typename Make>
bool UseOnly(Table& table, std::set<std::string>& current, std::set<std::string> wanted, User& user,
             Make make) {
  bool any_new = false;
  for (const std::string& key : wanted) {
    if (current.contains(key)) continue;
    table.Use(key, user, [&](auto& shared) { return make(key, shared.users); });
    any_new = true;
  }
  for (const std::string& key : current) {
    if (!wanted.contains(key)) table.Leave(key, user);
  }
  current = std::move(wanted);
  return any_new;
}

std::set<std::string> SetOf(const std::optional<std::string>& key) {
  return key ? std::set{*key} : std::set<std::string>{};
}

template <typename Table>
bool AllSettled(const Table& table, const std::set<std::string>& keys) {
  return std::all_of(keys.begin(), keys.end(),
                     [&](const std::string& key) { return table.at(key).settled(); });
}

}  // namespace

bool Discovery::Needs(const config::Cluster& settings) {
  return settings.discovery || std::any_of(settings.endpoints.begin(), settings.endpoints.end(),
                                           [](const auto& endpoint) { return endpoint.address.named(); });
}

Discovery::Discovery(event::Loop& loop, resolve::Resolver& resolver, Calls calls)
    : loop_(loop), resolver_(resolver), calls_(std::move(calls)), patience_(*this, kPatience) {}

Discovery::~Discovery() {
  loop_.CancelLater(*this, kUpdate);
}

void Discovery::Set(std::span<const config::Cluster> clusters) {
  absl::flat_hash_set<std::string_view> wanted;
  for (const config::Cluster& settings : clusters) {
    if (!Needs(settings)) continue;
    wanted.insert(settings.name);
    auto& source = sources_[settings.name];
    if (source == nullptr) {
      source = std::make_unique<Source>();
      source->cluster = settings.name;
    } else if (source->endpoints == settings.endpoints && source->discovery == settings.discovery) {
      continue;
    }
    source->endpoints = settings.endpoints;
    source->discovery = settings.discovery;
    dirty_.insert(source.get());
  }
  absl::erase_if(sources_, [&](auto& entry) {
    if (wanted.contains(entry.first)) return false;
    Release(*entry.second);
    return true;
  });
  loop_.Later(*this, kUpdate);
}

void Discovery::Use(resolve::Setup setup) {
  if (!resolver_.Use(std::move(setup))) return;
  names_.ForEach([](const std::string&, AddressWatch& watch) { watch.Ask(); });
  services_.ForEach([](const std::string&, ServiceWatch& watch) { watch.Ask(); });
}

Discovery::Counts Discovery::counts(std::string_view cluster) const {
  const auto found = sources_.find(std::string(cluster));
  return found == sources_.end() ? Counts{} : found->second->counts;
}

void Discovery::OnReady(event::Ready ready) {
  if (ready.tag == kPatience) {
    for (const auto& [cluster, source] : sources_) {
      if (source->patience_ends && *source->patience_ends <= loop_.now()) dirty_.insert(source.get());
    }
  }
  const auto begin =
      std::chrono::time_point_cast<event::FileTime::duration>(std::chrono::system_clock::now());
  for (size_t i = 0; i < kMostAtOnce && !dirty_.empty(); ++i) {
    Source* const source = *dirty_.begin();
    dirty_.erase(dirty_.begin());
    Update(*source);
  }
  WatchFiles(begin);
  ArmPatience();
  if (!dirty_.empty()) return loop_.Later(*this, kUpdate);
  // Not before: a source may need what another one has just left.
  names_.Sweep();
  services_.Sweep();
  files_.Sweep();
  const auto told = [](const auto& entry) { return entry.second->told; };
  if (ready_ || !std::all_of(sources_.begin(), sources_.end(), told)) return;
  ready_ = true;
  calls_.ready();
}

void Discovery::Update(Source& source) {
  UseLists(source);
  const std::vector<Entry> entries = EntriesOf(source);
  UseNames(source, entries);
  if (Settled(source)) source.patience_ends.reset();
  if (source.patience_ends && loop_.now() < *source.patience_ends) return;
  Tell(source, TargetsOf(entries));
}

void Discovery::UseLists(Source& source) {
  const auto discovery = source.discovery.value_or(config::Discovery{});
  const bool new_srv =
      UseOnly(services_, source.services, SetOf(discovery.srv), source, [&](auto& name, auto& users) {
        return std::make_unique<ServiceWatch>(loop_, resolver_, name,
                                              [this, &users](News news) { OnNews(users, news); });
      });
  const bool new_file =
      UseOnly(files_, source.files, SetOf(discovery.file), source, [&](auto& path, auto& users) {
        return std::make_unique<FileSource>(path, calls_.load_file,
                                            [this, &users](News news) { OnNews(users, news); });
      });
  if (new_srv || new_file) BePatient(source);
}

void Discovery::UseNames(Source& source, const std::vector<Entry>& entries) {
  std::set<std::string> names;
  for (const Entry& entry : entries) {
    if (entry.address.named()) names.insert(entry.address.host());
  }
  const bool any_new = UseOnly(names_, source.names, std::move(names), source, [&](auto& name, auto& users) {
    return std::make_unique<AddressWatch>(loop_, resolver_, name,
                                          [this, &users](News news) { OnNews(users, news); });
  });
  if (any_new) BePatient(source);
}

void Discovery::BePatient(Source& source) {
  source.patience_ends = loop_.now() + resolver_.settings().initial_timeout;
}

bool Discovery::Settled(const Source& source) const {
  return AllSettled(services_, source.services) && AllSettled(files_, source.files) &&
         AllSettled(names_, source.names);
}

// Targets of SRV records are absolute names (RFC 2782): the dot keeps the search list away from them.
std::vector<Discovery::Entry> Discovery::EntriesOf(const Source& source) const {
  std::vector<Entry> entries;
  for (const config::Endpoint& endpoint : source.endpoints)
    entries.push_back({endpoint.address, endpoint.weight, endpoint.priority});
  for (const std::string& path : source.files) {
    for (const auto& endpoint : files_.at(path).endpoints())
      entries.push_back({endpoint.address, endpoint.weight, endpoint.priority});
  }
  for (const std::string& name : source.services) {
    for (const resolve::Service& service : services_.at(name).records()) {
      if (!config::IsHostName(service.target)) continue;
      entries.push_back({config::BackendAddress(service.target + ".", service.port),
                         std::max<uint32_t>(service.weight, 1), service.priority});
    }
  }
  return entries;
}

std::vector<Target> Discovery::TargetsOf(const std::vector<Entry>& entries) const {
  std::vector<Target> targets;
  for (const Entry& entry : entries) {
    if (!entry.address.named()) {
      targets.push_back({entry.address.literal(), "", entry.weight, entry.priority});
      continue;
    }
    for (const net::IpAddress& ip : names_.at(entry.address.host()).records()) {
      targets.push_back({net::SocketAddress(ip, entry.address.port()), WithoutDot(entry.address.host()),
                         entry.weight, entry.priority});
    }
  }
  std::sort(targets.begin(), targets.end(), Before);
  return targets;
}

void Discovery::Tell(Source& source, std::vector<Target> targets) {
  const auto empty_file = [&](const std::string& path) {
    return files_.at(path).known() && files_.at(path).endpoints().empty();
  };
  const bool emptied = std::any_of(source.files.begin(), source.files.end(), empty_file);
  const bool first = !std::exchange(source.told, true);
  if (targets.empty() && !emptied) {
    if (first) spdlog::warn("cluster {}: no endpoint has been found so far", source.cluster);
    return;
  }
  if (!first && targets == source.targets) return;
  source.targets = std::move(targets);
  calls_.changed(source.cluster, source.targets);
}

void Discovery::Release(Source& source) {
  for (const std::string& name : source.names) names_.Leave(name, source);
  for (const std::string& name : source.services) services_.Leave(name, source);
  for (const std::string& path : source.files) files_.Leave(path, source);
  dirty_.erase(&source);
}

void Discovery::OnNews(const absl::flat_hash_set<Source*>& users, News news) {
  for (Source* const source : users) {
    if (news == News::kAnswer) ++source->counts.answers;
    if (news == News::kFailure) ++source->counts.failures;
    dirty_.insert(source);
  }
  loop_.Later(*this, kUpdate);
}

// `begin`: a time before the first of them was read.
void Discovery::WatchFiles(event::FileTime begin) {
  std::vector<std::string> paths;
  files_.ForEach([&](const std::string& path, const FileSource&) { paths.push_back(path); });
  std::sort(paths.begin(), paths.end());
  if (paths == watched_) return;
  watched_ = std::move(paths);
  if (file_watch_ == nullptr) {
    auto created = event::FileWatch::Create(
        loop_, {.changed = [this](const auto& changed) { FilesChanged(changed); },
                .failed =
                    [](const absl::Status& status) {
                      spdlog::warn("changes of a file are not seen: {}", std::string(status.message()));
                    }});
    if (!created.ok())
      return spdlog::warn("changes of endpoints' files are not seen: {}",
                          std::string(created.status().message()));
    file_watch_ = *std::move(created);
  }
  file_watch_->Watch(watched_, begin);
}

void Discovery::FilesChanged(const std::vector<std::string>& paths) {
  for (const std::string& path : paths) {
    if (FileSource* const file = files_.Find(path)) file->Read();
  }
}

void Discovery::ArmPatience() {
  std::optional<base::TimePoint> first;
  for (const auto& [cluster, source] : sources_) {
    const auto ends = source->patience_ends;
    if (ends && *ends > loop_.now() && (!first || *ends < *first)) first = ends;
  }
  if (!first) return patience_.Cancel();
  loop_.Arm(patience_, std::chrono::ceil<base::Duration>(*first - loop_.now()));
}

}  // namespace hawser::cluster
