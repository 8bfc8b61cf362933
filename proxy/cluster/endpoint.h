// One backend address of a cluster, with the counts of all workers. The identity (cluster, address, TLS name)
// never changes, and the registry gives one object for it for as long as anybody needs it: memberships,
// tunnels, connections. So counts and health survive reloads and DNS answers. They are relaxed atomics that
// every worker writes. Workers share them (docs/architecture.md): if each worker knew only its own load, all
// of them would pick the same endpoint. No other memory is published through them, so no memory order is
// needed. The texts for logs are under a mutex, which is not taken while the endpoint works.
//
// What it has open is counted here and in its cluster's Load. Its health has one door: Health (health.h).
//
// Held by std::shared_ptr.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/cluster/admission_bucket.h"
#include "proxy/cluster/health_log.h"
#include "proxy/cluster/load.h"
#include "proxy/net/address.h"

namespace hawser::cluster {

class Health;

class Endpoint : public std::enable_shared_from_this<Endpoint> {
 public:
  // Bits of state(). One of the first three at a time says why it is not picked: outlier detection sets and
  // clears them. Everybody reads them. All but kDraining belong to Health.
  enum StateBit : uint32_t {
    kEjected = 1 << 0,   // it failed several times in a row, and is left out until out_until()
    kProbeDue = 1 << 1,  // the time is over: the next request may try it
    kProbing = 1 << 2,   // a request is trying it; the others go elsewhere until out_until() at the most
    // It has left its cluster: only those go there that belong to it already. Set by the main thread; beside
    // it one of the others may be set.
    kDraining = 1 << 3,
    kCheckFailed = 1 << 4,  // its active checks say that it is not healthy
    kPanic = 1 << 5,        // too few of its level are sound: health is ignored
    // Beside one of the first three: it is out for its answers to handshakes. Once its probe is due, only
    // handshakes try it; it may well serve other requests.
    kForHandshakes = 1 << 6,
    // A check that has failed has `on_unhealthy: close`. Never without kCheckFailed.
    kTunnelsUnwanted = 1 << 7,
  };

  // What outlier detection (health.h) remembers of it.
  struct Ejections {
    base::TimePoint returned = base::TimePoint::min();  // in again since then
    uint32_t in_a_row = 0;                              // those that make the next one longer
    bool by_tunnels = false;                            // the last one came from the row of tunnels
    std::string why;                                    // the last one's reason
  };

  // Its tunnels that have ended without a close frame of late. Under Health's mutex.
  struct SilentEnds {
    base::TimePoint since = base::TimePoint::min();
    int64_t of = 0;        // tunnels that were open then
    uint32_t count = 0;    // that have ended so
    uint32_t counted = 0;  // of them, as faults
  };

  // `tls_name`: the host name that its certificate must carry, where that is a part of the identity; else
  // empty. `health`: of its cluster's name; null: its own.
  Endpoint(std::string_view cluster, net::SocketAddress address, std::string_view tls_name = {},
           std::shared_ptr<Health> health = nullptr);
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  const std::string& cluster() const { return cluster_; }
  const net::SocketAddress& address() const { return address_; }
  const std::string& name() const { return name_; }  // the address as text: what logs and cookies use
  const std::string& tls_name() const { return tls_name_; }
  // What ring and Maglev tables hash: the address, with the TLS name where there is one.
  const std::string& hash_key() const { return hash_key_; }
  // The name that the address was resolved from last; empty where it was given itself.
  std::string host() const;
  void set_host(std::string_view host);
  // For log lines: "10.0.0.1:9000 (rooms.internal)", or the address alone.
  std::string NameAndHost() const;

  Health& health() const { return *health_; }
  const std::shared_ptr<Health>& shared_health() const { return health_; }
  Load& load() const { return load_; }  // of its cluster

  uint32_t state() const { return Read(state_); }
  // "in", "ejected", "probe_due", "probing", "check_failed"; "draining" goes before them.
  std::string_view state_name() const;
  // Whether its own health allows that it is picked.
  bool sound() const { return (state() & (kEjected | kProbing | kCheckFailed)) == 0; }
  // Whether it may be picked.
  bool usable() const {
    const uint32_t state = this->state();
    return (state & (kEjected | kProbing | kCheckFailed)) == 0 || (state & kPanic) != 0;
  }
  bool draining() const { return (state() & kDraining) != 0; }
  // A request of that kind would be its probe.
  bool probe_due(Work work) const {
    const uint32_t state = this->state();
    return (state & kProbeDue) != 0 && (work == Work::kHandshake || (state & kForHandshakes) == 0);
  }
  // Sets and clears bits in one step.
  void ChangeState(uint32_t set, uint32_t cleared);
  // When the present state ends. It is set before the state: a thread that sees the new state with the old
  // time lets a probe through early.
  base::TimePoint out_until() const { return base::TimePoint(base::TimePoint::duration(Read(out_until_))); }
  void set_out_until(base::TimePoint time) {
    out_until_.store(time.time_since_epoch().count(), std::memory_order_relaxed);
  }
  // Since when it warms up (slow_start.h); nothing while it is warm.
  std::optional<base::TimePoint> warming_since() const;
  void set_warming_since(std::optional<base::TimePoint> time);
  Ejections ejections() const;
  void set_ejections(Ejections ejections);
  SilentEnds& silent_ends() { return silent_ends_; }
  // The last changes of its health.
  HealthLog log() const;
  void Log(HealthChange change);
  // Wall-clock seconds since which it sheds tunnels, because it has more than its share; 0: it does not.
  int64_t shedding_since() const { return Read(shedding_since_); }
  void set_shedding_since(int64_t seconds) { shedding_since_.store(seconds, std::memory_order_relaxed); }
  AdmissionBucket& admission() { return admission_; }
  const AdmissionBucket& admission() const { return admission_; }

