#include "proxy/resolve/resolver.h"

#include <filesystem>
#include <fstream>
#include <vector>

#include <gmock/gmock.h>

#include "tests/unit/resolve/fixture.h"

namespace hawser::resolve::resolver_test {
namespace {

using config::IpFamily;
using fakes::DnsServer;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(ResolverTest, FindsAddressesWithTheirTtl) {
  server_.SetAddresses("rooms.test", {"10.0.0.1", "10.0.0.2"}, 30s);
  const auto found = Find("rooms.test");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(found->ips,
              ElementsAre(*net::IpAddress::Parse("10.0.0.1"), *net::IpAddress::Parse("10.0.0.2")));
  EXPECT_EQ(found->ttl, 30s);
  EXPECT_FALSE(found->partial);
  EXPECT_EQ(server_.questions("rooms.test", DnsServer::kAaaa), 0) << "an A record is enough";
}

TEST_F(ResolverTest, FollowsAChainOfAliasesAndTakesTheSmallestTtl) {
  server_.SetAlias("a.test", "b.test", 60s);
  server_.SetAlias("b.test", "c.test", 5s);
  server_.SetAddresses("c.test", {"10.0.0.1"}, 300s);
  const auto found = Find("a.test");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->ips.size(), 1U);
  EXPECT_EQ(found->ttl, 5s);
}

TEST_F(ResolverTest, ATtlOfZeroIsZero) {
  server_.SetAddresses("rooms.test", {"10.0.0.1"}, 0s);
  EXPECT_EQ(Find("rooms.test")->ttl, 0s);
}

TEST_F(ResolverTest, AutoTakesIpv6WhereThereIsNoIpv4) {
  server_.SetAddresses("six.test", {"2001:db8::1"}, 30s);
  server_.SetAddresses("both.test", {"2001:db8::1", "10.0.0.1"}, 30s);
  EXPECT_EQ(Ips("six.test"), "2001:db8::1");
  EXPECT_EQ(Ips("both.test"), "10.0.0.1");
  // A server that fails may know of an A record.
  server_.Fail("both.test", DnsServer::kServFail, DnsServer::kA);
  EXPECT_EQ(Ips("both.test"), "SERVFAIL");
}

TEST_F(ResolverTest, OneFamilyIsAskedForAlone) {
  server_.SetAddresses("both.test", {"2001:db8::1", "10.0.0.1"}, 30s);
  dns_.ip_family = IpFamily::kIpv4;
  EXPECT_EQ(Ips("both.test"), "10.0.0.1");
  EXPECT_EQ(server_.questions("both.test", DnsServer::kAaaa), 0);
  dns_.ip_family = IpFamily::kIpv6;
  resolver().Use(Read());
  EXPECT_EQ(Ips("both.test"), "2001:db8::1");
  EXPECT_EQ(server_.questions("both.test", DnsServer::kA), 1);
}

TEST_F(ResolverTest, BothFamiliesAreOneAnswer) {
  dns_.ip_family = IpFamily::kBoth;
  server_.SetAddresses("both.test", {"2001:db8::1", "10.0.0.1"}, 30s);
  server_.SetAddresses("four.test", {"10.0.0.1"}, 30s);
  EXPECT_EQ(Ips("both.test"), "10.0.0.1 2001:db8::1");
  EXPECT_FALSE(Find("four.test")->partial);
  server_.Fail("both.test", DnsServer::kServFail, DnsServer::kA);
  const auto found = Find("both.test");
  ASSERT_TRUE(found.ok());
  EXPECT_TRUE(found->partial) << "nobody could say what IPv4 addresses there are";
  EXPECT_EQ(found->ips.size(), 1U);
}

TEST_F(ResolverTest, FailuresAreSaidInWords) {
  server_.SetServices("no.test", {{.port = 1, .target = "x.test"}}, 30s);
  server_.Fail("fail.test", DnsServer::kServFail);
  server_.Fail("refused.test", DnsServer::kRefused);
  EXPECT_EQ(Ips("unknown.test"), "NXDOMAIN");
  EXPECT_EQ(Ips("no.test"), "no record of this type");
  EXPECT_EQ(Ips("fail.test"), "SERVFAIL");
  EXPECT_EQ(Ips("refused.test"), "REFUSED");
  EXPECT_EQ(Ips(std::string(64, 'x') + ".test"), "not a name that DNS can have");
  EXPECT_EQ(resolver().lookups(), 5U);
  EXPECT_EQ(resolver().failures(), 5U);
  EXPECT_TRUE(absl::IsNotFound(Find("unknown.test").status()));
  EXPECT_TRUE(absl::IsUnavailable(Find("fail.test").status()));
}

TEST_F(ResolverTest, ALostPacketIsSentAgain) {
  dns_.timeout = 50ms;
  dns_.attempts = 100;  // a loaded machine is late more than once
  server_.SetAddresses("rooms.test", {"10.0.0.1"}, 30s);
  server_.LoseQuestions(2);
  EXPECT_EQ(Ips("rooms.test"), "10.0.0.1");
  EXPECT_GE(server_.questions("rooms.test", DnsServer::kA), 3);
}

TEST_F(ResolverTest, ASilentServerIsAskedAsOftenAsConfigured) {
  dns_.timeout = 20ms;
  dns_.attempts = 3;
  server_.BeSilent("rooms.test");
  EXPECT_EQ(Ips("rooms.test"), "no answer in time");
  EXPECT_EQ(server_.questions("rooms.test"), 3);
}

TEST_F(ResolverTest, NobodyListens) {
  const auto port = net::Listen(*net::SocketAddress::Parse("127.0.0.1:0"), {}).value();
  dns_.servers = {{*net::LocalAddress(port)}};  // of TCP, which nobody has for UDP
  EXPECT_EQ(Ips("rooms.test"), "the DNS server cannot be reached");
}

TEST_F(ResolverTest, TheNextServerIsAskedWhereOneFails) {
  DnsServer second;
  second.SetAddresses("rooms.test", {"10.0.0.2"}, 30s);
  dns_.servers.push_back({*net::SocketAddress::Parse(second.address())});
  server_.Fail("rooms.test", DnsServer::kServFail);
  EXPECT_EQ(Ips("rooms.test"), "10.0.0.2");
  // What a server says for certain is the answer.
  server_.Answer("rooms.test");
  EXPECT_EQ(Ips("rooms.test"), "NXDOMAIN");
  EXPECT_EQ(second.questions("rooms.test"), 1);
}

TEST_F(ResolverTest, AServerThatSaidThatItFailsIsNotAskedAgain) {
  DnsServer silent;
  silent.BeSilent("rooms.test");
  dns_.servers.push_back({*net::SocketAddress::Parse(silent.address())});
  dns_.timeout = 200ms;
  dns_.attempts = 2;
  dns_.ip_family = IpFamily::kIpv4;
  server_.Fail("rooms.test", DnsServer::kServFail);
  EXPECT_EQ(Ips("rooms.test"), "SERVFAIL") << "which says more than silence";
  EXPECT_EQ(silent.questions("rooms.test"), 2);
}

TEST_F(ResolverTest, LargeAnswersComeByTcp) {
  std::vector<std::string> ips;
  for (int i = 0; i < 200; ++i) ips.push_back("10.0.0." + std::to_string(i));
  ips[0] = "10.0.1.0";
  server_.SetAddresses("large.test", ips, 30s);
  const auto found = Find("large.test");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->ips.size(), 200U);
  EXPECT_EQ(server_.tcp_questions(), 1);
  // UDP carries what fits into one packet of every network.
  ips.resize(60);
  server_.SetAddresses("middle.test", ips, 30s);
  EXPECT_EQ(Find("middle.test")->ips.size(), 60U);
  EXPECT_EQ(server_.tcp_questions(), 1);
}

