#include "proxy/cluster/endpoint.h"

#include <algorithm>
#include <bit>

namespace hawser::cluster {

Endpoint::Endpoint(std::string_view cluster, net::SocketAddress address, std::string_view tls_name)
    : cluster_(cluster),
      address_(std::move(address)),
      name_(address_.ToString()),
      tls_name_(tls_name),
      hash_key_(tls_name_.empty() ? name_ : name_ + " " + tls_name_) {}

std::string Endpoint::host() const {
  const std::lock_guard lock(texts_mutex_);
  return host_;
}

void Endpoint::set_host(std::string_view host) {
  const std::lock_guard lock(texts_mutex_);
  host_ = host;
}

std::string Endpoint::NameAndHost() const {
  const std::string host = this->host();
  return host.empty() ? name_ : name_ + " (" + host + ")";
}

void Endpoint::ChangeState(uint32_t set, uint32_t cleared) {
  uint32_t state = this->state();
  while (!state_.compare_exchange_weak(state, (state & ~cleared) | set, std::memory_order_relaxed)) {
  }
}

bool Endpoint::MoveState(StateBit from, StateBit to) {
  HAWSER_DCHECK(std::has_single_bit(uint32_t{from}) && std::has_single_bit(uint32_t{to}));
  uint32_t state = this->state();
  while ((state & from) != 0) {
    if (state_.compare_exchange_weak(state, (state & ~uint32_t{from}) | to, std::memory_order_relaxed))
      return true;
  }
  return false;
}

std::string_view Endpoint::state_name() const {
  const uint32_t state = this->state();
  if ((state & kDraining) != 0) return "draining";
  if ((state & kEjected) != 0) return "ejected";
  if ((state & kProbing) != 0) return "probing";
  return (state & kProbeDue) != 0 ? "probe_due" : "in";
}

Endpoint::Ejections Endpoint::ejections() const {
  const std::lock_guard lock(texts_mutex_);
  return ejections_;
}

void Endpoint::set_ejections(Ejections ejections) {
  const std::lock_guard lock(texts_mutex_);
  ejections_ = std::move(ejections);
}

bool Contains(EndpointSet set, const Endpoint* endpoint) {
  return std::any_of(set.begin(), set.end(), [endpoint](const auto& one) { return one.get() == endpoint; });
}

bool Usable(const Endpoint& endpoint, EndpointSet avoid) {
  return endpoint.usable() && !Contains(avoid, &endpoint);
}

OpenLease::OpenLease(Endpoint& endpoint) : endpoint_(endpoint.shared_from_this()) {
  Endpoint::Add(endpoint.counts_.active, int64_t{1});
}

void OpenLease::Release() {
  if (endpoint_ == nullptr) return;
  const int64_t before = Endpoint::Add(endpoint_->counts_.active, int64_t{-1});
  HAWSER_DCHECK(before > 0);
  endpoint_ = nullptr;
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
  if (endpoint_ == nullptr) return;
  const int64_t before = Endpoint::Add(std::exchange(endpoint_, nullptr)->counts_.connecting, int64_t{-1});
  HAWSER_DCHECK(before > 0);
}

}  // namespace hawser::cluster
