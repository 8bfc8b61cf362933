// Where the endpoints of clusters are found that the configuration does not list as addresses: behind host
// names, in SRV records (RFC 2782), and in files. It tells the targets of each cluster whenever they have
// changed, and keeps the last good ones where it learns nothing: a name that cannot be resolved, an answer
// without records, and a file that cannot be used take no endpoint away.
//
// A cluster's targets are told once each of its names and its file has had a first answer or a failure, or
// `dns.initial_timeout` has passed; so a reload that brings a new name does not empty the cluster meanwhile.
// If nothing at all is found, the targets from before stay. Only a file that says `[]` makes a cluster
// empty.
//
// Main thread only. Names and files are shared by all clusters that have them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "config/cluster.h"
#include "config/dns.h"
#include "proxy/cluster/file_source.h"
#include "proxy/cluster/name_watch.h"
#include "proxy/cluster/target.h"
#include "proxy/cluster/watch_table.h"
#include "proxy/event/file_watch.h"
#include "proxy/event/loop.h"
#include "proxy/resolve/resolver.h"

namespace hawser::cluster {

class Discovery final : public event::IoHandler {
 public:
  struct Calls {
    // By priority, address and name. None only where a file says so. It does not call back.
    absl::AnyInvocable<void(const std::string& cluster, const std::vector<Target>& targets)> changed;
    // Once: for every cluster of the first Set it is known whether there are targets.
    absl::AnyInvocable<void()> ready;
    FileSource::Load load_file;
  };
  struct Counts {  // of one cluster, since it is discovered
    uint64_t answers = 0;
    uint64_t failures = 0;  // names without an answer, and files that cannot be used
  };

  // Whether a cluster needs it: its endpoints are not all addresses.
  static bool Needs(const config::Cluster& settings);

  Discovery(event::Loop& loop, resolve::Resolver& resolver, Calls calls);
  ~Discovery() override;
  Discovery(const Discovery&) = delete;
  Discovery& operator=(const Discovery&) = delete;

  // The clusters as they are configured now; those that do not need discovery are not looked at. What did
  // not change keeps its state and its timers. Calls nothing before it returns.
  void Set(std::span<const config::Cluster> clusters);
  // New settings for names. If they differ from those in use, all names are asked for again.
  void Use(resolve::Setup setup);

  // These are read again, if they are endpoints' files. It finds out by itself (event::FileWatch) that they
  // have changed.
  void FilesChanged(const std::vector<std::string>& paths);

  bool ready() const { return ready_; }
  Counts counts(std::string_view cluster) const;
  const resolve::Resolver& resolver() const { return resolver_; }

  void OnReady(event::Ready ready) override;

 private:
  // One cluster's.
  struct Source {
    std::string cluster;
    std::vector<config::Endpoint> endpoints;     // configured
    std::optional<config::Discovery> discovery;  // instead
    std::set<std::string> names;                 // those that it uses of each table
    std::set<std::string> services;
    std::set<std::string> files;
    std::optional<base::TimePoint> patience_ends;  // for first answers; nothing: all are there
    bool told = false;                             // or there were none to tell
    std::vector<Target> targets;                   // as they were told
    Counts counts;
  };
  using Names = WatchTable<AddressWatch, Source>;
  using Services = WatchTable<ServiceWatch, Source>;
  using Files = WatchTable<FileSource, Source>;

  // What a source is about to look up, before names are addresses.
  struct Entry {
    config::BackendAddress address;
    uint32_t weight = 1;
    uint32_t priority = 0;
  };

  void Update(Source& source);
  void UseLists(Source& source);
  void UseNames(Source& source, const std::vector<Entry>& entries);
  void BePatient(Source& source);
  bool Settled(const Source& source) const;
  std::vector<Entry> EntriesOf(const Source& source) const;
  std::vector<Target> TargetsOf(const std::vector<Entry>& entries) const;
  void Tell(Source& source, std::vector<Target> targets);
  void Release(Source& source);
  void OnNews(const absl::flat_hash_set<Source*>& users, News news);
  void WatchFiles(event::FileTime begin);

  void ArmPatience();

  event::Loop& loop_;
  resolve::Resolver& resolver_;
  Calls calls_;
  absl::flat_hash_map<std::string, std::unique_ptr<Source>> sources_;  // by cluster
  absl::flat_hash_set<Source*> dirty_;
  Names names_;
  Services services_;
  Files files_;
  std::vector<std::string> watched_;              // the paths of files_, in order
  std::unique_ptr<event::FileWatch> file_watch_;  // null until there is a file
  bool ready_ = false;
  event::Timer patience_;
};

}  // namespace hawser::cluster
