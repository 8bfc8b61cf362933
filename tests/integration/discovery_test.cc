// Endpoints that are found by names, SRV records and files, through the real binary and a DNS server of the
// test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/fakes/dns_server.h"
#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using fakes::DnsServer;
using testing::HasSubstr;
using testing::Not;
using Names = std::set<std::string>;

// Three backends on one port, at 127.0.0.1 to 127.0.0.3.
class Discovery : public testing::Test {
 protected:
  // `cluster`: lines of the only one; `dns`: fields of that section.
  std::string Yaml(const std::vector<std::string>& cluster, const std::string& dns = "") const {
    std::string yaml = "admin: { address: \"127.0.0.1:0\" }\naccess_log: { path: DIR/access.log }\n";
    yaml += fmt::format("dns: {{ servers: [ \"{}\" ], {} }}\n", dns_.address(), dns.empty() ? kFast : dns);
    yaml += "listeners: [ { name: main, address: \"127.0.0.1:0\" } ]\n";
    yaml += "routes: [ { name: all, match: { path_prefix: / }, cluster: backends } ]\n";
    yaml += "clusters:\n  - name: backends\n";
    for (const std::string& line : cluster) yaml += "    " + line + "\n";
    return yaml;
  }
  std::string Listing(const std::vector<std::string>& hosts) const {
    std::string list;
    for (const std::string& host : hosts) list += fmt::format("\"{}:{}\", ", host, port_);
    return "endpoints: [ " + list + "]";
  }
  std::string File() const { return directory_.File("rooms.yaml"); }
  // As deployments do it: beside its place, and renamed over it.
  void Rename(const std::string& content) const {
    std::filesystem::rename(directory_.Write("rooms.yaml.new", content), File());
  }

  // The backends that answer.
  static Names Used(HawserProcess& hawser) {
    Names names;
    Wire client = Wire::Connect(hawser.listener());
    for (int i = 0; i < 9; ++i) {
      client.Send(PlainGet("/"));
      const Head head = ReadHead(client);
      names.insert(ReadBody(client, head));
      if (!client.open() || head.status() != 200) return {fmt::to_string(head.status())};
    }
    return names;
  }
  static testing::AssertionResult Uses(HawserProcess& hawser, const Names& names) {
    Names used;
    if (Eventually([&] { return (used = Used(hawser)) == names; })) return testing::AssertionSuccess();
    return testing::AssertionFailure() << testing::PrintToString(used) << "\n" << hawser.process().err();
  }
  static nlohmann::json Endpoints(HawserProcess& hawser) {
    return nlohmann::json::parse(hawser.AdminPage("/clusters"))["clusters"][0]["endpoints"];
  }
  // So many more questions for a name.
  void AwaitQuestions(const std::string& name, int more) {
    const int before = dns_.questions(name);
    EXPECT_TRUE(Eventually([&] { return dns_.questions(name) >= before + more; }));
  }
  static testing::AssertionResult Logs(HawserProcess& hawser, const std::string& text) {
    if (Eventually([&] { return hawser.process().err().find(text) != std::string::npos; })) {
      return testing::AssertionSuccess();
    }
    return testing::AssertionFailure() << "no \"" << text << "\" in\n" << hawser.process().err();
  }

  static constexpr std::string_view kFast = "min_refresh: 20ms, hold: 0s";

  DnsServer dns_;
  EchoBackend a_{"a"};
  const std::string port_ = a_.address().substr(a_.address().rfind(':') + 1);
  EchoBackend b_{"b", "127.0.0.2:" + port_};
  EchoBackend c_{"c", "127.0.0.3:" + port_};
  Directory directory_;
};

