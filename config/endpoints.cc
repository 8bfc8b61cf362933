#include "config/endpoints.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "config/checks.h"
#include "config/describe.h"
#include "config/endpoints_file.h"
#include "config/units.h"
#include "fmt/format.h"

namespace hawser::config {

template <>
struct Names<LeavingTunnels> {
  static constexpr Name<LeavingTunnels> kTable[] = {{"keep", LeavingTunnels::kKeep},
                                                    {"close", LeavingTunnels::kClose}};
};

template <>
struct Names<LeavingCookies> {
  static constexpr Name<LeavingCookies> kTable[] = {{"move", LeavingCookies::kMove},
                                                    {"honour", LeavingCookies::kHonour}};
};

void Describe(Description& d, const Endpoint& endpoint) {
  d.ShortFor("address", ShortForm::kValue);
  d.Field({"address",
           "Address of the backend. Each address of a host name is an endpoint of its own with this weight. "
           "The name is the default of `tls.server_name`.",
           {},
           kRequired},
          endpoint.address);
  d.Field({"weight",
           "Share of the requests and tunnels, relative to the weights of the other endpoints. `0`: no new "
           "sessions; clients whose affinity leads here still come."},
          endpoint.weight, {0, 1000});
  d.Field(
      {"priority",
       "Endpoints with the lowest number get everything while enough of them are usable. Below about 71 % "
       "of them (1 / 1.4), those with the next number get the share that is missing."},
      endpoint.priority, {0, 127});
}

void Describe(Description& d, const Discovery& discovery) {
  d.Field({"srv",
           "Name of SRV records (RFC 2782), such as `_ws._tcp.rooms.internal`: each names a host, a port, a "
           "weight and a priority. Of the lowest priority that has addresses, each address is an endpoint."},
          discovery.srv, {{Form::kDnsName, kLongestDnsName}});
  d.Field(
      {"file",
       "File with a list in the form of `endpoints`, in YAML or JSON. hawser watches it: a change is "
       "applied at once. While the file is missing, empty or has errors, the last good list stays in use. "
       "`[]` is a list without endpoints."},
      discovery.file, {{Form::kFile}});
  d.ExactlyOneOf({"srv", "file"});
}

void Describe(Description& d, const EndpointDraining& draining) {
  d.Field({"tunnels",
           "What happens to the tunnels of an endpoint that has left. `keep`: they stay until they end, but "
           "not longer than `timeout`. `close`: they are closed with 1012, spread over `window`."},
          draining.tunnels);
  d.Field({"cookies",
           "What happens to a client whose affinity cookie names an endpoint that has left. `move`: it gets "
           "another endpoint. `honour`: it still gets there until `timeout` is over."},
          draining.cookies);
  d.Field({"window",
           "With `tunnels: close`, and with `on_unhealthy: close` of a health check: the closes are spread "
           "evenly "
           "over this time. `0`: all at once."},
          draining.window, {0s, 24h});
  d.Field({"timeout",
           "When an endpoint has left for this long, its last tunnels are closed with 1012, its cookies no "
           "longer count, and its connections are closed."},
          draining.timeout, {0s, kLongestLife});
}

namespace {

void CheckListed(const std::vector<Endpoint>& endpoints, const Checks& checks) {
  absl::flat_hash_set<std::string> seen;
  for (const Endpoint& endpoint : endpoints) {
    const BackendAddress& address = endpoint.address;
    if (!checks.Given(address)) continue;
    const bool unix_socket = !address.named() && address.literal().unix_socket();
    if (!unix_socket && address.port() == 0) {
      checks.Error(address, address.ToString() + " has port 0", "expected the backend's port");
    }
    if (!seen.insert(address.ToString()).second) {
      checks.Error(address, address.ToString() + " is listed twice in this cluster",
                   "expected it once, with a weight");
    }
  }
}

// To connect to such an address is to connect to this machine, which is seldom meant where it stands.
void CheckUnspecified(const std::vector<Endpoint>& endpoints, const Checks& checks) {
  for (const Endpoint& endpoint : endpoints) {
    if (!checks.Given(endpoint.address) || endpoint.address.named()) continue;
    const net::SocketAddress& address = endpoint.address.literal();
    if (address.unix_socket() || !address.ip().unspecified()) continue;
    checks.Warn(endpoint.address, address.ToString() + " is an address to listen on",
                "expected the backend's address, such as 127.0.0.1");
  }
}

// A list like this is right while a cluster is emptied, and seldom else.
void CheckWeights(const std::vector<Endpoint>& endpoints, const Checks& checks) {
  const bool any = std::any_of(endpoints.begin(), endpoints.end(), [&checks](const Endpoint& endpoint) {
    return endpoint.weight > 0 || !checks.Given(endpoint.weight);
  });
  if (any || endpoints.empty()) return;
  checks.Warn(endpoints.front().weight, "no endpoint takes new sessions: all weights are 0");
}

}  // namespace

void CheckEndpoints(const std::vector<Endpoint>& endpoints, const Checks& checks) {
  CheckListed(endpoints, checks);
  CheckWeights(endpoints, checks);
  CheckUnspecified(endpoints, checks);
}

void CheckDiscovery(const Discovery& discovery, const Checks& checks) {
  if (!discovery.file) return;
  const std::string& file = *discovery.file;
  if (!checks.files || !checks.Given(file)) return;
  for (Diagnostic& error : LoadEndpoints(file).errors) {
    if (error.mark.line > 0) {
      checks.errors.Add(std::move(error));
    } else {
      checks.Error(file, file + " " + error.what, "expected a list of endpoints");
    }
  }
}

void CheckDraining(const EndpointDraining& draining, bool cookies, bool unhealthy, const Checks& checks) {
  if (!checks.Sound(draining)) return;
  if (draining.tunnels == LeavingTunnels::kKeep) {
    if (checks.Given(draining.window) && !unhealthy)
      checks.Warn(draining.window, "has no effect with this `tunnels`", "expected tunnels: close");
  } else if (draining.window > draining.timeout) {
    const bool own = checks.Given(draining.window);
    const std::string what = fmt::format("window ({}) is above timeout ({})", FormatDuration(draining.window),
                                         FormatDuration(draining.timeout));
    own ? checks.Error(draining.window, what) : checks.Error(draining.timeout, what);
  }
  if (draining.cookies == LeavingCookies::kHonour && !cookies) {
    checks.Warn(draining.cookies, "has no effect without affinity.cookie");
  }
}

}  // namespace hawser::config
