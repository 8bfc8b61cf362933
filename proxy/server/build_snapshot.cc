#include "proxy/server/build_snapshot.h"

#include <utility>

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

}  // namespace

std::shared_ptr<const session::Snapshot> BuildSnapshot(config::Loaded& loaded, StartErrors& errors) {
  auto snapshot = std::make_shared<session::Snapshot>();
  std::unique_ptr<const config::Config> config = std::move(loaded.config);
  const auto failed = [&](const auto& field, const absl::Status& status) {
    errors.push_back(loaded.At(field, std::string(status.message())));
  };
  for (size_t i = 0; i < config->listeners.size(); ++i) {
    const config::Listener& settings = config->listeners[i];
    session::ListenerRuntime listener{.settings = settings,
                                      .index = i,
                                      .tls = nullptr,
                                      .ip_limits = IpLimitsOf(settings.limits),
                                      .http2 = Http2SettingsOf(settings)};
    if (settings.tls) {
      auto context = tls::ServerContext::Create(TlsOptions(*settings.tls, settings.http2.enabled));
      if (!context.ok()) failed(*settings.tls, context.status());
      if (context.ok()) listener.tls = std::move(*context);
    }
    snapshot->listeners.push_back(std::move(listener));
  }
  base::NameTable names;
  cluster::EndpointRegistry endpoints;
  for (const config::Cluster& settings : config->clusters) {
    auto transport = cluster::MakeTransport(settings);
    if (!transport.ok()) failed(*settings.tls, transport.status());
    if (!transport.ok()) continue;
    auto cluster = std::make_shared<const cluster::Cluster>(settings, names.Intern(settings.name),
                                                            *std::move(transport));
    snapshot->clusters.push_back(
        cluster::MakeMembership(std::move(cluster), cluster::TargetsOf(settings), endpoints));
  }
  for (const config::Route& settings : config->routes) {
    auto chain = filters::Chain::Create(settings.filters);
    if (!chain.ok()) failed(settings.filters, chain.status());
    if (chain.ok()) snapshot->filters.push_back(std::move(*chain));
  }
  auto routes = route::RouteTable::Create(*config);
  if (!routes.ok()) failed(config->routes, routes.status());
  if (!errors.empty()) return nullptr;
  snapshot->routes = std::make_unique<route::RouteTable>(std::move(*routes));
  snapshot->config = std::move(config);
  return snapshot;
}

}  // namespace hawser::server
