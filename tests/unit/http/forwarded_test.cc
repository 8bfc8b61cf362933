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

  Peer Untrusted(std::string_view ip = "192.0.2.9") {
    return {.ip = Ip(ip), .port = "8080", .trusted_proxies = blocks_};
  }
  Peer Trusted(std::string_view ip = "10.0.0.1") {
    return {.ip = Ip(ip), .trusted = true, .tls = true, .port = "8443", .trusted_proxies = blocks_};
  }
  // A proxy that ends TLS ahead of a plain listener.
  Peer Plain() {
    Peer peer = Trusted();
    peer.tls = false;
    return peer;
  }
  Peer Unix() { return {.trusted = true, .trusted_proxies = blocks_}; }

  Forwarding Set(const Peer& peer) { return SetForwarded(head_, peer, via_, random_, arena_); }
  std::string Field(std::string_view name) const {
    EXPECT_LE(head_.headers.Count(name), 1u) << name;
    return std::string(head_.headers.Find(name).value_or("(none)"));
  }
  // Of the head as it stands, which is not changed.
  Forwarding Try(const Peer& peer) {
    RequestHead head = head_;
    return SetForwarded(head, peer, via_, random_, arena_);
  }
  std::string Client(const Peer& peer) {
    const auto client = Try(peer).client;
    return client ? client->ToString() : "(none)";
  }
  // What one field becomes behind a trusted proxy that sends nothing else.
  std::string Become(std::string_view name, std::string_view value) {
    head_.headers.Clear();
    head_.headers.Add(name, value);
    Set(Plain());
    return Field(name);
  }

  const std::array<net::PeerBlock, 2> blocks_ = {*net::PeerBlock::Parse("10.0.0.0/8"),
                                                 *net::PeerBlock::Parse("2001:db8::/32")};
  const Via via_{0x5f3a9c01};
  RequestHead head_;
  TextArena arena_;
  std::mt19937_64 random_{1};
};

// A client behind a trusted proxy that appends to what the client itself sent.
TEST_F(Forwarded, AnUnclosedQuoteHidesNoAddress) {
  for (const std::string_view value : {"for=6.6.6.6;x=\", for=1.2.3.4", "for=\", for=1.2.3.4",
                                       "for=6.6.6.6;proto=https;host=evil.test;x=\"\\\", for=1.2.3.4",
                                       "for=6.6.6.6;x=\", for=1.2.3.4, for=\"[2001:db8::7]\""}) {
    head_.headers.Clear();
    head_.headers.Add("Forwarded", value);
    EXPECT_EQ(Client(Plain()), "1.2.3.4") << value;
    Set(Plain());
    EXPECT_TRUE(Field("Forwarded").starts_with("for=unknown, for=1.2.3.4")) << Field("Forwarded");
    EXPECT_EQ(Field("X-Forwarded-Proto"), "http") << value;
    EXPECT_EQ(Field("X-Forwarded-For").find("6.6.6.6"), std::string::npos) << value;
  }
}

TEST_F(Forwarded, AQuoteThatIsNotClosedDoesNotReachTheNextField) {
  head_.headers.Add("Forwarded", "for=6.6.6.6;proto=https;x=\"");
  head_.headers.Add("Forwarded", "for=1.2.3.4");
  EXPECT_EQ(Client(Plain()), "1.2.3.4");
  Set(Plain());
  EXPECT_TRUE(Field("Forwarded").starts_with("for=unknown, for=1.2.3.4, for=10.0.0.1")) << Field("Forwarded");
}

TEST_F(Forwarded, ABareRequestGetsThemAll) {
  const Forwarding result = Set(Untrusted());
  EXPECT_EQ(Field("X-Forwarded-For"), "192.0.2.9");
  EXPECT_EQ(Field("X-Forwarded-Proto"), "http");
  EXPECT_EQ(Field("X-Forwarded-Host"), "example.com");
  EXPECT_EQ(Field("X-Forwarded-Port"), "8080");
  EXPECT_EQ(Field("Forwarded"), "for=192.0.2.9;host=example.com;proto=http");
  EXPECT_EQ(Field("X-Request-Id"), result.request_id);
  EXPECT_EQ(Field("Via"), "1.1 hawser-5f3a9c01");
  EXPECT_EQ(Field("X-Real-IP"), "(none)");
}

