#include "proxy/http2/output.h"

#include <cstdint>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "tests/fakes/fake_stream.h"

namespace hawser::http2 {
namespace {

using std::chrono::seconds;

class OutputTest : public testing::Test {
 protected:
  void Append(std::string_view text) { output_.Append(std::as_bytes(std::span(text))); }
  bool Flush() { return output_.Flush(transport_, now_); }

  net::BufferPool pool_;
  fakes::FakeStream transport_;
  base::TimePoint now_{seconds(100)};
  Output output_{pool_, now_};
};

TEST_F(OutputTest, LeavesWholeWhereTheTransportTakesIt) {
  Append("one");
  Append("two");
  ASSERT_TRUE(Flush());
  EXPECT_EQ(transport_.written(), "onetwo");
  EXPECT_EQ(output_.left(), 6u);
  EXPECT_TRUE(output_.empty());
  EXPECT_EQ(pool_.in_use(), 0u);
}

TEST_F(OutputTest, LeavesOneByteACall) {
  Append("frames");
  transport_.OneByteAtATime();
  for (uint64_t left = 1; left <= 6; ++left) {
    ASSERT_TRUE(Flush());
    EXPECT_EQ(output_.left(), left);
    EXPECT_EQ(output_.blocked(), left < 6);
    ASSERT_TRUE(Flush());  // does not ask a transport that takes nothing
    EXPECT_EQ(output_.left(), left);
    output_.OnWritable();
  }
  EXPECT_EQ(transport_.written(), "frames");
}

TEST_F(OutputTest, SaysWhenTheTransportIsBroken) {
  for (int n = 1; n <= 3; ++n) {
    fakes::FakeStream transport;
    transport.LimitWrites(2);
    transport.FailCall(n);
    Output output(pool_, now_);
    output.Append(std::as_bytes(std::span("12345", 5)));
    for (int call = 1; call < n; ++call) {
      EXPECT_TRUE(output.Flush(transport, now_));
      output.OnWritable();
    }
    EXPECT_FALSE(output.Flush(transport, now_)) << n;
    EXPECT_EQ(output.left(), 2 * (static_cast<uint64_t>(n) - 1));
    output.Clear();
    EXPECT_EQ(pool_.in_use(), 0u);
  }
}

TEST_F(OutputTest, HasRoomForDataUpToItsBoundAndForAnswersBeyond) {
  transport_.SetRoom(0);
  const std::string half(32 * 1024, 'x');
  Append(half);
  EXPECT_EQ(output_.room(), half.size());
  Append(half);
  EXPECT_EQ(output_.room(), 0u);
  EXPECT_TRUE(output_.full());
  EXPECT_FALSE(output_.overfull());
  for (int i = 0; i < 14; ++i) Append(half);
  EXPECT_TRUE(output_.overfull());
  ASSERT_TRUE(Flush());
  transport_.AddRoom(16 * half.size());
  EXPECT_EQ(output_.room(), 0u) << "blocked, until the transport says otherwise";
  output_.OnWritable();
  ASSERT_TRUE(Flush());
  EXPECT_EQ(output_.room(), 2 * half.size());
}

TEST_F(OutputTest, ProgressIsWhatTheTransportTook) {
  const base::TimePoint begun = now_;
  now_ += seconds(5);
  transport_.SetRoom(0);
  Append("abc");
  ASSERT_TRUE(Flush());
  EXPECT_EQ(output_.progress(), begun);
  transport_.AddRoom(1);
  output_.OnWritable();
  ASSERT_TRUE(Flush());
  EXPECT_EQ(output_.progress(), now_);
}

}  // namespace
}  // namespace hawser::http2
