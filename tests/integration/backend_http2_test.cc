// HTTP/2 to backends. The backend is a second hawser, whose listener speaks HTTP/2 to the first one's
// cluster, in front of backends that a test controls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/http2_frames.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::HasSubstr;

// client ─HTTP/1.1─▶ front ─HTTP/2─▶ back ─HTTP/1.1─▶ backend
class Chain {
 public:
  explicit Chain(std::vector<std::string> cluster = {"protocol: h2"})
      : back_(Config{.endpoints = {backend_.address()}, .listener = {"http2: { prior_knowledge: true }"}}
                  .Yaml()),
        front_(Config{.endpoints = {back_.listener()}, .cluster = std::move(cluster)}.Yaml()) {}

  FakeBackend& backend() { return backend_; }
  HawserProcess& back() { return back_; }
  HawserProcess& front() { return front_; }
  Wire Connect() { return Wire::Connect(front_.listener()); }

 private:
  FakeBackend backend_;
  HawserProcess back_;
  HawserProcess front_;
};

TEST(BackendHttp2, RequestsShareOneConnection) {
  Chain chain;
  Wire clients[3];
  Wire backends[3];
  for (int i = 0; i < 3; ++i) {
    clients[i] = chain.Connect();
    clients[i].Send("POST /" + std::to_string(i) +
                    " HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello");
    backends[i] = chain.backend().Accept();
    const Head head = ReadHead(backends[i]);
    EXPECT_EQ(head.target(), "/" + std::to_string(i));
    EXPECT_EQ(head.Value("Host"), "a.test");
    EXPECT_EQ(ReadBody(backends[i], head), "hello");
  }
  for (int i = 2; i >= 0; --i) {
    backends[i].Send(Response("200 OK", "answer " + std::to_string(i)));
    EXPECT_EQ(ReadBody(clients[i], ReadHead(clients[i])), "answer " + std::to_string(i));
  }
  EXPECT_TRUE(chain.front().MetricIs("hawser_endpoint_connects_total", 1));
  EXPECT_TRUE(chain.back().MetricIs("hawser_connections_accepted_total", 1));
  EXPECT_TRUE(chain.front().MetricIs("hawser_endpoint_http2_connections", 1));
  EXPECT_TRUE(chain.front().MetricIs("hawser_endpoint_http1_fallbacks_total", 0));
}

