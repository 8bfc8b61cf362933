#include "proxy/admin/refusal.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "proxy/http1/head_parser.h"

namespace hawser::admin {
namespace {

const std::vector<std::string> kHosts = {"hawser.internal", "Ops-1"};

// Of a GET with these lines in its head.
Refusal Judged(const std::string& lines, bool any_host = false, const std::string& version = "1.1") {
  const std::string bytes = "GET /ready HTTP/" + version + "\r\n" + lines + "\r\n";
  http::RequestHead head;
  size_t scanned = 0;
  EXPECT_EQ(http1::ParseRequestHead(bytes, {}, head, scanned).state, http1::ParseState::kComplete) << bytes;
  return RefusalOf(head, kHosts, any_host);
}

TEST(AdminRefusal, HostsThatNameNoWebsiteAreLetIn) {
  for (const char* host :
       {"127.0.0.1", "127.0.0.1:9901", "192.0.2.7:1", "[::1]", "[2001:db8::1]:9901", "localhost",
        "LocalHost:9901", "hawser.internal", "HAWSER.INTERNAL:80", "ops-1:9901"}) {
    EXPECT_EQ(Judged("Host: " + std::string(host) + "\r\n"), Refusal::kNone) << host;
  }
}

TEST(AdminRefusal, OtherHostsAreRefused) {
  for (const char* host : {"evil.example", "evil.example:9901", "localhost.evil.example", "127.0.0.1.nip.io",
                           "127.1", "2130706433", "0x7f.1", "internal", "x.hawser.internal"}) {
    EXPECT_EQ(Judged("Host: " + std::string(host) + "\r\n"), Refusal::kHost) << host;
  }
}

TEST(AdminRefusal, NoHostIsNoBrowser) {
  EXPECT_EQ(Judged("", false, "1.0"), Refusal::kNone);
  EXPECT_EQ(Judged("Host: evil.example\r\n", false, "1.0"), Refusal::kHost);
  EXPECT_EQ(Judged("Origin: http://evil.example\r\n", false, "1.0"), Refusal::kOrigin);
}

TEST(AdminRefusal, AUnixSocketHasAnyHost) {
  EXPECT_EQ(Judged("Host: admin\r\n", true), Refusal::kNone);
  EXPECT_EQ(Judged("Host: admin\r\nOrigin: http://evil.example\r\n", true), Refusal::kOrigin);
}

TEST(AdminRefusal, TheOwnOriginIsLetIn) {
  EXPECT_EQ(Judged("Host: 127.0.0.1:9901\r\nOrigin: http://127.0.0.1:9901\r\n"), Refusal::kNone);
  EXPECT_EQ(Judged("Origin: http://localhost\r\nHost: localhost\r\n"), Refusal::kNone);
}

TEST(AdminRefusal, OtherOriginsAreRefused) {
  for (const char* origin : {"null", "", "http://evil.example", "http://127.0.0.1", "http://127.0.0.1:9902",
                             "https://127.0.0.1:9901", "http://localhost:9901", "http://127.0.0.1:99011"}) {
    EXPECT_EQ(Judged("Host: 127.0.0.1:9901\r\nOrigin: " + std::string(origin) + "\r\n"), Refusal::kOrigin)
        << origin;
  }
  EXPECT_EQ(Judged("Host: localhost\r\nOrigin: http://localhost\r\norigin: null\r\n"), Refusal::kOrigin)
      << "each field counts";
}

TEST(AdminRefusal, SitesAreWhatTheBrowserSays) {
  for (const auto& [site, refusal] : std::vector<std::pair<std::string, Refusal>>{
           {"same-origin", Refusal::kNone},
           {"none", Refusal::kNone},
           {"same-site", Refusal::kFetchSite},
           {"cross-site", Refusal::kFetchSite},
           {"", Refusal::kFetchSite},
           {"news", Refusal::kFetchSite},
       }) {
    EXPECT_EQ(Judged("Host: localhost\r\nSec-Fetch-Site: " + site + "\r\n"), refusal) << site;
  }
}

TEST(AdminRefusal, EachHasARow) {
  for (const RefusalSpec& spec : RefusalTable()) {
    EXPECT_EQ(&SpecOf(spec.refusal), &spec);
    EXPECT_FALSE(spec.label.empty());
  }
}

}  // namespace
}  // namespace hawser::admin
