// Weighted random: no state, no bursts to one endpoint, and an even spread over many picks.
#include "proxy/base/hash.h"
#include "proxy/cluster/policies.h"
#include "proxy/cluster/weighted_choice.h"

namespace hawser::cluster {
namespace {

class Random final : public Balancer {
 public:
  explicit Random(const MemberTable& table) : choice_(table.members()) {}

  Endpoint* Pick(const PickKey& key) override {
    if (choice_.empty()) return nullptr;
    Endpoint& drawn = *choice_.Pick(Draws(key.random).first).endpoint;
    if (Usable(drawn, key.tried)) return &drawn;
    // Draws again: the old draw points at an unusable endpoint, so it is no longer uniform.
    const uint32_t draw = Draws(base::Mix64(key.random)).first;
    const Member* picked = choice_.PickUsable(draw, key.tried, nullptr);
    if (picked == nullptr && !key.tried.empty()) picked = choice_.PickUsable(draw, {}, nullptr);
    return picked == nullptr ? nullptr : picked->endpoint.get();
  }

  void Adopt(const MemberTable& table) override { choice_ = WeightedChoice(table.members()); }

 private:
  WeightedChoice choice_;
};

}  // namespace

std::unique_ptr<Balancer> MakeRandom(const MemberTable& table) {
  return std::make_unique<Random>(table);
}

}  // namespace hawser::cluster