TEST_F(Forwarded, FieldsOfAnUntrustedPeerAreDropped) {
  for (const char* name :
       {"X-Forwarded-For", "x-forwarded-proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Forwarded-Prefix",
        "X-Forwarded-Ssl", "X-Forwarded", "Forwarded", "X-Request-Id", "X-Real-IP", "x-real-ip"}) {
    head_.headers.Add(name, "evil");
  }
  Set(Untrusted());
  for (const Header& header : head_.headers)
    EXPECT_EQ(header.value.find("evil"), std::string_view::npos) << header.name;
  EXPECT_EQ(Field("X-Forwarded-For"), "192.0.2.9");
  EXPECT_EQ(Field("X-Forwarded-Port"), "8080");
  EXPECT_EQ(Field("X-Real-IP"), "(none)");
}

TEST_F(Forwarded, SpellingsWithUnderscoresAreDroppedFromEveryPeer) {
  for (const bool trusted : {false, true}) {
    head_.headers.Clear();
    for (const char* name : {"X_Forwarded_For", "X-Forwarded_For", "x_real_ip", "X_Request_Id", "X_Other"}) {
      head_.headers.Add(name, "evil");
    }
    Set(trusted ? Trusted() : Untrusted());
    EXPECT_EQ(head_.headers.size(), 8u);
    EXPECT_EQ(head_.headers.Count("X_Other"), 1u);
  }
}

TEST_F(Forwarded, ATrustedPeersListsAreContinued) {
  head_.headers.Add("X-Forwarded-For", "198.51.100.7,,");
  head_.headers.Add("x-forwarded-for", " ,10.9.9.9");
  head_.headers.Add("Via", "1.1 edge,,");
  Set(Trusted());
  EXPECT_EQ(Field("X-Forwarded-For"), "198.51.100.7, 10.9.9.9, 10.0.0.1");
  EXPECT_EQ(Field("Via"), "1.1 edge, 1.1 hawser-5f3a9c01");
}

TEST_F(Forwarded, ATrustedPeersProtoIsReadInAnyCaseAndAsAList) {
  for (const char* value :
       {"https", "HTTPS", "wss", "Wss", "https, http", "https,https", ", https", " wss , ws"})
    EXPECT_EQ(Become("X-Forwarded-Proto", value), "https") << value;
  for (const char* value :
       {"http", "ws", "HTTP, https", "ws,wss", "gopher", "gopher, https", "\"https\"", ","})
    EXPECT_EQ(Become("X-Forwarded-Proto", value), "http") << value;
}

TEST_F(Forwarded, OfFieldsGivenTwiceTheFirstCounts) {
  head_.headers.Add("X-Forwarded-Proto", "");
  head_.headers.Add("X-Forwarded-Proto", "https");
  head_.headers.Add("X-Forwarded-Proto", "http");
  head_.headers.Add("X-Forwarded-Host", "public.example, inner.example");
  head_.headers.Add("X-Forwarded-Host", "other.example");
  head_.headers.Add("X-Forwarded-Port", "8444,9000");
  head_.headers.Add("X-Forwarded-Port", "1");
  Set(Plain());
  EXPECT_EQ(Field("X-Forwarded-Proto"), "https");
  EXPECT_EQ(Field("X-Forwarded-Host"), "public.example");
  EXPECT_EQ(Field("X-Forwarded-Port"), "8444");
}

TEST_F(Forwarded, ATrustedPeersUnsoundProtoHostAndPortAreReplaced) {
  head_.headers.Add("X-Forwarded-Proto", "gopher");
  head_.headers.Add("X-Forwarded-Host", "a b");
  for (const char* port : {"0", "65536", "-1", "80x", "+80", "0x50"}) {
    head_.headers.Set("X-Forwarded-Port", port);
    RequestHead head = head_;
    SetForwarded(head, Trusted(), via_, random_, arena_);
    EXPECT_EQ(head.headers.Find("X-Forwarded-Port"), "443") << port;
  }
  Set(Trusted());
  EXPECT_EQ(Field("X-Forwarded-Proto"), "https");
  EXPECT_EQ(Field("X-Forwarded-Host"), "example.com");
}

// The listener's port together with another scheme and host would make a wrong URL.
TEST_F(Forwarded, APortThatATrustedPeerLeavesOutIsTheOneThatItsOtherFieldsImply) {
  EXPECT_EQ(Become("X-Forwarded-Port", "8443"), "8443");
  const std::vector<std::array<const char*, 3>> rows = {
      {"X-Forwarded-Proto", "https", "443"},
      {"X-Forwarded-Proto", "http", "80"},
      {"X-Forwarded-Host", "public.example:8444", "8444"},
      {"X-Forwarded-Host", "[2001:db8::1]", "80"},
      {"Forwarded", "for=203.0.113.7;proto=https", "443"},
      {"X-Forwarded-For", "203.0.113.7", "8443"},
  };
  for (const auto& [name, value, port] : rows) {
    Become(name, value);
    EXPECT_EQ(Field("X-Forwarded-Port"), port) << name << ": " << value;
  }
}

