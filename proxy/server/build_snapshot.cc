#include "proxy/server/build_snapshot.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "proxy/base/check.h"
#include "proxy/cluster/discovery.h"

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
class Parts {
 public:
  Parts(config::Loaded& loaded, Registries& registries, const Present* present, StartErrors& errors)
      : loaded_(loaded),
        registries_(registries),
        present_(present),
        errors_(errors),
        config_(std::move(loaded.config)) {
    if (present != nullptr) snapshot_->generation = present->snapshot.generation + 1;
  }

  void AddListeners(std::span<const net::SocketAddress> bound) {
    for (size_t i = 0; i < config_->listeners.size(); ++i) {
      const config::Listener& settings = config_->listeners[i];
      base::Name name = registries_.listeners.Intern(settings.name);
      const auto before = present_ == nullptr ? nullptr : present_->snapshot.listeners.Find(name.id());
      const std::string port = PortOf(bound[i]);
      const bool same = before != nullptr && before->settings == settings && before->port == port &&
                        !FilesChanged(settings.tls);
      snapshot_->listeners.Add(name, same ? before : MakeListener(settings, name, port, before.get()));
    }
  }

  void AddClusters() {
    for (const config::Cluster& settings : config_->clusters) {
      const base::Name name = registries_.clusters.Intern(settings.name);
      const auto before = present_ == nullptr ? nullptr : present_->clusters.Find(name.id());
      const bool same =
          before != nullptr && before->cluster()->settings() == settings && !FilesChanged(settings.tls);
      auto membership = same ? before : MakeCluster(settings, name, before.get());
      if (membership != nullptr) snapshot_->clusters.Add(name, std::move(membership));
    }
  }

  void AddRoutes() {
    std::vector<std::shared_ptr<const route::Route>> routes;
    for (const config::Route& settings : config_->routes) {
      const base::Name name = registries_.routes.Intern(settings.name);
      const auto before = present_ == nullptr ? nullptr : present_->snapshot.routes.Find(name.id());
      const bool same = before != nullptr && before->route->settings == settings;
      auto runtime =
          same ? before : MakeRoute(settings, name, before == nullptr ? nullptr : before->route.get());
      if (runtime == nullptr) continue;
      routes.push_back(runtime->route);
      snapshot_->routes.Add(name, std::move(runtime));
    }
    std::vector<base::Name> listeners;
    for (const auto& listener : snapshot_->listeners) listeners.push_back(listener->name);
    auto table = route::RouteTable::Create(std::move(routes), listeners);
    if (!table.ok()) return Fail(config_->routes, table.status());
    snapshot_->table = std::make_unique<const route::RouteTable>(std::move(*table));
  }

