#include "proxy/cluster/maglev.h"

#include <algorithm>

#include "proxy/base/check.h"
#include "proxy/base/hash.h"
#include "proxy/cluster/policies.h"
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

std::vector<Walker> WalkersOf(Endpoints endpoints) {
  std::vector<Walker> walkers;
  walkers.reserve(endpoints.size());
  for (const uint32_t i : StableOrder(endpoints)) {
    const Endpoint& endpoint = *endpoints[i];
    walkers.push_back(
        {.owner = i,
         .weight = endpoint.weight(),
         .slot = static_cast<uint32_t>(StableHash(endpoint.name(), 0) % MaglevTable::kSlots),
         .skip = static_cast<uint32_t>(StableHash(endpoint.name(), 1) % (MaglevTable::kSlots - 1) + 1)});
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

MaglevTable::MaglevTable(Endpoints endpoints) {
  if (endpoints.empty()) return;
  owners_.assign(kSlots, kFree);
  std::vector<Walker> walkers = WalkersOf(endpoints);
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
  Maglev(Endpoints endpoints, const MaglevTable& table) : endpoints_(endpoints), table_(table) {}

  Endpoint* Pick(const PickKey& key) override {
    if (table_.empty()) return nullptr;
    const uint64_t hash = key.hash.value_or(key.random);
    Endpoint& owner = *endpoints_[table_.Owner(hash)];
    if (Usable(owner, key.tried)) return &owner;
    Endpoint* picked = Probe(hash, key.tried);
    return picked != nullptr || key.tried.empty() ? picked : Probe(hash, {});
  }

 private:
  // The slot's owner is out: the slot of the hash of the hash is next, and so on. Every hawser that sees the
  // same endpoints out comes to the same one, weights hold, and requests whose own owner is in do not move.
  Endpoint* Probe(uint64_t hash, EndpointSet avoid) const {
    uint64_t probe = hash;
    for (size_t i = 0; i < 2 * endpoints_.size(); ++i) {
      probe = base::Mix64(probe);
      Endpoint& owner = *endpoints_[table_.Owner(probe)];
      if (Usable(owner, avoid)) return &owner;
    }
    return RendezvousPick(endpoints_, hash, avoid);  // so few are usable that probing could take long
  }

  const Endpoints endpoints_;
  const MaglevTable& table_;
};

}  // namespace

std::unique_ptr<Balancer> MakeMaglev(Endpoints endpoints, const MaglevTable& table) {
  return std::make_unique<Maglev>(endpoints, table);
}

}  // namespace hawser::cluster
