#include "proxy/demo/echo_backend.h"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "tests/unit/server/fixture.h"
#include "tests/unit/ws/frame_builder.h"

namespace hawser::demo {
namespace {

using namespace std::chrono_literals;
using server::Peer;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kHandshake =
    "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

std::string Frame(ws::FrameSpec spec, bool masked) {
  if (masked) spec.mask = ws::Mask{1, 2, 3, 4};
  const ws::Bytes bytes = ws::Build(spec);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string Sent(ws::FrameSpec spec) {
  return Frame(std::move(spec), true);
}
std::string Echoed(ws::FrameSpec spec) {
  return Frame(std::move(spec), false);
}

class EchoBackendTest : public testing::Test {
 protected:
  void Turn() { loop_->RunOnce(0ms); }
  Peer Connect() {
    Peer client(backend_->address());
    Turn();
    return client;
  }
  Peer Open() {
    Peer client = Connect();
    client.Send(kHandshake);
    Turn();
    const std::string opened = client.Take();
    EXPECT_THAT(opened, StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
    EXPECT_THAT(opened, HasSubstr("\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    EXPECT_THAT(opened, HasSubstr(R"({"backend":"alpha",)"));
    return client;
  }
  std::string Answer(std::string_view request) {
    Peer client = Connect();
    client.Send(request);
    Turn();
    return client.Take();
  }

  std::unique_ptr<event::Loop> loop_ = std::move(event::Loop::Create()).value();
  absl::AnyInvocable<std::string()> figures_ = [] { return std::string("{}"); };
  std::unique_ptr<EchoBackend> backend_ =
      std::move(EchoBackend::Listen(*loop_, {.name = "alpha", .color = "red"}, figures_)).value();
};

TEST_F(EchoBackendTest, ServesItsPageAndItsFigures) {
  EXPECT_THAT(Answer("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(Answer("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), HasSubstr("<!doctype html>"));
  const std::string figures = Answer("GET /demo/stats?now HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(figures, HasSubstr("\r\nContent-Type: application/json\r\n"));
  EXPECT_THAT(figures, EndsWith("\r\n\r\n{}"));
  EXPECT_THAT(Answer("GET /else HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 404 Not Found\r\n"));
}

TEST_F(EchoBackendTest, EchoesFramesAsTheyAre) {
  Peer client = Open();
  EXPECT_EQ(backend_->open(), 1U);
  const std::vector<ws::FrameSpec> frames = {
      {.opcode = 1, .payload = "text"},
      {.opcode = 2, .payload = std::string(300, 'b'), .fin = false},
      {.opcode = 0, .payload = std::string(70'000, 'c')},
      {.opcode = 1, .payload = ""},
  };
  for (const ws::FrameSpec& frame : frames) {
    client.Send(Sent(frame));
    std::string echo;
    for (int i = 0; i < 100 && echo.size() < Echoed(frame).size(); ++i) {
      Turn();
      echo += client.Take();
    }
    EXPECT_EQ(echo, Echoed(frame));
  }
}

TEST_F(EchoBackendTest, FramesMayComeWithTheHandshakeOrByteByByte) {
  Peer client = Connect();
  client.Send(kHandshake + Sent({.payload = "early"}));
  Turn();
  EXPECT_THAT(client.Take(), EndsWith(Echoed({.payload = "early"})));
  for (const char byte : Sent({.payload = "slow"})) {
    client.Send({&byte, 1});
    Turn();
  }
  EXPECT_EQ(client.Take(), Echoed({.payload = "slow"}));
}

TEST_F(EchoBackendTest, AnswersPingsAndSwallowsPongs) {
  Peer client = Open();
  client.Send(Sent({.opcode = 10, .payload = "pong"}) + Sent({.opcode = 9, .payload = "ping"}));
  Turn();
  EXPECT_EQ(client.Take(), Echoed({.opcode = 10, .payload = "ping"}));
}

TEST_F(EchoBackendTest, AnswersACloseFrameEndsAndWaitsForTheClient) {
  Peer client = Open();
  client.Send(Sent({.opcode = 8, .payload = "\x03\xe8"}) + Sent({.payload = "too late"}));
  Turn();
  EXPECT_EQ(client.Heard(), Echoed({.opcode = 8, .payload = "\x03\xe8"}));
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(backend_->open(), 1U);
  client.Close();
  Turn();
  EXPECT_EQ(backend_->open(), 0U);
}

// Its frames fill what the kernel holds for a client that does not read; then the client does.
TEST_F(EchoBackendTest, AClientThatReadsLateGetsEverything) {
  Peer client = Open();
  const ws::FrameSpec frame{.opcode = 2, .payload = std::string(1 << 16, 'x')};
  std::string unsent;
  for (int i = 0; i < 128; ++i) unsent += Sent(frame);
  const auto send = [&] { unsent.erase(0, client.SendSome(unsent)); };
  for (int i = 0; i < 200; ++i) {
    send();
    Turn();
  }
  size_t left = 128 * Echoed(frame).size();
  for (int i = 0; i < 10'000 && left > 0; ++i) {
    send();
    Turn();
    left -= client.Take().size();
  }
  EXPECT_EQ(left, 0U);
}

TEST_F(EchoBackendTest, DropsClientsThatBreakTheRules) {
  Peer websocket = Open();
  websocket.Send(Sent({.opcode = 3}));
  Turn();
  EXPECT_TRUE(websocket.ended());
  EXPECT_EQ(backend_->open(), 0U);
  Peer http = Connect();
  http.Send("nonsense\r\n\r\n");
  Turn();
  EXPECT_TRUE(http.ended());
}

TEST_F(EchoBackendTest, AClientThatLeavesIsForgotten) {
  Peer client = Open();
  client.Close();
  Turn();
  EXPECT_EQ(backend_->open(), 0U);
}

TEST_F(EchoBackendTest, ItsDestructionEndsItsConnections) {
  Peer client = Open();
  backend_.reset();
  EXPECT_TRUE(client.ended());
}

}  // namespace
}  // namespace hawser::demo
