#include "proxy/session/tunnel.h"

#include "tests/unit/session/tunnel_harness.h"

namespace hawser::session::tunnel_test {
namespace {

using stats::ClosedBy;

TEST(Tunnel, ForwardsFramesAsTheyCameInBothDirections) {
  TunnelHarness harness;
  harness.Start();
  const std::string up =
      Masked({.opcode = 1, .payload = "hello"}) + Masked({.opcode = 2, .payload = std::string(70000, 'x')});
  const std::string down =
      Plain({.opcode = 1, .payload = "well", .fin = false}) + Plain({.opcode = 0, .payload = "come"});
  harness.client().Feed(up);
  harness.backend().Feed(down);
  harness.Settle();
  EXPECT_EQ(harness.backend().written(), up);
  EXPECT_EQ(harness.client().written(), down);
  EXPECT_EQ(harness.tunnel()->traffic().messages_in, 2U);
  EXPECT_EQ(harness.tunnel()->traffic().messages_out, 1U);
  EXPECT_EQ(harness.tunnel()->traffic().bytes_in, up.size());
}

TEST(Tunnel, ForwardsWhatCameAheadOfIt) {
  TunnelHarness harness;
  const std::string up = Masked({.payload = "early"});
  const std::string down = Plain({.payload = "hello"});
  harness.parts().early_from_client = std::as_bytes(std::span(up));
  harness.parts().early_from_backend = std::as_bytes(std::span(down));
  harness.Start();
  EXPECT_EQ(harness.backend().written(), up);
  EXPECT_EQ(harness.client().written(), down);
}

TEST(Tunnel, SendsNothingOfAFrameBeforeItsHeaderIsWhole) {
  TunnelHarness harness;
  harness.Start();
  const std::string frame = Masked({.payload = std::string(300, 'a')});
  harness.client().Feed(frame.substr(0, 7));
  harness.Settle();
  EXPECT_EQ(harness.backend().written(), "");
  harness.client().Feed(frame.substr(7, 3));
  harness.Settle();
  EXPECT_EQ(harness.backend().written(), frame.substr(0, 10));
}

TEST(Tunnel, StopsReadingOneSideWhileTheOtherIsSlowAndHoldsNoMoreThanOneRead) {
  TunnelHarness harness;
  harness.Start();
  harness.client().SetRoom(1000);
  const std::string frame = Plain({.opcode = 2, .payload = std::string(1 << 20, 'b')});
  harness.backend().Feed(frame);
  harness.Settle();
  EXPECT_EQ(harness.client().written().size(), 1000U);
  EXPECT_FALSE(harness.backend().interest().read);
  EXPECT_LE(frame.size() - harness.backend().unread() - 1000, 64U * 1024);
  harness.client().AddRoom(2 << 20);
  harness.Settle();
  EXPECT_EQ(harness.client().written(), frame);
  EXPECT_EQ(harness.buffers().in_use(), 0U);
}

TEST(Tunnel, RelaysTheCloseHandshakeAndEndsBothStreamsInOrder) {
  TunnelHarness harness;
  harness.Start();
  const std::string close = Masked({.opcode = 8, .payload = ClosePayload(4000, "bye")});
  const std::string answer = Plain({.opcode = 8, .payload = ClosePayload(4000, "bye")});
  harness.client().Feed(close);
  harness.Settle();
  EXPECT_EQ(harness.backend().written(), close);
  EXPECT_FALSE(harness.client().write_shut());
  harness.backend().Feed(answer);
  harness.Settle();
  EXPECT_EQ(harness.client().written(), answer);
  EXPECT_EQ(harness.client().last_words(), answer) << "one packet carries them and the end";
  EXPECT_TRUE(harness.client().write_shut());
  EXPECT_FALSE(harness.backend().write_shut()) << "the server ends the connection first";
  harness.client().FeedEnd();
  harness.backend().FeedEnd();
  harness.Settle();
  EXPECT_TRUE(harness.ended());
  EXPECT_EQ(harness.client().close_reason(), net::CloseReason::kOrderly);
  EXPECT_EQ(harness.backend().close_reason(), net::CloseReason::kOrderly);
  EXPECT_EQ(harness.Closes(ClosedBy::kClient, 4000), 1U);
}

TEST(Tunnel, EndsTheConnectionOfABackendThatDoesNotGoFirst) {
  TunnelHarness harness;
  harness.Start();
  harness.backend().Feed(Plain({.opcode = 8, .payload = ClosePayload(1000)}));
  harness.Settle();
  harness.client().Feed(Masked({.opcode = 8, .payload = ClosePayload(1000)}));
  harness.client().FeedEnd();
  harness.Settle();
  EXPECT_TRUE(harness.client().closed());
  EXPECT_FALSE(harness.backend().write_shut());
  TurnUntil(harness, [&] { return harness.backend().write_shut(); });
  ASSERT_FALSE(harness.ended());
  harness.backend().FeedEnd();
  harness.Settle();
  EXPECT_TRUE(harness.ended());
  EXPECT_EQ(harness.Closes(ClosedBy::kBackend, 1000), 1U);
}

TEST(Tunnel, DeliversTheAnsweringCloseToAClientThatHasHalfClosed) {
  TunnelHarness harness;
  harness.Start();
  harness.client().Feed(Masked({.opcode = 8, .payload = ClosePayload(1000)}));
  harness.client().FeedEnd();
  harness.Settle();
  harness.backend().Feed(Plain({.opcode = 8, .payload = ClosePayload(1000)}));
  harness.backend().FeedEnd();
  harness.Settle();
  EXPECT_EQ(Received(harness.client().written(), false).close_code(), 1000);
  EXPECT_TRUE(harness.ended());
}

TEST(Tunnel, DropsWhatAClientSendsBehindItsCloseFrame) {
  TunnelHarness harness;
  harness.Start();
  const std::string close = Masked({.opcode = 8, .payload = ClosePayload(1000)});
  harness.client().Feed(close + Masked({.payload = "late"}));
  harness.Settle();
  EXPECT_EQ(harness.backend().written(), close);
}

TEST(Tunnel, SendsTheClient1001WhenTheBackendIsLostBetweenTwoFrames) {
  for (const bool reset : {false, true}) {
    TunnelHarness harness;
    harness.Start();
    harness.backend().Feed(Plain({.payload = "half", .fin = false}));
    reset ? harness.backend().FeedError(ECONNRESET) : harness.backend().FeedEnd();
    harness.Settle();
    EXPECT_EQ(Received(harness.client().written(), false).close_code(), 1001);
    harness.client().Feed(Masked({.opcode = 8, .payload = ClosePayload(1001)}));
    harness.client().FeedEnd();
    harness.Settle();
    EXPECT_TRUE(harness.ended());
    EXPECT_EQ(harness.Counted(http::Reject::kBackendLost), 1U);
    EXPECT_EQ(harness.Closes(ClosedBy::kBackend, 1006), 1U);
  }
}

TEST(Tunnel, JustEndsAClientWhoseBackendIsLostInsideAFrame) {
  TunnelHarness harness;
  harness.Start();
  const std::string frame = Plain({.payload = std::string(100, 'x')});
  harness.backend().Feed(frame.substr(0, 50));
  harness.backend().FeedEnd();
  harness.Settle();
  EXPECT_EQ(harness.client().written(), frame.substr(0, 50));
  EXPECT_TRUE(harness.client().write_shut() || harness.client().closed())
      << "promptly, though without a close frame";
}

TEST(Tunnel, SendsTheBackend1001WhenTheClientIsLost) {
  TunnelHarness harness;
  harness.Start();
  harness.client().FeedError(ECONNRESET);
  harness.Settle();
  EXPECT_EQ(Received(harness.backend().written(), true).close_code(), 1001);
  EXPECT_EQ(harness.client().close_reason(), net::CloseReason::kAbort);
  harness.backend().FeedEnd();
  harness.Settle();
  EXPECT_TRUE(harness.ended());
  EXPECT_EQ(harness.Closes(ClosedBy::kClient, 1006), 1U);
}

TEST(Tunnel, EndsWhenAWriteFails) {
  TunnelHarness harness;
  harness.Start();
  harness.backend().FailCall(1);
  harness.client().Feed(Masked({.payload = "into the void"}));
  harness.Settle();
  EXPECT_EQ(Received(harness.client().written(), false).close_code(), 1001);
}

struct Offence {
  const char* name;
  std::string bytes;
  int code;
};

TEST(Tunnel, ClosesAnOffendingClientWithTheCodeAndTheBackendCleanly) {
  const Offence offences[] = {
      {"unmasked", Plain({.payload = "x"}), 1002},
      {"reserved bit", Masked({.payload = "x", .rsv = 2}), 1002},
      {"compressed without leave", Masked({.payload = "x", .rsv = 4}), 1002},
      {"reserved opcode", Masked({.opcode = 3}), 1002},
      {"continuation of nothing", Masked({.opcode = 0}), 1002},
      {"fragmented ping", Masked({.opcode = 9, .fin = false}), 1002},
      {"long length", Masked({.payload = "x", .length_bytes = 2}), 1002},
      {"close code 1005", Masked({.opcode = 8, .payload = ClosePayload(1005)}), 1002},
      {"close reason", Masked({.opcode = 8, .payload = ClosePayload(1000, "\xff")}), 1007},
  };
  for (const Offence& offence : offences) {
    SCOPED_TRACE(offence.name);
    TunnelHarness harness;
    harness.Start();
    harness.client().Feed(Masked({.payload = "fine"}) + offence.bytes);
    harness.Settle();
    EXPECT_EQ(Received(harness.client().written(), false).close_code(), offence.code);
    EXPECT_TRUE(harness.client().write_shut());
    const Received backend(harness.backend().written(), true);
    EXPECT_EQ(backend.frames.size(), 2U);
    EXPECT_EQ(backend.frames[0].payload, "fine");
    EXPECT_EQ(backend.close_code(), 1001);
    harness.client().FeedEnd();
    harness.backend().Feed(Plain({.opcode = 8, .payload = ClosePayload(1001)}));
    harness.backend().FeedEnd();
    harness.Settle();
    EXPECT_TRUE(harness.ended());
  }
}

TEST(Tunnel, ClosesAnOffendingBackendWith1002AndItsClientWith1011) {
  TunnelHarness harness;
  harness.Start();
  harness.backend().Feed(Masked({.payload = "masked"}));
  harness.Settle();
  EXPECT_EQ(Received(harness.backend().written(), true).close_code(), 1002);
  EXPECT_EQ(Received(harness.client().written(), false).close_code(), 1011);
}

TEST(Tunnel, AllowsCompressedMessagesOnceTheyWereAgreedOn) {
  TunnelHarness harness;
  harness.parts().deflate = true;
  harness.Start();
  const std::string frame = Masked({.payload = "x", .rsv = 4});
  harness.client().Feed(frame);
  harness.Settle();
  EXPECT_EQ(harness.backend().written(), frame);
}

TEST(Tunnel, HoldsItsCloseFrameUntilTheMessageInProgressReachesABoundary) {
  TunnelHarness harness;
  harness.Start();
  const std::string frame = Plain({.opcode = 2, .payload = std::string(100, 'x')});
  harness.backend().Feed(frame.substr(0, 60));
  harness.Settle();
  harness.tunnel()->End(http::Reject::kDrained);
  EXPECT_EQ(harness.client().written(), frame.substr(0, 60));
  harness.backend().Feed(frame.substr(60) + Plain({.payload = "too late"}));
  harness.Settle();
  const Received client(harness.client().written(), false);
  ASSERT_EQ(client.frames.size(), 2U);
  EXPECT_EQ(client.frames[0].payload.size(), 100U);
  EXPECT_EQ(client.close_code(), 1001);
}

TEST(Tunnel, PassesThePeersOwnPingsAndPongsThrough) {
  TunnelHarness harness;
  harness.Start();
  const std::string ping = Masked({.opcode = 9, .payload = "mine"});
  const std::string pong = Plain({.opcode = 10, .payload = "mine"});
  harness.client().Feed(ping);
  harness.backend().Feed(pong);
  harness.Settle();
  EXPECT_EQ(harness.backend().written(), ping);
  EXPECT_EQ(harness.client().written(), pong);
}

config::WebSocket PingEvery(int millis, int timeout, config::KeepaliveTo to) {
  return {.keepalive = {.interval = base::Duration(millis), .timeout = base::Duration(timeout), .to = to}};
}

TEST(Tunnel, PingsASilentSideAndDropsThePong) {
  TunnelHarness harness(PingEvery(5, 10'000, config::KeepaliveTo::kBackend));
  harness.Start();
  TurnUntil(harness, [&] { return !harness.backend().written().empty(); });
  const Received received(harness.backend().written(), true);
  ASSERT_EQ(received.frames.size(), 1U);
  EXPECT_EQ(received.frames[0].opcode, 9);
  harness.backend().Feed(Plain({.opcode = 10, .payload = received.frames[0].payload}));
  harness.Settle();
  EXPECT_EQ(harness.client().written(), "");
  EXPECT_EQ(harness.tunnel()->traffic().pings_sent, 1U);
}

TEST(Tunnel, PingsBothSidesAtOnce) {
  TunnelHarness harness(PingEvery(1000, 10'000, config::KeepaliveTo::kBoth));
  harness.Start();
  TurnUntil(harness,
            [&] { return !harness.client().written().empty() || !harness.backend().written().empty(); });
  EXPECT_EQ(Received(harness.client().written(), false).frames.size(), 1U);
  EXPECT_EQ(Received(harness.backend().written(), true).frames.size(), 1U);
}

TEST(Tunnel, EndsAsDeadWhenNoPongComes) {
  TunnelHarness harness(PingEvery(5, 5, config::KeepaliveTo::kClient));
  harness.Start();
  TurnUntil(harness, [&] { return harness.client().closed(); });
  EXPECT_EQ(Received(harness.backend().written(), true).close_code(), 1001);
  EXPECT_EQ(harness.Counted(http::Reject::kPongTimeout), 0U) << "counted when it has ended";
  harness.backend().FeedEnd();
  harness.Settle();
  EXPECT_EQ(harness.Counted(http::Reject::kPongTimeout), 1U);
  EXPECT_EQ(harness.Closes(ClosedBy::kTimeout, 1001), 1U);
}

TEST(Tunnel, LeavesASlowPeerAliveWhileItTakesWhatItWasSent) {
  TunnelHarness harness(PingEvery(1, 1, config::KeepaliveTo::kClient));
  harness.client().SetDelivering(true);
  harness.Start();
  TurnUntil(harness, [&] { return harness.tunnel()->traffic().pings_sent > 5; });
  EXPECT_FALSE(harness.client().closed());
}

TEST(Tunnel, EndsAfterTheIdleTimeoutThoughItsPingsAreAnswered) {
  config::WebSocket settings = PingEvery(0, 0, config::KeepaliveTo::kNone);
  settings.idle_timeout = base::Duration(10);
  TunnelHarness harness(settings);
  harness.Start();
  TurnUntil(harness, [&] { return !harness.client().written().empty(); });
  EXPECT_EQ(Received(harness.client().written(), false).close_code(), 1001);
}

TEST(Tunnel, EndsAtItsGreatestAge) {
  config::WebSocket settings = PingEvery(0, 0, config::KeepaliveTo::kNone);
  settings.max_connection_duration = {.duration = base::Duration(10), .jitter = 0.5};
  TunnelHarness harness(settings);
  harness.Start();
  TurnUntil(harness, [&] { return !harness.client().written().empty(); });
  EXPECT_EQ(Received(harness.client().written(), false).close_code(), 1001);
}

TEST(Tunnel, AnswersAClientsCloseItselfWhenTheBackendDoesNotWithinTheCloseTimeout) {
  config::WebSocket settings = PingEvery(0, 0, config::KeepaliveTo::kNone);
  settings.close_timeout = base::Duration(10);
  TunnelHarness harness(settings);
  harness.Start();
  harness.client().Feed(Masked({.opcode = 8, .payload = ClosePayload(1000)}));
  harness.Settle();
  EXPECT_EQ(harness.client().written(), "");
  harness.Turn(base::Duration(9));
  EXPECT_FALSE(harness.ended());
  harness.Turn(base::Duration(2));
  EXPECT_TRUE(harness.ended());
  EXPECT_EQ(harness.Closes(ClosedBy::kClient, 1000), 1U);
}

TEST(Tunnel, EveryFailingCallEndsItWithoutALeak) {
  for (const bool client_fails : {true, false}) {
    for (int nth = 1; nth < 24; ++nth) {
      SCOPED_TRACE(nth);
      TunnelHarness harness;
      harness.client().LimitWrites(7);
      harness.backend().LimitReads(5);
      (client_fails ? harness.client() : harness.backend()).FailCall(nth);
      harness.Start();
      harness.client().Feed(Masked({.payload = "one"}) + Masked({.opcode = 9, .payload = "two"}));
      harness.backend().Feed(Plain({.payload = std::string(40, 'x')}) +
                             Plain({.opcode = 8, .payload = ClosePayload(1000)}));
      harness.Settle();
      harness.client().FeedEnd();
      harness.backend().FeedEnd();
      harness.Settle();
    }  // the harness checks that the lease and the slabs are back
  }
}

}  // namespace
}  // namespace hawser::session::tunnel_test
