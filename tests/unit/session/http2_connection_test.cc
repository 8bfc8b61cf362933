// An HTTP/2 connection of a client over a scripted stream and a stepped clock: normally, one byte a call,
// with the n-th call failing, and with a deadline in the same turn as an event of the client. It ends once
// and leaves nothing behind.
#include "proxy/session/http2_connection.h"

#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/unit/http2/frames.h"
#include "tests/unit/session/worker_fixture.h"

namespace hawser::session::http2_connection_test {
namespace {

using http2::Frame;
using http2::GetBlock;
using http2::Headers;
using http2::Opening;
using http2::PostBlock;
using stats::Metric;

void AnswersItself(config::Config& config) {
  config.routes[0].cluster.reset();
  config.routes[0].direct_response = config::DirectResponse{.status = 200, .body = "hello"};
}

void AsksABackend(config::Config&) {}

class Harness final : public WorkerFixture {
 public:
  explicit Harness(const Change& change = AnswersItself) : WorkerFixture(1, change) {}
  ~Harness() { EndAll(); }

  void Start(std::string_view received = "") {
    Http2Connection::Start(services, *backends,
                           {.stream = std::make_unique<fakes::LentStream>(client),
                            .listener = listener(),
                            .peer = net::SocketAddress::Parse("192.0.2.1:1234").value(),
                            .received = received});
  }

  // Lets everything happen that can, but for time.
  void Settle() {
    int quiet = 0;
    for (int turns = 0; quiet < 3 && turns < 20'000; ++turns) {
      const bool moved = client.Deliver() | backend.Deliver();
      Turn();
      quiet = moved ? 0 : quiet + 1;
    }
    EXPECT_EQ(quiet, 3) << "it runs in a circle";
  }

  bool over() { return sessions.empty(); }
  // Until it is over, and as long as hours may take.
  void PassHours() {
    for (int i = 0; i < 6 && !over(); ++i) {
      Pass(10min);
      Settle();
    }
  }

  // Frames of that type that the client was sent.
  size_t Seen(uint8_t type) const {
    size_t count = 0;
    for (const http2::SeenFrame& frame : http2::TakeApart(client.written())) count += frame.type == type;
    return count;
  }
  std::string Bodies() const {
    std::string all;
    for (const http2::SeenFrame& frame : http2::TakeApart(client.written()))
      if (frame.type == http2::kData) all += frame.payload;
    return all;
  }
  void ExpectNothingLeft() const { EXPECT_EQ(Counted(Metric::kHttp2ConnectionsOpen), 0U); }

