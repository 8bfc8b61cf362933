#include "proxy/edge/ip_table.h"

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::edge::ip_table_test {
namespace {

using namespace std::chrono_literals;
using Lease = IpTable::Lease;

const base::TimePoint kStart = base::TimePoint(1000s);
constexpr uint32_t kListener = 7;

static_assert(sizeof(Lease) == 8);  // every tunnel holds one

net::IpAddress Ip(std::string_view text) {
  return net::IpAddress::Parse(text).value();
}

net::IpAddress NthIp(uint32_t n) {
  const std::array<uint8_t, 4> bytes = {10, static_cast<uint8_t>(n >> 16), static_cast<uint8_t>(n >> 8),
                                        static_cast<uint8_t>(n)};
  return net::IpAddress::FromV4(bytes);
}

// Leases that a test holds, and the result of the last attempt to get one more. Their requests have come.
struct Client {
  IpTable& table;
  IpLimits limits;
  base::TimePoint now = kStart;
  std::vector<Lease> leases;

  AdmitResult Connect(const net::IpAddress& ip, uint32_t listener = kListener) {
    IpTable::Admission admission = table.Admit(listener, ip, limits, now);
    admission.lease.Prove();
    if (admission.result == AdmitResult::kAdmitted) leases.push_back(std::move(admission.lease));
    return admission.result;
  }
};

TEST(IpTable, RefusesTheConnectionAboveTheLimit) {
  IpTable table(100);
  Client client{table, {.connections = 2}};
  EXPECT_EQ(client.Connect(Ip("192.0.2.1")), AdmitResult::kAdmitted);
  EXPECT_EQ(client.Connect(Ip("192.0.2.1")), AdmitResult::kAdmitted);
  EXPECT_EQ(client.Connect(Ip("192.0.2.1")), AdmitResult::kTooManyConnections);
  EXPECT_EQ(client.Connect(Ip("192.0.2.2")), AdmitResult::kAdmitted);
  client.leases.erase(client.leases.begin());
  EXPECT_EQ(client.Connect(Ip("192.0.2.1")), AdmitResult::kAdmitted);
}

TEST(IpTable, CountsEachListenerByItself) {
  IpTable table(100);
  Client client{table, {.connections = 1}};
  EXPECT_EQ(client.Connect(Ip("192.0.2.1"), 1), AdmitResult::kAdmitted);
  EXPECT_EQ(client.Connect(Ip("192.0.2.1"), 2), AdmitResult::kAdmitted);
  EXPECT_EQ(client.Connect(Ip("192.0.2.1"), 1), AdmitResult::kTooManyConnections);
}

TEST(IpTable, CountsAPrefixAsOneClient) {
  IpTable table(100);
  Client client{table, {.connections = 1, .v4_prefix = 24, .v6_prefix = 64}};
  EXPECT_EQ(client.Connect(Ip("192.0.2.1")), AdmitResult::kAdmitted);
  EXPECT_EQ(client.Connect(Ip("192.0.2.254")), AdmitResult::kTooManyConnections);
  EXPECT_EQ(client.Connect(Ip("192.0.3.1")), AdmitResult::kAdmitted);
  EXPECT_EQ(client.Connect(Ip("2001:db8:0:1::1")), AdmitResult::kAdmitted);
  EXPECT_EQ(client.Connect(Ip("2001:db8:0:1:ffff::9")), AdmitResult::kTooManyConnections);
  EXPECT_EQ(client.Connect(Ip("2001:db8:0:2::1")), AdmitResult::kAdmitted);
}

TEST(IpTable, AnIpv4MappedAddressIsTheIpv4One) {
  IpTable table(100);
  Client client{table, {.connections = 1}};
  EXPECT_EQ(client.Connect(Ip("192.0.2.1")), AdmitResult::kAdmitted);
  EXPECT_EQ(client.Connect(Ip("::ffff:192.0.2.1")), AdmitResult::kTooManyConnections);
}

TEST(IpTable, AnIpv6PrefixIsNotTheIpv4AddressWithItsBytes) {
  IpTable table(100);
  Client client{table, {.connections = 1, .v6_prefix = 32}};
  EXPECT_EQ(client.Connect(Ip("32.1.13.184")), AdmitResult::kAdmitted);
  EXPECT_EQ(client.Connect(Ip("2001:db8::1")), AdmitResult::kAdmitted);
  EXPECT_EQ(table.size(), 2U);
}

TEST(IpTable, LimitsTheRateOfConnectionsThatDoNotStay) {
  IpTable table(100);
  Client client{table, {.rate_per_second = 20, .burst = 3}};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client.Connect(Ip("192.0.2.1")), AdmitResult::kAdmitted);
    client.leases.clear();
  }
  EXPECT_EQ(client.Connect(Ip("192.0.2.1")), AdmitResult::kRateExceeded);
  client.now += 50ms;
  EXPECT_EQ(client.Connect(Ip("192.0.2.1")), AdmitResult::kAdmitted);
  EXPECT_EQ(client.Connect(Ip("192.0.2.1")), AdmitResult::kRateExceeded);
}