  // Now, all workers together: what holds an OpenLease.
  Open open() const { return counts_.open.now(); }
  int64_t requests() const { return open().requests; }
  int64_t handshakes() const { return open().handshakes; }
  int64_t tunnels() const { return open().tunnels; }
  int64_t active() const { return open().all(); }
  int64_t connecting() const { return Read(counts_.connecting); }  // connections being made
  int64_t idle_connections() const { return Read(counts_.idle_connections); }
  int64_t http2_connections() const { return Read(counts_.http2_connections); }

  // Since the endpoint exists, all workers together.
  uint64_t connects() const { return Read(counts_.connects); }  // connections begun
  // Of them, those that it refused or did not accept in time.
  uint64_t connect_failures() const { return Read(counts_.connect_failures); }
  // In which connections to it are made: smoothed, of one in sixteen. 0: none has been yet.
  std::chrono::microseconds connect_time() const {
    return std::chrono::microseconds(Read(counts_.connect_micros));
  }
  uint64_t tunnels_opened() const { return Read(counts_.tunnels_opened); }
  uint64_t ejection_count() const { return Read(counts_.ejections); }
  // Requests and tunnels that took an HTTP/1.1 connection because the endpoint does not speak HTTP/2, or no
  // WebSockets over it.
  uint64_t http1_fallbacks() const { return Read(counts_.http1_fallbacks); }

  // Tries in a row that failed for a fault of the endpoint's, as outlier detection counts them.
  uint32_t failures() const { return Read(counts_.failures); }
  // Of them, handshakes in a row that it answered badly or not at all.
  uint32_t handshake_failures() const { return Read(counts_.handshake_failures); }
  uint32_t CountHandshakeFailure() { return Add(counts_.handshake_failures, 1u) + 1; }
  void ForgetHandshakeFailures() { counts_.handshake_failures.store(0, std::memory_order_relaxed); }
  // The same for its tunnels: those in a row that ended early in a fault of its own.
  uint32_t tunnel_failures() const { return Read(counts_.tunnel_failures); }
  void set_tunnel_failures(uint32_t failures) {
    counts_.tunnel_failures.store(failures, std::memory_order_relaxed);
  }
  uint32_t CountFailure() { return counts_.failures.fetch_add(1, std::memory_order_relaxed) + 1; }
  void ForgetFailures() { counts_.failures.store(0, std::memory_order_relaxed); }
  void CountEjection() { Add(counts_.ejections, uint64_t{1}); }

  void CountHttp1Fallback() { Add(counts_.http1_fallbacks, uint64_t{1}); }
  void CountTunnelOpened() { Add(counts_.tunnels_opened, uint64_t{1}); }

 private:
  friend class OpenLease;
  friend struct IdleLease;
  friend struct Http2Lease;
  friend class ConnectLease;

  // On its own cache line: every worker writes here, and only reads the members above.
  struct alignas(64) Counts {
    OpenCount open;
    std::atomic<int64_t> connecting = 0;
    std::atomic<int64_t> idle_connections = 0;
    std::atomic<int64_t> http2_connections = 0;
    std::atomic<uint64_t> connects = 0;
    std::atomic<uint64_t> connect_failures = 0;
    std::atomic<uint64_t> tunnels_opened = 0;
    std::atomic<uint64_t> http1_fallbacks = 0;
    std::atomic<uint64_t> ejections = 0;
    std::atomic<uint32_t> failures = 0;
    std::atomic<uint32_t> handshake_failures = 0;
    std::atomic<uint32_t> tunnel_failures = 0;
    std::atomic<uint32_t> connect_micros = 0;
  };

  // What an OpenLease points at: it says which endpoint has what kind of work in one pointer.
  struct Place {
    Endpoint& endpoint;
    Work work;
  };

  template <typename Number>
  static Number Read(const std::atomic<Number>& count) {
    return count.load(std::memory_order_relaxed);
  }
  // Returns what the count was before.
  template <typename Number>
  static Number Add(std::atomic<Number>& count, Number amount) {
    return count.fetch_add(amount, std::memory_order_relaxed);
  }

