// The fields by which a configuration lives: how tunnels are drained, where endpoints come from, and what
// becomes of those that leave.
#include <string>
#include <vector>

#include "config/load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config::living_fields_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Loaded LoadFile(const std::string& more, const std::string& cluster) {
  return LoadText(
      "listeners: [ { name: a, address: 127.0.0.1:1 } ]\nroutes: [ { match: {}, cluster: c } ]\n" + more +
          "clusters:\n- name: c\n" + cluster,
      "f.yaml", {.check_files = false});
}

using Lines = std::vector<std::string>;

Lines Faults(const std::string& more, const std::string& cluster = "  endpoints: [ 127.0.0.1:2 ]\n") {
  const Loaded loaded = LoadFile(more, cluster);
  Lines lines;
  for (const Diagnostic& one : loaded.errors) lines.push_back(Render(one));
  for (const Diagnostic& one : loaded.warnings) lines.push_back(RenderWarning(one));
  return lines;
}

Lines ClusterFaults(const std::string& cluster) {
  return Faults("", cluster);
}

TEST(Drain, HasACodeAndAReloadOfItsOwn) {
  const Loaded loaded = LoadFile("drain: { code: 1012, reload: { window: 5s, code: 3000 } }\n",
                                 "  endpoints: [ 127.0.0.1:2 ]\n");
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded.config->drain.code.code, 1012);
  EXPECT_EQ(loaded.config->drain.reload, (ReloadDrain{.window = 5s, .code = {3000}}));
  EXPECT_EQ(Drain().code.code, 1001);
  EXPECT_EQ(Drain().reload.code.code, 1012);
}

TEST(Drain, AlwaysSendsACode) {
  const std::string expected = "; expected 1001, 1011 to 1014, 3000 to 4999";
  EXPECT_THAT(Faults("drain: { code: 0 }\n"),
              ElementsAre("f.yaml:3:16: drain.code: \"0\" is out of range" + expected));
  EXPECT_THAT(Faults("drain: { code: 1006, reload: { code: none } }\n"),
              ElementsAre("f.yaml:3:16: drain.code: \"1006\" is out of range" + expected,
                          "f.yaml:3:38: drain.reload.code: \"none\" is not a whole number" + expected));
}

TEST(Admin, HostsAreNamesWithoutAPort) {
  EXPECT_THAT(Faults("admin: { hosts: [ hawser.internal, hawser.internal:9901 ] }\n"),
              ElementsAre(HasSubstr(
                  "admin.hosts[1]: \"hawser.internal:9901\" is not a DNS name; expected a DNS name")));
}

TEST(Dns, HasDefaults) {
  const Dns dns;
  EXPECT_THAT(dns.servers, IsEmpty());
  EXPECT_EQ(dns.min_refresh, 1s);
  EXPECT_EQ(dns.max_refresh, 60s);
  EXPECT_EQ(dns.hold, 30s);
  EXPECT_EQ(dns.initial_timeout, 5s);
  EXPECT_EQ(dns.timeout, 2s);
  EXPECT_EQ(dns.attempts, 3u);
  EXPECT_EQ(dns.ip_family, IpFamily::kAuto);
}

TEST(Dns, ServersHavePort53UnlessTheySayOtherwise) {
  const Loaded loaded =
      LoadFile("dns: { servers: [ 127.0.0.1, \"127.0.0.1:5300\", \"::1\", \"[::1]:54\" ] }\n",
               "  endpoints: [ \"a.internal:2\" ]\n");
  ASSERT_TRUE(loaded.ok());
  Lines servers;
  for (const DnsServer& server : loaded.config->dns.servers) servers.push_back(server.address.ToString());
  EXPECT_THAT(servers, ElementsAre("127.0.0.1:53", "127.0.0.1:5300", "[::1]:53", "[::1]:54"));
  EXPECT_THAT(
      Faults("dns: { servers: [ dns.internal, \"unix:/a\", 127.0.0.1:0 ] }\n"),
      ElementsAre(
          HasSubstr("dns.servers[0]: \"dns.internal\" is not a DNS server; expected an IP address, with "
                    "or without a port"),
          HasSubstr("dns.servers[1]: \"unix:/a\" is not a DNS server"),
          HasSubstr("dns.servers[2]: 127.0.0.1:0 has port 0; expected the server's port")));
}

TEST(Dns, TheLeastRefreshIsNotAboveTheMost) {
  EXPECT_THAT(Faults("dns: { min_refresh: 2m }\n"),
              ElementsAre("f.yaml:3:21: dns.min_refresh: min_refresh (2m) is above max_refresh (1m)"));
  EXPECT_THAT(Faults("dns: { min_refresh: 2s, max_refresh: 1s }\n"),
              ElementsAre("f.yaml:3:38: dns.max_refresh: min_refresh (2s) is above max_refresh (1s)"));
}

