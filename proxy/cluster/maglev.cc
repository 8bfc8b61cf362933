#include "proxy/cluster/maglev.h"

#include <algorithm>
#include <string>

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

std::vector<Walker> WalkersOf(Members members) {
  std::vector<Walker> walkers;
  walkers.reserve(members.size());
  for (uint32_t i = 0; i < members.size(); ++i) {
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
  if (members.empty()) return;
  owners_.assign(kSlots, kFree);
  std::vector<Walker> walkers = WalkersOf(members);
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
  explicit Maglev(const MemberTable& table) { Adopt(table); }

  Endpoint* Pick(const PickKey& key) override {
    if (members_.empty()) return nullptr;
    const uint64_t hash = key.hash.value_or(key.random);
    Endpoint& owner = *members_[slots_->Owner(hash)].endpoint;
    if (Usable(owner, key.tried)) return &owner;
    Endpoint* picked = Probe(hash, key.tried);
    return picked != nullptr || key.tried.empty() ? picked : Probe(hash, {});
  }

  void Adopt(const MemberTable& table) override {
    members_ = table.members();
    slots_ = table.maglev();
    HAWSER_DCHECK(slots_ != nullptr);
  }

 private:
  // The slot's owner is out: the slot of the hash of the hash is next, and so on. Every hawser that sees the
  // same endpoints out comes to the same one, weights hold, and requests whose own owner is in do not move.
  Endpoint* Probe(uint64_t hash, EndpointSet avoid) const {
    uint64_t probe = hash;
    for (size_t i = 0; i < 2 * members_.size(); ++i) {
      probe = base::Mix64(probe);
      Endpoint& owner = *members_[slots_->Owner(probe)].endpoint;
      if (Usable(owner, avoid)) return &owner;
    }
    return RendezvousPick(members_, hash, avoid);  // so few are usable that probing could take long
  }

  Members members_;
  const MaglevTable* slots_ = nullptr;
};

}  // namespace

std::unique_ptr<Balancer> MakeMaglev(const MemberTable& table) {
  return std::make_unique<Maglev>(table);
}

}  // namespace hawser::cluster
