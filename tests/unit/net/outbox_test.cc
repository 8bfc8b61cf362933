#include "proxy/net/outbox.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "gtest/gtest.h"
#include "tests/fakes/fake_stream.h"

namespace hawser::net {
namespace {

using fakes::FakeStream;

static_assert(sizeof(Outbox) == 16);

// As a tunnel's Side has one: the flags behind it use its second word.
struct Side {
  [[no_unique_address]] Outbox outbox;
  uint16_t code = 0;
  bool flags[4] = {};
};
static_assert(sizeof(Side) == sizeof(Outbox));

std::string Letters(size_t count) {
  std::string text(count, ' ');
  for (size_t i = 0; i < count; ++i) text[i] = static_cast<char>('a' + i % 26);
  return text;
}

class OutboxTest : public testing::Test {
 protected:
  IoState Write(std::string_view text) {
    return outbox_.Write(stream_, pool_, std::as_bytes(std::span(text)));
  }
  IoState WriteLast(std::string_view text) {
    return outbox_.WriteLast(stream_, pool_, std::as_bytes(std::span(text)));
  }

  BufferPool pool_;
  FakeStream stream_;
  Outbox outbox_;
};

TEST_F(OutboxTest, WhatTheStreamTakesDoesNotWait) {
  EXPECT_EQ(Write("one"), IoState::kOk);
  EXPECT_EQ(Write("two"), IoState::kOk);
  EXPECT_EQ(stream_.written(), "onetwo");
  EXPECT_FALSE(outbox_.blocked());
  EXPECT_EQ(pool_.in_use(), 0U);
}

TEST_F(OutboxTest, WhatTheStreamDoesNotTakeWaitsInOrder) {
  stream_.SetRoom(4);
  EXPECT_EQ(Write("first "), IoState::kBlocked);
  EXPECT_EQ(Write("second"), IoState::kBlocked);
  EXPECT_EQ(outbox_.size(), 8U);
  EXPECT_TRUE(outbox_.blocked());
  stream_.AddRoom(3);
  EXPECT_EQ(outbox_.Flush(stream_).bytes, 3U);
  EXPECT_TRUE(outbox_.blocked());
  stream_.AddRoom(100);
  const IoResult rest = outbox_.Flush(stream_);
  EXPECT_EQ(rest.state, IoState::kOk);
  EXPECT_EQ(rest.bytes, 5U);
  EXPECT_FALSE(outbox_.blocked());
  EXPECT_EQ(stream_.written(), "first second");
  EXPECT_EQ(pool_.in_use(), 0U);
}

TEST_F(OutboxTest, NothingOvertakesWhatWaitsThoughThereIsRoomAgain) {
  stream_.SetRoom(0);
  EXPECT_EQ(Write("first"), IoState::kBlocked);
  stream_.AddRoom(100);
  EXPECT_EQ(Write("second"), IoState::kBlocked);
  EXPECT_EQ(stream_.written(), "");
  EXPECT_EQ(outbox_.Flush(stream_).state, IoState::kOk);
  EXPECT_EQ(stream_.written(), "firstsecond");
}

// Takes all bytes and the end, but sends them only when it is released, as TLS may do.
class HoldingStream final : public ByteStream {
 public:
  void LetGo() { holding_ = false; }
  bool ended() const { return ended_; }

  void Watch(event::IoHandler*, uint8_t) override {}
  void Want(event::Interest) override {}
  IoResult Read(std::span<std::byte>) override { return {0, IoState::kBlocked}; }
  IoResult Write(std::span<const std::byte> bytes) override {
    return {bytes.size(), holding_ ? IoState::kBlocked : IoState::kOk};
  }
  void ShutdownWrite() override { ended_ = true; }
  void Close(CloseReason) override {}
  bool Delivering(base::Duration) const override { return false; }