TEST_F(Forwarded, WhereOnlyXForwardedCameForwardedIsMadeFromIt) {
  head_.headers.Add("X-Forwarded-For", "203.0.113.7, 2001:db8::5, what");
  head_.headers.Add("X-Forwarded-Proto", "wss");
  head_.headers.Add("X-Forwarded-Host", "shop.example:8443");
  Set(Plain());
  EXPECT_EQ(Field("Forwarded"),
            "for=203.0.113.7;host=\"shop.example:8443\";proto=https, for=\"[2001:db8::5]\", for=unknown, "
            "for=10.0.0.1;host=example.com;proto=http");
}

TEST_F(Forwarded, AProxyThatSendsNoAddressIsItselfTheFirst) {
  head_.headers.Add("X-Forwarded-Proto", "https");
  Set(Plain());
  EXPECT_EQ(Field("Forwarded"), "for=10.0.0.1;host=example.com;proto=https");
}

// Many proxies set X-Forwarded-* and forward the Forwarded of their client, which may be forged.
TEST_F(Forwarded, WhereBothCameXForwardedCounts) {
  head_.headers.Add("Forwarded", "for=198.51.100.66;host=evil.example;proto=http");
  head_.headers.Add("X-Forwarded-For", "203.0.113.7");
  head_.headers.Add("X-Forwarded-Proto", "https");
  EXPECT_EQ(Client(Plain()), "203.0.113.7");
  Set(Plain());
  EXPECT_EQ(Field("Forwarded"),
            "for=203.0.113.7;host=example.com;proto=https, for=10.0.0.1;host=example.com;proto=http");
}

TEST_F(Forwarded, WhereOnlyForwardedCameXForwardedIsMadeFromIt) {
  head_.headers.Add("Forwarded",
                    R"(for="[2001:db9::7]:4711";proto=HTTPS;host="shop.example:8443",, for=_hidden)");
  head_.headers.Add("Forwarded", "For=10.1.1.1;by=10.1.1.2");
  EXPECT_EQ(Client(Plain()), "10.1.1.1") << "an entry that is no address ends the search";
  Set(Plain());
  EXPECT_EQ(Field("X-Forwarded-For"), "2001:db9::7, _hidden, 10.1.1.1, 10.0.0.1");
  EXPECT_EQ(Field("X-Forwarded-Proto"), "https");
  EXPECT_EQ(Field("X-Forwarded-Host"), "shop.example:8443");
  EXPECT_EQ(Field("X-Forwarded-Port"), "8443");
  EXPECT_EQ(Field("Forwarded"),
            R"(for="[2001:db9::7]:4711";proto=HTTPS;host="shop.example:8443", for=_hidden, )"
            "For=10.1.1.1;by=10.1.1.2, for=10.0.0.1;host=example.com;proto=http");
}

TEST_F(Forwarded, AnElementWithoutANodeHidesWhatStandsBeforeIt) {
  head_.headers.Add("Forwarded", "for=198.51.100.66, proto=https");
  EXPECT_EQ(Client(Plain()), "10.0.0.1");
  head_.headers.Set("Forwarded", "proto=https, for=203.0.113.7");
  EXPECT_EQ(Client(Plain()), "203.0.113.7");
  Set(Plain());
  EXPECT_EQ(Field("X-Forwarded-For"), "203.0.113.7, 10.0.0.1");
}

TEST_F(Forwarded, AnEmptyForwardedIsReplaced) {
  for (const char* value : {"", ",", "nonsense", "for", "for=\"203.0.113.7", "=203.0.113.7", "for=\"a\"b"}) {
    EXPECT_EQ(Become("Forwarded", value), "for=10.0.0.1;host=example.com;proto=http") << value;
    EXPECT_EQ(Field("X-Forwarded-For"), "10.0.0.1") << value;
  }
}

TEST_F(Forwarded, AddressesAndHostsThatAreNoTokensAreQuoted) {
  head_.authority = "example.com:8443";
  Set(Untrusted("2001:db9::1"));
  EXPECT_EQ(Field("X-Forwarded-For"), "2001:db9::1");
  EXPECT_EQ(Field("Forwarded"), R"(for="[2001:db9::1]";host="example.com:8443";proto=http)");
}

