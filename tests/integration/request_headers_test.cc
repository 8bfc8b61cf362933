// What a backend sees of a client's request: hop-by-hop fields gone, forwarded fields set by hawser.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

const std::vector<std::string> kTrustLoopback = {"trusted_proxies: [ 127.0.0.0/8 ]"};

TEST(RequestHeaders, TheUpgradeIsRebuiltAndAllElsePassesAsItCame) {
  OneBackend world;
  const Tunnel tunnel = world.Open({.target = "/chat/1?room=a%20b&x=1",
                                    .connection = "keep-alive, Upgrade",
                                    .upgrade = "WebSocket",
                                    .more = {{"Origin", "https://hawser.test"},
                                             {"Cookie", "a=1; b=2"},
                                             {"X-Twice", "one"},
                                             {"X-Twice", "two"},
                                             {"Authorization", "Bearer token"}}});
  EXPECT_EQ(tunnel.request.first_line, "GET /chat/1?room=a%20b&x=1 HTTP/1.1");
  EXPECT_EQ(tunnel.request.Value("Host"), "hawser.test");
  EXPECT_EQ(tunnel.request.Value("Connection"), "Upgrade");
  EXPECT_EQ(tunnel.request.Value("Upgrade"), "websocket");
  EXPECT_EQ(tunnel.request.Value("Sec-WebSocket-Version"), "13");
  EXPECT_EQ(tunnel.request.Value("Sec-WebSocket-Key"), kSampleKey);
  EXPECT_EQ(tunnel.request.Value("Origin"), "https://hawser.test");
  EXPECT_EQ(tunnel.request.Value("Cookie"), "a=1; b=2");
  EXPECT_EQ(tunnel.request.Value("Authorization"), "Bearer token");
  EXPECT_THAT(tunnel.request.All("X-Twice"), ElementsAre("one", "two"));
}

// RFC 9110 §4.2.3: the path that an absolute target lacks is "/".
TEST(RequestHeaders, AnAbsoluteTargetWithAQueryAndNoPathGetsItsSlash) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send("GET http://hawser.test?x=1 HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n");
  Wire backend = world.backend().Accept();
  const Head request = ReadHead(backend);
  EXPECT_EQ(request.first_line, "GET /?x=1 HTTP/1.1");
  EXPECT_EQ(request.Value("Host"), "hawser.test");
  backend.Send(Response("200 OK", "ok"));
  EXPECT_EQ(ReadHead(client).status(), 200);
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_EQ(line["path"], "/");
  EXPECT_EQ(line["query"], "x=1");
}

TEST(RequestHeaders, WhatConnectionNominatesIsDropped) {
  OneBackend world;
  const Tunnel tunnel = world.Open({.connection = "Upgrade, X-Secret-Hop, keep-alive",
                                    .more = {{"X-Secret-Hop", "1"},
                                             {"Keep-Alive", "timeout=5"},
                                             {"Proxy-Connection", "keep-alive"},
                                             {"TE", "trailers"},
                                             {"Proxy-Authorization", "Basic x"},
                                             {"X-Kept", "1"}}});
  EXPECT_FALSE(tunnel.request.Has("X-Secret-Hop"));
  EXPECT_FALSE(tunnel.request.Has("Keep-Alive"));
  EXPECT_FALSE(tunnel.request.Has("Proxy-Connection"));
  EXPECT_FALSE(tunnel.request.Has("TE"));
  EXPECT_EQ(tunnel.request.Value("Connection"), "Upgrade");
  EXPECT_EQ(tunnel.request.Value("X-Kept"), "1");
}

TEST(RequestHeaders, NominatingAFieldThatTheHandshakeNeedsDoesNotRemoveIt) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(Request{.connection = "Upgrade, Host, Sec-WebSocket-Key, X-Forwarded-For"}.Text());
  // Both are correct: refused, or forwarded as a whole.
  ASSERT_TRUE(Eventually([&] { return world.backend().contacted() || client.HasInput(); }));
  if (client.HasInput()) {
    EXPECT_EQ(ReadHead(client).status(), 400);
    return;
  }
  Wire backend = world.backend().Accept();
  const Head request = ReadHead(backend);
  EXPECT_EQ(request.Value("Host"), "hawser.test");
  EXPECT_EQ(request.Value("Sec-WebSocket-Key"), kSampleKey);
  EXPECT_EQ(request.Value("X-Forwarded-For"), "127.0.0.1");
}

