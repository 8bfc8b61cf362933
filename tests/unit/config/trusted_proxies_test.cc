// The warnings of check about trusted_proxies.
#include <string>
#include <vector>

#include "config/load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Of a listener a with these fields, which stands in line 2.
std::vector<std::string> WarningsOf(const std::string& listener) {
  const std::string text = "listeners:\n- { name: a, " + listener +
                           " }\nclusters: [ { name: c, endpoints: [ 127.0.0.1:3 ] } ]\n"
                           "routes: [ { match: {}, cluster: c } ]\n";
  std::vector<std::string> warnings;
  for (const Diagnostic& one : LoadText(text, "f.yaml", {.check_files = false}).warnings)
    warnings.push_back(Render(one));
  return warnings;
}

TEST(TrustedProxies, LimitsThatDoNotCountThemAreAWarning) {
  EXPECT_THAT(
      WarningsOf("address: 127.0.0.1:1, trusted_proxies: [ unix ], limits: { connections_per_ip: 9, "
                 "connection_rate_per_ip: { rate: 1/s } }"),
      ElementsAre("f.yaml:2:93: listeners[0].limits.connections_per_ip: does not count the connections "
                  "of trusted_proxies",
                  HasSubstr("connection_rate_per_ip: does not count the connections of trusted_proxies")));
  EXPECT_THAT(WarningsOf("address: 127.0.0.1:1, trusted_proxies: [ 10.0.0.0/8 ]"), IsEmpty());
  EXPECT_THAT(WarningsOf("address: 127.0.0.1:1, limits: { connections_per_ip: 9 }"), IsEmpty());
}

TEST(TrustedProxies, AddressesOnAUnixSocketAreAWarning) {
  EXPECT_THAT(
      WarningsOf("address: \"unix:/run/a\", trusted_proxies: [ 127.0.0.1 ]"),
      ElementsAre("f.yaml:2:55: listeners[0].trusted_proxies: names no peer of a Unix socket; expected "
                  "unix"));
  EXPECT_THAT(WarningsOf("address: \"unix:/run/a\", trusted_proxies: [ 127.0.0.1, unix ]"), IsEmpty());
  EXPECT_THAT(WarningsOf("address: 127.0.0.1:1, trusted_proxies: [ 127.0.0.1 ]"), IsEmpty());
}

}  // namespace
}  // namespace hawser::config
