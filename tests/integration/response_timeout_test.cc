// How long a plain request may take: until the backend's head, while either body moves, and what happens to a
// body that breaks.
#include <string>

#include <gtest/gtest.h>
#include <poll.h>

#include "tests/integration/harness/http2_backend.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

std::string UploadOf(const std::string& fields, std::string_view body = "") {
  return "POST /upload HTTP/1.1\r\nHost: hawser.test\r\n" + fields + "\r\n" + std::string(body);
}

// Whether nothing comes for so long.
bool QuietFor(const Wire& wire, std::chrono::milliseconds time) {
  pollfd waits{.fd = wire.fd(), .events = POLLIN, .revents = 0};
  return poll(&waits, 1, static_cast<int>(time.count())) == 0;
}

// A request whose head the backend has read.
struct Asked {
  Wire client;
  Wire backend;
};
Asked AskBackend(OneBackend& world, const std::string& request) {
  Asked asked{world.Connect(), {}};
  asked.client.Send(request);
  asked.backend = world.backend().Accept();
  ReadHead(asked.backend);
  return asked;
}

TEST(ResponseTimeout, ALongPollOutlastsThirtySecondsByDefault) {
  OneBackend world;
  Asked poll = AskBackend(world, PlainGet("/socket.io/?EIO=4&transport=polling&sid=x"));
  EXPECT_TRUE(QuietFor(poll.client, 31s));
  poll.backend.Send(Response("200 OK", "2"));
  EXPECT_EQ(ReadHead(poll.client).status(), 200);
}

TEST(ResponseTimeout, ThatOfHandshakesIsForWebSocketsAlone) {
  OneBackend world({.route = {"handshake_timeout: 200ms"}});
  Asked plain = AskBackend(world, PlainGet("/"));
  Asked handshake = AskBackend(world, Request{}.Text());
  EXPECT_EQ(ReadHead(handshake.client).status(), 504);
  plain.backend.Send(Response("200 OK", "late"));
  EXPECT_EQ(ReadHead(plain.client).status(), 200);
}

TEST(ResponseTimeout, ABackendThatDoesNotAnswerInTimeIs504) {
  OneBackend world({.route = {"response_timeout: 200ms"}});
  Asked asked = AskBackend(world, PlainGet("/"));
  EXPECT_EQ(ReadHead(asked.client).status(), 504);
  EXPECT_NE(asked.backend.ReadEnd(), End::kOpen);
  EXPECT_EQ(world.hawser().WaitForLog()["reason"], "backend_timeout");
}

TEST(ResponseTimeout, ZeroIsNoLimit) {
  OneBackend world({.route = {"response_timeout: 0s", "handshake_timeout: 200ms"}});
  Asked plain = AskBackend(world, PlainGet("/"));
  Asked handshake = AskBackend(world, Request{}.Text());
  EXPECT_EQ(ReadHead(handshake.client).status(), 504);
  plain.backend.Send(Response("200 OK", "late"));
  EXPECT_EQ(ReadHead(plain.client).status(), 200);
}

TEST(ResponseTimeout, EachInterimResponseStartsItAgain) {
  OneBackend world({.route = {"response_timeout: 2s"}});
  Asked asked = AskBackend(world, PlainGet("/"));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(QuietFor(asked.client, 800ms));
    asked.backend.Send("HTTP/1.1 102 Processing\r\n\r\n");
    EXPECT_EQ(ReadHead(asked.client).status(), 102);
  }
  asked.backend.Send(Response("200 OK", "at last"));
  EXPECT_EQ(ReadHead(asked.client).status(), 200);
}