TEST(RequestHeaders, ForwardingFieldsAreSet) {
  OneBackend world;
  const Tunnel tunnel = world.Open();
  EXPECT_EQ(tunnel.request.Value("X-Forwarded-For"), "127.0.0.1");
  EXPECT_EQ(tunnel.request.Value("X-Forwarded-Proto"), "http");
  EXPECT_EQ(tunnel.request.Value("X-Forwarded-Host"), "hawser.test");
  EXPECT_THAT(tunnel.request.Value("Forwarded"), HasSubstr("for="));
  EXPECT_THAT(tunnel.request.Value("Forwarded"), HasSubstr("127.0.0.1"));
  EXPECT_THAT(tunnel.request.Value("Forwarded"), HasSubstr("proto=http"));
  EXPECT_THAT(tunnel.request.Value("Via"), MatchesRegex("1\\.1 hawser-[0-9a-f]{8}"));
  EXPECT_EQ(":" + tunnel.request.Value("X-Forwarded-Port"), world.hawser().listener().substr(9));
  EXPECT_FALSE(tunnel.request.Has("X-Real-IP"));
  EXPECT_GE(tunnel.request.Value("X-Request-Id").size(), 16u);
}

TEST(RequestHeaders, ForwardingFieldsOfUntrustedPeersAreReplaced) {
  OneBackend world;
  const Tunnel tunnel = world.Open({.more = {{"X-Forwarded-For", "203.0.113.9"},
                                             {"X-Forwarded-Proto", "https"},
                                             {"X-Forwarded-Host", "evil.test"},
                                             {"X-Forwarded-Port", "1"},
                                             {"X-Real-IP", "203.0.113.9"},
                                             {"Forwarded", "for=203.0.113.9;proto=https"},
                                             {"X-Request-Id", "chosen-outside"}}});
  EXPECT_EQ(tunnel.request.Value("X-Forwarded-For"), "127.0.0.1");
  EXPECT_EQ(tunnel.request.Value("X-Forwarded-Proto"), "http");
  EXPECT_EQ(tunnel.request.Value("X-Forwarded-Host"), "hawser.test");
  EXPECT_NE(tunnel.request.Value("X-Forwarded-Port"), "1");
  EXPECT_FALSE(tunnel.request.Has("X-Real-IP"));
  EXPECT_THAT(tunnel.request.Value("Forwarded"), Not(HasSubstr("203.0.113.9")));
  EXPECT_NE(tunnel.request.Value("X-Request-Id"), "chosen-outside");
}

TEST(RequestHeaders, ATrustedProxysForwardingFieldsAreContinued) {
  OneBackend world({.listener = kTrustLoopback});
  Tunnel tunnel = world.Open({.more = {{"X-Forwarded-For", "203.0.113.9"},
                                       {"X-Forwarded-Proto", "https"},
                                       {"X-Forwarded-Host", "public.test"},
                                       {"X-Request-Id", "from-the-edge"}}});
  EXPECT_EQ(tunnel.request.Value("X-Forwarded-For"), "203.0.113.9, 127.0.0.1");
  EXPECT_EQ(tunnel.request.Value("X-Forwarded-Proto"), "https");
  EXPECT_EQ(tunnel.request.Value("X-Forwarded-Host"), "public.test");
  EXPECT_EQ(tunnel.request.Value("X-Request-Id"), "from-the-edge");
  tunnel.client.Close();
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_THAT(line["client"], HasSubstr("203.0.113.9"));
  EXPECT_EQ(line["request_id"], "from-the-edge");
}

TEST(RequestHeaders, ForwardedIsMadeFromATrustedProxysXForwardedFields) {
  OneBackend world({.listener = kTrustLoopback});
  const Tunnel tunnel = world.Open({.more = {{"X-Forwarded-For", "203.0.113.9"},
                                             {"X-Forwarded-Proto", "wss, ws"},
                                             {"X-Forwarded-Host", "public.test"},
                                             {"Forwarded", "for=198.51.100.66;proto=http"}}});
  EXPECT_EQ(tunnel.request.Value("X-Forwarded-Proto"), "https");
  EXPECT_EQ(tunnel.request.Value("X-Forwarded-Port"), "443");
  EXPECT_EQ(tunnel.request.Value("Forwarded"),
            "for=203.0.113.9;host=public.test;proto=https, for=127.0.0.1;host=hawser.test;proto=http");
}

TEST(RequestHeaders, ATrustedProxyMaySpeakForwardedAlone) {
  OneBackend world({.listener = kTrustLoopback});
  Tunnel tunnel = world.Open({.more = {{"Forwarded", "for=203.0.113.9;proto=https;host=public.test"}}});
  EXPECT_EQ(tunnel.request.Value("X-Forwarded-For"), "203.0.113.9, 127.0.0.1");
  EXPECT_EQ(tunnel.request.Value("X-Forwarded-Proto"), "https");
  EXPECT_EQ(tunnel.request.Value("X-Forwarded-Host"), "public.test");
  tunnel.client.Close();
  EXPECT_THAT(world.hawser().WaitForLog()["client"], HasSubstr("203.0.113.9"));
}

