#include "proxy/cluster/endpoint.h"

#include <algorithm>
#include <limits>

#include "proxy/cluster/health.h"

namespace hawser::cluster {

Endpoint::Endpoint(std::string_view cluster, net::SocketAddress address, std::string_view tls_name,
                   std::shared_ptr<Health> health)
    : cluster_(cluster),
      address_(std::move(address)),
      name_(address_.ToString()),
      tls_name_(tls_name),
      hash_key_(tls_name_.empty() ? name_ : name_ + " " + tls_name_),
      health_(health != nullptr ? std::move(health) : std::make_shared<Health>(cluster)),
      load_(health_->load()) {}

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

std::string_view Endpoint::state_name() const {
  const uint32_t state = this->state();
  if ((state & kDraining) != 0) return "draining";
  if ((state & kEjected) != 0) return "ejected";
  if ((state & kProbing) != 0) return "probing";
  if ((state & kCheckFailed) != 0) return "check_failed";
  return (state & kProbeDue) != 0 ? "probe_due" : "in";
}

std::optional<base::TimePoint> Endpoint::warming_since() const {
  const base::TimePoint::rep since = Read(warming_since_);
  if (since == kWarm) return std::nullopt;
  return base::TimePoint(base::TimePoint::duration(since));
}

void Endpoint::set_warming_since(std::optional<base::TimePoint> time) {
  warming_since_.store(time ? time->time_since_epoch().count() : kWarm, std::memory_order_relaxed);
}

HealthLog Endpoint::log() const {
  const std::lock_guard lock(texts_mutex_);
  return log_;
}

void Endpoint::Log(HealthChange change) {
  const std::lock_guard lock(texts_mutex_);
  log_.Add(std::move(change));
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

OpenLease::OpenLease(Endpoint& endpoint, Work work)
    : place_(endpoint.shared_from_this(), &endpoint.places_[static_cast<size_t>(work)]) {
  HAWSER_DCHECK(place_->work == work);
  endpoint.counts_.open.Add(work);
  endpoint.load_.open.Add(work);
}

OpenLease::OpenLease(Endpoint& endpoint, Work work, Counted& counted)
    : place_(endpoint.shared_from_this(), &endpoint.places_[static_cast<size_t>(work)]) {
  counted.endpoint = endpoint.counts_.open.Add(work);
  counted.cluster = endpoint.load_.open.Add(work);
}

void OpenLease::GiveBack() {
  const auto place = std::move(place_);
  if (place->work == Work::kNone) return;
  place->endpoint.counts_.open.Remove(place->work);
  place->endpoint.load_.open.Remove(place->work);
}

void OpenLease::BecomeTunnel() {
  HAWSER_DCHECK(place_ != nullptr && place_->work == Work::kHandshake);
  Endpoint& endpoint = place_->endpoint;
  endpoint.counts_.open.MakeTunnel();
  endpoint.load_.open.MakeTunnel();
  MoveTo(Work::kTunnel);
}

void OpenLease::EndWork() {
  if (place_ == nullptr || place_->work == Work::kNone) return;
  place_->endpoint.counts_.open.Remove(place_->work);
  place_->endpoint.load_.open.Remove(place_->work);
  MoveTo(Work::kNone);
}

void OpenLease::MoveTo(Work work) {
  Endpoint::Place& place = place_->endpoint.places_[static_cast<size_t>(work)];
  place_ = std::shared_ptr<Endpoint::Place>(std::move(place_), &place);
}

// To read the clock costs more than all the rest: the first of sixteen does.
ConnectLease::ConnectLease(Endpoint& endpoint, Counted* counted) : endpoint_(&endpoint) {
  constexpr uint64_t kOneIn = 16;
  const uint64_t before = Endpoint::Add(endpoint.counts_.connects, uint64_t{1});
  if (before % kOneIn == 0) measured_since_ = base::SteadyNow();
  const int64_t at_endpoint = Endpoint::Add(endpoint.counts_.connecting, int64_t{1});
  const int64_t in_cluster = Endpoint::Add(endpoint.load_.connecting_, int64_t{1});
  if (counted != nullptr) *counted = {at_endpoint + 1, in_cluster + 1};
}

void ConnectLease::NotBegun() {
  if (endpoint_ != nullptr) Endpoint::Add(endpoint_->counts_.connects, ~uint64_t{0});
  Release();
}

// Two that write at once lose one of their times.
void ConnectLease::Measured() {
  const auto took = std::chrono::ceil<std::chrono::microseconds>(base::SteadyNow() - measured_since_);
  const int64_t micros = std::min<int64_t>(took.count(), std::numeric_limits<uint32_t>::max());
  std::atomic<uint32_t>& smoothed = endpoint_->counts_.connect_micros;
  const int64_t before = Endpoint::Read(smoothed);
  const int64_t now = before == 0 ? micros : before + (micros - before) / 8;
  smoothed.store(static_cast<uint32_t>(std::max<int64_t>(now, 1)), std::memory_order_relaxed);
}

void ConnectLease::Failed() {
  if (endpoint_ != nullptr) Endpoint::Add(endpoint_->counts_.connect_failures, uint64_t{1});
  Release();
}

void ConnectLease::Release() {
  if (endpoint_ == nullptr) return;
  Endpoint& endpoint = *std::exchange(endpoint_, nullptr);
  const int64_t before = Endpoint::Add(endpoint.counts_.connecting, int64_t{-1});
  HAWSER_DCHECK(before > 0);
  Endpoint::Add(endpoint.load_.connecting_, int64_t{-1});
}

}  // namespace hawser::cluster