TEST_F(Discovery, AddressesComeAndGo) {
  dns_.SetAddresses("rooms.test", {"127.0.0.1"}, 0s);
  HawserProcess hawser(Yaml({Listing({"rooms.test"})}));
  EXPECT_EQ(Used(hawser), Names{"a"}) << "as soon as it is ready";
  Wire tunnel = Join(hawser.listener());
  dns_.SetAddresses("rooms.test", {"127.0.0.1", "127.0.0.2"}, 0s);
  EXPECT_TRUE(Uses(hawser, {"a", "b"}));
  dns_.SetAddresses("rooms.test", {"127.0.0.2"}, 0s);
  EXPECT_TRUE(Uses(hawser, {"b"}));
  const Frame frame{.opcode = kText, .payload = "still here"};
  tunnel.Send(EncodeMasked(frame));
  EXPECT_TRUE(ReadFrame(tunnel) == frame);
}

TEST_F(Discovery, AddressesThatRotateStay) {
  dns_.SetAddresses("rooms.test", {"127.0.0.1"}, 0s);
  HawserProcess hawser(Yaml({Listing({"rooms.test"})}, "min_refresh: 20ms, hold: 1h"));
  EXPECT_TRUE(Uses(hawser, {"a"}));
  for (const char* ip : {"127.0.0.2", "127.0.0.3", "127.0.0.2"}) {
    dns_.SetAddresses("rooms.test", {ip}, 0s);
    AwaitQuestions("rooms.test", 2);
  }
  EXPECT_TRUE(Uses(hawser, {"a", "b", "c"}));
}

TEST_F(Discovery, FailuresKeepTheLastGoodSet) {
  const std::vector<std::pair<std::string, std::function<void()>>> faults = {
      {"NXDOMAIN", [&] { dns_.Remove("rooms.test"); }},
      {"SERVFAIL", [&] { dns_.Fail("rooms.test", DnsServer::kServFail); }},
      {"no answer in time", [&] { dns_.BeSilent("rooms.test"); }}};
  for (const auto& [words, break_it] : faults) {
    dns_.Answer("rooms.test");
    dns_.SetAddresses("rooms.test", {"127.0.0.1"}, 0s);
    HawserProcess hawser(
        Yaml({Listing({"rooms.test"})}, "timeout: 50ms, attempts: 2, min_refresh: 20ms, hold: 0s"));
    EXPECT_TRUE(Uses(hawser, {"a"}));
    break_it();
    EXPECT_TRUE(Logs(hawser, "cannot resolve rooms.test: " + words));
    AwaitQuestions("rooms.test", 5);
    EXPECT_EQ(Used(hawser), Names{"a"}) << words;
    EXPECT_TRUE(hawser.MetricReaches("hawser_discovery_failures_total", 2, {"cluster=\"backends\""}));
    EXPECT_TRUE(hawser.MetricReaches("hawser_dns_failures_total", 2));
    dns_.Answer("rooms.test");
    dns_.SetAddresses("rooms.test", {"127.0.0.2"}, 0s);
    EXPECT_TRUE(Uses(hawser, {"b"}));
    EXPECT_TRUE(Logs(hawser, "rooms.test is resolved again"));
    const std::string log = hawser.process().err();
    const size_t first = log.find("cannot resolve");
    EXPECT_EQ(log.find("cannot resolve", first + 1), std::string::npos) << log;
  }
}

TEST_F(Discovery, TwoHundredAddressesComeByTcp) {
  std::vector<std::string> ips;
  for (int i = 0; i < 200; ++i) ips.push_back(fmt::format("127.1.{}.{}", i / 100, 1 + i % 100));
  dns_.SetAddresses("rooms.test", ips, 60s);
  HawserProcess hawser(Yaml({Listing({"rooms.test"})}));
  EXPECT_TRUE(Eventually([&] { return Endpoints(hawser).size() == 200; }));
  EXPECT_GE(dns_.tcp_questions(), 1);
}

