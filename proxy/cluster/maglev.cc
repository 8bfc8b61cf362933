#include "proxy/cluster/maglev.h"

#include <algorithm>
#include <string>

#include "proxy/base/check.h"
#include "proxy/base/hash.h"
#include "proxy/cluster/policies.h"
#include "proxy/cluster/rendezvous.h"
#include "proxy/cluster/stable_hash.h"

namespace hawser::cluster {
namespace {

constexpr uint32_t kFree = UINT32_MAX;

// An endpoint's walk through its permutation: from `slot` in steps of `skip`, which meet every slot once.
struct Walker {
  uint32_t owner;
  uint64_t weight;
  uint32_t slot;
  uint32_t skip;
  uint64_t taken = 0;  // slots
};

std::vector<Walker> WalkersOf(Members members) {
  std::vector<Walker> walkers;
  walkers.reserve(members.size());
  for (uint32_t i = 0; i < members.size(); ++i) {
    if (members[i].weight == 0) continue;
    const std::string& key = members[i].endpoint->hash_key();
    walkers.push_back({.owner = i,
                       .weight = members[i].weight,
                       .slot = static_cast<uint32_t>(StableHash(key, 0) % MaglevTable::kSlots),
                       .skip = static_cast<uint32_t>(StableHash(key, 1) % (MaglevTable::kSlots - 1) + 1)});
  }
  return walkers;
}

void TakeNextFree(Walker& walker, std::vector<uint32_t>& owners) {
  while (owners[walker.slot] != kFree) walker.slot = (walker.slot + walker.skip) % MaglevTable::kSlots;
  HAWSER_DCHECK(walker.slot < owners.size());
  owners[walker.slot] = walker.owner;
  ++walker.taken;
}

}  // namespace

MaglevTable::MaglevTable(Members members) {
  std::vector<Walker> walkers = WalkersOf(members);
  if (walkers.empty()) return;
  owners_.assign(kSlots, kFree);
  uint64_t heaviest = 0;
  for (const Walker& walker : walkers) heaviest = std::max(heaviest, walker.weight);

  uint32_t filled = 0;
  for (uint64_t round = 1;; ++round) {
    for (Walker& walker : walkers) {
      if (round * walker.weight < walker.taken * heaviest) continue;
      TakeNextFree(walker, owners_);
      if (++filled == kSlots) return;
    }
  }
}

namespace {

class Maglev final : public Balancer {
 public:
  explicit Maglev(const UsableView& view) { Adopt(view); }

  // Where the slot's owner may not be picked, the slot of the hash of the hash is next, and so on. Every
  // hawser that sees the same endpoints out comes to the same one, weights hold, and requests whose own owner
  // may be picked do not move.
  Endpoint* Pick(const PickKey& key) override {
    const MaglevTable& slots = *view_->level().maglev();
    if (slots.empty()) return nullptr;
    const Members members = view_->level().members();
    const uint64_t hash = key.hash.value_or(key.random);
    uint64_t probe = hash;
    for (size_t i = 0; i <= 2 * members.size(); ++i) {
      const uint32_t owner = slots.Owner(probe);
      if (view_->Has(owner) && !key.Avoids(members[owner])) return members[owner].endpoint.get();
      probe = base::Mix64(probe);
    }
    return RendezvousPick(view_->members(), hash, key);  // so few may be picked that probing could take long
  }

  void Adopt(const UsableView& view) override {
    HAWSER_DCHECK(view.level().maglev() != nullptr);
    view_ = &view;
  }

 private:
  const UsableView* view_ = nullptr;
};

}  // namespace

std::unique_ptr<Balancer> MakeMaglev(const UsableView& view) {
  return std::make_unique<Maglev>(view);
}

}  // namespace hawser::cluster
