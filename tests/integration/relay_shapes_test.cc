// Plain HTTP/1.1 through the proxy, in every shape that a message may have: what the backend sees, what the
// client gets, and whether the client's connection goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/flood.h"
#include "tests/integration/harness/recording_backend.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::HasSubstr;
using testing::Not;

enum class After : uint8_t { kKept, kClosed };

struct Shape {
  std::string name;
  std::string request;
  std::string body_seen;  // by the backend, framing included
  std::string response;
  std::string head_got;  // a line that the client's head has
  std::string body_got;  // by the client, framing included
  After after = After::kKept;
};

std::string PostShape(const std::string& fields, const std::string& body,
                      const std::string& version = "HTTP/1.1") {
  return "POST /shape " + version + "\r\nHost: hawser.test\r\n" + fields + "\r\n" + body;
}
std::string GetShape(const std::string& fields = "", const std::string& version = "HTTP/1.1") {
  return "GET /shape " + version + "\r\nHost: hawser.test\r\n" + fields + "\r\n";
}
std::string Ok(const std::string& fields, const std::string& body, const std::string& version = "HTTP/1.1") {
  return version + " 200 OK\r\n" + fields + "\r\n" + body;
}

const std::string kOk = Ok("Content-Length: 2\r\n", "ok");
const std::string kHelloChunk = "5\r\nhello\r\n";
const std::string kEnd = "0\r\n\r\n";

std::vector<Shape> RequestShapes() {
  return {
      {"no body", GetShape(), "", kOk, "Content-Length: 2", "ok"},
      {"a length", PostShape("Content-Length: 5\r\n", "hello"), "hello", kOk, "Content-Length: 2", "ok"},
      {"a length of 0", PostShape("Content-Length: 0\r\n", ""), "", kOk, "Content-Length: 2", "ok"},
      {"chunks", PostShape("Transfer-Encoding: chunked\r\n", kHelloChunk + kEnd), kHelloChunk + kEnd, kOk,
       "Content-Length: 2", "ok"},
      {"no chunk but the last", PostShape("Transfer-Encoding: chunked\r\n", kEnd), kEnd, kOk,
       "Content-Length: 2", "ok"},
      {"trailers",
       PostShape("Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n",
                 kHelloChunk + "0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n"),
       kHelloChunk + "0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n", kOk, "Content-Length: 2", "ok"},
      {"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: hawser.test\r\n\r\n", "", kOk, "Content-Length: 2", "ok"},
      {"a method of its own", "PURGE /shape HTTP/1.1\r\nHost: hawser.test\r\nContent-Length: 2\r\n\r\nme",
       "me", kOk, "Content-Length: 2", "ok"},
      {"an absolute target with a query and no path",
       "GET http://hawser.test?x=1 HTTP/1.1\r\nHost: hawser.test\r\n\r\n", "", kOk, "Content-Length: 2",
       "ok"},
      {"a version that is to come", GetShape("", "HTTP/1.2"), "", kOk, "Content-Length: 2", "ok"},
      {"Connection: close", GetShape("Connection: close\r\n"), "", kOk, "Connection: close", "ok",
       After::kClosed},
      {"HTTP/1.0", GetShape("", "HTTP/1.0"), "", kOk, "Connection: close", "ok", After::kClosed},
      {"HTTP/1.0 with a body", PostShape("Content-Length: 5\r\n", "hello", "HTTP/1.0"), "hello", kOk,
       "Content-Length: 2", "ok", After::kClosed},
  };
}

