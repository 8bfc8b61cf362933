// Ambiguous responses, and fields that could split one: hawser checks backends as strictly as clients.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using namespace std::string_literals;
using testing::HasSubstr;
using testing::Not;

const std::string kSecond = "HTTP/1.1 200 OK\r\nX-Evil: 1\r\nContent-Length: 0\r\n\r\n";

// A plain request that the backend answers with these bytes; all that the client then sees, and how it ends.
struct SeenResponse {
  Head head;
  std::string body;
  End end = End::kOpen;
};

SeenResponse Relayed(OneBackend& world, const std::string& bytes,
                     const std::string& request = PlainGet("/")) {
  Wire client = world.Connect();
  client.Send(request);
  {
    Wire backend = world.backend().Accept();
    ReadHead(backend);
    backend.Send(bytes);
    backend.ShutdownWrite();
    backend.ReadEnd();  // hawser ends it, sound or not: nothing of it may be used again
  }
  SeenResponse seen{.head = ReadHead(client), .body = {}};
  while (seen.head.status() / 100 == 1) seen.head = ReadHead(client);
  client.ShutdownWrite();
  seen.end = client.ReadEnd(&seen.body);
  return seen;
}

std::string ResponseWith(const std::string& fields) {
  return "HTTP/1.1 200 OK\r\nX-Evil: 1\r\n" + fields + "\r\n" + kSecond;
}

