#include "proxy/cluster/stick_table.h"

#include <algorithm>
#include <bit>
#include <mutex>

#include "absl/container/flat_hash_set.h"
#include "proxy/base/intrusive_list.h"

namespace hawser::cluster {
namespace {

constexpr size_t kMaxShards = 64;
constexpr size_t kRowsWorthAShard =
    1024;                           // a smaller table has fewer shards, so that none fills up by chance
constexpr int kSweptPerInsert = 4;  // more than one: the idle rows dwindle while rows are added

size_t ShardCount(size_t max_entries) {
  return std::bit_floor(std::clamp<size_t>(max_entries / kRowsWorthAShard, 1, kMaxShards));
}

}  // namespace

struct StickTable::Row : base::ListLink {
  explicit Row(uint64_t of) : hash(of) {}

  const uint64_t hash;
  base::TimePoint used;
  std::string endpoint;
};

// Everything here is under `mutex`. Aligned so that two workers in neighbouring shards share no cache line.
struct alignas(64) StickTable::Shard {
  struct Hash {
    using is_transparent = void;
    size_t operator()(uint64_t hash) const { return hash; }
    size_t operator()(const std::unique_ptr<Row>& row) const { return row->hash; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const std::unique_ptr<Row>& row, uint64_t hash) const { return row->hash == hash; }
    bool operator()(const std::unique_ptr<Row>& a, const std::unique_ptr<Row>& b) const { return a == b; }
  };

  mutable std::mutex mutex;
  // Declared before `by_use`, and so destroyed after it.
  absl::flat_hash_set<std::unique_ptr<Row>, Hash, Equal> rows;
  base::IntrusiveList<Row> by_use;  // in front the one that was used the longest ago
  uint64_t evictions = 0;

  Row* Find(uint64_t hash) const {
    const auto found = rows.find(hash);
    return found == rows.end() ? nullptr : found->get();
  }

  void Erase(Row& row) { rows.erase(rows.find(row.hash)); }

  void Use(Row& row, base::TimePoint now) {
    row.used = now;
    by_use.PushBack(row);
  }

  void Sweep(base::TimePoint oldest) {
    for (int i = 0; i < kSweptPerInsert && !by_use.empty() && by_use.front()->used < oldest; ++i) {
      Erase(*by_use.front());
    }
  }

  Row& Insert(uint64_t hash, size_t capacity) {
    if (rows.size() >= capacity) {
      Erase(*by_use.front());
      ++evictions;
    }
    return **rows.insert(std::make_unique<Row>(hash)).first;
  }
};

StickTable::StickTable(size_t max_entries, base::Duration idle, base::SipKey key)
    : key_(key),
      idle_(idle),
      shard_count_(ShardCount(max_entries)),
      shard_capacity_(std::max<size_t>(max_entries / shard_count_, 1)),
      shards_(std::make_unique<Shard[]>(shard_count_)) {}

StickTable::~StickTable() = default;

uint64_t StickTable::HashOf(std::string_view cluster, std::string_view session) const {
  std::string both;
  both.reserve(cluster.size() + 1 + session.size());
  both.append(cluster).append(1, '\0').append(session);  // a cluster's name has no NUL
  return base::SipHash(key_, both);
}

// The top bits name the shard: within it the set uses the others.
StickTable::Shard& StickTable::ShardOf(uint64_t hash) const {
  return shards_[(hash >> 58) & (shard_count_ - 1)];
}

void StickTable::Learn(std::string_view cluster, std::string_view session, std::string_view endpoint,
                       base::TimePoint now) {
  const uint64_t hash = HashOf(cluster, session);
  Shard& shard = ShardOf(hash);
  const std::lock_guard lock(shard.mutex);
  shard.Sweep(now - idle_);
  Row* row = shard.Find(hash);
  if (row == nullptr) row = &shard.Insert(hash, shard_capacity_);
  row->endpoint = endpoint;
  shard.Use(*row, now);
}

std::optional<std::string> StickTable::Find(std::string_view cluster, std::string_view session,
                                            base::TimePoint now) {
  const uint64_t hash = HashOf(cluster, session);
  Shard& shard = ShardOf(hash);
  const std::lock_guard lock(shard.mutex);
  Row* row = shard.Find(hash);
  if (row == nullptr) return std::nullopt;
  if (row->used < now - idle_) {
    shard.Erase(*row);
    return std::nullopt;
  }
  shard.Use(*row, now);
  return row->endpoint;
}

size_t StickTable::size() const {
  size_t sum = 0;
  for (size_t i = 0; i < shard_count_; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    sum += shards_[i].rows.size();
  }
  return sum;
}

uint64_t StickTable::evictions() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < shard_count_; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    sum += shards_[i].evictions;
  }
  return sum;
}

}  // namespace hawser::cluster
