// Who of a pool gets what: priorities, panic, and counts that stay exact.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/pool.h"

namespace hawser::integration::pool_share_test {
namespace {

using Answers = std::map<std::string, int>;

const std::string kChecks =
    "health_checks: [ { websocket: {}, interval: 50ms, unhealthy_interval: 50ms, timeout: 1s } ]";

TEST(PoolShare, TheNextPriorityTakesWhatTheHealthOfTheFirstLoses) {
  Pool pool({"", "", "priority: 1", "priority: 1"}, {.cluster = {"lb_policy: round_robin", kChecks}});
  EXPECT_EQ(pool.Answers(20), (Answers{{"a", 10}, {"b", 10}})) << "the first has everything";
  pool[0].Behave(Manner::kRefuses);
  ASSERT_TRUE(pool.IsAvailable(0, false));
  // Half of two, overprovisioned by 1.4: 70 % stay.
  Answers answers = pool.Answers(400);
  EXPECT_EQ(answers["a"], 0);
  EXPECT_NEAR(answers["b"], 280, 45);
  EXPECT_EQ(answers["b"] + answers["c"] + answers["d"], 400);
  EXPECT_NEAR(answers["c"], answers["d"], 1) << "each in its turn";
  pool[1].Behave(Manner::kRefuses);
  ASSERT_TRUE(pool.IsAvailable(1, false));
  EXPECT_EQ(pool.Answers(20), (Answers{{"c", 10}, {"d", 10}})) << "the first has nothing";
  pool[0].Behave(Manner::kWell);
  pool[1].Behave(Manner::kWell);
  ASSERT_TRUE(pool.IsAvailable(0, true));
  ASSERT_TRUE(pool.IsAvailable(1, true));
  EXPECT_EQ(pool.Answers(20), (Answers{{"a", 10}, {"b", 10}}));
}

TEST(PoolShare, InPanicAllEndpointsShareSoThatTheLastOneIsNotOverrun) {
  Pool pool({"", "", "", ""},
            {.route = {"handshake_timeout: 200ms"},
             .cluster = {"lb_policy: round_robin", kChecks, "panic_threshold: 50",
                         "outlier_detection: { max_ejection_percent: 0 }", "retry: { attempts: 0 }"}});
  for (const size_t backend : {0, 1}) pool[backend].Behave(Manner::kSilent);
  for (const size_t backend : {0, 1}) ASSERT_TRUE(pool.IsAvailable(backend, false));
  EXPECT_EQ(pool.Answers(20), (Answers{{"c", 10}, {"d", 10}})) << "half is not below half";
  EXPECT_EQ(pool.Logged("health is ignored"), 0);
  pool[2].Behave(Manner::kRefuses);
  ASSERT_TRUE(pool.Becomes(2, "check_failed"));
  // A thread of its own writes the log.
  EXPECT_TRUE(Eventually([&] { return pool.Logged("1 of 4 endpoints are sound; health is ignored") == 1; }));
  EXPECT_EQ(pool.Answers(20), (Answers{{"504", 10}, {"503", 5}, {"d", 5}})) << "health is ignored";
  pool[2].Behave(Manner::kWell);
  ASSERT_TRUE(pool.Becomes(2, "in"));
  EXPECT_TRUE(Eventually([&] { return pool.Logged("health counts again") == 1; }));
  EXPECT_EQ(pool.Answers(20), (Answers{{"c", 10}, {"d", 10}}));
}

TEST(PoolShare, CountsAreExactAfterTenThousandTunnelsAndAReload) {
  const int waves = IsSanitized() ? 4 : 20;
  constexpr int kWave = 500;
  Config config{.cluster = {"lb_policy: least_request"}, .concurrency = 2};
  Pool pool({"", "", ""}, config);
  Crowd crowd(pool.hawser().listener());
  for (int wave = 0; wave < waves; ++wave) {
    crowd.Add(kWave);
    ASSERT_TRUE(crowd.RunUntil([&] { return crowd.open() == kWave; })) << wave;
    if (wave == waves / 2) {
      Config changed = pool.config();
      changed.cluster.push_back("connect_timeout: 4s");
      pool.hawser().Rewrite(changed.Yaml());
      pool.hawser().process().Signal(SIGHUP);
      ASSERT_TRUE(pool.hawser().MetricIs("hawser_config_generation", 2));
    }
    if (wave % 5 == 0) {
      double active = 0;
      for (size_t backend = 0; backend < pool.size(); ++backend) {
        EXPECT_TRUE(pool.MetricIs("hawser_endpoint_active", backend, crowd.open_at(pool[backend].name())));
        active += pool.Metric("hawser_endpoint_active", backend);
      }
      EXPECT_EQ(active, kWave);
    }
    crowd.LeaveAll();
  }
  for (size_t backend = 0; backend < pool.size(); ++backend) {
    EXPECT_TRUE(pool.MetricIs("hawser_endpoint_active", backend, 0));
    EXPECT_TRUE(pool.MetricIs("hawser_endpoint_connecting", backend, 0));
    EXPECT_EQ(pool.Metric("hawser_endpoint_tunnels_total", backend), pool[backend].handshakes());
    // Every wave is shared evenly: least_request sees all workers' tunnels.
    EXPECT_NEAR(pool[backend].handshakes(), waves * kWave / 3, waves * kWave / 30);
  }
  EXPECT_EQ(pool.hawser().Metric("hawser_endpoint_tunnels_total"), waves * kWave);
}

}  // namespace
}  // namespace hawser::integration::pool_share_test
