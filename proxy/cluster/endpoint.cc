#include "proxy/cluster/endpoint.h"

#include <algorithm>

namespace hawser::cluster {

Endpoint::Endpoint(std::string_view cluster, net::SocketAddress address, uint32_t weight)
    : cluster_(cluster),
      address_(std::move(address)),
      name_(address_.ToString()),
      weight_(std::max(weight, 1u)) {}

bool Usable(const Endpoint& endpoint, EndpointSet avoid) {
  return endpoint.available() && std::find(avoid.begin(), avoid.end(), &endpoint) == avoid.end();
}

ConnectLease::ConnectLease(Endpoint& endpoint) : endpoint_(&endpoint) {
  Endpoint::Add(endpoint.counts_.connects, uint64_t{1});
  Endpoint::Add(endpoint.counts_.connecting, int64_t{1});
}

void ConnectLease::Failed() {
  if (endpoint_ != nullptr) Endpoint::Add(endpoint_->counts_.connect_failures, uint64_t{1});
  Release();
}

void ConnectLease::Release() {
  if (endpoint_ != nullptr) Endpoint::Add(endpoint_->counts_.connecting, int64_t{-1});
  endpoint_ = nullptr;
}

}  // namespace hawser::cluster
