#include "config/validate.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "config/address_check.h"
#include "config/certificate_check.h"
#include "config/endpoints_file.h"
#include "config/field_text.h"
#include "config/intent_check.h"
#include "config/keys_file.h"
#include "config/loop_check.h"
#include "config/route_check.h"
#include "fmt/format.h"

namespace hawser::config {
namespace {

std::string SeenAt(const SourceMap& sources, const auto& first) {
  const Mark mark = sources.MarkOf(&first);
  return mark.line == 0 ? std::string() : fmt::format("the first is in line {}", mark.line);
}

// `elements` are the listeners, routes or clusters: no two may share a name.
template <class Named>
void CheckNames(const std::vector<Named>& elements, const Checks& checks) {
  absl::flat_hash_map<std::string, const Named*> seen;
  for (const Named& element : elements) {
    if (!checks.Given(element.name)) continue;  // no name that is made is one that may be given
    const auto [first, added] = seen.try_emplace(element.name, &element);
    if (added) continue;
    checks.Error(element.name, fmt::format("{} is used twice", Quote(element.name)),
                 SeenAt(checks.sources, first->second->name));
  }
}

void CheckMode(const std::string& mode, const net::SocketAddress& address, const Checks& checks) {
  if (!checks.Given(mode) || !checks.Given(address) || address.has_file()) return;
  checks.Warn(mode, "has no effect: " + address.ToString() + " has no file");
}

void CheckAdmin(const Admin& admin, const Checks& checks) {
  if (admin.address) CheckMode(admin.mode, *admin.address, checks);
  if (!admin.address || admin.address->unix_socket() || admin.address->ip().loopback()) return;
  if (!checks.Given(*admin.address)) return;
  checks.Warn(*admin.address, "the admin pages can be reached from other machines",
              "expected a loopback address or a Unix socket");
}

// Under systemd and others stdout is a socket, which cannot be opened; if stdout is a file, it would be
// opened a second time.
void CheckLogPath(const std::string& path, const Checks& checks) {
  static constexpr std::string_view kStdout[] = {"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"};
  if (!checks.Given(path) || std::find(std::begin(kStdout), std::end(kStdout), path) == std::end(kStdout))
    return;
  checks.Warn(path, path + " cannot be opened under every supervisor",
              "expected \"-\", which is stdout everywhere");
}

void CheckDrain(const Drain& drain, const Checks& checks) {
  if (!checks.Sound(drain) || !checks.Given(drain.deadline) || drain.deadline >= drain.window) return;
  checks.Error(drain.deadline,
               fmt::format("{} is below the window of {}", FormatDuration(drain.deadline),
                           FormatDuration(drain.window)),
               "expected at least the window");
}

void CheckDns(const Dns& dns, const Checks& checks) {
  for (const DnsServer& server : dns.servers) {
    if (!checks.Given(server) || server.address.port() != 0) continue;
    checks.Error(server, server.address.ToString() + " has port 0", "expected the server's port");
  }
  if (!checks.Sound(dns) || dns.min_refresh <= dns.max_refresh) return;
  const bool max_given = checks.Given(dns.max_refresh);
  const std::string what = fmt::format("min_refresh ({}) is above max_refresh ({})",
                                       FormatDuration(dns.min_refresh), FormatDuration(dns.max_refresh));
  max_given ? checks.Error(dns.max_refresh, what) : checks.Error(dns.min_refresh, what);
}

void CheckPair(const std::string& certificate, const std::string& private_key, const Checks& checks) {
  if (!checks.files || !checks.Given(certificate) || !checks.Given(private_key)) return;
  const CertificateFaults faults = CheckCertificate({certificate, private_key});
  if (!faults.certificate.empty())
    checks.Error(certificate, faults.certificate, "expected a PEM certificate");
  if (!faults.private_key.empty())
    checks.Error(private_key, faults.private_key, "expected its PEM private key");
  for (const std::string& fault : faults.dates) checks.Warn(certificate, fault);
  for (const std::string& fault : faults.links) {
    checks.Warn(certificate, fault, "expected each certificate to be signed by the one behind it");
  }
}

void CheckTls(const Tls& tls, const Checks& checks) {
  if (tls.min_version > tls.max_version) {
    const bool max_given = checks.Given(tls.max_version);
    const std::string what = "min_version is above max_version";
    max_given ? checks.Error(tls.max_version, what) : checks.Error(tls.min_version, what);
  }
  if (!tls.ciphers.empty() && !CiphersKnown(tls.ciphers)) {
    checks.Error(tls.ciphers, Quote(tls.ciphers) + " names no cipher",
                 "expected a TLS 1.2 cipher list of OpenSSL");
  }
  for (const Certificate& pair : tls.certificates) CheckPair(pair.certificate, pair.private_key, checks);
}

// Warns of per-IP limits, which do not apply to trusted proxies.
void CheckPerIpLimits(const Listener& listener, const Checks& checks) {
  if (listener.trusted_proxies.empty()) return;
  const auto warn = [&checks](const auto& field) {
    if (checks.Given(field)) checks.Warn(field, "does not count the connections of trusted_proxies");
  };
  warn(listener.limits.connections_per_ip);
  if (listener.limits.connection_rate_per_ip) warn(*listener.limits.connection_rate_per_ip);
}

// Address blocks never match a peer on a Unix socket.
void CheckTrustedProxies(const Listener& listener, const Checks& checks) {
  const auto& trusted = listener.trusted_proxies;
  if (!listener.address.unix_socket() || trusted.empty() || !checks.Given(trusted)) return;
  if (net::AnyContains(trusted, listener.address)) return;
  checks.Warn(trusted, "names no peer of a Unix socket", "expected unix");
}

void CheckListener(const Listener& listener, const Checks& checks) {
  CheckTrustedProxies(listener, checks);
  CheckPerIpLimits(listener, checks);
  CheckMode(listener.mode, listener.address, checks);
  if (!listener.tls) return;
  CheckTls(*listener.tls, checks);
  if (listener.limits.over_limit == OverLimit::kRespond && checks.Given(listener.limits.over_limit)) {
    checks.Warn(listener.limits.over_limit,
                "has no effect where TLS is on: connections over a limit are closed");
  }
}

void CheckHashPolicy(const Cluster& cluster, const Checks& checks) {
  const bool hashes = cluster.lb_policy == LbPolicy::kRingHash || cluster.lb_policy == LbPolicy::kMaglev;
  if (!hashes && checks.Sound(cluster) && checks.Given(cluster.hash_policy)) {
    checks.Warn(cluster.hash_policy, "has no effect with this lb_policy", "expected ring_hash or maglev");
  }
}

void CheckDraining(const Cluster& cluster, const Checks& checks) {
  const EndpointDraining& draining = cluster.draining;
  if (!checks.Sound(draining)) return;
  if (draining.tunnels == LeavingTunnels::kKeep) {
    if (checks.Given(draining.window))
      checks.Warn(draining.window, "has no effect with this `tunnels`", "expected tunnels: close");
  } else if (draining.window > draining.timeout) {
    const bool own = checks.Given(draining.window);
    const std::string what = fmt::format("window ({}) is above timeout ({})", FormatDuration(draining.window),
                                         FormatDuration(draining.timeout));
    own ? checks.Error(draining.window, what) : checks.Error(draining.timeout, what);
  }
  if (draining.cookies == LeavingCookies::kHonour && !(cluster.affinity && cluster.affinity->cookie)) {
    checks.Warn(draining.cookies, "has no effect without affinity.cookie");
  }
}

// Browsers drop a cookie that breaks these rules, and affinity with it.
void CheckCookieAttributes(const AffinityCookie& cookie, bool all_tls, const Checks& checks) {
  if (!checks.Sound(cookie)) return;
  const bool secure = cookie.secure.value_or(all_tls);
  const std::string expected =
      cookie.secure ? "expected secure: true" : "expected secure: true, as not every listener has TLS";
  if (cookie.same_site == SameSite::kNone && !secure && checks.Given(cookie.same_site)) {
    checks.Error(cookie.same_site, "SameSite=None without Secure is refused by browsers", expected);
  }
  const bool host_prefix = cookie.name.starts_with("__Host-");
  if ((host_prefix || cookie.name.starts_with("__Secure-")) && !secure) {
    checks.Error(cookie.name, Quote(cookie.name) + " without Secure is refused by browsers", expected);
  }
  if (host_prefix && cookie.path != "/") {
    checks.Error(cookie.name, Quote(cookie.name) + " with another path than / is refused by browsers",
                 "expected path: /");
  }
}

// Browsers distinguish cookies by host, path and name.
void CheckCookieNames(const std::vector<Cluster>& clusters, const Checks& checks) {
  absl::flat_hash_map<std::pair<std::string, std::string>, const Cluster*> seen;
  for (const Cluster& cluster : clusters) {
    if (!cluster.affinity || !cluster.affinity->cookie) continue;
    const AffinityCookie& cookie = *cluster.affinity->cookie;
    const auto [first, added] = seen.try_emplace(std::pair(cookie.name, cookie.path), &cluster);
    if (added || !checks.Given(cookie.name)) continue;
    checks.Warn(
        cookie.name,
        fmt::format("{} is the cookie of cluster {} too, in line {}: on one host each overwrites the other",
                    Quote(cookie.name), Quote(first->second->name),
                    checks.sources.MarkOf(&*first->second->affinity->cookie).line),
        "expected another name or path");
  }
}

void ReadKeysFile(AffinityCookie& cookie, const Checks& checks) {
  if (!cookie.keys_file || !checks.files || !checks.Given(*cookie.keys_file)) return;
  auto keys = ReadKeys(*cookie.keys_file);
  if (keys.ok()) {
    cookie.keys = *std::move(keys);
    return;
  }
  const auto message = keys.status().message();
  checks.Error(*cookie.keys_file,
               fmt::format("{} {}", *cookie.keys_file, std::string(message.data(), message.size())),
               fmt::format("expected one key of at least {} bytes in each line", kShortestKey));
}

void CheckBackendTls(const BackendTls& tls, const Checks& checks) {
  if (!checks.Sound(tls)) return;
  if (tls.certificate.has_value() != tls.private_key.has_value()) {
    const auto& given = tls.certificate ? tls.certificate : tls.private_key;
    checks.Error(*given, "certificate and private_key go together", "expected both or none");
  } else if (tls.certificate) {
    CheckPair(*tls.certificate, *tls.private_key, checks);
  }
  if (!tls.ca_file || !checks.files || !checks.Given(*tls.ca_file)) return;
  const CertificateFaults faults = CheckAuthorities(*tls.ca_file);
  if (!faults.certificate.empty())
    checks.Error(*tls.ca_file, faults.certificate, "expected PEM certificates");
  for (const std::string& fault : faults.dates) checks.Warn(*tls.ca_file, fault);
  if (!tls.verify) checks.Warn(*tls.ca_file, "has no effect where verify is false");
}

void CheckDiscovery(const Cluster& cluster, const Checks& checks) {
  if (!cluster.discovery || !cluster.discovery->file) return;
  const std::string& file = *cluster.discovery->file;
  if (!checks.files || !checks.Given(file)) return;
  for (Diagnostic& error : LoadEndpoints(file).errors) {
    if (error.mark.line > 0) {
      checks.errors.Add(std::move(error));
    } else {
      checks.Error(file, file + " " + error.what, "expected a list of endpoints");
    }
  }
}

void CheckCluster(Cluster& cluster, bool all_tls, const Checks& checks) {
  if (cluster.tls) CheckBackendTls(*cluster.tls, checks);
  CheckHashPolicy(cluster, checks);
  CheckEndpoints(cluster.endpoints, checks);
  CheckDiscovery(cluster, checks);
  CheckDraining(cluster, checks);
  if (!cluster.affinity || !cluster.affinity->cookie) return;
  CheckCookieAttributes(*cluster.affinity->cookie, all_tls, checks);
  ReadKeysFile(*cluster.affinity->cookie, checks);
}

}  // namespace

void Validate(Config& config, const Checks& checks) {
  CheckNames(config.listeners, checks);
  CheckNames(config.routes, checks);
  CheckNames(config.clusters, checks);
  CheckAddresses(config, checks);
  CheckAdmin(config.admin, checks);
  CheckLogPath(config.access_log.path, checks);
  CheckDrain(config.drain, checks);
  CheckDns(config.dns, checks);
  for (const Listener& listener : config.listeners) CheckListener(listener, checks);
  CheckRoutes(config, checks);
  const bool all_tls = std::all_of(config.listeners.begin(), config.listeners.end(),
                                   [](const Listener& listener) { return listener.tls.has_value(); });
  for (Cluster& cluster : config.clusters) CheckCluster(cluster, all_tls, checks);
  CheckCookieNames(config.clusters, checks);
  CheckIntent(config, checks);
  CheckLoops(config, checks);
}

}  // namespace hawser::config
