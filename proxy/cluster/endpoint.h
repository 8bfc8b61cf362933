// One backend address of a cluster, with the counts of all workers. The identity (cluster, address, TLS name)
// never changes, and the registry gives one object for it for as long as anybody needs it: memberships,
// tunnels, connections. So counts and health survive reloads and DNS answers. They are relaxed atomics that
// every worker writes. Workers share them (docs/architecture.md): if each worker knew only its own load, all
// of them would pick the same endpoint. No other memory is published through them, so no memory order is
// needed. The texts for logs are under a mutex, which is not taken while the endpoint works.
//
// Held by std::shared_ptr.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/net/address.h"

namespace hawser::cluster {

class Endpoint : public std::enable_shared_from_this<Endpoint> {
 public:
  // Bits of state(). One of the first three at a time says why it is not picked: outlier detection sets and
  // clears them. Everybody reads them.
  enum StateBit : uint32_t {
    kEjected = 1 << 0,   // it failed several times in a row, and is left out until out_until()
    kProbeDue = 1 << 1,  // the time is over: the next request may try it
    kProbing = 1 << 2,   // a request is trying it; the others go elsewhere until out_until() at the most
    // It has left its cluster: only those go there that belong to it already. Set by the main thread; beside
    // it one of the others may be set.
    kDraining = 1 << 3,
  };

  // What outlier detection (outlier.h) remembers of it.
  struct Ejections {
    base::TimePoint returned = base::TimePoint::min();  // in again since then
    uint32_t in_a_row = 0;                              // those that make the next one longer
    std::string why;                                    // the last one's reason
  };

  // `tls_name`: the host name that its certificate must carry, where that is a part of the identity; else
  // empty.
  Endpoint(std::string_view cluster, net::SocketAddress address, std::string_view tls_name = {});
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

  uint32_t state() const { return Load(state_); }
  std::string_view state_name()
      const;  // "in", "ejected", "probe_due", "probing"; "draining" goes before them
  // Whether its failures allow that it is picked.
  bool usable() const { return (state() & (kEjected | kProbing)) == 0; }
  bool draining() const { return (state() & kDraining) != 0; }
  bool probe_due() const { return (state() & kProbeDue) != 0; }
  // Sets and clears bits in one step.
  void ChangeState(uint32_t set, uint32_t cleared);
  // The same for one bit each; false, with nothing changed, where `from` is not set.
  bool MoveState(StateBit from, StateBit to);
  // When the present state ends. It is set before the state: a thread that sees the new state with the old
  // time lets a probe through early.
  base::TimePoint out_until() const { return base::TimePoint(base::TimePoint::duration(Load(out_until_))); }
  void set_out_until(base::TimePoint time) {
    out_until_.store(time.time_since_epoch().count(), std::memory_order_relaxed);
  }
  Ejections ejections() const;
  void set_ejections(Ejections ejections);

  // Now, all workers together.
  int64_t active() const { return Load(counts_.active); }  // requests and tunnels that hold an OpenLease
  int64_t connecting() const { return Load(counts_.connecting); }  // connections being made
  int64_t idle_connections() const { return Load(counts_.idle_connections); }
  int64_t http2_connections() const { return Load(counts_.http2_connections); }

  // Since the endpoint exists, all workers together.
  uint64_t connects() const { return Load(counts_.connects); }  // connections begun
  // Of them, those that it refused or did not accept in time.
  uint64_t connect_failures() const { return Load(counts_.connect_failures); }
  uint64_t tunnels_opened() const { return Load(counts_.tunnels_opened); }
  uint64_t ejection_count() const { return Load(counts_.ejections); }
  // Requests and tunnels that took an HTTP/1.1 connection because the endpoint does not speak HTTP/2, or no
  // WebSockets over it.
  uint64_t http1_fallbacks() const { return Load(counts_.http1_fallbacks); }

  // Tries in a row that failed for a fault of the endpoint's, as outlier detection counts them.
  uint32_t failures() const { return Load(counts_.failures); }
  uint32_t CountFailure() { return counts_.failures.fetch_add(1, std::memory_order_relaxed) + 1; }
  void ForgetFailures() { counts_.failures.store(0, std::memory_order_relaxed); }
  void CountEjection() { Add(counts_.ejections, uint64_t{1}); }

  void CountHttp1Fallback() { Add(counts_.http1_fallbacks, uint64_t{1}); }
  void CountTunnelOpened() { Add(counts_.tunnels_opened, uint64_t{1}); }

