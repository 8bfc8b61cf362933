// How HTTP/2 backends end streams and connections, in order and not, frame by frame.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/harness/http2_backend.h"
#include "tests/integration/harness/http2_client.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

Config ToHttp2(std::vector<std::string> websocket = {}) {
  return {.listener = {"http2: { prior_knowledge: true }"},
          .websocket = std::move(websocket),
          .cluster = {"protocol: h2"}};
}

TEST(BackendHttp2Ends, AResponseOfWhichNothingHasLeftWhenItIsResetIsA502) {
  OneBackend world(ToHttp2());
  Wire old = world.Connect();
  old.Send(PlainGet("/1"));
  Http2Backend backend(world.backend().Accept());
  for (const bool data : {false, true}) {
    if (data) old.Send(PlainGet("/2"));
    const uint32_t stream = backend.ReadRequest().stream;
    backend.Send(Http2Backend::Head(stream, 200, false) +
                 (data ? Http2Backend::Data(stream, "some", false) : "") +
                 Http2Backend::Reset(stream, NGHTTP2_INTERNAL_ERROR));
    const Head head = ReadHead(old);
    EXPECT_EQ(head.status(), 502);
    ReadBody(old, head);
    old = world.Connect();
  }
  Http2Client client(world.Connect());
  const int32_t stream = client.Get("/3");
  const uint32_t at_backend = backend.ReadRequest().stream;
  backend.Send(Http2Backend::Head(at_backend, 200, false) +
               Http2Backend::Reset(at_backend, NGHTTP2_INTERNAL_ERROR));
  EXPECT_EQ(client.AwaitEnd(stream).status, 502);
}

TEST(BackendHttp2Ends, AFrameOnAClosedStreamEndsTheConnection) {
  OneBackend world(ToHttp2());
  Wire client = world.Connect();
  client.Send(PlainGet("/"));
  Http2Backend backend(world.backend().Accept());
  const uint32_t stream = backend.ReadRequest().stream;
  backend.Send(Http2Backend::Head(stream, 200, true));
  EXPECT_EQ(ReadHead(client).status(), 200);
  backend.Send(Http2Backend::Data(stream, "late", false));
  auto frame = backend.ReadFrame();
  while (frame && frame->type != NGHTTP2_GOAWAY) frame = backend.ReadFrame();
  ASSERT_TRUE(frame);
  EXPECT_EQ(frame->payload.substr(4, 4), BigEndian(NGHTTP2_STREAM_CLOSED, 4));
  client.Send(PlainGet("/again"));
  Http2Backend next(world.backend().Accept());
  next.Send(Http2Backend::Head(next.ReadRequest().stream, 404, true));
  EXPECT_EQ(ReadHead(client).status(), 404);
}

// All bytes of a backend reach the client, however little hawser reads at once and however the stream ended.
TEST(BackendHttp2Ends, TheLastWordsOfATunnelArrive) {
  enum class How { kEndStream, kReset, kNothing };
  for (const How how : {How::kEndStream, How::kReset, How::kNothing}) {
    SCOPED_TRACE(static_cast<int>(how));
    OneBackend world(ToHttp2({"buffer: 4KiB"}));
    Wire client = world.Connect();
    client.Send(Request{}.Text());
    Http2Backend backend(world.backend().Accept(), true);
    const uint32_t stream = backend.ReadRequest().stream;
    const Frame text{.opcode = kText, .payload = std::string(40'000, 'x')};
    const std::string last =
        Encode(text) + Encode(Frame{.opcode = kClose, .payload = ClosePayload(4001, "bye")});
    backend.Send(Http2Backend::Head(stream, 200, false));
    EXPECT_EQ(ReadHead(client).status(), 101);
    std::string frames;
    for (size_t at = 0; at < last.size(); at += 10'000)
      frames += Http2Backend::Data(stream, last.substr(at, 10'000), false);
    if (how == How::kEndStream) frames += Http2Backend::Data(stream, "", true);
    if (how == How::kReset) frames += Http2Backend::Reset(stream, NGHTTP2_CANCEL);
    backend.Send(frames);
    backend.wire().ShutdownWrite();
    EXPECT_TRUE(ReadFrame(client) == text);
    const Frame close = ReadFrame(client);
    EXPECT_EQ(close.opcode, kClose);
    EXPECT_EQ(close.payload, ClosePayload(4001, "bye"));
  }
}

}  // namespace
}  // namespace hawser::integration
