// Single checks of each kind, over fake streams and a stepped clock: what is sent, what an endpoint must
// answer, and that nothing is left of a check that is given up.
#include "proxy/cluster/health_check.h"

#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/cluster/health_check_tcp.h"
#include "proxy/http/upgrade.h"
#include "proxy/ws/frame.h"
#include "tests/fakes/every_event.h"
#include "tests/fakes/silent_host.h"
#include "tests/unit/cluster/fake_backends.h"
#include "tests/unit/http2/frames.h"

namespace hawser::cluster::health_check_test {
namespace {

using namespace std::chrono_literals;
using config::HealthCheck;
using testing::HasSubstr;
using testing::StartsWith;
using Kind = CheckResult::Kind;

constexpr std::string_view kNoContent = "HTTP/1.1 204 No Content\r\n\r\n";

class Checks : public FakeBackends {
 protected:
  explicit Checks(config::BackendProtocol protocol = config::BackendProtocol::kHttp11)
      : FakeBackends(protocol) {
    check_.timeout = 2s;
  }
  // Before its pool.
  void TearDown() override { running_.reset(); }

  void Start() {
    running_.reset();
    result_.reset();
    plan_ = CheckPlan::Make(Now(), check_);
    if (target_ == nullptr) target_ = plan_->EndpointFor(endpoint());
    running_.emplace(*loop_, *pool_, *plan_, target_, [this](CheckResult result) {
      ++told_;
      result_ = std::move(result);
      if (let_go_) running_.reset();
    });
    EXPECT_FALSE(result_) << "nothing is told before the caller has the check";
    Run();
  }
  void Receive(std::string_view bytes) {
    newest().Feed(bytes);
    Run();
  }
  // What the check has said, as "passed" or as its reason.
  std::string Said() const {
    if (!result_) return "nothing";
    return result_->kind == Kind::kPassed ? "passed" : result_->why;
  }

