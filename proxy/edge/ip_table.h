// The number of open connections and the rate of new ones: one row per listener and client prefix, exact
// across workers. All workers share this table (docs/architecture.md), because counts per worker would not be
// exact. It is used when a connection opens and when it closes, under the mutex of one shard in 64
// (base/sharded_lru.h).
//
// A row also holds the standing of its prefix: whether its connections lead to requests. A connection that
// ends without a complete request makes it bad; the next connection that brings one, or kForgiven without
// another one, makes it good again. Nobody is refused for it: it decides who goes first where there is not
// enough for all.
//
// Memory is bounded by the number of rows. Rows without connections whose bucket is full again and whose
// standing is good are dropped, a few with every new row. When the table is full, the row that has had no
// connections and no refusals for the longest time is evicted with its bucket and its standing. When every
// row has connections, a client without a row is refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/hash.h"
#include "proxy/base/sharded_lru.h"
#include "proxy/edge/token_bucket.h"
#include "proxy/net/address.h"

namespace hawser::edge {

struct IpLimits {
  uint32_t connections = 0;    // open at once; 0: no limit
  double rate_per_second = 0;  // of new connections; 0: no limit
  uint32_t burst = 1;          // of new connections above the rate
  int v4_prefix = 32;          // bits that make one client
  int v6_prefix = 64;
};

enum class Standing : uint8_t {
  kGood,  // new, or its last connections led to requests
  kBad,   // a connection of its last minute led nowhere: reset, stalled, garbage, nothing asked
};

enum class AdmitResult : uint8_t { kAdmitted, kTooManyConnections, kRateExceeded, kTableFull };

// Must outlive its leases. Any thread.
class IpTable {
  struct Key {
    uint64_t hash;
    net::IpAddress prefix;
    uint32_t listener;
    bool operator==(const Key&) const = default;
  };
  struct Entry {
    IpTable* table = nullptr;
    TokenBucket bucket;
    uint32_t connections = 0;  // while there are any, the row is pinned
    base::TimePoint bad_until = base::TimePoint::min();

    Standing StandingAt(base::TimePoint now) const {
      return now < bad_until ? Standing::kBad : Standing::kGood;
    }
    bool Spent(base::TimePoint now) const { return bucket.Full(now) && now >= bad_until; }
  };
  using Rows = base::ShardedLru<Key, Entry>;

 public:
  // How long a connection that led nowhere is remembered.
  static constexpr base::Duration kForgiven{60'000};

  // One connection of a client, given back by the destructor on any thread. Empty where nothing is counted
  // (trusted proxies, Unix sockets).
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept : packed_(std::exchange(other.packed_, 0)) {}
    Lease& operator=(Lease&& other) noexcept {
      if (this != &other) {
        Release();
        packed_ = std::exchange(other.packed_, 0);
      }
      return *this;
    }
    ~Lease() { Release(); }

    // Of the prefix when the connection was admitted, or at the last Review; good once this connection has
    // proved itself.
    Standing standing() const { return (packed_ & kBad) != 0 ? Standing::kBad : Standing::kGood; }
    // A complete request has come. Without it, Release counts against the prefix. Cheap when repeated.
    void Prove();
    // Looks again whether the prefix is in bad standing by now: others of it may have led nowhere meanwhile.
    void Review();
    // It ends without a request because hawser had no time or no room for it: Release does not count against
    // the prefix.
    void Excuse() { packed_ &= ~kUnproven; }

    void Release();

   private:
    friend class IpTable;
    static constexpr uintptr_t kUnproven = 1;
    static constexpr uintptr_t kBad = 2;
    static constexpr uintptr_t kBits = kUnproven | kBad;

    Lease(Rows::Row& row, Standing standing)
        : packed_(reinterpret_cast<uintptr_t>(&row) | kUnproven | (standing == Standing::kBad ? kBad : 0)) {}
    Rows::Row& row() const { return *reinterpret_cast<Rows::Row*>(packed_ & ~kBits); }

    uintptr_t packed_ = 0;  // the row, which is pinned, and the bits; 0: nothing to give back
  };

  struct Admission {
    AdmitResult result = AdmitResult::kAdmitted;
    Lease lease;
  };

  // One row as the admin page shows it.
  struct Row {
    uint32_t listener = 0;
    net::IpAddress prefix;
    uint32_t connections = 0;
  };

  // `key` is secret: a client chooses its address, and must not be able to choose its shard or its slot.
  explicit IpTable(size_t max_entries, base::SipKey key = base::SipKey::Random())
      : key_(key), rows_(max_entries) {}
  IpTable(const IpTable&) = delete;
  IpTable& operator=(const IpTable&) = delete;

  // Counts a new connection from `address` to the listener numbered `listener`. O(1). A refused connection
  // takes no token, and its row counts as used, so that the row of a refused client is not the next to be
  // evicted. Where there are no limits, a full table refuses nobody: the lease is empty then.
  [[nodiscard]] Admission Admit(uint32_t listener, const net::IpAddress& address, const IpLimits& limits,
                                base::TimePoint now);

  size_t size() const { return rows_.size(); }
  size_t max_entries() const { return rows_.max_rows(); }
  // Rows that were evicted, because the table was full, before their bucket was full.
  uint64_t evictions() const { return rows_.evictions(); }
  // The `count` rows with the most connections, most first. Walks the whole table: for the admin page.
  std::vector<Row> Top(size_t count) const;

 private:
  static AdmitResult Take(Rows::Locked& shard, Rows::Row& row, const IpLimits& limits);
  Key KeyOf(uint32_t listener, const net::IpAddress& prefix) const;

  const base::SipKey key_;
  Rows rows_;
};

}  // namespace hawser::edge
