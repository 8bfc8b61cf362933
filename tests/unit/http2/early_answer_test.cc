// Answers that end before their requests: further bytes are dropped and the stream is not reset at once,
// since some clients lose an answer that a reset follows directly (curl 7.88). RFC 9113 §8.1 allows the
// reset.
#include <nghttp2/nghttp2.h>

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/http2/session.h"
#include "tests/unit/http2/connection.h"
#include "tests/unit/http2/frames.h"

namespace hawser::http2 {
namespace {

class EarlyAnswer : public testing::Test {
 public:
  void Begin() {
    server = wire->Server(settings);
    Send(Opening());
    (void)Seen();
  }
  void Send(std::string_view bytes) {
    wire->pair.near.Feed(bytes);
    wire->Run();
  }
  std::vector<SeenFrame> Seen() { return TakeApart(wire->pair.near.TakeWritten()); }

  // A POST whose body is still to come is answered whole, and let go.
  void Answer(uint32_t stream, std::string_view behind = {}) {
    Send(Headers(stream, PostBlock(), kEndHeaders) + std::string(behind));
    auto arrival = server->Accept();
    ASSERT_TRUE(arrival);
    http::ResponseHead head = Ok();
    head.status = 404;
    ASSERT_TRUE(arrival->stream->SendResponse(head, true));
    WriteText(*arrival->stream, "no");
    arrival->stream->ShutdownWrite();
    arrival->stream->Close(net::CloseReason::kOrderly);
    arrival = std::nullopt;
    wire->Run();
  }

  static size_t Count(const std::vector<SeenFrame>& frames, uint8_t type, uint32_t stream) {
    return static_cast<size_t>(std::ranges::count_if(
        frames, [&](const SeenFrame& frame) { return frame.type == type && frame.stream == stream; }));
  }

  uint32_t& Most(Abuse abuse) { return settings.budgets.most[static_cast<size_t>(abuse)]; }

  Settings settings;
  std::unique_ptr<Wire> wire = std::make_unique<Wire>();
  std::unique_ptr<Session> server;
};

TEST_F(EarlyAnswer, IsNotFollowedByAReset) {
  Begin();
  Answer(1);
  const auto frames = Seen();
  EXPECT_EQ(Count(frames, kHeaders, 1), 1u);
  EXPECT_EQ(Count(frames, kRstStream, 1), 0u);
  EXPECT_EQ(server->streams(), 1u);
}

TEST_F(EarlyAnswer, FurtherDataIsDroppedAndOnlyTheConnectionsWindowIsGivenBack) {
  settings.connection_window = 70'000;
  Begin();
  Answer(1);
  for (int i = 0; i < 4; ++i) Send(Frame(kData, 0, 1, std::string(16'000, 'x')));
  EXPECT_EQ(wire->pool.in_use(), 0u);
  const auto frames = Seen();
  EXPECT_GE(Count(frames, kWindowUpdate, 0), 1u);
  EXPECT_EQ(Count(frames, kWindowUpdate, 1), 0u);
  Send(Frame(kData, kEndStream, 1, "end"));
  EXPECT_EQ(Count(Seen(), kRstStream, 1), 0u);
  EXPECT_EQ(server->streams(), 0u);
}

TEST_F(EarlyAnswer, TrailersEndItToo) {
  Begin();
  Answer(1);
  Send(Headers(1, Literal("x-sum", "1")));
  EXPECT_EQ(Count(Seen(), kRstStream, 1), 0u);
  EXPECT_EQ(server->streams(), 0u);
}

TEST_F(EarlyAnswer, ASpentWindowIsResetOnceTheClientHasReadTheAnswer) {
  settings.stream_window = 16'000;
  Most(Abuse::kProvokedResets) = 1;
  Begin();
  Send(Frame(kSettingsFrame, kAck, 0, ""));
  for (const uint32_t stream : {1u, 3u, 5u}) {  // spent before the answer, with it, and behind it
    const std::string body = Frame(kData, 0, stream, std::string(16'000, 'x'));
    Answer(stream, stream == 1 ? body : "");
    if (stream > 1) Send(body);
    auto frames = Seen();
    EXPECT_EQ(Count(frames, kRstStream, stream), 0u);
    const auto ping = std::ranges::find(frames, uint8_t{kPing}, &SeenFrame::type);
    ASSERT_NE(ping, frames.end());
    Send(Frame(kPing, kAck, 0, ping->payload));
    frames = Seen();
    ASSERT_EQ(Count(frames, kRstStream, stream), 1u);
    EXPECT_EQ(frames.back().code(), uint32_t{NGHTTP2_NO_ERROR});
    EXPECT_EQ(server->streams(), 0u);
  }
  EXPECT_EQ(server->end(), End::kNone);
}

TEST_F(EarlyAnswer, AClientThatNeverEndsIsReset) {
  settings.drop_time = base::Duration(1);
  Begin();
  Answer(1);
  Answer(3);
  while (server->streams() > 0) wire->loop->RunOnce(base::Duration(5));
  wire->Run();
  const auto frames = Seen();
  EXPECT_EQ(Count(frames, kRstStream, 1), 1u);
  EXPECT_EQ(Count(frames, kRstStream, 3), 1u);
  EXPECT_EQ(frames.back().code(), uint32_t{NGHTTP2_NO_ERROR});
  Send(Frame(kData, 0, 1, "was under way"));
  EXPECT_EQ(server->end(), End::kNone);
}

TEST_F(EarlyAnswer, AClientMayResetIt) {
  Most(Abuse::kResets) = 1;
  Begin();
  for (uint32_t stream = 1; stream < 11; stream += 2) {
    Answer(stream);
    Send(Frame(kRstStream, 0, stream, BigEndian(NGHTTP2_CANCEL, 4)));
    EXPECT_EQ(server->streams(), 0u);
  }
  EXPECT_EQ(server->end(), End::kNone);
}

TEST_F(EarlyAnswer, CountsAsAStream) {
  settings.max_concurrent_streams = 2;
  Begin();
  Answer(1);
  Answer(3);
  (void)Seen();
  Send(Headers(5, GetBlock()));
  EXPECT_EQ(Seen().back().code(), uint32_t{NGHTTP2_REFUSED_STREAM});
  Send(Frame(kData, kEndStream, 1, "") + Headers(7, GetBlock()));
  EXPECT_TRUE(server->Accept());
}

TEST_F(EarlyAnswer, MayOutliveNeitherItsConnectionNorItsSession) {
  Begin();
  Answer(1);
  wire->pair.near.FeedEnd();
  wire->Run();
  EXPECT_EQ(server->end(), End::kPeer);
  server = nullptr;
  wire = std::make_unique<Wire>();
  Begin();
  Answer(1, Frame(kData, 0, 1, "some"));
  server = nullptr;
  EXPECT_EQ(wire->pool.in_use(), 0u);
}

}  // namespace
}  // namespace hawser::http2