  HealthCheck check_;
  std::shared_ptr<const CheckPlan> plan_;
  std::shared_ptr<Endpoint> target_;
  std::optional<cluster::HealthCheck> running_;
  std::optional<CheckResult> result_;
  int told_ = 0;
  bool let_go_ = false;
};

// --- The plan ---

TEST_F(Checks, HaveAnEndpointOfTheirOwn) {
  check_.http.emplace();
  check_.http->port = 8080;
  plan_ = CheckPlan::Make(Now(), check_);
  const auto target = plan_->EndpointFor(Endpoint("rooms", Address("[2001:db8::1]:9000"), "rooms.internal"));
  EXPECT_EQ(target->name(), "[2001:db8::1]:8080");
  EXPECT_EQ(target->tls_name(), "rooms.internal");
  const auto local = plan_->EndpointFor(Endpoint("rooms", Address("unix:/run/rooms.sock")));
  EXPECT_EQ(local->name(), "unix:/run/rooms.sock") << "which has no port";
}

TEST_F(Checks, SendTheHostThatIsConfiguredOrTheEndpointsName) {
  check_.http.emplace();
  plan_ = CheckPlan::Make(Now(), check_);
  Endpoint endpoint("rooms", Address("10.0.0.1:9000"));
  EXPECT_EQ(plan_->HostFor(*plan_->EndpointFor(endpoint)), "10.0.0.1:9000");
  endpoint.set_host("rooms.internal");
  EXPECT_EQ(plan_->HostFor(*plan_->EndpointFor(endpoint)), "rooms.internal:9000");
  EXPECT_EQ(plan_->HostFor(Endpoint("rooms", Address("unix:/run/rooms.sock"))), "localhost");
  check_.http->host = "health.internal";
  plan_ = CheckPlan::Make(Now(), check_);
  EXPECT_EQ(plan_->HostFor(*plan_->EndpointFor(endpoint)), "health.internal");
}

TEST_F(Checks, TakeTheNameForSniFromTheirHost) {
  settings_.tls.emplace();
  settings_.tls->server_name = "rooms.internal";
  settings_.source_addresses = {net::IpAddress::Parse("127.0.0.2").value()};
  check_.http.emplace();
  EXPECT_EQ(*CheckPlan::Make(Now(), check_)->cluster()->settings().tls->server_name, "rooms.internal");
  check_.http->host = "health.internal:8443";
  const auto cluster = Now();
  plan_ = CheckPlan::Make(cluster, check_);
  EXPECT_EQ(*plan_->cluster()->settings().tls->server_name, "health.internal");
  EXPECT_EQ(plan_->cluster()->transport(), cluster->transport());
  EXPECT_EQ(plan_->cluster()->settings().source_addresses, cluster->settings().source_addresses);
  EXPECT_TRUE(plan_->cluster()->settings().endpoints.empty()) << "no copy of what may be thousands";
}

TEST_F(Checks, MayNameAnIpv6Address) {
  settings_.tls.emplace();
  check_.http.emplace();
  for (const std::string_view host : {"[2001:db8::1]:8443", "[2001:db8::1]"}) {
    check_.http->host = host;
    plan_ = CheckPlan::Make(Now(), check_);
    EXPECT_EQ(*plan_->cluster()->settings().tls->server_name, "2001:db8::1");
    EXPECT_EQ(plan_->HostFor(*plan_->EndpointFor(endpoint())), host);
  }
}

TEST_F(Checks, HaveNames) {
  EXPECT_EQ(NameOf(KindOf({.websocket = config::WebSocketCheck()})), "websocket");
  EXPECT_EQ(NameOf(KindOf({.http = config::HttpCheck()})), "http");
  EXPECT_EQ(NameOf(KindOf({.tcp = config::TcpCheck()})), "tcp");
  EXPECT_EQ(NameOf(Kind::kNotMade), "not_made");
}

// --- HTTP ---

class HttpChecks : public Checks {
 protected:
  HttpChecks() { check_.http.emplace(); }
};

TEST_F(HttpChecks, AskWithAGet) {
  check_.http->path = "/healthz?deep";
  check_.http->host = "health.internal";
  check_.http->headers = {{.name = "X-Probe", .value = "1"}};
  Start();
  EXPECT_EQ(newest().written(),
            "GET /healthz?deep HTTP/1.1\r\nHost: health.internal\r\nX-Probe: 1\r\n"
            "User-Agent: hawser-health-check\r\n\r\n");
}

TEST_F(HttpChecks, LetTheirOwnUserAgentStand) {
  check_.http->headers = {{.name = "user-agent", .value = "probe"}};
  Start();
  EXPECT_THAT(newest().written(), testing::EndsWith("\r\nuser-agent: probe\r\n\r\n"));
}

TEST_F(HttpChecks, PassWithAStatusThatIsExpected) {
  for (const auto& [expect, answer, said] :
       {std::tuple{std::vector<uint16_t>{200, 204}, "HTTP/1.1 204 No Content\r\n\r\n", "passed"},
        {{200, 204}, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "passed"},
        {{200, 204}, "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy", "answered 503"},
        {{418}, "HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n", "passed"},
        {{418}, "HTTP/1.1 204 No Content\r\n\r\n", "answered 204"},
        {{200}, "HTTP/1.1 101 Switching Protocols\r\n\r\n", "a 101 that is not right"}}) {
    check_.http->expect = expect;
    Start();
    Receive(answer);
    EXPECT_EQ(Said(), said);
    EXPECT_EQ(result_->kind, std::string_view(said) == "passed" ? Kind::kPassed : Kind::kFailed);
  }
}

TEST_F(HttpChecks, UseAKeptConnectionThatTheRoadDoesNotKnow) {
  for (int i = 0; i < 3; ++i) {
    Start();
    Receive(kNoContent);
    EXPECT_EQ(Said(), "passed");
  }
  EXPECT_EQ(connections(), 1u);
  EXPECT_EQ(target_->idle_connections(), 1);
  EXPECT_EQ(endpoint().idle_connections(), 0);
  EXPECT_EQ(endpoint().connects(), 0u);
  pool_->Forget(*target_);
  EXPECT_TRUE(newest().closed());
}

TEST_F(HttpChecks, PassWhateverTheBodysSize) {
  Start();
  Receive("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + std::string(100'000, 'x'));
  EXPECT_EQ(Said(), "passed");
  EXPECT_TRUE(newest().closed());
}

TEST_F(HttpChecks, FailWhereNoAnswerComesInTime) {
  Start();
  Pass(2s);
  EXPECT_EQ(Said(), "no answer in time");
  EXPECT_EQ(result_->kind, Kind::kFailed);
}

TEST_F(HttpChecks, SayNothingOfTheEndpointWherePoolOrPortsEnd) {
  pool_->Abort();
  Start();
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->kind, Kind::kNotMade);
}

TEST_F(HttpChecks, MayBeLetGoOfByWhomTheyTell) {
  let_go_ = true;
  Start();
  Receive(kNoContent);
  EXPECT_EQ(told_, 1);
}

// --- WebSocket ---

class WebSocketChecks : public Checks {
 protected:
  explicit WebSocketChecks(config::BackendProtocol protocol = config::BackendProtocol::kHttp11)
      : Checks(protocol) {
    check_.websocket.emplace();
  }

