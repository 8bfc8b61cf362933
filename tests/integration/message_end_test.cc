// The receiver of a message always learns where it ends, however the sender marked the end (RFC 9112 §6, RFC
// 9110 §8.6).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/http2_backend.h"
#include "tests/integration/harness/http2_client.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

constexpr const char* kClosing = "Connection: close\r\n\r\n";

// What a client of HTTP/1.1 reads, up to the end, when a backend of HTTP/2 answers `frames(stream)` to
// `method`.
template <typename Frames>
std::string AnswerOverHttp2(std::string_view method, Frames frames) {
  OneBackend world({.cluster = {"protocol: h2"}});
  Wire client = world.Connect();
  client.Send(std::string(method) + " /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  Http2Backend backend(world.backend().Accept());
  backend.Send(frames(backend.ReadRequest().stream));
  std::string first = ReadHead(client).raw;
  client.Send("GET /2 HTTP/1.1\r\nHost: a\r\n" + std::string(kClosing));
  const auto next = backend.ReadRequest();
  backend.Send(Http2Backend::Head(next.stream, 404, true));
  std::string rest;
  EXPECT_EQ(client.ReadEnd(&rest), End::kFin);
  const size_t second = rest.find("HTTP/1.1 404 Not Found\r\n");
  EXPECT_NE(second, std::string::npos) << rest;
  return first + rest.substr(0, second);
}

TEST(MessageEnd, AResponseThatEndsOnItsHeadersHasALength) {
  for (const int status : {200, 301, 404, 503}) {
    const std::string answer =
        AnswerOverHttp2("GET", [&](uint32_t stream) { return Http2Backend::Head(stream, status, true); });
    EXPECT_EQ(ParseHead(answer).All("Content-Length"), std::vector<std::string>{"0"}) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
  }
}

TEST(MessageEnd, AResponseThatEndsOnAnEmptyFrameHasOneToo) {
  const std::string answer = AnswerOverHttp2("GET", [](uint32_t stream) {
    return Http2Backend::Head(stream, 200, false) + Http2Backend::Data(stream, "", true);
  });
  EXPECT_EQ(ParseHead(answer).Value("Content-Length"), "0") << answer;
}

TEST(MessageEnd, ABodyWithoutLengthIsChunked) {
  const std::string answer = AnswerOverHttp2("GET", [](uint32_t stream) {
    return Http2Backend::Head(stream, 200, false) + Http2Backend::Data(stream, "hello", true);
  });
  EXPECT_EQ(ParseHead(answer).Value("Transfer-Encoding"), "chunked");
  EXPECT_TRUE(answer.ends_with("\r\n\r\n5\r\nhello\r\n0\r\n\r\n")) << answer;
}

TEST(MessageEnd, NothingFollowsAHeadWithoutABody) {
  struct Case {
    const char* method;
    int status;
    std::string fields;
  };
  const std::string length = Literal("content-length", "5");
  const std::string none = Literal("content-length", "0");
  for (const Case& one : {Case{"GET", 204, ""}, Case{"GET", 204, none}, Case{"GET", 304, ""},
                          Case{"GET", 304, length}, Case{"HEAD", 200, ""}, Case{"HEAD", 200, length}}) {
    SCOPED_TRACE(std::string(one.method) + " " + std::to_string(one.status) + " " + one.fields);
    for (const bool at_once : {true, false}) {
      const std::string answer = AnswerOverHttp2(one.method, [&](uint32_t stream) {
        return Http2Backend::Head(stream, one.status, at_once, one.fields) +
               (at_once ? "" : Http2Backend::Data(stream, "", true));
      });
      EXPECT_EQ(answer.find("\r\n\r\n"), answer.size() - 4) << answer;
      EXPECT_FALSE(ParseHead(answer).Has("Transfer-Encoding"));
      const bool has_length = one.fields == length;
      EXPECT_EQ(ParseHead(answer).Has("Content-Length"), has_length) << answer;
    }
  }
}

Fields Pseudo(const std::string& method) {
  return {{":method", method}, {":scheme", "http"}, {":authority", "hawser.test"}, {":path", "/"}};
}

TEST(MessageEnd, ARequestWithoutABodySaysSoWhereItsMethodHasOne) {
  for (const std::string method : {"POST", "PUT", "PATCH", "GET", "DELETE", "OPTIONS"}) {
    OneBackend world(PriorKnowledge());
    Http2Client client(world.Connect());
    client.Request(Pseudo(method), false);
    Wire backend = world.backend().Accept();
    const Head request = ReadHead(backend);
    EXPECT_EQ(request.Value("Content-Length"), method.starts_with('P') ? "0" : "") << method;
    EXPECT_FALSE(request.Has("Transfer-Encoding")) << method;
  }
}

TEST(MessageEnd, SoDoesOneThatCameOverHttp11) {
  OneBackend world;
  for (const char* length : {"", "Content-Length: 0\r\n"}) {
    Wire client = world.Connect();
    client.Send("POST / HTTP/1.1\r\nHost: a\r\n" + std::string(length) + "\r\n");
    Wire backend = world.backend().Accept();
    EXPECT_EQ(ReadHead(backend).Value("Content-Length"), "0");
  }
}

TEST(MessageEnd, ARequestThatEndsOnAnEmptyFrameHasNoBody) {
  for (const bool post : {false, true}) {
    OneBackend world(PriorKnowledge());
    Http2Client client(world.Connect());
    const std::string block =
        (post ? "\x83" : "\x82") + std::string("\x84\x86") + Literal(":authority", "hawser.test");
    client.SendRaw(RawFrame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block) +
                   RawFrame(NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, ""));
    Wire backend = world.backend().Accept();
    const Head request = ReadHead(backend);
    EXPECT_FALSE(request.Has("Transfer-Encoding"));
    EXPECT_EQ(request.Value("Content-Length"), post ? "0" : "");
    backend.Send(Response("200 OK", "x"));
  }
}

// While the connection to the backend is being made there is time for the end to come.
TEST(MessageEnd, ARequestWhoseEndComesBeforeItIsForwardedHasNoBody) {
  Config config = PriorKnowledge();
  config.route = {"match: { path_prefix: /only }"};
  config.cluster = {"protocol: h2"};
  OneBackend world(config);
  Http2Client client(world.Connect());
  const int32_t stream = client.Request(
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "hawser.test"}, {":path", "/only"}}, true);
  Wire accepted = world.backend().Accept();
  client.End(stream);
  EXPECT_EQ(client.AwaitEnd(client.Get("/none")).status, 404);  // the end has been read
  Http2Backend backend(std::move(accepted));
  EXPECT_TRUE(backend.ReadRequest().ends);
}

TEST(MessageEnd, TheOfferOfTrailersReachesHttp2Only) {
  {
    Config config = PriorKnowledge();
    config.cluster = {"protocol: h2"};
    OneBackend world(config);
    Http2Client client(world.Connect());
    client.Get("/", {{"te", "trailers"}});
    Http2Backend backend(world.backend().Accept());
    EXPECT_EQ(backend.ReadRequest().fields["te"], "trailers");
    Wire old = world.Connect();
    old.Send(PlainGet("/", {{"TE", "gzip, trailers"}, {"Connection", "TE"}}));
    EXPECT_EQ(backend.ReadRequest().fields["te"], "trailers");
  }
  OneBackend world(PriorKnowledge());
  Http2Client client(world.Connect());
  client.Get("/", {{"te", "trailers"}});
  Wire backend = world.backend().Accept();
  EXPECT_FALSE(ReadHead(backend).Has("TE"));
}

}  // namespace
}  // namespace hawser::integration