 private:
  bool holding_ = true;
  bool ended_ = false;
};

TEST_F(OutboxTest, AStreamThatHoldsWhatItTookIsFlushed) {
  HoldingStream holding;
  const std::string text = "x";
  EXPECT_EQ(outbox_.Write(holding, pool_, std::as_bytes(std::span(text))), IoState::kBlocked);
  EXPECT_TRUE(outbox_.blocked());
  EXPECT_TRUE(outbox_.empty());
  EXPECT_EQ(outbox_.Flush(holding).state, IoState::kBlocked);
  holding.LetGo();
  EXPECT_EQ(outbox_.Flush(holding).state, IoState::kOk);
  EXPECT_FALSE(outbox_.blocked());
}

TEST_F(OutboxTest, AnEndThatTheStreamHoldsIsFlushedToo) {
  HoldingStream holding;
  outbox_.End(holding);
  EXPECT_TRUE(holding.ended());
  EXPECT_FALSE(outbox_.blocked()) << "nobody has asked yet";
  EXPECT_EQ(outbox_.Flush(holding).state, IoState::kBlocked);
  EXPECT_TRUE(outbox_.blocked());
  holding.LetGo();
  EXPECT_EQ(outbox_.Flush(holding).state, IoState::kOk);
  EXPECT_FALSE(outbox_.blocked());
}

TEST_F(OutboxTest, BlockLastsUntilAFlush) {
  outbox_.Block();
  EXPECT_TRUE(outbox_.blocked());
  EXPECT_TRUE(outbox_.empty());
  EXPECT_EQ(outbox_.Flush(stream_).state, IoState::kOk);
  EXPECT_FALSE(outbox_.blocked());
  EXPECT_EQ(stream_.calls(), 1);
}

TEST_F(OutboxTest, BytesThatCameAnotherWayGoAheadOfLaterOnes) {
  const std::string piped = "piped ";
  outbox_.Block().Append(pool_, std::as_bytes(std::span(piped)));
  EXPECT_EQ(Write("written"), IoState::kBlocked);
  EXPECT_EQ(outbox_.Flush(stream_).bytes, 13U);
  EXPECT_EQ(stream_.written(), "piped written");
}

TEST_F(OutboxTest, TheLastBytesAndTheEndLeaveTogether) {
  EXPECT_EQ(WriteLast("bye"), IoState::kOk);
  EXPECT_EQ(stream_.last_words(), "bye");
  EXPECT_TRUE(stream_.write_shut());
}

TEST_F(OutboxTest, TheEndWaitsBehindTheLastBytes) {
  stream_.SetRoom(1);
  EXPECT_EQ(WriteLast("bye"), IoState::kBlocked);
  EXPECT_FALSE(stream_.write_shut());
  EXPECT_EQ(outbox_.Flush(stream_).state, IoState::kBlocked);
  EXPECT_FALSE(stream_.write_shut());
  stream_.AddRoom(100);
  EXPECT_EQ(outbox_.Flush(stream_).state, IoState::kOk);
  EXPECT_EQ(stream_.written(), "bye");
  EXPECT_TRUE(stream_.write_shut());
  EXPECT_EQ(outbox_.Flush(stream_).state, IoState::kOk) << "there is nothing more";
}

TEST_F(OutboxTest, TheLastBytesWaitBehindOthers) {
  stream_.SetRoom(0);
  EXPECT_EQ(Write("well, "), IoState::kBlocked);
  EXPECT_EQ(WriteLast("bye"), IoState::kBlocked);
  stream_.AddRoom(100);
  EXPECT_EQ(outbox_.Flush(stream_).state, IoState::kOk);
  EXPECT_EQ(stream_.written(), "well, bye");
  EXPECT_TRUE(stream_.write_shut());
}

TEST_F(OutboxTest, AnEndComesAtOnceOrBehindWhatWaitsAndOnce) {
  stream_.SetRoom(0);
  EXPECT_EQ(Write("x"), IoState::kBlocked);
  outbox_.End(stream_);
  outbox_.End(stream_);
  EXPECT_FALSE(stream_.write_shut());
  stream_.AddRoom(1);
  EXPECT_EQ(outbox_.Flush(stream_).state, IoState::kOk);
  EXPECT_TRUE(stream_.write_shut());
  outbox_.End(stream_);

  FakeStream other;
  Outbox free;
  free.End(other);
  EXPECT_TRUE(other.write_shut());
}

TEST_F(OutboxTest, OneByteACall) {
  stream_.OneByteAtATime();
  const std::string text = Letters(300);
  EXPECT_EQ(Write(text.substr(0, 200)), IoState::kBlocked);
  EXPECT_EQ(WriteLast(text.substr(200)), IoState::kBlocked);
  int turns = 0;
  while (outbox_.Flush(stream_).state == IoState::kBlocked) ++turns;
  EXPECT_GT(turns, 200);
  EXPECT_EQ(stream_.written(), text);
  EXPECT_TRUE(stream_.write_shut());
}

TEST_F(OutboxTest, ManySlabsLeaveInOneFlush) {
  stream_.SetRoom(10);
  const std::string text = Letters(5 * Slab::kBytes);
  EXPECT_EQ(Write(text), IoState::kBlocked);
  EXPECT_GE(pool_.in_use(), 5U);
  stream_.AddRoom(text.size());
  EXPECT_EQ(outbox_.Flush(stream_).bytes, text.size() - 10);
  EXPECT_EQ(stream_.written(), text);
  EXPECT_EQ(pool_.in_use(), 0U);
}

TEST_F(OutboxTest, TheNthCallFails) {
  for (int n = 1; n <= 6; ++n) {
    FakeStream stream;
    Outbox outbox;
    stream.SetRoom(2);
    stream.FailCall(n);
    bool broken = false;
    const auto write = [&](std::string_view text, bool last) {
      const auto bytes = std::as_bytes(std::span(text));
      broken |= (last && !broken ? outbox.WriteLast(stream, pool_, bytes)
                                 : outbox.Write(stream, pool_, bytes)) == IoState::kError;
    };
    write("ab", false);
    write("cd", false);
    stream.AddRoom(1);
    if (!broken) broken = outbox.Flush(stream).state == IoState::kError;
    write("ef", true);
    stream.AddRoom(100);
    if (!broken) broken = outbox.Flush(stream).state == IoState::kError;
    EXPECT_EQ(broken, n <= 5)
        << n;  // five calls, the last of which only looks whether the stream holds something
    EXPECT_EQ(std::string_view("abcdef").substr(0, stream.written().size()), stream.written());
    EXPECT_EQ(stream.write_shut(), !broken) << n;
    EXPECT_EQ(outbox.broken(), broken) << n;
    EXPECT_EQ(pool_.in_use(), 0U) << n;
    if (broken) {
      EXPECT_FALSE(outbox.blocked());
      EXPECT_EQ(outbox.Flush(stream).state, IoState::kError);
    }
  }
}

TEST_F(OutboxTest, WhatIsAbandonedIsGone) {
  stream_.SetRoom(0);
  EXPECT_EQ(Write("x"), IoState::kBlocked);
  outbox_.Abandon();
  EXPECT_FALSE(outbox_.blocked());
  EXPECT_EQ(pool_.in_use(), 0U);
  EXPECT_EQ(Write("y"), IoState::kError);
  outbox_.End(stream_);
  EXPECT_FALSE(stream_.write_shut()) << "the stream is broken";
}

TEST_F(OutboxTest, MovesWithItsStream) {
  stream_.SetRoom(0);
  EXPECT_EQ(Write("x"), IoState::kBlocked);
  Outbox moved = std::move(outbox_);
  EXPECT_TRUE(moved.blocked());
  stream_.AddRoom(1);
  EXPECT_EQ(moved.Flush(stream_).state, IoState::kOk);
  EXPECT_EQ(stream_.written(), "x");
}

#ifndef NDEBUG
TEST_F(OutboxTest, DeathWhereSomethingIsWrittenBehindTheLast) {
  EXPECT_EQ(WriteLast("bye"), IoState::kOk);
  EXPECT_DEATH((void)Write("more"), "HAWSER_DCHECK");
}
#endif

}  // namespace
}  // namespace hawser::net
