// The affinity cookie: a client returns to its backend, and only hawser decides which one that is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kKey[] = "0123456789abcdef0123456789abcdef";
constexpr char kOtherKey[] = "fedcba9876543210fedcba9876543210";

std::string Affinity(const std::string& keys, const std::string& more = "") {
  return "affinity: { cookie: { name: moor, ttl: 1h, keys: [ " + keys + " ]" + more + " } }";
}

// Three backends; one of them can be taken away and brought back at its address.
class AffinityTest : public testing::Test {
 protected:
  AffinityTest() {
    for (const std::string name : {"a", "b", "c"}) Start(name, "127.0.0.1:0");
  }

  void Start(const std::string& name, const std::string& address) {
    backends_[name] = std::make_unique<EchoBackend>(name, address);
    addresses_[name] = backends_[name]->address();
  }
  Config With(const std::string& keys) {
    return {.endpoints = {addresses_["a"], addresses_["b"], addresses_["c"]}, .cluster = {Affinity(keys)}};
  }
  // Joins with a cookie (none if empty), and says which backend answered.
  std::string JoinWith(HawserProcess& hawser, const std::string& cookie, std::string* set_cookie = nullptr) {
    Request request;
    if (!cookie.empty()) request.more = {{"Cookie", "before=1; moor=" + cookie + "; after=2"}};
    Head head;
    const Wire client = Join(hawser.listener(), request, &head);
    EXPECT_TRUE(client.open()) << head.raw;
    if (set_cookie != nullptr) *set_cookie = head.Value("Set-Cookie");
    return head.Value("X-Backend");
  }
  static std::string ValueOf(const std::string& set_cookie) {
    EXPECT_TRUE(set_cookie.starts_with("moor=")) << set_cookie;
    return set_cookie.substr(5, set_cookie.find(';') - 5);
  }

  std::map<std::string, std::unique_ptr<EchoBackend>> backends_;
  std::map<std::string, std::string> addresses_;
};

TEST_F(AffinityTest, TheCookieIsSetOnThe101WithItsAttributes) {
  HawserProcess hawser(With(kKey).Yaml());
  std::string cookie;
  JoinWith(hawser, "", &cookie);
  EXPECT_THAT(cookie, HasSubstr("Path=/"));
  EXPECT_THAT(cookie, HasSubstr("Max-Age=3600"));
  EXPECT_THAT(cookie, HasSubstr("HttpOnly"));
  EXPECT_THAT(cookie, HasSubstr("SameSite=Lax"));
  EXPECT_THAT(cookie, Not(HasSubstr("Secure")));  // the listener is plain
}

TEST_F(AffinityTest, AClientWithTheCookieStaysWithItsBackend) {
  HawserProcess hawser(With(kKey).Yaml(), 2);
  for (int i = 0; i < 6; ++i) {
    std::string cookie;
    const std::string backend = JoinWith(hawser, "", &cookie);
    for (int again = 0; again < 5; ++again) {
      std::string anew;
      EXPECT_EQ(JoinWith(hawser, ValueOf(cookie), &anew), backend);
      EXPECT_EQ(anew, "");
    }
  }
}

TEST_F(AffinityTest, TheCookieIsOpaque) {
  HawserProcess hawser(With(kKey).Yaml());
  std::string cookie;
  const std::string backend = JoinWith(hawser, "", &cookie);
  const std::string port = addresses_[backend].substr(addresses_[backend].find(':') + 1);
  EXPECT_THAT(cookie, Not(HasSubstr(port)));
  EXPECT_THAT(cookie, Not(HasSubstr("127.0.0.1")));
}

TEST_F(AffinityTest, AForgedCookieFallsBackAndIsSetAgain) {
  HawserProcess hawser(With(kKey).Yaml());
  std::string good;
  JoinWith(hawser, "", &good);
  const std::string value = ValueOf(good);
  std::vector<std::string> forged = {"x",
                                     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                     value + "A",
                                     value.substr(0, value.size() - 2),
                                     std::string(3000, 'A'),
                                     "127.0.0.1:80"};
  for (size_t i = 0; i < value.size(); ++i) {
    forged.push_back(value);
    forged.back()[i] = value[i] == 'A' ? 'B' : 'A';
  }
  std::map<std::string, int> seen;
  for (const std::string& cookie : forged) {
    std::string anew;
    ++seen[JoinWith(hawser, cookie, &anew)];
    ASSERT_NE(anew, "") << cookie << " was believed";
    EXPECT_NE(ValueOf(anew), "");
  }
  EXPECT_EQ(seen.size(), 3u);  // the policy, which is round robin, chose
}

