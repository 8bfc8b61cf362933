#include "proxy/http/forwarded.h"

#include <array>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/http/request_id.h"

namespace hawser::http {
namespace {

net::IpAddress Ip(std::string_view text) {
  return *net::IpAddress::Parse(text);
}

class Forwarded : public testing::Test {
 protected:
  Forwarded() {
    head_.authority = "example.com";
    head_.headers.Add("Host", "example.com");
  }

  Peer Untrusted(std::string_view ip = "192.0.2.9") { return {.ip = Ip(ip), .trusted_proxies = blocks_}; }
  Peer Trusted(std::string_view ip = "10.0.0.1") {
    return {.ip = Ip(ip), .trusted = true, .tls = true, .trusted_proxies = blocks_};
  }

  void Set(const Peer& peer) { SetForwarded(head_, peer, "id-1", keep_); }
  std::string Field(std::string_view name) const {
    return std::string(head_.headers.Find(name).value_or("(none)"));
  }
  std::string Client(const Peer& peer) const {
    const auto client = ClientOf(head_.headers, peer);
    return client ? client->ToString() : "(none)";
  }

  const std::array<net::IpBlock, 2> blocks_ = {*net::IpBlock::Parse("10.0.0.0/8"),
                                               *net::IpBlock::Parse("2001:db8::/32")};
  RequestHead head_;
  Keep keep_;
  std::mt19937_64 random_{1};
};

TEST_F(Forwarded, ABareRequestGetsAllSix) {
  Set(Untrusted());
  EXPECT_EQ(Field("X-Forwarded-For"), "192.0.2.9");
  EXPECT_EQ(Field("X-Forwarded-Proto"), "http");
  EXPECT_EQ(Field("X-Forwarded-Host"), "example.com");
  EXPECT_EQ(Field("Forwarded"), "for=192.0.2.9;host=example.com;proto=http");
  EXPECT_EQ(Field("X-Request-Id"), "id-1");
  EXPECT_EQ(Field("Via"), "1.1 hawser");
}

TEST_F(Forwarded, WhatAnUntrustedPeerSaysIsDropped) {
  for (const char* name : {"X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-Host", "X-Forwarded-Port",
                           "X-Forwarded-Prefix", "Forwarded", "X-Request-Id", "X-Real-IP"}) {
    head_.headers.Add(name, "evil");
  }
  Set(Untrusted());
  for (const Header& header : head_.headers)
    EXPECT_EQ(header.value.find("evil"), std::string_view::npos) << header.name;
  EXPECT_EQ(Field("X-Forwarded-For"), "192.0.2.9");
  EXPECT_EQ(head_.headers.Count("X-Forwarded-Port"), 0u);
  EXPECT_EQ(head_.headers.Count("X-Real-IP"), 0u);
}

TEST_F(Forwarded, SpellingsWithUnderscoresAreDroppedFromEveryPeer) {
  for (const bool trusted : {false, true}) {
    head_.headers.Clear();
    for (const char* name : {"X_Forwarded_For", "X-Forwarded_For", "x_real_ip", "X_Request_Id", "X_Other"}) {
      head_.headers.Add(name, "evil");
    }
    Set(trusted ? Trusted() : Untrusted());
    EXPECT_EQ(head_.headers.size(), 7u);
    EXPECT_EQ(head_.headers.Count("X_Other"), 1u);
  }
}

TEST_F(Forwarded, ATrustedPeersListsAreAppendedTo) {
  head_.headers.Add("X-Forwarded-For", "198.51.100.7");
  head_.headers.Add("x-forwarded-for", "10.9.9.9");
  head_.headers.Add("Forwarded", "for=198.51.100.7");
  head_.headers.Add("Via", "1.1 edge");
  Set(Trusted());
  EXPECT_EQ(Field("X-Forwarded-For"), "198.51.100.7, 10.9.9.9, 10.0.0.1");
  EXPECT_EQ(head_.headers.Count("X-Forwarded-For"), 1u);
  EXPECT_EQ(Field("Forwarded"), "for=198.51.100.7, for=10.0.0.1;host=example.com;proto=https");
  EXPECT_EQ(Field("Via"), "1.1 edge, 1.1 hawser");
}

TEST_F(Forwarded, ATrustedPeersProtoAndHostAreKeptIfSound) {
  head_.headers.Add("X-Forwarded-Proto", "http");
  head_.headers.Add("X-Forwarded-Host", "public.example");
  head_.headers.Add("X-Real-IP", "198.51.100.7");
  Set(Trusted());
  EXPECT_EQ(Field("X-Forwarded-Proto"), "http");
  EXPECT_EQ(Field("X-Forwarded-Host"), "public.example");
  EXPECT_EQ(Field("X-Real-IP"), "198.51.100.7");
}

TEST_F(Forwarded, ATrustedPeersUnsoundProtoAndHostAreReplaced) {
  head_.headers.Add("X-Forwarded-Proto", "gopher");
  head_.headers.Add("X-Forwarded-Host", "a b");
  Set(Trusted());
  EXPECT_EQ(Field("X-Forwarded-Proto"), "https");
  EXPECT_EQ(Field("X-Forwarded-Host"), "example.com");
  head_.headers.Add("X-Forwarded-Proto", "http");
  Set(Trusted());
  EXPECT_EQ(Field("X-Forwarded-Proto"), "https");
  EXPECT_EQ(head_.headers.Count("X-Forwarded-Proto"), 1u);
}

TEST_F(Forwarded, AddressesAndHostsThatAreNoTokensAreQuoted) {
  head_.authority = "example.com:8443";
  Set(Untrusted("2001:db9::1"));
  EXPECT_EQ(Field("X-Forwarded-For"), "2001:db9::1");
  EXPECT_EQ(Field("Forwarded"), R"(for="[2001:db9::1]";host="example.com:8443";proto=http)");
}

TEST_F(Forwarded, AUnixPeerIsUnknown) {
  Set(Peer{});
  EXPECT_EQ(head_.headers.Count("X-Forwarded-For"), 0u);
  EXPECT_EQ(Field("Forwarded"), "for=unknown;host=example.com;proto=http");
}

TEST_F(Forwarded, ARequestWithoutHostNamesNone) {
  head_.authority = "";
  head_.version = Version::kHttp10;
  head_.headers.Add("X-Forwarded-Host", "evil");
  Set(Untrusted());
  EXPECT_EQ(head_.headers.Count("X-Forwarded-Host"), 0u);
  EXPECT_EQ(Field("Forwarded"), "for=192.0.2.9;proto=http");
  EXPECT_EQ(Field("Via"), "1.0 hawser");
}

TEST_F(Forwarded, TheClientOfAnUntrustedPeerIsThePeer) {
  head_.headers.Add("X-Forwarded-For", "1.2.3.4");
  EXPECT_EQ(Client(Untrusted()), "192.0.2.9");
  EXPECT_EQ(Client(Peer{}), "(none)");
}

TEST_F(Forwarded, TheClientIsTheRightmostThatIsNotTrusted) {
  head_.headers.Add("X-Forwarded-For", "1.1.1.1, 198.51.100.7, 10.2.2.2");
  head_.headers.Add("X-Forwarded-For", "2001:db8::5 , 10.3.3.3");
  EXPECT_EQ(Client(Trusted()), "198.51.100.7");
}

TEST_F(Forwarded, IfAllAreTrustedTheClientIsTheFirst) {
  head_.headers.Add("X-Forwarded-For", "10.1.1.1, 10.2.2.2");
  EXPECT_EQ(Client(Trusted()), "10.1.1.1");
  head_.headers.Clear();
  EXPECT_EQ(Client(Trusted()), "10.0.0.1");
}

TEST_F(Forwarded, AnEntryThatIsNoAddressEndsTheSearch) {
  for (const char* entry :
       {"unknown", "", "1.2.3", "1.2.3.4.5", "1.2.3.4 5", "[::1", "1.2.3.4:99999", "evil.example", "_x"}) {
    head_.headers.Set("X-Forwarded-For", keep_(std::string("203.0.113.1, ") + entry + ", 10.2.2.2"));
    EXPECT_EQ(Client(Trusted()), "10.2.2.2") << entry;
  }
}

TEST_F(Forwarded, AnEntryMayHaveAPort) {
  head_.headers.Set("X-Forwarded-For", "198.51.100.7:4711");
  EXPECT_EQ(Client(Trusted()), "198.51.100.7");
  head_.headers.Set("X-Forwarded-For", "[2001:db9::7]:4711");
  EXPECT_EQ(Client(Trusted()), "2001:db9::7");
  head_.headers.Set("X-Forwarded-For", "[2001:db9::7]");
  EXPECT_EQ(Client(Trusted()), "2001:db9::7");
  head_.headers.Set("X-Forwarded-For", "2001:db9::7");
  EXPECT_EQ(Client(Trusted()), "2001:db9::7");
}

TEST_F(Forwarded, ATrustedUnixPeerTellsTheClient) {
  head_.headers.Add("X-Forwarded-For", "198.51.100.7");
  EXPECT_EQ(Client(Peer{.trusted = true}), "198.51.100.7");
}

TEST_F(Forwarded, ATrustedPeersRequestIdIsKeptIfSound) {
  head_.headers.Set("X-Request-Id", "abc-123");
  EXPECT_EQ(RequestIdOf(head_.headers, Trusted(), random_), "abc-123");
  EXPECT_NE(RequestIdOf(head_.headers, Untrusted(), random_), "abc-123");
  for (const std::string& id :
       {std::string(), std::string("a b"), std::string("a\xc3\xa4"), std::string(129, 'a')}) {
    head_.headers.Set("X-Request-Id", id);
    EXPECT_EQ(RequestIdOf(head_.headers, Trusted(), random_).size(), 36u) << id;
  }
  head_.headers.Set("X-Request-Id", keep_(std::string(128, 'a')));
  EXPECT_EQ(RequestIdOf(head_.headers, Trusted(), random_).size(), 128u);
  head_.headers.Add("X-Request-Id", "another");
  EXPECT_EQ(RequestIdOf(head_.headers, Trusted(), random_).size(), 36u);
}

TEST(RequestId, IsAVersionFourUuid) {
  std::mt19937_64 random(7);
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = GenerateRequestId(random);
    EXPECT_THAT(id,
                testing::MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
    EXPECT_TRUE(ids.insert(id).second);
  }
}

}  // namespace
}  // namespace hawser::http
