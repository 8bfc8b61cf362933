#include "proxy/resolve/hosts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hawser::resolve::hosts_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Find(const Hosts& hosts, std::string_view name) {
  std::vector<std::string> texts;
  for (const net::IpAddress& ip : hosts.Find(name)) texts.push_back(ip.ToString());
  return texts;
}

TEST(Hosts, EveryNameOfALineHasItsAddress) {
  const Hosts hosts(
      "127.0.0.1\tlocalhost\n10.0.0.1  db.internal\tdb DB2 # the primary\r\n2001:db8::1 db\n10.0.0.1 db\n");
  EXPECT_THAT(Find(hosts, "db"), ElementsAre("10.0.0.1", "2001:db8::1"));
  EXPECT_THAT(Find(hosts, "DB.internal."), ElementsAre("10.0.0.1"));
  EXPECT_THAT(Find(hosts, "db2"), ElementsAre("10.0.0.1"));
  EXPECT_THAT(Find(hosts, "the"), IsEmpty());
  EXPECT_THAT(Find(hosts, "internal"), IsEmpty());
}

TEST(Hosts, LinesThatAreNoneAreSkipped) {
  const Hosts hosts("\n#10.0.0.1 a\n10.0.0.2\nten a\nfe80::1%lo0 a\n \t\n10.0.0.3 a");
  EXPECT_THAT(Find(hosts, "a"), ElementsAre("10.0.0.3"));
  EXPECT_THAT(Find(hosts, ""), IsEmpty());
}

TEST(Hosts, LocalhostNeedsNoLine) {
  EXPECT_THAT(Find(Hosts(), "localhost"), ElementsAre("127.0.0.1", "::1"));
  EXPECT_THAT(Find(Hosts(), "rooms.localhost."), ElementsAre("127.0.0.1", "::1"));
  EXPECT_THAT(Find(Hosts("127.0.0.2 localhost"), "localhost"), ElementsAre("127.0.0.2"));
  EXPECT_THAT(Find(Hosts(), "notlocalhost"), IsEmpty());
}

}  // namespace
}  // namespace hawser::resolve::hosts_test
