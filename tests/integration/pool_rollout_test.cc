// What a pool does when many clients move at once: a rolling deploy, and a storm of reconnects.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/pool.h"

namespace hawser::integration::pool_rollout_test {
namespace {

const std::string kCookie =
    "affinity: { cookie: { name: room, keys: [ 0123456789abcdef0123456789abcdef ] } }";

// Restarts the backends one after the other while 300 clients hold their tunnels and come back when these end:
// a hundred at the same moment, with cookies of the one that is gone. So many tries may be under way again.
TEST(PoolRollout, ARollingDeployClosesEachTunnelOnceForEachRestartOfItsBackend) {
  Pool pool({"", "", ""}, {.cluster = {"lb_policy: least_request", kCookie, "retry: { budget_least: 100 }",
                                       "outlier_detection: { base_ejection_time: 100ms }"},
                           .concurrency = 2});
  Crowd crowd(pool.hawser().listener(), {.comes_back = true});
  constexpr int kClients = 300;
  crowd.Add(kClients);
  ASSERT_TRUE(crowd.RunUntil([&] { return crowd.open() == kClients; }));
  std::vector<int> restarts(kClients, 0);  // of the backend that the client had
  for (size_t backend = 0; backend < pool.size(); ++backend) {
    const std::string name = pool[backend].name();
    int moved = 0;
    for (int i = 0; i < kClients; ++i) {
      const bool hit = crowd.clients()[static_cast<size_t>(i)].backend == name;
      restarts[static_cast<size_t>(i)] += hit ? 1 : 0;
      moved += hit ? 1 : 0;
    }
    EXPECT_GT(moved, 0) << name;
    pool[backend].Stop();
    ASSERT_TRUE(crowd.RunUntil([&] { return crowd.open() == kClients && crowd.open_at(name) == 0; })) << name;
    for (int i = 0; i < kClients; ++i) {
      const Crowd::Client& client = crowd.clients()[static_cast<size_t>(i)];
      ASSERT_EQ(client.ended, restarts[static_cast<size_t>(i)])
          << name << ", client " << i << ": " << client.backends;
      ASSERT_EQ(client.refused, 0) << client.status;
    }
    EXPECT_EQ(crowd.Echoes(), kClients);
    pool[backend].Start();
    ASSERT_TRUE(Eventually([&] { return pool.Answers(1).contains(name); })) << name << " is used again";
  }
  crowd.LeaveAll();
  EXPECT_TRUE(pool.hawser().MetricIs("hawser_endpoint_active", 0));
}

// 6,000 clients at once to three backends of 200 handshakes a second each.
TEST(PoolRollout, AStormOfReconnectsIsLetInAtTheRateOfTheBackends) {
  const int clients = IsSanitized() ? 3000 : 6000;
  constexpr double kRate = 200;
  constexpr double kBurst = 200;
  Pool pool({"", "", ""},
            {.route = {"handshake_timeout: 3s"},
             .cluster = {"lb_policy: least_request", "admission: { rate: 200/s, pending: 3000, wait: 15s }"},
             .concurrency = 2});
  Crowd crowd(pool.hawser().listener());
  const auto start = Clock::now();
  crowd.Add(clients);
  ASSERT_TRUE(crowd.RunUntil([&] { return crowd.open() == clients; }))
      << crowd.open() << " of " << clients << "\n"
      << pool.hawser().process().err();
  const double took = std::chrono::duration<double>(Clock::now() - start).count();
  EXPECT_LT(took, 15);
  EXPECT_GT(took, (clients / 3 - kBurst) / kRate - 1) << "the backends were spared";
  for (const Crowd::Client& client : crowd.clients()) ASSERT_EQ(client.refused, 0) << client.status;
  for (size_t backend = 0; backend < pool.size(); ++backend) {
    const std::vector<Clock::time_point> times = pool[backend].handshake_times();
    EXPECT_NEAR(static_cast<double>(times.size()), clients / 3.0, clients / 30.0);
    // What a busy machine delivers late comes in a lump: a tenth of a second's worth of that. Nothing was sent
    // before the start.
    constexpr double kLump = kRate / 10;
    for (size_t first = 0; first < times.size(); first += 50) {
      for (size_t last = first; last < times.size(); last += 10) {
        const auto since = first == 0 ? start : times[first];
        const double seconds = std::chrono::duration<double>(times[last] - since).count();
        ASSERT_LE(static_cast<double>(last - first + 1), kBurst + kRate * seconds + kLump)
            << pool[backend].name() << " from " << first << " to " << last;
      }
    }
  }
}

}  // namespace
}  // namespace hawser::integration::pool_rollout_test
