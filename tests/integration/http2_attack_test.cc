// Floods of HTTP/2 frames against the real binary: each ends the attacker's connection with GOAWAY
// ENHANCE_YOUR_CALM, is counted under its name, and leaves hawser's memory and its other clients alone.
#include <gtest/gtest.h>

#include <sys/socket.h>

#include "tests/integration/harness/http2_client.h"
#include "tests/integration/harness/http2_frames.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

std::string Block(bool get = true) {
  return std::string(get ? "\x82\x84\x86" : "\x83\x84\x86") + Literal('\0', ":authority", "hawser.test");
}

// One flood: what is sent over and over, by stream, and the name that it is counted by.
struct Flood {
  std::string kind;
  std::string (*frames)(uint32_t stream);
  int times;
};

const Flood kFloods[] = {
    {"resets",
     [](uint32_t stream) {
       return RawFrame(NGHTTP2_HEADERS, 5, stream, Block()) +
              RawFrame(NGHTTP2_RST_STREAM, 0, stream, BigEndian(8, 4));
     },
     400},
    {"provoked_resets",
     [](uint32_t stream) {
       return RawFrame(NGHTTP2_HEADERS, 4, stream, Block(false)) +
              RawFrame(NGHTTP2_WINDOW_UPDATE, 0, stream, BigEndian(0x7fffffff, 4));
     },
     400},
    {"settings", [](uint32_t) { return RawFrame(NGHTTP2_SETTINGS, 0, 0, ""); }, 400},
    {"pings", [](uint32_t) { return RawFrame(NGHTTP2_PING, 0, 0, "12345678"); }, 4000},
    {"priorities",
     [](uint32_t stream) { return RawFrame(NGHTTP2_PRIORITY, 0, stream, BigEndian(0, 4) + "\x10"); }, 4000},
    {"empty_data",
     [](uint32_t stream) {
       return (stream == 1 ? RawFrame(NGHTTP2_HEADERS, 4, 1, Block(false)) : "") +
              RawFrame(NGHTTP2_DATA, 0, 1, "");
     },
     1000},
    {"window_updates", [](uint32_t) { return RawFrame(NGHTTP2_WINDOW_UPDATE, 0, 0, BigEndian(1, 4)); }, 8000},
    {"continuations",
     [](uint32_t stream) {
       return stream == 1 ? RawFrame(NGHTTP2_HEADERS, 1, 1, Block())
                          : RawFrame(NGHTTP2_CONTINUATION, 0, 1, "");
     },
     100},
    {"header_bomb",
     [](uint32_t stream) {
       return RawFrame(
           NGHTTP2_HEADERS, 5, stream,
           Block() + Literal('\x40', "x-bomb", std::string(120, 'x')) + std::string(8000, '\xbe'));
     },
     1},
};

class Http2Attack : public testing::TestWithParam<Flood> {};

