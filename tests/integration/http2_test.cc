// Requests over HTTP/2 of clients, to backends that speak HTTP/1.1.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/harness/http2_client.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Http2, AGetIsRelayed) {
  OneBackend world(PriorKnowledge());
  Http2Client client(world.Connect());
  const int32_t stream = client.Get("/a?b=c", {{"cookie", "a=1"}, {"cookie", "b=2"}, {"x-more", "yes"}});
  Wire backend = world.backend().Accept();
  const Head request = ReadHead(backend);
  EXPECT_EQ(request.first_line, "GET /a?b=c HTTP/1.1");
  EXPECT_EQ(request.Value("Host"), "hawser.test");
  EXPECT_EQ(request.Value("Cookie"), "a=1; b=2");
  EXPECT_EQ(request.Value("x-more"), "yes");
  backend.Send(Response("200 OK", "hello", {{"X-From", "backend"}, {"Connection", "X-Hop"}, {"X-Hop", "1"}}));
  const Http2Answer& answer = client.AwaitEnd(stream);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "hello");
  EXPECT_TRUE(answer.ended);
  EXPECT_EQ(answer.data_frames, 1) << "END_STREAM goes with the last of the body";
  EXPECT_EQ(answer.fields.at("x-from"), "backend");
  EXPECT_FALSE(answer.fields.contains("connection"));
  EXPECT_FALSE(answer.fields.contains("x-hop"));
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_EQ(line["protocol"], "HTTP/2");
  EXPECT_EQ(line["status"], "200");
}

TEST(Http2, APostGoesAsChunksWithItsTrailers) {
  OneBackend world(PriorKnowledge());
  Http2Client client(world.Connect());
  const int32_t stream = client.Request({{":method", "POST"},
                                         {":scheme", "http"},
                                         {":authority", "hawser.test"},
                                         {":path", "/"},
                                         {"te", "trailers"}},
                                        true);
  client.Send(stream, "some");
  client.Send(stream, "thing");
  client.End(stream, {{"x-sum", "9"}});
  Wire backend = world.backend().Accept();
  const Head request = ReadHead(backend);
  EXPECT_EQ(request.Value("Transfer-Encoding"), "chunked");
  const std::string body = backend.ReadThrough("x-sum: 9\r\n\r\n");
  EXPECT_THAT(body, HasSubstr("some"));
  EXPECT_THAT(body, HasSubstr("thing"));
  backend.Send(
      "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nreply\r\n0\r\nX-Done: yes\r\n\r\n");
  const Http2Answer& answer = client.AwaitEnd(stream);
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.interim, ElementsAre(103));
  EXPECT_EQ(answer.body, "reply");
  EXPECT_EQ(answer.trailers.at("x-done"), "yes");
}

TEST(Http2, LengthsLoseTheirLeadingZerosOnTheWayThereAndBack) {
  OneBackend world(PriorKnowledge());
  Http2Client client(world.Connect());
  const int32_t stream = client.Request({{":method", "POST"},
                                         {":scheme", "http"},
                                         {":authority", "hawser.test"},
                                         {":path", "/"},
                                         {"content-length", "0010"}},
                                        true);
  client.Send(stream, "0123456789");
  client.End(stream);
  Wire backend = world.backend().Accept();
  const Head request = ReadHead(backend);
  EXPECT_EQ(request.Value("content-length"), "10");
  EXPECT_EQ(backend.Read(10), "0123456789");
  backend.Send("HTTP/1.1 200 OK\r\nContent-Length: 002\r\n\r\nok");
  const Http2Answer& answer = client.AwaitEnd(stream);
  EXPECT_EQ(answer.fields.at("content-length"), "2");
  EXPECT_EQ(answer.body, "ok");
}

TEST(Http2, AHeadHasNoBody) {
  OneBackend world(PriorKnowledge());
  Http2Client client(world.Connect());
  const int32_t stream = client.Request(
      {{":method", "HEAD"}, {":scheme", "http"}, {":authority", "hawser.test"}, {":path", "/"}}, false);
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
  const Http2Answer& answer = client.AwaitEnd(stream);
  EXPECT_EQ(answer.fields.at("content-length"), "5");
  EXPECT_EQ(answer.body, "");
  EXPECT_TRUE(answer.ended);
}

