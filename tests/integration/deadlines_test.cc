// Deadlines: of a request head, between requests, of connecting, of silence, of a tunnel's age, and of peers
// that do not read or end in time.
#include <gtest/gtest.h>

#include <thread>

#include "tests/integration/harness/http2_client.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

// 408 and an end, or an end alone.
void ExpectTimedOut(Wire& client) {
  std::string answer;
  EXPECT_NE(client.ReadEnd(&answer), End::kOpen);
  if (!answer.empty()) {
    EXPECT_EQ(ParseHead(answer).status(), 408) << answer;
  }
}

TEST(Deadlines, AHeadThatDoesNotComeMeetsItsDeadline) {
  OneBackend world({.listener = {"timeouts: { request_headers: 300ms }"}});
  Wire silent = world.Connect();
  Wire half = world.Connect();
  half.Send("GET / HTTP/1.1\r\nHost: hawser.test\r\n");
  ExpectTimedOut(silent);
  ExpectTimedOut(half);
}

TEST(Deadlines, AHeadThatDripsDoesNotMoveItsDeadline) {
  OneBackend world({.listener = {"timeouts: { request_headers: 500ms }"}});
  Wire client = world.Connect();
  client.Send("GET / HTTP/1.1\r\nHost: hawser.test\r\nX: ");
  std::string answer;
  const bool ended = Eventually([&] { return client.SendSome("x") == 0 || client.HasInput(); });
  EXPECT_TRUE(ended);
  ExpectTimedOut(client);
}

TEST(Deadlines, AnIdleConnectionEndsBetweenRequests) {
  EchoBackend echo("echo");
  HawserProcess hawser(
      Config{.endpoints = {echo.address()}, .listener = {"timeouts: { keep_alive: 300ms }"}}.Yaml());
  Wire client = Wire::Connect(hawser.listener());
  for (int i = 0; i < 3; ++i) {
    client.Send(PlainGet("/"));
    const Head head = ReadHead(client);
    EXPECT_EQ(head.status(), 200);
    EXPECT_EQ(ReadBody(client, head), "echo");
  }
  std::string rest;
  EXPECT_EQ(client.ReadEnd(&rest), End::kFin);
  EXPECT_EQ(rest, "");
}

TEST(Deadlines, AConnectionThatCannotBeMadeInTimeGets504) {
  FakeBackend full("127.0.0.1:0", 0);
  const Wire fills_the_queue = Wire::Connect(full.address());
  HawserProcess hawser(
      Config{.endpoints = {full.address()}, .cluster = {"connect_timeout: 300ms", "connect_retries: 0"}}
          .Yaml());
  Head head;
  EXPECT_FALSE(Join(hawser.listener(), {}, &head).open());
  EXPECT_EQ(head.status(), 504);
}

TEST(Deadlines, ATunnelThatLivedLongEnoughIsClosed) {
  OneBackend world({.websocket = {"max_connection_duration: { duration: 500ms, jitter: 0.5 }"}});
  Tunnel tunnel = world.Open();
  const Frame close = ReadFrame(tunnel.client);
  EXPECT_EQ(close.opcode, kClose);
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
  tunnel.client.Close();
  tunnel.backend.Close();
  const LogLine line = world.hawser().WaitForLog();
  EXPECT_EQ(line["reason"], "max_duration");
  EXPECT_EQ(line["close_code"], std::to_string(close.close_code()));
  EXPECT_GE(line.Number("duration_ms"), 250);
}

TEST(Deadlines, ATunnelWithoutMessagesIsClosedAsIdle) {
  OneBackend world(
      {.websocket = {"idle_timeout: 500ms", "keepalive: { interval: 100ms, timeout: 1h, to: client }"}});
  Tunnel tunnel = world.Open();
  Frame frame = ReadFrame(tunnel.client);
  while (frame.opcode == kPing) {  // pings and pongs are no messages
    tunnel.client.Send(EncodeMasked({.opcode = kPong, .payload = frame.payload}));
    frame = ReadFrame(tunnel.client);
  }
  EXPECT_EQ(frame.opcode, kClose);
  EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
  tunnel.client.Close();
  tunnel.backend.Close();
  EXPECT_EQ(world.hawser().WaitForLog()["reason"], "idle_timeout");
}