TEST(IpTable, AWorkerWhoseClockLagsGetsTheTokensThatAreThere) {
  IpTable table(100);
  Client ahead{table, {.rate_per_second = 1.0 / 3600, .burst = 2}, kStart + 20ms};
  Client behind{table, ahead.limits, kStart};
  EXPECT_EQ(ahead.Connect(Ip("192.0.2.1")), AdmitResult::kAdmitted);
  EXPECT_EQ(behind.Connect(Ip("192.0.2.1")), AdmitResult::kAdmitted);
  EXPECT_EQ(ahead.Connect(Ip("192.0.2.1")), AdmitResult::kRateExceeded);
}

TEST(IpTable, AConnectionThatIsOneTooManyTakesNoToken) {
  IpTable table(100);
  Client client{table, {.connections = 1, .rate_per_second = 1, .burst = 2}};
  EXPECT_EQ(client.Connect(Ip("192.0.2.1")), AdmitResult::kAdmitted);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(client.Connect(Ip("192.0.2.1")), AdmitResult::kTooManyConnections);
  }
  client.leases.clear();
  EXPECT_EQ(client.Connect(Ip("192.0.2.1")), AdmitResult::kAdmitted);
}

TEST(IpTable, WithoutLimitsItRefusesNobody) {
  IpTable table(4);
  Client client{table, {}};
  for (uint32_t i = 0; i < 10; ++i) EXPECT_EQ(client.Connect(NthIp(i)), AdmitResult::kAdmitted);
  EXPECT_EQ(table.size(), 4U);
  client.leases.clear();
  EXPECT_EQ(table.size(), 0U);
}

TEST(IpTable, ARowIsRemovedWithItsLastConnectionIfItsBucketIsFull) {
  IpTable table(100);
  Client client{table, {.connections = 5}};
  client.Connect(Ip("192.0.2.1"));
  client.Connect(Ip("192.0.2.1"));
  EXPECT_EQ(table.size(), 1U);
  client.leases.pop_back();
  EXPECT_EQ(table.size(), 1U);
  client.leases.pop_back();
  EXPECT_EQ(table.size(), 0U);
}

TEST(IpTable, RowsWithAFullBucketAreRemovedAsNewOnesCome) {
  IpTable table(1000);
  Client client{table, {.rate_per_second = 10, .burst = 10}};
  for (uint32_t i = 0; i < 100; ++i) client.Connect(NthIp(i));
  client.leases.clear();
  EXPECT_EQ(table.size(), 100U);
  client.now += 1s;
  for (uint32_t i = 100; i < 140; ++i) client.Connect(NthIp(i));
  EXPECT_EQ(table.size(), 40U);
  EXPECT_EQ(table.evictions(), 0U);
}

TEST(IpTable, DroppingSpentRowsIsNoEviction) {
  IpTable table(4);
  Client client{table, {.rate_per_second = 10, .burst = 10}};
  for (uint32_t i = 0; i < 4; ++i) client.Connect(NthIp(i));
  client.leases.clear();
  client.now += 1s;
  EXPECT_EQ(client.Connect(NthIp(4)), AdmitResult::kAdmitted);
  EXPECT_EQ(table.size(), 1U);
  EXPECT_EQ(table.evictions(), 0U);
}

TEST(IpTable, WhenFullEvictsTheRowThatHasBeenIdleTheLongest) {
  IpTable table(4);
  Client client{table, {.rate_per_second = 0.001, .burst = 1}};
  for (uint32_t i = 0; i < 4; ++i) client.Connect(NthIp(i));
  client.leases.clear();
  EXPECT_EQ(client.Connect(NthIp(4)), AdmitResult::kAdmitted);
  EXPECT_EQ(table.size(), 4U);
  EXPECT_EQ(table.evictions(), 1U);
  EXPECT_EQ(client.Connect(NthIp(3)), AdmitResult::kRateExceeded);  // still remembered
  EXPECT_EQ(client.Connect(NthIp(0)), AdmitResult::kAdmitted);      // forgotten
}

