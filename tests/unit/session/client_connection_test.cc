// A client's HTTP/1 connection over sockets of this process and a stepped clock: every byte by itself, an end
// or a reset after every byte, and a deadline in the same turn as an event of the client. It ends once and
// leaves nothing behind.
#include "proxy/session/client_connection.h"

#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/unit/http2/frames.h"
#include "tests/unit/session/exchange_harness.h"

namespace hawser::session::client_connection_test {
namespace {

using http::Reject;
using stats::Metric;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kHead = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kLast = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

void AnswersItself(config::Config& config) {
  config.routes[0].cluster.reset();
  config.routes[0].direct_response = config::DirectResponse{.status = 200, .body = "hello"};
  config.listeners[0].http2.prior_knowledge = true;
}

void AsksABackend(config::Config&) {}

class Harness final : public WorkerFixture {
 public:
  explicit Harness(const Change& change = AnswersItself) : WorkerFixture(1, change) {}

  // One more connection, of which `client` is the other end.
  void Start() {
    client = net::Connect(here_.address).value();
    ClientConnection::Start(services, *backends, listener(), here_.Accept(), peer_, {});
  }
  void StartRefused(Reject reject) {
    client = net::Connect(here_.address).value();
    ClientConnection::StartRefused(services, *backends, listener(), here_.Accept(), peer_, reject);
  }

  void Settle() {
    for (int i = 0; i < 6; ++i) Turn();
    heard += client.open() ? Heard(client) : "";
  }
  // The client's direction ends; it still reads.
  void End() const { shutdown(client.fd(), SHUT_WR); }
  // As a client that is killed.
  void Reset() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    client.Reset();
  }

  bool over() { return sessions.empty(); }
  size_t answers() const { return CountOf("HTTP/1.1 ", heard); }
  void ExpectNothingLeft() const { EXPECT_EQ(Counted(Metric::kConnectionsOpen), 0U); }

  net::Socket client;
  std::string heard;

