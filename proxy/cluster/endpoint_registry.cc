#include "proxy/cluster/endpoint_registry.h"

#include <algorithm>
#include <utility>

namespace hawser::cluster {

// Whoever doubles the number pays for the walk.
template <typename Part>
template <typename Make>
std::shared_ptr<Part> EndpointRegistry::Known<Part>::Get(std::string name, const Make& make) {
  if (by_name.size() >= sweep_at) {
    absl::erase_if(by_name, [](const auto& entry) { return entry.second.expired(); });
    sweep_at = std::max(size_t{64}, 2 * by_name.size());
  }
  std::weak_ptr<Part>& known = by_name[std::move(name)];
  std::shared_ptr<Part> part = known.lock();
  if (part == nullptr) {
    part = make();
    known = part;
  }
  return part;
}

std::shared_ptr<Endpoint> EndpointRegistry::Get(std::string_view cluster, const net::SocketAddress& address,
                                                std::string_view tls_name) {
  std::string identity(cluster);
  identity.append(1, '\0').append(address.ToString()).append(1, '\0').append(tls_name);
  return endpoints_.Get(std::move(identity), [&] {
    return std::make_shared<Endpoint>(cluster, address, tls_name, HealthOf(cluster));
  });
}

std::shared_ptr<Health> EndpointRegistry::HealthOf(std::string_view cluster) {
  return healths_.Get(std::string(cluster), [&] { return std::make_shared<Health>(cluster); });
}

}  // namespace hawser::cluster
