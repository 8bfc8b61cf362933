// Weighted random: no state, no bursts to one endpoint, and an even spread over many picks.
#include "proxy/base/hash.h"
#include "proxy/cluster/policies.h"
#include "proxy/cluster/weighted_choice.h"

namespace hawser::cluster {
namespace {

class Random final : public Balancer {
 public:
  explicit Random(Endpoints endpoints) : any_(!endpoints.empty()), choice_(endpoints) {}

  Endpoint* Pick(const PickKey& key) override {
    if (!any_) return nullptr;
    Endpoint& drawn = choice_.Pick(Draws(key.random).first);
    if (Usable(drawn, key.tried)) return &drawn;
    // Draws again: the old draw points at an unusable endpoint, so it is no longer uniform.
    const uint32_t draw = Draws(base::Mix64(key.random)).first;
    Endpoint* picked = choice_.PickUsable(draw, key.tried, nullptr);
    return picked != nullptr || key.tried.empty() ? picked : choice_.PickUsable(draw, {}, nullptr);
  }

 private:
  const bool any_;
  const WeightedChoice choice_;
};

}  // namespace

std::unique_ptr<Balancer> MakeRandom(Endpoints endpoints) {
  return std::make_unique<Random>(endpoints);
}

}  // namespace hawser::cluster
