// The power of two choices (Mitzenmacher 2001): two endpoints are drawn by weight, and the one with the lower
// load gets the request. The load is the number of open requests and tunnels of all workers, including this
// request, per weight. The weights are those in force: an endpoint that warms up has less. It beats picking
// the minimum, which sends every worker to the same endpoint, and forgets stale counts at once.
#include "proxy/base/hash.h"
#include "proxy/cluster/policies.h"
#include "proxy/cluster/weighted_choice.h"

namespace hawser::cluster {
namespace {

// If both have the same load, the first, which was drawn by weight from all.
const Member& LessLoaded(const Member& first, const Member& second) {
  const int64_t first_load = (first.endpoint->active() + 1) * second.weight;
  const int64_t second_load = (second.endpoint->active() + 1) * first.weight;
  return first_load <= second_load ? first : second;
}

class LeastRequest final : public Balancer {
 public:
  explicit LeastRequest(const UsableView& view) : choice_(view.members()) {}

  Endpoint* Pick(const PickKey& key) override {
    if (choice_.empty()) return nullptr;
    const auto [first, second] = choice_.PickTwo(Draws(key.random));
    if (!key.Avoids(first) && !key.Avoids(second)) return LessLoaded(first, second).endpoint.get();
    // Draws again: the old draw points at one that is avoided, so it is no longer uniform.
    const Draws draws(base::Mix64(key.random));
    const Member* one = choice_.PickOther(draws.first, key, nullptr);
    if (one == nullptr) return nullptr;
    const Member* other = choice_.PickOther(draws.second, key, one);
    return (other == nullptr ? *one : LessLoaded(*one, *other)).endpoint.get();
  }

  void Adopt(const UsableView& view) override { choice_ = WeightedChoice(view.members()); }

 private:
  WeightedChoice choice_;
};

}  // namespace

std::unique_ptr<Balancer> MakeLeastRequest(const UsableView& view) {
  return std::make_unique<LeastRequest>(view);
}

}  // namespace hawser::cluster
