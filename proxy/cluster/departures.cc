#include "proxy/cluster/departures.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace hawser::cluster {
namespace {

using Kind = Departures::Order::Kind;

// What a drain has beyond its window (docs/decisions/0042).
constexpr base::Duration kGrace = std::chrono::seconds(30);
// How often it is looked whether anything still holds an endpoint, and the time that workers get to hear that
// they are to use it no more: what they begin until then holds it.
constexpr base::Duration kLook = std::chrono::seconds(1);

base::TimePoint EndOf(const Departure& departure) {
  return departure.left + departure.draining.timeout;
}

bool Held(const Endpoint& endpoint) {
  return endpoint.active() > 0 || endpoint.connecting() > 0;
}

// Twice at the most: at once, where the cluster says so, and at the end for what has come since.
bool DrainIsDue(const Departure& departure, base::TimePoint now) {
  if (departure.drained_at) return false;
  if (now >= EndOf(departure)) return Held(*departure.endpoint);
  return departure.draining.tunnels == config::LeavingTunnels::kClose && !departure.closed;
}

bool CookiesAreOver(const Departure& departure, base::TimePoint now) {
  if (!departure.honoured) return false;
  return departure.draining.cookies == config::LeavingCookies::kMove || now >= EndOf(departure);
}

bool ForgetIsDue(const Departure& departure, base::TimePoint now) {
  if (departure.honoured || now < departure.told + kLook) return false;
  return !Held(*departure.endpoint) || (departure.drained_at && now >= *departure.drained_at);
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
    if (departure.endpoint->cluster() == before.cluster()->name() && departure.honoured)
      HonourNoMore(departure, now);
  }
  for (const Member& member : before.members())
    Leave(member.endpoint, before.cluster()->settings().draining, false, now);
}

void Departures::Leave(const std::shared_ptr<Endpoint>& endpoint, const config::EndpointDraining& draining,
                       bool honoured, base::TimePoint now) {
  if (endpoint->draining()) return;
  endpoint->ChangeState(Endpoint::kDraining, 0);
  departures_.push_back(
      {.endpoint = endpoint, .left = now, .told = now, .draining = draining, .honoured = honoured});
}

void Departures::HonourNoMore(Departure& departure, base::TimePoint now) {
  departure.honoured = false;
  departure.told = now;
}

void Departures::Return(Endpoint& endpoint) {
  endpoint.ChangeState(0, Endpoint::kDraining);
  std::erase_if(departures_,
                [&endpoint](const Departure& departure) { return departure.endpoint.get() == &endpoint; });
}

std::vector<Departures::Order> Departures::Advance(base::TimePoint now) {
  std::vector<Order> orders;
  for (Departure& departure : departures_) {
    if (CookiesAreOver(departure, now)) {
      HonourNoMore(departure, now);
      orders.push_back({Kind::kCookiesOver, departure.endpoint});
    }
    if (DrainIsDue(departure, now)) {
      departure.closed = true;
      if (now >= EndOf(departure)) departure.drained_at = now + departure.draining.window + kGrace;
      orders.push_back({Kind::kDrainTunnels, departure.endpoint, departure.draining.window});
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
    const base::TimePoint end = EndOf(departure);
    const bool due = DrainIsDue(departure, now) || CookiesAreOver(departure, now);
    base::TimePoint at = due ? now : now + kLook;
    if (!due && (departure.honoured || (end > now && end < at))) at = end;
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