 private:
  friend class CountLease;
  friend class OpenLease;
  friend struct IdleLease;
  friend struct Http2Lease;
  friend class ConnectLease;

  // On its own cache line: every worker writes here, and only reads the members above.
  struct alignas(64) Counts {
    std::atomic<int64_t> active = 0;
    std::atomic<int64_t> connecting = 0;
    std::atomic<int64_t> idle_connections = 0;
    std::atomic<int64_t> http2_connections = 0;
    std::atomic<uint64_t> connects = 0;
    std::atomic<uint64_t> connect_failures = 0;
    std::atomic<uint64_t> tunnels_opened = 0;
    std::atomic<uint64_t> http1_fallbacks = 0;
    std::atomic<uint64_t> ejections = 0;
    std::atomic<uint32_t> failures = 0;
  };

  template <typename Number>
  static Number Load(const std::atomic<Number>& count) {
    return count.load(std::memory_order_relaxed);
  }
  // Returns what the count was before.
  template <typename Number>
  static Number Add(std::atomic<Number>& count, Number amount) {
    return count.fetch_add(amount, std::memory_order_relaxed);
  }

  const std::string cluster_;
  const net::SocketAddress address_;
  const std::string name_;
  const std::string tls_name_;
  const std::string hash_key_;
  std::atomic<uint32_t> state_ = 0;
  std::atomic<base::TimePoint::rep> out_until_ = 0;
  mutable std::mutex texts_mutex_;
  Ejections ejections_;  // under it
  std::string host_;     // under it
  Counts counts_;
};

using EndpointSet = std::span<const std::shared_ptr<const Endpoint>>;  // a few, searched one by one

bool Contains(EndpointSet set, const Endpoint* endpoint);

// Whether `endpoint` may be picked and is not in `avoid`. All policies, cookies and sessions use this.
bool Usable(const Endpoint& endpoint, EndpointSet avoid);

// A request or a tunnel: counted in active() until the lease ends. It keeps the endpoint, and points at it.
class OpenLease {
 public:
  OpenLease() = default;
  explicit OpenLease(Endpoint& endpoint);
  OpenLease(OpenLease&& other) noexcept = default;
  OpenLease& operator=(OpenLease&& other) noexcept {
    if (this != &other) {
      Release();
      endpoint_ = std::move(other.endpoint_);
    }
    return *this;
  }
  ~OpenLease() { Release(); }

  void Release();

  Endpoint* get() const { return endpoint_.get(); }  // null: none
  const std::shared_ptr<Endpoint>& shared() const { return endpoint_; }
  Endpoint& operator*() const {
    HAWSER_DCHECK(endpoint_ != nullptr);
    return *endpoint_;
  }
  Endpoint* operator->() const { return &**this; }
  bool operator==(std::nullptr_t) const { return endpoint_ == nullptr; }

 private:
  std::shared_ptr<Endpoint> endpoint_;
};

// Adds one to a count of an endpoint until the lease ends. Who has it keeps the endpoint. Any thread.
class CountLease {
 public:
  CountLease() = default;
  CountLease(CountLease&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  CountLease& operator=(CountLease&& other) noexcept {
    if (this != &other) {
      Release();
      count_ = std::exchange(other.count_, nullptr);
    }
    return *this;
  }
  ~CountLease() { Release(); }

  void Release() {
    if (count_ == nullptr) return;
    const int64_t before = Endpoint::Add(*std::exchange(count_, nullptr), int64_t{-1});
    HAWSER_DCHECK(before > 0);
  }

 protected:
  explicit CountLease(std::atomic<int64_t>& count) : count_(&count) { Endpoint::Add(count, int64_t{1}); }

 private:
  std::atomic<int64_t>* count_ = nullptr;
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
  explicit ConnectLease(Endpoint& endpoint);
  ConnectLease(ConnectLease&& other) noexcept : endpoint_(std::exchange(other.endpoint_, nullptr)) {}
  ConnectLease& operator=(ConnectLease&& other) noexcept {
    if (this != &other) {
      Release();
      endpoint_ = std::exchange(other.endpoint_, nullptr);
    }
    return *this;
  }
  ~ConnectLease() { Release(); }

  // Each ends the lease; on an ended one it does nothing.
  void Succeeded() { Release(); }
  void Failed();
  void Release();

 private:
  Endpoint* endpoint_ = nullptr;
};

}  // namespace hawser::cluster
