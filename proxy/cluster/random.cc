// Weighted random: no state, no bursts to one endpoint, and an even spread over many picks.
#include "proxy/base/hash.h"
#include "proxy/cluster/policies.h"
#include "proxy/cluster/weighted_choice.h"

namespace hawser::cluster {
namespace {

class Random final : public Balancer {
 public:
  explicit Random(const UsableView& view) : choice_(view.members()) {}

  Endpoint* Pick(const PickKey& key) override {
    if (choice_.empty()) return nullptr;
    const Member& drawn = choice_.Pick(Draws(key.random).first);
    if (!key.Avoids(drawn)) return drawn.endpoint.get();
    // Draws again: the old draw points at one that is avoided, so it is no longer uniform.
    const Member* picked = choice_.PickOther(Draws(base::Mix64(key.random)).first, key, nullptr);
    return picked == nullptr ? nullptr : picked->endpoint.get();
  }

  void Adopt(const UsableView& view) override { choice_ = WeightedChoice(view.members()); }

 private:
  WeightedChoice choice_;
};

}  // namespace

std::unique_ptr<Balancer> MakeRandom(const UsableView& view) {
  return std::make_unique<Random>(view);
}

}  // namespace hawser::cluster
