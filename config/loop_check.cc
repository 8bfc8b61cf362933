#include "config/loop_check.h"

#include "config/field_text.h"
#include "fmt/format.h"

namespace hawser::config {
namespace {

// Whether `[::]`, which takes IPv4 too, or 0.0.0.0 listens where a connection to `address` ends. To connect
// to either of them is to connect to this machine.
bool Covers(const net::IpAddress& wildcard, const net::IpAddress& address) {
  return wildcard.unspecified() && (address.loopback() || address.unspecified()) &&
         (!wildcard.v4() || address.v4());
}

bool Reaches(const net::SocketAddress& endpoint, const net::SocketAddress& listener) {
  if (endpoint.unix_socket() || listener.unix_socket()) return endpoint == listener;
  if (endpoint.port() != listener.port() || endpoint.port() == 0) return false;
  if (endpoint.ip().unspecified() && listener.ip().loopback())
    return endpoint.ip().v4() == listener.ip().v4();
  return endpoint.ip() == listener.ip() || Covers(listener.ip(), endpoint.ip());
}

}  // namespace

void CheckLoops(const Config& config, const Checks& checks) {
  for (const Cluster& cluster : config.clusters) {
    for (const Endpoint& endpoint : cluster.endpoints) {
      for (const Listener& listener : config.listeners) {
        if (!checks.Given(endpoint.address) || !checks.Given(listener.address)) continue;
        if (endpoint.address.named() || !Reaches(endpoint.address.literal(), listener.address)) continue;
        checks.Error(endpoint.address,
                     fmt::format("{} is listener {} of this file, in line {}", endpoint.address.ToString(),
                                 Quote(listener.name), checks.sources.MarkOf(&listener.address).line),
                     "expected a backend: requests would loop");
      }
    }
  }
}

}  // namespace hawser::config
