#include <string>
#include <vector>

#include "config/load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config::warnings_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The warnings of a file with one listener (its fields from line 5 on), one route and one cluster; none of it
// is an error.
std::vector<std::string> Warnings(const std::string& listener, const std::string& route,
                                  const std::string& cluster, const std::string& endpoint = "127.0.0.1:2") {
  const Loaded loaded = LoadText(
      "listeners:\n- name: a\n  address: 127.0.0.1:1\n" + listener + "routes:\n- match: {}\n  cluster: c\n" +
          route + "clusters:\n- name: c\n  endpoints: [ \"" + endpoint + "\" ]\n" + cluster,
      "f.yaml", {.check_files = false});
  EXPECT_TRUE(loaded.ok());
  std::vector<std::string> lines;
  for (const Diagnostic& one : loaded.warnings) lines.push_back(Render(one));
  return lines;
}

TEST(IntentCheck, ABurstBelowOneSecondsWorthOfItsRate) {
  EXPECT_THAT(
      Warnings("  limits: { connection_rate_per_ip: { rate: 20/s, burst: 5 } }\n", "", ""),
      ElementsAre("f.yaml:4:58: listeners[0].limits.connection_rate_per_ip.burst: a burst of 5 is below one "
                  "second's worth of the rate; expected at least 20"));
  EXPECT_THAT(
      Warnings("  limits: { connection_rate_per_ip: { rate: 20/s } }\n", "", ""),
      ElementsAre("f.yaml:4:45: listeners[0].limits.connection_rate_per_ip.rate: a burst of 1 is below one "
                  "second's worth of the rate, as none is given; expected a burst of at least 20"));
  EXPECT_THAT(
      Warnings("",
               "  websocket:\n    message_rate: { from_client: { rate: 90/m, burst: 1 } }\n"
               "    byte_rate: { from_backend: { rate: 64KiB/s, burst: 1KiB } }\n",
               ""),
      ElementsAre(
          HasSubstr("from_client.burst: a burst of 1 is below one second's worth of the rate; expected "
                    "at least 2"),
          HasSubstr("from_backend.burst: a burst of 1KiB is below one second's worth of the rate; "
                    "expected at least 64KiB")));
  EXPECT_THAT(Warnings("  limits: { connection_rate_per_ip: { rate: 20/m } }\n",
                       "  websocket: { message_rate: { from_client: { rate: 50/s } }, "
                       "byte_rate: { from_client: { rate: 0, burst: 1 } } }\n",
                       ""),
              IsEmpty());
}

TEST(IntentCheck, PriorKnowledgeOnAListenerWithTls) {
  const std::string tls = "  tls: { certificates: [ { certificate: a, private_key: b } ] }\n";
  const std::string http2 = "  http2: { prior_knowledge: true }\n";
  EXPECT_THAT(Warnings(tls + http2, "", ""),
              ElementsAre(HasSubstr(
                  "f.yaml:5:29: listeners[0].http2.prior_knowledge: has no effect where TLS is on")));
  EXPECT_THAT(Warnings(http2, "", ""), IsEmpty());
}

TEST(IntentCheck, BackendTlsWithoutANameForBareAddresses) {
  EXPECT_THAT(
      Warnings("", "", "  tls: {}\n"),
      ElementsAre(
          "f.yaml:10:8: clusters[0].tls: the certificate of 127.0.0.1:2 must carry its IP address, and few "
          "do; expected server_name, the name in the certificate"));
  EXPECT_THAT(Warnings("", "", "  tls: { server_name: chat.internal }\n"), IsEmpty());
  EXPECT_THAT(Warnings("", "", "  tls: { verify: false }\n"), IsEmpty());
  EXPECT_THAT(Warnings("", "", "  tls: { ca_file: own.pem }\n"), IsEmpty());
  EXPECT_THAT(Warnings("", "", "  tls: {}\n", "unix:/run/c.sock"), IsEmpty());
}

TEST(IntentCheck, AConnectTimeoutAboveTheTimeOfTheRequest) {
  EXPECT_THAT(
      Warnings("", "", "  connect_timeout: 11s\n"),
      ElementsAre("f.yaml:10:20: clusters[0].connect_timeout: a connection may take longer than the answer: "
                  "handshake_timeout of route \"*/*\" is 10s; expected at most 10s"));
  EXPECT_THAT(
      Warnings("", "  handshake_timeout: 1h\n  response_timeout: 4s\n", ""),
      ElementsAre("f.yaml:8:21: routes[0].response_timeout: a connection may take longer than the answer: "
                  "connect_timeout of cluster \"c\" is 5s; expected at least 5s"));
  EXPECT_THAT(Warnings("", "  handshake_timeout: 1h\n  response_timeout: 0\n", "  connect_timeout: 5m\n"),
              IsEmpty());
}

