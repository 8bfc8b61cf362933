#include "config/endpoints.h"

#include "config/describe.h"

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
  d.Field({"weight", "Share of the requests and tunnels, relative to the weights of the other endpoints."},
          endpoint.weight, {1, 1000});
}

void Describe(Description& d, const Discovery& discovery) {
  d.Field({"srv",
           "Name of SRV records (RFC 2782), such as `_ws._tcp.rooms.internal`: each names a host, a port, a "
           "weight and a priority. Of the lowest priority that has addresses, each address is an endpoint."},
          discovery.srv, {{Form::kDnsName, kLongestDnsName}});
  d.Field({"file",
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
  d.Field({"window", "With `tunnels: close`: the closes are spread evenly over this time. `0`: all at once."},
          draining.window, {0s, 24h});
  d.Field({"timeout",
           "When an endpoint has left for this long, its last tunnels are closed with 1012, its cookies no "
           "longer count, and its connections are closed."},
          draining.timeout, {0s, kLongestLife});
}

}  // namespace hawser::config
