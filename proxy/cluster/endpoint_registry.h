// Gives one Endpoint for each identity (cluster, address, TLS name) for as long as anybody holds it: one that
// returns while tunnels are still open on it is the same object. The same for the Health of each cluster's
// name, which endpoints hold: a cluster that goes and comes again while requests are under way has the same
// one. It holds none itself. Used by one thread at a time: the one that builds configurations.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/cluster/health.h"
#include "proxy/net/address.h"

namespace hawser::cluster {

class EndpointRegistry {
 public:
  // `tls_name` as Endpoint has it. O(1) on average.
  std::shared_ptr<Endpoint> Get(std::string_view cluster, const net::SocketAddress& address,
                                std::string_view tls_name = {});
  std::shared_ptr<Health> HealthOf(std::string_view cluster);

  // Endpoints known, at most twice as many as are held.
  size_t size() const { return endpoints_.by_name.size(); }

 private:
  template <typename Part>
  struct Known {
    absl::flat_hash_map<std::string, std::weak_ptr<Part>> by_name;
    size_t sweep_at = 64;  // entries

    template <typename Make>
    std::shared_ptr<Part> Get(std::string name, const Make& make);
  };

  Known<Endpoint> endpoints_;
  Known<Health> healths_;
};

}  // namespace hawser::cluster