TEST(Http2, ManyStreamsShareAConnection) {
  OneBackend world(PriorKnowledge());
  Http2Client client(world.Connect());
  std::vector<int32_t> streams;
  std::vector<Wire> backends;
  for (int i = 0; i < 20; ++i) streams.push_back(client.Get("/" + std::to_string(i)));
  for (int i = 0; i < 20; ++i) backends.push_back(world.backend().Accept());
  for (Wire& backend : backends) {
    const Head request = ReadHead(backend);
    backend.Send(Response("200 OK", request.target()));
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.AwaitEnd(streams[i]).body, "/" + std::to_string(i));
  EXPECT_TRUE(world.hawser().MetricIs("hawser_http2_connections_total", 1));
  EXPECT_TRUE(world.hawser().MetricIs("hawser_http2_streams_total", 20, {"result=\"accepted\""}));
  EXPECT_TRUE(world.hawser().MetricIs("hawser_connections_open", 1));
}

TEST(Http2, ABodyThatIsCutIsReset) {
  OneBackend world(PriorKnowledge());
  Http2Client client(world.Connect());
  const int32_t stream = client.Get("/");
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf");
  EXPECT_EQ(client.Read(stream, 4), "half");
  backend.Close();
  EXPECT_EQ(client.AwaitEnd(stream).reset, uint32_t{NGHTTP2_INTERNAL_ERROR});
}

TEST(Http2, AClientThatResetsLetsTheBackendGo) {
  OneBackend world(PriorKnowledge());
  Http2Client client(world.Connect());
  const int32_t stream = client.Get("/");
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  client.Reset(stream);
  EXPECT_NE(backend.ReadEnd(), End::kOpen);
  EXPECT_EQ(world.hawser().WaitForLog()["reason"], "client_lost");
}

TEST(Http2, WithoutARouteItIsRefused) {
  Config config = PriorKnowledge();
  config.route = {"match: { path_prefix: /only }"};
  OneBackend world(config);
  Http2Client client(world.Connect());
  const Http2Answer& answer = client.AwaitEnd(client.Get("/other"));
  EXPECT_EQ(answer.status, 404);
  EXPECT_TRUE(answer.ended);
  EXPECT_EQ(answer.data_frames, 1);
}

TEST(Http2, WithoutPriorKnowledgeAPlainListenerRefusesThePreface) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_EQ(ReadHead(client).status(), 400);
}

TEST(Http2, AListenerWithPriorKnowledgeStillSpeaksHttp11) {
  OneBackend world(PriorKnowledge());
  Wire client = world.Connect();
  client.SendTorn(PlainGet("/"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("200 OK", "old"));
  const Head head = ReadHead(client);
  EXPECT_EQ(head.status(), 200);
  EXPECT_EQ(ReadBody(client, head), "old");
}

TEST(Http2, ADrainSaysGoAwayAndLetsStreamsEnd) {
  OneBackend world(PriorKnowledge());
  Http2Client client(world.Connect());
  const int32_t stream = client.Get("/");
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  world.hawser().process().Signal(SIGTERM);
  EXPECT_TRUE(client.Await([&] { return client.goaway().has_value(); }));
  EXPECT_EQ(client.goaway(), uint32_t{NGHTTP2_NO_ERROR});
  backend.Send(Response("200 OK", "whole"));
  EXPECT_EQ(client.AwaitEnd(stream).body, "whole");
  EXPECT_EQ(client.wire().ReadEnd(), End::kFin);
  client.wire().Close();
  EXPECT_EQ(world.hawser().process().Wait(), 0);
}

TEST(Http2, AnIdleConnectionIsEndedInOrder) {
  OneBackend world(PriorKnowledge({"timeouts: { keep_alive: 50ms }"}));
  Http2Client client(world.Connect());
  EXPECT_TRUE(client.Await([&] { return client.goaway().has_value(); }));
  EXPECT_EQ(client.goaway(), uint32_t{NGHTTP2_NO_ERROR});
  EXPECT_EQ(client.wire().ReadEnd(), End::kFin);
}

}  // namespace
}  // namespace hawser::integration
