// A read that holds thousands of frames is forwarded in pieces, the rest behind the turns of others; whatever
// stands behind held frames comes behind them.
#include <random>
#include <string>

#include "proxy/session/tunnel.h"
#include "tests/fakes/in_turn.h"
#include "tests/unit/session/tunnel_harness.h"

namespace hawser::session::tunnel_share_test {
namespace {

using stats::Metric;

constexpr size_t kPiece =
    event::ReadSize::kLeast / 2;  // frames that are forwarded whatever is left of the share

std::string Frames(size_t count) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i) bytes += Masked({.payload = std::to_string(i % 10)});
  return bytes;
}

// The stream delivers what it has in a turn of the loop in which nothing is left for its tunnel.
void DeliverWithoutShare(TunnelHarness& harness, fakes::FakeStream& stream) {
  fakes::InTurn turn(harness.loop());
  turn.First([&] {
    harness.loop().Spend(harness.loop().left());
    EXPECT_TRUE(stream.Deliver());
  });
  harness.Turn(base::Duration(0));
}

TEST(TunnelShare, AReadOfThousandsOfFramesIsForwardedInPieces) {
  TunnelHarness harness;
  harness.Start();
  const std::string all = Frames(3 * kPiece);
  harness.client().Feed(all);
  DeliverWithoutShare(harness, harness.client());
  EXPECT_EQ(harness.backend().written(), Frames(kPiece));
  EXPECT_FALSE(harness.client().interest().read) << "nothing is read behind held bytes";
  harness.Turn(base::Duration(0));
  EXPECT_EQ(harness.backend().written(), all);
  EXPECT_TRUE(harness.client().interest().read);
  EXPECT_EQ(harness.Counted(Metric::kMessagesToBackend), 3 * kPiece);
}

TEST(TunnelShare, WhereNothingIsLeftOneMoreReadIsMadeAndNoOther) {
  TunnelHarness harness;
  harness.Start();
  harness.client().LimitReads(100);
  harness.client().Feed(Masked({.payload = std::string(300, 'x')}));
  DeliverWithoutShare(harness, harness.client());
  EXPECT_EQ(harness.backend().written().size(), 100U);
}

TEST(TunnelShare, AfterAReadOfManyFramesLessIsReadAtOnce) {
  TunnelHarness harness;
  harness.Start();
  harness.client().Feed(Frames(3 * kPiece));
  harness.Settle();
  harness.client().Feed(Frames(3 * kPiece));
  DeliverWithoutShare(harness, harness.client());
  EXPECT_EQ(harness.client().unread(), Frames(3 * kPiece).size() - event::ReadSize::kLeast);
  EXPECT_TRUE(harness.client().interest().read) << "nothing is held";
}

