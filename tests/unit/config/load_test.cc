#include "config/load.h"

#include <string>
#include <vector>

#include "config/form.h"
#include "config/reference.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/config/files.h"

namespace hawser::config::load_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Rendered(const std::vector<Diagnostic>& diagnostics) {
  std::vector<std::string> lines;
  for (const Diagnostic& diagnostic : diagnostics) lines.push_back(Render(diagnostic));
  return lines;
}

// The errors of a file with this text, without opening the files that it names.
std::vector<std::string> Errors(std::string_view text) {
  return Rendered(LoadText(text, "f.yaml", {.check_files = false}).errors);
}

// A file that is right but for what is put behind it: one listener, one route, one cluster; the next line is
// 7.
constexpr std::string_view kBase = R"(listeners: [ { name: a, address: "127.0.0.1:1" } ]
clusters:
  - name: c
    endpoints: [ "127.0.0.1:2" ]
routes:
  - { match: {}, cluster: c }
)";

std::string WithBase(std::string_view more) {
  return std::string(kBase) + std::string(more);
}

// The same with a listener, a route or a cluster of the test's own (of which the text is the first entry's
// rest).
std::string WithListener(std::string_view rest) {
  return "clusters: [ { name: c, endpoints: [ 127.0.0.1:2 ] } ]\nroutes: [ { match: {}, cluster: c } ]\n"
         "listeners:\n- name: a\n  address: 127.0.0.1:1\n" +
         std::string(rest);
}
std::string WithRoute(std::string_view rest) {
  return "listeners: [ { name: a, address: 127.0.0.1:1 } ]\nclusters: [ { name: c, endpoints: [ 127.0.0.1:2 "
         "] } ]\n"
         "routes:\n" +
         std::string(rest);
}
std::string WithCluster(std::string_view rest) {
  return "listeners: [ { name: a, address: 127.0.0.1:1 } ]\nroutes: [ { match: {}, cluster: c } ]\n"
         "clusters:\n- name: c\n" +
         std::string(rest);
}

class Sample : public testing::Test {
 protected:
  void SetUp() override {
    const Key256 key = MakeKey();
    folder_.Write("server.crt", CertificatePem(key));
    folder_.Write("server.key", KeyPem(key));
    path_ = folder_.Write("hawser.yaml", SampleYaml());
  }

  Folder folder_;
  std::string path_;
};

TEST_F(Sample, LoadsAsItStands) {
  const Loaded loaded = Load(path_);
  EXPECT_THAT(Rendered(loaded.errors), IsEmpty());
  EXPECT_THAT(Rendered(loaded.warnings), IsEmpty());
  ASSERT_TRUE(loaded.ok());
  const Config& config = *loaded.config;
  EXPECT_EQ(config.admin.address->ToString(), "127.0.0.1:9901");
  EXPECT_EQ(config.access_log.path, folder_ / "access.log");
  EXPECT_EQ(config.drain.window, 30s);
  ASSERT_EQ(config.listeners.size(), 2u);
  const Listener& edge = config.listeners[1];
  EXPECT_EQ(edge.address.ToString(), "[::]:8443");
  ASSERT_TRUE(edge.tls.has_value());
  EXPECT_EQ(edge.tls->certificates[0].certificate, folder_ / "server.crt");
  EXPECT_EQ(edge.tls->min_version, TlsVersion::kTls12);
  EXPECT_EQ(edge.limits.connections, 200000u);
  EXPECT_EQ(edge.limits.connections_per_ip, 100u);
  EXPECT_EQ(edge.limits.connection_rate_per_ip->rate, Rate{20});
  EXPECT_EQ(edge.limits.connection_rate_per_ip->burst, 40u);
  EXPECT_EQ(edge.timeouts.tls_handshake, 5s);
  EXPECT_EQ(edge.timeouts.request_headers, 5s);
}

