// Rebalancing of one cluster: which endpoints have more tunnels than their fair share, and how many of these
// each worker closes in the next second. Values in, orders out; the rebalancer carries them out.
//
//   fair share = tunnels of the cluster * share of its priority * its weight / weights of the priority
//
// with the weights in force while endpoints warm up (slow start). A priority that gets nothing new has no
// fair share: what went there while the first one was out moves back.
//
// An endpoint begins to shed when it is above its fair share by more than `above` percent and by one whole
// tunnel at least: three tunnels on two endpoints stay where they are. It sheds at most `rate` tunnels a
// second, over all workers, until it is less than one tunnel above its fair share, and watches for some
// seconds whether it stays there. Clients that it has given away are on their way back, so that the number of
// tunnels dips meanwhile: the highest one counts. Tunnels whose close is slow count as closed.
//
// Nobody sheds while an endpoint of the cluster is out (failed, ejected) or leaves and still has tunnels. A
// priority that gets nothing new, since those before it are sound, may have endpoints that are out.
//
// Ejections whose time is over are ended here: there may be no pick that does so. Such an endpoint needs a
// client that tries it; when none has come for some time, one tunnel a second is closed to bring one.
//
// Who takes no part is no receiver and keeps its tunnels: endpoints of weight 0, which get no new tunnels,
// and those that are checked and have no result yet.
//
// Main thread; no timers of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "config/schema.h"
#include "proxy/base/clock.h"
#include "proxy/cluster/departures.h"
#include "proxy/cluster/membership.h"
#include "proxy/session/drain_order.h"

namespace hawser::server {

class FairShares {
 public:
  // To a worker: it closes tunnels to an endpoint, the longest silent first, spread over a second.
  struct Order {
    size_t worker;
    std::shared_ptr<cluster::Endpoint> endpoint;
    size_t most;    // 0: they are only counted
    uint16_t code;  // for the clients (RFC 6455 §7.4)
    std::shared_ptr<session::DrainTally> tally;
  };

  explicit FairShares(size_t workers);
  FairShares(const FairShares&) = delete;
  FairShares& operator=(const FairShares&) = delete;
  ~FairShares();

  // What is due, about a second after the last call. `wall`: what cookies are minted by. `unchecked`: whether
  // an endpoint's checks have no result yet.
  std::vector<Order> Step(const cluster::Membership& membership,
                          std::span<const cluster::Departure> departures,
                          absl::FunctionRef<bool(const cluster::Endpoint&)> unchecked, base::TimePoint now,
                          cluster::WallTime wall);
  // Nobody sheds any more; `why` is for the log.
  void Stop(std::string_view why);

  // Tunnels whose close has begun, ever.
  uint64_t closed() const;

 private:
  struct Share;
  struct Shedding;

  std::vector<Share> TakePart(const cluster::Membership& membership,
                              absl::FunctionRef<bool(const cluster::Endpoint&)> unchecked,
                              base::TimePoint now) const;
  static std::vector<uint32_t> PercentsOf(std::span<const Share> shares,
                                          const cluster::Membership& membership);
  static std::optional<size_t> MostNow(std::span<const Share> shares, std::span<const uint32_t> percents,
                                       base::TimePoint now);
  void SetFair(std::span<Share> shares, std::span<const uint32_t> percents);
  double TunnelsThatStay(const cluster::Endpoint& endpoint) const;
  Shedding* Find(const cluster::Endpoint& endpoint) const;
  Shedding& Begin(const Share& share, const config::Rebalance& settings, base::TimePoint now,
                  cluster::WallTime wall);
  static void End(Shedding& shedding, std::string_view why);
  // Returns how many: `most`, at the most.
  size_t Give(Shedding& shedding, const Share& share, const config::Rebalance& settings, size_t most,
              base::TimePoint now, std::vector<Order>& orders);
  std::vector<size_t> Split(const Shedding& shedding, size_t tunnels);
  void ForgetEnded();

  const size_t workers_;
  std::vector<std::unique_ptr<Shedding>> sheddings_;  // under way, or with closes that are
  double highest_total_ = 0;                          // of all tunnels, since somebody sheds
  size_t first_worker_ = 0;                           // whose turn is next to get what does not divide
  uint64_t forgotten_ = 0;                            // closed by those that are not in `sheddings_` any more
};

}  // namespace hawser::server
