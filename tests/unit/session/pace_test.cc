#include "proxy/session/pace.h"

#include "gtest/gtest.h"

namespace hawser::session::pace_test {
namespace {

using namespace std::chrono_literals;

const base::TimePoint kStart = base::TimePoint(1000s);

TEST(Meter, WithoutALimitHasNoEnd) {
  Meter meter;
  EXPECT_FALSE(meter.limited());
  meter.Spend(kStart, 1'000'000);
  EXPECT_EQ(meter.Available(kStart), Meter::kNoLimit);
}

TEST(Meter, HoldsItsBurst) {
  EXPECT_EQ(Meter(config::MessageRateLimit{.rate = {20}, .burst = 5}).Available(kStart), 5U);
  EXPECT_EQ(Meter(config::ByteRateLimit{.rate = {65536}, .burst = config::ByteSize{100}}).Available(kStart),
            100U);
}

TEST(Meter, WaitsForATenthOfASecondsWorth) {
  Meter meter(config::MessageRateLimit{.rate = {1000}, .burst = 1000});
  meter.Spend(kStart, 1000);
  EXPECT_EQ(meter.RefilledAt(), kStart + 100ms);
  Meter slow(config::MessageRateLimit{.rate = {2}, .burst = 2});
  slow.Spend(kStart, 2);
  EXPECT_EQ(slow.RefilledAt(), kStart + 500ms);
  Meter small(config::MessageRateLimit{.rate = {1000}, .burst = 3});
  small.Spend(kStart, 3);
  EXPECT_EQ(small.RefilledAt(), kStart + 3ms);
}

TEST(Paces, AreAskedForByAnyRateThatIsNotZero) {
  config::WebSocket settings;
  EXPECT_FALSE(Paces::AskedFor(settings));
  settings.byte_rate.from_backend = config::ByteRateLimit{};
  EXPECT_FALSE(Paces::AskedFor(settings));
  settings.byte_rate.from_backend->rate.per_second = 1;
  EXPECT_TRUE(Paces::AskedFor(settings));
  EXPECT_TRUE(Paces(settings).from_backend.bytes.limited());
  EXPECT_FALSE(Paces(settings).from_client.bytes.limited());
}

}  // namespace
}  // namespace hawser::session::pace_test
