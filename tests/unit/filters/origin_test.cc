#include "filters/origin.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/filters/request.h"

namespace hawser::filters::origin_test {
namespace {

const Verdict kRefused = Verdict::Reject(http::Reject::kOriginNotAllowed);

std::unique_ptr<const Filter> Allow(std::vector<std::string> allow, bool missing = true) {
  return Origin::Create({.allow = std::move(allow), .allow_missing = missing}).value();
}

bool Passes(const Filter& filter, Request& request, std::string_view origin) {
  request.head.headers.Clear();
  request.head.headers.Add("Origin", origin);
  request.Renew();
  const Verdict verdict = filter.OnRequest(*request.context);
  EXPECT_TRUE(verdict == Verdict::Continue() || verdict == kRefused);
  return verdict == Verdict::Continue();
}

TEST(Origin, AllowsWhatIsListedAndNothingElse) {
  Request request;
  const auto filter = Allow({"https://app.example.com", "http://localhost:3000"});
  EXPECT_TRUE(Passes(*filter, request, "https://app.example.com"));
  EXPECT_TRUE(Passes(*filter, request, "http://localhost:3000"));
  for (const char* origin :
       {"http://app.example.com", "https://example.com", "https://app.example.com:8443",
        "https://app.example.com.evil.net", "https://evilapp.example.com", "https://evil.net",
        "http://localhost", "http://localhost:3001", "https://localhost:3000"}) {
    EXPECT_FALSE(Passes(*filter, request, origin)) << origin;
  }
}

TEST(Origin, ComparesWithoutCaseAndWithDefaultPorts) {
  Request request;
  const auto filter = Allow({"HTTPS://App.Example.com:443", "http://plain.example.com"});
  EXPECT_TRUE(Passes(*filter, request, "https://app.example.com"));
  EXPECT_TRUE(Passes(*filter, request, "https://APP.example.com:443"));
  EXPECT_TRUE(Passes(*filter, request, "http://plain.example.com:80"));
  EXPECT_FALSE(Passes(*filter, request, "https://app.example.com:80"));
}

TEST(Origin, AWildcardTakesSubdomainsOfAnyDepthButNotTheDomainItself) {
  Request request;
  const auto filter = Allow({"https://*.example.com", "http://*.dev.local:8080"});
  EXPECT_TRUE(Passes(*filter, request, "https://a.example.com"));
  EXPECT_TRUE(Passes(*filter, request, "https://a.b.EXAMPLE.com:443"));
  EXPECT_TRUE(Passes(*filter, request, "http://x.dev.local:8080"));
  for (const char* origin : {"https://example.com", "https://.example.com", "https://evilexample.com",
                             "https://a.example.com.evil.net", "http://a.example.com",
                             "https://a.example.com:8443", "http://x.dev.local"}) {
    EXPECT_FALSE(Passes(*filter, request, origin)) << origin;
  }
}

TEST(Origin, AMalformedOneIsRefused) {
  Request request;
  const auto filter = Allow({"https://example.com", "https://*.example.com", "same-host"});
  for (const char* origin : {"",
                             " ",
                             "example.com",
                             "//example.com",
                             "https:example.com",
                             "https:/example.com",
                             "https://",
                             "https://example.com/",
                             "https://example.com/path",
                             "https://example.com?x",
                             "https://example.com#x",
                             "https://user@example.com",
                             "https://evil.net@a.example.com",
                             "https://example.com:",
                             "https://example.com:x",
                             "https://example.com:70000",
                             "https://example.com:443:443",
                             "https://example.com, https://evil.net",
                             "https://example.com https://evil.net",
                             "https://evil.net\\.example.com",
                             "https://evil.net%2f.example.com",
                             "https://evil.net/.example.com",
                             "https://[::1",
                             "https://[]",
                             "https://[a.example.com",
                             "://example.com",
                             "ht tps://example.com",
                             "*",
                             "https://*.example.com"}) {
    EXPECT_FALSE(Passes(*filter, request, origin)) << origin;
  }
}

TEST(Origin, NullIsRefusedUnlessItIsListed) {
  Request request;
  EXPECT_FALSE(Passes(*Allow({"https://example.com", "same-host"}), request, "null"));
  EXPECT_TRUE(Passes(*Allow({"null"}), request, "null"));
  EXPECT_FALSE(Passes(*Allow({"null"}), request, "NULL"));
}

TEST(Origin, AMissingOneIsASetting) {
  Request request;
  EXPECT_EQ(Allow({"same-host"}, true)->OnRequest(*request.context), Verdict::Continue());
  EXPECT_EQ(Allow({"same-host"}, false)->OnRequest(*request.context), kRefused);
}

TEST(Origin, TwoOfThemAreRefused) {
  Request request;
  request.head.headers.Add("Origin", "https://example.com");
  request.head.headers.Add("origin", "https://example.com");
  EXPECT_EQ(Allow({"https://example.com"})->OnRequest(*request.context), kRefused);
}

TEST(Origin, OtherSchemesCanBeListed) {
  Request request;
  const auto filter = Allow({"chrome-extension://abcdefgh", "capacitor://localhost"});
  EXPECT_TRUE(Passes(*filter, request, "chrome-extension://abcdefgh"));
  EXPECT_TRUE(Passes(*filter, request, "capacitor://localhost"));
  EXPECT_FALSE(Passes(*filter, request, "chrome-extension://other"));
}

TEST(Origin, AnIpv6OriginIsOneToo) {
  Request request;
  const auto filter = Allow({"http://[::1]:3000"});
  EXPECT_TRUE(Passes(*filter, request, "http://[::1]:3000"));
  EXPECT_FALSE(Passes(*filter, request, "http://[::2]:3000"));
}

TEST(Origin, SameHostComparesWithTheRequestsAuthority) {
  Request request;
  const auto filter = Allow({"same-host"});
  request.head.authority = "Example.com:8443";
  EXPECT_TRUE(Passes(*filter, request, "https://example.COM:8443"));
  EXPECT_FALSE(Passes(*filter, request, "https://example.com"));
  EXPECT_FALSE(Passes(*filter, request, "https://a.example.com:8443"));
  request.head.authority = "example.com:443";
  EXPECT_TRUE(Passes(*filter, request, "https://example.com"));
  request.head.authority = "[::1]:8443";
  EXPECT_TRUE(Passes(*filter, request, "https://[::1]:8443"));
  request.head.authority = "";
  EXPECT_FALSE(Passes(*filter, request, "https://example.com"));
}

TEST(Origin, SameHostMeansHttpsWhereTlsEndsHere) {
  Request request(true);
  const auto filter = Allow({"same-host"});
  EXPECT_TRUE(Passes(*filter, request, "https://example.com"));
  EXPECT_FALSE(Passes(*filter, request, "http://example.com"));
  request.head.authority = "example.com:8443";
  EXPECT_FALSE(Passes(*filter, request, "http://example.com:8443"));
}

TEST(Origin, SameHostTakesEitherSchemeWhereABalancerMayHaveEndedTls) {
  Request request(false);
  const auto filter = Allow({"same-host"});
  EXPECT_TRUE(Passes(*filter, request, "https://example.com"));
  EXPECT_TRUE(Passes(*filter, request, "http://example.com"));
  EXPECT_FALSE(Passes(*filter, request, "chrome-extension://example.com"));
  request.head.authority = "example.com:80";
  EXPECT_FALSE(Passes(*filter, request, "https://example.com"));
}

TEST(Origin, AnEntryThatIsNoOriginIsAnError) {
  for (const char* entry :
       {"", "example.com", "*.example.com", "https://", "https://*", "https://*.", "https://a.*.com",
        "https://example.com/", "https://**.example.com", "*", "same-origin", "https://a b"}) {
    EXPECT_FALSE(Origin::Create({.allow = {entry}}).ok()) << entry;
  }
}

}  // namespace
}  // namespace hawser::filters::origin_test