TEST(Endpoints, MayBeNames) {
  const Loaded loaded = LoadFile(
      "", "  endpoints: [ \"rooms.internal:9000\", { address: \"db-1.example:9001\", weight: 2 } ]\n");
  ASSERT_TRUE(loaded.ok());
  const std::vector<Endpoint>& endpoints = loaded.config->clusters[0].endpoints;
  EXPECT_EQ(endpoints[0].address, BackendAddress("rooms.internal", 9000));
  EXPECT_EQ(endpoints[1], (Endpoint{BackendAddress("db-1.example", 9001), 2}));
}

TEST(Endpoints, NamesNeedAPortAndAreListedOnce) {
  EXPECT_THAT(
      ClusterFaults(
          "  endpoints: [ a.internal, \"a.internal:0\", \"b.internal:1\", \"B.internal:1\", \"c:port\" ]\n"),
      ElementsAre(HasSubstr("endpoints[0]: \"a.internal\" has no port; expected a.internal:PORT"),
                  HasSubstr("endpoints[1]: a.internal:0 has port 0; expected the backend's port"),
                  HasSubstr("endpoints[3]: b.internal:1 is listed twice in this cluster"),
                  HasSubstr("endpoints[4]: not a port: \"port\"; expected 1 to 65535")));
}

TEST(Discovery, IsInsteadOfEndpoints) {
  EXPECT_THAT(ClusterFaults("  discovery: { srv: _ws._tcp.rooms.internal }\n"), IsEmpty());
  EXPECT_THAT(ClusterFaults("  discovery: { file: rooms.yaml }\n"), IsEmpty());
  EXPECT_THAT(ClusterFaults("  discovery: { srv: a.b, file: rooms.yaml }\n"),
              ElementsAre(HasSubstr("clusters[0].discovery.file: cannot be combined with srv")));
  EXPECT_THAT(ClusterFaults("  discovery: {}\n"),
              ElementsAre(HasSubstr("clusters[0].discovery: a key is missing; expected one of srv, file")));
  EXPECT_THAT(ClusterFaults("  discovery: { srv: a.b }\n  endpoints: [ 127.0.0.1:2 ]\n"),
              ElementsAre(HasSubstr("clusters[0].discovery: cannot be combined with endpoints")));
  EXPECT_THAT(ClusterFaults("  lb_policy: random\n"),
              ElementsAre("f.yaml:4:3: clusters[0]: a key is missing; expected one of endpoints, discovery"));
  EXPECT_THAT(ClusterFaults("  discovery: { srv: \"rooms.internal:80\" }\n"),
              ElementsAre(HasSubstr("discovery.srv: \"rooms.internal:80\" is not a DNS name")));
}

TEST(Draining, HasDefaults) {
  EXPECT_EQ(Cluster().draining, (EndpointDraining{.tunnels = LeavingTunnels::kKeep,
                                                  .cookies = LeavingCookies::kMove,
                                                  .window = 30s,
                                                  .timeout = 5min}));
}

TEST(Draining, ItsWindowIsForClosesAndEndsBeforeItsTimeout) {
  const std::string endpoints = "  endpoints: [ 127.0.0.1:2 ]\n";
  EXPECT_THAT(ClusterFaults(endpoints + "  draining: { tunnels: close, window: 10s, timeout: 10s }\n"),
              IsEmpty());
  EXPECT_THAT(ClusterFaults(endpoints + "  draining: { window: 10s }\n"),
              ElementsAre(HasSubstr(
                  "warning: clusters[0].draining.window: has no effect with this `tunnels`; expected "
                  "tunnels: close")));
  EXPECT_THAT(ClusterFaults(endpoints + "  draining: { tunnels: close, window: 10m }\n"),
              ElementsAre(HasSubstr("clusters[0].draining.window: window (10m) is above timeout (5m)")));
  EXPECT_THAT(ClusterFaults(endpoints + "  draining: { tunnels: close, timeout: 10s }\n"),
              ElementsAre(HasSubstr("clusters[0].draining.timeout: window (30s) is above timeout (10s)")));
  EXPECT_THAT(
      ClusterFaults(endpoints + "  draining: { cookies: honour }\n"),
      ElementsAre(HasSubstr("warning: clusters[0].draining.cookies: has no effect without affinity.cookie")));
}

}  // namespace
}  // namespace hawser::config::living_fields_test
