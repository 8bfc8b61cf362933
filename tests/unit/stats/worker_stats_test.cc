#include "proxy/stats/worker_stats.h"

#include <atomic>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/stats/registry.h"

namespace hawser::stats {
namespace {

using namespace std::chrono_literals;

Totals TotalsOf(const WorkerStats& stats) {
  Totals totals;
  stats.AddTo(totals);
  return totals;
}

TEST(WorkerStats, IncludeTheTurnsOfTheWorkersLoop) {
  event::TurnCounts turns;
  WorkerStats stats;
  stats.Include(turns);
  turns.Observe(50us);
  turns.Observe(51us);
  turns.Observe(3s);
  turns.budget_hits.Add(7);
  const Totals totals = TotalsOf(stats);
  const HistogramTotals& seen = totals.histograms[static_cast<size_t>(Histogram::kLoopTurn)];
  const size_t rest = HistogramTable()[static_cast<size_t>(Histogram::kLoopTurn)].bounds.size();
  EXPECT_EQ(seen.buckets[0], 1U);
  EXPECT_EQ(seen.buckets[1], 1U);
  EXPECT_EQ(seen.buckets[rest], 1U);
  EXPECT_EQ(seen.sum_nanoseconds, 3'000'101'000U);
  EXPECT_EQ(totals[Metric::kTurnBudgetHits], 7U);
}

TEST(Registry, SumsTheCountersOfAllWorkers) {
  WorkerStats first;
  WorkerStats second;
  Registry registry;
  registry.Add(first);
  registry.Add(second);
  first.Add(Metric::kRequests);
  first.Add(Metric::kRequests, 4);
  second.Add(Metric::kRequests, 10);
  first.CountReject(http::Reject::kNoRoute);
  second.CountReject(http::Reject::kNoRoute);
  first.CountClose(ClosedBy::kBackend, 1011);
  second.CountClose(ClosedBy::kBackend, 1011);
  const Totals totals = registry.Sum();
  EXPECT_EQ(totals[Metric::kRequests], 15U);
  EXPECT_EQ(totals[Metric::kConnectionsOpen], 0U);
  EXPECT_EQ(totals.rejects[static_cast<size_t>(http::Reject::kNoRoute)], 2U);
  EXPECT_EQ(totals.closes[static_cast<size_t>(ClosedBy::kBackend)][CloseCodeIndex(1011)], 2U);
}

TEST(Registry, AGaugeMayRiseInOneWorkerAndFallInAnother) {
  WorkerStats first;
  WorkerStats second;
  Registry registry;
  registry.Add(first);
  registry.Add(second);
  first.Add(Metric::kTunnelsOpen, 5);
  first.Subtract(Metric::kTunnelsOpen, 2);
  second.Subtract(Metric::kTunnelsOpen);
  EXPECT_EQ(registry.Sum()[Metric::kTunnelsOpen], 2U);
}

TEST(WorkerStats, CountsResponsesByClass) {
  WorkerStats stats;
  for (const int status : {101, 200, 204, 302, 426, 499, 503, 0, 700}) stats.CountResponse(status);
  const Totals totals = TotalsOf(stats);
  EXPECT_EQ(totals[Metric::kResponses1xx], 2U);
  EXPECT_EQ(totals[Metric::kResponses2xx], 2U);
  EXPECT_EQ(totals[Metric::kResponses3xx], 1U);
  EXPECT_EQ(totals[Metric::kResponses4xx], 2U);
  EXPECT_EQ(totals[Metric::kResponses5xx], 2U);
}

TEST(WorkerStats, AnObservationFallsIntoTheFirstBucketThatHoldsIt) {
  WorkerStats stats;
  stats.Observe(Histogram::kRttClient, 1ms);     // the first bound itself
  stats.Observe(Histogram::kRttClient, 1001us);  // the second bucket
  stats.Observe(Histogram::kRttClient, 1h);      // beyond the last bound
  stats.Observe(Histogram::kRttClient, -5s);     // a clock that went wrong counts as nothing
  const HistogramTotals rtt = TotalsOf(stats).histograms[static_cast<size_t>(Histogram::kRttClient)];
  const size_t last = HistogramTable()[static_cast<size_t>(Histogram::kRttClient)].bounds.size();
  EXPECT_EQ(rtt.buckets[0], 2U);
  EXPECT_EQ(rtt.buckets[1], 1U);
  EXPECT_EQ(rtt.buckets[last], 1U);
  EXPECT_EQ(rtt.sum_nanoseconds, 3'600'000'000'000U + 1'000'000U + 1'001'000U);
}

TEST(WorkerStats, MayBeReadWhileTheWorkerCounts) {
  constexpr uint64_t kCounted = 200'000;
  WorkerStats stats;
  std::atomic<bool> done = false;
  std::thread worker([&] {
    for (uint64_t i = 0; i < kCounted; ++i) {
      stats.Add(Metric::kMessagesToClient);
      stats.Observe(Histogram::kTunnelDuration, 2s);
    }
    done = true;
  });
  uint64_t before = 0;
  while (!done) {
    const uint64_t now = TotalsOf(stats)[Metric::kMessagesToClient];
    EXPECT_GE(now, before);
    before = now;
  }
  worker.join();
  EXPECT_EQ(TotalsOf(stats)[Metric::kMessagesToClient], kCounted);
}

TEST(CloseCode, HasALabelOfBoundedVariety) {
  const auto label = [](uint16_t code) { return CloseCodeLabel(CloseCodeIndex(code)); };
  EXPECT_EQ(label(1000), "1000");
  EXPECT_EQ(label(1006), "1006");
  EXPECT_EQ(label(1015), "1015");
  EXPECT_EQ(label(1016), "reserved");
  EXPECT_EQ(label(2999), "reserved");
  EXPECT_EQ(label(3000), "3xxx");
  EXPECT_EQ(label(3999), "3xxx");
  EXPECT_EQ(label(4000), "4xxx");
  EXPECT_EQ(label(4999), "4xxx");
  EXPECT_EQ(label(5000), "invalid");
  EXPECT_EQ(label(999), "invalid");
  EXPECT_EQ(label(0), "invalid");
  for (uint32_t code = 0; code <= 0xffff; ++code) {
    ASSERT_LT(CloseCodeIndex(static_cast<uint16_t>(code)), kCloseCodes);
  }
}

}  // namespace
}  // namespace hawser::stats
