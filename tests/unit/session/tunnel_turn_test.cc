// Two things in one turn of the loop: a deadline of the tunnel and what a peer does, in both orders. Whatever
// they are, the tunnel ends once, when both peers are gone, and gives back all that it held.
#include <functional>
#include <string>
#include <vector>

#include "tests/unit/session/tunnel_harness.h"

namespace hawser::session::tunnel_turn_test {
namespace {

using namespace std::chrono_literals;

// A tunnel that stands in front of a deadline: the next turn, two milliseconds later, is behind it.
struct Deadline {
  std::string name;
  std::function<void(config::WebSocket&)> change;
  std::function<void(TunnelHarness&)> approach;
};

const std::vector<Deadline>& Deadlines() {
  static const std::vector<Deadline> deadlines = {
      {"idle_timeout", [](auto& w) { w.idle_timeout = 100ms; }, [](auto& h) { h.Turn(100ms); }},
      {"max_connection_duration",
       [](auto& w) { w.max_connection_duration = {.duration = 100ms, .jitter = 0}; },
       [](auto& h) { h.Turn(100ms); }},
      {"ping",
       [](auto& w) {
         w.keepalive = {.interval = 100ms, .timeout = 1000ms, .to = config::KeepaliveTo::kBoth};
       },
       [](auto& h) { h.Turn(99ms); }},
      {"pong",
       [](auto& w) {
         w.keepalive = {.interval = 10ms, .timeout = 100ms, .to = config::KeepaliveTo::kClient};
       },
       [](auto& h) {
         while (h.client().written().empty()) h.Turn(1ms);
         h.Turn(99ms);
       }},
      {"close_timeout", [](auto& w) { w.close_timeout = 100ms; },
       [](auto& h) {
         h.client().Feed(Masked({.opcode = 8, .payload = ClosePayload(1000)}));
         h.Settle();
         h.Turn(100ms);
       }},
      {"close_timeout of hawser's own end", [](auto& w) { w.close_timeout = 100ms; },
       [](auto& h) {
         h.tunnel()->End(http::Reject::kDrained);
         h.Turn(100ms);
       }},
      {"backend_fin_timeout", [](auto& w) { w.backend_fin_timeout = 100ms; },
       [](auto& h) {
         h.backend().Feed(Plain({.opcode = 8, .payload = ClosePayload(1000)}));
         h.Settle();
         h.client().Feed(Masked({.opcode = 8, .payload = ClosePayload(1000)}));
         h.Settle();
         h.Turn(100ms);
       }},
      {"message_rate",
       [](auto& w) { w.message_rate.from_client = config::MessageRateLimit{.rate = {10}, .burst = 1}; },
       [](auto& h) {
         h.client().Feed(Masked({.payload = "one"}) + Masked({.payload = "two"}));
         h.Settle();
         h.Turn(100ms);
       }},
  };
  return deadlines;
}

struct Move {
  std::string name;
  std::function<void(TunnelHarness&, fakes::FakeStream&, bool client)> make;
};

std::string FrameOf(const ws::FrameSpec& spec, bool client) {
  return client ? Masked(spec) : Plain(spec);
}

const std::vector<Move>& Moves() {
  static const std::vector<Move> moves = {
      {"an end", [](auto&, auto& stream, bool) { stream.FeedEnd(); }},
      {"a reset", [](auto&, auto& stream, bool) { stream.FeedError(ECONNRESET); }},
      {"a close frame",
       [](auto&, auto& stream, bool client) {
         stream.Feed(FrameOf({.opcode = 8, .payload = ClosePayload(4000)}, client));
       }},
      {"a close frame and an end",
       [](auto&, auto& stream, bool client) {
         stream.Feed(FrameOf({.opcode = 8, .payload = ClosePayload(4000)}, client));
         stream.FeedEnd();
       }},
      {"a message",
       [](auto&, auto& stream, bool client) { stream.Feed(FrameOf({.payload = "hello"}, client)); }},
      {"half a message",
       [](auto&, auto& stream, bool client) {
         stream.Feed(FrameOf({.payload = std::string(300, 'x')}, client).substr(0, 100));
       }},
      {"half a message and an end",
       [](auto&, auto& stream, bool client) {
         stream.Feed(FrameOf({.payload = std::string(300, 'x')}, client).substr(0, 100));
         stream.FeedEnd();
       }},
      {"a broken rule",
       [](auto&, auto& stream, bool client) { stream.Feed(FrameOf({.opcode = 3}, client)); }},
      {"a write that fails", [](auto&, auto& stream, bool) { stream.BreakWrites(); }},
      {"a stream that takes nothing", [](auto&, auto& stream, bool) { stream.SetRoom(0); }},
      {"a drain", [](auto& harness, auto&, bool) { harness.tunnel()->End(http::Reject::kDrained); }},
      {"an abort",
       [](auto& harness, auto&, bool) { harness.tunnel()->Abort(http::Reject::kShutdown, 1001); }},
  };
  return moves;
}

config::WebSocket SettingsOf(const Deadline& deadline) {
  config::WebSocket settings{.keepalive = {.interval = base::Duration(0)}};
  deadline.change(settings);
  return settings;
}

uint64_t AllCloses(const TunnelHarness& harness) {
  uint64_t closes = 0;
  for (int closed_by = 0; closed_by < static_cast<int>(stats::ClosedBy::kCount); ++closed_by) {
    for (const uint16_t code : {1000, 1001, 1002, 1005, 1006, 1007, 1008, 1009, 1011, 4000})
      closes += harness.Closes(static_cast<stats::ClosedBy>(closed_by), code);
  }
  return closes;
}

// Both peers go, and time passes.
void EndAll(TunnelHarness& harness) {
  for (fakes::FakeStream* stream : {&harness.client(), &harness.backend()}) {
    if (harness.ended()) return;
    stream->AddRoom(1 << 20);
    stream->FeedEnd();
    harness.Settle();
  }
  for (int turns = 0; turns < 100 && !harness.ended(); ++turns) harness.Turn(std::chrono::seconds(1));
}

enum class Order { kMoveFirst, kDeadlineFirst };

void Meet(const Deadline& deadline, const Move& move, bool client, Order order) {
  SCOPED_TRACE(move.name + (client ? " of the client, " : " of the backend, ") +
               (order == Order::kMoveFirst ? "then " : "after ") + deadline.name);
  TunnelHarness harness(SettingsOf(deadline));
  harness.Start();
  deadline.approach(harness);
  ASSERT_FALSE(harness.ended());
  fakes::FakeStream& stream = client ? harness.client() : harness.backend();
  move.make(harness, stream, client);
  const auto deliver = [&] {
    if (!harness.ended() && !stream.closed()) stream.Deliver();
  };
  // A turn fires timers before it runs posted tasks.
  order == Order::kMoveFirst ? deliver() : harness.loop().Post(deliver);
  harness.Turn(2ms);
  if (!harness.ended()) harness.Settle();
  if (!harness.ended()) EndAll(harness);
  EXPECT_TRUE(harness.ended());
  EXPECT_EQ(AllCloses(harness), 1U);
}

TEST(OneTurn, ADeadlineAndAMoveOfAPeerEndTheTunnelOnce) {
  for (const Deadline& deadline : Deadlines()) {
    for (const Move& move : Moves()) {
      for (const bool client : {true, false}) {
        Meet(deadline, move, client, Order::kMoveFirst);
        Meet(deadline, move, client, Order::kDeadlineFirst);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(OneTurn, AMessageMovesTheIdleTimeoutThatIsDue) {
  const Deadline& idle = Deadlines()[0];
  TunnelHarness harness(SettingsOf(idle));
  harness.Start();
  idle.approach(harness);
  harness.client().Feed(Masked({.payload = "just in time"}));
  harness.client().Deliver();
  harness.Turn(2ms);
  EXPECT_EQ(harness.tunnel()->state_name(), "open");
}

TEST(OneTurn, AnAnsweringCloseIsNoTimeOut) {
  TunnelHarness harness({.keepalive = {.interval = base::Duration(0)}, .close_timeout = 100ms});
  harness.Start();
  harness.client().Feed(Masked({.opcode = 8, .payload = ClosePayload(1000)}));
  harness.Settle();
  harness.Turn(100ms);
  harness.backend().Feed(Plain({.opcode = 8, .payload = ClosePayload(1000)}));
  harness.backend().Deliver();
  harness.Turn(2ms);
  EXPECT_TRUE(harness.ended());
  EXPECT_EQ(harness.Counted(stats::Metric::kCloseTimeoutsOfBackend), 0U);
  EXPECT_EQ(harness.Counted(http::Reject::kCloseTimeout), 0U);
}

}  // namespace
}  // namespace hawser::session::tunnel_turn_test
