// The names or files that several sources share: one watch for each, which lives as long as a source uses it.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "proxy/base/check.h"

namespace hawser::cluster {

template <typename Watch, typename User>
class WatchTable {
 public:
  struct Shared {
    std::unique_ptr<Watch> watch;
    absl::flat_hash_set<User*> users;
  };

  // `make(shared)` gives the watch where there is none of that name. Its Shared does not move.
  template <typename Make>
  void Use(const std::string& name, User& user, Make make) {
    auto& shared = table_[name];
    if (shared == nullptr) {
      shared = std::make_unique<Shared>();
      shared->watch = make(*shared);
    }
    shared->users.insert(&user);
  }

  void Leave(const std::string& name, User& user) {
    const auto found = table_.find(name);
    HAWSER_DCHECK(found != table_.end() && found->second->users.contains(&user));
    found->second->users.erase(&user);
    if (found->second->users.empty()) unused_.push_back(name);
  }

  // Ends the watches that nobody uses any more. Until then one may come back to them.
  void Sweep() {
    for (const std::string& name : std::exchange(unused_, {})) {
      const auto found = table_.find(name);
      if (found != table_.end() && found->second->users.empty()) table_.erase(found);
    }
  }

  // One that is used.
  Watch& at(const std::string& name) const { return *table_.at(name)->watch; }
  Watch* Find(const std::string& name) const {
    const auto found = table_.find(name);
    return found == table_.end() ? nullptr : found->second->watch.get();
  }
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (const auto& [name, shared] : table_) visit(name, *shared->watch);
  }

 private:
  absl::flat_hash_map<std::string, std::unique_ptr<Shared>> table_;
  std::vector<std::string> unused_;  // names; some are used again, or stand here twice
};

}  // namespace hawser::cluster