TEST_F(Sample, HasItsRoutesAndClusters) {
  const Loaded loaded = Load(path_);
  ASSERT_TRUE(loaded.ok());
  const Config& config = *loaded.config;
  ASSERT_EQ(config.routes.size(), 2u);
  EXPECT_EQ(config.routes[0].name, "*.example.com/chat*#45e320b98248");
  EXPECT_EQ(config.routes[0].match.host, "*.example.com");
  EXPECT_EQ(config.routes[0].match.path_prefix, "/chat");
  EXPECT_EQ(config.routes[0].match.subprotocol, "chat.v2");
  EXPECT_EQ(config.routes[0].websocket.keepalive.to, KeepaliveTo::kClient);
  EXPECT_THAT(config.routes[1].listeners, ElementsAre("plain", "edge"));
  EXPECT_EQ(config.routes[1].cluster, "rooms");
  ASSERT_EQ(config.clusters.size(), 2u);
  const Cluster& chat = config.clusters[0];
  EXPECT_EQ(chat.lb_policy, LbPolicy::kLeastRequest);
  EXPECT_EQ(chat.affinity->cookie->name, "moor");
  EXPECT_EQ(chat.affinity->cookie->ttl, 1h);
  EXPECT_EQ(chat.affinity->cookie->keys[0].value, "0123456789abcdef0123456789abcdef");
  ASSERT_EQ(chat.endpoints.size(), 2u);
  EXPECT_EQ(chat.endpoints[0].address.ToString(), "127.0.0.1:9000");
  EXPECT_EQ(chat.endpoints[1].weight, 2u);
  const Cluster& rooms = config.clusters[1];
  EXPECT_EQ(rooms.hash_policy[0].header, "X-Room");
  EXPECT_TRUE(rooms.hash_policy[1].source_ip);
  EXPECT_EQ(rooms.endpoints[0].address.ToString(), "unix:/run/rooms.sock");
}

TEST_F(Sample, KnowsWhereEachFieldStands) {
  const Loaded loaded = Load(path_);
  ASSERT_TRUE(loaded.ok());
  const Listener& edge = loaded.config->listeners[1];
  EXPECT_EQ(loaded.MarkOf(&edge.address), (Mark{12, 14}));
  EXPECT_EQ(loaded.MarkOf(&edge.tls->certificates[0].private_key), (Mark{16, 24}));
  EXPECT_EQ(loaded.MarkOf(&edge.tls->max_version), Mark{});
  EXPECT_EQ(Render(loaded.At(edge.address, "the port is in use", "expected a free one")),
            path_ + ":12:14: listeners[1].address: the port is in use; expected a free one");
}

TEST(Load, ASmallFileIsEnough) {
  EXPECT_THAT(Errors(kBase), IsEmpty());
}

TEST(Load, AFileThatCannotBeReadIsOneError) {
  EXPECT_THAT(
      Rendered(Load("/nowhere/hawser.yaml").errors),
      ElementsAre(
          "/nowhere/hawser.yaml: cannot be read: No such file or directory; expected a file to read"));
}

TEST(Load, AFileThatIsTooLargeIsNotReadInPart) {
  const Folder folder;
  const std::string path = folder.Write("f.yaml", std::string(kBase) + std::string(16 << 20, '#'));
  EXPECT_THAT(Rendered(Load(path).errors),
              ElementsAre(path + ": is larger than 16MiB; expected a file to read"));
  folder.Write("keys", std::string(1 << 20, '#') + "\n0123456789abcdef0123456789abcdef\n");
  const std::string keys =
      folder.Write("keys.yaml", WithCluster("  endpoints: [ 127.0.0.1:2 ]\n  affinity: { cookie: { "
                                            "keys_file: keys } }\n"));
  EXPECT_THAT(Rendered(Load(keys).errors),
              ElementsAre(HasSubstr((folder / "keys") + " is larger than 1MiB; expected one key")));
}