TEST_F(ResolverTest, AddressesOfNobodyAreNone) {
  server_.SetAddresses("blocked.test", {"0.0.0.0"}, 30s);
  server_.SetAddresses("some.test", {"0.0.0.0", "10.0.0.1"}, 30s);
  EXPECT_EQ(Ips("blocked.test"), "no record of this type");
  EXPECT_EQ(Ips("some.test"), "10.0.0.1");
}

TEST_F(ResolverTest, FindsServices) {
  server_.SetServices("_ws._tcp.rooms.test",
                      {{.priority = 10, .weight = 5, .port = 9000, .target = "n1.rooms.test"},
                       {.priority = 20, .weight = 0, .port = 9001, .target = "n2.rooms.test"}},
                      7s);
  const auto found = FindServices("_ws._tcp.rooms.test");
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_THAT(found->services,
              ElementsAre(Service{10, 5, 9000, "n1.rooms.test"}, Service{20, 0, 9001, "n2.rooms.test"}));
  EXPECT_EQ(found->ttl, 7s);
  server_.SetServices("_ws._tcp.none.test", {{.target = ""}}, 7s);
  EXPECT_EQ(FindServices("_ws._tcp.none.test").status().message(), "no record of this type");
  EXPECT_EQ(FindServices("_ws._tcp.other.test").status().message(), "NXDOMAIN");
}

