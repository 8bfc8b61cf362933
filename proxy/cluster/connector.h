// Opens connections to endpoints, and counts them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "config/schema.h"
#include "proxy/base/clock.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/net/socket.h"

namespace hawser::cluster {

enum class ConnectError : uint8_t {
  kNone,
  kNoLocalPort,  // EADDRNOTAVAIL: all local ports of all sources are taken towards this address; another
                 // endpoint may work
  kNoResources,  // out of descriptors or memory: no endpoint would work
  kFailed,       // the endpoint's side: nobody listens, no route
  kFull,         // as many connections are being made as a circuit breaker allows; another endpoint may do
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
// ignores `keepalive` and `sources`: the addresses of this machine that connections come from, each in its
// turn of those that have the endpoint's family. One that has no port left passes its turn on. None of the
// family: the kernel chooses.
Connection Connect(Endpoint& endpoint, const config::TcpKeepalive& keepalive,
                   std::span<const net::IpAddress> sources = {});
// As the cluster's settings say, within its circuit breakers, which all workers together keep.
Connection ConnectWithinLimits(Endpoint& endpoint, const config::Cluster& settings);

// How many more connections to the endpoint this machine has local ports for, `ports` (net::LocalPorts) for
// each source. The endpoint's counts say so: they do not know of connections in TIME_WAIT. Of an endpoint
// with HTTP/2 connections, those and the kept ones of HTTP/1.1 are counted. None for a Unix socket.
std::optional<int64_t> LocalPortsLeft(const Endpoint& endpoint, std::span<const net::IpAddress> sources,
                                      int ports);

// How long an endpoint's host may leave what it was sent unacknowledged (net::ByteStream::HostSilence): as
// long as the kernel waits for answers to its probes. 0: for ever.
base::Duration LongestSilence(const config::TcpKeepalive& keepalive);

}  // namespace hawser::cluster
