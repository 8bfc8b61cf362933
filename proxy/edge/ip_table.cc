#include "proxy/edge/ip_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <mutex>
#include <string_view>

#include "absl/container/flat_hash_set.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/edge/token_bucket.h"

namespace hawser::edge {
namespace {

constexpr size_t kMaxShards = 64;
constexpr size_t kRowsWorthAShard =
    1024;                           // a smaller table has fewer shards, so that none fills up by chance
constexpr int kSweptPerInsert = 4;  // more than one: the idle rows dwindle while rows are added

struct Key {
  uint32_t listener;
  net::IpAddress prefix;
  uint64_t hash;
};

uint64_t HashOf(const base::SipKey& sip_key, uint32_t listener, const net::IpAddress& prefix) {
  std::array<char, sizeof(listener) + 16> bytes;
  std::memcpy(bytes.data(), &listener, sizeof(listener));
  const auto address = prefix.bytes();
  std::memcpy(bytes.data() + sizeof(listener), address.data(), address.size());
  return base::SipHash(sip_key, std::string_view(bytes.data(), sizeof(listener) + address.size()));
}

size_t ShardCount(size_t max_entries) {
  return std::bit_floor(std::clamp<size_t>(max_entries / kRowsWorthAShard, 1, kMaxShards));
}

}  // namespace

// In its shard's `idle` list while it has no connections.
struct IpTable::Entry : base::ListLink {
  Entry(Shard& owner, const Key& key)
      : shard(&owner), hash(key.hash), prefix(key.prefix), listener(key.listener) {}

  Shard* const shard;
  const uint64_t hash;
  const net::IpAddress prefix;
  const uint32_t listener;
  uint32_t connections = 0;
  TokenBucket bucket;
};

// Everything here is under `mutex`. Aligned so that two workers in neighbouring shards share no cache line.
struct alignas(64) IpTable::Shard {
  struct Hash {
    using is_transparent = void;
    size_t operator()(const Key& key) const { return key.hash; }
    size_t operator()(const std::unique_ptr<Entry>& entry) const { return entry->hash; }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const std::unique_ptr<Entry>& entry, const Key& key) const {
      return entry->hash == key.hash && entry->listener == key.listener && entry->prefix == key.prefix;
    }
    bool operator()(const std::unique_ptr<Entry>& a, const std::unique_ptr<Entry>& b) const { return a == b; }
  };

  mutable std::mutex mutex;
  // Declared before `idle`, and so destroyed after it.
  absl::flat_hash_set<std::unique_ptr<Entry>, Hash, Equal> entries;
  // In front the one that has been without connections and without a refusal the longest.
  base::IntrusiveList<Entry> idle;
  // That an Admit has brought. Workers' clocks stand still within a turn: one that lags must not see as a debt what another
  // took a moment later.
  base::TimePoint latest = base::TimePoint::min();
  uint64_t evictions = 0;

  Entry* Find(const Key& key) const {
    const auto found = entries.find(key);
    return found == entries.end() ? nullptr : found->get();
  }

  void Erase(Entry& entry) { entries.erase(entries.find(Key{entry.listener, entry.prefix, entry.hash})); }

  // Drops a few of the idle rows that say nothing any more. Stops at one whose bucket is not yet full: the list is in
  // the order in which rows became idle, and shall stay so for the sake of Insert.
  void Sweep() {
    for (int i = 0; i < kSweptPerInsert && !idle.empty() && idle.front()->bucket.Full(latest); ++i) {
      Erase(*idle.front());
    }
  }

  // A new row, in place of an idle one if there are `capacity` already; null if there is no idle one.
  Entry* Insert(const Key& key, size_t capacity) {
    Sweep();
    if (entries.size() >= capacity) {
      if (idle.empty()) return nullptr;
      Erase(*idle.front());
      ++evictions;
    }
    return entries.insert(std::make_unique<Entry>(*this, key)).first->get();
  }

  AdmitResult Take(Entry& entry, const IpLimits& limits) {
    if (limits.connections != 0 && entry.connections >= limits.connections) {
      return AdmitResult::kTooManyConnections;
    }
    if (limits.rate_per_second > 0 && !entry.bucket.Take(latest, limits.rate_per_second, limits.burst)) {
      // Who is being refused shall not be the next to be forgotten.
      if (entry.linked()) idle.PushBack(entry);
      return AdmitResult::kRateExceeded;
    }
    entry.Unlink();
    ++entry.connections;
    return AdmitResult::kAdmitted;
  }

  void Release(Entry& entry) {
    if (--entry.connections > 0) return;
    if (entry.bucket.Full(latest)) {
      Erase(entry);
    } else {
      idle.PushBack(entry);
    }
  }
};

void IpTable::Lease::Release() {
  if (entry_ == nullptr) return;
  Entry& entry = *std::exchange(entry_, nullptr);
  Shard& shard = *entry.shard;
  const std::lock_guard lock(shard.mutex);
  shard.Release(entry);
}

IpTable::IpTable(size_t max_entries, base::SipKey key)
    : key_(key),
      shard_count_(ShardCount(max_entries)),
      shard_capacity_(std::max<size_t>(max_entries / shard_count_, 1)),
      shards_(std::make_unique<Shard[]>(shard_count_)) {}

IpTable::~IpTable() = default;

IpTable::Admission IpTable::Admit(uint32_t listener, const net::IpAddress& address, const IpLimits& limits,
                                  base::TimePoint now) {
  if (limits.connections == 0 && limits.rate_per_second <= 0) return {};
  const net::IpAddress prefix = address.Masked(address.v4() ? limits.v4_prefix : limits.v6_prefix);
  const Key key{listener, prefix, HashOf(key_, listener, prefix)};
  // The top bits name the shard: within it the set uses the others.
  Shard& shard = shards_[(key.hash >> 58) & (shard_count_ - 1)];

  const std::lock_guard lock(shard.mutex);
  shard.latest = std::max(shard.latest, now);
  Entry* entry = shard.Find(key);
  if (entry == nullptr) entry = shard.Insert(key, shard_capacity_);
  if (entry == nullptr) return {AdmitResult::kTableFull, Lease()};
  const AdmitResult result = shard.Take(*entry, limits);
  return {result, result == AdmitResult::kAdmitted ? Lease(entry) : Lease()};
}

size_t IpTable::size() const {
  size_t sum = 0;
  for (size_t i = 0; i < shard_count_; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    sum += shards_[i].entries.size();
  }
  return sum;
}

uint64_t IpTable::evictions() const {
  uint64_t sum = 0;
  for (size_t i = 0; i < shard_count_; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    sum += shards_[i].evictions;
  }
  return sum;
}

std::vector<IpTable::Row> IpTable::Top(size_t count) const {
  const auto more = [](const Row& a, const Row& b) { return a.connections > b.connections; };
  std::vector<Row> heap;  // the `count` largest so far, the smallest of them in front
  for (size_t i = 0; i < shard_count_; ++i) {
    const std::lock_guard lock(shards_[i].mutex);
    for (const auto& entry : shards_[i].entries) {
      if (entry->connections == 0) continue;
      if (heap.size() == count) {
        if (count == 0 || entry->connections <= heap.front().connections) continue;
        std::pop_heap(heap.begin(), heap.end(), more);
        heap.pop_back();
      }
      heap.push_back({entry->listener, entry->prefix, entry->connections});
      std::push_heap(heap.begin(), heap.end(), more);
    }
  }
  std::sort(heap.begin(), heap.end(), more);
  return heap;
}

}  // namespace hawser::edge
