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
const Member& LessLoaded(const Member& first, const Member& second) {
  const int64_t first_load = (first.endpoint->active() + 1) * second.weight;
  const int64_t second_load = (second.endpoint->active() + 1) * first.weight;
  return first_load <= second_load ? first : second;
}

class LeastRequest final : public Balancer {
 public:
  explicit LeastRequest(const MemberTable& table) : choice_(table.members()) {}

  Endpoint* Pick(const PickKey& key) override {
    if (choice_.empty()) return nullptr;
    const auto [first, second] = choice_.PickTwo(Draws(key.random));
    if (Usable(*first.endpoint, key.tried) && Usable(*second.endpoint, key.tried))
      return LessLoaded(first, second).endpoint.get();
    // Draws again: the old draw points at an unusable endpoint, so it is no longer uniform.
    const Draws draws(base::Mix64(key.random));
    Endpoint* picked = PickUsable(draws, key.tried);
    return picked != nullptr || key.tried.empty() ? picked : PickUsable(draws, {});
  }

  void Adopt(const MemberTable& table) override { choice_ = WeightedChoice(table.members()); }

 private:
  Endpoint* PickUsable(Draws draws, EndpointSet avoid) const {
    const Member* first = choice_.PickUsable(draws.first, avoid, nullptr);
    if (first == nullptr) return nullptr;
    const Member* second = choice_.PickUsable(draws.second, avoid, first);
    return (second == nullptr ? *first : LessLoaded(*first, *second)).endpoint.get();
  }

  WeightedChoice choice_;
};

}  // namespace

std::unique_ptr<Balancer> MakeLeastRequest(const MemberTable& table) {
  return std::make_unique<LeastRequest>(table);
}

}  // namespace hawser::cluster