  std::string Accept() {
    const std::string& sent = newest().written();
    constexpr std::string_view kField = "Sec-WebSocket-Key: ";
    const size_t at = sent.find(kField);
    if (at == sent.npos) return "";
    return http::AcceptFor(std::string_view(sent).substr(at + kField.size(), 24));
  }
  std::string Switching(const std::string& more = "") {
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + more +
           "Sec-WebSocket-Accept: " + Accept() + "\r\n\r\n";
  }
  static std::string Text(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  static std::string Frame(ws::Opcode opcode, std::string_view payload) {
    return Text(ws::SmallFrame::Make(opcode, std::as_bytes(std::span(payload)), std::nullopt).bytes());
  }
  struct Sent {
    ws::Opcode opcode;
    bool masked;
    std::string payload;
  };
  // The frames at the start of `bytes`, unmasked.
  static std::vector<Sent> FramesIn(std::string bytes) {
    std::vector<Sent> frames;
    while (!bytes.empty()) {
      const auto all = std::as_writable_bytes(std::span(bytes));
      const ws::ParsedHeader parsed = ws::ParseHeader(all);
      if (parsed.state != ws::ParsedHeader::State::kComplete) break;
      const auto payload = all.subspan(parsed.header.header_bytes, parsed.header.payload_bytes);
      ws::Unmask(payload, parsed.header.mask, 0);
      frames.push_back({parsed.header.opcode, parsed.header.masked, Text(payload)});
      bytes.erase(0, parsed.header.header_bytes + parsed.header.payload_bytes);
    }
    return frames;
  }
  // Those that were sent since the last call, behind the head.
  std::vector<Sent> Frames() {
    std::string sent = newest().TakeWritten();
    if (const size_t end = sent.find("\r\n\r\n"); end != sent.npos) sent.erase(0, end + 4);
    return FramesIn(std::move(sent));
  }
  // Up to the ping: its payload.
  std::string Open() {
    Start();
    Receive(Switching());
    const auto frames = Frames();
    EXPECT_EQ(frames.size(), 1u);
    if (frames.empty()) return "";
    EXPECT_EQ(frames[0].opcode, ws::Opcode::kPing);
    EXPECT_TRUE(frames[0].masked);
    return frames[0].payload;
  }
};

TEST_F(WebSocketChecks, MakeAWholeHandshake) {
  check_.websocket->path = "/ws?check";
  check_.websocket->host = "rooms.internal";
  check_.websocket->headers = {{.name = "Origin", .value = "https://rooms.internal"}};
  Start();
  const std::string& sent = newest().written();
  EXPECT_THAT(sent, StartsWith("GET /ws?check HTTP/1.1\r\nHost: rooms.internal\r\n"));
  for (const std::string_view field :
       {"Origin: https://rooms.internal", "Sec-WebSocket-Version: 13", "Connection: Upgrade",
        "Upgrade: websocket", "User-Agent: hawser-health-check"}) {
    EXPECT_THAT(sent, HasSubstr("\r\n" + std::string(field) + "\r\n"));
  }
  EXPECT_NE(Accept(), "");
}

TEST_F(WebSocketChecks, PassWithAPongAndCloseInOrder) {
  const std::string payload = Open();
  EXPECT_EQ(payload.size(), 8u);
  Receive(Frame(ws::Opcode::kPong, payload));
  const auto frames = Frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].opcode, ws::Opcode::kClose);
  EXPECT_TRUE(frames[0].masked);
  EXPECT_EQ(frames[0].payload, "\x03\xe8");
  EXPECT_EQ(Said(), "nothing") << "the answer to the close frame is awaited";
  Receive(Frame(ws::Opcode::kClose, "\x03\xe8"));
  EXPECT_EQ(Said(), "passed");
  EXPECT_EQ(newest().close_reason(), net::CloseReason::kOrderly);
}

TEST_F(WebSocketChecks, PassWithoutAPingBehindThe101) {
  check_.websocket->ping = false;
  Start();
  Receive(Switching());
  const auto frames = Frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].opcode, ws::Opcode::kClose);
  newest().FeedEnd();
  Run();
  EXPECT_EQ(Said(), "passed");
}