std::vector<Shape> ResponseShapes() {
  const std::string head = "HEAD /shape HTTP/1.1\r\nHost: hawser.test\r\n\r\n";
  return {
      {"chunks", GetShape(), "", Ok("Transfer-Encoding: chunked\r\n", kHelloChunk + kEnd),
       "Transfer-Encoding: chunked", kHelloChunk + kEnd},
      {"chunks with extensions", GetShape(), "",
       Ok("Transfer-Encoding: chunked\r\n", "5;a=b\r\nhello\r\n0;c\r\n\r\n"), "Transfer-Encoding: chunked",
       kHelloChunk + kEnd},
      {"chunks with white space", GetShape(), "",
       Ok("Transfer-Encoding: chunked\r\n", "5 ; a = b\r\nhello\r\n0\t;c\r\n\r\n"),
       "Transfer-Encoding: chunked", kHelloChunk + kEnd},
      {"chunk sizes that are padded", GetShape(), "",
       Ok("Transfer-Encoding: chunked\r\n", "5     \r\nhello\r\n0     \r\n\r\n"),
       "Transfer-Encoding: chunked", kHelloChunk + kEnd},
      {"trailers", GetShape(), "",
       Ok("Transfer-Encoding: chunked\r\n", kHelloChunk + "0\r\nX-Sum: 1\r\n\r\n"),
       "Transfer-Encoding: chunked", kHelloChunk + "0\r\nX-Sum: 1\r\n\r\n"},
      {"no chunk but the last", GetShape(), "", Ok("Transfer-Encoding: chunked\r\n", kEnd),
       "Transfer-Encoding: chunked", kEnd},
      {"up to the end of the connection", GetShape(), "", Ok("", "hello"), "Transfer-Encoding: chunked",
       kHelloChunk + kEnd},
      {"nothing up to the end of the connection", GetShape(), "", Ok("", ""), "Transfer-Encoding: chunked",
       kEnd},
      {"HTTP/1.0 up to the end of the connection", GetShape(), "", Ok("", "hello", "HTTP/1.0"),
       "Transfer-Encoding: chunked", kHelloChunk + kEnd},
      {"HTTP/1.0 with a length", GetShape(), "", Ok("Content-Length: 2\r\n", "ok", "HTTP/1.0"),
       "HTTP/1.1 200 OK", "ok"},
      {"a length with zeros", GetShape(), "", Ok("Content-Length: 0002\r\n", "ok"), "Content-Length: 2\r\n",
       "ok"},
      {"a version that is to come", GetShape(), "", Ok("Content-Length: 2\r\n", "ok", "HTTP/1.2"),
       "HTTP/1.1 200 OK", "ok"},
      {"a length of 0", GetShape(), "", Ok("Content-Length: 0\r\n", ""), "Content-Length: 0", ""},
      {"HEAD with a length", head, "", Ok("Content-Length: 1000\r\n", ""), "Content-Length: 1000", ""},
      {"HEAD with chunks", head, "", Ok("Transfer-Encoding: chunked\r\n", ""), "HTTP/1.1 200 OK", ""},
      {"HEAD with neither", head, "", Ok("X: 1\r\n", ""), "X: 1", ""},
      {"204", GetShape(), "", "HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n", "HTTP/1.1 204 No Content", ""},
      {"204 with a length", GetShape(), "", "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
       "HTTP/1.1 204 No Content", ""},
      {"204 with chunks", GetShape(), "",
       "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 204 No Content",
       ""},
      {"304 with a length", GetShape(), "",
       "HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\nETag: \"a\"\r\n\r\n", "Content-Length: 1000",
       ""},
      {"an error", GetShape(), "", "HTTP/1.1 500 Oh No\r\nContent-Length: 2\r\n\r\nno", "HTTP/1.1 500 Oh No",
       "no"},
      {"a status above 599", GetShape(), "", "HTTP/1.1 600 Odd\r\nContent-Length: 2\r\n\r\nno",
       "HTTP/1.1 600 Odd", "no"},
      {"the last status", GetShape(), "", "HTTP/1.1 999 Denied\r\nContent-Length: 2\r\n\r\nno",
       "HTTP/1.1 999 Denied", "no"},
      {"no reason", GetShape(), "", "HTTP/1.1 299\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.1 299 ", "ok"},
      {"chunks to HTTP/1.0", GetShape("", "HTTP/1.0"), "",
       Ok("Transfer-Encoding: chunked\r\n", kHelloChunk + kEnd), "Connection: close", "hello",
       After::kClosed},
      {"up to the end to HTTP/1.0", GetShape("", "HTTP/1.0"), "", Ok("", "hello"), "Connection: close",
       "hello", After::kClosed},
      {"a connection that the backend ends", GetShape(), "",
       Ok("Connection: close\r\nContent-Length: 2\r\n", "ok"), "Content-Length: 2", "ok"},
  };
}

