// Who has how many connections open, and how fast new ones come: one row per listener and client prefix,
// exact across workers. This table is one of the two things that workers share (design rule 5), for no count
// split by worker could be exact; it is touched when a connection opens and when it closes, under the mutex
// of one shard in 64.
//
// Memory is bounded by the number of rows. A row without connections whose bucket is full again says nothing
// and is dropped, a few with every new row. When the table is full, the row that has been without connections
// the longest goes, and its bucket is forgotten; when every row has connections, a client without a row is
// refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "proxy/base/clock.h"
#include "proxy/base/hash.h"
#include "proxy/net/address.h"

namespace hawser::edge {

struct IpLimits {
  uint32_t connections = 0;    // open at once; 0: no limit
  double rate_per_second = 0;  // of new connections; 0: no limit
  uint32_t burst = 1;          // of new connections above the rate
  int v4_prefix = 32;          // bits that make one client
  int v6_prefix = 64;
};

enum class AdmitResult : uint8_t { kAdmitted, kTooManyConnections, kRateExceeded, kTableFull };

// Must outlive its leases. Any thread.
class IpTable {
  struct Entry;
  struct Shard;

 public:
  // One connection of a client, given back by the destructor on any thread. Empty when the limits were off.
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept : entry_(std::exchange(other.entry_, nullptr)) {}
    Lease& operator=(Lease&& other) noexcept {
      if (this != &other) {
        Release();
        entry_ = std::exchange(other.entry_, nullptr);
      }
      return *this;
    }
    ~Lease() { Release(); }

    void Release();

   private:
    friend class IpTable;
    explicit Lease(Entry* entry) : entry_(entry) {}
    Entry* entry_ = nullptr;  // stays where it is while it has connections
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

  // `key` is secret: a client picks its address, and shall not pick its shard or its slot.
  explicit IpTable(size_t max_entries, base::SipKey key = base::SipKey::Random());
  ~IpTable();
  IpTable(const IpTable&) = delete;
  IpTable& operator=(const IpTable&) = delete;

  // Counts a new connection from `address` to the listener numbered `listener`. O(1). What is refused takes
  // no token.
  [[nodiscard]] Admission Admit(uint32_t listener, const net::IpAddress& address, const IpLimits& limits,
                                base::TimePoint now);

  size_t size() const;
  size_t max_entries() const { return shard_capacity_ * shard_count_; }
  // Rows that went while their bucket was not yet full, because the table was.
  uint64_t evictions() const;
  // The `count` rows with the most connections, most first. Walks the whole table: for the admin page.
  std::vector<Row> Top(size_t count) const;

 private:
  const base::SipKey key_;
  const size_t shard_count_;
  const size_t shard_capacity_;
  const std::unique_ptr<Shard[]> shards_;
};

}  // namespace hawser::edge
