// Which endpoint a session lives on, for sessions whose id the backend makes and clients send back
// (Socket.IO's `sid`): learned from the backend's answer, looked up by every later request.
//
// All workers share this table (docs/architecture.md): any worker may accept the connection with a session's
// next request, and only the worker that saw the answer learned the endpoint. It is used when a session
// begins and by requests that name one (long polls, a few per minute), never by a tunnel's bytes; each time
// under the mutex of one shard in 64 (base/sharded_lru.h).
//
// Memory is bounded by the number of rows. Rows that no request has used for `idle` are dropped, a few with
// every new row. When the table is full, the least recently used row is evicted. A client cannot make a row:
// only a backend's answer can.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/clock.h"
#include "proxy/base/hash.h"
#include "proxy/base/sharded_lru.h"

namespace hawser::cluster {

// Any thread.
class StickTable {
 public:
  // `key` is secret: rows are found by 64 bits of hash alone. With a million rows, one look-up in 10^13 for
  // an unknown session finds another's row and goes to a wrong endpoint, which is no worse than having no
  // row.
  StickTable(size_t max_entries, base::Duration idle, base::SipKey key = base::SipKey::Random())
      : key_(key), idle_(idle), rows_(max_entries) {}
  StickTable(const StickTable&) = delete;
  StickTable& operator=(const StickTable&) = delete;

  // From now on `session` of the cluster lives on the endpoint of that name. O(1).
  void Learn(std::string_view cluster, std::string_view session, std::string_view endpoint,
             base::TimePoint now);

  // The name of the endpoint that a session lives on; nothing if it is not known. Counts as a use: the row is
  // kept for another `idle`. O(1).
  std::optional<std::string> Find(std::string_view cluster, std::string_view session, base::TimePoint now);

  // From now on, also for the rows that there are.
  void SetIdle(base::Duration idle) { idle_.store(idle, std::memory_order_relaxed); }

  size_t size() const { return rows_.size(); }
  size_t max_entries() const { return rows_.max_rows(); }
  // Rows that were evicted because the table was full.
  uint64_t evictions() const { return rows_.evictions(); }

 private:
  struct Key {
    uint64_t hash;
    bool operator==(const Key&) const = default;
  };
  struct Place {
    base::TimePoint used;
    std::string endpoint;
  };
  using Rows = base::ShardedLru<Key, Place>;

  Key KeyOf(std::string_view cluster, std::string_view session) const;

  const base::SipKey key_;
  std::atomic<base::Duration> idle_;
  Rows rows_;
};

}  // namespace hawser::cluster
