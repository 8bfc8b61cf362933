// A bounded table of rows by key that many threads use. When it is full, the least recently used row is
// evicted. The table is divided into shards, each under its own mutex, so that threads seldom wait for each
// other. A pinned row is never evicted. O(1) for every operation but ForEach.
//
//   struct Key { uint64_t hash; ...; bool operator==(const Key&) const = default; };
//   ShardedLru<Key, Value> table(100'000);
//   auto shard = table.Lock(key.hash, loop.now());   // the shard of that key, while `shard` is in scope
//   auto* row = shard.Find(key);
//   const auto spent = [&](const auto& old) { return old.value.ends <= shard.now(); };
//   if (row == nullptr) row = shard.Insert(key, spent);
//   if (row != nullptr) shard.Use(*row);
//
// `Key::hash` must be spread evenly and, where a peer chooses the key, be made with a secret (base/hash.h):
// its high bits name the shard. Rows stay where they are until they are erased; their values are touched
// under their shard's lock only.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "proxy/base/check.h"
#include "proxy/base/clock.h"
#include "proxy/base/intrusive_list.h"

namespace hawser::base {

template <typename Key, typename Value>
class ShardedLru {
  struct Shard;

 public:
  // In its shard's list of rows that may go, unless it is pinned.
  struct Row : ListLink {
    explicit Row(const Key& of) : key(of) {}
    const Key key;
    Value value;
  };

  // One shard and its mutex, which is held until this goes out of scope.
  class Locked {
   public:
    // The latest time that any Lock of this shard was given. The clocks of threads differ, and each stands
    // still within a turn of its loop; this time never goes back.
    TimePoint now() const { return shard_.latest; }

    // Null if there is none. Does not count as a use.
    Row* Find(const Key& key) {
      HAWSER_DCHECK(Holds(key));
      const auto found = shard_.rows.find(key);
      return found == shard_.rows.end() ? nullptr : found->get();
    }

    // Adds a row for a key that has none, as the most recently used. First removes up to kSweptPerInsert of
    // the oldest rows, as long as `spent(row)` is true. If there is still no room, the oldest row is evicted;
    // null if all are pinned.
    template <typename Spent>
    Row* Insert(const Key& key, Spent spent) {
      HAWSER_DCHECK(Find(key) == nullptr);
      for (int i = 0; i < kSweptPerInsert; ++i) {
        Row* const oldest = shard_.by_use.front();
        if (oldest == nullptr || !spent(std::as_const(*oldest))) break;
        Erase(*oldest);
      }
      if (shard_.rows.size() >= table_.shard_capacity_) {
        if (shard_.by_use.empty()) return nullptr;
        Erase(*shard_.by_use.front());
        ++shard_.evictions;
      }
      HAWSER_DCHECK(shard_.rows.size() < table_.shard_capacity_);
      Row* const row = shard_.rows.insert(std::make_unique<Row>(key)).first->get();
      shard_.by_use.PushBack(*row);
      return row;
    }

    // Makes the row the most recently used. A pinned row is unpinned.
    void Use(Row& row) {
      HAWSER_DCHECK(Find(row.key) == &row);
      shard_.by_use.PushBack(row);
    }
    // The row stays until Use or Erase.
    void Pin(Row& row) {
      HAWSER_DCHECK(Find(row.key) == &row);
      row.Unlink();
    }
    void Erase(Row& row) {
      HAWSER_DCHECK(Find(row.key) == &row);
      shard_.rows.erase(shard_.rows.find(row.key));
    }

   private:
    friend class ShardedLru;
    Locked(ShardedLru& table, Shard& shard, TimePoint now)
        : table_(table), shard_(shard), lock_(shard.mutex) {
      shard_.latest = std::max(shard_.latest, now);
    }
    bool Holds(const Key& key) const { return &table_.ShardOf(key.hash) == &shard_; }

    ShardedLru& table_;
    Shard& shard_;
    const std::lock_guard<std::mutex> lock_;
  };

  // At most `max_rows`, or one a shard where that is more. A small table has fewer shards, so that none is
  // full by chance while others are empty.
  explicit ShardedLru(size_t max_rows)
      : shard_count_(std::bit_floor(std::clamp<size_t>(max_rows / kRowsWorthAShard, 1, kMaxShards))),
        shard_capacity_(std::max<size_t>(max_rows / shard_count_, 1)),
        shards_(std::make_unique<Shard[]>(shard_count_)) {}
  ShardedLru(const ShardedLru&) = delete;
  ShardedLru& operator=(const ShardedLru&) = delete;

  // Locks the shard of the keys with that hash. Callers that do not need now() leave the time out.
  [[nodiscard]] Locked Lock(uint64_t hash, TimePoint now = TimePoint::min()) {
    return Locked(*this, ShardOf(hash), now);
  }

  size_t max_rows() const { return shard_capacity_ * shard_count_; }
  size_t size() const {
    return Sum([](const Shard& shard) { return shard.rows.size(); });
  }
  // Rows that were evicted because there was no room.
  uint64_t evictions() const {
    return Sum([](const Shard& shard) { return shard.evictions; });
  }

  // Calls visit(const Row&) for every row, one shard after the other, each under its mutex.
  template <typename Visit>
  void ForEach(Visit visit) const {
    Sum([&visit](const Shard& shard) {
      for (const auto& row : shard.rows) visit(std::as_const(*row));
      return size_t{0};
    });
  }

 private:
  static constexpr size_t kMaxShards = 64;
  static constexpr size_t kRowsWorthAShard = 1024;
  static constexpr int kSweptPerInsert = 4;  // more than one: spent rows become fewer while rows are added

  // Everything here is under `mutex`. Aligned so that threads in neighbouring shards share no cache line.
  struct alignas(64) Shard {
    struct Hash {
      using is_transparent = void;
      size_t operator()(const Key& key) const { return key.hash; }
      size_t operator()(const std::unique_ptr<Row>& row) const { return row->key.hash; }
    };
    struct Equal {
      using is_transparent = void;
      bool operator()(const std::unique_ptr<Row>& row, const Key& key) const { return row->key == key; }
      bool operator()(const std::unique_ptr<Row>& a, const std::unique_ptr<Row>& b) const { return a == b; }
    };

    mutable std::mutex mutex;
    // Declared before `by_use`, and so destroyed after it.
    absl::flat_hash_set<std::unique_ptr<Row>, Hash, Equal> rows;
    IntrusiveList<Row> by_use;  // the oldest in front; without those that are pinned
    TimePoint latest = TimePoint::min();
    uint64_t evictions = 0;
  };

  // By the high bits: within a shard the set uses the others.
  Shard& ShardOf(uint64_t hash) const { return shards_[(hash >> 58) & (shard_count_ - 1)]; }

  template <typename Of>
  uint64_t Sum(Of of) const {
    uint64_t sum = 0;
    for (size_t i = 0; i < shard_count_; ++i) {
      const std::lock_guard lock(shards_[i].mutex);
      sum += of(std::as_const(shards_[i]));
    }
    return sum;
  }

  const size_t shard_count_;
  const size_t shard_capacity_;
  const std::unique_ptr<Shard[]> shards_;
};

}  // namespace hawser::base