TEST(Load, SuggestsTheNearestKeyForAnUnknownOne) {
  EXPECT_THAT(
      Errors(WithListener("  limits:\n    conections: 5\n    zebra: 1\n")),
      ElementsAre("f.yaml:7:5: listeners[0].limits.conections: unknown key; did you mean \"connections\"?",
                  "f.yaml:8:5: listeners[0].limits.zebra: unknown key; expected one of connections, "
                  "connections_per_ip, connection_rate_per_ip, ipv4_prefix, ipv6_prefix, over_limit, "
                  "request_head, request_headers, early_bytes"));
  EXPECT_THAT(Errors(WithBase("adimn: {}\n")),
              ElementsAre("f.yaml:7:1: adimn: unknown key; did you mean \"admin\"?"));
}

TEST(Load, AWrongTypeIsAnError) {
  EXPECT_THAT(
      Errors(WithListener("  limits:\n    connections: many\n    ipv4_prefix: \"24\"\n    request_head: []\n"
                          "    early_bytes: 64K\n")),
      ElementsAre(
          "f.yaml:7:18: listeners[0].limits.connections: \"many\" is not a whole number; expected a "
          "whole number, 1 to 100000000",
          "f.yaml:8:18: listeners[0].limits.ipv4_prefix: \"24\" is in quotes; expected a whole "
          "number, 1 to 32",
          "f.yaml:9:19: listeners[0].limits.request_head: is a list; expected a size such "
          "as 512, 64KiB or 1MB, 1KiB to 1MiB",
          "f.yaml:10:18: listeners[0].limits.early_bytes: \"64K\" is not a size; expected a size such "
          "as 512, 64KiB or 1MB, 0 to 1MiB"));
}

TEST(Load, AListOrAMapIsNotASingleValue) {
  EXPECT_THAT(Errors(WithBase("admin: 127.0.0.1:3\ndrain: []\naccess_log:\n")),
              ElementsAre("f.yaml:7:8: admin: is a single value; expected a map with address, "
                          "hosts, mode, connections, timeout, tunnels_shown, clients_shown",
                          "f.yaml:8:8: drain: is a list; expected a map with window, deadline, code, reload",
                          "f.yaml:9:1: access_log: has no value; expected a map with path, format, "
                          "query, redacted, queue"));
  EXPECT_THAT(
      Errors(WithRoute("- { match: {}, cluster: c, listeners: a }\n")),
      ElementsAre("f.yaml:4:39: routes[0].listeners: is a single value; expected a list such as [ a ]"));
}

TEST(Load, ATruthValueIsTrueOrFalse) {
  EXPECT_THAT(
      Errors(WithCluster(
          "  endpoints: [ 127.0.0.1:2 ]\n  affinity:\n    cookie: { http_only: yes, keys_file: k }\n")),
      ElementsAre(
          "f.yaml:7:26: clusters[0].affinity.cookie.http_only: \"yes\" is not a truth value; expected "
          "true or false"));
}

TEST(Load, ValuesAreReadByTheCoreSchemaOfYaml) {
  const Loaded loaded = LoadText(WithListener("  http2: { enabled: FALSE, prior_knowledge: True }\n"
                                              "  limits: { connections: +100, connections_per_ip: 0x64, "
                                              "request_head: 0x1000, early_bytes: 1e3 }\n"
                                              "  timeouts: { keep_alive: '60s' }\n"),
                                 "f.yaml", {.check_files = false});
  ASSERT_TRUE(loaded.ok()) << Rendered(loaded.errors)[0];
  const Listener& listener = loaded.config->listeners[0];
  EXPECT_FALSE(listener.http2.enabled);
  EXPECT_TRUE(listener.http2.prior_knowledge);
  EXPECT_EQ(listener.limits.connections, 100u);
  EXPECT_EQ(listener.limits.connections_per_ip, 100u);
  EXPECT_EQ(listener.limits.request_head.bytes, 4096u);
  EXPECT_EQ(listener.limits.early_bytes.bytes, 1000u);
  EXPECT_THAT(Errors(WithBase("drain: { window: 0x0, deadline: +0 }\n")), IsEmpty());
}

