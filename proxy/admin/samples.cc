#include "proxy/admin/samples.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/admin/cluster_samples.h"
#include "proxy/admin/local_ports.h"
#include "proxy/edge/ip_table.h"
#include "proxy/stats/process.h"

namespace hawser::admin {
namespace {

using server::ReloadResult;
using stats::ExtraSample;
using stats::FamilySpec;
using stats::PartCount;
using enum stats::MetricType;

constexpr std::string_view kListenerLabels[] = {"listener"};

constexpr auto kListenerFamilies = std::to_array<FamilySpec>({
    {"hawser_listener_connections", kGauge, "Client connections open on the listener now.", kListenerLabels},
    {"hawser_listener_connections_total", kCounter, "Client connections that the listener has let in.",
     kListenerLabels},
});

constexpr std::string_view kRouteLabels[] = {"route"};
constexpr auto kRouteFamilies = std::to_array<FamilySpec>({
    {"hawser_route_requests_total", kCounter, "Requests that took the route, WebSocket handshakes included.",
     kRouteLabels},
    {"hawser_route_tunnels", kGauge, "Tunnels open on the route now.", kRouteLabels},
});

constexpr std::string_view kCertificateLabels[] = {"listener", "serial"};
constexpr auto kCertificateFamilies = std::to_array<FamilySpec>({
    {"hawser_certificate_not_after_timestamp_seconds", kGauge,
     "End of the certificate's validity, seconds since 1970. `serial`: its serial number, in hexadecimal.",
     kCertificateLabels},
});

constexpr std::string_view kDiscoveryLabels[] = {"cluster"};
constexpr auto kDiscoveryFamilies = std::to_array<FamilySpec>({
    {"hawser_discovery_answers_total", kCounter,
     "Answers to names, and lists in files, that told which endpoints the cluster has.", kDiscoveryLabels},
    {"hawser_discovery_failures_total", kCounter,
     "Names that could not be resolved, and files that could not be used: the endpoints stay as they were.",
     kDiscoveryLabels},
});

// Families with one sample.
struct Single {
  FamilySpec family;
  uint64_t (*value)(const Sources&);
};
constexpr auto kSingles = std::to_array<Single>({
    {{"hawser_ip_table_entries", kGauge, "Rows of the per-IP table in use now."},
     [](const Sources& from) { return uint64_t{from.server.edge().ip_table.size()}; }},
    {{"hawser_ip_table_evictions_total", kCounter,
      "Rows that the per-IP table evicted early because it was full."},
     [](const Sources& from) { return uint64_t{from.server.edge().ip_table.evictions()}; }},
    {{"hawser_socket_io_sessions", kGauge, "Socket.IO sessions whose endpoint is known now."},
     [](const Sources& from) { return uint64_t{from.server.stick_table().size()}; }},
    {{"hawser_socket_io_evictions_total", kCounter,
      "Socket.IO sessions that were evicted early because the table was full."},
     [](const Sources& from) { return uint64_t{from.server.stick_table().evictions()}; }},
    {{"hawser_access_log_dropped_total", kCounter,
      "Access-log lines dropped because they could not be written, or not fast enough."},
     [](const Sources& from) { return from.server.access_log_dropped(); }},
    {{"hawser_log_dropped_total", kCounter,
      "Lines of hawser's own log dropped because they could not be written, or not fast enough."},
     [](const Sources& from) { return from.log.dropped(); }},
    {{"hawser_admin_evictions_total", kCounter,
      "Admin connections closed while they waited for their client, to make room for another."},
     [](const Sources& from) { return from.counts.evictions; }},
    {{"hawser_dns_queries_total", kCounter, "Host names and SRV records that were looked up."},
     [](const Sources& from) {
       return from.server.discovery() ? from.server.discovery()->resolver().lookups() : 0;
     }},
    {{"hawser_dns_failures_total", kCounter, "Of these, those that found nothing, or only a part."},
     [](const Sources& from) {
       return from.server.discovery() ? from.server.discovery()->resolver().failures() : 0;
     }},
    {{"hawser_health_checks_delayed_total", kCounter,
      "Health checks that waited for their turn because 256 were under way."},
     [](const Sources& from) { return from.server.health_checks().delayed(); }},
    {{"hawser_config_generation", kGauge,
      "Number of the configuration in force: 1 at the start, and 1 more with each reload that is applied."},
     [](const Sources& from) { return from.server.snapshot().generation; }},
    {{"hawser_config_last_success_timestamp_seconds", kGauge,
      "When the last reload ended without an error (the start, before the first), seconds since 1970."},
     [](const Sources& from) {
       const auto since = from.server.reloads().last_success().time_since_epoch();
       return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(since).count());
     }},
});

constexpr std::string_view kCheckLabels[] = {"kind", "result"};
constexpr FamilySpec kCheckFamilies[] = {
    {"hawser_health_checks_total", kCounter,
     "Health checks of endpoints by kind and result: `passed`, `failed`, or `not_made` for a lack of ports "
     "or "
     "descriptors of hawser's own.",
     kCheckLabels},
};

constexpr std::string_view kReloadLabels[] = {"result"};
constexpr FamilySpec kReloadFamilies[] = {
    {"hawser_config_reloads_total", kCounter,
     "Reloads of the configuration: `applied`, `unchanged`, or `failed` for an error in it.", kReloadLabels},
};
constexpr std::pair<ReloadResult::Kind, std::string_view> kReloadResults[] = {
    {ReloadResult::Kind::kApplied, "applied"},
    {ReloadResult::Kind::kUnchanged, "unchanged"},
    {ReloadResult::Kind::kFailed, "failed"},
};

constexpr std::string_view kRefusedLabels[] = {"why"};
constexpr FamilySpec kRefusedFamilies[] = {
    {"hawser_admin_refused_total", kCounter,
     "Requests to the admin listener that were refused with 403: `host`: it is neither an IP address nor "
     "`localhost` nor in `admin.hosts`. `origin`, `fetch_site`: a browser made them for another site.",
     kRefusedLabels},
};

constexpr auto kSingleFamilies = [] {
  std::array<FamilySpec, kSingles.size()> families{};
  for (size_t i = 0; i < families.size(); ++i) families[i] = kSingles[i].family;
  return families;
}();

void AddListenerSamples(const server::Server& server, std::vector<ExtraSample>& samples) {
  for (const auto& listener : server.snapshot().listeners) {
    samples.push_back({.family = kListenerFamilies[0],
                       .labels = {std::string(listener->name.text())},
                       .value = static_cast<double>(listener->cap->open())});
  }
  for (const auto& listener : server.snapshot().listeners) {
    samples.push_back({.family = kListenerFamilies[1],
                       .labels = {std::string(listener->name.text())},
                       .value = static_cast<double>(listener->group->Sum(PartCount::kConnections))});
  }
}

void AddRouteSamples(const session::Snapshot& snapshot, std::vector<ExtraSample>& samples) {
  constexpr PartCount kCounts[] = {PartCount::kRequests, PartCount::kTunnels};
  for (size_t i = 0; i < kRouteFamilies.size(); ++i) {
    for (const auto& runtime : snapshot.routes) {
      samples.push_back({.family = kRouteFamilies[i],
                         .labels = {std::string(runtime->route->name.text())},
                         .value = static_cast<double>(runtime->route->group->Sum(kCounts[i]))});
    }
  }
}

void AddDiscoverySamples(const server::Server& server, std::vector<ExtraSample>& samples) {
  if (server.discovery() == nullptr) return;
  for (size_t i = 0; i < kDiscoveryFamilies.size(); ++i) {
    for (const config::Cluster& settings : server.snapshot().config->clusters) {
      if (!cluster::Discovery::Needs(settings)) continue;
      const cluster::Discovery::Counts counts = server.discovery()->counts(settings.name);
      samples.push_back({.family = kDiscoveryFamilies[i],
                         .labels = {settings.name},
                         .value = static_cast<double>(i == 0 ? counts.answers : counts.failures)});
    }
  }
}

void AddHealthCheckSamples(const server::HealthChecks& checks, std::vector<ExtraSample>& samples) {
  using cluster::CheckKind;
  using Result = cluster::CheckResult::Kind;
  for (size_t i = 0; i < static_cast<size_t>(CheckKind::kCount); ++i) {
    for (size_t j = 0; j < static_cast<size_t>(Result::kCount); ++j) {
      const auto kind = static_cast<CheckKind>(i);
      const auto result = static_cast<Result>(j);
      samples.push_back({.family = kCheckFamilies[0],
                         .labels = {std::string(NameOf(kind)), std::string(NameOf(result))},
                         .value = static_cast<double>(checks.count(kind, result))});
    }
  }
}

// Where two certificates of a listener have one serial number, the one that ends first.
void AddCertificateSamples(const session::Snapshot& snapshot, std::vector<ExtraSample>& samples) {
  for (const auto& listener : snapshot.listeners) {
    if (listener->tls == nullptr) continue;
    std::map<std::string, std::chrono::sys_seconds> ends;
    for (const tls::CertificateFacts& facts : listener->tls->certificates()) {
      const auto [found, added] = ends.try_emplace(facts.serial, facts.not_after);
      if (!added) found->second = std::min(found->second, facts.not_after);
    }
    for (const auto& [serial, end] : ends) {
      samples.push_back({.family = kCertificateFamilies[0],
                         .labels = {std::string(listener->name.text()), serial},
                         .value = static_cast<double>(end.time_since_epoch().count())});
    }
  }
}

}  // namespace