// The request as the backend sees it: its head, and what is behind it up to the answer.
Head TakeRequest(Wire& backend, std::string& body) {
  std::string bytes;
  while (RequestLength(bytes) == 0 && backend.end() == End::kOpen && !testing::Test::HasFailure()) {
    bytes += backend.Read(1);
  }
  const size_t end = bytes.find("\r\n\r\n") + 4;
  body = bytes.substr(end);
  return ParseHead(bytes.substr(0, end));
}

void ExpectRelayed(OneBackend& world, const Shape& shape, bool torn) {
  SCOPED_TRACE(shape.name + (torn ? ", byte by byte" : ""));
  Wire client = world.Connect();
  torn ? client.SendTorn(shape.request) : client.Send(shape.request);
  {
    Wire backend = world.backend().Accept();
    std::string body;
    const Head request = TakeRequest(backend, body);
    // Torn chunks come as smaller ones.
    if (!torn) {
      EXPECT_EQ(body, shape.body_seen);
    }
    EXPECT_TRUE(request.first_line.ends_with(" HTTP/1.1")) << request.first_line;
    torn ? backend.SendTorn(shape.response) : backend.Send(shape.response);
    backend.ShutdownWrite();
    const Head head = ReadHead(client);
    EXPECT_THAT(head.raw, HasSubstr(shape.head_got));
    std::string got;
    if (shape.after == After::kClosed) {
      EXPECT_EQ(client.ReadEnd(&got), End::kFin);
      EXPECT_EQ(got, shape.body_got);
      return;
    }
    EXPECT_FALSE(head.Has("Connection")) << head.raw;
    if (torn && head.Has("Transfer-Encoding")) {
      client.ReadThrough(shape.body_got.substr(shape.body_got.rfind("0\r\n")));
    } else {
      EXPECT_EQ(client.Read(shape.body_got.size()), shape.body_got);
    }
  }
  // The next response begins right behind.
  client.Send(PlainGet("/next"));
  Wire backend = world.backend().Accept();
  EXPECT_EQ(ReadHead(backend).target(), "/next");
  backend.Send(Response("202 Accepted", ""));
  EXPECT_EQ(ReadHead(client).first_line, "HTTP/1.1 202 Accepted");
}

TEST(RelayShapes, EveryRequestReachesTheBackendAsItIs) {
  OneBackend world;
  for (const Shape& shape : RequestShapes()) ExpectRelayed(world, shape, false);
}

TEST(RelayShapes, EveryResponseReachesTheClientAsItIs) {
  OneBackend world;
  for (const Shape& shape : ResponseShapes()) ExpectRelayed(world, shape, false);
}

TEST(RelayShapes, BytesMayComeOneByOne) {
  OneBackend world;
  for (const Shape& shape : RequestShapes()) ExpectRelayed(world, shape, true);
  for (const Shape& shape : ResponseShapes()) ExpectRelayed(world, shape, true);
}

// --- Interim responses and Expect ---

TEST(RelayInterim, ABodyIsAskedForWith100Continue) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PostShape("Expect: 100-continue\r\nContent-Length: 5\r\n", ""));
  Wire backend = world.backend().Accept();
  EXPECT_EQ(ReadHead(backend).Value("Expect"), "100-continue");
  backend.Send("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(ReadHead(client).first_line, "HTTP/1.1 100 Continue");
  client.Send("hello");
  EXPECT_EQ(backend.Read(5), "hello");
  backend.Send(kOk);
  EXPECT_EQ(ReadHead(client).status(), 200);
  EXPECT_EQ(client.Read(2), "ok");
}

