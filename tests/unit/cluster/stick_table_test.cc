#include "proxy/cluster/stick_table.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::cluster {
namespace {

using namespace std::chrono_literals;
using testing::Optional;

const base::TimePoint kStart = base::TimePoint(1000s);

TEST(StickTable, FindsWhereASessionLives) {
  StickTable table(100, 1min);
  table.Learn("rooms", "abc", "10.0.0.1:80", kStart);
  table.Learn("rooms", "def", "10.0.0.2:80", kStart);
  EXPECT_THAT(table.Find("rooms", "abc", kStart), Optional(std::string("10.0.0.1:80")));
  EXPECT_THAT(table.Find("rooms", "def", kStart), Optional(std::string("10.0.0.2:80")));
  EXPECT_EQ(table.Find("rooms", "ghi", kStart), std::nullopt);
  EXPECT_EQ(table.size(), 2u);
}

TEST(StickTable, ASessionBelongsToItsCluster) {
  StickTable table(100, 1min);
  table.Learn("rooms", "abc", "10.0.0.1:80", kStart);
  EXPECT_EQ(table.Find("games", "abc", kStart), std::nullopt);
  EXPECT_EQ(table.Find("room", "sabc", kStart), std::nullopt);
  table.Learn("games", "abc", "10.0.0.9:80", kStart);
  EXPECT_THAT(table.Find("rooms", "abc", kStart), Optional(std::string("10.0.0.1:80")));
}

TEST(StickTable, TheLatestAnswerCounts) {
  StickTable table(100, 1min);
  table.Learn("rooms", "abc", "10.0.0.1:80", kStart);
  table.Learn("rooms", "abc", "10.0.0.2:80", kStart);
  EXPECT_THAT(table.Find("rooms", "abc", kStart), Optional(std::string("10.0.0.2:80")));
  EXPECT_EQ(table.size(), 1u);
}

TEST(StickTable, DropsASessionThatNoRequestNames) {
  StickTable table(100, 1min);
  table.Learn("rooms", "abc", "10.0.0.1:80", kStart);
  EXPECT_EQ(table.Find("rooms", "abc", kStart + 61s), std::nullopt);
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(table.evictions(), 0u);
}

TEST(StickTable, ANewTimeHoldsForTheSessionsThatThereAre) {
  StickTable table(100, 1min);
  table.Learn("rooms", "abc", "10.0.0.1:80", kStart);
  table.SetIdle(2min);
  EXPECT_NE(table.Find("rooms", "abc", kStart + 61s), std::nullopt);
  table.SetIdle(1s);
  EXPECT_EQ(table.Find("rooms", "abc", kStart + 63s), std::nullopt);
}

TEST(StickTable, EveryUseKeepsASession) {
  StickTable table(100, 1min);
  table.Learn("rooms", "abc", "10.0.0.1:80", kStart);
  for (int minute = 1; minute < 10; ++minute) {
    EXPECT_NE(table.Find("rooms", "abc", kStart + minute * 1min), std::nullopt) << minute;
  }
}

TEST(StickTable, NewSessionsRemoveIdleOnes) {
  StickTable table(100'000, 1min);
  for (int i = 0; i < 1000; ++i) table.Learn("rooms", "old" + std::to_string(i), "10.0.0.1:80", kStart);
  for (int i = 0; i < 1000; ++i)
    table.Learn("rooms", "new" + std::to_string(i), "10.0.0.1:80", kStart + 2min);
  EXPECT_LT(table.size(), 1100u);
  EXPECT_EQ(table.evictions(), 0u);
}

TEST(StickTable, WhenFullTheOneUsedLongestAgoGoes) {
  StickTable table(3, 1h);
  for (const std::string session : {"a", "b", "c"}) table.Learn("rooms", session, "10.0.0.1:80", kStart);
  EXPECT_NE(table.Find("rooms", "a", kStart + 1s), std::nullopt);
  table.Learn("rooms", "d", "10.0.0.1:80", kStart + 2s);
  EXPECT_EQ(table.Find("rooms", "b", kStart + 3s), std::nullopt);
  for (const std::string session : {"a", "c", "d"}) {
    EXPECT_NE(table.Find("rooms", session, kStart + 3s), std::nullopt) << session;
  }
  EXPECT_EQ(table.size(), 3u);
  EXPECT_EQ(table.evictions(), 1u);
}

TEST(StickTable, NeverHoldsMoreThanItsBound) {
  StickTable table(5000, 1h);
  EXPECT_LE(table.max_entries(), 5000u);
  for (int i = 0; i < 20'000; ++i) table.Learn("rooms", std::to_string(i), "10.0.0.1:80", kStart);
  EXPECT_LE(table.size(), table.max_entries());
  EXPECT_EQ(table.size() + table.evictions(), 20'000u);
}

// Of interest under TSan.
TEST(StickTable, ServesAllWorkersAtOnce) {
  StickTable table(4096, 1h);
  std::atomic<int> lost = 0;
  std::vector<std::thread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([&table, &lost, worker] {
      for (int i = 0; i < 500; ++i) {
        const std::string session = std::to_string(worker) + "-" + std::to_string(i);
        table.Learn("rooms", session, session, kStart);
        if (table.Find("rooms", session, kStart) != session) ++lost;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(table.size(), 2000u);
}

}  // namespace
}  // namespace hawser::cluster
