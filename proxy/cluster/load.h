// What is under way: at an endpoint, and in a cluster as a whole, over all workers. The numbers of all kinds
// of work stand in one word, so that a limit on a sum of them holds exactly: who adds to the word learns what
// it says then, and gives back what was too much. Relaxed atomics; no other memory is published through them.
// Any thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "proxy/base/check.h"

namespace hawser::cluster {

enum class Work : uint8_t {
  kRequest,    // no WebSocket
  kHandshake,  // a WebSocket before its 101
  kTunnel,     // a WebSocket after it
  kNone,       // over: counted nowhere
};

struct Open {
  int64_t requests = 0;
  int64_t handshakes = 0;
  int64_t tunnels = 0;
  int64_t all() const { return requests + handshakes + tunnels; }
};

class OpenCount {
 public:
  Open now() const { return Of(word_.load(std::memory_order_relaxed)); }

  // Returns what is open then, with this one.
  Open Add(Work work) {
    const uint64_t before = word_.fetch_add(One(work), std::memory_order_relaxed);
    return Of(before + One(work));
  }
  void Remove(Work work) {
    const uint64_t before = word_.fetch_sub(One(work), std::memory_order_relaxed);
    HAWSER_DCHECK(Part(before, work) > 0);
  }
  // One of the handshakes is a tunnel from now on. Nobody sees it missing, or twice.
  void MakeTunnel() {
    word_.fetch_add(One(Work::kTunnel) - One(Work::kHandshake), std::memory_order_relaxed);
  }

 private:
  // Bits of each kind: a million handshakes, four million requests and four million tunnels, which is more
  // than a process has memory for.
  static constexpr unsigned kHandshakeBits = 20;
  static constexpr unsigned kRequestBits = 22;
  static constexpr unsigned kTunnelBits = 22;
  static_assert(kHandshakeBits + kRequestBits + kTunnelBits == 64);

  // By Work.
  static constexpr unsigned kShift[] = {kHandshakeBits, 0, kHandshakeBits + kRequestBits};
  static constexpr unsigned kBits[] = {kRequestBits, kHandshakeBits, kTunnelBits};

  static constexpr uint64_t One(Work work) { return uint64_t{1} << kShift[static_cast<size_t>(work)]; }
  static constexpr int64_t Part(uint64_t word, Work work) {
    const auto at = static_cast<size_t>(work);
    return static_cast<int64_t>(word >> kShift[at] & ((uint64_t{1} << kBits[at]) - 1));
  }
  static constexpr Open Of(uint64_t word) {
    return {.requests = Part(word, Work::kRequest),
            .handshakes = Part(word, Work::kHandshake),
            .tunnels = Part(word, Work::kTunnel)};
  }

  std::atomic<uint64_t> word_ = 0;
};

// Adds one to a count until the lease ends. Who has it keeps the count.
class CountLease {
 public:
  CountLease() = default;
  explicit CountLease(std::atomic<int64_t>& count) : count_(&count) {
    count.fetch_add(1, std::memory_order_relaxed);
  }
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
    const int64_t before = std::exchange(count_, nullptr)->fetch_sub(1, std::memory_order_relaxed);
    HAWSER_DCHECK(before > 0);
  }

 private:
  std::atomic<int64_t>* count_ = nullptr;
};

// Of a whole cluster, as long as its name (health.h has it): members and endpoints that have left.
class Load {
 public:
  int64_t requests() const { return open.now().requests; }
  int64_t handshakes() const { return open.now().handshakes; }
  int64_t tunnels() const { return open.now().tunnels; }
  int64_t connecting() const { return connecting_.load(std::memory_order_relaxed); }
  int64_t retries() const { return retries_.load(std::memory_order_relaxed); }

  OpenCount open;

 private:
  friend class ConnectLease;
  friend struct RetryLease;

  std::atomic<int64_t> connecting_ = 0;
  std::atomic<int64_t> retries_ = 0;
};

struct RetryLease : CountLease {  // a request or handshake that is under way again after a try that failed
  RetryLease() = default;
  explicit RetryLease(Load& load) : CountLease(load.retries_) {}
};

}  // namespace hawser::cluster
