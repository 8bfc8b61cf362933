// WebSockets over HTTP/2 (RFC 8441) to backends that speak HTTP/1.1: the handshake translated, frames, ends
// and resets carried over, and flow control that keeps one stalled tunnel from its neighbours.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/harness/http2_client.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

Config Http2Listener(std::vector<std::string> websocket = {}) {
  Config config = PriorKnowledge();
  config.websocket = std::move(websocket);
  return config;
}

// A tunnel whose client end is a stream.
class Http2WebSocket : public testing::Test {
 public:
  void Begin(const Config& config = Http2Listener(), const Http2Options& options = {}) {
    world.emplace(config);
    client.emplace(world->Connect(), options);
  }

  struct Opened {
    int32_t stream;
    Wire backend;
    Head request;
  };
  Opened Open(const Fields& more = {}, const Fields& answer = {}) {
    Opened tunnel{
        .stream = client->WebSocket("/chat", more), .backend = world->backend().Accept(), .request = {}};
    tunnel.request = ReadHead(tunnel.backend);
    tunnel.backend.Send(SwitchingProtocols(tunnel.request, answer));
    EXPECT_EQ(client->AwaitHead(tunnel.stream).status, 200);
    return tunnel;
  }

  void ExpectBothWays(Opened& tunnel) {
    client->Send(tunnel.stream, EncodeMasked({.payload = "there"}));
    EXPECT_EQ(ReadFrame(tunnel.backend).payload, "there");
    const std::string back = Encode({.payload = "and back"});
    tunnel.backend.Send(back);
    EXPECT_EQ(client->Read(tunnel.stream, back.size()), back);
  }

  std::optional<OneBackend> world;
  std::optional<Http2Client> client;
};

TEST_F(Http2WebSocket, TheHandshakeIsTranslatedBothWays) {
  Begin();
  auto tunnel = Open({{"sec-websocket-protocol", "chat, other"}, {"origin", "https://hawser.test"}},
                     {{"Sec-WebSocket-Protocol", "chat"}});
  EXPECT_TRUE(client->extended_connect());
  EXPECT_EQ(tunnel.request.first_line, "GET /chat HTTP/1.1");
  EXPECT_EQ(tunnel.request.Value("Host"), "hawser.test");
  EXPECT_EQ(tunnel.request.Value("Upgrade"), "websocket");
  EXPECT_EQ(tunnel.request.Value("Connection"), "Upgrade");
  EXPECT_EQ(tunnel.request.Value("Sec-WebSocket-Version"), "13");
  EXPECT_EQ(tunnel.request.Value("Sec-WebSocket-Key").size(), 24u);
  EXPECT_EQ(tunnel.request.Value("Sec-WebSocket-Protocol"), "chat, other");
  const auto& fields = client->at(tunnel.stream).fields;
  EXPECT_EQ(fields.at("sec-websocket-protocol"), "chat");
  for (const char* name : {"connection", "upgrade", "sec-websocket-accept"})
    EXPECT_FALSE(fields.contains(name));
  ExpectBothWays(tunnel);
}

TEST_F(Http2WebSocket, FramesSentAheadOfTheAnswerArrive) {
  Begin();
  const int32_t stream = client->WebSocket("/chat");
  client->Send(stream, EncodeMasked({.payload = "early"}));
  Wire backend = world->backend().Accept();
  const Head request = ReadHead(backend);
  EXPECT_FALSE(backend.HasInput());
  backend.Send(SwitchingProtocols(request) + Encode({.payload = "early too"}));
  EXPECT_EQ(ReadFrame(backend).payload, "early");
  EXPECT_EQ(client->Read(stream, 11), Encode({.payload = "early too"}));
}