TEST_F(AffinityTest, TwoHawsersWithTheSameKeyAgree) {
  HawserProcess first(With(kKey).Yaml());
  Config config = With(kKey);
  std::swap(config.endpoints[0], config.endpoints[2]);
  HawserProcess second(config.Yaml());
  for (int i = 0; i < 6; ++i) {
    std::string cookie;
    const std::string backend = JoinWith(first, "", &cookie);
    EXPECT_EQ(JoinWith(second, ValueOf(cookie)), backend);
  }
}

TEST_F(AffinityTest, ANewKeySignsWhileTheOldOneStillVerifies) {
  HawserProcess before(With(kKey).Yaml());
  HawserProcess during(With(std::string(kOtherKey) + ", " + kKey).Yaml());
  HawserProcess after(With(kOtherKey).Yaml());
  for (int i = 0; i < 6; ++i) {
    std::string old_cookie;
    std::string new_cookie;
    const std::string old_backend = JoinWith(before, "", &old_cookie);
    EXPECT_EQ(JoinWith(during, ValueOf(old_cookie)), old_backend);
    const std::string new_backend = JoinWith(during, "", &new_cookie);
    EXPECT_EQ(JoinWith(after, ValueOf(new_cookie)), new_backend);
  }
  std::string cookie;
  std::string anew;
  JoinWith(before, "", &cookie);
  JoinWith(after, ValueOf(cookie), &anew);
  EXPECT_NE(anew, "");
}

TEST_F(AffinityTest, ADeadTargetFallsBackAndTheCookieIsSetAgain) {
  HawserProcess hawser(With(kKey).Yaml());
  std::string cookie;
  const std::string backend = JoinWith(hawser, "", &cookie);
  backends_.erase(backend);
  std::string anew;
  const std::string other = JoinWith(hawser, ValueOf(cookie), &anew);
  EXPECT_NE(other, backend);
  EXPECT_EQ(JoinWith(hawser, ValueOf(anew)), other);
}

TEST_F(AffinityTest, ABackendThatRestartsGetsItsClientsBack) {
  HawserProcess hawser(With(kKey).Yaml());
  Head head;
  Wire client = Join(hawser.listener(), {}, &head);
  const std::string backend = head.Value("X-Backend");
  backends_.erase(backend);
  EXPECT_EQ(ReadFrame(client).close_code(), 1001);
  Start(backend, addresses_[backend]);
  EXPECT_EQ(JoinWith(hawser, ValueOf(head.Value("Set-Cookie"))), backend);
}

TEST_F(AffinityTest, ARelayedResponseCarriesTheCookieBesideTheBackendsOwn) {
  OneBackend world({.cluster = {Affinity(kKey)}});
  Wire client = world.Connect();
  client.Send(Request{}.Text());
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("403 Forbidden", "no", {{"Set-Cookie", "own=1"}}));
  const std::vector<std::string> cookies = ReadHead(client).All("Set-Cookie");
  EXPECT_THAT(cookies, testing::UnorderedElementsAre("own=1", HasSubstr("moor=")));
}

TEST_F(AffinityTest, AResponseForSharedCachesCarriesNoCookie) {
  OneBackend world({.cluster = {Affinity(kKey)}});
  Wire client = world.Connect();
  Wire backend;
  for (const std::string control : {"public, max-age=60", "s-maxage=5", "max-age=60", "private"}) {
    client.Send(PlainGet("/"));
    if (!backend.open()) backend = world.backend().Accept();
    ReadHead(backend);
    backend.Send(Response("200 OK", "x", {{"Cache-Control", control}}));
    const Head head = ReadHead(client);
    ReadBody(client, head);
    EXPECT_EQ(head.Has("Set-Cookie"), control == "max-age=60" || control == "private") << control;
  }
}

