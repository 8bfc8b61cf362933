#include "proxy/session/retries.h"

#include <vector>

#include "gtest/gtest.h"

namespace hawser::session::retries_test {
namespace {

using config::RetryOn;
using Answer = Retries::Answer;

TEST(Retries, FollowOnlyWhatIsNamed) {
  const config::Retry settings;
  Retries retries;
  retries.Begin();
  EXPECT_EQ(retries.Ask(settings, RetryOn::kConnectFailure), Answer::kYes);
  EXPECT_EQ(retries.Ask(settings, RetryOn::kReset), Answer::kYes);
  EXPECT_EQ(retries.Ask(settings, RetryOn::k503), Answer::kNo);
  EXPECT_EQ(retries.Ask({.retry_on = {RetryOn::k503}}, RetryOn::k503), Answer::kYes);
  EXPECT_EQ(retries.Ask({.retry_on = {RetryOn::k503}}, RetryOn::kReset), Answer::kNo);
}

TEST(Retries, AttemptsAreFurtherTries) {
  const config::Retry settings{.attempts = 2};
  Retries retries;
  for (const Answer answer : {Answer::kYes, Answer::kYes, Answer::kSpent}) {
    retries.Begin();
    EXPECT_EQ(retries.Ask(settings, RetryOn::kReset), answer);
  }
  EXPECT_EQ(retries.Ask({.attempts = 0}, RetryOn::kReset), Answer::kNo) << "turned off is not spent";
}

TEST(Retries, OfStatusesThreeCanBeTriedAgain) {
  EXPECT_EQ(Retries::CauseOf(502), RetryOn::k502);
  EXPECT_EQ(Retries::CauseOf(503), RetryOn::k503);
  EXPECT_EQ(Retries::CauseOf(504), RetryOn::k504);
  for (const int status : {200, 101, 404, 500, 501, 505}) EXPECT_EQ(Retries::CauseOf(status), std::nullopt);
}

// How many of ten requests may be tried again at one time.
size_t Places(const config::Retry& settings, cluster::Load& load) {
  std::vector<Retries> retries(10);
  size_t entered = 0;
  for (Retries& one : retries) entered += one.Enter(settings, load) ? 1 : 0;
  EXPECT_EQ(load.retries(), static_cast<int64_t>(entered));
  return entered;
}

TEST(Retries, TheBudgetIsAShareOfWhatIsUnderWay) {
  cluster::Load load;
  const config::Retry settings{.budget_percent = 20, .budget_least = 3};
  EXPECT_EQ(Places(settings, load), 3u) << "the least";
  for (int i = 0; i < 24; ++i)
    load.open.Add(i % 2 == 0 ? cluster::Work::kRequest : cluster::Work::kHandshake);
  EXPECT_EQ(Places(settings, load), 4u) << "a fifth of 24, rounded down";
  for (int i = 0; i < 1000; ++i) load.open.Add(cluster::Work::kTunnel);
  EXPECT_EQ(Places(settings, load), 4u) << "open tunnels do not count";
  EXPECT_EQ(Places({.budget_percent = 0, .budget_least = 0}, load), 0u);
  EXPECT_EQ(load.retries(), 0) << "who ends gives its place back";
}

TEST(Retries, ARequestHasOnePlaceHoweverOftenItIsTriedAgain) {
  cluster::Load load;
  const config::Retry settings{.attempts = 5, .budget_percent = 0, .budget_least = 1};
  Retries one;
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(one.Enter(settings, load));
  EXPECT_EQ(load.retries(), 1);
  Retries other;
  EXPECT_FALSE(other.Enter(settings, load));
}

}  // namespace
}  // namespace hawser::session::retries_test
