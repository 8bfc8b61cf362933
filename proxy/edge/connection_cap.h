// A listener's cap on open connections, all workers together. Touched once when a connection opens and once
// when it closes. It is one of the things that workers share (design rule 5): a cap split into one part a
// worker would refuse clients while other workers have room.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "proxy/base/check.h"

namespace hawser::edge {

// Must outlive its leases. Any thread.
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
      const uint64_t open = std::exchange(cap_, nullptr)->open_.fetch_sub(1, std::memory_order_relaxed);
      HAWSER_DCHECK(open > 0);
    }

   private:
    friend class ConnectionCap;
    explicit Lease(ConnectionCap* cap) : cap_(cap) {}
    ConnectionCap* cap_ = nullptr;
  };

  explicit ConnectionCap(uint64_t limit) : limit_(limit) {}
  ConnectionCap(const ConnectionCap&) = delete;
  ConnectionCap& operator=(const ConnectionCap&) = delete;

  // Empty at the cap. Exact: there are never more than `limit` leases, and none is refused while there is
  // room.
  [[nodiscard]] Lease Take() {
    uint64_t open = open_.load(std::memory_order_relaxed);
    while (open < limit_) {
      if (open_.compare_exchange_weak(open, open + 1, std::memory_order_relaxed)) return Lease(this);
    }
    return Lease();
  }

  uint64_t open() const { return open_.load(std::memory_order_relaxed); }
  uint64_t limit() const { return limit_; }

 private:
  const uint64_t limit_;
  std::atomic<uint64_t> open_ = 0;
};

}  // namespace hawser::edge