TEST_P(Http2Attack, EndsItsConnectionAndIsCounted) {
  const Flood& flood = GetParam();
  EchoBackend backend("echo");
  Config config = PriorKnowledge();
  config.endpoints = {backend.address()};
  HawserProcess hawser(config.Yaml());
  const size_t before = hawser.ResidentBytes();
  std::string bytes;
  for (int i = 0; i < flood.times; ++i) bytes += flood.frames(static_cast<uint32_t>(2 * i + 1));
  for (int attackers = 1; attackers <= 5; ++attackers) {
    Http2Client attacker(Wire::Connect(hawser.listener()));
    attacker.SendRaw(bytes);
    EXPECT_TRUE(attacker.Await([&] { return attacker.goaway().has_value(); }));
    EXPECT_EQ(attacker.goaway(), uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
    EXPECT_TRUE(hawser.MetricIs("hawser_http2_abuse_total", attackers, {"kind=\"" + flood.kind + "\""}));
  }
  EXPECT_TRUE(hawser.MetricIs("hawser_http2_connections_open", 0));
  EXPECT_LT(hawser.ResidentBytes(), before + (32 << 20));  // of a sanitizer's binary, which frees late
  EXPECT_TRUE(hawser.MetricReaches("hawser_http2_goaways_total", 5));
  Http2Client client(Wire::Connect(hawser.listener()));
  EXPECT_EQ(client.AwaitEnd(client.Get("/")).status, 200);
}

INSTANTIATE_TEST_SUITE_P(Each, Http2Attack, testing::ValuesIn(kFloods),
                         [](const testing::TestParamInfo<Flood>& one) { return one.param.kind; });

Config WithHttp2(const std::string& http2, std::vector<std::string> more = {}) {
  Config config;
  config.listener = {"http2: { prior_knowledge: true, " + http2 + " }"};
  config.listener.insert(config.listener.end(), more.begin(), more.end());
  return config;
}

TEST(Http2Bounds, StreamsAboveTheLimitAreRefused) {
  OneBackend world(WithHttp2("max_concurrent_streams: 2"));
  Http2Client client(world.Connect());
  // Before the limit is known to it: RFC 9113 §5.1.2 lets the client have this happen.
  const std::vector<int32_t> streams = {client.Get("/1"), client.Get("/2"), client.Get("/3")};
  EXPECT_EQ(client.AwaitEnd(streams[2]).reset, uint32_t{NGHTTP2_REFUSED_STREAM});
  EXPECT_TRUE(world.hawser().MetricIs("hawser_http2_streams_total", 1, {"result=\"refused\""}));
}

TEST(Http2Bounds, CookieCrumbsAreFields) {
  OneBackend world(WithHttp2("stall_timeout: 0s", {"limits: { request_headers: 20 }"}));
  Http2Client client(world.Connect());
  const Http2Answer& answer = client.AwaitEnd(client.Get("/", Fields(30, {"cookie", "a=b"})));
  EXPECT_EQ(answer.status, 431);
  EXPECT_EQ(world.hawser().WaitForLog()["reason"], "too_many_headers");
}

TEST(Http2Bounds, AHeadTooLargeIsRefusedAsDecoded) {
  OneBackend world(WithHttp2("stall_timeout: 0s", {"limits: { request_head: 4KiB }"}));
  Http2Client client(world.Connect());
  const Http2Answer& answer =
      client.AwaitEnd(client.Get("/", Fields(40, {"x-filler", std::string(100, 'x')})));
  EXPECT_EQ(answer.status, 431);
  EXPECT_EQ(world.hawser().WaitForLog()["reason"], "head_too_large");
}

TEST(Http2Bounds, APathTooLongHasItsOwnReason) {
  OneBackend world(WithHttp2("stall_timeout: 0s", {"limits: { request_head: 4KiB }"}));
  Http2Client client(world.Connect());
  EXPECT_EQ(client.AwaitEnd(client.Get("/" + std::string(5000, 'x'))).status, 414);
  EXPECT_EQ(world.hawser().WaitForLog()["reason"], "uri_too_long");
}

TEST(Http2Bounds, AWindowThatStaysClosedEndsTheStream) {
  OneBackend world(WithHttp2("stall_timeout: 100ms"));
  Http2Client client(world.Connect(), {.reads = false, .window = 0});
  const int32_t stream = client.Get("/");
  Wire backend = world.backend().Accept();
  ReadHead(backend);
  backend.Send(Response("200 OK", "never read"));
  EXPECT_EQ(client.AwaitEnd(stream).reset, uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  EXPECT_TRUE(world.hawser().MetricIs("hawser_http2_abuse_total", 1, {"kind=\"window_stall\""}));
}

TEST(Http2Bounds, ASilentConnectionIsEnded) {
  OneBackend world(WithHttp2("enabled: true", {"timeouts: { request_headers: 100ms }"}));
  Wire client = world.Connect();
  client.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_NE(client.ReadEnd(), End::kOpen);
}

TEST(Http2Bounds, AHeaderBlockThatNeverEndsEndsTheConnection) {
  for (const bool other : {false, true}) {
    OneBackend world(WithHttp2("enabled: true", {"timeouts: { request_headers: 200ms, keep_alive: 1h }"}));
    Http2Client client(world.Connect());
    if (other) client.Get("/");
    Wire backend = other ? world.backend().Accept() : Wire();
    client.SendRaw(RawFrame(NGHTTP2_HEADERS, 1, 3, Block()));
    EXPECT_NE(client.wire().ReadEnd(), End::kOpen);
    EXPECT_TRUE(world.hawser().MetricIs("hawser_rejects_total", 1, {"reason=\"request_timeout\""}));
  }
}

// An end is handled once, although the requests that it aborts make the session report it again: the
// connection is counted once, and stays until its client has gone, so that no reset overtakes the GOAWAY.
TEST(Http2Bounds, TheEndOfAConnectionWithRequestsIsOneEnd) {
  OneBackend world(
      WithHttp2("budgets: { pings: 10 }, initial_stream_window: 16MiB, initial_connection_window: 64MiB"));
  Http2Client client(world.Connect());
  client.Await([&] { return client.settings_received(); });
  const int32_t upload = client.Request(
      {{":method", "POST"}, {":scheme", "http"}, {":authority", "hawser.test"}, {":path", "/"}}, true);
  Wire backend = world.backend().Accept();
  const int small = 4096;
  setsockopt(backend.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
  client.Send(upload, std::string(15 << 20, 'x'));  // more than a backend that does not read lets through
  const int32_t other = client.Get("/");
  Wire quick = world.backend().Accept();
  ReadHead(quick);
  quick.Send(Response("200 OK", ""));
  client.AwaitEnd(other);  // all of the body is under way
  for (int i = 0; i <= 10; ++i) client.SendRaw(RawFrame(NGHTTP2_PING, 0, 0, "12345678"));
  EXPECT_EQ(client.wire().ReadEnd(), End::kFin);
  EXPECT_TRUE(world.hawser().MetricIs("hawser_http2_connections_open", 1));
  client.wire().Close();
  EXPECT_TRUE(world.hawser().MetricIs("hawser_http2_connections_open", 0));
  EXPECT_TRUE(world.hawser().MetricIs("hawser_http2_abuse_total", 1, {"kind=\"pings\""}));
}

}  // namespace
}  // namespace hawser::integration
