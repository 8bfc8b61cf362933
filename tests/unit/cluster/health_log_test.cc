#include "proxy/cluster/health_log.h"

#include "gtest/gtest.h"

namespace hawser::cluster::health_log_test {
namespace {

HealthChange Because(std::string why) {
  return {.from = "in", .to = "ejected", .why = std::move(why)};
}

TEST(HealthLog, IsEmptyAtFirst) {
  EXPECT_TRUE(HealthLog().Changes().empty());
}

TEST(HealthLog, KeepsTheLastChangesTheOldestFirst) {
  HealthLog log;
  for (size_t i = 0; i < HealthLog::kMostChanges + 3; ++i) log.Add(Because(std::to_string(i)));
  const auto changes = log.Changes();
  ASSERT_EQ(changes.size(), HealthLog::kMostChanges);
  for (size_t i = 0; i < changes.size(); ++i) EXPECT_EQ(changes[i].why, std::to_string(i + 3));
}

TEST(HealthLog, KeepsTheOrderWhileItFills) {
  HealthLog log;
  log.Add(Because("first"));
  log.Add({.from = "ejected", .to = "in", .why = "second"});
  const auto changes = log.Changes();
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].why, "first");
  EXPECT_EQ(changes[1].from, "ejected");
  EXPECT_EQ(changes[1].to, "in");
}

TEST(HealthLog, CutsAReasonThatIsTooLong) {
  HealthLog log;
  log.Add(Because(std::string(5000, 'x')));
  EXPECT_EQ(log.Changes()[0].why.size(), HealthLog::kMostWhy);
}

}  // namespace
}  // namespace hawser::cluster::health_log_test