TEST(Load, ReportsWhatTheCoreSchemaReadsAsAnotherType) {
  EXPECT_THAT(
      Errors(WithListener(
          "  limits:\n    connections: 1.5\n    connections_per_ip: \"0x64\"\n    ipv4_prefix: 0x100\n"
          "  http2:\n    enabled: \"True\"\n    stall_timeout: 0x10\n")),
      ElementsAre(
          HasSubstr("f.yaml:7:18: listeners[0].limits.connections: \"1.5\" is not a whole number; expected"),
          HasSubstr("f.yaml:8:25: listeners[0].limits.connections_per_ip: \"0x64\" is in quotes;"),
          HasSubstr("f.yaml:9:18: listeners[0].limits.ipv4_prefix: \"0x100\" is out of range; expected"),
          HasSubstr("f.yaml:11:14: listeners[0].http2.enabled: \"True\" is in quotes; expected"),
          HasSubstr("f.yaml:12:20: listeners[0].http2.stall_timeout: \"0x10\" has no unit; expected")));
  EXPECT_THAT(
      Errors(WithListener("- { name: 0o17, address: 127.0.0.1:9 }\n- { name: 0o8, address: 127.0.0.1:8 }\n")),
      ElementsAre(HasSubstr("listeners[1].name: 0o17 is a number; put it in quotes: \"0o17\"")));
}

TEST(Load, TextThatYamlReadsAsANumberNeedsQuotes) {
  EXPECT_THAT(Errors(WithRoute("- match: { headers: [ { name: V, exact: 13 } ] }\n  cluster: c\n")),
              ElementsAre("f.yaml:4:41: routes[0].match.headers[0].exact: 13 is a number; put it in "
                          "quotes: \"13\""));
  EXPECT_THAT(Errors(WithRoute("- match: { headers: [ { name: V, exact: \"13\" } ] }\n  cluster: c\n")),
              IsEmpty());
}

TEST(Load, ABareNumberIsNoDuration) {
  EXPECT_THAT(
      Errors(WithBase("drain: { window: 30 }\n")),
      ElementsAre("f.yaml:7:18: drain.window: \"30\" has no unit; expected a duration such as 500ms, 30s or "
                  "1h30m, 0s to 1d"));
  EXPECT_THAT(Errors(WithBase("drain: { window: 0 }\n")), IsEmpty());
}

TEST(Load, ValuesOutOfRangeAreErrors) {
  EXPECT_THAT(
      Errors(WithBase("drain: { window: 2d }\nlimits: { per_ip_entries: 0 }\naccess_log: { queue: -1 }\n")),
      ElementsAre("f.yaml:7:18: drain.window: \"2d\" is out of range; expected a duration such as 500ms, 30s "
                  "or 1h30m, 0s to 1d",
                  "f.yaml:8:27: limits.per_ip_entries: \"0\" is out of range; expected a whole number, 1 to "
                  "100000000",
                  "f.yaml:9:22: access_log.queue: \"-1\" is out of range; expected a whole number, 1 to "
                  "1048576"));
  EXPECT_THAT(
      Errors(WithCluster("  endpoints: [ { address: 127.0.0.1:2, weight: 1001 } ]\n")),
      ElementsAre("f.yaml:5:48: clusters[0].endpoints[0].weight: \"1001\" is out of range; expected a whole "
                  "number, 0 to 1000"));
}