TEST(RelayInterim, ARefusalInsteadOf100EndsTheConnectionThatTheBodyWasToComeOn) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PostShape("Expect: 100-continue\r\nContent-Length: 5\r\n", ""));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("417 Expectation Failed", "no"));
  const Head head = ReadHead(client);
  EXPECT_EQ(head.status(), 417);
  EXPECT_EQ(head.Value("Connection"), "close");
  EXPECT_EQ(ReadBody(client, head), "no");
}

TEST(RelayInterim, SeveralReachTheClientAheadOfTheFinalOne) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(GetShape());
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n");
  const Head hints = ReadHead(client);
  EXPECT_EQ(hints.status(), 103);
  EXPECT_EQ(hints.Value("Link"), "</a.css>");
  EXPECT_FALSE(hints.Has("X-Hop"));
  backend.Send("HTTP/1.1 102 Processing\r\n\r\n" + kOk);
  EXPECT_EQ(ReadHead(client).status(), 102);
  EXPECT_EQ(ReadHead(client).status(), 200);
  EXPECT_EQ(client.Read(2), "ok");
}

TEST(RelayInterim, AClientOfHttp10IsSpared) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(GetShape("", "HTTP/1.0"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send("HTTP/1.1 103 Early Hints\r\n\r\n" + kOk);
  EXPECT_EQ(ReadHead(client).status(), 200);
}

TEST(RelayInterim, ThoseThatAClientDoesNotTakeAreNotStored) {
  OneBackend world;
  Wire client = world.Connect({.receive_buffer = 4096});
  client.Send(GetShape());
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  const size_t before = world.hawser().ResidentBytes();
  const std::string hints = "HTTP/1.1 103 Early Hints\r\nLink: " + std::string(60'000, 'x') + "\r\n\r\n";
  const int count = IsSanitized() ? 400 : 2000;  // what is freed stays in the sanitizer's quarantine
  for (int i = 0; i < count; ++i) ASSERT_TRUE(backend.Send(hints));
  backend.Send(kOk);
  EXPECT_LT(world.hawser().ResidentBytes(), before + MostGrowth());
  Head head = ReadHead(client);
  for (; head.status() == 103; head = ReadHead(client)) EXPECT_EQ(head.raw, hints);
  EXPECT_EQ(head.status(), 200);
  EXPECT_EQ(client.Read(2), "ok");
}

// --- One connection, many requests ---

TEST(RelayPipeline, RequestsSentAtOnceAreAnsweredInTheirOrder) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PlainGet("/1") + PostShape("Content-Length: 5\r\n", "hello") +
              PostShape("Transfer-Encoding: chunked\r\n", kHelloChunk + kEnd) +
              PlainGet("/4", {{"Connection", "close"}}) + PlainGet("/5"));
  const std::vector<std::string> targets = {"/1", "/shape", "/shape", "/4"};
  for (size_t i = 0; i < targets.size(); ++i) {
    Wire backend = world.backend().Accept();
    std::string body;
    EXPECT_EQ(TakeRequest(backend, body).target(), targets[i]);
    backend.Send(Response("200 OK", std::to_string(i), {{"Connection", "close"}}));
    const Head head = ReadHead(client);
    EXPECT_EQ(ReadBody(client, head), std::to_string(i));
  }
  std::string rest;
  EXPECT_EQ(client.ReadEnd(&rest), End::kFin);
  EXPECT_EQ(rest, "");
  EXPECT_FALSE(world.backend().contacted()) << "what follows Connection: close is no request";
}

