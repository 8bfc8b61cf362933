#include "config/intent_check.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <re2/re2.h>

#include "config/suggest.h"
#include "config/units.h"
#include "fmt/format.h"

namespace hawser::config {
namespace {

// The least size of a bucket: with less, a client within the rate exceeds it when two messages come together.
uint64_t SecondsWorth(double per_second) {
  return static_cast<uint64_t>(std::max(1.0, std::ceil(per_second)));
}

// `burst` is the limit's, and `shown` is how the file writes such a number.
template <class Limit>
void CheckBurst(const Limit& limit, uint64_t burst, std::string (*shown)(uint64_t), const Checks& checks) {
  const uint64_t worth = SecondsWorth(limit.rate.per_second);
  if (!checks.Sound(limit) || !checks.Given(limit.rate) || limit.rate.per_second <= 0 || burst >= worth)
    return;
  const std::string what = fmt::format("a burst of {} is below one second's worth of the rate", shown(burst));
  if (checks.Given(limit.burst)) {
    checks.Warn(limit.burst, what, "expected at least " + shown(worth));
  } else {
    checks.Warn(limit.rate, what + ", as none is given",
                fmt::format("expected a burst of at least {}", shown(worth)));
  }
}

std::string ShownNumber(uint64_t number) {
  return fmt::to_string(number);
}

std::string ShownSize(uint64_t bytes) {
  return FormatSize({bytes});
}

// Where the file gives no burst, these have one second's worth.
void CheckBursts(const WebSocket& websocket, const Checks& checks) {
  for (const auto* limit : {&websocket.message_rate.from_client, &websocket.message_rate.from_backend}) {
    if (*limit && checks.Given((*limit)->burst)) CheckBurst(**limit, (*limit)->burst, ShownNumber, checks);
  }
  for (const auto* limit : {&websocket.byte_rate.from_client, &websocket.byte_rate.from_backend}) {
    if (*limit && checks.Given((*limit)->burst))
      CheckBurst(**limit, (*limit)->burst.bytes, ShownSize, checks);
  }
}

// Without an operator every line is the same; `%%` is none.
void CheckLogFormat(const std::string& format, const Checks& checks) {
  if (!checks.Given(format) || format == "json") return;
  for (size_t at = 0; (at = format.find('%', at)) != std::string::npos; at += 2) {
    if (format.substr(at + 1, 1) != "%") return;
  }
  checks.Warn(format, Quote(format) + " has no %field%: every line would be this text",
              "expected json or a format with fields such as %status%");
}

void CheckTrust(const Listener& listener, const Checks& checks) {
  for (const net::PeerBlock& block : listener.trusted_proxies) {
    if (!checks.Given(block)) continue;
    const std::string text = block.ToString();
    if (text != "0.0.0.0/0" && text != "::/0") continue;
    checks.Warn(block, "every client is trusted: it may forge X-Forwarded-For",
                "expected the addresses of your proxies");
  }
}

void CheckListener(const Listener& listener, const Checks& checks) {
  CheckTrust(listener, checks);
  if (const auto& limit = listener.limits.connection_rate_per_ip) {
    CheckBurst(*limit, limit->burst, ShownNumber, checks);
  }
  if (listener.tls && listener.http2.prior_knowledge && checks.Given(listener.http2.prior_knowledge)) {
    checks.Warn(listener.http2.prior_knowledge,
                "has no effect where TLS is on: clients choose HTTP/2 by ALPN",
                "expected http2.enabled alone, which is on unless it is false");
  }
}

// Public certificates carry names. Only a private authority signs addresses.
void CheckServerName(const Cluster& cluster, const Checks& checks) {
  if (!cluster.tls || cluster.tls->server_name || cluster.tls->ca_file || !cluster.tls->verify) return;
  if (!checks.Given(*cluster.tls)) return;
  const auto bare =
      std::find_if(cluster.endpoints.begin(), cluster.endpoints.end(), [&](const Endpoint& endpoint) {
        return checks.Given(endpoint.address) && !endpoint.address.named() &&
               !endpoint.address.literal().unix_socket();
      });
  if (bare == cluster.endpoints.end()) return;
  checks.Warn(
      *cluster.tls,
      fmt::format("the certificate of {} must carry its IP address, and few do", bare->address.ToString()),
      "expected server_name, the name in the certificate");
}

// To connect to such an address is to connect to this machine, which is seldom meant where it stands.
void CheckEndpoints(const Cluster& cluster, const Checks& checks) {
  for (const Endpoint& endpoint : cluster.endpoints) {
    if (!checks.Given(endpoint.address) || endpoint.address.named()) continue;
    const net::SocketAddress& address = endpoint.address.literal();
    if (address.unix_socket() || !address.ip().unspecified()) continue;
    checks.Warn(endpoint.address, address.ToString() + " is an address to listen on",
                "expected the backend's address, such as 127.0.0.1");
  }
}

// Other programs take * at the end of a path for "and all below".
void CheckStar(const std::optional<std::string>& path, std::string_view key, const Checks& checks) {
  if (!path || !checks.Given(*path) || !path->ends_with('*')) return;
  const size_t end = path->find_last_not_of("/*");
  const std::string prefix = end == std::string::npos ? "/" : path->substr(0, end + 1);
  checks.Warn(*path, Quote(*path) + " ends in a *, which stands for itself only",
              fmt::format("expected {}{} (whole segments), or path_regex", key, prefix));
}

// Groups are written $1 in many other programs.
void CheckGroups(const RegexRewrite& rewrite, const Checks& checks) {
  re2::StringPiece group;
  if (!checks.Given(rewrite.substitution) || !RE2::PartialMatch(rewrite.substitution, R"((\$[0-9]))", &group))
    return;
  checks.Warn(rewrite.substitution, fmt::format("{} is plain text", Quote({group.data(), group.size()})),
              "expected \\1 to \\9 for the groups");
}

// A page is never loaded by ws:// or wss://.
void CheckOrigins(const OriginFilter& filter, const Checks& checks) {
  for (const std::string& origin : filter.allow) {
    if (!checks.Given(origin) || (!origin.starts_with("ws://") && !origin.starts_with("wss://"))) continue;
    checks.Warn(origin, Quote(origin) + " never matches: an Origin begins with http:// or https://",
                fmt::format("expected http{}", origin.substr(2)));
  }
}

void CheckRoute(const Route& route, const Checks& checks) {
  CheckStar(route.match.path, "path_prefix: ", checks);
  CheckStar(route.match.path_prefix, "", checks);
  if (route.regex_rewrite) CheckGroups(*route.regex_rewrite, checks);
  for (const FilterConfig& filter : route.filters) {
    if (filter.origin) CheckOrigins(*filter.origin, checks);
  }
  CheckBursts(route.websocket, checks);
}

bool Takes(const Route& route, const std::string& cluster) {
  if (route.cluster == cluster) return true;
  return std::any_of(route.weighted_clusters.begin(), route.weighted_clusters.end(),
                     [&cluster](const WeightedCluster& weighted) { return weighted.name == cluster; });
}

// Warns if connecting may take longer than the route allows the backend for the whole answer. False if there
// is no warning.
bool CheckConnectTimeout(const Cluster& cluster, const Route& route, const Duration& answer,
                         std::string_view key, const Checks& checks) {
  if (answer.count() == 0 || cluster.connect_timeout <= answer) return false;
  const bool own = checks.Given(cluster.connect_timeout);
  if (!own && !checks.Given(answer)) return false;
  const std::string limit = FormatDuration(own ? answer : cluster.connect_timeout);
  if (own) {
    checks.Warn(cluster.connect_timeout,
                fmt::format("a connection may take longer than the answer: {} of route {} is {}", key,
                            Quote(route.name), limit),
                "expected at most " + limit);
  } else {
    checks.Warn(
        answer,
        fmt::format("a connection may take longer than the answer: connect_timeout of cluster {} is {}",
                    Quote(cluster.name), limit),
        "expected at least " + limit);
  }
  return true;
}

void CheckConnectTimeouts(const Config& config, const Checks& checks) {
  for (const Cluster& cluster : config.clusters) {
    for (const Route& route : config.routes) {
      if (!Takes(route, cluster.name) || !checks.Sound(route) || !checks.Sound(cluster)) continue;
      if (CheckConnectTimeout(cluster, route, route.handshake_timeout, "handshake_timeout", checks)) break;
      if (CheckConnectTimeout(cluster, route, route.response_timeout, "response_timeout", checks)) break;
    }
  }
}

}  // namespace

void CheckIntent(const Config& config, const Checks& checks) {
  CheckLogFormat(config.access_log.format, checks);
  for (const Listener& listener : config.listeners) CheckListener(listener, checks);
  for (const Route& route : config.routes) CheckRoute(route, checks);
  for (const Cluster& cluster : config.clusters) {
    CheckServerName(cluster, checks);
    CheckEndpoints(cluster, checks);
  }
  CheckConnectTimeouts(config, checks);
}

}  // namespace hawser::config