TEST(IntentCheck, ALogFormatWithoutAField) {
  const auto warnings = [](const std::string& format) {
    return Warnings("access_log: { path: \"-\", format: '" + format + "' }\n", "", "");
  };
  EXPECT_THAT(warnings("JSON"),
              ElementsAre("f.yaml:4:34: access_log.format: \"JSON\" has no %field%: every line would be this "
                          "text; expected json or a format with fields such as %status%"));
  EXPECT_THAT(warnings("100%%"), ElementsAre(HasSubstr("\"100%%\" has no %field%")));
  EXPECT_THAT(warnings("json"), IsEmpty());
  EXPECT_THAT(warnings("%%%status%"), IsEmpty());
}

TEST(IntentCheck, TrustInEverybody) {
  EXPECT_THAT(Warnings("  trusted_proxies: [ 10.0.0.0/8, 0.0.0.0/0, \"::/0\" ]\n", "", ""),
              ElementsAre("f.yaml:4:34: listeners[0].trusted_proxies[1]: every client is trusted: it may "
                          "forge X-Forwarded-For; expected the addresses of your proxies",
                          HasSubstr("listeners[0].trusted_proxies[2]: every client is trusted")));
  EXPECT_THAT(Warnings("  trusted_proxies: [ 10.0.0.0/8, unix, \"::1\" ]\n", "", ""), IsEmpty());
}

TEST(IntentCheck, AnEndpointWithAnAddressToListenOn) {
  EXPECT_THAT(Warnings("", "", "", "0.0.0.0:2"),
              ElementsAre("f.yaml:9:16: clusters[0].endpoints[0]: 0.0.0.0:2 is an address to listen on; "
                          "expected the backend's address, such as 127.0.0.1"));
  EXPECT_THAT(Warnings("", "", "", "[::]:2"), ElementsAre(HasSubstr("[::]:2 is an address to listen on")));
  EXPECT_THAT(Warnings("", "", "", "[::1]:2"), IsEmpty());
}

TEST(IntentCheck, AStarAtTheEndOfAPath) {
  const auto first = [](const std::string& match) {
    const Loaded loaded =
        LoadText("listeners: [ { name: a, address: 127.0.0.1:1 } ]\nroutes: [ { match: { " + match +
                     " }, cluster: c } ]\nclusters: [ { name: c, endpoints: [ 127.0.0.1:2 ] } ]\n",
                 "f.yaml", {.check_files = false});
    EXPECT_TRUE(loaded.ok());
    return loaded.warnings.empty() ? std::string() : Render(loaded.warnings[0]);
  };
  EXPECT_EQ(
      first("path_prefix: /chat/*"),
      "f.yaml:2:35: routes[0].match.path_prefix: \"/chat/*\" ends in a *, which stands for itself only; "
      "expected /chat (whole segments), or path_regex");
  EXPECT_THAT(first("path_prefix: /*"), HasSubstr("expected / (whole segments)"));
  EXPECT_THAT(first("path: /chat*"), HasSubstr("expected path_prefix: /chat (whole segments)"));
  EXPECT_EQ(first("path_prefix: /a*b"), "");
  EXPECT_EQ(first("path_regex: /chat/.*"), "");
}

TEST(IntentCheck, GroupsThatAreWrittenAsElsewhere) {
  const auto rewrite = [](const std::string& substitution) {
    return "  regex_rewrite: { pattern: ^/(a), substitution: '" + substitution + "' }\n";
  };
  EXPECT_THAT(Warnings("", rewrite("/b/$1"), ""),
              ElementsAre("f.yaml:7:50: routes[0].regex_rewrite.substitution: \"$1\" is plain text; expected "
                          "\\1 to \\9 for the groups"));
  EXPECT_THAT(Warnings("", rewrite("/$/\\1"), ""), IsEmpty());
}

TEST(IntentCheck, AnOriginOfAWebSocket) {
  const auto allow = [](const std::string& origin) {
    return "  filters: [ { origin: { allow: [ \"" + origin + "\" ] } } ]\n";
  };
  EXPECT_THAT(Warnings("", allow("wss://a.example"), ""),
              ElementsAre("f.yaml:7:35: routes[0].filters[0].origin.allow[0]: \"wss://a.example\" never "
                          "matches: an Origin begins with http:// or https://; expected https://a.example"));
  EXPECT_THAT(Warnings("", allow("ws://a.example:81"), ""),
              ElementsAre(HasSubstr("expected http://a.example:81")));
  EXPECT_THAT(Warnings("", allow("chrome-extension://abc"), ""), IsEmpty());
}

}  // namespace
}  // namespace hawser::config::warnings_test