TEST_F(Discovery, Ipv6AloneIsUsed) {
  dns_.SetAddresses("rooms.test", {"::1"}, 60s);
  const auto listens = net::Listen(*net::SocketAddress::Parse("[::1]:0"), {});
  if (!listens.ok()) GTEST_SKIP() << "no IPv6 here";
  const EchoBackend six("six", "[::1]:0");
  const std::string port = six.address().substr(six.address().rfind(':') + 1);
  HawserProcess hawser(Yaml({"endpoints: [ \"rooms.test:" + port + "\" ]"}));
  EXPECT_TRUE(Uses(hawser, {"six"}));
}

TEST_F(Discovery, AChainOfAliasesIsFollowed) {
  dns_.SetAlias("rooms.test", "pool.test", 60s);
  dns_.SetAlias("pool.test", "hosts.test", 0s);
  dns_.SetAddresses("hosts.test", {"127.0.0.1"}, 60s);
  HawserProcess hawser(Yaml({Listing({"rooms.test"})}));
  EXPECT_TRUE(Uses(hawser, {"a"}));
  dns_.SetAddresses("hosts.test", {"127.0.0.3"}, 60s);
  EXPECT_TRUE(Uses(hawser, {"c"})) << "the alias has the shortest TTL";
}

TEST_F(Discovery, ServicesGiveHostsAndPorts) {
  const auto port = static_cast<uint16_t>(std::stoi(port_));
  dns_.SetAddresses("n1.test", {"127.0.0.1", "127.0.0.2"}, 60s);
  dns_.SetAddresses("n2.test", {"127.0.0.3"}, 60s);
  dns_.SetServices("_ws._tcp.test",
                   {{.priority = 1, .weight = 1, .port = port, .target = "n1.test"},
                    {.priority = 2, .weight = 1, .port = port, .target = "n2.test"}},
                   0s);
  HawserProcess hawser(Yaml({"discovery: { srv: _ws._tcp.test }"}));
  EXPECT_TRUE(Uses(hawser, {"a", "b"})) << "those of the lowest priority";
  dns_.SetServices("_ws._tcp.test", {{.priority = 2, .weight = 1, .port = port, .target = "n2.test"}}, 0s);
  EXPECT_TRUE(Uses(hawser, {"c"}));
}

TEST_F(Discovery, AFileIsAppliedWhateverWayItChanges) {
  const auto listing = [&](const std::string& ip) { return fmt::format("- {}:{}\n", ip, port_); };
  Rename(listing("127.0.0.1"));
  HawserProcess hawser(Yaml({"discovery: { file: " + File() + " }"}));
  EXPECT_TRUE(Uses(hawser, {"a"}));
  Rename(listing("127.0.0.2"));
  EXPECT_TRUE(Uses(hawser, {"b"}));
  directory_.Write("rooms.yaml", listing("127.0.0.3"));
  EXPECT_TRUE(Uses(hawser, {"c"})) << "written in place";
  Rename(fmt::format("[ {{ \"address\": \"127.0.0.1:{}\", \"weight\": 2 }} ]", port_));
  EXPECT_TRUE(Uses(hawser, {"a"})) << "JSON";
}

TEST_F(Discovery, AFileBehindALinkThatIsSwappedIsApplied) {
  namespace fs = std::filesystem;
  const auto generation = [&](const std::string& name,
                              const std::string& ip) {  // as in volumes of Kubernetes
    fs::create_directory(directory_.File(name));
    directory_.Write(name + "/rooms.yaml", fmt::format("- {}:{}\n", ip, port_));
    fs::create_directory_symlink(name, directory_.File("..data_tmp"));
    fs::rename(directory_.File("..data_tmp"), directory_.File("..data"));
  };
  generation("..1", "127.0.0.1");
  fs::create_symlink("..data/rooms.yaml", File());
  HawserProcess hawser(Yaml({"discovery: { file: " + File() + " }"}));
  EXPECT_TRUE(Uses(hawser, {"a"}));
  generation("..2", "127.0.0.2");
  fs::remove_all(directory_.File("..1"));
  EXPECT_TRUE(Uses(hawser, {"b"}));
}

