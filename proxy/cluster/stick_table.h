// Which endpoint a session lives on, for sessions whose id the backend makes and clients send back (Socket.IO's `sid`):
// learned from the backend's answer, looked up by every later request.
//
// This table is one of the things that workers share (design rule 5): the connection that brings a session's next request
// may be accepted by any worker, and only the one that saw the answer knows where the session lives. It is touched when a
// session begins and by the requests that name one, long polls a few a minute, never by a tunnel's bytes; each time under
// the mutex of one shard in 64 (base/sharded_lru.h).
//
// Memory is bounded by the number of rows. A row that no request has asked for during `idle` says nothing any more and is
// dropped, a few with every new row. When the table is full, the row that was used the longest ago goes. A client cannot
// make a row: only a backend's answer does.
#pragma once

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
  // `key` is secret: rows are told apart by 64 bits of hash alone (with a million rows, one look-up in 10^13 for a
  // session that is not there finds another's row, and goes to a wrong endpoint: no worse than without a row).
  StickTable(size_t max_entries, base::Duration idle, base::SipKey key = base::SipKey::Random())
      : key_(key), idle_(idle), rows_(max_entries) {}
  StickTable(const StickTable&) = delete;
  StickTable& operator=(const StickTable&) = delete;

  // From now on `session` of the cluster lives on the endpoint of that name. O(1).
  void Learn(std::string_view cluster, std::string_view session, std::string_view endpoint,
             base::TimePoint now);

  // The name of the endpoint that a session lives on; nothing if it is not known. A use: the row lives for `idle` more.
  // O(1).
  std::optional<std::string> Find(std::string_view cluster, std::string_view session, base::TimePoint now);

  size_t size() const { return rows_.size(); }
  size_t max_entries() const { return rows_.max_rows(); }
  // Rows that went before their time, because the table was full.
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
  const base::Duration idle_;
  Rows rows_;
};

}  // namespace hawser::cluster
