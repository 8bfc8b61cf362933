// A tunnel whose client's stream is offloaded: what comes of compressed messages on the backend's side and
// back.
#include "proxy/session/offload.h"
#include "tests/unit/session/tunnel_harness.h"
#include "tests/unit/ws/deflate_frames.h"

namespace hawser::session {
namespace {

class OffloadedTunnel : public testing::Test {
 protected:
  void Start() {
    harness_.parts().client = Offload(harness_.services(), {}, {}, std::move(harness_.parts().client), {});
    harness_.Start();
  }

  // Includes the loop's calls for bytes that wait inside the stream.
  void Settle() {
    for (int turns = 0; turns < 20 && !harness_.ended(); ++turns) {
      harness_.Settle();
      if (!harness_.ended()) harness_.Turn(base::Duration(0));
    }
  }

  TunnelHarness harness_;
};

TEST_F(OffloadedTunnel, CompressedMessagesOfTheClientReachTheBackendPlain) {
  Start();
  const std::string text = ws::SomeText(300'000);
  harness_.client().LimitReads(5000);
  harness_.client().Feed(ws::CompressedMessage(ws::Compress(text), 1000) +
                         Masked({.opcode = 9, .payload = "ping"}) +
                         ws::CompressedMessage(ws::Compress("small")));
  Settle();
  const auto frames = ws::FramesOf(harness_.backend().written(), true);
  EXPECT_EQ(ws::MessagesOf(frames), (std::vector<std::string>{"1:" + text, "1:small"}));
  EXPECT_EQ(harness_.tunnel()->traffic().messages_in, 2U);
}

TEST_F(OffloadedTunnel, TheBackendsMessagesReachTheClientCompressed) {
  Start();
  const std::string text = ws::SomeText(300'000);
  harness_.client().LimitWrites(1000);
  harness_.backend().LimitReads(7000);
  harness_.backend().Feed(Plain({.payload = text}) + Plain({.opcode = 2, .payload = "short"}));
  Settle();
  const std::string written = harness_.client().written();
  EXPECT_EQ(ws::MessagesOf(ws::FramesOf(written, false)), (std::vector<std::string>{"1:" + text, "2:short"}));
  EXPECT_LT(written.size(), text.size() / 2);
}

TEST_F(OffloadedTunnel, AMessageThatIsNotDeflateEndsItWith1007AndClosesTheBackend) {
  Start();
  harness_.client().Feed(ws::CompressedMessage(ws::Compress("fine")) +
                         ws::CompressedMessage("\xff\xff\xff\xff"));
  Settle();
  EXPECT_EQ(Received(harness_.client().written(), false).close_code(), 1007);
  const Received backend(harness_.backend().written(), true);
  ASSERT_EQ(backend.frames.size(), 2U);
  EXPECT_EQ(backend.frames[0].payload, "fine");
  EXPECT_EQ(backend.close_code(), 1001);
  harness_.client().Feed("more, to be dropped");
  harness_.client().FeedEnd();
  harness_.backend().FeedEnd();
  Settle();
  EXPECT_TRUE(harness_.ended());
  EXPECT_EQ(harness_.Counted(http::Reject::kBadCompression), 1U);
  EXPECT_EQ(harness_.Closes(stats::ClosedBy::kPolicy, 1007), 1U);
}

TEST_F(OffloadedTunnel, AClientThatIsLostInsideACompressedMessageEndsItAsUsual) {
  Start();
  const std::string message = ws::CompressedMessage(ws::Compress(ws::SomeText(10'000)));
  harness_.client().Feed(message.substr(0, message.size() / 2));
  harness_.client().FeedError(ECONNRESET);
  Settle();
  EXPECT_EQ(Received(harness_.backend().written(), true).close_code(), 1001);
  harness_.backend().FeedEnd();
  Settle();
  EXPECT_TRUE(harness_.ended());
  EXPECT_EQ(harness_.Counted(http::Reject::kClientLost), 1U);
}

}  // namespace
}  // namespace hawser::session
