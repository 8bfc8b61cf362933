// Peers that do not take what is sent to them, and what their sockets may hold meanwhile.
#include "tests/unit/session/tunnel_harness.h"

namespace hawser::session::tunnel_stall_test {
namespace {

using http::Reject;
using stats::ClosedBy;

constexpr base::Duration kLimit{1000};

config::WebSocket Limited(base::Duration ping_interval = base::Duration(0)) {
  return {.keepalive = {.interval = ping_interval, .timeout = base::Duration(50)},
          .close_timeout = base::Duration(300),
          .send_timeout = kLimit};
}

const std::string kMessage = Plain({.payload = std::string(100, 'x')});
// More than the message: its rest is still to come.
const std::string kPart = kMessage.substr(0, 60);

// Lets `by` pass in steps of a millisecond.
void Pass(TunnelHarness& harness, base::Duration by) {
  for (int64_t millis = 0; millis < by.count() && !harness.ended(); ++millis) {
    harness.Turn(base::Duration(1));
    harness.Settle();
  }
}

// The client's stream takes `room` bytes of `bytes`, and no more.
void Block(TunnelHarness& harness, std::string_view bytes, size_t room = 10) {
  harness.client().SetRoom(room);
  harness.backend().Feed(bytes);
  harness.Settle();
}

TEST(SendTimeout, EndsAClientThatTakesNothingInsideAFrameAtOnce) {
  TunnelHarness harness(Limited());
  harness.Start();
  Block(harness, kPart);
  Pass(harness, kLimit - base::Duration(2));
  EXPECT_FALSE(harness.client().closed());
  Pass(harness, base::Duration(20));
  EXPECT_EQ(harness.client().close_reason(), net::CloseReason::kAbort);
  EXPECT_EQ(Received(harness.backend().written(), true).close_code(), 1001);
  harness.backend().Feed(Plain({.opcode = 8, .payload = ClosePayload(1001)}));
  harness.backend().FeedEnd();
  harness.Settle();
  EXPECT_EQ(harness.Counted(Reject::kSlowConsumer), 1U);
  EXPECT_EQ(harness.Closes(ClosedBy::kTimeout, 1006), 1U);
}

TEST(SendTimeout, TellsAClientThatReadsAfterAll) {
  TunnelHarness harness(Limited());
  harness.Start();
  Block(harness, kMessage);
  TurnUntil(harness, [&] { return !harness.backend().written().empty(); });
  EXPECT_FALSE(harness.client().closed()) << "it has close_timeout left";
  harness.client().AddRoom(10'000);
  harness.Settle();
  const Received received(harness.client().written(), false);
  ASSERT_EQ(received.frames.size(), 2U);
  EXPECT_EQ(received.close_code(), 1013);
  harness.client().Feed(Masked({.opcode = 8, .payload = ClosePayload(1013)}));
  harness.client().FeedEnd();
  harness.backend().FeedEnd();
  harness.Settle();
  EXPECT_EQ(harness.Counted(Reject::kSlowConsumer), 1U);
  EXPECT_EQ(harness.Closes(ClosedBy::kTimeout, 1013), 1U);
}

TEST(SendTimeout, EndsAClientThatReadsNotEvenThenAfterCloseTimeout) {
  TunnelHarness harness(Limited());
  harness.Start();
  Block(harness, kMessage);
  TurnUntil(harness, [&] { return harness.ended(); });
  EXPECT_EQ(harness.Counted(Reject::kSlowConsumer), 1U);
}

TEST(SendTimeout, EndsABackendThatTakesNothing) {
  config::WebSocket settings = Limited();
  settings.backend_lost_code.code = 3001;
  TunnelHarness harness(settings);
  harness.Start();
  harness.backend().SetRoom(10);
  harness.client().Feed(Masked({.payload = std::string(100, 'x')}).substr(0, 60));
  harness.Settle();
  Pass(harness, kLimit + base::Duration(20));
  EXPECT_EQ(harness.backend().close_reason(), net::CloseReason::kAbort);
  EXPECT_EQ(Received(harness.client().written(), false).close_code(), 3001);
  harness.client().FeedEnd();
  harness.Settle();
  EXPECT_EQ(harness.Counted(Reject::kSlowConsumer), 1U);
  EXPECT_EQ(harness.Closes(ClosedBy::kTimeout, 3001), 1U);
}

TEST(SendTimeout, SparesAClientThatTakesAByteNowAndThen) {
  TunnelHarness harness(Limited());
  harness.Start();
  Block(harness, kPart);
  for (int i = 0; i < 6; ++i) {
    Pass(harness, kLimit / 2);
    harness.client().AddRoom(1);
    harness.Settle();
  }
  EXPECT_FALSE(harness.client().closed());
  Pass(harness, kLimit + kLimit / Stall::kChecks + base::Duration(20));
  EXPECT_TRUE(harness.client().closed());
}

TEST(SendTimeout, SparesAClientWhoseHostTakesWhatIsOnTheWay) {
  TunnelHarness harness(Limited());
  harness.Start();
  Block(harness, kPart);
  for (int i = 0; i < 6; ++i) {
    Pass(harness, kLimit / 2);
    harness.client().TakeOnTheWay();
  }
  EXPECT_FALSE(harness.client().closed()) << "no byte of room yet, but it reads";
}

TEST(SendTimeout, DoesNotCountTheTimeInWhichNothingWaits) {
  TunnelHarness harness(Limited());
  harness.Start();
  Block(harness, kMessage);
  Pass(harness, kLimit - base::Duration(100));
  harness.client().AddRoom(kMessage.size());
  harness.Settle();
  Pass(harness, 3 * kLimit);
  harness.backend().Feed(kMessage + kMessage);
  harness.Settle();
  Pass(harness, kLimit - base::Duration(100));
  EXPECT_FALSE(harness.client().closed());
  TurnUntil(harness, [&] { return !harness.backend().written().empty(); });
  EXPECT_EQ(Received(harness.backend().written(), true).close_code(), 1001);
}

TEST(SendTimeout, OfZeroWaitsForEver) {
  config::WebSocket settings = Limited();
  settings.send_timeout = base::Duration(0);
  TunnelHarness harness(settings);
  harness.Start();
  Block(harness, kPart);
  Pass(harness, 20 * kLimit);
  EXPECT_FALSE(harness.client().closed());
}

TEST(SendTimeout, JudgesAClientThatCannotHaveReadItsPing) {
  TunnelHarness harness(Limited(base::Duration(100)));
  harness.Start();
  harness.client().SetHostSilence(base::Duration(0));
  Block(harness, kMessage);
  Pass(harness, kLimit / 2);
  EXPECT_EQ(harness.Counted(stats::Metric::kPingsToClient) > 0, true);
  EXPECT_TRUE(harness.backend().written().empty()) << "its host answers, and it may still read";
  TurnUntil(harness, [&] { return harness.ended(); });
  EXPECT_EQ(harness.Counted(Reject::kSlowConsumer), 1U);
  EXPECT_EQ(harness.Counted(Reject::kPongTimeout), 0U);
}

TEST(SendTimeout, LeavesADeadHostToThePings) {
  TunnelHarness harness(Limited(base::Duration(100)));
  harness.Start();
  harness.client().SetHostSilence(kLimit);
  Block(harness, kMessage);
  TurnUntil(harness, [&] { return harness.client().closed(); });
  EXPECT_LT(harness.tunnel()->age(), kLimit / 2);
  harness.backend().FeedEnd();
  harness.Settle();
  EXPECT_EQ(harness.Counted(Reject::kPongTimeout), 1U);
}

TEST(SocketBuffer, BoundsWhatIsNotSentFromTheStartAndWhatIsNotReadOnceItIsMuch) {
  config::WebSocket settings = Limited();
  settings.socket_buffer = {200'000};
  TunnelHarness harness(settings);
  harness.Start();
  EXPECT_EQ(harness.client().unsent_limit(), 200'000U);
  EXPECT_EQ(harness.backend().unsent_limit(), 200'000U);
  harness.backend().FeedBlocked();
  harness.backend().Feed(kMessage);
  harness.backend().FeedBlocked();
  harness.Settle();
  EXPECT_EQ(harness.backend().unread_limit(), 0U) << "chat";
  harness.backend().LimitReads(kMessage.size());
  for (int i = 0; i < 10; ++i) harness.backend().Feed(kMessage);
  harness.Settle();
  EXPECT_EQ(harness.backend().unread_limit(), 200'000U);
  EXPECT_EQ(harness.client().unread_limit(), 0U);
}

TEST(SocketBuffer, IsTheKernelsOwnAgainOnceMuchWasForwardedInARow) {
  TunnelHarness harness({.keepalive = {.interval = base::Duration(0)}});
  harness.Start();
  const std::string message = Plain({.opcode = 2, .payload = std::string(60'000, 'x')});
  harness.backend().LimitReads(message.size());
  const auto forward = [&](size_t messages) {
    for (size_t i = 0; i < messages; ++i) harness.backend().Feed(message);
    harness.Settle();
  };
  const size_t almost = Side::kProven / message.size() - 1;
  forward(almost);
  EXPECT_GT(harness.backend().unread_limit(), 0U);
  harness.client().SetRoom(10);
  forward(3);
  harness.client().AddRoom(100 << 20);
  harness.Settle();
  EXPECT_GT(harness.backend().unread_limit(), 0U) << "the client has held it up";
  forward(almost + 3);
  EXPECT_EQ(harness.backend().unread_limit(), 0U);
}

TEST(SocketBuffer, OfZeroIsTheKernelsOwn) {
  config::WebSocket settings = Limited();
  settings.socket_buffer = {0};
  TunnelHarness harness(settings);
  harness.Start();
  for (int i = 0; i < 10; ++i) harness.backend().Feed(kMessage);
  harness.Settle();
  EXPECT_EQ(harness.client().unsent_limit() + harness.backend().unread_limit(), 0U);
}

}  // namespace
}  // namespace hawser::session::tunnel_stall_test
