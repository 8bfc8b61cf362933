// The last changes of an endpoint's health, and why each one came: what /clusters shows. A ring: when it is
// full, the oldest change goes. A value; whoever shares it guards it.
//
//   log.Add({.at = std::chrono::system_clock::now(), .from = "in", .to = "ejected", .why = "reset"});
//   for (const HealthChange& change : log.Changes()) ...
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hawser::cluster {

struct HealthChange {
  std::chrono::system_clock::time_point at;
  std::string_view from;  // states as Endpoint::state_name has them: texts that live for ever
  std::string_view to;
  std::string why;  // in words; may be empty
};

class HealthLog {
 public:
  static constexpr size_t kMostChanges = 16;
  static constexpr size_t kMostWhy = 256;  // bytes of one reason; a longer one is cut

  void Add(HealthChange change) {
    if (change.why.size() > kMostWhy) change.why.resize(kMostWhy);
    if (changes_.size() < kMostChanges) {
      changes_.push_back(std::move(change));
      return;
    }
    changes_[oldest_] = std::move(change);
    oldest_ = (oldest_ + 1) % kMostChanges;
  }

  // The oldest first.
  std::vector<HealthChange> Changes() const {
    std::vector<HealthChange> changes = changes_;
    std::rotate(changes.begin(), changes.begin() + static_cast<std::ptrdiff_t>(oldest_), changes.end());
    return changes;
  }

 private:
  std::vector<HealthChange> changes_;
  size_t oldest_ = 0;  // once it is full
};

}  // namespace hawser::cluster