 private:
  const Port here_;
  const net::SocketAddress peer_ = net::SocketAddress::Parse("192.0.2.1:1234").value();
};

TEST(ClientConnection, AnswersAPipelineInOrderHoweverItComes) {
  const std::string pipeline = kGet + kHead + kLast;
  for (const size_t piece : {pipeline.size(), size_t{1}}) {
    Harness harness;
    harness.Start();
    for (size_t at = 0; at < pipeline.size(); at += piece) {
      Say(harness.client, std::string_view(pipeline).substr(at, piece));
      harness.Settle();
    }
    EXPECT_EQ(harness.answers(), 3U);
    EXPECT_THAT(harness.heard, EndsWith("hello"));
    EXPECT_EQ(harness.Counted(Metric::kRequests), 3U);
    harness.End();
    harness.Settle();
    EXPECT_TRUE(harness.over());
    harness.ExpectNothingLeft();
  }
}

TEST(ClientConnection, MayEndBehindEveryByte) {
  const std::string pipeline = kGet + kHead + kLast;
  for (const bool reset : {false, true}) {
    for (size_t n = 0; n <= pipeline.size(); ++n) {
      SCOPED_TRACE(std::to_string(n) + (reset ? " bytes, then a reset" : " bytes, then an end"));
      Harness harness;
      harness.Start();
      Say(harness.client, std::string_view(pipeline).substr(0, n));
      harness.Settle();
      reset ? harness.Reset() : harness.End();
      harness.Settle();
      if (!harness.over()) harness.Pass(20s);  // lingers, or gets 408
      if (!harness.over()) harness.Pass(20s);
      EXPECT_TRUE(harness.over());
      harness.ExpectNothingLeft();
      EXPECT_GE(harness.answers(), size_t{n >= kGet.size()} + (n == pipeline.size() ? 2 : 0));
    }
  }
}

TEST(ClientConnection, IsHttp2WhereThePrefaceComesHoweverItComes) {
  const std::string text = http2::Opening() + http2::Headers(1, http2::GetBlock());
  for (size_t n = 1; n < text.size(); ++n) {
    Harness harness;
    harness.Start();
    Say(harness.client, std::string_view(text).substr(0, n));
    harness.Settle();
    Say(harness.client, std::string_view(text).substr(n));
    harness.Settle();
    EXPECT_THAT(harness.heard, HasSubstr("hello")) << n;
    EXPECT_EQ(harness.Counted(Metric::kHttp2ConnectionsOpen), 1U) << n;
    EXPECT_EQ(harness.Counted(Metric::kConnectionsOpen), 1U) << n;
    harness.Reset();
    harness.Settle();
    EXPECT_TRUE(harness.over()) << n;
    harness.ExpectNothingLeft();
  }
}

TEST(ClientConnection, BecomesATunnelAndIsNoConnectionAnyMore) {
  Harness harness(AsksABackend);
  harness.Start();
  Say(harness.client,
      "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  harness.Settle();
  const net::Socket backend = harness.port().Accept();
  EXPECT_EQ(harness.sessions.FirstTunnel(), nullptr);
  const std::string request = Heard(backend);
  const size_t at = request.find("Sec-WebSocket-Key: ");
  ASSERT_NE(at, std::string::npos);
  Say(backend,
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
      "Upgrade\r\nSec-WebSocket-Accept: " +
          http::AcceptFor(request.substr(at + 19, 24)) + "\r\n\r\n");
  harness.Settle();
  EXPECT_THAT(harness.heard, StartsWith("HTTP/1.1 101 "));
  EXPECT_NE(harness.sessions.FirstTunnel(), nullptr);
  EXPECT_EQ(harness.Counted(Metric::kConnectionsOpen), 1U);
  EXPECT_EQ(harness.endpoint().active(), 1);
  harness.EndAll();
  harness.ExpectNothingLeft();
}

TEST(ClientConnection, OneThatIsNotAdmittedIsAnsweredAndCountedUntilItHasGone) {
  Harness harness;
  harness.StartRefused(Reject::kTooManyConnections);
  EXPECT_EQ(harness.sessions.budgets().refusals(), 1U);
  harness.Settle();
  EXPECT_THAT(harness.heard, StartsWith("HTTP/1.1 429 "));
  harness.End();
  harness.Settle();
  EXPECT_TRUE(harness.over());
  EXPECT_EQ(harness.sessions.budgets().refusals(), 0U);
}

TEST(ClientConnection, ADrainAnswersWhatHasBeenAsked) {
  for (const bool asked : {false, true}) {
    Harness harness;
    harness.Start();
    if (asked) Say(harness.client, kGet);  // it waits in the kernel
    bool empty = false;
    harness.sessions.DrainAll({}, [&] { empty = true; });
    harness.Settle();
    EXPECT_EQ(harness.answers(), asked ? 1U : 0U);
    harness.End();
    harness.Settle();
    harness.Pass(1s);
    EXPECT_TRUE(harness.over());
    EXPECT_TRUE(empty);
  }
}

// --- A deadline in the turn in which something else happens ---

struct Deadline {
  std::string name;
  std::string sent;  // before it
  base::Duration after;
};

const std::vector<Deadline>& Deadlines() {
  static const std::vector<Deadline> deadlines = {
      {"request_headers", "", 10s},
      {"request_headers within a head", kGet.substr(0, 20), 10s},
      {"request_headers within a later head", kGet + kGet.substr(0, 20), 10s},
      {"keep_alive", kGet, 60s},
      {"linger", kLast, 2s},
      {"request_headers within a preface", "PRI * HTTP/2.0\r\n", 10s},
  };
  return deadlines;
}

struct Move {
  std::string name;
  std::function<void(Harness&)> make;
};

const std::vector<Move>& Moves() {
  static const std::vector<Move> moves = {
      {"the client ends", [](auto& harness) { harness.End(); }},
      {"the client resets", [](auto& harness) { harness.Reset(); }},
      {"the client asks", [](auto& harness) { Say(harness.client, kGet); }},
      {"the client goes on", [](auto& harness) { Say(harness.client, kGet.substr(20)); }},
      {"the client begins", [](auto& harness) { Say(harness.client, "G"); }},
      {"the client says nonsense", [](auto& harness) { Say(harness.client, "\1\2\3\r\n\r\n"); }},
      {"a drain begins", [](auto& harness) { harness.sessions.DrainAll({}, [] {}); }},
      {"all is aborted", [](auto& harness) { harness.sessions.Abort(Reject::kShutdown); }},
  };
  return moves;
}

TEST(ClientConnection, EndsOnceWhenADeadlineAndAMoveMeetInOneTurn) {
  for (const Deadline& deadline : Deadlines()) {
    for (const Move& move : Moves()) {
      for (const bool timer_first : {false, true}) {
        SCOPED_TRACE(deadline.name + ", " + move.name + (timer_first ? ", timer first" : ""));
        Harness harness;
        harness.Start();
        Say(harness.client, deadline.sent);
        harness.Settle();
        ASSERT_FALSE(harness.over());
        if (timer_first) harness.Pass(deadline.after);
        move.make(harness);
        if (!timer_first) harness.Pass(deadline.after);
        harness.Settle();
        for (int i = 0; i < 6 && !harness.over(); ++i) harness.Pass(60s);
        EXPECT_TRUE(harness.over());
        harness.ExpectNothingLeft();
      }
    }
  }
}

}  // namespace
}  // namespace hawser::session::client_connection_test