TEST(TunnelShare, WhatIsOnlyDroppedIsReadAtOnceAgain) {
  TunnelHarness harness;
  harness.Start();
  harness.client().Feed(Frames(3 * kPiece));
  harness.Settle();
  harness.client().Feed("\x81\x01x" + std::string(20'000, 'x'));  // a client's frame without a mask
  DeliverWithoutShare(harness, harness.client());
  EXPECT_EQ(harness.Counted(Metric::kViolationsByClient), 1U);
  ASSERT_GT(harness.client().unread(), 0U);
  DeliverWithoutShare(harness, harness.client());
  EXPECT_EQ(harness.client().unread(), 0U);
}

TEST(TunnelShare, FragmentsAndControlFramesCountAsFrames) {
  for (const int opcode : {0, 9, 10}) {
    TunnelHarness harness;
    harness.Start();
    std::string all = Masked({.opcode = 1, .payload = "begins", .fin = false});
    for (size_t i = 0; i < 2 * kPiece; ++i) all += Masked({.opcode = opcode, .fin = opcode != 0});
    harness.client().Feed(all);
    DeliverWithoutShare(harness, harness.client());
    const Received first(harness.backend().written(), true);
    EXPECT_EQ(first.frames.size(), kPiece) << opcode;
    harness.Turn(base::Duration(0));
    EXPECT_EQ(harness.backend().written(), all) << opcode;
  }
}

TEST(TunnelShare, ACloseFrameComesBehindHeldFrames) {
  TunnelHarness harness;
  harness.Start();
  const std::string all = Frames(2 * kPiece) + Masked({.opcode = 8, .payload = ClosePayload(1000)});
  harness.client().Feed(all);
  DeliverWithoutShare(harness, harness.client());
  harness.Turn(base::Duration(0));
  EXPECT_EQ(harness.backend().written(), all);
  EXPECT_EQ(harness.tunnel()->state_name(), "closing");
}

TEST(TunnelShare, AViolationIsJudgedBehindHeldFrames) {
  TunnelHarness harness;
  harness.Start();
  harness.client().Feed(Frames(2 * kPiece) + Masked({.opcode = 3}));
  DeliverWithoutShare(harness, harness.client());
  EXPECT_EQ(harness.tunnel()->state_name(), "open");
  harness.Turn(base::Duration(0));
  const Received backend(harness.backend().written(), true);
  EXPECT_EQ(backend.frames.size(), 2 * kPiece + 1);
  EXPECT_EQ(backend.close_code(), 1001);
  EXPECT_EQ(Received(harness.client().written(), false).close_code(), 1002);
}

TEST(TunnelShare, AnEndIsActedUponBehindHeldFrames) {
  for (const bool broken : {false, true}) {
    TunnelHarness harness;
    harness.Start();
    harness.client().Feed(Frames(2 * kPiece));
    broken ? harness.client().FeedError(ECONNRESET) : harness.client().FeedEnd();
    DeliverWithoutShare(harness, harness.client());
    harness.Turn(base::Duration(0));
    harness.Settle();
    const Received backend(harness.backend().written(), true);
    EXPECT_EQ(backend.frames.size(), 2 * kPiece + 1);
    EXPECT_EQ(backend.close_code(), 1001);
  }
}

TEST(TunnelShare, WhatAPeerSentBeforeAWriteToItFailedIsForwardedAsAWhole) {
  TunnelHarness harness;
  harness.Start();
  harness.client().BreakWrites();
  harness.backend().Feed(Plain({.payload = "to a client that is gone"}));
  harness.client().Feed(Frames(2 * kPiece));
  fakes::InTurn turn(harness.loop());
  turn.First([&] {
    harness.loop().Spend(harness.loop().left());
    EXPECT_TRUE(harness.backend().Deliver());
  });
  harness.Turn(base::Duration(0));
  EXPECT_EQ(harness.backend().written(), Frames(kPiece)) << "its end waits";
  harness.Turn(base::Duration(0));
  harness.Settle();
  const Received backend(harness.backend().written(), true);
  EXPECT_EQ(backend.frames.size(), 2 * kPiece + 1);
  EXPECT_EQ(backend.close_code(), 1001);
}

TEST(TunnelShare, HeldFramesWaitForRoomAsOthersDo) {
  TunnelHarness harness;
  harness.Start();
  const std::string all = Frames(2 * kPiece);
  harness.backend().SetRoom(1000);
  harness.client().Feed(all);
  DeliverWithoutShare(harness, harness.client());
  harness.Turn(base::Duration(0));
  EXPECT_EQ(harness.backend().written().size(), 1000U);
  EXPECT_EQ(harness.buffers().in_use(), 1U) << "only the piece before them waits in the backlog";
  harness.backend().AddRoom(all.size());
  harness.Settle();
  EXPECT_EQ(harness.backend().written(), all);
  EXPECT_TRUE(harness.client().interest().read);
}

TEST(TunnelShare, AnEndOfHawsersOwnDoesNotWaitForHeldFrames) {
  TunnelHarness harness;
  harness.Start();
  harness.client().Feed(Frames(2 * kPiece));
  DeliverWithoutShare(harness, harness.client());
  harness.tunnel()->End(http::Reject::kShutdown);
  harness.Turn(base::Duration(0));
  const Received backend(harness.backend().written(), true);
  EXPECT_EQ(backend.frames.size(), kPiece + 1);
  EXPECT_EQ(backend.close_code(), 1001);
}

TEST(TunnelShare, ARateIsKeptAmongHeldFrames) {
  config::WebSocket settings{.keepalive = {.interval = base::Duration(0)}};
  settings.message_rate.from_client =
      config::MessageRateLimit{.rate = {1.0 / 3600}, .burst = static_cast<uint32_t>(kPiece + 10)};
  TunnelHarness harness(settings);
  harness.Start();
  harness.client().Feed(Frames(2 * kPiece));
  DeliverWithoutShare(harness, harness.client());
  for (int turn = 0; turn < 3; ++turn) harness.Turn(base::Duration(0));
  EXPECT_EQ(harness.backend().written(), Frames(kPiece + 10));
  EXPECT_FALSE(harness.client().interest().read);
}

// Frames of all kinds in any order and in reads of any size, with and without a share: every byte arrives, in
// order.
TEST(TunnelShare, EveryByteArrivesInOrderWhateverIsLeft) {
  std::mt19937 random(11);
  for (int round = 0; round < 30; ++round) {
    TunnelHarness harness;
    harness.Start();
    std::string all;
    bool in_message = false;
    for (int i = 0; i < 4000; ++i) {
      if (random() % 8 == 0) {
        all += Masked({.opcode = random() % 2 == 0 ? 9 : 10, .payload = "control"});
        continue;
      }
      const bool fin = random() % 4 != 0;
      const size_t size = random() % 50 == 0 ? random() % 70'000 : random() % 20;
      all += Masked({.opcode = in_message ? 0 : 2, .payload = std::string(size, 'x'), .fin = fin});
      in_message = !fin;
    }
    harness.client().LimitReads(1 + random() % 100'000);
    harness.client().Feed(all);
    while (harness.client().unread() > 0) {
      if (!harness.client().interest().read) {
        harness.Turn(base::Duration(0));
      } else if (random() % 2 == 0) {
        DeliverWithoutShare(harness, harness.client());
      } else {
        harness.client().Deliver();
      }
    }
    harness.Turn(base::Duration(0));
    ASSERT_TRUE(harness.backend().written() == all) << round;
  }
}

}  // namespace
}  // namespace hawser::session::tunnel_share_test