TEST(ResponseTimeout, ItRunsWhileTheClientWaitsForA100) {
  OneBackend world({.route = {"response_timeout: 200ms", "stream_idle_timeout: 1h"}});
  Asked asked = AskBackend(world, UploadOf("Content-Length: 5\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(ReadHead(asked.client).status(), 504);
}

TEST(ResponseTimeout, AClientThatWaitsForA100DoesNotStallItsUpload) {
  OneBackend world({.route = {"stream_idle_timeout: 200ms"}});
  Asked waits = AskBackend(world, UploadOf("Content-Length: 5\r\nExpect: 100-continue\r\n"));
  Asked stalls = AskBackend(world, UploadOf("Content-Length: 5\r\n", "he"));
  EXPECT_EQ(ReadHead(stalls.client).status(), 408);
  waits.backend.Send("HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(ReadHead(waits.client).status(), 100);
  waits.client.Send("hello");
  EXPECT_EQ(waits.backend.Read(5), "hello");
  waits.backend.Send(Response("200 OK", "ok"));
  EXPECT_EQ(ReadHead(waits.client).status(), 200);
}

TEST(ResponseTimeout, AClientThatStallsItsUploadGets408) {
  OneBackend world({.route = {"stream_idle_timeout: 200ms", "response_timeout: 1h"}});
  for (const std::string& request :
       {UploadOf("Content-Length: 5\r\n"), UploadOf("Content-Length: 5\r\n", "he"),
        UploadOf("Transfer-Encoding: chunked\r\n", "2\r\nhe\r\n")}) {
    Asked asked = AskBackend(world, request);
    EXPECT_EQ(ReadHead(asked.client).status(), 408) << request;
    EXPECT_NE(asked.backend.ReadEnd(), End::kOpen);
  }
  EXPECT_EQ(world.hawser().WaitForLog()["reason"], "request_timeout");
}

TEST(ResponseTimeout, ABackendThatDoesNotTakeAnUploadIs504) {
  OneBackend world({.route = {"stream_idle_timeout: 500ms", "response_timeout: 1h"}});
  Asked asked = AskBackend(world, UploadOf("Content-Length: 1000000000\r\n"));
  const std::string block(1 << 20, 'x');
  while (!asked.client.HasInput()) asked.client.SendSome(block);
  EXPECT_EQ(ReadHead(asked.client).status(), 504);
}

// Whether hawser has handled what came before on other connections: one worker answers this one.
void PassATurn(OneBackend& world) {
  for (int i = 0; i < 2; ++i) {
    Wire other = world.Connect();
    other.Send("GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(ReadHead(other).status(), 400);
  }
}

TEST(ResponseTimeout, ItRunsOnceTheEndOfAnUploadHasFoundRoom) {
  OneBackend world(
      {.route = {"response_timeout: 300ms", "stream_idle_timeout: 0s"}, .cluster = {"protocol: h2"}});
  constexpr size_t kWindow = 65'535;  // of a stream, as it begins (RFC 9113 §6.9.2)
  Wire client = world.Connect();
  client.Send(UploadOf("Transfer-Encoding: chunked\r\n", "ffff\r\n" + std::string(kWindow, 'x') + "\r\n"));
  Http2Backend backend(world.backend().Accept());
  const uint32_t stream = backend.ReadRequest().stream;
  for (size_t bytes = 0; bytes < kWindow;) {
    const auto frame = backend.ReadFrame();
    ASSERT_TRUE(frame);
    if (frame->type == NGHTTP2_DATA) bytes += frame->payload.size();
  }
  client.Send("0\r\n\r\n");
  PassATurn(world);
  for (const uint32_t of : {0U, stream}) {
    backend.Send(RawFrame(NGHTTP2_WINDOW_UPDATE, 0, of, BigEndian(1000, 4)));
  }
  EXPECT_EQ(ReadHead(client).status(), 504);
}

TEST(ClientThatLeaves, IsDetectedThoughItsBodyHasFilledTheBuffer) {
  OneBackend world({.cluster = {"protocol: h2"}});
  Wire client = world.Connect();
  client.Send(UploadOf("Content-Length: 30000\r\n", std::string(30'000, 'x')));
  PassATurn(world);
  Http2Backend backend(world.backend().Accept());  // only now are there SETTINGS, and a stream
  backend.ReadRequest();
  auto frame = backend.ReadFrame();
  while (frame && (frame->flags & NGHTTP2_FLAG_END_STREAM) == 0) frame = backend.ReadFrame();
  PassATurn(world);
  client.Reset();
  frame = backend.ReadFrame();
  while (frame && frame->type != NGHTTP2_RST_STREAM) frame = backend.ReadFrame();
  EXPECT_TRUE(frame);
}

TEST(StreamIdleTimeout, StalledBodiesAreCutThoughTheClientSends) {
  OneBackend world({.route = {"stream_idle_timeout: 500ms"}});
  Asked asked = AskBackend(world, PlainGet("/"));
  asked.backend.Send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
  EXPECT_EQ(ReadHead(asked.client).status(), 200);
  EXPECT_EQ(asked.client.Read(5), "hello");
  // What the client sends ahead of its next request wakes the exchange up, and moves no body.
  while (!asked.client.HasInput()) asked.client.SendSome("G");
  EXPECT_NE(asked.client.ReadEnd(), End::kOpen);
  EXPECT_EQ(world.hawser().WaitForLog()["reason"], "idle_timeout");
}

TEST(StreamIdleTimeout, ZeroIsNoLimit) {
  OneBackend world({.route = {"stream_idle_timeout: 0s", "response_timeout: 200ms"}});
  Asked watch = AskBackend(world, PlainGet("/watch"));
  watch.backend.Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na");
  EXPECT_EQ(ReadHead(watch.client).status(), 200);
  Asked late = AskBackend(world, PlainGet("/"));
  EXPECT_EQ(ReadHead(late.client).status(), 504);
  watch.backend.Send("b");
  EXPECT_EQ(watch.client.Read(2), "ab");
}

TEST(BrokenResponse, OneOfWhichNothingHasLeftIs502) {
  OneBackend world;
  for (const std::string& broken :
       {std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n")}) {
    Asked asked = AskBackend(world, PlainGet("/"));
    asked.backend.Send(broken);
    EXPECT_EQ(ReadHead(asked.client).status(), 502);
  }
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_EQ(line["status"], "502");
  EXPECT_EQ(line["reason"], "bad_backend_response");
}

TEST(BrokenResponse, AStreamThatIsResetRightBehindItsHeadIs502) {
  OneBackend world({.cluster = {"protocol: h2"}});
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  Http2Backend backend(world.backend().Accept());
  const uint32_t stream = backend.ReadRequest().stream;
  constexpr uint32_t kInternalError = 2;
  backend.Send(Http2Backend::Head(stream, 200, false) + Http2Backend::Reset(stream, kInternalError));
  EXPECT_EQ(ReadHead(client).status(), 502);
  EXPECT_EQ(world.hawser().WaitForLog()["status"], "502");
}

TEST(BrokenResponse, OneThatHasBegunIsCutAndLoggedAsTheClientSawIt) {
  OneBackend world;
  Asked asked = AskBackend(world, PlainGet("/"));
  asked.backend.Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n");
  EXPECT_EQ(ReadHead(asked.client).status(), 200);
  EXPECT_EQ(asked.client.ReadThrough("he\r\n"), "2\r\nhe\r\n");
  asked.backend.Send("zz\r\n");
  std::string rest;
  EXPECT_NE(asked.client.ReadEnd(&rest), End::kOpen);
  EXPECT_EQ(rest, "");
  EXPECT_EQ(world.hawser().WaitForLog()["status"], "200");
}

// A client that pipelines and does not read: its socket has no room when the 101 is due, though its backend
// talks already. What has to go into the socket before the 101 grows until the 101 does not fit.
TEST(NoRoomForThe101, NoSecondHeadFollowsIt) {
  Directory directory;
  FakeBackend backend("unix:" + directory.File("backend"));
  HawserProcess hawser(Config{.endpoints = {backend.address()},
                              .route = {"handshake_timeout: 500ms"},
                              .address = "unix:" + directory.File("edge")}
                           .Yaml());
  std::vector<Wire> open;
  for (size_t ahead = 100'000; ahead < 100'000'000; ahead += 40'000) {
    Wire client = Wire::Connect("unix:" + directory.File("edge"));
    client.Send(PlainGet("/fill", {{"Connection", "keep-alive"}}) + Request{}.Text());
    Wire fills = backend.Accept();
    ReadHead(fills);
    fills.Send(Response("200 OK", std::string(ahead, '-'), {{"Connection", "close"}}));
    Wire talks = backend.Accept();
    const Head handshake = ReadHead(talks);
    talks.Send(SwitchingProtocols(handshake, {{"X-Long", std::string(60'000, '-')}}) +
               Encode({.payload = "early"}));
    const double opened = static_cast<double>(open.size() / 2 + 1);
    ASSERT_TRUE(
        Eventually([&] { return talks.HasInput() || hawser.Metric("hawser_tunnels_total") == opened; }));
    if (!talks.HasInput()) {
      open.push_back(std::move(client));
      open.push_back(std::move(talks));
      continue;
    }
    const LogLine line = hawser.WaitForLog([](const LogLine& one) { return one["path"] == "/"; });
    EXPECT_EQ(line["reason"], "idle_timeout");
    EXPECT_EQ(line["status"], "0");
    std::string heard;
    EXPECT_NE(client.ReadEnd(&heard), End::kOpen);
    const size_t switching = heard.find("HTTP/1.1 101");
    if (switching != std::string::npos) {
      EXPECT_EQ(heard.find("HTTP/1.1 ", switching + 1), std::string::npos);
    }
    return;
  }
  FAIL() << "the 101 found room each time";
}

}  // namespace
}  // namespace hawser::integration
