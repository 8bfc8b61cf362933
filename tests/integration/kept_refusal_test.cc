// Refusals that are not the client's fault keep its HTTP/1.1 connection for the next request; all others end
// it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

const Config kOneRoute = {.route = {"match: { path: /there }"}};

void ExpectKept(Wire& client, const std::string& request, int status) {
  SCOPED_TRACE(request);
  client.Send(request);
  const Head head = ReadHead(client);
  EXPECT_EQ(head.status(), status);
  EXPECT_FALSE(head.Has("Connection")) << head.raw;
  EXPECT_NE(ReadBody(client, head), "");
}

TEST(KeptRefusal, WhereNoRouteLeadsTheNextRequestMayFollow) {
  OneBackend world(kOneRoute);
  Wire client = world.Connect();
  ExpectKept(client, PlainGet("/nowhere"), 404);
  ExpectKept(client, PlainGet("/nowhere") + PlainGet("/nowhere/either"), 404);
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "No route matches the request.\n");
  client.Send(PlainGet("/there"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("200 OK", "ok"));
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "ok");
}

TEST(KeptRefusal, ErrorsOfBackendsAreNotTheClients) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  {
    Wire backend = world.backend().Accept();
    ReadHead(backend);
    backend.Send("no HTTP\r\n\r\n");
    EXPECT_EQ(ReadHead(client).status(), 502);
  }
  EXPECT_EQ(client.ReadThrough("malformed.\n"), "The backend's answer is malformed.\n");
  client.Send(PlainGet("/again"));
  Wire backend = world.backend().Accept();
  EXPECT_EQ(ReadHead(backend).target(), "/again");
  backend.Close();
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "The backend closed the connection without an answer.\n");
  FakeBackend gone;
  HawserProcess hawser(Config{.endpoints = {gone.address()}}.Yaml());
  gone.Stop();
  Wire other = Wire::Connect(hawser.listener());
  ExpectKept(other, PlainGet("/"), 503);
  ExpectKept(other, PlainGet("/"), 503);
}

void ExpectEnded(OneBackend& world, const std::string& request, int status) {
  SCOPED_TRACE(request);
  Wire client = world.Connect();
  client.Send(request + PlainGet("/there"));
  const Head head = ReadHead(client);
  EXPECT_EQ(head.status(), status);
  EXPECT_EQ(head.Value("Connection"), "close");
  ReadBody(client, head);
  std::string rest;
  EXPECT_EQ(client.ReadEnd(&rest), End::kFin);
  EXPECT_EQ(rest, "");
}

TEST(KeptRefusal, TheConnectionEndsUnlessTheNextRequestFollows) {
  OneBackend world(kOneRoute);
  const std::string post = "POST /nowhere HTTP/1.1\r\nHost: hawser.test\r\n";
  ExpectEnded(world, post + "Content-Length: 5\r\n\r\nhello", 404);
  ExpectEnded(world, post + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 404);
  ExpectEnded(world, PlainGet("/nowhere", {{"Connection", "close"}}), 404);
  ExpectEnded(world, "GET /nowhere HTTP/1.0\r\nHost: hawser.test\r\n\r\n", 404);
  ExpectEnded(world, Request{.target = "/nowhere"}.Text(), 404);
  ExpectEnded(world, "GET /there HTTP/3.0\r\nHost: hawser.test\r\n\r\n", 505);
  EXPECT_FALSE(world.backend().contacted());
}

}  // namespace
}  // namespace hawser::integration
