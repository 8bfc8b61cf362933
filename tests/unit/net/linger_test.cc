#include "proxy/net/linger.h"

#include <cerrno>
#include <memory>
#include <string_view>

#include "gtest/gtest.h"
#include "tests/fakes/fake_stream.h"

namespace hawser::net {
namespace {

using fakes::FakeStream;

class LingerTest : public testing::Test {
 protected:
  Lingering Step() { return Linger(*loop_, stream_, outbox_); }
  void Unsent(std::string_view text) {
    stream_.SetRoom(0);
    EXPECT_EQ(outbox_.Write(stream_, pool_, std::as_bytes(std::span(text))), IoState::kBlocked);
  }

  std::unique_ptr<event::Loop> loop_ = std::move(event::Loop::Create()).value();
  BufferPool pool_;
  FakeStream stream_;
  Outbox outbox_;
};

TEST_F(LingerTest, EndsOurDirectionFirstAndWaitsForThePeers) {
  EXPECT_EQ(Step(), Lingering::kGoesOn);
  EXPECT_TRUE(stream_.write_shut());
  EXPECT_FALSE(stream_.closed());
  EXPECT_EQ(stream_.interest(), (event::Interest{.read = true}));
  stream_.FeedEnd();
  EXPECT_EQ(Step(), Lingering::kOver);
}

TEST_F(LingerTest, DropsWhatThePeerStillSends) {
  stream_.Feed("GET /another HTTP/1.1\r\n\r\n");
  stream_.FeedEnd();
  EXPECT_EQ(Step(), Lingering::kGoesOn);
  EXPECT_EQ(stream_.unread(), 0U);
  EXPECT_EQ(Step(), Lingering::kOver);
}

TEST_F(LingerTest, IsOverAtOnceWhereThePeerHasGone) {
  stream_.FeedEnd();
  EXPECT_EQ(Step(), Lingering::kOver);
  EXPECT_TRUE(stream_.write_shut());
}

TEST_F(LingerTest, SendsWhatWaitsBeforeItEnds) {
  Unsent("the last answer");
  EXPECT_EQ(Step(), Lingering::kGoesOn);
  EXPECT_FALSE(stream_.write_shut());
  EXPECT_EQ(stream_.interest(), (event::Interest{.read = true, .write = true}));
  stream_.AddRoom(100);
  EXPECT_EQ(Step(), Lingering::kGoesOn);
  EXPECT_EQ(stream_.written(), "the last answer");
  EXPECT_TRUE(stream_.write_shut());
}

TEST_F(LingerTest, APeerThatHasEndedStillGetsWhatWaits) {
  Unsent("the last answer");
  stream_.FeedEnd();
  EXPECT_EQ(Step(), Lingering::kGoesOn);
  EXPECT_EQ(stream_.interest(), (event::Interest{.write = true})) << "its end can be read for ever";
  stream_.AddRoom(100);
  EXPECT_EQ(Step(), Lingering::kOver);
  EXPECT_EQ(stream_.written(), "the last answer");
}

TEST_F(LingerTest, OneByteACall) {
  Unsent("answer");
  stream_.OneByteAtATime();
  stream_.AddRoom(100);
  stream_.Feed("rest");
  stream_.FeedEnd();
  int steps = 1;
  while (Step() == Lingering::kGoesOn) ++steps;
  EXPECT_EQ(stream_.written(), "answer");
  EXPECT_TRUE(stream_.write_shut());
  EXPECT_EQ(stream_.unread(), 0U);
  EXPECT_GE(steps, 5);
}

TEST_F(LingerTest, TheNthCallFails) {
  for (int n = 1; n <= 4; ++n) {
    FakeStream stream;
    Outbox outbox;
    stream.FailCall(n);
    stream.Feed("x");
    int steps = 0;
    while (Linger(*loop_, stream, outbox) == Lingering::kGoesOn) ++steps;
    EXPECT_EQ(steps, (n - 1) / 2) << n;  // a write and a read each
  }
}

TEST_F(LingerTest, AStreamThatTakesNoMoreButCanBeReadIsRead) {
  Unsent("lost");
  stream_.BreakWrites();
  stream_.Feed("x");
  EXPECT_EQ(Step(), Lingering::kGoesOn);
  EXPECT_EQ(stream_.interest(), (event::Interest{.read = true}));
  stream_.FeedError(ECONNRESET);
  EXPECT_EQ(Step(), Lingering::kOver);
}

}  // namespace
}  // namespace hawser::net
