// Parts of two configurations compare by what they say, so that a reload finds what it need not build anew.
#include "config/load.h"
#include "config/reference.h"
#include "gtest/gtest.h"

namespace hawser::config::equality_test {
namespace {

Loaded LoadSample() {
  return LoadText(SampleYaml(), "hawser.yaml", {.check_files = false});
}

TEST(Equality, OfTheSameFileReadTwice) {
  const Loaded first = LoadSample();
  const Loaded second = LoadSample();
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(*first.config, *second.config);
}

TEST(Equality, ReachesEveryDepth) {
  const Loaded first = LoadSample();
  const Loaded second = LoadSample();
  ASSERT_TRUE(first.ok() && second.ok());
  second.config->clusters[0].affinity->cookie->keys[0].value += "x";
  EXPECT_NE(first.config->clusters[0], second.config->clusters[0]);
  EXPECT_EQ(first.config->clusters[1], second.config->clusters[1]);
  second.config->listeners[1].tls->session_tickets.count = 7;
  EXPECT_EQ(first.config->listeners[0], second.config->listeners[0]);
  EXPECT_NE(first.config->listeners[1], second.config->listeners[1]);
  second.config->routes[0].websocket.message_rate.from_client->burst = 1;
  EXPECT_NE(first.config->routes[0], second.config->routes[0]);
}

}  // namespace
}  // namespace hawser::config::equality_test
