// Connections to backends that carry more than one request: when they are kept, when they are not, and what
// happens to a request on a connection that has just ended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::HasSubstr;

// A request through hawser that `backend` answers; the client's connection is kept.
std::string AskThrough(Wire& client, Wire& backend, const std::string& request, const Fields& more = {}) {
  client.Send(request);
  ReadHead(backend);
  backend.Send(Response("200 OK", "hello", more));
  const Head head = ReadHead(client);
  EXPECT_EQ(head.status(), 200);
  return ReadBody(client, head);
}

TEST(BackendPool, RequestsOfSeveralClientsShareOneConnection) {
  OneBackend world;
  Wire first = world.Connect();
  first.Send(PlainGet("/1"));
  Wire backend = world.backend().Accept();
  const Head request = ReadHead(backend);
  EXPECT_FALSE(request.Has("Connection"));
  backend.Send(Response("200 OK", "one"));
  EXPECT_EQ(ReadBody(first, ReadHead(first)), "one");
  EXPECT_EQ(AskThrough(first, backend, PlainGet("/2")), "hello");
  Wire second = world.Connect();
  EXPECT_EQ(AskThrough(second, backend, PlainGet("/3")), "hello");
  EXPECT_FALSE(world.backend().contacted());
  EXPECT_TRUE(world.hawser().MetricIs("hawser_backend_reuses_total", 2));
  EXPECT_TRUE(world.hawser().MetricIs("hawser_endpoint_idle_connections", 1));
  EXPECT_TRUE(world.hawser().MetricIs("hawser_endpoint_active", 0));
}

TEST(BackendPool, AConnectionThatTheBackendClosesIsNotKept) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("200 OK", "x", {{"Connection", "close"}}));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "x");
  EXPECT_EQ(backend.ReadEnd(), End::kFin);
  client.Send(PlainGet("/"));
  Wire fresh = world.backend().Accept();
  EXPECT_TRUE(ReadHead(fresh).complete());
}

TEST(BackendPool, UnexpectedBytesEndAnIdleConnection) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("200 OK", "x"));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "x");
  backend.Send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
  EXPECT_NE(backend.ReadEnd(), End::kOpen);
  client.Send(PlainGet("/"));
  Wire fresh = world.backend().Accept();
  ReadHead(fresh);
  fresh.Send(Response("200 OK", "good"));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "good");
}

TEST(BackendPool, ARequestThatMeetsAnEndingConnectionIsSentOnceMoreOnAFreshOne) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PlainGet("/1"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("200 OK", "x"));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "x");
  client.Send(PlainGet("/2"));
  EXPECT_EQ(ReadHead(backend).target(), "/2");
  backend.Close();
  Wire fresh = world.backend().Accept();
  EXPECT_EQ(ReadHead(fresh).target(), "/2");
  fresh.Close();  // only once
  EXPECT_EQ(ReadHead(client).status(), 502);
}

TEST(BackendPool, AnUploadThatHasBegunIsNotSentTwice) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PlainGet("/1"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("200 OK", "x"));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "x");
  client.Send("POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello");
  ReadHead(backend);
  EXPECT_EQ(backend.Read(5), "hello");
  backend.Close();
  EXPECT_EQ(ReadHead(client).status(), 502);
  EXPECT_FALSE(world.backend().contacted());
}

TEST(BackendPool, AnAnswerAheadOfTheWholeUploadLeavesNoConnectionToKeep) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello");
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  EXPECT_EQ(backend.Read(5), "hello");
  backend.Send(Response("403 Forbidden", "no"));
  EXPECT_EQ(ReadHead(client).status(), 403);
  EXPECT_NE(backend.ReadEnd(), End::kOpen);
}

TEST(BackendPool, AWebSocketHasAConnectionOfItsOwnThatIsNeverUsedAgain) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  Wire kept = world.backend().Accept();
  ReadHead(kept);
  kept.Send(Response("200 OK", "x"));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "x");
  Tunnel tunnel = world.Open();
  ExpectAlive(tunnel);
  EXPECT_FALSE(kept.HasInput());
}

TEST(BackendPool, IdleConnectionsEndAfterTheirTimeout) {
  OneBackend world({.cluster = {"idle_connections: { timeout: 50ms }"}});
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("200 OK", "x"));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "x");
  EXPECT_EQ(backend.ReadEnd(), End::kFin);
}

TEST(BackendPool, NoMoreAreKeptThanConfigured) {
  for (const int max : {0, 1}) {
    OneBackend world({.cluster = {fmt::format("idle_connections: {{ max: {} }}", max)}});
    Wire clients[] = {world.Connect(), world.Connect()};
    Wire backends[2];
    for (int i = 0; i < 2; ++i) {
      clients[i].Send(PlainGet("/"));
      backends[i] = world.backend().Accept();
      ReadHead(backends[i]);
    }
    for (int i = 0; i < 2; ++i) {
      backends[i].Send(Response("200 OK", "x"));
      EXPECT_EQ(ReadBody(clients[i], ReadHead(clients[i])), "x");
    }
    EXPECT_EQ(backends[1].ReadEnd(), End::kFin) << max;
    if (max == 0) {
      EXPECT_EQ(backends[0].ReadEnd(), End::kFin);
    } else {
      EXPECT_FALSE(backends[0].HasInput());
    }
  }
}

TEST(BackendPool, AnEndpointThatRefusesAtOnceIsSkipped) {
  EchoBackend alive("alive");
  HawserProcess hawser(Config{.endpoints = {"unix:/nowhere/hawser.sock", alive.address()}}.Yaml());
  for (int i = 0; i < 4; ++i) {  // round_robin begins with either
    Wire client = Wire::Connect(hawser.listener());
    client.Send(PlainGet("/"));
    EXPECT_EQ(ReadBody(client, ReadHead(client)), "alive");
  }
  EXPECT_TRUE(hawser.MetricIs("hawser_backend_connect_retries_total", 2));
}

}  // namespace
}  // namespace hawser::integration
