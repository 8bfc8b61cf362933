#include "proxy/cluster/connector.h"

#include <chrono>
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

}  // namespace

Connection Connect(Endpoint& endpoint, const config::TcpKeepalive& keepalive) {
  ConnectLease lease(endpoint);
  absl::StatusOr<net::Socket> socket = net::Connect(endpoint.address());
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

base::Duration LongestSilence(const config::TcpKeepalive& keepalive) {
  if (keepalive.idle.count() == 0) return base::Duration(0);
  return std::chrono::seconds(WholeSeconds(keepalive.idle)) +
         std::chrono::seconds(WholeSeconds(keepalive.interval)) * keepalive.probes;
}

}  // namespace hawser::cluster