TEST_F(WebSocketChecks, DoNotFailForABackendThatAnswersNoCloseFrame) {
  Receive((Frame(ws::Opcode::kPong, Open())));
  Pass(2s);
  EXPECT_EQ(Said(), "passed");
}

TEST_F(WebSocketChecks, ReadPastWhatABackendSaysFirst) {
  Start();
  const std::string hello = Frame(ws::Opcode::kText, std::string(100, 'x'));
  Receive(Switching() + hello + Frame(ws::Opcode::kPing, "you?") + Frame(ws::Opcode::kPong, "another"));
  const auto frames = Frames();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[1].opcode, ws::Opcode::kPong);
  EXPECT_EQ(frames[1].payload, "you?");
  EXPECT_EQ(Said(), "nothing");
  Receive(Frame(ws::Opcode::kPong, frames[0].payload) + Frame(ws::Opcode::kClose, ""));
  EXPECT_EQ(Said(), "passed");
}

TEST_F(WebSocketChecks, AnswerACloseFrame) {
  Open();
  Receive(Frame(ws::Opcode::kClose, "\x03\xf3"));
  EXPECT_EQ(Said(), "closed with 1011 before its pong");
  const auto frames = Frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].opcode, ws::Opcode::kClose);
  EXPECT_EQ(frames[0].payload, "\x03\xf3");
}

TEST_F(WebSocketChecks, CloseAlsoWhereThePongAndACloseFrameComeTogether) {
  Receive(Frame(ws::Opcode::kPong, Open()) + Frame(ws::Opcode::kClose, "\x03\xe9"));
  EXPECT_EQ(Said(), "passed");
  const auto frames = Frames();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].opcode, ws::Opcode::kClose);
  EXPECT_EQ(frames[0].payload, "\x03\xe8");
}

