// The further tries of one request: whether one may follow a try that has failed. `retry` of the cluster says
// what is tried again, how often, and how many further tries may be under way to the cluster at one time: in
// a budget, as a share of all that is under way, so that a cluster which fails does not get a multiple of its
// load. Loop thread only.
#pragma once

#include <cstdint>
#include <optional>

#include "config/retry.h"
#include "proxy/cluster/load.h"

namespace hawser::session {

class Retries {
 public:
  enum class Answer : uint8_t {
    kNo,     // such a failure is not tried again
    kSpent,  // it would be, but `attempts` or the budget is spent
    kYes,
  };

  // Why an answer with this status may be tried again; nothing for most of them.
  static std::optional<config::RetryOn> CauseOf(int status);

  // Whether one more may follow what has failed for `cause`; nothing: whatever is named. Takes nothing.
  Answer Ask(const config::Retry& settings, std::optional<config::RetryOn> cause) const;
  // After kYes: takes a place in the budget, until Leave. False: there is none.
  [[nodiscard]] bool Enter(const config::Retry& settings, cluster::Load& load);
  void Leave() { lease_.Release(); }

  // A try begins. Returns how many have begun.
  uint8_t Begin() { return ++begun_; }
  // It did not begin after all.
  uint8_t TakeBack() { return --begun_; }

 private:
  uint8_t begun_ = 0;
  cluster::RetryLease lease_;
};

}  // namespace hawser::session
