// The members of a priority that may be picked now, with the weights that count for them now. Made anew when
// the state of an endpoint changes, and step by step while one warms up; so a policy asks nothing of an
// endpoint that is in. While all is well it is the level itself and copies nothing.
//
// A worker's own.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/cluster/member_table.h"
#include "proxy/cluster/priority_shares.h"
#include "proxy/cluster/slow_start.h"

namespace hawser::cluster {

class UsableView {
 public:
  // `level` must outlive it. `slow_start`: nothing for policies whose tables have fixed weights.
  UsableView(const MemberLevel& level, const std::optional<SlowStart>& slow_start, base::TimePoint now);
  UsableView(const UsableView&) = delete;
  UsableView& operator=(const UsableView&) = delete;

  const MemberLevel& level() const { return level_; }
  // Those that may be picked, sorted by key. No weight is 0. While one warms up all weights are multiplied.
  Members members() const { return members_; }
  // Whether the member at this place of the level is one of them.
  bool Has(size_t place) const { return usable_.empty() || usable_[place]; }

  PriorityHealth health() const { return health_; }
  // When the weights change next, if no state does before.
  base::TimePoint until() const { return until_; }

 private:
  void Weigh(const SlowStart& slow_start, base::TimePoint now);

  const MemberLevel& level_;
  Members members_;
  std::vector<Member> own_;   // what members_ has, where it is not all of the level
  std::vector<bool> usable_;  // by place in the level; empty: all
  PriorityHealth health_;
  base::TimePoint until_ = base::TimePoint::max();
};

}  // namespace hawser::cluster