TEST_F(WebSocketChecks, CloseAlsoBehindMorePingsThanAreAnswered) {
  on_connect_ = [](fakes::FakeStream& stream) { stream.SetRoom(2000); };
  const std::string payload = Open();
  newest().SetRoom(0);
  std::string pings;
  for (int i = 0; i < 100; ++i) pings += Frame(ws::Opcode::kPing, std::string(100, 'x'));
  Receive(pings + Frame(ws::Opcode::kPong, payload));
  newest().AddRoom(100'000);
  Run();
  const auto frames = Frames();
  EXPECT_LT(frames.size(), 50u);
  ASSERT_FALSE(frames.empty());
  EXPECT_EQ(frames.back().opcode, ws::Opcode::kClose);
  Receive(Frame(ws::Opcode::kClose, "\x03\xe8"));
  EXPECT_EQ(Said(), "passed");
}

TEST_F(WebSocketChecks, FailWithWhatTheBackendDoesInstead) {
  const struct {
    std::string answer;  // behind the 101, or instead of it
    bool opened;
    std::string_view said;
  } cases[] = {
      {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", false, "answered the handshake with 503"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", false, "answered the handshake with 200"},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       "Sec-WebSocket-Accept: aaaaaaaaaaaaaaaaaaaaaaaaaaa=\r\n\r\n",
       false, "a 101 that is not right"},
      {Frame(ws::Opcode::kClose, "\x03\xf3"), true, "closed with 1011 before its pong"},
      {std::string("\x81\x05he"), true, "no pong in time"},
      {std::string("\x81\x81"), true, "broke a rule of frames (mask) before its pong"},
      {std::string("\x8f\x00", 2), true, "broke a rule of frames (opcode) before its pong"},
  };
  for (const auto& one : cases) {
    one.opened ? void(Open()) : Start();
    Receive(one.answer);
    if (!result_) Pass(2s);
    EXPECT_EQ(result_->kind, Kind::kFailed);
    EXPECT_EQ(Said(), one.said);
    EXPECT_TRUE(newest().closed());
  }
}

TEST_F(WebSocketChecks, FailForAnExtensionOrASubprotocolThatWasNotOffered) {
  Start();
  Receive(Switching("Sec-WebSocket-Protocol: chat\r\n"));
  EXPECT_EQ(Said(), "a 101 that is not right");
  check_.websocket->headers = {{.name = "Sec-WebSocket-Protocol", .value = "chat, other"}};
  Start();
  Receive(Switching("Sec-WebSocket-Protocol: chat\r\n"));
  EXPECT_EQ(Said(), "nothing");
  EXPECT_EQ(Frames().size(), 1u);
}

TEST_F(WebSocketChecks, SayWhatWasLate) {
  Start();
  Pass(2s);
  EXPECT_EQ(Said(), "no answer in time");
  Open();
  Pass(2s);
  EXPECT_EQ(Said(), "no pong in time");
}

TEST_F(WebSocketChecks, SayThatTheBackendEndedItsConnection) {
  Open();
  newest().FeedEnd();
  Run();
  EXPECT_EQ(Said(), "ended its connection before its pong");
}

TEST_F(WebSocketChecks, MayGoOneByteACall) {
  on_connect_ = [](fakes::FakeStream& stream) { stream.OneByteAtATime(); };
  Receive(Frame(ws::Opcode::kPong, Open()) + Frame(ws::Opcode::kClose, ""));
  EXPECT_EQ(Said(), "passed");
}

TEST_F(WebSocketChecks, LeaveNothingWhereverTheyAreGivenUp) {
  for (const int stage : {0, 1, 2}) {
    Start();
    std::string ping;
    if (stage > 0) {
      Receive(Switching());
      ping = Frames().at(0).payload;
    }
    if (stage > 1) Receive(Frame(ws::Opcode::kPong, ping));
    event::IoHandler& handler = *newest().handler();
    fakes::EndAmidEveryEvent(*loop_, handler, [this] { running_.reset(); });
    EXPECT_TRUE(newest().closed());
  }
  EXPECT_EQ(told_, 0);
}

// Whichever call fails, the check has one result.
TEST_F(WebSocketChecks, EndOnceWhicheverCallFails) {
  for (int n = 1; n < 20; ++n) {
    on_connect_ = [n](fakes::FakeStream& stream) { stream.FailCall(n); };
    Start();
    if (!result_) Receive(Switching());
    if (!result_) {
      const auto frames = Frames();
      Receive(Frame(ws::Opcode::kPong, frames.empty() ? "" : frames[0].payload));
    }
    if (!result_) Pass(2s);
    EXPECT_EQ(told_, n);
    EXPECT_TRUE(newest().closed());
  }
}