std::vector<std::span<const FamilySpec>> SampleFamilies() {
  return {EndpointFamilies(),      ClusterFamilies(), PriorityFamilies(), LocalPortFamilies(),
          kDiscoveryFamilies,      kListenerFamilies, kRouteFamilies,     kCertificateFamilies,
          kSingleFamilies,         kCheckFamilies,    kReloadFamilies,    kRefusedFamilies,
          stats::ProcessFamilies()};
}

std::vector<ExtraSample> CollectSamples(const Sources& from) {
  std::vector<ExtraSample> samples;
  const std::vector<ClusterRow> clusters = ClusterRows(from.server);
  AddClusterSamples(clusters, samples);
  AddLocalPortSamples(from.server, clusters, samples);
  AddDiscoverySamples(from.server, samples);
  AddListenerSamples(from.server, samples);
  AddRouteSamples(from.server.snapshot(), samples);
  AddCertificateSamples(from.server.snapshot(), samples);
  for (size_t i = 0; i < kSingles.size(); ++i) {
    samples.push_back({.family = kSingleFamilies[i], .value = static_cast<double>(kSingles[i].value(from))});
  }
  AddHealthCheckSamples(from.server.health_checks(), samples);
  for (const auto& [kind, label] : kReloadResults) {
    samples.push_back({.family = kReloadFamilies[0],
                       .labels = {std::string(label)},
                       .value = static_cast<double>(from.server.reloads().count(kind))});
  }
  for (const RefusalSpec& spec : RefusalTable()) {
    samples.push_back({.family = kRefusedFamilies[0],
                       .labels = {std::string(spec.label)},
                       .value = static_cast<double>(from.counts.refused[static_cast<size_t>(spec.refusal)])});
  }
  for (ExtraSample& sample : stats::ProcessSamples(HAWSER_VERSION)) samples.push_back(std::move(sample));
  return samples;
}

}  // namespace hawser::admin