TEST(Load, MissingKeysAreErrors) {
  EXPECT_THAT(Errors("admin: {}\n"), ElementsAre("f.yaml:1:1: listeners: is missing; expected a list",
                                                 "f.yaml:1:1: routes: is missing; expected a list"));
  EXPECT_THAT(
      Errors(WithListener("- address: 127.0.0.1:9\n")),
      ElementsAre("f.yaml:6:3: listeners[1].name: is missing; expected a name: up to 128 letters, digits and "
                  "_ . : / -"));
  EXPECT_THAT(
      Errors(WithCluster("  endpoints: []\n")),
      ElementsAre("f.yaml:5:14: clusters[0].endpoints: the list is empty; expected at least one entry"));
}

TEST(Load, AWrongShapeIsReportedWithTheRightOne) {
  EXPECT_THAT(
      Errors(WithBase("access_log:\n  path:x\n")),
      ElementsAre(
          "f.yaml:8:3: access_log: is a single value; expected a space behind the colon of \"path:x\""));
  EXPECT_THAT(
      Errors(WithBase("access_log:\n  path = x\n")),
      ElementsAre("f.yaml:8:3: access_log: is a single value; expected a colon and a space instead of "
                  "the = of \"path = x\""));
  EXPECT_THAT(Errors(WithCluster("  endpoints: [ \"${HOST}:80\" ]\n")),
              ElementsAre(::testing::EndsWith("; hawser does not read environment variables")));
  EXPECT_THAT(Errors(WithCluster("  endpoints: { address: 127.0.0.1:2 }\n")),
              ElementsAre("f.yaml:5:14: clusters[0].endpoints: is a map; expected a list, each entry behind "
                          "a dash and a space"));
  EXPECT_THAT(Errors(WithListener("- name: b\n  address: [::1]\n")),
              ::testing::Contains(
                  HasSubstr("is a list; put an IPv6 address and its port in quotes, such as \"[::1]:80\"")));
}

TEST(Load, KeysOfTheTopLevelThatBeginWithXAreFree) {
  EXPECT_THAT(Errors(WithBase("x-anything: { listeners: 7, none: ~, list: [ 1, { a: b } ] }\nx-: \n")),
              IsEmpty());
  const Loaded loaded = LoadText("x-limits: &limits { connections: 7 }\n" +
                                     WithListener("  limits: { <<: *limits, connections_per_ip: 5 }\n"),
                                 "f.yaml");
  ASSERT_TRUE(loaded.ok()) << Rendered(loaded.errors)[0];
  EXPECT_EQ(loaded.config->listeners[0].limits.connections, 7u);
  EXPECT_THAT(Errors(WithListener("  x-limits: 1\n")),
              ElementsAre(HasSubstr("listeners[0].x-limits: unknown key")));
}

TEST(Load, RoutesThatAnswerNeedNoCluster) {
  const std::string listeners = "listeners: [ { name: a, address: 127.0.0.1:1 } ]\n";
  const std::string redirect = "- { match: { path: /x }, redirect: { scheme: https } }\n";
  const std::string forward = "- { match: {}, weighted_clusters: [ { name: c } ] }\n";
  EXPECT_THAT(Errors(listeners + "routes:\n" + redirect), IsEmpty());
  EXPECT_THAT(Errors(listeners + "routes:\n" + redirect + "clusters: []\n"), IsEmpty());
  EXPECT_THAT(
      Errors(listeners + "routes:\n" + redirect + forward),
      ElementsAre(
          "f.yaml:1:1: clusters: is missing; expected a list, because routes[1] has weighted_clusters"));
  EXPECT_THAT(
      Errors(listeners + "routes:\n" + forward + "clusters: []\n"),
      ElementsAre("f.yaml:4:11: clusters: the list is empty; expected an entry, because routes[0] has "
                  "weighted_clusters"));
  EXPECT_THAT(Errors(listeners + "routes:\n" + redirect + "clusters:\n"),
              ElementsAre("f.yaml:4:1: clusters: has no value; expected a list"));
}