class Http2WebSocketChecks : public WebSocketChecks {
 protected:
  Http2WebSocketChecks() : WebSocketChecks(config::BackendProtocol::kHttp2) {
    // SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 §3).
    on_connect_ = [](fakes::FakeStream& stream) {
      stream.Feed(http2::Frame(http2::kSettingsFrame, 0, 0, http2::BigEndian(8, 2) + http2::BigEndian(1, 4)));
    };
  }
  std::vector<Sent> FramesOfStream() {
    std::string data;
    std::string sent = newest().TakeWritten();
    if (sent.starts_with("PRI ")) sent.erase(0, 24);
    for (const auto& frame : http2::TakeApart(sent))
      if (frame.type == http2::kData) data += frame.payload;
    return FramesIn(std::move(data));
  }
};

TEST_F(Http2WebSocketChecks, GoOverAStream) {
  Start();
  Receive(http2::Headers(1, "\x88", http2::kEndHeaders));
  auto frames = FramesOfStream();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].opcode, ws::Opcode::kPing);
  Receive(http2::Frame(http2::kData, 0, 1, Frame(ws::Opcode::kPong, frames[0].payload)));
  frames = FramesOfStream();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].opcode, ws::Opcode::kClose);
  Receive(http2::Frame(http2::kData, http2::kEndStream, 1, Frame(ws::Opcode::kClose, "\x03\xe8")));
  EXPECT_EQ(Said(), "passed");
  EXPECT_FALSE(newest().closed()) << "the connection stays for the next check";
}

// --- TCP ---

class TcpChecks : public Checks {
 protected:
  TcpChecks() { check_.tcp.emplace(); }
  void Await() {
    for (int i = 0; i < 1000 && !result_; ++i) loop_->RunOnce(10ms);
  }
};

TEST_F(TcpChecks, PassWhereAConnectionIsMade) {
  Start();
  Await();
  EXPECT_EQ(Said(), "passed");
  EXPECT_EQ(target_->connecting(), 0);
}

TEST_F(TcpChecks, FailWhereItIsRefused) {
  const net::SocketAddress gone =
      net::LocalAddress(net::Bind(Address("127.0.0.1:0"), {}).value()).value();  // nobody listens there
  check_.tcp->port = gone.port();
  Start();
  Await();
  EXPECT_EQ(Said(), "Connection refused");
  EXPECT_EQ(target_->connect_failures(), 1u);
}

TEST_F(TcpChecks, FailAtOnceWhereThereIsNoSocket) {
  target_ = std::make_shared<Endpoint>("rooms", Address("unix:/nobody/listens"));
  Start();
  Await();
  EXPECT_EQ(result_->kind, Kind::kFailed);
  EXPECT_EQ(Said(), "No such file or directory");
}

// A host that answers nothing, and a stream that calls although it is not connected.
TEST_F(TcpChecks, SayNothingOfTheEndpointWhereTheyCannotWatchTheirConnection) {
  ASSERT_TRUE(fakes::SilenceHost(listener_.fd()));
  target_ = CheckPlan::Make(Now(), check_)->EndpointFor(endpoint());
  TcpCheck check(*loop_, *Now(), target_, 2s, [this](CheckResult result) { result_ = std::move(result); });
  check.OnReady({.readable = true, .writable = true});
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->kind, Kind::kNotMade);
  EXPECT_EQ(target_->connect_failures(), 0u);
}

TEST_F(TcpChecks, MayBeGivenUp) {
  check_.tcp->port = 1;
  Start();
  running_.reset();
  for (int i = 0; i < 5; ++i) loop_->RunOnce(1ms);
  Pass(1h);
  EXPECT_LE(told_, 1);
}

}  // namespace
}  // namespace hawser::cluster::health_check_test
