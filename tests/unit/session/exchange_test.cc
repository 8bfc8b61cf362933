// An exchange between a scripted client and a scripted backend: normally, one byte a call, with the n-th call
// failing on either side, and with a deadline in the turn in which something else happens. Whatever it is,
// the client gets one final head at most, the exchange ends once, and nothing is left of it.
#include "proxy/session/exchange.h"

#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/unit/session/exchange_harness.h"

namespace hawser::session::exchange_test {
namespace {

using http::Reject;
using Progress = Exchange::Progress;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kGet = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kPostHead = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const std::string kHandshake =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const std::string kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const std::string kChunkedAnswer =
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n";

void NoRetries(config::Config& config) {
  config.clusters[0].retry.attempts = 0;
}

TEST(Exchange, AnAnswerIsRelayedAndBothConnectionsAreReusable) {
  for (const bool one_byte_a_call : {false, true}) {
    ExchangeHarness harness;
    harness.Keep(harness.backend);
    if (one_byte_a_call) harness.client.OneByteAtATime();
    if (one_byte_a_call) harness.backend.OneByteAtATime();
    harness.Start(kGet);
    harness.Settle();
    EXPECT_THAT(harness.backend.written(), StartsWith("GET /a HTTP/1.1\r\n"));
    harness.backend.Feed(kAnswer);
    harness.Settle();
    EXPECT_EQ(harness.result, Progress::kReusable);
    EXPECT_THAT(harness.client.written(), StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(harness.client.written(), EndsWith("\r\n\r\nhello"));
    EXPECT_FALSE(harness.backend.closed()) << "it is the pool's again";
    EXPECT_EQ(harness.endpoint().idle_connections(), 1);
  }
}

TEST(Exchange, ABodyGoesEachWayWithItsTrailers) {
  for (const bool one_byte_a_call : {false, true}) {
    ExchangeHarness harness;
    harness.Keep(harness.backend);
    if (one_byte_a_call) harness.client.OneByteAtATime();
    if (one_byte_a_call) harness.backend.OneByteAtATime();
    harness.Start(kPostHead);
    harness.client.Feed("3\r\nabc\r\n0\r\nX-Up: 1\r\n\r\n");
    harness.Settle();
    EXPECT_THAT(harness.backend.written(), EndsWith("0\r\nX-Up: 1\r\n\r\n"));
    harness.backend.Feed(kChunkedAnswer);
    harness.Settle();
    EXPECT_EQ(harness.result, Progress::kReusable);
    EXPECT_THAT(harness.client.written(), StartsWith("HTTP/1.1 100 Continue\r\n\r\n"));
    EXPECT_THAT(harness.client.written(), EndsWith("0\r\nX-Sum: 1\r\n\r\n"));
    EXPECT_EQ(harness.FinalHeads(), 1U);
  }
}

// --- The n-th call fails ---

TEST(Exchange, EndsOnceWhicheverCallOfTheClientFails) {
  for (const std::string& answer : {kAnswer, kChunkedAnswer}) {
    bool failed = true;
    for (int n = 1; failed; ++n) {
      ExchangeHarness harness;
      harness.Keep(harness.backend);
      harness.client.FailCall(n);
      const int before = harness.client.calls();
      harness.Start(kPostHead);
      harness.client.Feed("3\r\nabc\r\n");
      harness.Settle();
      if (!harness.over()) harness.client.Feed("0\r\n\r\n");
      harness.Settle();
      harness.backend.Feed(answer);
      harness.Settle();
      EXPECT_TRUE(harness.over()) << "call " << n;
      EXPECT_LE(harness.FinalHeads(), 1U) << "call " << n;
      failed = harness.client.calls() - before >= n;
      EXPECT_EQ(harness.result, failed ? Progress::kBroken : Progress::kReusable) << "call " << n;
      ASSERT_LT(n, 100);
    }
  }
}

TEST(Exchange, AnswersOnceWhicheverCallOfTheBackendFails) {
  for (const std::string& request : {kGet, kPostHead + "3\r\nabc\r\n0\r\n\r\n"}) {
    for (const std::string& answer : {kAnswer, kChunkedAnswer}) {
      bool failed = true;
      for (int n = 1; failed; ++n) {
        ExchangeHarness harness(1, NoRetries);
        harness.Keep(harness.backend);
        harness.ClosePort();  // what would take a new connection finds none
        const int before = harness.backend.calls();
        harness.backend.FailCall(n);
        harness.Start(request);
        harness.Settle();
        harness.backend.Feed(answer);
        harness.Settle();
        EXPECT_TRUE(harness.over()) << "call " << n;
        EXPECT_LE(harness.FinalHeads(), 1U) << "call " << n;
        failed = harness.backend.calls() - before >= n;
        const bool told = harness.FinalHeads() == 1;
        EXPECT_TRUE(told) << "call " << n;
        EXPECT_EQ(harness.backend.closed(), failed) << "call " << n;
        ASSERT_LT(n, 100);
      }
    }
  }
}

// --- A deadline in the turn in which something else happens ---

// An exchange that stands in front of a deadline.
struct Deadline {
  std::string name;
  std::function<void(config::Config&)> change;
  std::function<void(ExchangeHarness&)> approach;
};

const std::vector<Deadline>& Deadlines() {
  static const std::vector<Deadline> deadlines = {
      {"response_timeout", [](auto& config) { config.routes[0].response_timeout = 100ms; },
       [](auto& harness) {
         harness.Start(kGet);
         harness.Settle();
       }},
      {"stream_idle_timeout of an upload", [](auto& config) { config.routes[0].stream_idle_timeout = 100ms; },
       [](auto& harness) {
         harness.Start(kPostHead);
         harness.client.Feed("3\r\nabc\r\n");
         harness.Settle();
       }},
      {"stream_idle_timeout of a response",
       [](auto& config) { config.routes[0].stream_idle_timeout = 100ms; },
       [](auto& harness) {
         harness.Start(kGet);
         harness.Settle();
         harness.backend.Feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
         harness.Settle();
       }},
      {"answer",
       [](auto& config) {
         config.listeners[0].timeouts.answer = 100ms;
         config.routes[0].cluster.reset();
         config.routes[0].direct_response = config::DirectResponse{.status = 200, .body = "hello"};
       },
       [](auto& harness) {
         harness.client.SetRoom(3);
         harness.Start(kGet);
         harness.Settle();
       }},
  };
  return deadlines;
}

struct Move {
  std::string name;
  std::function<void(ExchangeHarness&)> make;
};

const std::vector<Move>& Moves() {
  static const std::vector<Move> moves = {
      {"the client ends", [](auto& harness) { harness.client.FeedEnd(); }},
      {"the client resets", [](auto& harness) { harness.client.FeedError(ECONNRESET); }},
      {"the client sends on", [](auto& harness) { harness.client.Feed("0\r\n\r\n"); }},
      {"the client takes more", [](auto& harness) { harness.client.AddRoom(1 << 20); }},
      {"the backend ends", [](auto& harness) { harness.backend.FeedEnd(); }},
      {"the backend resets", [](auto& harness) { harness.backend.FeedError(ECONNRESET); }},
      {"the backend answers", [](auto& harness) { harness.backend.Feed(kAnswer); }},
      {"the backend goes on", [](auto& harness) { harness.backend.Feed("lo"); }},
  };
  return moves;
}

TEST(Exchange, EndsOnceWhenADeadlineAndAMoveMeetInOneTurn) {
  for (const Deadline& deadline : Deadlines()) {
    for (const Move& move : Moves()) {
      for (const bool timer_first : {false, true}) {
        SCOPED_TRACE(deadline.name + ", " + move.name + (timer_first ? ", timer first" : ""));
        ExchangeHarness harness(1, [&](config::Config& config) {
          NoRetries(config);
          deadline.change(config);
        });
        if (deadline.name != "answer") harness.Keep(harness.backend);
        deadline.approach(harness);
        ASSERT_FALSE(harness.over());
        if (timer_first) {
          harness.Pass(100ms);
          move.make(harness);
        } else {
          move.make(harness);
          harness.TellInNextTurn(harness.client);
          harness.TellInNextTurn(harness.backend);
          harness.Pass(100ms);
        }
        harness.Settle();
        // What still waits: for an answer, or for a client that takes it.
        for (int i = 0; i < 3 && !harness.over(); ++i) harness.Pass(200s);
        EXPECT_TRUE(harness.over());
        EXPECT_LE(harness.FinalHeads(), 1U);
      }
    }
  }
}

TEST(Exchange, AHandshakeThatIsNotAnsweredInTimeIsRefusedThoughTheAnswerComesInTheSameTurn) {
  for (const bool timer_first : {false, true}) {
    ExchangeHarness harness(1, [](config::Config& config) { config.routes[0].handshake_timeout = 100ms; });
    harness.Start(kHandshake);
    harness.Settle();
    const net::Socket peer = harness.port().Accept();
    ASSERT_TRUE(peer.open());
    EXPECT_THAT(Heard(peer), HasSubstr("Sec-WebSocket-Version: 13\r\n"));
    if (timer_first) harness.Pass(100ms);
    Say(peer, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    if (!timer_first) harness.Pass(100ms);
    harness.Settle();
    EXPECT_TRUE(harness.over());
    EXPECT_EQ(harness.FinalHeads(), 1U);
    EXPECT_EQ(harness.Counted(Reject::kBackendTimeout), timer_first ? 1U : 0U);
  }
}

// --- Tries ---

TEST(Exchange, TriesAnotherConnectionWhereAKeptOneEndsBeforeItsAnswer) {
  ExchangeHarness harness;
  harness.Keep(harness.backend);
  harness.Start(kGet);
  harness.Settle();
  harness.backend.FeedEnd();
  harness.Settle();
  EXPECT_FALSE(harness.over());
  const net::Socket peer = harness.port().Accept();
  ASSERT_TRUE(peer.open());
  Say(peer, kAnswer);
  harness.Settle();
  EXPECT_EQ(harness.result, Progress::kReusable);
  EXPECT_THAT(harness.client.written(), EndsWith("hello"));
  EXPECT_EQ(harness.endpoint().failures(), 0U);
}

// --- Time ---

TEST(Exchange, ARequestBodyThatMovesKeepsAResponseAlive) {
  ExchangeHarness harness(1, [](config::Config& config) { config.routes[0].stream_idle_timeout = 100ms; });
  harness.Keep(harness.backend);
  harness.Start(kPostHead);
  harness.Settle();
  harness.backend.Feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel");
  harness.Settle();
  for (int i = 0; i < 5; ++i) {
    harness.Pass(60ms);
    harness.client.Feed("1\r\na\r\n");
    harness.Settle();
    ASSERT_FALSE(harness.over()) << i;
  }
  harness.Pass(100ms);
  EXPECT_EQ(harness.result, Progress::kBroken);
  EXPECT_EQ(harness.Counted(Reject::kIdleTimeout), 1U);
}

// --- The time of a try ---

void PerTry(config::Config& config) {
  config.clusters[0].retry.per_try_timeout = 100ms;
}

TEST(Exchange, TheTimeOfATryBeginsWhenTheRequestIsComplete) {
  for (const bool late : {false, true}) {
    ExchangeHarness harness(1, PerTry);
    harness.Keep(harness.backend);
    harness.Start("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe");
    harness.Settle();
    harness.Pass(300ms);
    harness.Settle();
    EXPECT_FALSE(harness.over()) << "its client is slow";
    harness.client.Feed("llo");
    harness.Settle();
    harness.Pass(late ? 110ms : 50ms);
    harness.Settle();
    EXPECT_EQ(harness.Counted(Reject::kBackendTimeout), late ? 1u : 0u);
    if (late) continue;
    harness.backend.Feed(kAnswer);
    harness.Settle();
    EXPECT_EQ(harness.result, Progress::kReusable);
    EXPECT_EQ(harness.endpoint().failures(), 0u);
  }
}

// --- A client that does not read its refusal ---

TEST(Exchange, HoldsNothingOfTheBackendsWhileItsRefusalIsRead) {
  ExchangeHarness harness(1, NoRetries);
  harness.ClosePort();
  harness.client.SetRoom(0);
  harness.Start(kGet);
  harness.Settle();
  EXPECT_FALSE(harness.over());
  EXPECT_EQ(harness.endpoint().active(), 0);
  EXPECT_EQ(harness.endpoint().load().requests(), 0);
  EXPECT_EQ(harness.endpoint().connecting(), 0);
}

}  // namespace
}  // namespace hawser::session::exchange_test