TEST(IpTable, WhenFullEvictsRefusedClientsLast) {
  IpTable table(4);
  Client client{table, {.rate_per_second = 0.001, .burst = 1}};
  for (uint32_t i = 0; i < 4; ++i) client.Connect(NthIp(i));
  client.leases.clear();
  EXPECT_EQ(client.Connect(NthIp(0)), AdmitResult::kRateExceeded);
  for (uint32_t i = 4; i < 7; ++i) EXPECT_EQ(client.Connect(NthIp(i)), AdmitResult::kAdmitted);
  EXPECT_EQ(client.Connect(NthIp(0)), AdmitResult::kRateExceeded);
}

TEST(IpTable, WhenEveryRowHasConnectionsANewClientIsRefused) {
  IpTable table(4);
  Client client{table, {.connections = 10}};
  for (uint32_t i = 0; i < 4; ++i) client.Connect(NthIp(i));
  EXPECT_EQ(client.Connect(NthIp(4)), AdmitResult::kTableFull);
  EXPECT_EQ(client.Connect(NthIp(0)), AdmitResult::kAdmitted);
  EXPECT_EQ(table.size(), 4U);
  EXPECT_EQ(table.evictions(), 0U);
}

TEST(IpTable, NeverGrowsBeyondItsBoundUnderAFloodOfAddresses) {
  IpTable table(4096);
  Client client{table, {.connections = 10, .rate_per_second = 1, .burst = 10}};
  for (uint32_t i = 0; i < 50'000; ++i) {
    EXPECT_EQ(client.Connect(NthIp(i)), AdmitResult::kAdmitted);
    client.leases.clear();
  }
  EXPECT_LE(table.size(), 4096U);
  EXPECT_GE(table.size(), 4000U);
  EXPECT_GT(table.evictions(), 45'000U);
}

TEST(IpTable, AMovedLeaseIsReleasedOnce) {
  IpTable table(100);
  const IpLimits limits{.connections = 1};
  Lease lease = table.Admit(kListener, Ip("192.0.2.1"), limits, kStart).lease;
  lease.Prove();
  Lease other = std::move(lease);
  lease = std::move(other);
  EXPECT_EQ(table.size(), 1U);
  lease = Lease();
  EXPECT_EQ(table.size(), 0U);
  lease.Release();
}

// Whose connections lead to requests: Admit, Prove or not, Release.
class IpTableStanding : public testing::Test {
 protected:
  IpTable::Lease Connect(base::Duration after = 0ms) {
    return table_.Admit(kListener, Ip("192.0.2.1"), limits_, kStart + after).lease;
  }
  Standing Of(base::Duration after = 0ms) {
    IpTable::Lease lease = Connect(after);
    const Standing standing = lease.standing();
    keep_.push_back(std::move(lease));  // asking leads nowhere only when the test is over
    return standing;
  }

  IpTable table_{100};
  const IpLimits limits_{.connections = 100};
  std::vector<Lease> keep_;
};

TEST_F(IpTableStanding, ANewPrefixIsGood) {
  EXPECT_EQ(Of(), Standing::kGood);
}

TEST_F(IpTableStanding, AConnectionThatLedNowhereMakesItBad) {
  Connect().Release();
  EXPECT_EQ(Of(), Standing::kBad);
  EXPECT_EQ(table_.size(), 1U);
}

TEST_F(IpTableStanding, ARequestMakesItGoodAtOnce) {
  Connect().Release();
  IpTable::Lease lease = Connect();
  EXPECT_EQ(lease.standing(), Standing::kBad);
  lease.Prove();
  EXPECT_EQ(lease.standing(), Standing::kGood);
  EXPECT_EQ(Of(), Standing::kGood);
  lease.Release();
  EXPECT_EQ(Of(), Standing::kGood);
}

TEST_F(IpTableStanding, AnExcusedConnectionChangesNothing) {
  IpTable::Lease good = Connect();
  good.Excuse();
  good.Release();
  EXPECT_EQ(table_.size(), 0U);
  Connect().Release();
  IpTable::Lease bad = Connect();
  bad.Excuse();
  EXPECT_EQ(bad.standing(), Standing::kBad);
  bad.Release();
  EXPECT_EQ(Of(), Standing::kBad);
}

TEST_F(IpTableStanding, IsForgivenInTimeAndItsRowIsDropped) {
  Connect().Release();
  EXPECT_EQ(Of(IpTable::kForgiven - 1ms), Standing::kBad);
  EXPECT_EQ(Of(IpTable::kForgiven), Standing::kGood);
  for (Lease& lease : keep_) lease.Prove();
  keep_.clear();
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(IpTableStanding, ABadRowIsSweptOnceItIsForgiven) {
  Connect().Release();
  Client client{table_, limits_, kStart + 1s};
  client.Connect(Ip("192.0.2.2"));
  EXPECT_EQ(table_.size(), 2U);
  client.now = kStart + IpTable::kForgiven;
  client.Connect(Ip("192.0.2.3"));
  EXPECT_EQ(table_.size(), 2U);
  EXPECT_EQ(table_.evictions(), 0U);
}

TEST_F(IpTableStanding, AReviewSeesWhatOthersDidMeanwhile) {
  IpTable::Lease first = Connect();
  IpTable::Lease second = Connect();
  IpTable::Lease proven = Connect();
  proven.Prove();
  first.Release();
  EXPECT_EQ(second.standing(), Standing::kGood);
  second.Review();
  proven.Review();
  EXPECT_EQ(second.standing(), Standing::kBad);
  EXPECT_EQ(proven.standing(), Standing::kGood) << "it has asked for something itself";
  second.Prove();
  EXPECT_EQ(Of(), Standing::kGood);
}

TEST_F(IpTableStanding, AMovedLeaseKeepsItsProof) {
  IpTable::Lease lease = Connect();
  lease.Prove();
  IpTable::Lease other = std::move(lease);
  other.Release();
  EXPECT_EQ(table_.size(), 0U);
}

TEST_F(IpTableStanding, AnEmptyLeaseIsGoodAndProvesNothing) {
  IpTable::Lease lease;
  EXPECT_EQ(lease.standing(), Standing::kGood);
  lease.Prove();
  lease.Release();
}

TEST(IpTable, TopNamesTheClientsWithTheMostConnections) {
  IpTable table(10'000);
  Client client{table, {.connections = 100, .v4_prefix = 24}};
  for (int i = 0; i < 20; ++i) {
    for (int n = 0; n <= i; ++n) client.Connect(Ip(fmt::format("10.0.{}.9", i)));
  }
  const auto top = table.Top(3);
  ASSERT_EQ(top.size(), 3U);
  EXPECT_EQ(top[0].prefix, Ip("10.0.19.0"));
  EXPECT_EQ(top[0].connections, 20U);
  EXPECT_EQ(top[0].listener, kListener);
  EXPECT_EQ(top[1].connections, 19U);
  EXPECT_EQ(top[2].connections, 18U);
  EXPECT_TRUE(table.Top(0).empty());
  EXPECT_EQ(table.Top(1000).size(), 20U);
}

TEST(IpTable, AdmitsNeverTooManyAcrossThreadsAndEndsEmpty) {
  constexpr uint32_t kLimit = 3;
  constexpr uint32_t kClients = 5;
  IpTable table(10'000);
  std::array<std::atomic<uint32_t>, kClients> held{};
  std::atomic<bool> exceeded = false;
  std::atomic<uint64_t> admitted = 0;
  const auto hammer = [&](uint32_t seed) {
    for (uint32_t round = 0; round < 20'000; ++round) {
      const uint32_t client = (round + seed) % kClients;
      auto admission = table.Admit(kListener, NthIp(client), {.connections = kLimit}, kStart);
      if (admission.result != AdmitResult::kAdmitted) continue;
      admission.lease.Prove();
      if (held[client].fetch_add(1) >= kLimit) exceeded = true;
      admitted.fetch_add(1);
      held[client].fetch_sub(1);
    }
  };
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 4; ++i) threads.emplace_back(hammer, i);
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(exceeded);
  EXPECT_GT(admitted, 20'000U);
  EXPECT_EQ(table.size(), 0U);
}

TEST(IpTable, SpendsEachTokenOnceAcrossThreads) {
  IpTable table(10'000);
  std::atomic<uint32_t> admitted = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 5000; ++round) {
        const auto admission =
            table.Admit(kListener, NthIp(1), {.rate_per_second = 1, .burst = 1000}, kStart);
        if (admission.result == AdmitResult::kAdmitted) ++admitted;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(admitted, 1000U);
}

TEST(IpTable, HoldsItsLimitsWhileRowsComeAndGoAcrossThreads) {
  IpTable table(2048);
  const auto hammer = [&table](uint32_t seed) {
    std::vector<Lease> leases;
    for (uint32_t round = 0; round < 20'000; ++round) {
      auto admission = table.Admit(kListener, NthIp((round * 7 + seed) % 6000),
                                   {.connections = 4, .rate_per_second = 100, .burst = 2}, kStart);
      leases.push_back(std::move(admission.lease));
      if (leases.size() > 64) leases.clear();
    }
  };
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < 4; ++i) threads.emplace_back(hammer, i);
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(table.size(), table.max_entries());
  EXPECT_TRUE(table.Top(1).empty());
}

}  // namespace
}  // namespace hawser::edge::ip_table_test