  static constexpr base::TimePoint::rep kWarm = base::TimePoint::rep{-1} << 62;

  const std::string cluster_;
  const net::SocketAddress address_;
  const std::string name_;
  const std::string tls_name_;
  const std::string hash_key_;
  const std::shared_ptr<Health> health_;
  Load& load_;
  std::atomic<uint32_t> state_ = 0;
  std::atomic<base::TimePoint::rep> out_until_ = 0;
  std::atomic<base::TimePoint::rep> warming_since_ = kWarm;
  std::atomic<int64_t> shedding_since_ = 0;
  SilentEnds silent_ends_;
  Place places_[4] = {
      {*this, Work::kRequest}, {*this, Work::kHandshake}, {*this, Work::kTunnel}, {*this, Work::kNone}};
  mutable std::mutex texts_mutex_;
  Ejections ejections_;  // under it
  HealthLog log_;        // under it
  std::string host_;     // under it
  Counts counts_;
  AdmissionBucket admission_;
};

using EndpointSet = std::span<const std::shared_ptr<const Endpoint>>;  // a few, searched one by one

bool Contains(EndpointSet set, const Endpoint* endpoint);

// Whether `endpoint` may be picked and is not in `avoid`. All policies, cookies and sessions use this.
bool Usable(const Endpoint& endpoint, EndpointSet avoid);

// A request, a handshake or a tunnel: counted at its endpoint and in the endpoint's cluster until the lease
// ends. It keeps the endpoint, and points at it.
class OpenLease {
 public:
  OpenLease() = default;
  explicit OpenLease(Endpoint& endpoint, Work work = Work::kRequest);
  // Tells what is open then, with this one.
  struct Counted {
    Open endpoint;
    Open cluster;
  };
  OpenLease(Endpoint& endpoint, Work work, Counted& counted);
  OpenLease(OpenLease&& other) noexcept = default;
  OpenLease& operator=(OpenLease&& other) noexcept {
    if (this != &other) {
      Release();
      place_ = std::move(other.place_);
    }
    return *this;
  }
  ~OpenLease() { Release(); }

  void Release() {
    if (place_ != nullptr) GiveBack();
  }
  // The handshake has its 101.
  void BecomeTunnel();
  // The work is over and no longer counted, and the endpoint is kept. On an empty lease it does nothing.
  void EndWork();

  Endpoint* get() const { return place_ == nullptr ? nullptr : &place_->endpoint; }  // null: none
  std::shared_ptr<Endpoint> shared() const { return std::shared_ptr<Endpoint>(place_, get()); }
  Work work() const {
    HAWSER_DCHECK(place_ != nullptr);
    return place_->work;
  }
  Endpoint& operator*() const {
    HAWSER_DCHECK(place_ != nullptr);
    return place_->endpoint;
  }
  Endpoint* operator->() const { return &**this; }
  bool operator==(std::nullptr_t) const { return place_ == nullptr; }

 private:
  void GiveBack();
  void MoveTo(Work work);

  std::shared_ptr<Endpoint::Place> place_;  // a part of the endpoint, which it holds whole
};

struct IdleLease : CountLease {  // a connection that waits for another request
  explicit IdleLease(Endpoint& endpoint) : CountLease(endpoint.counts_.idle_connections) {}
};
struct Http2Lease : CountLease {  // an HTTP/2 connection
  Http2Lease() = default;
  explicit Http2Lease(Endpoint& endpoint) : CountLease(endpoint.counts_.http2_connections) {}
};

// One connection being made to an endpoint, counted in connects() and, until the lease ends, in connecting().
// A lease that is destroyed without Succeeded or Failed counts as given up, which is not the endpoint's fault
// (its client left). Who has it keeps the endpoint.
class ConnectLease {
 public:
  ConnectLease() = default;
  explicit ConnectLease(Endpoint& endpoint) : ConnectLease(endpoint, nullptr) {}
  // Tells how many are being made then, with this one.
  struct Counted {
    int64_t endpoint;
    int64_t cluster;
  };
  ConnectLease(Endpoint& endpoint, Counted* counted);
  ConnectLease(ConnectLease&& other) noexcept
      : endpoint_(std::exchange(other.endpoint_, nullptr)), measured_since_(other.measured_since_) {}
  ConnectLease& operator=(ConnectLease&& other) noexcept {
    if (this != &other) {
      Release();
      endpoint_ = std::exchange(other.endpoint_, nullptr);
      measured_since_ = other.measured_since_;
    }
    return *this;
  }
  ~ConnectLease() { Release(); }

  // Each ends the lease; on an ended one it does nothing.
  void Succeeded() {
    if (endpoint_ != nullptr && measured_since_ != base::TimePoint()) Measured();
    Release();
  }
  void Failed();
  void NotBegun();  // and it never was
  void Release();

 private:
  void Measured();

  Endpoint* endpoint_ = nullptr;
  base::TimePoint measured_since_;  // TimePoint(): its time is not measured
};

}  // namespace hawser::cluster