  void OpenAccessLog() {
    if (config_->access_log.path.empty()) return;
    if (present_ != nullptr && present_->snapshot.config->access_log == config_->access_log) {
      snapshot_->access_log = present_->snapshot.access_log;
      return;
    }
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

  bool FilesChanged(const std::optional<config::Tls>& tls) const {
    return tls && std::ranges::any_of(tls->certificates, [this](const config::Certificate& pair) {
             return present_->changed(pair.certificate) || present_->changed(pair.private_key);
           });
  }
  bool FilesChanged(const std::optional<config::BackendTls>& tls) const {
    const auto changed = [this](const std::optional<std::string>& file) {
      return file && present_->changed(*file);
    };
    return tls && (changed(tls->ca_file) || changed(tls->certificate) || changed(tls->private_key));
  }

  template <typename Part>
  std::shared_ptr<stats::Group> GroupOf(const Part* before) const {
    return before != nullptr ? before->group : std::make_shared<stats::Group>(registries_.workers);
  }

  // What clients hold of the listener stays: its count of connections, and the keys of their TLS tickets.
  std::shared_ptr<const session::ListenerRuntime> MakeListener(const config::Listener& settings,
                                                               const base::Name& name, std::string port,
                                                               const session::ListenerRuntime* before) {
    auto cap = before != nullptr ? before->cap : edge::ConnectionCap::Create(settings.limits.connections);
    return std::make_shared<const session::ListenerRuntime>(
        session::ListenerRuntime{.settings = settings,
                                 .name = name,
                                 .port = std::move(port),
                                 .tls = settings.tls ? ServerTls(settings, before) : nullptr,
                                 .cap = std::move(cap),
                                 .ip_limits = IpLimitsOf(settings.limits),
                                 .http2 = Http2SettingsOf(settings),
                                 .group = GroupOf(before)});
  }

  std::shared_ptr<const tls::ServerContext> ServerTls(const config::Listener& settings,
                                                      const session::ListenerRuntime* before) {
    std::shared_ptr<tls::TicketKeys> keys;
    if (before != nullptr && before->tls != nullptr) {
      const bool same = before->settings.tls == settings.tls &&
                        before->settings.http2.enabled == settings.http2.enabled &&
                        !FilesChanged(settings.tls);
      if (same) return before->tls;
      const config::SessionTickets& tickets = settings.tls->session_tickets;
      keys = before->tls->ticket_keys();
      if (keys != nullptr && (!tickets.enabled || keys->rotation() != tickets.rotation)) keys = nullptr;
    }
    auto context =
        tls::ServerContext::Create(TlsOptions(*settings.tls, settings.http2.enabled), std::move(keys));
    if (context.ok()) return *std::move(context);
    Fail(*settings.tls, context.status());
    return nullptr;
  }

  std::shared_ptr<const cluster::Membership> MakeCluster(const config::Cluster& settings,
                                                         const base::Name& name,
                                                         const cluster::Membership* before) {
    const cluster::Cluster* old = before == nullptr ? nullptr : before->cluster().get();
    const bool same_transport = old != nullptr && old->settings().tls == settings.tls &&
                                old->settings().protocol == settings.protocol && !FilesChanged(settings.tls);
    std::shared_ptr<const cluster::Transport> transport;
    if (same_transport) {
      transport = old->transport();
    } else {
      auto made = cluster::MakeTransport(settings);
      if (!made.ok()) return Fail(*settings.tls, made.status()), nullptr;
      transport = *std::move(made);
    }
    return cluster::MakeMembership(
        std::make_shared<const cluster::Cluster>(settings, name, std::move(transport)),
        TargetsOf(settings, before), registries_.endpoints);
  }

  // Discovery tells when it has found something. Until then a cluster keeps what it has, beside the addresses
  // that its settings list.
  std::vector<cluster::Target> TargetsOf(const config::Cluster& settings,
                                         const cluster::Membership* before) const {
    if (before == nullptr || !cluster::Discovery::Needs(settings)) return cluster::TargetsOf(settings);
    const auto found = present_->discovered.find(settings.name);
    if (found != present_->discovered.end()) return found->second;
    std::vector<cluster::Target> targets = cluster::TargetsOf(settings);
    const size_t listed = targets.size();
    for (const auto& [endpoint, weight, priority] : before->members()) {
      const auto same = [&, to = endpoint](const cluster::Target& target) {
        return target.address == to->address();
      };
      if (std::any_of(targets.begin(), targets.begin() + static_cast<ptrdiff_t>(listed), same)) continue;
      targets.push_back(
          {.address = endpoint->address(), .host = endpoint->host(), .weight = weight, .priority = priority});
    }
    return targets;
  }

  std::shared_ptr<const session::RouteRuntime> MakeRoute(const config::Route& settings,
                                                         const base::Name& name, const route::Route* before) {
    auto route = route::Route::Compile(settings, name, registries_.clusters, GroupOf(before));
    if (!route.ok()) Fail(settings, route.status());
    auto chain = filters::Chain::Create(settings.filters);
    if (!chain.ok()) Fail(settings.filters, chain.status());
    if (!route.ok() || !chain.ok()) return nullptr;
    return std::make_shared<const session::RouteRuntime>(
        session::RouteRuntime{.route = *std::move(route), .filters = *std::move(chain)});
  }

  config::Loaded& loaded_;
  Registries& registries_;
  const Present* const present_;
  StartErrors& errors_;
  std::unique_ptr<const config::Config> config_;
  cluster::EndpointRegistry endpoints_;
  std::shared_ptr<session::Snapshot> snapshot_ = std::make_shared<session::Snapshot>();
};

}  // namespace

std::shared_ptr<const session::Snapshot> BuildSnapshot(config::Loaded& loaded, Registries& registries,
                                                       std::span<const net::SocketAddress> bound,
                                                       const Present* present, StartErrors& errors) {
  HAWSER_DCHECK(bound.size() == loaded.config->listeners.size());
  Parts parts(loaded, registries, present, errors);
  parts.AddListeners(bound);
  parts.AddClusters();
  parts.AddRoutes();
  parts.OpenAccessLog();
  return parts.Finish();
}

}  // namespace hawser::server
