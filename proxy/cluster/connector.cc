#include "proxy/cluster/connector.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "proxy/base/check.h"
#include "proxy/net/socket.h"

namespace hawser::cluster {
namespace {

int WholeSeconds(base::Duration duration) {
  return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(duration).count());
}

}  // namespace

ConnectError ConnectErrorOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk: return ConnectError::kNone;
    // abseil's code for EADDRNOTAVAIL; no other error of socket(2) and connect(2) on a new socket has it.
    case absl::StatusCode::kAlreadyExists: return ConnectError::kNoLocalPort;
    case absl::StatusCode::kResourceExhausted: return ConnectError::kNoResources;
    default: return ConnectError::kFailed;
  }
}

namespace {

// The words of the system behind "cannot connect to ADDRESS: ".
std::string Reason(std::string message, const Endpoint& endpoint) {
  const size_t at = message.find(endpoint.name() + ": ");
  return at == message.npos ? message : message.substr(at + endpoint.name().size() + 2);
}

bool Suits(const net::IpAddress& source, const Endpoint& endpoint) {
  return !endpoint.address().unix_socket() && source.v4() == endpoint.address().ip().v4();
}

size_t CountSuiting(std::span<const net::IpAddress> sources, const Endpoint& endpoint) {
  return static_cast<size_t>(std::count_if(
      sources.begin(), sources.end(), [&endpoint](const auto& source) { return Suits(source, endpoint); }));
}

// The endpoint's count of connections gives the turn: all workers have one.
absl::StatusOr<net::Socket> ConnectFrom(std::span<const net::IpAddress> sources, const Endpoint& endpoint) {
  const size_t suiting = CountSuiting(sources, endpoint);
  if (suiting == 0) return net::Connect(endpoint.address());
  absl::StatusOr<net::Socket> socket;
  size_t skipped = endpoint.connects() % suiting;
  for (size_t tried = 0, at = 0; tried < suiting; at = (at + 1) % sources.size()) {
    if (!Suits(sources[at], endpoint)) continue;
    if (skipped > 0) {
      --skipped;
      continue;
    }
    ++tried;
    socket = net::Connect(endpoint.address(), &sources[at]);
    if (ConnectErrorOf(socket.status()) != ConnectError::kNoLocalPort) break;
  }
  return socket;
}

}  // namespace

std::optional<int64_t> LocalPortsLeft(const Endpoint& endpoint, std::span<const net::IpAddress> sources,
                                      int ports) {
  if (endpoint.address().unix_socket()) return std::nullopt;
  const auto each = static_cast<int64_t>(std::max<size_t>(CountSuiting(sources, endpoint), 1));
  const int64_t shared = endpoint.http2_connections();
  const int64_t open = endpoint.idle_connections() + (shared > 0 ? shared : endpoint.active());
  return std::max<int64_t>(each * ports - open, 0);
}

namespace {

bool Over(int64_t connecting, const config::CircuitBreakers& limits) {
  return limits.connecting > 0 && connecting > int64_t{limits.connecting};
}

Connection Begin(Endpoint& endpoint, ConnectLease lease, const config::TcpKeepalive& keepalive,
                 std::span<const net::IpAddress> sources) {
  absl::StatusOr<net::Socket> socket = ConnectFrom(sources, endpoint);
  if (!socket.ok()) {
    const ConnectError error = ConnectErrorOf(socket.status());
    HAWSER_DCHECK(error != ConnectError::kNone);
    if (error == ConnectError::kFailed) lease.Failed();
    return {.socket = {},
            .lease = {},
            .error = error,
            .why = Reason(std::string(socket.status().message()), endpoint)};
  }
  if (keepalive.idle.count() > 0 && !endpoint.address().unix_socket()) {
    net::KeepAlive(*socket, {.idle = WholeSeconds(keepalive.idle),
                             .interval = WholeSeconds(keepalive.interval),
                             .probes = static_cast<int>(keepalive.probes)});
  }
  HAWSER_DCHECK(socket->open());
  return {.socket = *std::move(socket), .lease = std::move(lease)};
}

}  // namespace

Connection Connect(Endpoint& endpoint, const config::TcpKeepalive& keepalive,
                   std::span<const net::IpAddress> sources) {
  return Begin(endpoint, ConnectLease(endpoint), keepalive, sources);
}

Connection ConnectWithinLimits(Endpoint& endpoint, const config::Cluster& settings) {
  ConnectLease::Counted counted;
  ConnectLease lease(endpoint, &counted);
  if (Over(counted.endpoint, settings.endpoint_circuit_breakers) ||
      Over(counted.cluster, settings.circuit_breakers)) {
    lease.NotBegun();
    return {.socket = {},
            .lease = {},
            .error = ConnectError::kFull,
            .why = "too many connections are being made"};
  }
  return Begin(endpoint, std::move(lease), settings.tcp_keepalive, settings.source_addresses);
}

base::Duration LongestSilence(const config::TcpKeepalive& keepalive) {
  if (keepalive.idle.count() == 0) return base::Duration(0);
  return std::chrono::seconds(WholeSeconds(keepalive.idle)) +
         std::chrono::seconds(WholeSeconds(keepalive.interval)) * keepalive.probes;
}

}  // namespace hawser::cluster