TEST(Load, AddressesThatAreNoneAreReportedWithWhatWasMeant) {
  EXPECT_THAT(
      Errors(WithCluster("  endpoints: [ \"chat-.internal:2\", 127.0.0.1, \"127.0.0.1:99999\", \":80\" ]\n")),
      ElementsAre(
          "f.yaml:5:16: clusters[0].endpoints[0]: not an IP address or a host name: \"chat-.internal\"; "
          "expected "
          "IP:PORT, [IPv6]:PORT, HOST:PORT or unix:PATH",
          "f.yaml:5:36: clusters[0].endpoints[1]: \"127.0.0.1\" has no port; expected 127.0.0.1:PORT",
          "f.yaml:5:47: clusters[0].endpoints[2]: not a port: \"99999\"; expected 1 to 65535",
          "f.yaml:5:66: clusters[0].endpoints[3]: \":80\" has no IP address; expected 127.0.0.1:80 for a "
          "backend on "
          "this machine"));
  EXPECT_THAT(Errors(WithListener("- { name: b, address: \":80\", trusted_proxies: [ 10.0.0.1/8 ] }\n")),
              ElementsAre(HasSubstr("expected 0.0.0.0:80, or \"[::]:80\" for IPv6 as well"),
                          HasSubstr("expected 10.0.0.0/8 for the block, or 10.0.0.1 for the one address")));
}

TEST(Load, APathOfAUnixSocketIsRelativeToTheFile) {
  const auto address_of = [](const std::string& text, const std::string& file) {
    const Loaded loaded = LoadText(WithCluster("  endpoints: [ \"" + text + "\" ]\n"), file);
    return loaded.ok() ? loaded.config->clusters[0].endpoints[0].address.ToString()
                       : Render(loaded.errors.at(0));
  };
  EXPECT_EQ(address_of("unix:run/a.sock", "/etc/hawser/f.yaml"), "unix:/etc/hawser/run/a.sock");
  EXPECT_EQ(address_of("unix:../a.sock", "/etc/hawser/f.yaml"), "unix:/etc/a.sock");
  EXPECT_EQ(address_of("unix:/run/a.sock", "/etc/hawser/f.yaml"), "unix:/run/a.sock");
  EXPECT_EQ(address_of("unix:a.sock", "f.yaml"), "unix:a.sock");
  EXPECT_EQ(address_of("unix:@a.sock", "/etc/hawser/f.yaml"), "unix:@a.sock");
  EXPECT_THAT(address_of("unix:a.sock", "/" + std::string(100, 'd') + "/f.yaml"),
              HasSubstr("path too long for a Unix socket"));
}

TEST(Load, AFileModeIsOctalTextInQuotes) {
  const auto load = [](const std::string& mode) {
    return LoadText("admin: { address: \"unix:/run/a.sock\", mode: " + mode + " }\n" + WithBase(""),
                    "f.yaml");
  };
  const Loaded loaded = load("\"0660\"");
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(ModeOf(loaded.config->admin.mode), 0660U);
  EXPECT_EQ(ModeOf(loaded.config->listeners[0].mode), 0666U);
  EXPECT_THAT(Errors("admin: { mode: 0660 }\n"),
              ::testing::Contains(HasSubstr("0660 is a number; put it in quotes: \"0660\"")));
  for (const std::string text :
       {"\"660\"", "\"0668\"", "\"04755\"", "\"rw-rw----\"", "\"\"", "\" 0660\"", "\"0o660\""}) {
    EXPECT_THAT(Errors("admin: { mode: " + text + " }\n"), ::testing::Contains(HasSubstr("admin.mode")))
        << text;
  }
}

