#include "proxy/cluster/departures.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "proxy/base/check.h"

namespace hawser::cluster {
namespace {

using Kind = Departures::Order::Kind;

// What a drain has beyond its window (docs/decisions/0042).
constexpr base::Duration kGrace = std::chrono::seconds(30);
// How often it is looked whether anything still holds an endpoint.
constexpr base::Duration kLook = std::chrono::seconds(1);

base::TimePoint EndOf(const Departure& departure) {
  return departure.left + departure.draining.timeout;
}

bool DrainIsDue(const Departure& departure, base::TimePoint now) {
  if (departure.drained_at) return false;
  return departure.draining.tunnels == config::LeavingTunnels::kClose || now >= EndOf(departure);
}

bool CookiesAreOver(const Departure& departure, base::TimePoint now) {
  if (!departure.honoured) return false;
  return departure.draining.cookies == config::LeavingCookies::kMove || now >= EndOf(departure);
}

bool Held(const Endpoint& endpoint) {
  return endpoint.active() > 0 || endpoint.connecting() > 0;
}

bool ForgetIsDue(const Departure& departure, base::TimePoint now) {
  if (departure.honoured) return false;
  if (!Held(*departure.endpoint)) return true;
  return departure.drained_at && now >= *departure.drained_at && now >= EndOf(departure);
}

}  // namespace

void Departures::OnMembership(const Membership* before, const Membership& after, base::TimePoint now) {
  const config::EndpointDraining& draining = after.cluster()->settings().draining;
  for (Departure& departure : departures_) {
    if (departure.endpoint->cluster() == after.cluster()->name()) departure.draining = draining;
  }
  for (const Member& member : after.members()) {
    if (member.endpoint->draining()) Return(*member.endpoint);
  }
  if (before == nullptr) return;
  const bool honoured = draining.cookies == config::LeavingCookies::kHonour;
  for (const Member& member : before->members()) {
    if (!after.table()->Contains(*member.endpoint)) Leave(member.endpoint, draining, honoured, now);
  }
}

void Departures::OnRemoved(const Membership& before, base::TimePoint now) {
  for (Departure& departure : departures_) {
    if (departure.endpoint->cluster() == before.cluster()->name()) departure.honoured = false;
  }
  for (const Member& member : before.members())
    Leave(member.endpoint, before.cluster()->settings().draining, false, now);
}

void Departures::Leave(const std::shared_ptr<Endpoint>& endpoint, const config::EndpointDraining& draining,
                       bool honoured, base::TimePoint now) {
  HAWSER_DCHECK(!endpoint->draining());
  endpoint->ChangeState(Endpoint::kDraining, 0);
  departures_.push_back({.endpoint = endpoint, .left = now, .draining = draining, .honoured = honoured});
}

void Departures::Return(Endpoint& endpoint) {
  endpoint.ChangeState(0, Endpoint::kDraining);
  std::erase_if(departures_,
                [&endpoint](const Departure& departure) { return departure.endpoint.get() == &endpoint; });
}

std::vector<Departures::Order> Departures::Advance(base::TimePoint now) {
  std::vector<Order> orders;
  for (Departure& departure : departures_) {
    if (DrainIsDue(departure, now)) {
      departure.drained_at = now + departure.draining.window + kGrace;
      orders.push_back({Kind::kDrainTunnels, departure.endpoint, departure.draining.window});
    }
    if (CookiesAreOver(departure, now)) {
      departure.honoured = false;
      orders.push_back({Kind::kCookiesOver, departure.endpoint});
    }
  }
  std::erase_if(departures_, [&](const Departure& departure) {
    const bool due = ForgetIsDue(departure, now);
    if (due) orders.push_back({Kind::kForget, departure.endpoint});
    return due;
  });
  return orders;
}

std::optional<base::TimePoint> Departures::Next(base::TimePoint now) const {
  std::optional<base::TimePoint> next;
  for (const Departure& departure : departures_) {
    base::TimePoint at = departure.honoured ? EndOf(departure) : now + kLook;
    if (!departure.drained_at) at = std::min(at, EndOf(departure));
    next = next ? std::min(*next, at) : at;
  }
  return next;
}

std::vector<std::shared_ptr<Endpoint>> Departures::Honoured(std::string_view cluster) const {
  std::vector<std::shared_ptr<Endpoint>> honoured;
  for (const Departure& departure : departures_) {
    if (departure.honoured && departure.endpoint->cluster() == cluster)
      honoured.push_back(departure.endpoint);
  }
  return honoured;
}

}  // namespace hawser::cluster
