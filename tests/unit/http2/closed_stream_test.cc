// Frames for streams that are over, or that were never begun (RFC 9113 §5.1, §5.1.1, §6.3): which are errors
// of the peer's, and which were only under way. h2spec demands errors for the former; nghttp2 ignores both.
#include <nghttp2/nghttp2.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/http2/session.h"
#include "tests/unit/http2/connection.h"
#include "tests/unit/http2/frames.h"

namespace hawser::http2 {
namespace {

const std::string kReset = BigEndian(NGHTTP2_CANCEL, 4);

class ClosedStream : public testing::Test {
 public:
  ClosedStream() { Send(Opening()); }

  void Send(std::string_view bytes) {
    wire->pair.near.Feed(bytes);
    wire->Run();
  }
  std::vector<SeenFrame> Answers() { return TakeApart(wire->pair.near.TakeWritten()); }

  // Takes the next request and answers it with a head alone.
  void AnswerNext() {
    auto arrival = server->Accept();
    ASSERT_TRUE(arrival);
    http::ResponseHead response;
    response.status = 204;
    ASSERT_TRUE(arrival->stream->SendResponse(response, true));
    arrival->stream->Write({});
    wire->Run();
  }

  void ExpectGoAway(uint32_t code) {
    EXPECT_EQ(server->end(), End::kProtocol);
    const auto answers = Answers();
    ASSERT_FALSE(answers.empty());
    EXPECT_EQ(answers.back().type, kGoAwayFrame);
    EXPECT_EQ(answers.back().code(), code);
  }
  void ExpectAlive(uint32_t next_stream) {
    EXPECT_EQ(server->end(), End::kNone);
    Send(Headers(next_stream, GetBlock()));
    EXPECT_TRUE(server->Accept());
  }

  const Settings settings;
  std::unique_ptr<Wire> wire = std::make_unique<Wire>();
  std::unique_ptr<Session> server = wire->Server(settings);
};

TEST_F(ClosedStream, DataBehindTheClientsOwnReset) {
  Send(Headers(1, PostBlock(), kEndHeaders) + Frame(kRstStream, 0, 1, kReset) +
       Frame(kData, kEndStream, 1, "late"));
  ExpectGoAway(NGHTTP2_STREAM_CLOSED);
}

TEST_F(ClosedStream, AHeadBehindTheClientsOwnReset) {
  Send(Headers(1, PostBlock(), kEndHeaders) + Frame(kRstStream, 0, 1, kReset) + Headers(1, GetBlock()));
  ExpectGoAway(NGHTTP2_STREAM_CLOSED);
}

TEST_F(ClosedStream, DataBehindACompleteExchange) {
  Send(Headers(1, GetBlock()));
  AnswerNext();
  Send(Frame(kData, 0, 1, "late"));
  ExpectGoAway(NGHTTP2_STREAM_CLOSED);
}

TEST_F(ClosedStream, AHeadBehindACompleteExchange) {
  Send(Headers(1, GetBlock()));
  AnswerNext();
  Send(Headers(1, GetBlock()));
  ExpectGoAway(NGHTTP2_STREAM_CLOSED);
}

TEST_F(ClosedStream, ASkippedStreamCannotBeOpened) {
  Send(Headers(5, GetBlock()) + Headers(3, GetBlock()));
  ExpectGoAway(NGHTTP2_STREAM_CLOSED);
}

TEST_F(ClosedStream, FramesUnderWayAtOurResetAreIgnored) {
  Send(Headers(1, PostBlock(), kEndHeaders) + Frame(kData, 0, 1, "some"));
  auto arrival = server->Accept();
  ASSERT_TRUE(arrival);
  arrival->stream->Close(net::CloseReason::kAbort);
  arrival = std::nullopt;
  wire->Run();
  EXPECT_EQ(Answers().back().type, kRstStream);
  Send(Frame(kData, 0, 1, "more") + Frame(kData, 0, 1, "and more") + Headers(1, Literal("trailer", "late")));
  ExpectAlive(3);
}

TEST_F(ClosedStream, WindowUpdatesAndResetsMayComeLate) {
  Send(Headers(1, GetBlock()));
  AnswerNext();
  Send(Frame(kWindowUpdate, 0, 1, BigEndian(1000, 4)) + Frame(kRstStream, 0, 1, kReset) +
       Frame(kPriority, 0, 1, BigEndian(0, 4) + BigEndian(7, 1)));
  ExpectAlive(3);
}

TEST_F(ClosedStream, APriorityOnStreamZero) {
  Send(Frame(kPriority, 0, 0, BigEndian(0, 4) + BigEndian(7, 1)));
  ExpectGoAway(NGHTTP2_PROTOCOL_ERROR);
}

TEST_F(ClosedStream, APriorityThatDependsOnItself) {
  Send(Headers(1, PostBlock(), kEndHeaders));
  (void)Answers();
  Send(Frame(kPriority, 0, 1, BigEndian(1, 4) + BigEndian(7, 1)));
  const auto answers = Answers();
  ASSERT_FALSE(answers.empty());
  EXPECT_EQ(answers.back().code(), uint32_t{NGHTTP2_PROTOCOL_ERROR});
}

// The same from the other side: a backend's frames.
class BackendsClosedStream : public testing::Test {
 public:
  BackendsClosedStream() { Send(Frame(kSettingsFrame, 0, 0, "")); }

