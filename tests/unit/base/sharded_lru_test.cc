#include "proxy/base/sharded_lru.h"

#include <array>
#include <atomic>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "proxy/base/hash.h"

namespace hawser::base::sharded_lru_test {
namespace {

using namespace std::chrono_literals;

struct Name {
  uint64_t hash;
  std::string text;
  bool operator==(const Name&) const = default;
};
struct Age {
  TimePoint since;
};
using Table = ShardedLru<Name, Age>;

const TimePoint kStart = TimePoint(1000s);

// With one shard unless a test spreads its hashes.
Name Of(const std::string& text, uint64_t hash = 7) {
  return {.hash = hash, .text = text};
}

constexpr auto kNothingIsSpent = [](const Table::Row&) { return false; };

bool Has(Table& table, const std::string& text, uint64_t hash = 7) {
  return table.Lock(hash).Find(Of(text, hash)) != nullptr;
}

Table::Row* Add(Table& table, const std::string& text) {
  return table.Lock(7).Insert(Of(text), kNothingIsSpent);
}

void Use(Table& table, const std::string& text) {
  auto shard = table.Lock(7);
  shard.Use(*shard.Find(Of(text)));
}

TEST(ShardedLru, FindsTheRowOfAKeyAndNoOther) {
  Table table(100);
  EXPECT_FALSE(Has(table, "a"));
  Table::Row* const row = Add(table, "a");
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->key.text, "a");
  EXPECT_EQ(table.Lock(7).Find(Of("a")), row);
  EXPECT_FALSE(Has(table, "b")) << "the same hash is not the same key";
  EXPECT_EQ(table.size(), 1U);
}

TEST(ShardedLru, WhenFullTheRowThatWasUsedTheLongestAgoGoes) {
  Table table(3);
  for (const std::string text : {"a", "b", "c"}) Add(table, text);
  Use(table, "a");
  Add(table, "d");
  EXPECT_TRUE(Has(table, "a"));
  EXPECT_FALSE(Has(table, "b"));
  EXPECT_TRUE(Has(table, "c"));
  EXPECT_TRUE(Has(table, "d"));
  EXPECT_EQ(table.size(), 3U);
  EXPECT_EQ(table.evictions(), 1U);
}

TEST(ShardedLru, FindIsNoUse) {
  Table table(2);
  Add(table, "a");
  Add(table, "b");
  EXPECT_TRUE(Has(table, "a"));
  Add(table, "c");
  EXPECT_FALSE(Has(table, "a"));
}

TEST(ShardedLru, APinnedRowStaysUntilItIsUsedAgain) {
  Table table(2);
  {
    auto shard = table.Lock(7);
    shard.Pin(*shard.Insert(Of("pinned"), kNothingIsSpent));
  }
  for (const std::string text : {"a", "b", "c"}) EXPECT_NE(Add(table, text), nullptr);
  EXPECT_TRUE(Has(table, "pinned"));
  EXPECT_EQ(table.evictions(), 2U);
  Use(table, "pinned");
  Add(table, "d");
  Add(table, "e");
  EXPECT_FALSE(Has(table, "pinned"));
}

TEST(ShardedLru, HasNoRoomWhileAllRowsArePinned) {
  Table table(2);
  for (const std::string text : {"a", "b"}) {
    auto shard = table.Lock(7);
    shard.Pin(*shard.Insert(Of(text), kNothingIsSpent));
  }
  EXPECT_EQ(Add(table, "c"), nullptr);
  EXPECT_EQ(table.evictions(), 0U);
  {
    auto shard = table.Lock(7);
    shard.Erase(*shard.Find(Of("a")));
  }
  EXPECT_NE(Add(table, "c"), nullptr);
}

TEST(ShardedLru, ANewRowRemovesAFewSpentOnes) {
  Table table(100);
  for (int i = 0; i < 10; ++i) Add(table, std::to_string(i))->value.since = kStart + i * 1s;
  auto shard = table.Lock(7, kStart + 9s);
  const auto spent = [&shard](const Table::Row& row) { return row.value.since + 2s < shard.now(); };
  shard.Insert(Of("x"), spent)->value.since = shard.now();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(shard.Find(Of(std::to_string(i))) != nullptr, i >= 4) << i;
  shard.Insert(Of("y"), spent)->value.since = shard.now();
  for (int i = 4; i < 10; ++i) EXPECT_EQ(shard.Find(Of(std::to_string(i))) != nullptr, i >= 7) << i;
}

TEST(ShardedLru, TheSweepIsNoEvictionAndMakesRoom) {
  Table table(2);
  Add(table, "a");
  Add(table, "b");
  EXPECT_NE(table.Lock(7).Insert(Of("c"), [](const Table::Row&) { return true; }), nullptr);
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(table.evictions(), 0U);
}

TEST(ShardedLru, TheSweepEndsAtTheFirstRowThatIsNotSpent) {
  Table table(100);
  for (const std::string text : {"spent", "alive", "spent too"}) Add(table, text);
  table.Lock(7).Insert(Of("new"), [](const Table::Row& row) { return row.key.text != "alive"; });
  EXPECT_FALSE(Has(table, "spent"));
  EXPECT_TRUE(Has(table, "spent too"));
}

TEST(ShardedLru, TimeNeverGoesBackInAShard) {
  Table table(100);
  EXPECT_EQ(table.Lock(7, kStart + 5s).now(), kStart + 5s);
  EXPECT_EQ(table.Lock(7, kStart).now(), kStart + 5s);
  EXPECT_EQ(table.Lock(7).now(), kStart + 5s);
  EXPECT_EQ(table.Lock(7, kStart + 6s).now(), kStart + 6s);
}

TEST(ShardedLru, RowsStayWhereTheyAre) {
  Table table(5000);
  std::vector<Table::Row*> rows;
  for (int i = 0; i < 1000; ++i) rows.push_back(Add(table, std::to_string(i)));
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i]->key.text, std::to_string(i));
}