TEST(RequestHeaders, XRealIpIsSentWhereItIsAskedFor) {
  OneBackend world({.listener = {kTrustLoopback[0], "forwarded: { x_real_ip: true }"}});
  const Fields fields = {{"X-Forwarded-For", "203.0.113.9"}, {"X-Real-IP", "198.51.100.66"}};
  EXPECT_EQ(world.Open({.more = fields}).request.Value("X-Real-IP"), "203.0.113.9");
  EXPECT_EQ(world.Open().request.Value("X-Real-IP"), "127.0.0.1");
}

TEST(RequestHeaders, APeerOnAUnixSocketIsTrustedOnlyWhereUnixIs) {
  for (const bool trusted : {true, false}) {
    Directory directory;
    const std::string address = "unix:" + directory.File("edge.sock");
    OneBackend world({.listener = {trusted ? "trusted_proxies: [ unix ]" : "trusted_proxies: [ 0.0.0.0/0 ]"},
                      .address = address});
    Wire client = Wire::Connect(address);
    client.Send(PlainGet("/", {{"X-Forwarded-For", "203.0.113.9"}, {"X-Forwarded-Proto", "https"}}));
    Wire backend = world.backend().Accept();
    const Head request = ReadHead(backend);
    EXPECT_EQ(request.Value("X-Forwarded-For"), trusted ? "203.0.113.9" : "");
    EXPECT_EQ(request.Value("X-Forwarded-Proto"), trusted ? "https" : "http");
    backend.Send(Response("200 OK", "x"));
    ReadBody(client, ReadHead(client));
    EXPECT_EQ(world.hawser().WaitForLog()["client"], trusted ? "203.0.113.9" : "unix");
  }
}

TEST(RequestHeaders, BehindTrustedProxiesTheClientIsTheLastAddressThatIsNotOneOfThem) {
  OneBackend world({.listener = kTrustLoopback});
  Tunnel tunnel = world.Open({.more = {{"X-Forwarded-For", "198.51.100.1, 203.0.113.9, 127.0.0.5"}}});
  tunnel.client.Close();
  EXPECT_THAT(world.hawser().WaitForLog()["client"], HasSubstr("203.0.113.9"));
}

TEST(RequestHeaders, TheRequestIdOfTheLogIsTheBackends) {
  OneBackend world;
  Tunnel tunnel = world.Open();
  tunnel.client.Close();
  EXPECT_EQ(world.hawser().WaitForLog()["request_id"], tunnel.request.Value("X-Request-Id"));
}

TEST(RequestHeaders, SubprotocolsPassBothWays) {
  OneBackend world;
  const Tunnel tunnel = world.Open({.more = {{"Sec-WebSocket-Protocol", "chat.v2, chat.v1"}}},
                                   {{"Sec-WebSocket-Protocol", "chat.v1"}, {"X-From-Backend", "yes"}});
  EXPECT_EQ(tunnel.request.Value("Sec-WebSocket-Protocol"), "chat.v2, chat.v1");
  EXPECT_EQ(tunnel.response.Value("Sec-WebSocket-Protocol"), "chat.v1");
  EXPECT_EQ(tunnel.response.Value("Sec-WebSocket-Accept"), kSampleAccept);
  EXPECT_EQ(tunnel.response.Value("X-From-Backend"), "yes");
}

TEST(RequestHeaders, ExtensionsPassBothWaysAndTheirBitWithThem) {
  OneBackend world;
  const std::string offer = "permessage-deflate; client_max_window_bits, x-other";
  Tunnel tunnel =
      world.Open({.more = {{"Sec-WebSocket-Extensions", offer}}},
                 {{"Sec-WebSocket-Extensions", "permessage-deflate; server_no_context_takeover"}});
  EXPECT_EQ(tunnel.request.Value("Sec-WebSocket-Extensions"), offer);
  EXPECT_EQ(tunnel.response.Value("Sec-WebSocket-Extensions"),
            "permessage-deflate; server_no_context_takeover");
  const Frame compressed{.opcode = kText, .payload = "\xf2\x48\xcd\xc9\xc9\x07", .reserved = 0x40};
  tunnel.client.Send(EncodeMasked(compressed));
  Frame seen = ReadFrame(tunnel.backend);
  EXPECT_EQ(seen.payload, compressed.payload);
  EXPECT_EQ(seen.reserved, 0x40);
  tunnel.backend.Send(Encode(compressed));
  EXPECT_EQ(ReadFrame(tunnel.client), compressed);
}

}  // namespace
}  // namespace hawser::integration
