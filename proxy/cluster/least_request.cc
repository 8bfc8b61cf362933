// The power of two choices (Mitzenmacher 2001): two endpoints are drawn by weight, and the one with the lower
// load gets the request. The load is the number of open requests and tunnels of all workers, including this
// request, per weight. It beats picking the minimum, which sends every worker to the same endpoint, and
// forgets stale counts at once.
#include "proxy/base/hash.h"
#include "proxy/cluster/policies.h"
#include "proxy/cluster/weighted_choice.h"

namespace hawser::cluster {
namespace {

// If both have the same load, the first, which was drawn by weight from all.
Endpoint* LessLoaded(Endpoint& first, Endpoint& second) {
  const int64_t first_load = (first.active() + 1) * second.weight();
  const int64_t second_load = (second.active() + 1) * first.weight();
  return first_load <= second_load ? &first : &second;
}

class LeastRequest final : public Balancer {
 public:
  explicit LeastRequest(Endpoints endpoints) : any_(!endpoints.empty()), choice_(endpoints) {}

  Endpoint* Pick(const PickKey& key) override {
    if (!any_) return nullptr;
    const auto [first, second] = choice_.PickTwo(Draws(key.random));
    if (Usable(first, key.tried) && Usable(second, key.tried)) return LessLoaded(first, second);
    // Draws again: the old draw points at an unusable endpoint, so it is no longer uniform.
    const Draws draws(base::Mix64(key.random));
    Endpoint* picked = PickUsable(draws, key.tried);
    return picked != nullptr || key.tried.empty() ? picked : PickUsable(draws, {});
  }

 private:
  Endpoint* PickUsable(Draws draws, EndpointSet avoid) const {
    Endpoint* first = choice_.PickUsable(draws.first, avoid, nullptr);
    if (first == nullptr) return nullptr;
    Endpoint* second = choice_.PickUsable(draws.second, avoid, first);
    return second == nullptr ? first : LessLoaded(*first, *second);
  }

  const bool any_;
  const WeightedChoice choice_;
};

}  // namespace

std::unique_ptr<Balancer> MakeLeastRequest(Endpoints endpoints) {
  return std::make_unique<LeastRequest>(endpoints);
}

}  // namespace hawser::cluster