TEST_F(Http2WebSocket, TooMuchAheadIsRefused) {
  Config config = Http2Listener();
  config.listener.push_back("limits: { early_bytes: 1KiB }");
  Begin(config);
  const int32_t stream = client->WebSocket("/chat");
  Wire backend = world->backend().Accept();
  ReadHead(backend);
  client->Send(stream, EncodeMasked({.payload = std::string(4096, 'x')}));
  EXPECT_EQ(client->AwaitHead(stream).status, 413);
}

TEST_F(Http2WebSocket, ACloseIsRelayedWithItsCode) {
  Begin(Http2Listener({"close_timeout: 1h"}));
  auto tunnel = Open();
  client->Send(tunnel.stream, EncodeMasked({.opcode = kClose, .payload = ClosePayload(4321, "going home")}));
  EXPECT_EQ(ReadFrame(tunnel.backend).close_code(), 4321);
  const std::string answer = Encode({.opcode = kClose, .payload = ClosePayload(4321)});
  tunnel.backend.Send(answer);
  EXPECT_EQ(client->Read(tunnel.stream, answer.size()), answer);
  client->End(tunnel.stream);
  EXPECT_EQ(tunnel.backend.ReadEnd(), End::kFin);
  tunnel.backend.Close();
  EXPECT_TRUE(client->AwaitEnd(tunnel.stream).ended);
  const LogLine line = world->hawser().WaitForLog();
  EXPECT_EQ(line["event"], "tunnel");
  EXPECT_EQ(line["protocol"], "HTTP/2");
  EXPECT_EQ(line["close_code"], "4321");
  EXPECT_EQ(line["closed_by"], "client");
  EXPECT_TRUE(world->hawser().MetricIs("hawser_connections_open", 1));  // the tunnel was only a stream of it
  auto next = Open();
  ExpectBothWays(next);
}

TEST_F(Http2WebSocket, ABackendsCloseEndsTheStream) {
  Begin();
  auto tunnel = Open();
  const std::string close = Encode({.opcode = kClose, .payload = ClosePayload(1000)});
  tunnel.backend.Send(close);
  EXPECT_EQ(client->Read(tunnel.stream, close.size()), close);
  client->Send(tunnel.stream, EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000)}));
  client->End(tunnel.stream);
  EXPECT_EQ(ReadFrame(tunnel.backend).close_code(), 1000);
  tunnel.backend.Close();
  EXPECT_TRUE(client->AwaitEnd(tunnel.stream).ended);
  EXPECT_EQ(world->hawser().WaitForLog()["closed_by"], "backend");
}

TEST_F(Http2WebSocket, AResetReachesTheBackend) {
  Begin();
  auto tunnel = Open();
  client->Reset(tunnel.stream);
  std::string rest;
  EXPECT_NE(tunnel.backend.ReadEnd(&rest), End::kOpen);
  EXPECT_EQ(world->hawser().WaitForLog()["closed_by"], "client");
  auto next = Open();
  ExpectBothWays(next);
}

TEST_F(Http2WebSocket, ALostBackendIsReported) {
  Begin();
  auto tunnel = Open();
  tunnel.backend.Reset();
  const auto& answer = client->at(tunnel.stream);
  EXPECT_TRUE(client->Await([&] { return answer.ended || answer.reset || answer.body.size() >= 4; }));
  EXPECT_EQ(world->hawser().WaitForLog()["closed_by"], "backend");
}

TEST_F(Http2WebSocket, APlainSuccessIsNoTunnel) {
  Begin();
  const int32_t stream = client->WebSocket("/chat");
  Wire backend = world->backend().Accept();
  ReadHead(backend);
  backend.Send(Response("200 OK", "just a page"));
  const Http2Answer& answer = client->AwaitHead(stream);
  EXPECT_EQ(answer.status, 502);
  EXPECT_EQ(world->hawser().WaitForLog()["reason"], "bad_backend_upgrade");
}

