// One peer of a tunnel by itself: what each of its states takes, gives, and leads to.
#include "proxy/session/side.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/session/tunnel.h"
#include "tests/fakes/fake_stream.h"

namespace hawser::session {
namespace {

using Incoming = Side::Incoming;
using Outgoing = Side::Outgoing;
using net::CloseReason;
using net::IoState;

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

class SideTest : public testing::Test {
 protected:
  ~SideTest() override {
    side_.Close(CloseReason::kAbort);
    EXPECT_EQ(pool_.in_use(), 0U);
  }

  bool Send(std::string_view text) { return side_.Send(Bytes(text), pool_); }
  bool SendLast(std::string_view text) { return side_.SendLast(Bytes(text), pool_); }
  std::string Read(size_t most = 100) {
    const Side::ReadResult got = side_.Read(scratch_, most);
    state_ = got.state;
    return {reinterpret_cast<const char*>(got.bytes.data()), got.bytes.size()};
  }
  // Lets the stream take everything.
  void FlushAll() {
    for (int calls = 0; side_.blocked() && calls < 10'000; ++calls) side_.Flush();
  }

  net::BufferPool pool_;
  std::array<std::byte, 256> scratch_;
  IoState state_ = IoState::kOk;
  fakes::FakeStream* const stream_ = new fakes::FakeStream;
  Side side_{Peer::kBackend, std::unique_ptr<net::ByteStream>(stream_)};
};

TEST(Sizes, OfWhatATunnelPaysFor) {
  EXPECT_LE(sizeof(Side), 136U);
  EXPECT_LE(sizeof(Tunnel), 504U);
}

// --- From the peer ---

TEST_F(SideTest, ReadsBehindWhatItCarried) {
  stream_->Feed("hello world");
  EXPECT_EQ(Read(5), "hello");
  side_.Carry(Bytes("lo"));
  EXPECT_TRUE(side_.carries());
  EXPECT_EQ(Read(), "lo world");
  EXPECT_EQ(state_, IoState::kBlocked);
}

TEST_F(SideTest, ReadsNoMoreThanThereIsRoomFor) {
  stream_->Feed(std::string(1000, 'x'));
  side_.Carry(Bytes("carry"));
  EXPECT_EQ(Read(1000).size(), scratch_.size());
}

TEST_F(SideTest, DropsWhatItCarriesOnceThePeerIsNotForwardedAnyMore) {
  for (const bool closes : {true, false}) {
    Side side(Peer::kClient, std::make_unique<fakes::FakeStream>());
    side.Carry(Bytes("half a frame"));
    closes ? side.ReceivedClose() : side.Discard();
    EXPECT_FALSE(side.carries());
    side.Carry(Bytes("more of it"));
    EXPECT_FALSE(side.carries());
  }
}

TEST_F(SideTest, AnEndIsThatOfItsOwnDirectionOnly) {
  stream_->FeedEnd();
  EXPECT_EQ(Read(), "");
  EXPECT_EQ(state_, IoState::kEnd);
  side_.End();
  EXPECT_EQ(side_.incoming(), Incoming::kEnded);
  EXPECT_FALSE(Send("still heard"));
  EXPECT_EQ(stream_->written(), "still heard");
}

TEST_F(SideTest, DiscardingFollowsACloseFrameThatWillNotBeAnswered) {
  side_.ReceivedClose();
  EXPECT_TRUE(side_.EndsFirst());
  side_.Discard();
  EXPECT_EQ(side_.incoming(), Incoming::kDiscarding);
  EXPECT_FALSE(side_.EndsFirst());
  side_.End();
  side_.Discard();
  EXPECT_EQ(side_.incoming(), Incoming::kEnded);
}

TEST_F(SideTest, BytesAreUnderWayUntilTheyHaveArrived) {
  side_.Count(100);
  EXPECT_TRUE(side_.MayBeUnderWay());
  side_.CountArrived(99);
  EXPECT_TRUE(side_.MayBeUnderWay());
  side_.CountArrived(1);
  EXPECT_FALSE(side_.MayBeUnderWay());
  side_.Count(uint64_t{1} << 33 | 1);
  EXPECT_TRUE(side_.MayBeUnderWay());
  side_.AllArrived();
  EXPECT_FALSE(side_.MayBeUnderWay());
}

// --- To the peer ---

TEST_F(SideTest, TellsOnceThatItsStreamBlocks) {
  stream_->SetRoom(3);
  EXPECT_TRUE(Send("hello"));
  EXPECT_EQ(side_.outgoing(), Outgoing::kBlocked);
  EXPECT_FALSE(Send(" world"));
  stream_->AddRoom(100);
  side_.Flush();
  EXPECT_EQ(side_.outgoing(), Outgoing::kOpen);
  EXPECT_EQ(stream_->written(), "hello world");
}

TEST_F(SideTest, OneByteACallArrivesInOrder) {
  stream_->OneByteAtATime();
  EXPECT_TRUE(Send("one "));
  EXPECT_FALSE(Send("two "));
  EXPECT_FALSE(SendLast("three"));
  EXPECT_EQ(side_.outgoing(), Outgoing::kFinishing);
  EXPECT_FALSE(Send("dropped"));
  FlushAll();
  EXPECT_EQ(side_.outgoing(), Outgoing::kFinished);
  EXPECT_EQ(stream_->written(), "one two three");
  EXPECT_FALSE(stream_->write_shut());
  side_.ShutdownWrite();
  EXPECT_TRUE(stream_->write_shut());
}

TEST_F(SideTest, TheNthCallFailsAndWhatWasTakenIsAPrefix) {
  const std::string all = "first second third";
  const int calls_of_all = static_cast<int>(all.size()) + 1;  // and an empty one behind what waited
  for (int nth = 1; nth < 30; ++nth) {
    SCOPED_TRACE(nth);
    auto stream = std::make_unique<fakes::FakeStream>();
    fakes::FakeStream& fake = *stream;
    Side side(Peer::kClient, std::move(stream));
    fake.OneByteAtATime();
    fake.FailCall(nth);
    const auto step = [&](std::string_view text) {
      (void)side.Send(Bytes(text), pool_);
      side.Flush();
    };
    step("first ");
    step("second ");
    if (!side.finished()) (void)side.SendLast(Bytes("third"), pool_);
    for (int calls = 0; side.blocked() && calls < 100; ++calls) side.Flush();
    EXPECT_TRUE(all.starts_with(fake.written()));
    EXPECT_TRUE(side.flushed());
    EXPECT_EQ(side.outgoing(), nth <= calls_of_all ? Outgoing::kBroken : Outgoing::kFinished);
    EXPECT_EQ(side.incoming(), Incoming::kOpen) << "what the peer sent before can still be read";
    EXPECT_EQ(pool_.in_use(), 0U);
  }
}

TEST_F(SideTest, TheLastBytesAndTheEndGoTogetherWhereNothingIsAwaited) {
  side_.Discard();
  EXPECT_FALSE(SendLast("bye"));
  EXPECT_EQ(stream_->last_words(), "bye");
  EXPECT_TRUE(stream_->write_shut());
  EXPECT_EQ(side_.outgoing(), Outgoing::kShut);
}

TEST_F(SideTest, ABackendThatHasItsCloseFramesEndsFirst) {
  side_.ReceivedClose();
  EXPECT_FALSE(SendLast("bye"));
  EXPECT_EQ(side_.outgoing(), Outgoing::kFinished);
  EXPECT_FALSE(stream_->write_shut());
  side_.AwaitFin();
  EXPECT_TRUE(side_.flushed());
  side_.ShutdownWrite();
  EXPECT_EQ(side_.outgoing(), Outgoing::kShut);
  EXPECT_TRUE(stream_->write_shut());
}

TEST_F(SideTest, WhatWaitedWhenItFinishedIsStillSent) {
  stream_->SetRoom(0);
  EXPECT_TRUE(Send("waits"));
  side_.Finish();
  EXPECT_EQ(side_.outgoing(), Outgoing::kFinishing);
  EXPECT_FALSE(SendLast("too late"));
  stream_->AddRoom(100);
  side_.Flush();
  EXPECT_EQ(side_.outgoing(), Outgoing::kFinished);
  EXPECT_EQ(stream_->written(), "waits");
}

TEST_F(SideTest, NothingIsSentBeforeABlockIsFlushed) {
  side_.Block();
  EXPECT_FALSE(Send("behind it"));
  EXPECT_EQ(stream_->written(), "");
  side_.Flush();
  EXPECT_EQ(stream_->written(), "behind it");
  EXPECT_EQ(side_.outgoing(), Outgoing::kOpen);
}

TEST_F(SideTest, ClosesOnceAndForgetsWhatWaits) {
  stream_->SetRoom(0);
  EXPECT_TRUE(Send("never"));
  side_.DuePing();
  side_.Close(CloseReason::kAbort);
  side_.Close(CloseReason::kOrderly);
  EXPECT_EQ(stream_->close_reason(), CloseReason::kAbort);
  EXPECT_EQ(side_.outgoing(), Outgoing::kClosed);
  EXPECT_EQ(side_.incoming(), Incoming::kEnded);
  EXPECT_EQ(side_.due(), Side::Due::kNothing);
  EXPECT_EQ(pool_.in_use(), 0U);
}

// --- Between two frames ---

TEST_F(SideTest, ACloseFrameIsDueInsteadOfAPing) {
  side_.DuePing();
  side_.DueClose(1001);
  EXPECT_EQ(side_.TakeDue(), Side::Due::kClose);
  EXPECT_EQ(side_.close_code(), 1001);
  EXPECT_EQ(side_.TakeDue(), Side::Due::kNothing);
}

TEST_F(SideTest, NothingIsDueBehindTheLastBytes) {
  for (int how = 0; how < 3; ++how) {
    Side side(Peer::kClient, std::make_unique<fakes::FakeStream>());
    side.DueClose(1000);
    if (how == 0) side.Finish();
    if (how == 1) side.Break();
    if (how == 2) (void)side.SendLast(Bytes("the peer's own"), pool_);
    EXPECT_EQ(side.due(), Side::Due::kNothing);
  }
}

#ifndef NDEBUG
TEST_F(SideTest, DeathWhereNoStateAllowsTheStep) {
  EXPECT_DEATH(side_.AwaitFin(), "HAWSER_DCHECK") << "not all was sent";
  EXPECT_DEATH(side_.ShutdownWrite(), "HAWSER_DCHECK");
  EXPECT_DEATH(side_.DueClose(1005), "HAWSER_DCHECK") << "never on the wire";
  side_.Finish();
  EXPECT_DEATH(side_.DuePing(), "HAWSER_DCHECK");
  EXPECT_DEATH(side_.Break(), "HAWSER_DCHECK");
  side_.End();
  EXPECT_DEATH(side_.End(), "HAWSER_DCHECK");
  EXPECT_DEATH(Read(), "HAWSER_DCHECK");
  EXPECT_DEATH(side_.ReceivedClose(), "HAWSER_DCHECK");
}
#endif

}  // namespace
}  // namespace hawser::session