TEST_F(Forwarded, AUnixPeerIsUnknown) {
  head_.headers.Add("X-Forwarded-For", "203.0.113.7");
  Set(Peer{});
  EXPECT_EQ(Field("X-Forwarded-For"), "(none)");
  EXPECT_EQ(Field("X-Forwarded-Port"), "(none)");
  EXPECT_EQ(Field("Forwarded"), "for=unknown;host=example.com;proto=http");
}

TEST_F(Forwarded, ATrustedUnixPeerNamesTheClient) {
  head_.headers.Add("X-Forwarded-For", "198.51.100.7, 10.2.2.2");
  head_.headers.Add("X-Forwarded-Proto", "https");
  EXPECT_EQ(Client(Unix()), "198.51.100.7");
  Set(Unix());
  EXPECT_EQ(Field("X-Forwarded-For"), "198.51.100.7, 10.2.2.2");
  EXPECT_EQ(Field("Forwarded"), "for=198.51.100.7;host=example.com;proto=https, for=10.2.2.2");
  EXPECT_EQ(Field("X-Forwarded-Port"), "443");
}

TEST_F(Forwarded, ARequestWithoutHostNamesNone) {
  head_.authority = "";
  head_.version = Version::kHttp10;
  head_.headers.Add("X-Forwarded-Host", "evil");
  Set(Untrusted());
  EXPECT_EQ(Field("X-Forwarded-Host"), "(none)");
  EXPECT_EQ(Field("Forwarded"), "for=192.0.2.9;proto=http");
  EXPECT_EQ(Field("Via"), "1.0 hawser-5f3a9c01");
}

TEST_F(Forwarded, XRealIpIsTheClientWhereItIsAskedFor) {
  Peer peer = Trusted();
  head_.headers.Add("X-Real-IP", "198.51.100.66");
  head_.headers.Add("X-Forwarded-For", "203.0.113.7");
  RequestHead head = head_;
  SetForwarded(head, peer, via_, random_, arena_);
  EXPECT_EQ(head.headers.Find("X-Real-IP"), "198.51.100.66");
  peer.send_real_ip = true;
  Set(peer);
  EXPECT_EQ(Field("X-Real-IP"), "203.0.113.7");
  Peer direct = Untrusted();
  direct.send_real_ip = true;
  Set(direct);
  EXPECT_EQ(Field("X-Real-IP"), "192.0.2.9");
}

TEST_F(Forwarded, TheClientOfAnUntrustedPeerIsThePeer) {
  head_.headers.Add("X-Forwarded-For", "1.2.3.4");
  head_.headers.Add("Forwarded", "for=1.2.3.4");
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

TEST_F(Forwarded, EmptyElementsAreNoEntries) {
  head_.headers.Set("X-Forwarded-For", "203.0.113.1,, ,10.2.2.2,\t,");
  EXPECT_EQ(Client(Trusted()), "203.0.113.1");
}

TEST_F(Forwarded, AnEntryThatIsNoAddressEndsTheSearch) {
  for (const char* entry :
       {"unknown", "\"", "1.2.3", "1.2.3.4.5", "1.2.3.4 5", "[::1", "1.2.3.4:99999", "evil.example", "_x"}) {
    head_.headers.Set("X-Forwarded-For", arena_(std::string("203.0.113.1, ") + entry + ", 10.2.2.2"));
    EXPECT_EQ(Client(Trusted()), "10.2.2.2") << entry;
  }
}

TEST_F(Forwarded, AQuoteThatAClientOpensHidesNothingBehindIt) {
  head_.headers.Set("X-Forwarded-For", "\", 203.0.113.7, 10.2.2.2");
  EXPECT_EQ(Client(Trusted()), "203.0.113.7");
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

TEST_F(Forwarded, ATrustedPeersRequestIdIsKeptIfSound) {
  head_.headers.Set("X-Request-Id", "abc-123");
  EXPECT_EQ(Try(Trusted()).request_id, "abc-123");
  EXPECT_NE(Try(Untrusted()).request_id, "abc-123");
  for (const std::string& id :
       {std::string(), std::string("a b"), std::string("a\xc3\xa4"), std::string(129, 'a')}) {
    head_.headers.Set("X-Request-Id", id);
    EXPECT_EQ(Try(Trusted()).request_id.size(), 36u) << id;
  }
  head_.headers.Set("X-Request-Id", arena_(std::string(128, 'a')));
  head_.headers.Add("X-Request-Id", "another");
  EXPECT_EQ(Try(Trusted()).request_id.size(), 128u);
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