TEST(RelayPipeline, AHandshakeMayFollowARequest) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PlainGet("/1") + Request{.target = "/ws"}.Text() + EncodeMasked({.payload = "early"}));
  Wire first = world.backend().Accept();
  ReadHead(first);
  first.Send(kOk);
  EXPECT_EQ(ReadBody(client, ReadHead(client)), "ok");
  Wire second = world.backend().Accept();
  const Head request = ReadHead(second);
  EXPECT_EQ(request.target(), "/ws");
  second.Send(SwitchingProtocols(request));
  EXPECT_EQ(ReadHead(client).status(), 101);
  EXPECT_EQ(ReadFrame(second).payload, "early");
}

TEST(RelayPipeline, ALongOneIsServedToItsEnd) {
  constexpr int kRequests = 200;
  RecordingBackend backend;
  HawserProcess hawser(Config{.endpoints = {backend.address()}}.Yaml());
  Wire client = Wire::Connect(hawser.listener());
  std::string requests;
  for (int i = 0; i < kRequests; ++i) requests += PlainGet("/" + std::to_string(i));
  client.Send(requests);
  for (int i = 0; i < kRequests; ++i) ASSERT_EQ(ReadBody(client, ReadHead(client)), "ok") << i;
}

// --- Responses that do not wait for the request's end ---

TEST(RelayEarly, AResponseDuringAnUploadReachesTheClientAndEndsTheConnection) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PostShape("Content-Length: 1000000\r\n", "the beginning"));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  EXPECT_EQ(backend.Read(13), "the beginning");
  backend.Send(Response("413 Content Too Large", "enough"));
  const Head head = ReadHead(client);
  EXPECT_EQ(head.status(), 413);
  EXPECT_EQ(head.Value("Connection"), "close");
  EXPECT_EQ(ReadBody(client, head), "enough");
  client.Send(std::string(100'000, 'x'));
  EXPECT_NE(client.ReadEnd(), End::kOpen);
}

TEST(RelayEarly, ABackendThatAnswersAndHangsUpDuringAnUploadIsHeard) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PostShape("Transfer-Encoding: chunked\r\n", kHelloChunk));
  {
    Wire backend = world.backend().Accept();
    ReadHead(backend);
    backend.Send(Response("401 Unauthorized", "who?"));
    backend.ShutdownWrite();
    const Head head = ReadHead(client);
    EXPECT_EQ(head.status(), 401);
    EXPECT_EQ(ReadBody(client, head), "who?");
  }
  client.Send(kHelloChunk);
  EXPECT_NE(client.ReadEnd(), End::kOpen);
}

TEST(RelayEarly, BothBodiesFlowAtOnce) {
  OneBackend world;
  Wire client = world.Connect();
  client.Send(PostShape("Transfer-Encoding: chunked\r\n", ""));
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Ok("Transfer-Encoding: chunked\r\n", ""));
  EXPECT_EQ(ReadHead(client).status(), 200);
  for (int i = 0; i < 50; ++i) {
    client.Send(kHelloChunk);
    EXPECT_EQ(backend.Read(kHelloChunk.size()), kHelloChunk);
    backend.Send(kHelloChunk);
    EXPECT_EQ(client.Read(kHelloChunk.size()), kHelloChunk);
  }
  client.Send(kEnd);
  EXPECT_EQ(backend.Read(kEnd.size()), kEnd);
  backend.Send(kEnd);
  EXPECT_EQ(client.Read(kEnd.size()), kEnd);
}

TEST(RelayEarly, AClientThatLeavesDuringItsUploadLeavesNoWholeRequestBehind) {
  OneBackend world;
  for (const bool reset : {false, true}) {
    Wire client = world.Connect();
    client.Send(PostShape("Transfer-Encoding: chunked\r\n", kHelloChunk));
    Wire backend = world.backend().Accept();
    ReadHead(backend);
    EXPECT_EQ(backend.Read(kHelloChunk.size()), kHelloChunk);
    reset ? client.Reset() : client.Close();
    std::string rest;
    EXPECT_NE(backend.ReadEnd(&rest), End::kOpen);
    EXPECT_EQ(rest, "");
  }
}

}  // namespace
}  // namespace hawser::integration