  void Send(std::string_view bytes) {
    wire->pair.far.Feed(bytes);
    wire->Run();
  }
  std::unique_ptr<ClientStream> Request(bool body = false) {
    auto stream = client->Open();
    EXPECT_NE(stream, nullptr);
    if (stream != nullptr) {
      EXPECT_TRUE(stream->SendRequest(body ? Post() : Get(), nullptr));
    }
    wire->Run();
    (void)wire->pair.far.TakeWritten();
    return stream;
  }
  void ExpectGoAway(uint32_t code) {
    EXPECT_EQ(client->end(), End::kProtocol);
    const auto answers = TakeApart(wire->pair.far.TakeWritten());
    ASSERT_FALSE(answers.empty());
    EXPECT_EQ(answers.back().type, kGoAwayFrame);
    EXPECT_EQ(answers.back().code(), code);
  }

  static std::string Response(uint32_t stream, uint8_t flags) {
    return Headers(stream, "\x88", flags);  // :status 200
  }

  const Settings settings;
  std::unique_ptr<Wire> wire = std::make_unique<Wire>();
  std::unique_ptr<Session> client = wire->Client(settings);
};

TEST_F(BackendsClosedStream, DataBehindACompleteResponse) {
  auto stream = Request();
  Send(Response(1, kEndHeaders | kEndStream));
  Send(Frame(kData, 0, 1, "late"));
  ExpectGoAway(NGHTTP2_STREAM_CLOSED);
}

TEST_F(BackendsClosedStream, AHeadBehindACompleteResponse) {
  auto stream = Request();
  Send(Response(1, kEndHeaders | kEndStream) + Response(1, kEndHeaders | kEndStream));
  ExpectGoAway(NGHTTP2_STREAM_CLOSED);
}

TEST_F(BackendsClosedStream, DataBehindACompleteResponseWhileTheRequestGoesOn) {
  auto stream = Request(true);
  Send(Response(1, kEndHeaders | kEndStream) + Frame(kData, 0, 1, "late"));
  ExpectGoAway(NGHTTP2_STREAM_CLOSED);
}

TEST_F(BackendsClosedStream, DataBehindTheBackendsOwnReset) {
  auto stream = Request();
  Send(Frame(kRstStream, 0, 1, kReset) + Frame(kData, 0, 1, "late"));
  ExpectGoAway(NGHTTP2_STREAM_CLOSED);
}

TEST_F(BackendsClosedStream, AStreamThatWasNeverOpened) {
  auto stream = Request();
  Send(Response(3, kEndHeaders | kEndStream));
  ExpectGoAway(NGHTTP2_PROTOCOL_ERROR);
}

TEST_F(BackendsClosedStream, AStreamOfTheBackendsOwn) {
  auto stream = Request();
  Send(Frame(kData, 0, 2, "pushed"));
  ExpectGoAway(NGHTTP2_PROTOCOL_ERROR);
}

TEST_F(BackendsClosedStream, FramesUnderWayAtOurResetAreIgnored) {
  auto first = Request();
  auto second = Request();
  second = nullptr;  // CANCEL
  Send(Response(3, kEndHeaders) + Frame(kData, 0, 3, "under way") + Frame(kData, kEndStream, 3, "") +
       Frame(kRstStream, 0, 3, kReset));
  EXPECT_EQ(client->end(), End::kNone);
  Send(Response(1, kEndHeaders | kEndStream));
  http::ResponseHead head;
  EXPECT_EQ(first->ReadResponse(head), http::ClientStream::HeadState::kFinal);
}

TEST_F(BackendsClosedStream, WindowUpdatesAndResetsMayComeLate) {
  auto stream = Request();
  Send(Response(1, kEndHeaders | kEndStream) + Frame(kWindowUpdate, 0, 1, BigEndian(1000, 4)) +
       Frame(kRstStream, 0, 1, kReset));
  EXPECT_EQ(client->end(), End::kNone);
}

}  // namespace
}  // namespace hawser::http2
