#include "proxy/server/health_checks.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <utility>

namespace hawser::server {
namespace {

uint64_t Seed() {
  std::random_device seed;
  return (uint64_t{seed()} << 32) | seed();
}

std::vector<std::shared_ptr<cluster::Endpoint>> WhatGetsSessions(const cluster::Membership& membership) {
  std::vector<std::shared_ptr<cluster::Endpoint>> endpoints;
  for (const cluster::Member& member : membership.members()) endpoints.push_back(member.endpoint);
  endpoints.insert(endpoints.end(), membership.leaving().begin(), membership.leaving().end());
  return endpoints;
}

}  // namespace

HealthChecks::HealthChecks(event::Loop& loop, cluster::Pool& pool, CloseTunnels close_tunnels)
    : loop_(loop), pool_(pool), checker_(Seed(), CheckerCalls(std::move(close_tunnels))), timer_(*this) {}

cluster::HealthChecker::Calls HealthChecks::CheckerCalls(CloseTunnels close_tunnels) {
  return {.begin =
              [this](CheckId id, const cluster::CheckPlan& plan,
                     const std::shared_ptr<cluster::Endpoint>& target) {
                under_way_[id] = std::make_unique<cluster::HealthCheck>(
                    loop_, pool_, plan, target,
                    [this, id, kind = plan.kind(), target](const cluster::CheckResult& result) {
                      // A connection that has gone dead without a word is not asked again.
                      if (result.kind == cluster::CheckResult::Kind::kFailed) pool_.Forget(*target);
                      OnResult(id, kind, result);
                    });
              },
          .forget =
              [this](CheckId id, const std::shared_ptr<cluster::Endpoint>& target) {
                under_way_.erase(id);
                pool_.Forget(*target);
              },
          .close_tunnels =
              [close = std::move(close_tunnels)](const std::shared_ptr<cluster::Endpoint>& endpoint,
                                                 const cluster::Cluster& cluster) mutable {
                close(endpoint, cluster.settings().draining.window);
              }};
}

void HealthChecks::Apply(const Clusters& clusters) {
  absl::flat_hash_set<uint32_t> gone = std::exchange(clusters_, {});
  for (const auto& membership : clusters) {
    const uint32_t id = membership->cluster()->id();
    clusters_.insert(id);
    gone.erase(id);
    checker_.Set(membership->cluster(), WhatGetsSessions(*membership), loop_.now());
  }
  for (const uint32_t id : gone) checker_.Remove(id);
  Advance();
}

void HealthChecks::Update(const cluster::Membership& membership) {
  checker_.Set(membership.cluster(), WhatGetsSessions(membership), loop_.now());
  Advance();
}

void HealthChecks::OnResult(CheckId id, cluster::CheckKind kind, const cluster::CheckResult& result) {
  ++counts_[static_cast<size_t>(kind)][static_cast<size_t>(result.kind)];
  under_way_.erase(id);
  checker_.OnResult(id, result, loop_.now());
  Advance();
}

void HealthChecks::OnReady(event::Ready) {
  Advance();
}

void HealthChecks::Advance() {
  checker_.Advance(loop_.now());
  if (const auto next = checker_.Next())
    loop_.Arm(timer_, std::max(std::chrono::ceil<base::Duration>(*next - loop_.now()), base::Duration(1)));
}

}  // namespace hawser::server