TEST_F(Discovery, AFileThatCannotBeUsedKeepsTheLastGoodSet) {
  Rename(fmt::format("- 127.0.0.1:{}\n", port_));
  HawserProcess hawser(Yaml({"discovery: { file: " + File() + " }"}));
  EXPECT_TRUE(Uses(hawser, {"a"}));
  directory_.Write("rooms.yaml", "");
  EXPECT_TRUE(Logs(hawser, "the file is empty"));
  EXPECT_EQ(Used(hawser), Names{"a"});
  Rename("- 127.0.0.2:");
  EXPECT_TRUE(Logs(hawser, "rooms.yaml:1:"));
  Rename(fmt::format("[ {{ address: \"127.0.0.2:{}\", wait: 7 }} ]", port_));
  EXPECT_TRUE(Logs(hawser, "unknown key"));
  std::filesystem::remove(File());
  EXPECT_TRUE(Logs(hawser, "cannot be read"));
  EXPECT_EQ(Used(hawser), Names{"a"});
  EXPECT_TRUE(hawser.MetricReaches("hawser_discovery_failures_total", 3, {"cluster=\"backends\""}));
  Rename(fmt::format("- 127.0.0.2:{}\n", port_));
  EXPECT_TRUE(Uses(hawser, {"b"}));
  EXPECT_TRUE(Logs(hawser, "can be used again"));
  Rename("[]\n");
  EXPECT_TRUE(Uses(hawser, {"503"})) << "it says that there are none";
  EXPECT_TRUE(Logs(hawser, "lists no endpoints"));
}

TEST_F(Discovery, NamesInAFileAreResolved) {
  dns_.SetAddresses("n1.test", {"127.0.0.1"}, 60s);
  dns_.SetAddresses("n2.test", {"127.0.0.2", "127.0.0.3"}, 60s);
  Rename(fmt::format("- n1.test:{}\n", port_));
  HawserProcess hawser(Yaml({"discovery: { file: " + File() + " }"}));
  EXPECT_TRUE(Uses(hawser, {"a"}));
  Rename(fmt::format("- n2.test:{}\n", port_));
  EXPECT_TRUE(Uses(hawser, {"b", "c"}));
}

TEST_F(Discovery, TwoNamesOfOneAddressAreOneEndpointWithTheSumOfTheirWeights) {
  dns_.SetAddresses("n1.test", {"127.0.0.1"}, 60s);
  dns_.SetAddresses("n2.test", {"127.0.0.1", "127.0.0.2"}, 60s);
  HawserProcess hawser(
      Yaml({fmt::format("endpoints: [ {{ address: \"n1.test:{0}\", weight: 2 }}, "
                        "{{ address: \"n2.test:{0}\", weight: 3 }} ]",
                        port_)}));
  EXPECT_TRUE(Eventually([&] { return Endpoints(hawser).size() == 2; }));
  std::map<std::string, int> weights;
  for (const auto& endpoint : Endpoints(hawser)) weights[endpoint["address"]] = endpoint["weight"];
  EXPECT_EQ(weights, (std::map<std::string, int>{{"127.0.0.1:" + port_, 5}, {"127.0.0.2:" + port_, 3}}));
}

