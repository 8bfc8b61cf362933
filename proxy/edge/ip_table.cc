#include "proxy/edge/ip_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "proxy/base/check.h"

namespace hawser::edge {

IpTable::Key IpTable::KeyOf(uint32_t listener, const net::IpAddress& prefix) const {
  std::array<char, sizeof(listener) + 16> bytes;
  std::memcpy(bytes.data(), &listener, sizeof(listener));
  const auto address = prefix.bytes();
  std::memcpy(bytes.data() + sizeof(listener), address.data(), address.size());
  const std::string_view all(bytes.data(), sizeof(listener) + address.size());
  return {.hash = base::SipHash(key_, all), .prefix = prefix, .listener = listener};
}

IpTable::Admission IpTable::Admit(uint32_t listener, const net::IpAddress& address, const IpLimits& limits,
                                  base::TimePoint now) {
  HAWSER_DCHECK(limits.v4_prefix >= 0 && limits.v4_prefix <= 32 && limits.v6_prefix >= 0 &&
                limits.v6_prefix <= 128);
  const Key key = KeyOf(listener, address.Masked(address.v4() ? limits.v4_prefix : limits.v6_prefix));
  Rows::Locked shard = rows_.Lock(key.hash, now);
  Rows::Row* row = shard.Find(key);
  if (row == nullptr) {
    row = shard.Insert(key, [&shard](const Rows::Row& old) { return old.value.Spent(shard.now()); });
    const bool limited = limits.connections != 0 || limits.rate_per_second > 0;
    if (row == nullptr) return {limited ? AdmitResult::kTableFull : AdmitResult::kAdmitted, Lease()};
    row->value.table = this;
  }
  const AdmitResult result = Take(shard, *row, limits);
  HAWSER_DCHECK(row->linked() == (row->value.connections == 0));  // pinned while there are any
  if (result != AdmitResult::kAdmitted) return {result, Lease()};
  return {result, Lease(*row, row->value.StandingAt(shard.now()))};
}

AdmitResult IpTable::Take(Rows::Locked& shard, Rows::Row& row, const IpLimits& limits) {
  Entry& entry = row.value;
  if (limits.connections != 0 && entry.connections >= limits.connections) {
    return AdmitResult::kTooManyConnections;
  }
  if (limits.rate_per_second > 0 && !entry.bucket.Take(shard.now(), limits.rate_per_second, limits.burst)) {
    if (entry.connections == 0) shard.Use(row);
    return AdmitResult::kRateExceeded;
  }
  if (entry.connections == 0) shard.Pin(row);
  ++entry.connections;
  return AdmitResult::kAdmitted;
}

void IpTable::Lease::Prove() {
  const bool was_bad = (packed_ & kBad) != 0;
  packed_ &= ~kBits;
  if (!was_bad) return;
  const Rows::Locked shard = row().value.table->rows_.Lock(row().key.hash);
  row().value.bad_until = base::TimePoint::min();
}

void IpTable::Lease::Review() {
  if ((packed_ & kBits) != kUnproven) return;
  const Rows::Locked shard = row().value.table->rows_.Lock(row().key.hash);
  if (row().value.StandingAt(shard.now()) == Standing::kBad) packed_ |= kBad;
}

void IpTable::Lease::Release() {
  if (packed_ == 0) return;
  Rows::Row& held = row();
  const bool proven = (std::exchange(packed_, 0) & kUnproven) == 0;
  Rows::Locked shard = held.value.table->rows_.Lock(held.key.hash);
  HAWSER_DCHECK(held.value.connections > 0);
  if (!proven) held.value.bad_until = shard.now() + kForgiven;
  if (--held.value.connections > 0) return;
  held.value.Spent(shard.now()) ? shard.Erase(held) : shard.Use(held);
}

std::vector<IpTable::Row> IpTable::Top(size_t count) const {
  const auto more = [](const Row& a, const Row& b) { return a.connections > b.connections; };
  std::vector<Row> heap;  // the `count` largest so far, the smallest of them in front
  rows_.ForEach([&](const Rows::Row& row) {
    const uint32_t connections = row.value.connections;
    if (connections == 0) return;
    if (heap.size() == count) {
      if (count == 0 || connections <= heap.front().connections) return;
      std::pop_heap(heap.begin(), heap.end(), more);
      heap.pop_back();
    }
    heap.push_back({row.key.listener, row.key.prefix, connections});
    std::push_heap(heap.begin(), heap.end(), more);
  });
  std::sort(heap.begin(), heap.end(), more);
  return heap;
}

}  // namespace hawser::edge
