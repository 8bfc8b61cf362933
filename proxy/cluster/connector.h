// Opens connections to endpoints, and counts them.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "config/schema.h"
#include "proxy/base/clock.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/net/socket.h"

namespace hawser::cluster {

enum class ConnectError : uint8_t {
  kNone,
  kNoLocalPort,  // EADDRNOTAVAIL: every local port towards this address is taken; another endpoint may work
  kNoResources,  // out of descriptors or memory: no endpoint would work
  kFailed,       // the endpoint's side: nobody listens, no route
  kTimedOut,     // the endpoint's side: no connection, TLS or SETTINGS within connect_timeout
  kShutDown,     // the pool ends its connections
};

// What a status of net::Connect means.
ConnectError ConnectErrorOf(const absl::Status& status);

// There is a socket exactly when `error` is kNone. Its connection is under way or made: the first write that
// is taken says which. The lease is to be told how it went.
struct Connection {
  net::Socket socket;
  ConnectLease lease;
  ConnectError error = ConnectError::kNone;
  std::string why = {};  // of the error, in words
};

// A failure for a lack of ports, descriptors or memory is not counted as the endpoint's. A Unix socket
// ignores `keepalive`.
Connection Connect(Endpoint& endpoint, const config::TcpKeepalive& keepalive);

// How long an endpoint's host may leave what it was sent unacknowledged (net::ByteStream::HostSilence): as
// long as the kernel waits for answers to its probes. 0: for ever.
base::Duration LongestSilence(const config::TcpKeepalive& keepalive);

}  // namespace hawser::cluster
