#include "proxy/ws/deflate_pool.h"

#include "tests/unit/ws/deflate_frames.h"

namespace hawser::ws {
namespace {

TEST(DeflatePool, AReturnedContextIsUsedAgainAndReset) {
  TestPool pool;
  Inflater* first = nullptr;
  const std::string payload = Compress(SomeText(1000));
  std::vector<std::byte> out(2000);
  {
    const auto lease = pool->TakeInflater();
    first = lease.get();
    lease->Advance(std::as_bytes(std::span(payload)).first(payload.size() / 2), out);  // left in the middle
  }
  const auto again = pool->TakeInflater();
  EXPECT_EQ(again.get(), first);
  EXPECT_EQ(again->Advance(std::as_bytes(std::span(payload)), out).made, 1000U);
}

TEST(DeflatePool, DeflatersAreKeptByTheirWindows) {
  TestPool pool;
  const Deflater* first = pool->TakeDeflater(10).get();
  EXPECT_NE(pool->TakeDeflater(15).get(), first);
  EXPECT_EQ(pool->TakeDeflater(10).get(), first);
  EXPECT_EQ(pool->TakeDeflater(10)->window_bits(), 10);
}

TEST(DeflatePool, EachWayHasItsOwnBound) {
  TestPool pool(2);
  const auto one = pool->TakeInflater();
  auto two = pool->TakeInflater();
  EXPECT_EQ(pool->TakeInflater(), nullptr);
  const auto three = pool->TakeDeflater(9);
  const auto four = pool->TakeDeflater(15);
  EXPECT_EQ(pool->TakeDeflater(12), nullptr);
  EXPECT_EQ(pool->counters().inflaters_refused.Get(), 1U);
  EXPECT_EQ(pool->counters().deflaters_refused.Get(), 1U);
  two.reset();
  EXPECT_NE(pool->TakeInflater(), nullptr);
}

TEST(DeflatePool, TheBoundMayChangeWhileContextsAreOut) {
  TestPool pool(1);
  const auto one = pool->TakeInflater();
  EXPECT_EQ(pool->TakeInflater(), nullptr);
  pool->SetMost(2);
  const auto two = pool->TakeInflater();
  EXPECT_NE(two, nullptr);
  pool->SetMost(1);
  EXPECT_EQ(pool->TakeInflater(), nullptr);
}

TEST(DeflatePool, OnlyAFewWaitForTheNextMessage) {
  TestPool pool;
  std::vector<DeflatePool::InflaterLease> leases;
  for (int i = 0; i < 100; ++i) leases.push_back(pool->TakeInflater());
  EXPECT_EQ(pool.inflaters(), 100U);
  leases.clear();
  EXPECT_EQ(pool.inflaters(), 0U);
}

}  // namespace
}  // namespace hawser::ws
