#include "proxy/cluster/stick_table.h"

namespace hawser::cluster {

StickTable::Key StickTable::KeyOf(std::string_view cluster, std::string_view session) const {
  std::string both;
  both.reserve(cluster.size() + 1 + session.size());
  both.append(cluster).append(1, '\0').append(session);  // a cluster's name has no NUL
  return {.hash = base::SipHash(key_, both)};
}

void StickTable::Learn(std::string_view cluster, std::string_view session, std::string_view endpoint,
                       base::TimePoint now) {
  const Key key = KeyOf(cluster, session);
  Rows::Locked shard = rows_.Lock(key.hash, now);
  const base::TimePoint oldest = shard.now() - idle_.load(std::memory_order_relaxed);
  const auto idle = [oldest](const Rows::Row& row) { return row.value.used < oldest; };
  Rows::Row* row = shard.Find(key);
  if (row == nullptr) row = shard.Insert(key, idle);  // never null: no row of this table is pinned
  row->value = {.used = shard.now(), .endpoint = std::string(endpoint)};
  shard.Use(*row);
}

std::optional<std::string> StickTable::Find(std::string_view cluster, std::string_view session,
                                            base::TimePoint now) {
  const Key key = KeyOf(cluster, session);
  Rows::Locked shard = rows_.Lock(key.hash, now);
  Rows::Row* row = shard.Find(key);
  if (row == nullptr) return std::nullopt;
  if (row->value.used < shard.now() - idle_.load(std::memory_order_relaxed)) {
    shard.Erase(*row);
    return std::nullopt;
  }
  row->value.used = shard.now();
  shard.Use(*row);
  return row->value.endpoint;
}

}  // namespace hawser::cluster
