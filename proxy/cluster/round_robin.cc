// Smooth weighted round robin, as nginx has it: with each pick the credit of every usable endpoint grows by
// its weight, the endpoint with the highest credit is picked, and its credit is reduced by the sum of the
// weights. With weights 5, 1, 1 that gives a a b a c a a, never five in a row.
//
// Workers that all began at the first endpoint would send it a burst at start, so each worker begins with
// random credits. All are within one full round, so they shift the order and not the shares. An endpoint that
// joins begins in the same way around the mean of the others: it gets no burst, and need not wait.
#include <algorithm>
#include <string>
#include <vector>

#include "proxy/base/hash.h"
#include "proxy/cluster/policies.h"

namespace hawser::cluster {
namespace {

class RoundRobin final : public Balancer {
 public:
  RoundRobin(const UsableView& view, uint64_t seed) : random_(seed) { Adopt(view); }

  Endpoint* Pick(const PickKey& key) override {
    int64_t gained = 0;
    int64_t* highest = nullptr;
    Endpoint* picked = nullptr;
    const bool avoids = !key.tried.empty() || key.room != nullptr;
    for (size_t i = 0; i < members_.size(); ++i) {
      const Member& member = members_[i];
      if (avoids && key.Avoids(member)) continue;
      credit_[i] += member.weight;
      gained += member.weight;
      if (highest != nullptr && credit_[i] <= *highest) continue;
      highest = &credit_[i];
      picked = member.endpoint.get();
    }
    if (highest != nullptr) *highest -= gained;
    return picked;
  }

  // Credits are kept as they stand to each other, in proportion to a round of the new weights and within one.
  void Adopt(const UsableView& view) override {
    const Members members = view.members();
    int64_t round = 0;
    for (const Member& member : members) round += member.weight;
    const int64_t mean = Mean();
    std::vector<int64_t> credit;
    credit.reserve(members.size());
    size_t before = 0;  // both are sorted by key
    for (const Member& member : members) {
      const std::string& key = member.endpoint->hash_key();
      while (before < members_.size() && members_[before].endpoint->hash_key() < key) ++before;
      const bool known = before < members_.size() && members_[before].endpoint == member.endpoint;
      credit.push_back(known ? Scaled(credit_[before] - mean, round) : Start(round));
    }
    members_ = members;
    credit_ = std::move(credit);
    round_ = round;
  }

 private:
  int64_t Scaled(int64_t credit, int64_t round) const {
    const auto scaled = round == round_
                            ? credit
                            : static_cast<int64_t>(static_cast<double>(credit) * static_cast<double>(round) /
                                                   static_cast<double>(round_));
    return std::clamp(scaled, -round, round);
  }
  int64_t Mean() const {
    int64_t sum = 0;
    for (const int64_t credit : credit_) sum += credit;
    return credit_.empty() ? 0 : sum / static_cast<int64_t>(credit_.size());
  }
  // Within half a round of the mean, which is 0.
  int64_t Start(int64_t round) {
    random_ = base::Mix64(random_ + 1);
    return static_cast<int64_t>(random_ % static_cast<uint64_t>(round)) - round / 2;
  }

  Members members_;
  int64_t round_ = 0;            // the sum of their weights
  std::vector<int64_t> credit_;  // one a member; between two changes of the members their sum never changes
  uint64_t random_;
};

}  // namespace

std::unique_ptr<Balancer> MakeRoundRobin(const UsableView& view, uint64_t seed) {
  return std::make_unique<RoundRobin>(view, seed);
}

}  // namespace hawser::cluster