TEST(Deadlines, MessagesInOneDirectionKeepATunnel) {
  OneBackend world({.websocket = {"idle_timeout: 1s"}});
  Tunnel tunnel = world.Open();
  const auto until = Clock::now() + 2500ms;
  while (Clock::now() < until) {
    tunnel.backend.Send(Encode({.payload = "tick"}));
    ASSERT_EQ(ReadFrame(tunnel.client).payload, "tick");
  }
}

TEST(Deadlines, AnAnswerThatAClientDoesNotTakeIsGivenUp) {
  HawserProcess hawser(
      "admin: { address: 127.0.0.1:0 }\nlisteners:\n- name: main\n  address: 127.0.0.1:0\n"
      "  http2: { prior_knowledge: true }\n  timeouts: { answer: 100ms }\n"
      "routes: [ { match: {}, direct_response: { status: 200, body: 'more than the window' } } ]\n");
  Http2Client client(Wire::Connect(hawser.listener()), {.reads = false, .window = 4});
  const int32_t stream = client.Get("/");
  ASSERT_TRUE(client.Await([&] { return client.at(stream).reset.has_value(); }));
  EXPECT_EQ(client.at(stream).status, 200);
  EXPECT_FALSE(client.at(stream).ended);
  EXPECT_TRUE(hawser.MetricIs("hawser_answer_timeouts_total", 1));
}

TEST(Deadlines, AClientThatDoesNotCloseBehindARefusalIsClosed) {
  OneBackend patient({.listener = {"timeouts: { linger: 1h }"}});
  OneBackend hasty({.listener = {"timeouts: { linger: 10ms }"}});
  const auto refused = [](OneBackend& world) {
    Wire client = world.Connect();
    client.Send("GET / HTTP/1.1\r\n\r\n");  // no Host
    EXPECT_EQ(ReadHead(client).status(), 400);
    EXPECT_EQ(client.ReadEnd(), End::kFin);
    return client;
  };
  Wire kept = refused(patient);
  Wire cut = refused(hasty);
  EXPECT_TRUE(Eventually([&cut] { return cut.SendSome("x") == 0; }));
  EXPECT_EQ(kept.SendSome("x"), 1u);
  EXPECT_TRUE(patient.hawser().MetricIs("hawser_connections_open", 1));
}

TEST(Deadlines, ABackendThatDoesNotEndBehindItsCloseFrameIsEnded) {
  OneBackend patient({.websocket = {"backend_fin_timeout: 1h", "close_timeout: 1h"}});
  OneBackend hasty({.websocket = {"backend_fin_timeout: 10ms", "close_timeout: 1h"}});
  OneBackend at_once({.websocket = {"backend_fin_timeout: 0", "close_timeout: 1h"}});
  const auto closed = [](OneBackend& world) {
    Tunnel tunnel = world.Open();
    tunnel.client.Send(EncodeMasked({.opcode = kClose, .payload = ClosePayload(1000)}));
    EXPECT_EQ(ReadFrame(tunnel.backend).opcode, kClose);
    tunnel.backend.Send(Encode({.opcode = kClose, .payload = ClosePayload(1000)}));
    EXPECT_EQ(ReadFrame(tunnel.client).opcode, kClose);
    EXPECT_EQ(tunnel.client.ReadEnd(), End::kFin);
    return tunnel;
  };
  Tunnel waiting = closed(patient);
  EXPECT_EQ(closed(hasty).backend.ReadEnd(), End::kFin);
  EXPECT_EQ(closed(at_once).backend.ReadEnd(), End::kFin);
  EXPECT_TRUE(hasty.hawser().MetricIs("hawser_backend_fin_timeouts_total", 1));
  EXPECT_TRUE(patient.hawser().MetricIs("hawser_backend_fin_timeouts_total", 0));
  EXPECT_FALSE(waiting.backend.HasInput());
  waiting.backend.Close();
  waiting.client.Close();
  EXPECT_EQ(patient.hawser().WaitForLog()["close_code"], "1000");
}

}  // namespace
}  // namespace hawser::integration