TEST(Load, OneOfSeveralFormsIsGiven) {
  EXPECT_THAT(Errors(WithRoute("- { match: {} }\n")),
              ElementsAre("f.yaml:4:3: routes[0]: a key is missing; expected one of cluster, "
                          "weighted_clusters, redirect, direct_response"));
  EXPECT_THAT(
      Errors(WithRoute("- { match: {}, cluster: c, weighted_clusters: [ { name: c } ] }\n")),
      ElementsAre(
          "f.yaml:4:28: routes[0].weighted_clusters: cannot be combined with cluster; expected one of "
          "cluster, weighted_clusters, redirect, direct_response"));
  EXPECT_THAT(Errors(WithRoute("- { match: { path: /a, path_prefix: /b, path_regex: c }, cluster: c }\n")),
              ElementsAre(HasSubstr("routes[0].match.path_prefix: cannot be combined with path;"),
                          HasSubstr("routes[0].match.path_regex: cannot be combined with path;")));
  EXPECT_THAT(Errors(WithRoute("- { match: { query: [ { name: q } ] }, cluster: c }\n")),
              ElementsAre("f.yaml:4:23: routes[0].match.query[0]: a key is missing; expected one of exact, "
                          "prefix, regex, present"));
  EXPECT_THAT(Errors(WithRoute("- { match: {}, cluster: c, filters: [ {} ] }\n")),
              ElementsAre("f.yaml:4:39: routes[0].filters[0]: is empty; expected origin"));
}

TEST(Load, HashPoliciesHaveOneForm) {
  const std::string rest = "  lb_policy: maglev\n  endpoints: [ 127.0.0.1:2 ]\n  hash_policy: ";
  EXPECT_THAT(
      Errors(WithCluster(rest + "[ source_pi, { header: A, cookie: b }, { source_ip: false }, 7 ]\n")),
      ElementsAre(
          "f.yaml:7:18: clusters[0].hash_policy[0]: \"source_pi\" is not known; did you mean "
          "\"source_ip\"?",
          "f.yaml:7:42: clusters[0].hash_policy[1].cookie: cannot be combined with header; expected one of "
          "header, cookie, query, source_ip",
          "f.yaml:7:68: clusters[0].hash_policy[2].source_ip: \"false\" is not allowed; expected true",
          "f.yaml:7:77: clusters[0].hash_policy[3]: \"7\" is not known; expected source_ip or a map"));
  EXPECT_THAT(Errors(WithCluster(rest + "[ { source_ip: true }, { cookie: c }, { query: q } ]\n")),
              IsEmpty());
}

TEST(Load, WordsOfAnEnumAreSuggested) {
  EXPECT_THAT(Errors(WithCluster("  endpoints: [ 127.0.0.1:2 ]\n  lb_policy: least_requests\n")),
              ElementsAre("f.yaml:6:14: clusters[0].lb_policy: \"least_requests\" is not known; did you mean "
                          "\"least_request\"?"));
  EXPECT_THAT(
      Errors(WithCluster("  endpoints: [ 127.0.0.1:2 ]\n  lb_policy: fair\n")),
      ElementsAre("f.yaml:6:14: clusters[0].lb_policy: \"fair\" is not known; expected one of round_robin, "
                  "least_request, random, ring_hash, maglev"));
}

TEST(Load, TextHasTheFormOfItsField) {
  EXPECT_THAT(
      Errors(WithRoute("- match: { host: \"a.*.b\", path: chat }\n  cluster: c\n"
                       "- match: { host: \"*\", path_regex: \"(\", subprotocol: \"a b\" }\n  cluster: c\n")),
      ElementsAre(
          "f.yaml:4:18: routes[0].match.host: \"a.*.b\" is not a host; expected a host name without a port, "
          "or *.DOMAIN",
          "f.yaml:4:33: routes[0].match.path: \"chat\" is not a path; expected a path that begins with "
          "/, percent-encoded, without ? and #",
          "f.yaml:6:18: routes[1].match.host: \"*\" is not a host; expected a host name without a port, or "
          "*.DOMAIN",
          "f.yaml:6:35: routes[1].match.path_regex: \"(\" does not compile: missing ): (; expected a "
          "regular expression in RE2 syntax",
          "f.yaml:6:53: routes[1].match.subprotocol: \"a b\" is not a token; expected a token: letters, "
          "digits and ! # $ % & ' * + - . ^ _ ` | ~"));
}

