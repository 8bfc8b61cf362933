#include "proxy/server/build_snapshot.h"

#include <string>
#include <utility>

#include "fmt/format.h"
#include "proxy/base/check.h"

namespace hawser::server {
namespace {

tls::ServerOptions TlsOptions(const config::Tls& settings, bool http2) {
  const auto version = [](config::TlsVersion at) {
    return at == config::TlsVersion::kTls12 ? tls::Version::kTls12 : tls::Version::kTls13;
  };
  tls::ServerOptions options;
  for (const config::Certificate& certificate : settings.certificates) {
    options.certificates.push_back({.chain = certificate.certificate, .key = certificate.private_key});
  }
  options.min_version = version(settings.min_version);
  options.max_version = version(settings.max_version);
  options.ciphers = settings.ciphers;
  options.strict_sni = settings.strict_sni;
  if (http2) options.alpn.insert(options.alpn.begin(), "h2");
  options.tickets = {.enabled = settings.session_tickets.enabled,
                     .count = settings.session_tickets.count,
                     .rotation = settings.session_tickets.rotation};
  return options;
}

http2::Settings Http2SettingsOf(const config::Listener& listener) {
  const config::Http2& settings = listener.http2;
  const config::Http2Budgets& budgets = settings.budgets;
  return {.max_concurrent_streams = settings.max_concurrent_streams,
          .stream_window = static_cast<uint32_t>(settings.initial_stream_window.bytes),
          .connection_window = static_cast<uint32_t>(settings.initial_connection_window.bytes),
          .head = {.bytes = static_cast<uint32_t>(listener.limits.request_head.bytes),
                   .fields = listener.limits.request_headers},
          .budgets = {.window = budgets.window,
                      .most = {budgets.resets, budgets.provoked_resets, budgets.settings, budgets.pings,
                               budgets.priorities, budgets.empty_data, budgets.window_updates},
                      .continuations = budgets.continuations},
          .stall_timeout = settings.stall_timeout,
          .tls = listener.tls.has_value()};
}

edge::IpLimits IpLimitsOf(const config::ListenerLimits& limits) {
  edge::IpLimits ip_limits{.connections = limits.connections_per_ip,
                           .v4_prefix = limits.ipv4_prefix,
                           .v6_prefix = limits.ipv6_prefix};
  if (limits.connection_rate_per_ip) {
    ip_limits.rate_per_second = limits.connection_rate_per_ip->rate.per_second;
    ip_limits.burst = limits.connection_rate_per_ip->burst;
  }
  return ip_limits;
}

std::string PortOf(const net::SocketAddress& address) {
  return address.unix_socket() ? std::string() : fmt::to_string(address.port());
}

// The parts of one snapshot, built in the order in which they need each other.
class Builder {
 public:
  Builder(config::Loaded& loaded, Names& names, StartErrors& errors)
      : loaded_(loaded), names_(names), errors_(errors), config_(std::move(loaded.config)) {}

  void AddListeners(std::span<const net::SocketAddress> bound) {
    for (size_t i = 0; i < config_->listeners.size(); ++i) {
      const config::Listener& settings = config_->listeners[i];
      auto listener = std::make_shared<session::ListenerRuntime>(
          session::ListenerRuntime{.settings = settings,
                                   .name = names_.listeners.Intern(settings.name),
                                   .port = PortOf(bound[i]),
                                   .tls = nullptr,
                                   .cap = edge::ConnectionCap::Create(settings.limits.connections),
                                   .ip_limits = IpLimitsOf(settings.limits),
                                   .http2 = Http2SettingsOf(settings)});
      if (settings.tls) {
        auto context = tls::ServerContext::Create(TlsOptions(*settings.tls, settings.http2.enabled));
        if (!context.ok()) Fail(*settings.tls, context.status());
        if (context.ok()) listener->tls = std::move(*context);
      }
      snapshot_->listeners.Add(listener->name, listener);
    }
  }

  void AddClusters() {
    for (const config::Cluster& settings : config_->clusters) {
      auto transport = cluster::MakeTransport(settings);
      if (!transport.ok()) Fail(*settings.tls, transport.status());
      if (!transport.ok()) continue;
      const base::Name name = names_.clusters.Intern(settings.name);
      auto cluster = std::make_shared<const cluster::Cluster>(settings, name, *std::move(transport));
      snapshot_->clusters.Add(
          name, cluster::MakeMembership(std::move(cluster), cluster::TargetsOf(settings), endpoints_));
    }
  }

  void AddRoutes() {
    std::vector<std::shared_ptr<const route::Route>> routes;
    for (size_t i = 0; i < config_->routes.size(); ++i) {
      const config::Route& settings = config_->routes[i];
      base::Name name =
          names_.routes.Intern(settings.name.empty() ? fmt::format("route-{}", i + 1) : settings.name);
      auto route = route::Route::Compile(settings, std::move(name), names_.clusters);
      if (!route.ok()) Fail(settings, route.status());
      auto chain = filters::Chain::Create(settings.filters);
      if (!chain.ok()) Fail(settings.filters, chain.status());
      if (!route.ok() || !chain.ok()) continue;
      routes.push_back(*route);
      snapshot_->routes.Add((*route)->name,
                            std::make_shared<const session::RouteRuntime>(
                                session::RouteRuntime{.route = *route, .filters = *std::move(chain)}));
    }
    std::vector<base::Name> listeners;
    for (const auto& listener : snapshot_->listeners) listeners.push_back(listener->name);
    auto table = route::RouteTable::Create(std::move(routes), listeners);
    if (!table.ok()) return Fail(config_->routes, table.status());
    snapshot_->table = std::make_unique<const route::RouteTable>(std::move(*table));
  }

  void OpenAccessLog() {
    if (config_->access_log.path.empty()) return;
    auto log = session::AccessLog::Open(config_->access_log);
    if (!log.ok()) return Fail(config_->access_log.path, log.status());
    snapshot_->access_log = std::move(*log);
  }

  std::shared_ptr<const session::Snapshot> Finish() {
    if (!errors_.empty()) return nullptr;
    snapshot_->config = std::move(config_);
    return std::move(snapshot_);
  }

 private:
  template <typename Field>
  void Fail(const Field& field, const absl::Status& status) {
    errors_.push_back(loaded_.At(field, std::string(status.message())));
  }

  config::Loaded& loaded_;
  Names& names_;
  StartErrors& errors_;
  std::unique_ptr<const config::Config> config_;
  cluster::EndpointRegistry endpoints_;
  std::shared_ptr<session::Snapshot> snapshot_ = std::make_shared<session::Snapshot>();
};

}  // namespace

std::shared_ptr<const session::Snapshot> BuildSnapshot(config::Loaded& loaded, Names& names,
                                                       std::span<const net::SocketAddress> bound,
                                                       StartErrors& errors) {
  HAWSER_DCHECK(bound.size() == loaded.config->listeners.size());
  Builder builder(loaded, names, errors);
  builder.AddListeners(bound);
  builder.AddClusters();
  builder.AddRoutes();
  builder.OpenAccessLog();
  return builder.Finish();
}

}  // namespace hawser::server
