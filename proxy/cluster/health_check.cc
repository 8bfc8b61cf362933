#include "proxy/cluster/health_check.h"

#include <algorithm>
#include <array>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/cluster/health_check_tcp.h"
#include "proxy/cluster/health_check_websocket.h"
#include "proxy/http/head.h"

namespace hawser::cluster {
namespace {

// Of an answer's body: it is read only so that the connection can be kept.
constexpr size_t kMostBody = 64 * 1024;

constexpr std::string_view kKindNames[] = {"tcp", "http", "websocket"};
static_assert(std::size(kKindNames) == static_cast<size_t>(CheckKind::kCount));
constexpr std::string_view kResultNames[] = {"passed", "failed", "not_made"};
static_assert(std::size(kResultNames) == static_cast<size_t>(CheckResult::Kind::kCount));

// The one of the three parts that is given, for what they have in common.
template <typename Visit>
auto VisitKind(const config::HealthCheck& settings, Visit visit) {
  if (settings.websocket) return visit(*settings.websocket);
  if (settings.http) return visit(*settings.http);
  return visit(settings.tcp.value_or(config::TcpCheck()));
}

Call::Headers HeadersOf(const std::vector<config::HeaderField>& fields) {
  Call::Headers headers;
  for (const config::HeaderField& field : fields) headers.emplace_back(field.name, field.value);
  const bool named = std::any_of(headers.begin(), headers.end(), [](const auto& header) {
    return http::EqualsIgnoreCase(header.first, "User-Agent");
  });
  if (!named) headers.emplace_back("User-Agent", "hawser-health-check");
  return headers;
}

// Of a host and its port. An IPv6 address without its brackets.
std::string ServerName(std::string_view authority) {
  std::string_view host = http::HostOf(authority);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return std::string(host);
}

CheckResult JudgeAnswer(const config::HttpCheck& settings, const Call::Result& result) {
  if (result.status == 0) return ResultOf(result.error, result.why);
  const auto& expect = settings.expect;
  if (std::find(expect.begin(), expect.end(), result.status) != expect.end()) return {};
  return {.kind = CheckResult::Kind::kFailed, .why = "answered " + std::to_string(result.status)};
}

Call CallHttp(event::Loop& loop, Pool& pool, const CheckPlan& plan, const std::shared_ptr<Endpoint>& target,
              CheckDone done) {
  const config::HttpCheck& settings = *plan.settings().http;
  return Call(loop, pool, plan.cluster(), target,
              {.path = settings.path, .host = plan.HostFor(*target), .headers = HeadersOf(settings.headers)},
              {.body = kMostBody, .timeout = plan.settings().timeout},
              [settings, done = std::move(done)](const Call::Result& result) mutable {
                done(JudgeAnswer(settings, result));
              });
}

}  // namespace

std::string_view NameOf(CheckKind kind) {
  return kKindNames[static_cast<size_t>(kind)];
}

std::string_view NameOf(CheckResult::Kind kind) {
  return kResultNames[static_cast<size_t>(kind)];
}

CheckKind KindOf(const config::HealthCheck& settings) {
  if (settings.websocket) return CheckKind::kWebSocket;
  return settings.http ? CheckKind::kHttp : CheckKind::kTcp;
}

CheckResult ResultOf(CallError error, std::string_view why) {
  if (error == CallError::kNone) return {};
  const bool own = error == CallError::kLocal;
  return {.kind = own ? CheckResult::Kind::kNotMade : CheckResult::Kind::kFailed, .why = std::string(why)};
}

// All that says how connections are made, without the list of endpoints.
std::shared_ptr<const CheckPlan> CheckPlan::Make(const std::shared_ptr<const Cluster>& cluster,
                                                 config::HealthCheck settings) {
  std::shared_ptr<const Cluster> own = cluster;
  const auto host = VisitKind(settings, [](const auto& kind) { return kind.host; });
  if (host && cluster->settings().tls) {
    config::Cluster named = cluster->settings();
    named.endpoints.clear();
    named.affinity.reset();
    named.tls->server_name = ServerName(*host);
    own = std::make_shared<const Cluster>(std::move(named), cluster->interned_name(), cluster->transport());
  }
  return std::shared_ptr<const CheckPlan>(new CheckPlan(std::move(own), std::move(settings)));
}

std::shared_ptr<Endpoint> CheckPlan::EndpointFor(const Endpoint& endpoint) const {
  const auto port = VisitKind(settings_, [](const auto& kind) { return kind.port; });
  const net::SocketAddress& address = endpoint.address();
  const bool moved = port && !address.unix_socket();
  auto target = std::make_shared<Endpoint>(
      endpoint.cluster(), moved ? net::SocketAddress(address.ip(), *port) : address, endpoint.tls_name());
  target->set_host(endpoint.host());
  return target;
}

std::string CheckPlan::HostFor(const Endpoint& target) const {
  if (const auto host = VisitKind(settings_, [](const auto& kind) { return kind.host; })) return *host;
  if (target.address().unix_socket()) return "localhost";
  const std::string name = target.host();
  return name.empty() ? target.name() : name + ":" + std::to_string(target.address().port());
}

HealthCheck::HealthCheck(event::Loop& loop, Pool& pool, const CheckPlan& plan,
                         const std::shared_ptr<Endpoint>& target, CheckDone done)
    : running_(Begin(loop, pool, plan, target, std::move(done))) {}

HealthCheck::~HealthCheck() = default;

HealthCheck::Running HealthCheck::Begin(event::Loop& loop, Pool& pool, const CheckPlan& plan,
                                        const std::shared_ptr<Endpoint>& target, CheckDone done) {
  const config::HealthCheck& settings = plan.settings();
  switch (plan.kind()) {
    case CheckKind::kHttp: return CallHttp(loop, pool, plan, target, std::move(done));
    case CheckKind::kWebSocket: {
      const config::WebSocketCheck& websocket = *settings.websocket;
      WebSocketCheck::Request request{.path = websocket.path,
                                      .host = plan.HostFor(*target),
                                      .headers = HeadersOf(websocket.headers),
                                      .ping = websocket.ping};
      return event::OwnedHandler(
          loop, std::make_unique<WebSocketCheck>(loop, pool, plan.cluster(), target, std::move(request),
                                                 settings.timeout, std::move(done)));
    }
    case CheckKind::kTcp:
    case CheckKind::kCount: break;
  }
  return event::OwnedHandler(
      loop, std::make_unique<TcpCheck>(loop, *plan.cluster(), target, settings.timeout, std::move(done)));
}

}  // namespace hawser::cluster