  fakes::FakeStream client;
  fakes::FakeStream backend;  // of no use until it is kept
};

TEST(Http2Connection, AnswersTheRequestsOfOneConnection) {
  for (const bool one_byte_a_call : {false, true}) {
    Harness harness;
    if (one_byte_a_call) harness.client.OneByteAtATime();
    harness.Start();
    harness.client.Feed(Opening() + Headers(1, GetBlock()) + Headers(3, GetBlock()));
    harness.Settle();
    EXPECT_EQ(harness.Bodies(), "hellohello");
    EXPECT_EQ(harness.Counted(Metric::kHttp2Streams), 2U);
    harness.client.FeedEnd();
    harness.Settle();
    EXPECT_TRUE(harness.over());
    harness.ExpectNothingLeft();
  }
}

TEST(Http2Connection, TakesWhatWasReadBeforeItWasKnownToBeOne) {
  const std::string text = Opening() + Headers(1, GetBlock());
  for (size_t n = 0; n <= text.size(); ++n) {
    Harness harness;
    harness.Start(std::string_view(text).substr(0, n));
    harness.client.Feed(std::string_view(text).substr(n));
    harness.Settle();
    EXPECT_EQ(harness.Bodies(), "hello") << n << " bytes before";
  }
}

TEST(Http2Connection, EndsWhicheverCallFails) {
  bool failed = true;
  for (int n = 1; failed; ++n) {
    Harness harness;
    harness.client.FailCall(n);
    harness.Start();
    harness.client.Feed(Opening() + Headers(1, GetBlock()));
    harness.Settle();
    harness.client.Feed(Headers(3, GetBlock()));
    harness.Settle();
    harness.client.FeedEnd();
    harness.Settle();
    EXPECT_TRUE(harness.over()) << "call " << n;
    harness.ExpectNothingLeft();
    failed = harness.client.calls() >= n;
    ASSERT_LT(n, 100);
  }
}

// The head of the request to the backend is made when the try begins, and leaves when there is room for it.
TEST(Http2Connection, TheEndOfAnEmptyBodyThatComesBehindTheHeadReachesTheBackend) {
  for (const bool before_the_head_leaves : {false, true}) {
    Harness harness(AsksABackend);
    harness.Keep(harness.backend);
    if (before_the_head_leaves) harness.backend.SetRoom(0);
    harness.Start();
    harness.client.Feed(Opening() + Headers(1, PostBlock(), http2::kEndHeaders));
    harness.Settle();
    harness.client.Feed(Frame(http2::kData, http2::kEndStream, 1, ""));
    harness.Settle();
    harness.backend.AddRoom(1 << 20);
    harness.Settle();
    EXPECT_THAT(harness.backend.written(), testing::EndsWith("\r\n\r\n0\r\n\r\n"));
    harness.backend.Feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    harness.Settle();
    EXPECT_EQ(harness.Bodies(), "ok");
  }
}

TEST(Http2Connection, RequestsEndWithTheirConnection) {
  for (const bool by_abort : {false, true}) {
    Harness harness(AsksABackend);
    harness.Keep(harness.backend);
    harness.Start();
    harness.client.Feed(Opening() + Headers(1, GetBlock()) + Headers(3, GetBlock()));
    harness.Settle();
    EXPECT_EQ(harness.endpoint().active(), 2);
    by_abort ? harness.sessions.Abort(http::Reject::kShutdown) : harness.client.FeedError(ECONNRESET);
    harness.Settle();
    EXPECT_TRUE(harness.over());
    EXPECT_EQ(harness.endpoint().active(), 0);
    EXPECT_TRUE(harness.backend.closed()) << "nobody waits for its answer";
    harness.ExpectNothingLeft();
  }
}

// --- Drain ---

TEST(Http2Connection, ADrainLetsTheLastRequestEnd) {
  Harness harness(AsksABackend);
  harness.Keep(harness.backend);
  harness.Start();
  harness.client.Feed(Opening() + Headers(1, GetBlock()));
  harness.Settle();
  bool empty = false;
  harness.sessions.DrainAll({}, [&] { empty = true; });
  harness.Settle();
  EXPECT_EQ(harness.Seen(http2::kGoAwayFrame), 1U) << "a notice";
  EXPECT_FALSE(harness.over());
  harness.backend.Feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
  harness.Settle();
  EXPECT_EQ(harness.Bodies(), "hello");
  harness.PassHours();
  EXPECT_TRUE(harness.over());
  harness.Pass(1s);
  EXPECT_TRUE(empty);
}

TEST(Http2Connection, AConnectionDuringADrainGetsGoAway) {
  Harness harness;
  harness.sessions.DrainAll({}, [] {});
  harness.Start();
  harness.client.Feed(Opening());
  harness.Settle();
  EXPECT_GE(harness.Seen(http2::kGoAwayFrame), 1U);
  harness.PassHours();
  EXPECT_TRUE(harness.over());
}

// --- A deadline in the turn in which something else happens ---

struct Deadline {
  std::string name;
  std::string sent;  // before it
  base::Duration after;
};

const std::vector<Deadline>& Deadlines() {
  static const std::vector<Deadline> deadlines = {
      {"settings", "", 10s},
      {"a head", Opening() + Headers(1, GetBlock(), http2::kEndStream), 10s},
      {"keep_alive", Opening(), 60s},
      {"keep_alive behind a request", Opening() + Headers(1, GetBlock()), 60s},
      {"linger", Opening() + Frame(http2::kData, 0, 0, "no stream"), 2s},
  };
  return deadlines;
}

struct Move {
  std::string name;
  std::function<void(fakes::FakeStream&)> make;
};

const std::vector<Move>& Moves() {
  static const std::vector<Move> moves = {
      {"the client ends", [](auto& client) { client.FeedEnd(); }},
      {"the client resets", [](auto& client) { client.FeedError(ECONNRESET); }},
      {"the client opens the connection", [](auto& client) { client.Feed(Opening()); }},
      {"the client asks", [](auto& client) { client.Feed(Headers(5, GetBlock())); }},
      {"the client ends a head", [](auto& client) { client.Feed(Frame(http2::kContinuation, 4, 1, "")); }},
      {"the client sends half a frame",
       [](auto& client) { client.Feed(Headers(5, GetBlock()).substr(0, 12)); }},
      {"the client takes no more", [](auto& client) { client.SetRoom(0); }},
  };
  return moves;
}

TEST(Http2Connection, EndsOnceWhenADeadlineAndAMoveMeetInOneTurn) {
  for (const Deadline& deadline : Deadlines()) {
    for (const Move& move : Moves()) {
      for (const bool timer_first : {false, true}) {
        SCOPED_TRACE(deadline.name + ", " + move.name + (timer_first ? ", timer first" : ""));
        Harness harness;
        harness.Start();
        harness.client.Feed(deadline.sent);
        harness.Settle();
        ASSERT_FALSE(harness.over());
        if (timer_first) {
          harness.Pass(deadline.after);
          move.make(harness.client);
        } else {
          move.make(harness.client);
          harness.TellInNextTurn(harness.client);
          harness.Pass(deadline.after);
        }
        harness.Settle();
        harness.PassHours();
        EXPECT_TRUE(harness.over());
        EXPECT_TRUE(harness.client.closed());
        harness.ExpectNothingLeft();
      }
    }
  }
}

}  // namespace
}  // namespace hawser::session::http2_connection_test