TEST_F(AffinityTest, BehindAProxyThatEndsTlsTheCookieIsSecure) {
  OneBackend world({.listener = {"trusted_proxies: [ 127.0.0.1 ]"}, .cluster = {Affinity(kKey)}});
  const auto cookie = [&world](const Fields& more, const std::string& from) {
    return world.Open({.more = more}, {}, {.from = from}).response.Value("Set-Cookie");
  };
  EXPECT_THAT(cookie({{"X-Forwarded-Proto", "wss"}}, "127.0.0.1"), HasSubstr("; Secure"));
  EXPECT_THAT(cookie({}, "127.0.0.1"), Not(HasSubstr("Secure")));
  EXPECT_THAT(cookie({{"X-Forwarded-Proto", "wss"}}, "127.0.0.2"), Not(HasSubstr("Secure")));
}

TEST_F(AffinityTest, OfSeveralCookiesTheFirstThatVerifiesCounts) {
  HawserProcess hawser(With(kKey).Yaml());
  std::string cookie;
  const std::string backend = JoinWith(hawser, "", &cookie);
  for (int i = 0; i < 4; ++i) {
    std::string anew;
    EXPECT_EQ(JoinWith(hawser, "forged; moor=" + ValueOf(cookie), &anew), backend);
    EXPECT_EQ(anew, "");
  }
}

// Their names are made of the clusters': neither overwrites the other's in a browser.
TEST_F(AffinityTest, TwoClustersHaveTwoCookiesUnlessTheyAreNamed) {
  std::string yaml = With(kKey).Yaml();
  const size_t name = yaml.find("name: moor, ");
  yaml.replace(name, 12, "");
  const size_t cluster = yaml.find("  - name: backends");
  std::string other = yaml.substr(cluster);
  other.replace(other.find("backends"), 8, "others");
  const std::string route = "  - { match: { path_prefix: /other }, cluster: others }\n";
  yaml.insert(cluster, other + (other.ends_with('\n') ? "" : "\n"));
  yaml.insert(yaml.find("routes:\n") + 8, route);
  HawserProcess hawser(yaml);
  std::vector<std::string> names;
  for (const std::string target : {"/other", "/"}) {
    Head head;
    Join(hawser.listener(), {.target = target}, &head);
    const std::string cookie = head.Value("Set-Cookie");
    names.push_back(cookie.substr(0, cookie.find('=')));
    EXPECT_THAT(names.back(), testing::MatchesRegex("hawser-[0-9a-f]{8}"));
    EXPECT_THAT(hawser.AdminPage("/config_dump"), HasSubstr('"' + names.back() + '"'));
  }
  EXPECT_NE(names[0], names[1]);
}

TEST_F(AffinityTest, TheAttributesAreTheConfigurations) {
  Config config = With(kKey);
  config.cluster = {Affinity(kKey, ", path: /chat, same_site: None, secure: true, http_only: false")};
  HawserProcess hawser(config.Yaml());
  std::string cookie;
  JoinWith(hawser, "", &cookie);
  EXPECT_THAT(cookie, HasSubstr("Path=/chat"));
  EXPECT_THAT(cookie, HasSubstr("SameSite=None"));
  EXPECT_THAT(cookie, HasSubstr("Secure"));
  EXPECT_THAT(cookie, Not(HasSubstr("HttpOnly")));
}

TEST_F(AffinityTest, KeysMayStandInAFile) {
  Directory directory;
  Config config = With(kKey);
  config.cluster = {"affinity: { cookie: { name: moor, keys_file: " +
                    directory.Write("keys", std::string(kKey) + "\n") + " } }"};
  HawserProcess from_file(config.Yaml());
  HawserProcess inlined(With(kKey).Yaml());
  std::string cookie;
  const std::string backend = JoinWith(from_file, "", &cookie);
  EXPECT_EQ(JoinWith(inlined, ValueOf(cookie)), backend);
}

}  // namespace
}  // namespace hawser::integration