TEST(ShardedLru, ASmallTableHasItsWholeBoundInOneShard) {
  for (const size_t most : {size_t{0}, size_t{1}, size_t{100}, size_t{2047}}) {
    EXPECT_EQ(Table(most).max_rows(), std::max<size_t>(most, 1)) << most;
  }
}

TEST(ShardedLru, NeverHoldsMoreThanItsBoundHoweverHashesAreSpread) {
  Table table(5000);
  EXPECT_LE(table.max_rows(), 5000U);
  EXPECT_GT(table.max_rows(), 4900U);
  for (uint64_t i = 0; i < 20'000; ++i) {
    const Name key = Of(std::to_string(i), Mix64(i));
    ASSERT_NE(table.Lock(key.hash).Insert(key, kNothingIsSpent), nullptr);
  }
  EXPECT_EQ(table.size(), table.max_rows());
  EXPECT_EQ(table.size() + table.evictions(), 20'000U);
}

TEST(ShardedLru, VisitsEveryRowOnce) {
  Table table(100'000);
  for (uint64_t i = 0; i < 1000; ++i) {
    const Name key = Of(std::to_string(i), Mix64(i));
    table.Lock(key.hash).Insert(key, kNothingIsSpent);
  }
  std::set<std::string> seen;
  table.ForEach([&seen](const Table::Row& row) { EXPECT_TRUE(seen.insert(row.key.text).second); });
  EXPECT_EQ(seen.size(), 1000U);
}

#ifndef NDEBUG
TEST(ShardedLruDeathTest, AKeyHasOneRow) {
  Table table(100);
  Add(table, "a");
  EXPECT_DEATH(Add(table, "a"), "HAWSER_DCHECK");
}

TEST(ShardedLruDeathTest, AKeyIsLookedForInItsOwnShard) {
  Table table(100'000);
  EXPECT_DEATH(table.Lock(0).Find(Of("a", ~uint64_t{0})), "HAWSER_DCHECK");
}
#endif

// Of interest under TSan.
TEST(ShardedLru, ServesManyThreadsAtOnce) {
  Table table(3000);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (uint64_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&table, &wrong, seed] {
      for (uint64_t i = 0; i < 5000; ++i) {
        const uint64_t number = (i * 7 + seed) % 6000;
        const Name key = Of(std::to_string(number), Mix64(number));
        auto shard = table.Lock(key.hash, kStart + std::chrono::milliseconds(i));
        auto* row = shard.Find(key);
        if (row == nullptr) row = shard.Insert(key, kNothingIsSpent);
        if (row == nullptr || row->key.text != key.text) ++wrong;
        if (row != nullptr) shard.Use(*row);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_LE(table.size(), table.max_rows());
}

}  // namespace
}  // namespace hawser::base::sharded_lru_test
