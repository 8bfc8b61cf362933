// The order of reloads: one at a time, and one more behind it for all who ask meanwhile, since the one under
// way may have read the file already. Also counts what they came to. Main thread.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "proxy/server/reload_result.h"

namespace hawser::server {

class Reloads {
 public:
  using Done = absl::AnyInvocable<void(const ReloadResult&)>;
  using WallTime = std::chrono::system_clock::time_point;

  // `begin` begins a reload, whose end Finish tells, at once or later.
  explicit Reloads(absl::AnyInvocable<void()> begin) : begin_(std::move(begin)) {}

  // `done` gets the result of a reload that begins after this call. May be empty.
  void Ask(Done done);
  // The one that began last has ended.
  void Finish(const ReloadResult& result);

  bool under_way() const { return under_way_; }
  // How many ended so, since the start.
  uint64_t count(ReloadResult::Kind kind) const { return counts_[static_cast<size_t>(kind)]; }
  // When the last one ended without an error: applied, or nothing to apply. Before the first: the start.
  WallTime last_success() const { return last_success_; }

 private:
  void Begin();

  absl::AnyInvocable<void()> begin_;
  bool under_way_ = false;
  std::vector<Done> waiting_;  // for the one under way
  std::vector<Done> next_;     // for the one behind it
  std::array<uint64_t, 4> counts_{};
  WallTime last_success_ = std::chrono::system_clock::now();
};

}  // namespace hawser::server
