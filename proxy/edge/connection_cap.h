// A listener's cap on open connections, all workers together. Touched once when a connection opens and once
// when it closes. It is one of the things that workers share (design rule 5): a cap split into one part a
// worker would refuse clients while other workers have room. It lives as long as its owners, which are the
// listener's runtimes of one configuration after the other, or its last lease.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "proxy/base/check.h"

namespace hawser::edge {

// Any thread.
class ConnectionCap {
 public:
  // One connection under the cap, given back by the destructor. An empty lease is false.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept : cap_(std::exchange(other.cap_, nullptr)) {}
    Lease& operator=(Lease&& other) noexcept {
      if (this != &other) {
        Release();
        cap_ = std::exchange(other.cap_, nullptr);
      }
      return *this;
    }
    ~Lease() { Release(); }

    explicit operator bool() const { return cap_ != nullptr; }
    const ConnectionCap* cap() const { return cap_; }
    void Release() {
      if (cap_ == nullptr) return;
      std::exchange(cap_, nullptr)->Drop(1);
    }

   private:
    friend class ConnectionCap;
    explicit Lease(ConnectionCap* cap) : cap_(cap) {}
    ConnectionCap* cap_ = nullptr;
  };

  static std::shared_ptr<ConnectionCap> Create(uint64_t limit) {
    return {new ConnectionCap(limit), [](ConnectionCap* cap) { cap->Drop(kOwned); }};
  }
  ConnectionCap(const ConnectionCap&) = delete;
  ConnectionCap& operator=(const ConnectionCap&) = delete;

  // Empty at the cap. Exact: leases never become more than `limit`, and none is refused while there is room.
  [[nodiscard]] Lease Take() {
    const uint64_t most = limit();
    uint64_t held = held_.load(std::memory_order_relaxed);
    while ((held & ~kOwned) < most) {
      if (held_.compare_exchange_weak(held, held + 1, std::memory_order_relaxed)) return Lease(this);
    }
    return Lease();
  }

  uint64_t open() const { return held_.load(std::memory_order_relaxed) & ~kOwned; }
  uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
  // For new leases: those that are out stay, also where they are more.
  void SetLimit(uint64_t limit) { limit_.store(limit, std::memory_order_relaxed); }

 private:
  static constexpr uint64_t kOwned = uint64_t{1} << 63;  // beside the leases in held_: it has owners

  explicit ConnectionCap(uint64_t limit) : limit_(limit) {}
  ~ConnectionCap() = default;

  // The owners together, or one lease.
  void Drop(uint64_t what) {
    const uint64_t held = held_.fetch_sub(what, std::memory_order_acq_rel);
    HAWSER_DCHECK(held >= what);
    if (held == what) delete this;
  }

  std::atomic<uint64_t> limit_;
  std::atomic<uint64_t> held_ = kOwned;
};

}  // namespace hawser::edge