TEST(BackendHttp2, AWebSocketGoesAsExtendedConnect) {
  Chain chain;
  Wire client = chain.Connect();
  client.Send(Request{.more = {{"Sec-WebSocket-Protocol", "chat"}}}.Text());
  Wire backend = chain.backend().Accept();
  const Head request = ReadHead(backend);
  backend.Send(SwitchingProtocols(request, {{"Sec-WebSocket-Protocol", "chat"}}));
  const Head response = ReadHead(client);
  EXPECT_EQ(response.status(), 101);
  EXPECT_EQ(response.Value("Sec-WebSocket-Accept"), kSampleAccept);
  EXPECT_EQ(response.Value("Sec-WebSocket-Protocol"), "chat");
  const Frame frame{.opcode = kBinary, .payload = std::string(300'000, 'x')};
  client.Send(EncodeMasked(frame));
  EXPECT_TRUE(ReadFrame(backend).payload == frame.payload);
  backend.Send(Encode(frame));
  EXPECT_TRUE(ReadFrame(client) == frame);
  client.Send(EncodeMasked(Frame{.opcode = kClose, .payload = ClosePayload(1000, "bye")}));
  EXPECT_EQ(ReadFrame(backend).opcode, kClose);
  backend.Send(Encode(Frame{.opcode = kClose, .payload = ClosePayload(1000, "bye")}));
  EXPECT_EQ(ReadFrame(client).opcode, kClose);
  EXPECT_EQ(client.ReadEnd(), End::kFin);
  client.Close();
  backend.Close();
  EXPECT_EQ(chain.front().WaitForLog()["close_code"], "1000");
  EXPECT_EQ(chain.back().WaitForLog()["protocol"], "HTTP/2");
}

TEST(BackendHttp2, MoreThanTheStreamsOfOneConnectionOpenAnother) {
  Chain chain({"protocol: h2", "max_concurrent_streams: 1"});
  Wire clients[2];
  Wire backends[2];
  for (int i = 0; i < 2; ++i) {
    clients[i] = chain.Connect();
    clients[i].Send(PlainGet("/"));
    backends[i] = chain.backend().Accept();
    ReadHead(backends[i]);
  }
  for (int i = 0; i < 2; ++i) {
    backends[i].Send(Response("200 OK", "x"));
    EXPECT_EQ(ReadBody(clients[i], ReadHead(clients[i])), "x");
  }
  EXPECT_TRUE(chain.front().MetricIs("hawser_endpoint_connects_total", 2));
}

TEST(BackendHttp2, ABackendThatIsNotThereIsNotWaitedFor) {
  FakeBackend gone;
  gone.Stop();
  HawserProcess front(Config{.endpoints = {gone.address()}, .cluster = {"protocol: h2"}}.Yaml());
  Wire client = Wire::Connect(front.listener());
  client.Send(PlainGet("/"));
  EXPECT_EQ(ReadHead(client).status(), 503);
  EXPECT_TRUE(front.MetricReaches("hawser_endpoint_connect_failures_total", 1));
}

TEST(BackendHttp2, ABackendThatSpeaksHttp1OnlyHasItsOwnReason) {
  OneBackend world({.cluster = {"protocol: h2"}});
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  Wire backend = world.backend().Accept();
  EXPECT_THAT(backend.Read(24), HasSubstr("PRI * HTTP/2.0"));
  backend.Send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(ReadHead(client).status(), 503);
}

TEST(BackendHttp2, ATunnelTakesHttp1WhereTheBackendAnnouncesNoExtendedConnect) {
  OneBackend world({.cluster = {"protocol: h2"}});
  Wire client = world.Connect();
  client.Send(Request{}.Text());
  Wire shared = world.backend().Accept();
  EXPECT_THAT(shared.Read(24), HasSubstr("PRI * HTTP/2.0"));
  shared.Send(std::string("\0\0\0\4\0\0\0\0\0", 9));  // SETTINGS, empty
  for (int tunnels = 1; tunnels <= 2; ++tunnels) {
    Wire own = world.backend().Accept();
    own.Send(SwitchingProtocols(ReadHead(own)));
    EXPECT_EQ(ReadHead(client).status(), 101);
    client.Send(EncodeMasked({.payload = "over HTTP/1.1"}));
    EXPECT_EQ(ReadFrame(own).payload, "over HTTP/1.1");
    EXPECT_TRUE(world.hawser().MetricIs("hawser_endpoint_http1_fallbacks_total", tunnels));
    client = world.Connect();
    client.Send(tunnels == 1 ? Request{}.Text() : PlainGet("/"));
  }
  constexpr int kHeaders = 1;
  auto frame = ReadRawFrame(shared);
  while (frame && frame->type != kHeaders) frame = ReadRawFrame(shared);
  EXPECT_TRUE(frame) << "other requests still share the connection";
  EXPECT_TRUE(world.hawser().MetricIs("hawser_endpoint_http2_connections", 1));
  shared.Close();
  EXPECT_TRUE(world.hawser().MetricIs("hawser_endpoint_http2_connections", 0));
}

TEST(BackendHttp2, ABackendIsAskedForExtendedConnectAgainAfterAWhile) {
  OneBackend world({.cluster = {"protocol: h2", "retry_http2_after: 10ms"}});
  Wire first = world.Connect();
  first.Send(Request{}.Text());
  Wire shared = world.backend().Accept();
  EXPECT_THAT(shared.Read(24), HasSubstr("PRI * HTTP/2.0"));
  shared.Send(std::string("\0\0\0\4\0\0\0\0\0", 9));  // SETTINGS, empty
  Wire own = world.backend().Accept();
  own.Send(SwitchingProtocols(ReadHead(own)));
  EXPECT_EQ(ReadHead(first).status(), 101);
  // SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 (RFC 8441 §3)
  shared.Send(
      std::string("\0\0\6\4\0\0\0\0\0"
                  "\0\10\0\0\0\1",
                  15));
  constexpr int kHeaders = 1;
  constexpr int kSettings = 4;
  auto frame = ReadRawFrame(shared);
  for (int settings = 0; frame && settings < 3; frame = ReadRawFrame(shared)) {
    if (frame->type == kSettings) ++settings;  // its own, two ACKs
    if (settings == 3) break;
  }
  EXPECT_TRUE(Eventually([since = Clock::now()] { return Clock::now() > since + 20ms; }));
  Wire second = world.Connect();
  second.Send(Request{}.Text());
  while (frame && frame->type != kHeaders) frame = ReadRawFrame(shared);
  EXPECT_TRUE(frame);
}

TEST(BackendHttp2, AutoTakesWhatTheBackendChoosesByAlpn) {
  Directory directory;
  const CertificateFiles server = MakeCertificate(directory, "server", {"backend.test"});
  OneBackend world({.cluster = {"protocol: auto",
                                "tls: { ca_file: " + server.certificate + ", server_name: backend.test }"}});
  const ServeOptions options{
      .certificate = server.certificate, .private_key = server.private_key, .client_ca = {}};
  for (const std::string& request : {PlainGet("/"), Request{}.Text()}) {  // a backend without ALPN
    Wire client = world.Connect();
    client.Send(request);
    Wire backend = world.backend().Accept();
    ASSERT_TRUE(backend.ServeTls(options)) << backend.tls_error();
    EXPECT_TRUE(ReadHead(backend).complete());
    backend.Send(Response("200 OK", "x", {{"Connection", "close"}}));
    EXPECT_EQ(ReadBody(client, ReadHead(client)), "x");
  }
}

TEST(BackendHttp2, TlsAndAlpnLeadToHttp2AndWebSocketsOverIt) {
  Directory directory;
  const CertificateFiles server = MakeCertificate(directory, "server", {"backend.test"});
  FakeBackend origin;
  HawserProcess back(Config{.endpoints = {origin.address()},
                            .listener = {"tls: { certificates: [ { certificate: " + server.certificate +
                                         ", private_key: " + server.private_key + " } ] }"}}
                         .Yaml());
  HawserProcess front(Config{.endpoints = {back.listener()},
                             .cluster = {"protocol: auto", "tls: { ca_file: " + server.certificate +
                                                               ", server_name: backend.test }"}}
                          .Yaml());
  Wire client = Wire::Connect(front.listener());
  client.Send(Request{}.Text());
  Wire backend = origin.Accept();
  backend.Send(SwitchingProtocols(ReadHead(backend)));
  EXPECT_EQ(ReadHead(client).status(), 101);
  const Frame frame{.opcode = kText, .payload = "over both"};
  client.Send(EncodeMasked(frame));
  EXPECT_EQ(ReadFrame(backend).payload, frame.payload);
  backend.Reset();
  EXPECT_EQ(ReadFrame(client).opcode, kClose);
  client.Close();
  EXPECT_EQ(back.WaitForLog()["protocol"], "HTTP/2");
}

}  // namespace
}  // namespace hawser::integration
