#include "proxy/edge/connection_cap.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace hawser::edge {
namespace {

TEST(ConnectionCap, RefusesAtItsLimitAndTakesAgainOnceALeaseIsGone) {
  const std::shared_ptr<ConnectionCap> cap = ConnectionCap::Create(2);
  ConnectionCap::Lease first = cap->Take();
  ConnectionCap::Lease second = cap->Take();
  EXPECT_TRUE(first);
  EXPECT_TRUE(second);
  EXPECT_FALSE(cap->Take());
  EXPECT_EQ(cap->open(), 2U);
  first.Release();
  EXPECT_FALSE(first);
  EXPECT_TRUE(cap->Take());
  EXPECT_EQ(cap->open(), 1U);
}

TEST(ConnectionCap, AMovedLeaseIsReleasedOnce) {
  const std::shared_ptr<ConnectionCap> cap = ConnectionCap::Create(2);
  {
    ConnectionCap::Lease first = cap->Take();
    ConnectionCap::Lease second = std::move(first);
    EXPECT_FALSE(first);
    EXPECT_TRUE(second);
    ConnectionCap::Lease other = cap->Take();
    other = std::move(second);
    EXPECT_EQ(cap->open(), 1U);
  }
  EXPECT_EQ(cap->open(), 0U);
}

TEST(ConnectionCap, ACapOfZeroRefusesEverybody) {
  const std::shared_ptr<ConnectionCap> cap = ConnectionCap::Create(0);
  EXPECT_FALSE(cap->Take());
}

TEST(ConnectionCap, ANewLimitHoldsForNewLeases) {
  const std::shared_ptr<ConnectionCap> cap = ConnectionCap::Create(2);
  ConnectionCap::Lease first = cap->Take();
  const ConnectionCap::Lease second = cap->Take();
  cap->SetLimit(1);
  EXPECT_EQ(cap->open(), 2U);
  first.Release();
  EXPECT_FALSE(cap->Take());
  cap->SetLimit(2);
  EXPECT_TRUE(cap->Take());
}

TEST(ConnectionCap, ALeaseMayOutliveTheOwners) {
  std::shared_ptr<ConnectionCap> cap = ConnectionCap::Create(2);
  ConnectionCap::Lease lease = cap->Take();
  cap.reset();
  EXPECT_EQ(lease.cap()->open(), 1U);
  lease.Release();
}

TEST(ConnectionCap, HoldsAcrossThreads) {
  constexpr uint64_t kLimit = 3;
  const std::shared_ptr<ConnectionCap> cap = ConnectionCap::Create(kLimit);
  std::atomic<uint64_t> held = 0;
  std::atomic<bool> exceeded = false;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 20'000; ++round) {
        const ConnectionCap::Lease lease = cap->Take();
        if (!lease) continue;
        if (held.fetch_add(1) >= kLimit) exceeded = true;
        held.fetch_sub(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(exceeded);
  EXPECT_EQ(cap->open(), 0U);
}

}  // namespace
}  // namespace hawser::edge
