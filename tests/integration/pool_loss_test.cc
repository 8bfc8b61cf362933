// Backends of a pool that die, hang, and come back, each of them a process of its own: what clients feel of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/pool.h"

namespace hawser::integration::pool_loss_test {
namespace {

using Answers = std::map<std::string, int>;

// The sanitizers take ten times as long.
int Scaled(int count) {
  return IsSanitized() ? count / 5 : count;
}

TEST(PoolLoss, AKilledBackendCostsItsOwnTunnelsOnceAndNothingElse) {
  const int each = Scaled(500);
  Pool pool({"", "", ""},
            {.cluster = {"lb_policy: least_request", "outlier_detection: { base_ejection_time: 300ms }"},
             .concurrency = 2});
  Crowd crowd(pool.hawser().listener(), {.comes_back = true});
  // One after the other, so that each backend has its share to the tunnel.
  for (int i = 0; i < 3 * each; ++i) {
    crowd.Add(1);
    ASSERT_TRUE(crowd.RunUntil([&] { return crowd.open() == i + 1; }));
  }
  const int at_a = crowd.open_at("a");
  const int at_b = crowd.open_at("b");
  EXPECT_NEAR(at_a, each, each / 5);
  std::vector<bool> hit;
  for (const Crowd::Client& client : crowd.clients()) hit.push_back(client.backend == "a");

  pool[0].Kill();
  ASSERT_TRUE(crowd.RunUntil([&] {
    return std::all_of(crowd.clients().begin(), crowd.clients().end(),
                       [](const Crowd::Client& client) { return client.open && client.backend != "a"; });
  }));
  for (size_t i = 0; i < hit.size(); ++i) {
    const Crowd::Client& client = crowd.clients()[i];
    ASSERT_EQ(client.ended, hit[i] ? 1 : 0) << i;
    ASSERT_EQ(client.refused, 0) << i << ": " << client.status;
    ASSERT_EQ(client.close_code, hit[i] ? 1001 : 0) << i;
  }
  EXPECT_EQ(crowd.Echoes(), 3 * each);
  EXPECT_EQ(crowd.open_at("b") + crowd.open_at("c"), 3 * each);
  EXPECT_GE(crowd.open_at("b"), at_b);
  EXPECT_GE(pool.Metric("hawser_endpoint_ejections_total", 0), 1);
  EXPECT_TRUE(pool.MetricIs("hawser_endpoint_active", 0, 0));
  EXPECT_EQ(pool.Metric("hawser_endpoint_active", 1), crowd.open_at("b"));

  pool[0].Start();
  ASSERT_TRUE(Eventually([&] { return pool.Answers(1).contains("a"); })) << "it is used again";
}

TEST(PoolLoss, ABackendThatTakesConnectionsAndNeverAnswersCostsThreeTries) {
  Pool pool({"", ""}, {.cluster = {"lb_policy: round_robin", "retry: { per_try_timeout: 500ms }"}});
  pool[0].Behave(Manner::kSilent);
  EXPECT_EQ(pool.Answers(30), (Answers{{"b", 30}})) << "every client got in, by another try";
  EXPECT_EQ(pool[0].handshakes(), 3) << "then it is ejected";
  EXPECT_EQ(pool.Row(0)["state"], "ejected");
}

TEST(PoolLoss, ABackendThatIsSilentIsFoundByItsHealthCheckBeforeAnyClientIs) {
  Pool pool({"", ""}, {.cluster = {"lb_policy: round_robin",
                                   "health_checks: [ { websocket: {}, interval: 100ms, unhealthy_interval: "
                                   "100ms, timeout: 100ms } ]"}});
  ASSERT_TRUE(Eventually([&] { return pool[0].handshakes() >= 2; })) << "it is checked";
  pool[0].Behave(Manner::kSilent);
  ASSERT_TRUE(pool.IsAvailable(0, false));
  const int checked = pool[0].handshakes();
  EXPECT_EQ(pool.Answers(20), (Answers{{"b", 20}}));
  EXPECT_LT(pool[0].handshakes() - checked, 20) << "only checks have come";
  pool[0].Behave(Manner::kWell);
  ASSERT_TRUE(pool.IsAvailable(0, true));
  EXPECT_EQ(pool.Answers(10), (Answers{{"a", 5}, {"b", 5}}));
}

TEST(PoolLoss, ABackendThatAnswers101AndResetsIsEjectedAfterThreeTunnels) {
  Pool pool({"", ""},
            {.websocket = {"close_timeout: 1h"},
             .cluster = {"lb_policy: round_robin", "outlier_detection: { base_ejection_time: 1s }"}});
  pool[0].Behave(Manner::kResetsTunnels);
  Crowd crowd(pool.hawser().listener());
  for (int i = 1; i <= 30; ++i) {
    crowd.Add(1);
    ASSERT_TRUE(crowd.RunUntil([&] {
      const Crowd::Client& last = crowd.clients().back();
      return last.ended == 1 || (last.open && last.backend == "b");
    })) << i;
  }
  EXPECT_EQ(pool[0].handshakes(), 3);
  EXPECT_EQ(crowd.open_at("b"), 27);
  EXPECT_EQ(pool.Row(0)["state"], "ejected");
  EXPECT_TRUE(pool.MetricIs("hawser_endpoint_ejections_total", 0, 1));

  // A 101 is no proof: one more fault, and it is out again, for twice as long. The fault counts at once, not
  // when the client has answered the close frame, which this one does not do for now.
  ASSERT_TRUE(Eventually([&] {
    crowd.Add(1);
    crowd.RunUntil([&] { return crowd.clients().back().opened == 1; });
    return pool[0].handshakes() == 4;
  }));
  EXPECT_TRUE(pool.MetricIs("hawser_endpoint_ejections_total", 0, 2));
  EXPECT_EQ(pool.Answers(10), (Answers{{"b", 10}}));
  EXPECT_EQ(pool[0].handshakes(), 4);
}

TEST(PoolLoss, ABackendWhoseHttpIsGreenAndWhoseWebSocketIsDeadIsUnhealthy) {
  Pool pool({"", ""},
            {.cluster = {"lb_policy: round_robin", "health_checks:",
                         "- { http: { path: /healthz, expect: [ 200 ] }, interval: 100ms, timeout: 100ms }",
                         "- { websocket: { path: /ws }, interval: 100ms, unhealthy_interval: 100ms, timeout: "
                         "100ms }"}});
  pool[0].Behave(Manner::kDeadWebSockets);
  ASSERT_TRUE(pool.IsAvailable(0, false));
  const int before = pool[0].requests();
  EXPECT_EQ(pool.Answers(20), (Answers{{"b", 20}})) << "no client found out";
  EXPECT_TRUE(Eventually([&] { return pool[0].requests() > before; })) << "the HTTP check goes on";
  EXPECT_EQ(pool.Row(0)["state"], "check_failed") << "and does not bring it back";
  pool[0].Behave(Manner::kWell);
  ASSERT_TRUE(pool.IsAvailable(0, true));
}

TEST(PoolLoss, AFlappingBackendRefusesNobodyAndIsOutForLongerEachTime) {
  Pool pool({"", "", ""},
            {.cluster = {"lb_policy: round_robin",
                         "outlier_detection: { base_ejection_time: 50ms, max_ejection_time: 400ms }"},
             .concurrency = 2});
  Crowd crowd(pool.hawser().listener(), {.comes_back = true});
  crowd.Add(60);
  ASSERT_TRUE(crowd.RunUntil([&] { return crowd.open() == 60; }));
  constexpr int kFlaps = 6;
  for (int flap = 0; flap < kFlaps; ++flap) {
    pool[0].Kill();
    ASSERT_TRUE(crowd.RunUntil([&] { return crowd.open() == 60 && crowd.open_at("a") == 0; }));
    pool[0].Start();
    const int before = pool[0].handshakes();
    ASSERT_TRUE(crowd.RunUntil([&] {
      crowd.Add(1);
      crowd.RunUntil([&] { return crowd.clients().back().open; });
      crowd.Leave(crowd.clients().size() - 1);
      return pool[0].handshakes() > before;
    })) << "it is used again";
  }
  for (const Crowd::Client& client : crowd.clients()) ASSERT_EQ(client.refused, 0) << client.status;
  const double ejections = pool.Metric("hawser_endpoint_ejections_total", 0);
  EXPECT_GE(ejections, 1);
  EXPECT_EQ(pool.Metric("hawser_endpoint_ejections_total", 1), 0);
  EXPECT_EQ(pool.Metric("hawser_endpoint_ejections_total", 2), 0);
}

}  // namespace
}  // namespace hawser::integration::pool_loss_test