std::vector<std::string> BadHeads() {
  std::vector<std::string> heads = {
      ResponseWith("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n"),
      ResponseWith("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n"),
      ResponseWith("Content-Length: 6\r\nContent-Length: 5\r\n"),
      ResponseWith("Content-Length: 6\r\nContent-Length: 6\r\n"),
      ResponseWith("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
      ResponseWith("X: a\r\n folded\r\n"),
      ResponseWith("Content-Length:\r\n 6\r\n"),
      ResponseWith("Content-Length : 6\r\n"),
      ResponseWith(" X: a\r\n"),
      ResponseWith("X: a\0b\r\n"s),
      ResponseWith("X\0: a\r\n"s),
      ResponseWith("X: a\rSet-Cookie: b\r\n"),
      ResponseWith("X: a\nSet-Cookie: b\r\n"),
      ResponseWith("X: a\n"),
      ResponseWith("X\r\n"),
      ResponseWith(": a\r\n"),
      ResponseWith("X Y: a\r\n"),
      "HTTP/1.0 200 OK\r\nX-Evil: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "HTTP/1.1 200 OK\nX-Evil: 1\n\n",
      "HTTP/1.1 200 O\0K\r\nX-Evil: 1\r\n\r\n"s,
      "HTTP/1.1 200 OK\r\r\nX-Evil: 1\r\n\r\n",
      "HTTP/1.1 20 OK\r\nX-Evil: 1\r\n\r\n",
      "HTTP/1.1 2000 OK\r\nX-Evil: 1\r\n\r\n",
      "HTTP/1.1 099 OK\r\nX-Evil: 1\r\n\r\n",
      "HTTP/1.1  200 OK\r\nX-Evil: 1\r\n\r\n",
      "HTTP/2 200 OK\r\nX-Evil: 1\r\n\r\n",
      "HTTP/1.22 200 OK\r\nX-Evil: 1\r\n\r\n",
      "HTTP/2.0 200 OK\r\nX-Evil: 1\r\n\r\n",
      "ICY 200 OK\r\nX-Evil: 1\r\n\r\n",
      " HTTP/1.1 200 OK\r\nX-Evil: 1\r\n\r\n",
      "\r\n" + kSecond,
      "<html>X-Evil: 1</html>\r\n\r\n",
      ResponseWith("X: " + std::string(70'000, 'x') + "\r\n"),
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX-Evil: 1\r\nX : a\r\n\r\n",
  };
  for (const std::string value : {"6, 6", "+6", "-6", "0x6", "6 6", "six", "", "9223372036854775808",
                                  "99999999999999999999999999999999"}) {
    heads.push_back(ResponseWith("Content-Length: " + value + "\r\n"));
  }
  for (const std::string value :
       {"gzip", "gzip, chunked", "identity", "chunked, chunked", "xchunked", "\vchunked", ""}) {
    heads.push_back(ResponseWith("Transfer-Encoding: " + value + "\r\n"));
  }
  return heads;
}

TEST(ResponseSmuggling, AHeadThatIsNotExactlyOneThingGets502AndNothingOfItIsPassedOn) {
  OneBackend world;
  double rejects = 0;
  for (const std::string& bytes : BadHeads()) {
    SCOPED_TRACE(bytes.substr(0, 200));
    const SeenResponse seen = Relayed(world, bytes);
    EXPECT_EQ(seen.head.status(), 502) << seen.head.raw;
    EXPECT_THAT(seen.head.raw + seen.body, Not(HasSubstr("vil")));
    EXPECT_EQ(seen.end, End::kFin);
    EXPECT_TRUE(world.hawser().MetricIs("hawser_rejects_total", ++rejects, {"bad_backend_response"}));
  }
}

TEST(ResponseSmuggling, AnUnrequested101Gets502AndOpensNothing) {
  OneBackend world;
  const SeenResponse seen =
      Relayed(world, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n" +
                         kSecond);
  EXPECT_EQ(seen.head.status(), 502);
  EXPECT_THAT(seen.body, Not(HasSubstr("Evil")));
  EXPECT_TRUE(world.hawser().MetricIs("hawser_rejects_total", 1, {"bad_backend_upgrade"}));
}

// The status has gone to the client; that the body is not whole must show.
TEST(ResponseSmuggling, ABrokenBodyIsCutSoThatItDoesNotLookComplete) {
  OneBackend world;
  double rejects = 0;
  for (const std::string body :
       {"10000000000000000\r\nhello", "8000000000000000\r\nhello", "-1\r\nhello", "5 5\r\nhello\r\n0\r\n\r\n",
        "5;\r\nhello\r\n0\r\n\r\n", "5;a=\"b\r\nhello\r\n0\r\n\r\n", "g\r\n", "5\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n", "5;a\nb\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nX : a\r\n\r\n", "5\r\nhello\r\n0\r\nX: a\r\n folded\r\n\r\n",
        "5\r\nhello\r\n0\r\n", "5\r\nhello\r\n", "5\r\nhel", ""}) {
    SCOPED_TRACE(body);
    const SeenResponse seen = Relayed(world, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"s + body);
    EXPECT_THAT(seen.head.raw + seen.body, Not(HasSubstr("0\r\n\r\n"))) << seen.head.raw;
    EXPECT_NE(seen.end, End::kOpen);
    ++rejects;
    EXPECT_TRUE(Eventually([&] {
      HawserProcess& hawser = world.hawser();
      const double closed = hawser.Metric("hawser_rejects_total", {"backend_closed"});
      return closed + hawser.Metric("hawser_rejects_total", {"bad_backend_response"}) == rejects;
    }));
  }
  const SeenResponse seen = Relayed(world, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  EXPECT_EQ(seen.head.status(), 200);
  EXPECT_EQ(seen.body, "hello");
  EXPECT_EQ(seen.head.Value("Content-Length"), "10");
}

TEST(ResponseSmuggling, WhatFollowsAResponseIsNotTheNextOne) {
  OneBackend world;
  for (const std::string first :
       {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"}) {
    SCOPED_TRACE(first);
    Wire client = world.Connect();
    client.Send(PlainGet("/1"));
    Wire backend = world.backend().Accept();
    ReadHead(backend);
    backend.Send(first + kSecond);
    const Head head = ReadHead(client);
    EXPECT_THAT(head.raw, Not(HasSubstr("Evil")));
    if (head.status() == 200) ReadBody(client, head);
    client.Send(PlainGet("/2"));
    Wire next = world.backend().Accept();  // another connection: the first one has sent too much
    EXPECT_EQ(ReadHead(next).target(), "/2");
    next.Send(Response("200 OK", "second"));
    const Head second = ReadHead(client);
    EXPECT_THAT(second.raw, Not(HasSubstr("Evil")));
    EXPECT_EQ(ReadBody(client, second), "second");
  }
}

TEST(ResponseSmuggling, FieldsOfTheBackendsConnectionStayThere) {
  OneBackend world;
  const SeenResponse seen =
      Relayed(world,
              "HTTP/1.1 200 OK\r\nConnection: X-Hop, Set-Cookie, Content-Length\r\nX-Hop: 1\r\nKeep-Alive: "
              "timeout=5\r\n"
              "Proxy-Connection: a\r\nUpgrade: h2c\r\nSet-Cookie: a=1\r\nContent-Length: 2\r\n\r\nok");
  EXPECT_EQ(seen.head.status(), 200);
  for (const char* name : {"X-Hop", "Keep-Alive", "Proxy-Connection", "Upgrade"})
    EXPECT_FALSE(seen.head.Has(name)) << name;
  EXPECT_EQ(seen.head.Value("Set-Cookie"), "a=1");
  EXPECT_EQ(seen.head.Value("Content-Length"), "2");
  EXPECT_EQ(seen.body, "ok");
}

// Percent-encoded line ends stay encoded wherever hawser writes what a client sent.
TEST(ResponseSmuggling, NothingThatAClientSendsSplitsAResponse) {
  OneBackend world(
      {.listener = {"trusted_proxies: [ 127.0.0.0/8 ]"}, .route = {"redirect: { scheme: https }"}});
  Wire client = world.Connect();
  client.Send(PlainGet("/%0d%0aSet-Cookie:%20a=1?b=%0d%0a%0d%0aX", {{"X-Request-Id", "a%0d%0ab"}}));
  const Head head = ReadHead(client);
  EXPECT_EQ(head.status(), 301);
  EXPECT_EQ(head.Value("Location"), "https://hawser.test/%0d%0aSet-Cookie:%20a=1?b=%0d%0a%0d%0aX");
  EXPECT_FALSE(head.Has("Set-Cookie"));
}

}  // namespace
}  // namespace hawser::integration