TEST_F(Http2WebSocket, ARefusalOfTheBackendsIsRelayed) {
  Begin();
  const int32_t stream = client->WebSocket("/chat");
  Wire backend = world->backend().Accept();
  ReadHead(backend);
  backend.Send(Response("403 Forbidden", "not you"));
  const Http2Answer& answer = client->AwaitEnd(stream);
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.body, "not you");
}

TEST_F(Http2WebSocket, AWrongVersionNeverReachesABackend) {
  Begin();
  EXPECT_TRUE(client->Await([&] { return client->settings_received(); }));
  const int32_t stream = client->Request({{":method", "CONNECT"},
                                          {":protocol", "websocket"},
                                          {":scheme", "http"},
                                          {":authority", "hawser.test"},
                                          {":path", "/chat"},
                                          {"sec-websocket-version", "12"}},
                                         true);
  const Http2Answer& answer = client->AwaitHead(stream);
  EXPECT_EQ(answer.status, 426);
  EXPECT_EQ(answer.fields.at("sec-websocket-version"), "13");
  EXPECT_FALSE(world->backend().contacted());
}

TEST_F(Http2WebSocket, AStalledTunnelLeavesItsNeighboursAlone) {
  Begin(Http2Listener(), {.reads = false});
  auto stalled = Open();
  auto lively = Open();
  // More than the window of the stream that nobody gives back, and more than hawser holds.
  std::string much;
  for (int i = 0; i < 64; ++i) much += Encode({.opcode = kBinary, .payload = std::string(65536, 'x')});
  const size_t taken = stalled.backend.SendSome(much);
  EXPECT_GT(taken, 0u);
  EXPECT_TRUE(client->Await([&] { return client->at(stalled.stream).body.size() == 65535; }));
  for (int i = 0; i < 50; ++i) {
    client->Send(lively.stream, EncodeMasked({.payload = "there"}));
    EXPECT_EQ(ReadFrame(lively.backend).payload, "there");
    const std::string back = Encode({.payload = "and back"});
    lively.backend.Send(back);
    EXPECT_EQ(client->Read(lively.stream, back.size()), back);
  }
  EXPECT_EQ(client->at(stalled.stream).body.size(), 65535u);
}

TEST_F(Http2WebSocket, ABackendThatDoesNotReadStallsOnlyItsOwnStream) {
  Begin();
  auto stalled = Open();
  auto lively = Open();
  const std::string frame = EncodeMasked({.opcode = kBinary, .payload = std::string(1 << 20, 'x')});
  for (int i = 0; i < 16; ++i) client->Send(stalled.stream, frame);  // far more than sockets take
  for (int i = 0; i < 50; ++i) ExpectBothWays(lively);
}

TEST_F(Http2WebSocket, ADrainClosesTheTunnelsOfAConnection) {
  Config config = Http2Listener();
  config.top = {"drain: { window: 0s, deadline: 1h }"};
  Begin(config);
  auto tunnel = Open();
  world->hawser().process().Signal(SIGTERM);
  const std::string head = client->Read(tunnel.stream, 4);
  EXPECT_EQ(head.substr(2), std::string("\x03\xe9", 2));  // 1001
  client->Send(tunnel.stream, EncodeMasked({.opcode = kClose, .payload = ClosePayload(1001)}));
  client->End(tunnel.stream);
  EXPECT_EQ(ReadFrame(tunnel.backend).close_code(), 1001);
  tunnel.backend.Close();
  EXPECT_TRUE(client->Await([&] { return client->goaway().has_value(); }));
  EXPECT_EQ(client->wire().ReadEnd(), End::kFin);
  client->wire().Close();
  EXPECT_EQ(world->hawser().process().Wait(), 0);
}

TEST_F(Http2WebSocket, ShowsItsProtocolAmongTheTunnels) {
  Begin();
  auto tunnel = Open();
  EXPECT_NE(world->hawser().AdminPage("/tunnels").find("\"protocol\": \"HTTP/2\""), std::string::npos);
  ExpectBothWays(tunnel);
}

}  // namespace
}  // namespace hawser::integration
