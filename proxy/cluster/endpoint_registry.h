// Gives one Endpoint for each identity (cluster, address, TLS name) for as long as anybody holds it: one that
// returns while tunnels are still open on it is the same object. It holds none itself. Used by one thread at
// a time: the one that builds configurations.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "proxy/cluster/endpoint.h"
#include "proxy/net/address.h"

namespace hawser::cluster {

class EndpointRegistry {
 public:
  // `tls_name` as Endpoint has it. O(1) on average.
  std::shared_ptr<Endpoint> Get(std::string_view cluster, const net::SocketAddress& address,
                                std::string_view tls_name = {});

  // Endpoints known, at most twice as many as are held.
  size_t size() const { return by_identity_.size(); }

 private:
  void Sweep();

  absl::flat_hash_map<std::string, std::weak_ptr<Endpoint>> by_identity_;
  size_t sweep_at_ = 64;  // entries
};

}  // namespace hawser::cluster