class SystemSettings : public ResolverTest {
 protected:
  ~SystemSettings() override { std::filesystem::remove_all(directory_); }
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = directory_ / name;
    std::ofstream(path) << text;
    return path;
  }
  const std::filesystem::path directory_ = [] {
    std::string path = testing::TempDir() + "hawser-resolve-XXXXXX";
    EXPECT_NE(mkdtemp(path.data()), nullptr);
    return path;
  }();
};

TEST_F(SystemSettings, TheSearchListIsTried) {
  files_.resolv_conf = Write("resolv.conf", "search a.test b.test\noptions ndots:1\n");
  server_.SetAddresses("rooms.b.test", {"10.0.0.1"}, 30s);
  EXPECT_EQ(Ips("rooms"), "10.0.0.1");
  EXPECT_EQ(Ips("rooms."), "NXDOMAIN");
  server_.SetServices("_ws._tcp.b.test", {{.port = 1, .target = "x.test"}}, 30s);
  EXPECT_TRUE(FindServices("_ws._tcp").ok());
}

TEST_F(SystemSettings, TheServersAreThoseOfTheSystemUnlessConfigured) {
  files_.resolv_conf = Write("resolv.conf", "nameserver 192.0.2.1\nnameserver 2001:db8::53\n");
  dns_.servers.clear();
  std::vector<std::string> servers;
  for (const auto& channel : Read().servers) servers.push_back(channel->servers().at(0).ToString());
  EXPECT_THAT(servers, ElementsAre("192.0.2.1:53", "[2001:db8::53]:53"));
}

TEST_F(SystemSettings, TheHostsFileComesBeforeDns) {
  files_.hosts = Write("hosts", "10.9.9.9 rooms.test both.test\n2001:db8::9 both.test six.test\n");
  server_.SetAddresses("rooms.test", {"10.0.0.1"}, 30s);
  const auto found = Find("rooms.test");
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->ttl, base::Duration::max());
  EXPECT_EQ(Ips("rooms.test"), "10.9.9.9");
  EXPECT_EQ(Ips("both.test"), "10.9.9.9");
  EXPECT_EQ(Ips("six.test"), "2001:db8::9");
  EXPECT_EQ(Ips("localhost"), "127.0.0.1");
  EXPECT_EQ(server_.questions(), 0);
  dns_.ip_family = IpFamily::kBoth;
  resolver().Use(Read());
  EXPECT_EQ(Ips("both.test"), "10.9.9.9 2001:db8::9");
  dns_.ip_family = IpFamily::kIpv6;
  resolver().Use(Read());
  EXPECT_EQ(Ips("both.test"), "2001:db8::9");
  EXPECT_EQ(Ips("rooms.test"), "no record of this type")
      << "of DNS, since the file has no IPv6 address of it";
}

