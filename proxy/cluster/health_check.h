// One check of an endpoint's health: it connects (`tcp`), asks by HTTP (`http`), or opens a WebSocket
// (`websocket`), as the cluster would, over its protocol and TLS. Whether one result matters is
// HealthChecker's. Loop thread only.
//
//   auto plan = CheckPlan::Make(cluster, cluster->settings().health_checks[0]);
//   auto target = plan->EndpointFor(*endpoint);            // kept, and with it its connections
//   HealthCheck check(loop, pool, plan, target, [this](CheckResult result) {...});   // once, in a later turn
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "absl/functional/any_invocable.h"
#include "config/health_check.h"
#include "proxy/cluster/call.h"
#include "proxy/cluster/cluster.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/pool.h"
#include "proxy/event/loop.h"
#include "proxy/event/owned_handler.h"

namespace hawser::cluster {

enum class CheckKind : uint8_t { kTcp, kHttp, kWebSocket, kCount };

// "tcp", "http", "websocket".
std::string_view NameOf(CheckKind kind);
CheckKind KindOf(const config::HealthCheck& settings);

struct CheckResult {
  enum class Kind : uint8_t {
    kPassed,
    kFailed,
    kNotMade,  // for a lack of ports or descriptors of hawser's own: it says nothing of the endpoint
    kCount,
  };
  Kind kind = Kind::kPassed;
  std::string why = {};  // in words; empty if it has passed
};
using CheckDone = absl::AnyInvocable<void(CheckResult)>;

// "passed", "failed", "not_made".
std::string_view NameOf(CheckResult::Kind kind);
// What a request that ended so says of the endpoint.
CheckResult ResultOf(CallError error, std::string_view why);

// A check as it is configured, for all endpoints of its cluster. Immutable.
class CheckPlan {
 public:
  static std::shared_ptr<const CheckPlan> Make(const std::shared_ptr<const Cluster>& cluster,
                                               config::HealthCheck settings);

  const config::HealthCheck& settings() const { return settings_; }
  CheckKind kind() const { return KindOf(settings_); }
  // How its connections are made: as the cluster's, with the check's `host` for SNI.
  const std::shared_ptr<const Cluster>& cluster() const { return cluster_; }

  // What it connects to: an endpoint of its own, so that neither the counts nor the kept connections of
  // `endpoint` know of it; on the check's port, where it has one.
  std::shared_ptr<Endpoint> EndpointFor(const Endpoint& endpoint) const;
  // What stands in Host: the check's `host`; else the name that the endpoint was resolved from, else its
  // address.
  std::string HostFor(const Endpoint& target) const;

 private:
  CheckPlan(std::shared_ptr<const Cluster> cluster, config::HealthCheck settings)
      : cluster_(std::move(cluster)), settings_(std::move(settings)) {}

  const std::shared_ptr<const Cluster> cluster_;
  const config::HealthCheck settings_;
};

class TcpCheck;
class WebSocketCheck;

// A check under way. Given up by being destroyed.
class HealthCheck {
 public:
  // `loop` and `pool` outlive it.
  HealthCheck(event::Loop& loop, Pool& pool, const CheckPlan& plan, const std::shared_ptr<Endpoint>& target,
              CheckDone done);
  ~HealthCheck();
  HealthCheck(const HealthCheck&) = delete;
  HealthCheck& operator=(const HealthCheck&) = delete;

 private:
  using Running = std::variant<Call, event::OwnedHandler<TcpCheck>, event::OwnedHandler<WebSocketCheck>>;
  static Running Begin(event::Loop& loop, Pool& pool, const CheckPlan& plan,
                       const std::shared_ptr<Endpoint>& target, CheckDone done);

  const Running running_;
};

}  // namespace hawser::cluster