TEST_F(Discovery, ANameIsWhatTheCertificateOfTheBackendMustHave) {
  const CertificateFiles files = MakeCertificate(directory_, "rooms", {"rooms.test"});
  const ServeOptions served{.certificate = files.certificate, .private_key = files.private_key};
  for (const bool known : {true, false}) {
    const std::string name = known ? "rooms.test" : "other.test";
    dns_.SetAddresses(name, {"127.0.0.1"}, 60s);
    FakeBackend backend;
    const std::string port = backend.address().substr(backend.address().rfind(':') + 1);
    HawserProcess hawser(Yaml({fmt::format("endpoints: [ \"{}:{}\" ]", name, port),
                               "tls: { ca_file: " + files.certificate + " }", "connect_retries: 0"}));
    EXPECT_TRUE(Eventually([&] { return Endpoints(hawser).size() == 1; }));
    Wire client = Wire::Connect(hawser.listener());
    client.Send(PlainGet("/"));
    Wire wire = backend.Accept();
    wire.ServeTls(served);
    EXPECT_STREQ(SSL_get_servername(wire.ssl(), TLSEXT_NAMETYPE_host_name), name.c_str());
    if (known) {
      ReadHead(wire);
      wire.Send(Response("200 OK", "x"));
      EXPECT_EQ(ReadBody(client, ReadHead(client)), "x");
    } else {
      EXPECT_EQ(ReadHead(client).status(), 503);
    }
  }
}

TEST_F(Discovery, IsReadyWhenTheFirstAnswersAreIn) {
  dns_.BeSilent("rooms.test");
  dns_.SetAddresses("rooms.test", {"127.0.0.1"}, 60s);
  const std::string file =
      WriteConfig(directory_, "hawser.yaml",
                  Yaml({Listing({"rooms.test"})}, "initial_timeout: 1h, timeout: 50ms, attempts: 16"));
  Process process(directory_, {HawserBinary(), "run", file});
  const auto admin = [&] {
    const std::string log = process.err();
    const size_t at = log.find("admin on ");
    return at == std::string::npos ? "" : log.substr(at + 9, log.find(' ', at + 9) - at - 9);
  };
  ASSERT_TRUE(Eventually([&] { return !admin().empty(); })) << process.err();
  const auto status = [&] {
    Wire wire = Wire::Connect(admin());
    wire.Send(AdminGet("/ready", {{"Connection", "close"}}));
    return ReadHead(wire).status();
  };
  AwaitQuestions("rooms.test", 1);
  EXPECT_EQ(status(), 503);
  dns_.Answer("rooms.test");
  EXPECT_TRUE(Eventually([&] { return status() == 200; }));
}

TEST_F(Discovery, WaitsNoLongerThanConfiguredForTheFirstAnswers) {
  dns_.BeSilent("rooms.test");
  HawserProcess hawser(Yaml({Listing({"rooms.test", "127.0.0.2"})}, "initial_timeout: 100ms, timeout: 1m"));
  EXPECT_TRUE(Uses(hawser, {"b"}));
  EXPECT_TRUE(Eventually([&] { return hawser.AdminPage("/ready") == "ready\n"; }));
}

TEST_F(Discovery, AReloadTakesNoEndpointAwayForANameThatIsNotAnswered) {
  constexpr std::string_view kDns = "timeout: 100ms, attempts: 16, initial_timeout: 100ms, hold: 0s";
  dns_.BeSilent("rooms.test");
  dns_.SetAddresses("rooms.test", {"127.0.0.2"}, 60s);
  HawserProcess hawser(Yaml({Listing({"127.0.0.1"})}, std::string(kDns)));
  EXPECT_EQ(Used(hawser), Names{"a"});
  WriteConfig(hawser.directory(), "hawser.yaml", Yaml({Listing({"rooms.test"})}, std::string(kDns)));
  hawser.process().Signal(SIGHUP);
  EXPECT_TRUE(Logs(hawser, "no endpoint has been found so far"));
  EXPECT_EQ(Used(hawser), Names{"a"});
  dns_.Answer("rooms.test");
  EXPECT_TRUE(Uses(hawser, {"b"}));
}

TEST_F(Discovery, CheckResolvesNothing) {
  const std::string file = WriteConfig(directory_, "hawser.yaml", Yaml({Listing({"unknown.test"})}));
  const CommandResult result = RunHawser({"check", file});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(dns_.questions(), 0);
}

}  // namespace
}  // namespace hawser::integration