TEST(Load, AllErrorsComeAtOnceInTheOrderOfTheFile) {
  const std::vector<std::string> errors = Errors(R"(clusters:
  - name: chat
    lb_polcy: maglev
    endpoints: [ { adress: 127.0.0.1:1 } ]
routes:
  - match: { path_prefix: / }
    cluster: chta
    handshake_timeout: 10
listeners:
  - { name: a, address: nowhere }
drain: { window: 30s, deadline: 10s }
)");
  EXPECT_THAT(
      errors,
      ElementsAre(
          HasSubstr("f.yaml:3:5: clusters[0].lb_polcy: unknown key; did you mean \"lb_policy\"?"),
          HasSubstr("f.yaml:4:18: clusters[0].endpoints[0].address: is missing"),
          HasSubstr("f.yaml:4:20: clusters[0].endpoints[0].adress: unknown key; did you mean \"address\"?"),
          HasSubstr("f.yaml:7:14: routes[0].cluster: no cluster is named \"chta\"; did you mean \"chat\"?"),
          HasSubstr("f.yaml:8:24: routes[0].handshake_timeout: \"10\" has no unit"),
          HasSubstr("f.yaml:10:25: listeners[0].address: \"nowhere\" is not a valid address"),
          HasSubstr("f.yaml:11:33: drain.deadline: 10s is below the window of 30s")));
}

TEST(Load, AShortKeyIsRefusedWithoutPrintingIt) {
  const std::vector<std::string> errors =
      Errors(WithCluster("  endpoints: [ 127.0.0.1:2 ]\n  affinity: { cookie: { keys: [ hunter2, "
                         "11111111111111111111111111111111, [ s3cret ] ] } }\n"));
  EXPECT_THAT(errors,
              ElementsAre("f.yaml:6:33: clusters[0].affinity.cookie.keys[0]: has 7 bytes; expected a secret, "
                          "at least 32 bytes",
                          "f.yaml:6:42: clusters[0].affinity.cookie.keys[1]: is a number; put it in "
                          "quotes",
                          "f.yaml:6:76: clusters[0].affinity.cookie.keys[2]: is a list; expected a "
                          "secret, at least 32 bytes"));
}

TEST(Load, FurtherErrorsAreOnlyCounted) {
  std::string text = WithBase("");
  for (size_t i = 0; i < Diagnostics::kMost + 5; ++i) text += "zz" + std::to_string(i) + ": 1\n";
  const std::vector<std::string> errors = Errors(text);
  ASSERT_EQ(errors.size(), Diagnostics::kMost + 1);
  EXPECT_EQ(errors.back(), "f.yaml: 5 more are not shown");
}

// Pinned: hawsers of one fleet, and those of the next version, take each other's cookies.
TEST(Load, AnAffinityCookieIsNamedAfterItsCluster) {
  const auto name_in = [](const std::string& cluster, const std::string& cookie) {
    const Loaded loaded = LoadText(
        "listeners: [ { name: a, address: 127.0.0.1:1 } ]\nroutes: [ { match: {}, cluster: " + cluster +
            " } ]\nclusters: [ { name: " + cluster + ", endpoints: [ 127.0.0.1:3 ], affinity: { cookie: { " +
            cookie + "keys: [ 0123456789abcdef0123456789abcdef ] } } } ]\n",
        "f.yaml");
    EXPECT_TRUE(loaded.ok());
    return loaded.ok() ? loaded.config->clusters[0].affinity->cookie->name : "";
  };
  EXPECT_EQ(name_in("rooms", ""), "hawser-8e65dcb2");
  EXPECT_EQ(name_in("chat", ""), "hawser-73b1ce76");
  EXPECT_EQ(name_in("rooms", "name: moor, "), "moor");
}

}  // namespace
}  // namespace hawser::config::load_test
