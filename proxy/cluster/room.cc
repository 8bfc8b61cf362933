#include "proxy/cluster/room.h"

#include "proxy/base/check.h"

namespace hawser::cluster {
namespace {

Open With(Open open, Work work, int more) {
  (work == Work::kHandshake ? open.handshakes : open.requests) += more;
  return open;
}

bool Over(int64_t count, uint32_t limit) {
  return limit > 0 && count > int64_t{limit};
}

}  // namespace

bool HasLimits(const config::CircuitBreakers& limits) {
  return limits.tunnels > 0 || limits.requests > 0 || limits.connecting > 0;
}

NoPick OverLimit(const config::CircuitBreakers& limits, Work work, const Open& open) {
  if (work == Work::kRequest)
    return Over(open.requests, limits.requests) ? NoPick::kRequestsFull : NoPick::kNone;
  return Over(open.handshakes + open.tunnels, limits.tunnels) ? NoPick::kTunnelsFull : NoPick::kNone;
}

bool ConnectingIsFull(const config::CircuitBreakers& limits, Work work, const Endpoint& endpoint,
                      int64_t connecting) {
  if (!Over(connecting + 1, limits.connecting)) return false;
  return work != Work::kRequest || endpoint.idle_connections() == 0;
}

RoomRules::RoomRules(const config::Cluster& settings, bool shares) {
  config::CircuitBreakers of_endpoint = settings.endpoint_circuit_breakers;
  if (shares) of_endpoint.connecting = 0;
  if (HasLimits(of_endpoint)) breakers = of_endpoint;
  const bool hashes =
      settings.lb_policy == config::LbPolicy::kRingHash || settings.lb_policy == config::LbPolicy::kMaglev;
  if (hashes) balance_factor = settings.hash_balance_factor;
  if (settings.admission) {
    const config::Admission& settings_of = *settings.admission;
    admission = {.rate = AdmissionRate::Of(settings_of.rate.per_second, settings_of.burst),
                 .pending = settings_of.pending};
  }
}

void Room::Bound(Members members) {
  if (rules_.balance_factor == 0) return;
  open_ = 1;
  weights_ = 0;
  for (const Member& member : members) {
    open_ += ActiveAt(*member.endpoint);
    weights_ += member.weight;
  }
}

bool Room::WithinBound(const Member& member) const {
  if (rules_.balance_factor == 0) return true;
  HAWSER_DCHECK(weights_ > 0);
  const uint64_t share = open_ * rules_.balance_factor * member.weight;
  const uint64_t most = (share + 100 * weights_ - 1) / (100 * weights_);
  return ActiveAt(*member.endpoint) < most;
}

// Without what this request holds there.
uint64_t Room::ActiveAt(const Endpoint& endpoint) const {
  return static_cast<uint64_t>(endpoint.active() - Held(endpoint));
}

NoPick Room::Full(const Endpoint& endpoint) const {
  if (!rules_.breakers) return NoPick::kNone;
  if (ConnectingIsFull(*rules_.breakers, work_, endpoint, endpoint.connecting()))
    return NoPick::kConnectingFull;
  return OverLimit(*rules_.breakers, work_, With(endpoint.open(), work_, 1 - Held(endpoint)));
}

bool Room::MustWait(const Endpoint& endpoint) const {
  if (!rules_.admission || work_ != Work::kHandshake) return false;
  return endpoint.admission().pending() > 0 || !endpoint.admission().HasToken(now_, rules_.admission->rate);
}

bool Room::For(const Member& member) const {
  const Endpoint& endpoint = *member.endpoint;
  if (Full(endpoint) != NoPick::kNone) return false;
  if (least_ == Least::kOpen) return true;
  if (!WithinBound(member)) return false;
  if (!MustWait(endpoint)) return true;
  return least_ == Least::kPlace && endpoint.admission().pending() < rules_.admission->pending;
}

}  // namespace hawser::cluster
