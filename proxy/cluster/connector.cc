#include "proxy/cluster/connector.h"

#include <utility>

#include "absl/status/statusor.h"
#include "proxy/net/socket.h"

namespace hawser::cluster {

ConnectError ConnectErrorOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk: return ConnectError::kNone;
    // abseil's code for EADDRNOTAVAIL, and of all that socket(2) and connect(2) give on a new socket for that alone.
    case absl::StatusCode::kAlreadyExists: return ConnectError::kNoLocalPort;
    case absl::StatusCode::kResourceExhausted: return ConnectError::kNoResources;
    default: return ConnectError::kFailed;
  }
}

Connection Connect(Endpoint& endpoint) {
  ConnectLease lease(endpoint);
  absl::StatusOr<net::Socket> socket = net::Connect(endpoint.address());
  if (!socket.ok()) {
    const ConnectError error = ConnectErrorOf(socket.status());
    if (error == ConnectError::kFailed) lease.Failed();
    return {.socket = {}, .lease = {}, .error = error};
  }
  return {.socket = *std::move(socket), .lease = std::move(lease)};
}

}  // namespace hawser::cluster
