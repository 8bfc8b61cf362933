// Pings beside those of the peers, and backends whose host is gone.
#include "tests/unit/session/tunnel_harness.h"

namespace hawser::session {
namespace {

using stats::ClosedBy;

config::WebSocket PingClient(int millis, int timeout) {
  return {.keepalive = {.interval = base::Duration(millis),
                        .timeout = base::Duration(timeout),
                        .to = config::KeepaliveTo::kClient}};
}

const std::string kTheirPing = Plain({.opcode = 9, .payload = "theirs"});
const std::string kItsPong = Masked({.opcode = 10, .payload = "theirs"});

// Pings of hawser's own that the client has got.
size_t OwnPings(const TunnelHarness& harness) {
  return harness.Counted(stats::Metric::kPingsToClient);
}

TEST(PassedPing, IsNotFollowedByOneOfHawsersOwnUntilItIsAnswered) {
  TunnelHarness harness(PingClient(10, 10'000));
  harness.Start();
  harness.backend().Feed(kTheirPing);
  harness.Settle();
  TurnUntil(harness, [&] { return harness.tunnel()->age() > base::Duration(60); });
  EXPECT_EQ(harness.client().written(), kTheirPing);
  harness.client().Feed(kItsPong);
  harness.Settle();
  EXPECT_EQ(harness.backend().written(), kItsPong);
  TurnUntil(harness, [&] { return OwnPings(harness) == 1; });
}

TEST(PassedPing, OfAClientHoldsThePingToTheBackend) {
  TunnelHarness harness({.keepalive = {.interval = base::Duration(10),
                                       .timeout = base::Duration(10'000),
                                       .to = config::KeepaliveTo::kBackend}});
  harness.Start();
  const std::string ping = Masked({.opcode = 9, .payload = "theirs"});
  harness.client().Feed(ping);
  harness.Settle();
  TurnUntil(harness, [&] { return harness.tunnel()->age() > base::Duration(60); });
  EXPECT_EQ(harness.backend().written(), ping);
  harness.backend().Feed(Plain({.opcode = 10, .payload = "theirs"}));
  TurnUntil(harness, [&] { return harness.Counted(stats::Metric::kPingsToBackend) == 1; });
}

TEST(PassedPing, ServesTheDeadlineToo) {
  TunnelHarness harness(PingClient(10, 10));
  harness.Start();
  harness.backend().Feed(kTheirPing);
  harness.Settle();
  TurnUntil(harness, [&] { return harness.client().closed(); });
  EXPECT_EQ(OwnPings(harness), 0U);
  harness.backend().FeedEnd();
  harness.Settle();
  EXPECT_EQ(harness.Closes(ClosedBy::kTimeout, 1001), 1U);
}

TEST(PassedPing, LeavesThePeerThatTalksAlive) {
  TunnelHarness harness(PingClient(10, 10));
  harness.Start();
  harness.backend().Feed(kTheirPing);
  harness.Settle();
  harness.client().Feed(Masked({.opcode = 10, .payload = "something else"}));
  TurnUntil(harness, [&] { return OwnPings(harness) == 1; });
  EXPECT_FALSE(harness.client().closed());
}

TEST(Keepalive, AnUnreadPongCounts) {
  TunnelHarness harness(PingClient(30, 30));
  harness.Start();
  TurnUntil(harness, [&] { return OwnPings(harness) == 1; });
  const Received received(harness.client().written(), false);
  harness.client().Feed(Masked({.opcode = 10, .payload = received.frames[0].payload}));
  harness.client().FeedBlocked();
  // Events are not delivered: only timers fire.
  for (int millis = 0; millis < 100 && OwnPings(harness) < 2 && !harness.client().closed(); ++millis)
    harness.Turn(base::Duration(1));
  EXPECT_EQ(OwnPings(harness), 2U);
  EXPECT_FALSE(harness.client().closed());
}

// --- The backend's host ---

constexpr config::TcpKeepalive kTwoSeconds{
    .idle = base::Duration(1000), .interval = base::Duration(1000), .probes = 1};

TEST(BackendHost, ThatAnswersNothingForTooLongIsLost) {
  TunnelHarness harness(PingClient(5, 10'000), kTwoSeconds);
  harness.Start();
  harness.client().Feed(Masked({.payload = "anybody there?"}));
  harness.backend().SetHostSilence(base::Duration(1999));
  TurnUntil(harness, [&] { return harness.backend().silence_asked() > 3; });
  EXPECT_FALSE(harness.backend().closed());
  harness.backend().SetHostSilence(base::Duration(2000));
  TurnUntil(harness, [&] { return harness.backend().closed(); });
  EXPECT_EQ(harness.backend().close_reason(), net::CloseReason::kAbort);
  EXPECT_EQ(Received(harness.client().written(), false).close_code(), 1001);
  harness.client().FeedEnd();
  harness.Settle();
  EXPECT_EQ(harness.Counted(http::Reject::kBackendLost), 1U);
}

TEST(BackendHost, ThatIsLostHasItsLastWordsReadFirst) {
  TunnelHarness harness(PingClient(5, 10'000), kTwoSeconds);
  harness.Start();
  harness.client().SetRoom(3);
  const std::string first = Plain({.payload = "the first message"});
  const std::string second = Plain({.payload = "the second"});
  harness.backend().Feed(first);
  harness.Settle();
  harness.backend().Feed(second);
  harness.backend().FeedBlocked();
  harness.client().Feed(Masked({.payload = "anybody there?"}));
  harness.backend().SetHostSilence(base::Duration(2000));
  TurnUntil(harness, [&] { return harness.backend().silence_asked() > 0; });
  EXPECT_FALSE(harness.backend().closed()) << "its second message waits for the client";
  harness.client().AddRoom(1000);
  harness.Settle();
  EXPECT_TRUE(harness.backend().closed());
  EXPECT_EQ(Received(harness.client().written(), false).close_code(), 1001);
  EXPECT_TRUE(harness.client().written().find(first) != std::string::npos);
  EXPECT_TRUE(harness.client().written().find(second) != std::string::npos);
}

TEST(BackendHost, ThatAnswersAndTakesNothingIsLeftAlone) {
  TunnelHarness harness(PingClient(5, 10'000), kTwoSeconds);
  harness.Start();
  harness.backend().SetRoom(0);
  harness.client().Feed(Masked({.payload = "take your time"}));
  harness.backend().SetHostSilence(base::Duration(0));
  TurnUntil(harness, [&] { return harness.backend().silence_asked() > 5; });
  EXPECT_FALSE(harness.backend().closed());
}

TEST(BackendHost, OfAQuietTunnelIsNotChecked) {
  TunnelHarness harness(PingClient(5, 10'000), kTwoSeconds);
  harness.Start();
  harness.client().Feed(Masked({.payload = "the only message"}));
  TurnUntil(harness, [&] { return harness.backend().silence_asked() > 0; });
  for (size_t answered = 0; answered < 4;) {
    TurnUntil(harness, [&] { return Received(harness.client().written(), false).frames.size() > answered; });
    const Received pings(harness.client().written(), false);
    harness.client().Feed(Masked({.opcode = 10, .payload = pings.frames[answered++].payload}));
    harness.Settle();
  }
  EXPECT_EQ(harness.backend().silence_asked(), 1) << "nothing was under way, and pongs go no further";
  harness.client().Feed(Masked({.payload = "another"}));
  TurnUntil(harness, [&] { return harness.backend().silence_asked() == 2; });
}

TEST(BackendHost, IsNotCheckedIfTheClusterTurnsItOff) {
  TunnelHarness harness(PingClient(5, 10'000), {.idle = base::Duration(0)});
  harness.Start();
  harness.client().Feed(Masked({.payload = "a message"}));
  TurnUntil(harness, [&] { return harness.tunnel()->age() > base::Duration(50); });
  EXPECT_EQ(harness.backend().silence_asked(), 0);
}

TEST(BackendHost, IsCheckedWithoutPingsToo) {
  TunnelHarness harness({.keepalive = {.interval = base::Duration(0)}}, kTwoSeconds);
  harness.Start();
  harness.client().Feed(Masked({.payload = "anybody there?"}));
  harness.backend().SetHostSilence(std::chrono::hours(1));
  TurnUntil(harness, [&] { return harness.backend().closed(); });
}

}  // namespace
}  // namespace hawser::session
