// The fake must keep the contract of byte_stream.h: the tests that use it rely on that.
#include "tests/fakes/fake_stream.h"

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace hawser::fakes::fake_stream_test {
namespace {

using net::CloseReason;
using net::IoResult;
using net::IoState;

struct Listener final : event::IoHandler {
  void OnReady(event::Ready ready) override { heard.push_back(ready); }
  std::vector<event::Ready> heard;
};

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

std::string ReadSome(FakeStream& stream, IoState expected, size_t most = 100) {
  std::array<std::byte, 100> into;
  const IoResult got = stream.Read(std::span(into).first(most));
  EXPECT_EQ(got.state, expected);
  return {reinterpret_cast<const char*>(into.data()), got.bytes};
}

TEST(FakeStream, ReadsItsScript) {
  FakeStream stream;
  EXPECT_EQ(ReadSome(stream, IoState::kBlocked), "");
  stream.Feed("one");
  stream.Feed("two");
  stream.FeedBlocked();
  stream.Feed("three");
  stream.FeedEnd();
  EXPECT_EQ(stream.unread(), 11U);
  EXPECT_EQ(ReadSome(stream, IoState::kOk), "one");
  EXPECT_EQ(ReadSome(stream, IoState::kBlocked), "two");
  EXPECT_EQ(ReadSome(stream, IoState::kOk, 2), "th");
  EXPECT_EQ(ReadSome(stream, IoState::kOk), "ree");
  EXPECT_EQ(ReadSome(stream, IoState::kEnd), "");
  EXPECT_EQ(ReadSome(stream, IoState::kEnd), "");
}

TEST(FakeStream, AnErrorIsPermanent) {
  FakeStream stream;
  stream.FeedError(ETIMEDOUT);
  EXPECT_EQ(ReadSome(stream, IoState::kError), "");
  EXPECT_EQ(stream.error(), ETIMEDOUT);
  EXPECT_EQ(ReadSome(stream, IoState::kError), "");
}

TEST(FakeStream, TakesAsMuchAsItHasRoomFor) {
  FakeStream stream;
  stream.SetRoom(5);
  stream.LimitWrites(3);
  IoResult put = stream.Write(Bytes("12345678"));
  EXPECT_EQ(put.bytes, 3U);
  EXPECT_EQ(put.state, IoState::kBlocked);
  put = stream.Write(Bytes("456"));
  EXPECT_EQ(put.bytes, 2U);
  EXPECT_EQ(put.state, IoState::kBlocked);
  EXPECT_EQ(stream.Write(Bytes("6")).bytes, 0U);
  stream.AddRoom(1);
  EXPECT_EQ(stream.Write(Bytes("6")).state, IoState::kOk);
  EXPECT_EQ(stream.TakeWritten(), "123456");
  EXPECT_EQ(stream.written(), "");
}

TEST(FakeStream, OneByteAtATime) {
  FakeStream stream;
  stream.OneByteAtATime();
  stream.Feed("ab");
  EXPECT_EQ(ReadSome(stream, IoState::kOk), "a");
  EXPECT_EQ(ReadSome(stream, IoState::kBlocked), "b");
  EXPECT_EQ(stream.Write(Bytes("xy")).bytes, 1U);
}

TEST(FakeStream, TheNthCallFailsAndAllBehindIt) {
  FakeStream stream;
  stream.Feed("data");
  stream.FailCall(2);
  EXPECT_EQ(stream.Write(Bytes("x")).state, IoState::kOk);
  EXPECT_EQ(ReadSome(stream, IoState::kError), "");
  EXPECT_EQ(stream.error(), ECONNRESET);
  EXPECT_EQ(stream.Write(Bytes("x")).state, IoState::kError);
  EXPECT_EQ(stream.calls(), 3);
}

TEST(FakeStream, DeliversWhatIsWantedAndThere) {
  FakeStream stream;
  Listener listener;
  stream.Watch(&listener, 4);
  EXPECT_FALSE(stream.Deliver());
  stream.Feed("x");
  EXPECT_FALSE(stream.Deliver()) << "nothing is wanted";
  stream.Want({.read = true});
  EXPECT_TRUE(stream.Deliver());
  EXPECT_TRUE(listener.heard[0].readable);
  EXPECT_EQ(listener.heard[0].tag, 4);
  ReadSome(stream, IoState::kBlocked);
  EXPECT_FALSE(stream.Deliver());
  stream.Want({.write = true});
  EXPECT_TRUE(stream.Deliver());
  EXPECT_TRUE(listener.heard[1].writable);
  stream.SetRoom(0);
  EXPECT_FALSE(stream.Deliver());
}

TEST(FakeStream, AWaitEndsWithTheNextTurn) {
  FakeStream stream;
  Listener listener;
  stream.Watch(&listener, 0);
  stream.Want({.read = true});
  stream.FeedBlocked();
  EXPECT_FALSE(stream.Deliver());
  stream.Feed("later");
  EXPECT_TRUE(stream.Deliver());
  EXPECT_EQ(ReadSome(stream, IoState::kBlocked), "later");
}

TEST(FakeStream, RemembersHowItWasClosed) {
  FakeStream stream;
  Listener listener;
  stream.Watch(&listener, 0);
  stream.Want({.read = true});
  stream.Feed("x");
  EXPECT_FALSE(stream.closed());
  stream.ShutdownWrite();
  EXPECT_TRUE(stream.write_shut());
  EXPECT_EQ(stream.Write(Bytes("x")).state, IoState::kError);
  EXPECT_EQ(stream.Write({}).state, IoState::kOk) << "flushing is no writing";
  stream.Close(CloseReason::kAbort);
  stream.Close(CloseReason::kOrderly);
  EXPECT_EQ(stream.close_reason(), CloseReason::kAbort);
  EXPECT_FALSE(stream.Deliver());
  EXPECT_EQ(ReadSome(stream, IoState::kError), "");
}

TEST(FakeStreamPair, CarriesBytesEndsAndResets) {
  FakeStreamPair pair(4);
  const IoResult put = pair.near.Write(Bytes("abcdef"));
  EXPECT_EQ(put.bytes, 4U);
  EXPECT_EQ(put.state, IoState::kBlocked);
  EXPECT_EQ(ReadSome(pair.far, IoState::kOk, 3), "abc");
  EXPECT_EQ(pair.near.Write(Bytes("ef")).state, IoState::kOk);
  EXPECT_EQ(ReadSome(pair.far, IoState::kOk), "d");
  EXPECT_EQ(ReadSome(pair.far, IoState::kBlocked), "ef");
  pair.far.ShutdownWrite();
  EXPECT_EQ(ReadSome(pair.near, IoState::kEnd), "");
  pair.near.Close(CloseReason::kAbort);
  EXPECT_EQ(ReadSome(pair.far, IoState::kError), "");
  EXPECT_EQ(pair.far.error(), ECONNRESET);
}

}  // namespace
}  // namespace hawser::fakes::fake_stream_test
