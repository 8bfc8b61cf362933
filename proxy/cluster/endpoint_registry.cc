#include "proxy/cluster/endpoint_registry.h"

#include <algorithm>
#include <utility>

namespace hawser::cluster {

std::shared_ptr<Endpoint> EndpointRegistry::Get(std::string_view cluster, const net::SocketAddress& address,
                                                std::string_view tls_name) {
  std::string identity(cluster);
  identity.append(1, '\0').append(address.ToString()).append(1, '\0').append(tls_name);
  if (by_identity_.size() >= sweep_at_) Sweep();
  std::weak_ptr<Endpoint>& known = by_identity_[std::move(identity)];
  std::shared_ptr<Endpoint> endpoint = known.lock();
  if (endpoint == nullptr) {
    endpoint = std::make_shared<Endpoint>(cluster, address, tls_name);
    known = endpoint;
  }
  return endpoint;
}

// Whoever doubles the number pays for the walk.
void EndpointRegistry::Sweep() {
  absl::erase_if(by_identity_, [](const auto& entry) { return entry.second.expired(); });
  sweep_at_ = std::max(size_t{64}, 2 * by_identity_.size());
}

}  // namespace hawser::cluster