TEST_F(SystemSettings, NewSettingsHoldForLookupsUnderWay) {
  server_.BeSilent("rooms.test");
  std::string result;
  const Lookup lookup = resolver().FindAddresses("rooms.test", [&](absl::StatusOr<Addresses> found) {
    result = found.ok() ? found->ips.at(0).ToString() : found.status().ToString();
  });
  RunUntil([&] { return server_.questions() == 1; });
  EXPECT_FALSE(resolver().Use(Read())) << "they are the same";
  files_.hosts = Write("hosts", "10.9.9.9 rooms.test\n");
  EXPECT_TRUE(resolver().Use(Read()));
  RunUntil([&] { return !result.empty(); });
  EXPECT_EQ(result, "10.9.9.9");
}

TEST_F(ResolverTest, ALookupThatIsGivenUpIsNotAnswered) {
  server_.SetAddresses("rooms.test", {"10.0.0.1"}, 30s);
  bool answered = false;
  {
    const Lookup lookup =
        resolver().FindAddresses("rooms.test", [&](const absl::StatusOr<Addresses>&) { answered = true; });
  }
  Lookup other =
      resolver().FindAddresses("rooms.test", [&](const absl::StatusOr<Addresses>&) { answered = true; });
  other = {};
  EXPECT_EQ(Ips("rooms.test"), "10.0.0.1");
  EXPECT_FALSE(answered);
}

TEST_F(ResolverTest, AnAnswerMayBeginAndGiveUpLookups) {
  server_.SetAddresses("a.test", {"10.0.0.1"}, 30s);
  server_.SetAddresses("b.test", {"10.0.0.2"}, 30s);
  Lookup first, second, third;
  bool second_answered = false, third_answered = false;
  first = resolver().FindAddresses("a.test", [&](const absl::StatusOr<Addresses>&) {
    second = {};
    third =
        resolver().FindAddresses("b.test", [&](const absl::StatusOr<Addresses>&) { third_answered = true; });
  });
  second =
      resolver().FindAddresses("b.test", [&](const absl::StatusOr<Addresses>&) { second_answered = true; });
  RunUntil([&] { return third_answered; });
  EXPECT_FALSE(second_answered);
}

TEST_F(ResolverTest, ManyLookupsAreAskedAFewAtATime) {
  constexpr size_t kMany = 3 * Resolver::kMostAsked;
  server_.BeSilent("late.test");
  std::vector<Lookup> late;
  for (size_t i = 0; i < Resolver::kMostAsked; ++i) {
    late.push_back(resolver().FindAddresses("late.test", [](const absl::StatusOr<Addresses>&) {}));
  }
  size_t found = 0;
  std::vector<Lookup> lookups;
  for (size_t i = 0; i < kMany; ++i) {
    const std::string name = "n" + std::to_string(i) + ".test";
    server_.SetAddresses(name, {"10.0.0.1"}, 30s);
    lookups.push_back(resolver().FindAddresses(
        name, [&](const absl::StatusOr<Addresses>& got) { found += got.ok() ? 1 : 0; }));
  }
  RunUntil([&] { return server_.questions("late.test") == static_cast<int>(Resolver::kMostAsked); });
  EXPECT_EQ(server_.questions(), static_cast<int>(Resolver::kMostAsked));
  server_.Answer("late.test");
  dns_.hold = 1s;  // other settings: they are asked for again
  EXPECT_TRUE(resolver().Use(Read()));
  RunUntil([&] { return found == kMany; });
}

TEST_F(ResolverTest, ItsSocketsCloseWhenNothingIsAsked) {
  const auto count = [] {
    const std::filesystem::directory_iterator descriptors("/proc/self/fd");
    return std::distance(begin(descriptors), end(descriptors));
  };
  server_.SetAddresses("rooms.test", {"10.0.0.1"}, 30s);
  resolver();
  const auto before = count();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Ips("rooms.test"), "10.0.0.1");
    EXPECT_EQ(Ips("unknown.test"), "NXDOMAIN");
    dns_.hold += 1s;
    EXPECT_TRUE(resolver().Use(Read()));
  }
  EXPECT_EQ(count(), before);
}

}  // namespace
}  // namespace hawser::resolve::resolver_test
