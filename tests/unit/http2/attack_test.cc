// What hostile peers do to a server session, frame by frame, and what it answers: the error code, the
// counter, and how much it holds meanwhile.
#include <nghttp2/nghttp2.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/http2/session.h"
#include "tests/unit/http2/connection.h"
#include "tests/unit/http2/frames.h"

namespace hawser::http2 {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class Attack : public testing::Test {
 public:
  void Begin() {
    server = wire->Server(settings);
    Send(Opening());
    (void)wire->pair.near.TakeWritten();
  }

  void Send(std::string_view bytes) {
    wire->pair.near.Feed(bytes);
    wire->Run();
  }

  // What the server has answered since the last look, but the acknowledgements.
  std::vector<SeenFrame> Answers() {
    std::vector<SeenFrame> frames = TakeApart(wire->pair.near.TakeWritten());
    std::erase_if(frames,
                  [](const SeenFrame& frame) { return frame.type == kSettingsFrame || frame.type == kPing; });
    return frames;
  }

  void ExpectCalmedDown(Abuse abuse) {
    EXPECT_EQ(server->end(), End::kAbuse);
    EXPECT_EQ(server->abuse(), abuse) << SpecOf(server->abuse()).label;
    const auto answers = Answers();
    ASSERT_FALSE(answers.empty());
    EXPECT_EQ(answers.back().type, kGoAwayFrame);
    EXPECT_EQ(answers.back().code(), uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
    EXPECT_THAT(answers.back().payload, HasSubstr(SpecOf(abuse).text));
    EXPECT_GE(server->TakeCounts().goaways_sent, 1u);
  }

  void ExpectStreamReset(uint32_t stream, uint32_t code) {
    const auto answers = Answers();
    ASSERT_FALSE(answers.empty());
    EXPECT_EQ(answers.back().type, kRstStream);
    EXPECT_EQ(answers.back().stream, stream);
    EXPECT_EQ(answers.back().code(), code);
    EXPECT_EQ(server->end(), End::kNone);
    EXPECT_FALSE(server->Accept());
  }

  uint32_t& Most(Abuse abuse) { return settings.budgets.most[static_cast<size_t>(abuse)]; }

  Settings settings;
  std::unique_ptr<Wire> wire = std::make_unique<Wire>();
  std::unique_ptr<Session> server;
};

TEST_F(Attack, RapidReset) {
  Most(Abuse::kResets) = 50;
  Begin();
  std::string flood;
  for (uint32_t i = 0; i < 60; ++i) {
    flood += Headers(2 * i + 1, GetBlock()) + Frame(kRstStream, 0, 2 * i + 1, BigEndian(NGHTTP2_CANCEL, 4));
  }
  Send(flood);
  EXPECT_FALSE(server->Accept());  // none of them ever reached a backend
  ExpectCalmedDown(Abuse::kResets);
}

TEST_F(Attack, ResetsThatThePeerProvokes) {
  Most(Abuse::kProvokedResets) = 20;
  Begin();
  for (uint32_t i = 0; i < 30; ++i) {
    const uint32_t id = 2 * i + 1;
    // A window that overflows is a fault of the stream alone (RFC 9113 §6.9.1).
    Send(Headers(id, PostBlock(), kEndHeaders) + Frame(kWindowUpdate, 0, id, BigEndian(0x7fffffff, 4)));
  }
  ExpectCalmedDown(Abuse::kProvokedResets);
}

TEST_F(Attack, ContinuationFlood) {
  Begin();
  std::string flood = Headers(1, GetBlock(), kEndStream);
  for (int i = 0; i < 9; ++i) flood += Frame(kContinuation, 0, 1, "");
  Send(flood);
  ExpectCalmedDown(Abuse::kContinuations);
}

TEST_F(Attack, SettingsFlood) {
  Most(Abuse::kSettings) = 10;
  Begin();
  for (int i = 0; i < 11; ++i) Send(Frame(kSettingsFrame, 0, 0, ""));
  ExpectCalmedDown(Abuse::kSettings);
}

TEST_F(Attack, PingFlood) {
  Most(Abuse::kPings) = 10;
  Begin();
  std::string flood;
  for (int i = 0; i < 11; ++i) flood += Frame(kPing, 0, 0, "12345678");
  Send(flood);
  ExpectCalmedDown(Abuse::kPings);
}

TEST_F(Attack, APingFloodIsNotTakenForAnother) {
  Begin();
  std::string flood = Frame(kSettingsFrame, 0, 0, "");  // to be acknowledged as well
  for (int i = 0; i < 1001; ++i) flood += Frame(kPing, 0, 0, "12345678");
  Send(flood);
  ExpectCalmedDown(Abuse::kPings);
}

TEST_F(Attack, PriorityFlood) {
  Most(Abuse::kPriorities) = 10;
  Begin();
  std::string flood;
  for (uint32_t i = 0; i < 11; ++i)
    flood += Frame(kPriority, 0, 2 * i + 1, BigEndian(0, 4) + BigEndian(7, 1));
  Send(flood);
  ExpectCalmedDown(Abuse::kPriorities);
}

TEST_F(Attack, EmptyDataFlood) {
  Most(Abuse::kEmptyData) = 10;
  Begin();
  std::string flood = Headers(1, PostBlock(), kEndHeaders);
  for (int i = 0; i < 11; ++i) flood += Frame(kData, 0, 1, "");
  Send(flood);
  ExpectCalmedDown(Abuse::kEmptyData);
}

TEST_F(Attack, DataOfPaddingAloneIsEmptyToo) {
  Most(Abuse::kEmptyData) = 10;
  Begin();
  std::string flood = Headers(1, PostBlock(), kEndHeaders);
  for (int i = 0; i < 11; ++i) flood += Frame(kData, kPadded, 1, BigEndian(3, 1) + std::string(3, '\0'));
  Send(flood);
  ExpectCalmedDown(Abuse::kEmptyData);
}

TEST_F(Attack, WindowUpdateFlood) {
  Most(Abuse::kWindowUpdates) = 10;
  Begin();
  std::string flood;
  for (int i = 0; i < 11; ++i) flood += Frame(kWindowUpdate, 0, 0, BigEndian(1, 4));
  Send(flood);
  ExpectCalmedDown(Abuse::kWindowUpdates);
}

TEST_F(Attack, AHeadAboveTheLimitIsAnswered) {
  settings.head = {.bytes = 1024, .fields = 100};
  Begin();
  std::string block = GetBlock();
  for (int i = 0; i < 10; ++i) block += Literal("x-filler", std::string(100, 'x'));
  Send(Headers(1, block));
  auto arrival = server->Accept();
  ASSERT_TRUE(arrival);
  EXPECT_EQ(arrival->reject, http::Reject::kHeadTooLarge);
  http::ResponseHead refusal;
  refusal.status = 431;
  EXPECT_TRUE(arrival->stream->SendResponse(refusal, true));
}

TEST_F(Attack, EachCookieCrumbIsAField) {
  settings.head.fields = 20;
  Begin();
  std::string block = GetBlock();
  for (int i = 0; i < 20; ++i) block += Literal("cookie", "a=b");
  Send(Headers(1, block));
  auto arrival = server->Accept();
  ASSERT_TRUE(arrival);
  EXPECT_EQ(arrival->reject, http::Reject::kTooManyHeaders);
}

TEST_F(Attack, ABombIsMeasuredAsDecoded) {
  settings.head = {.bytes = 16 * 1024, .fields = 100'000};
  Begin();
  std::string block = GetBlock() + Indexed("x-bomb", std::string(120, 'x'));
  for (int i = 0; i < 1000; ++i) block += kNewestField;  // a byte for 158
  Send(Headers(1, block));
  ExpectCalmedDown(Abuse::kHeaderBomb);
  EXPECT_FALSE(server->Accept());
  EXPECT_EQ(wire->pool.in_use(), 0u);
}

TEST_F(Attack, TrailersAreBoundedToo) {
  settings.head = {.bytes = 1024, .fields = 100};
  Begin();
  Send(Headers(1, PostBlock(), kEndHeaders));
  auto arrival = server->Accept();
  ASSERT_TRUE(arrival);
  std::string block;
  for (int i = 0; i < 12; ++i) block += Literal("x-filler", std::string(100, 'x'));
  Send(Headers(1, block));
  EXPECT_EQ(ReadAll(*arrival->stream).state, net::IoState::kError);
  EXPECT_EQ(Answers().back().code(), uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
}

TEST_F(Attack, AWindowThatStaysClosedEndsTheStream) {
  settings.stall_timeout = base::Duration(1);
  Begin();
  // SETTINGS_INITIAL_WINDOW_SIZE 0: no stream may ever send.
  Send(Frame(kSettingsFrame, 0, 0, BigEndian(4, 2) + BigEndian(0, 4)) + Headers(1, GetBlock()));
  auto arrival = server->Accept();
  ASSERT_TRUE(arrival->stream->SendResponse(Ok(), true));
  EXPECT_EQ(WriteText(*arrival->stream, "waits").bytes, 0u);
  arrival->stream->Want({.write = true});
  while (server->TakeCounts().stalled_streams == 0) wire->loop->RunOnce(base::Duration(5));
  wire->Run();
  EXPECT_EQ(WriteText(*arrival->stream, "waits").state, net::IoState::kError);
  const auto answers = Answers();
  EXPECT_EQ(answers.back().type, kRstStream);
  EXPECT_EQ(answers.back().code(), uint32_t{NGHTTP2_ENHANCE_YOUR_CALM});
  EXPECT_EQ(server->end(), End::kNone);
}

TEST_F(Attack, AConnectionWindowThatStaysClosedEndsTheConnection) {
  settings.stall_timeout = base::Duration(1);
  Begin();
  // SETTINGS_INITIAL_WINDOW_SIZE 1 MiB; the connection's stays at 65535.
  Send(Frame(kSettingsFrame, 0, 0, BigEndian(4, 2) + BigEndian(1 << 20, 4)) + Headers(1, GetBlock()));
  auto arrival = server->Accept();
  ASSERT_TRUE(arrival->stream->SendResponse(Ok(), true));
  const std::string text(100'000, 'x');
  size_t sent = 0;
  while (const size_t more = WriteText(*arrival->stream, std::string_view(text).substr(sent)).bytes) {
    sent += more;
    wire->Run();
  }
  EXPECT_EQ(sent, 65535u);
  arrival->stream->Want({.write = true});
  while (server->end() == End::kNone) wire->loop->RunOnce(base::Duration(5));
  ExpectCalmedDown(Abuse::kWindowStall);
}

TEST_F(Attack, RequestsWithoutReadingTheAnswersStopBeingRead) {
  Begin();
  wire->pair.near.SetRoom(0);
  http::ResponseHead large = Ok(false);
  const std::string filler(30'000, 'x');
  large.headers.Add("X-Filler", filler);
  for (uint32_t id = 1; id < 200; id += 2) {
    Send(Headers(id, GetBlock()));
    while (auto arrival = server->Accept()) (void)arrival->stream->SendResponse(large, true);
  }
  EXPECT_LT(wire->pool.in_use(), 64u);  // of 16 KiB each
  EXPECT_GT(wire->pair.near.unread(), 0u);
}

// --- Malformed heads: RFC 9113 §8.2, §8.3 ---

TEST_F(Attack, MalformedHeadsAreResets) {
  const std::string authority = Literal(":authority", "example.com");
  const std::vector<std::pair<const char*, std::string>> blocks = {
      {"upper case", GetBlock() + Literal("X-Upper", "1")},
      {"Connection", GetBlock() + Literal("connection", "close")},
      {"Keep-Alive", GetBlock() + Literal("keep-alive", "1")},
      {"Upgrade", GetBlock() + Literal("upgrade", "websocket")},
      {"Transfer-Encoding", GetBlock() + Literal("transfer-encoding", "chunked")},
      {"TE that is not trailers", GetBlock() + Literal("te", "gzip")},
      {"no method", "\x84\x86" + authority},
      {"no path", "\x82\x86" + authority},
      {"no scheme", "\x82\x84" + authority},
      {"two methods", "\x82\x82\x84\x86" + authority},
      {"an unknown pseudo-header", GetBlock() + Literal(":unknown", "1")},
      {"a response's pseudo-header", GetBlock() + Literal(":status", "200")},
      {"a pseudo-header behind a field", "\x82\x84\x86" + Literal("x-first", "1") + authority},
      {"an empty path", "\x82\x86" + authority + Literal(":path", "")},
      {"a line feed in a value", GetBlock() + Literal("x-split", "a\nb")},
      {"a carriage return in a value", GetBlock() + Literal("x-split", "a\rb")},
      {"a NUL in a value", GetBlock() + Literal("x-split", std::string_view("a\0b", 3))},
      {"a space in a name", GetBlock() + Literal("x split", "1")},
      {"a colon in a name", GetBlock() + Literal("x:split", "1")},
      {"an empty name", GetBlock() + Literal("", "1")},
      {"two lengths", GetBlock() + Literal("content-length", "0") + Literal("content-length", "0")},
      {"a length that is none", GetBlock() + Literal("content-length", "1x")},
      {"a body shorter than its length", GetBlock() + Literal("content-length", "5")},
  };
  for (const auto& [what, block] : blocks) {
    SCOPED_TRACE(what);
    server = nullptr;
    wire = std::make_unique<Wire>();
    Begin();
    Send(Headers(1, block));
    ExpectStreamReset(1, NGHTTP2_PROTOCOL_ERROR);
  }
}

TEST_F(Attack, HeadsThatOnlyAProxyMustCheckAreRefused) {
  const std::vector<std::pair<http::Reject, std::string>> blocks = {
      {http::Reject::kBadHost, GetBlock() + Literal("host", "other.example")},
      {http::Reject::kBadHost, "\x82\x84\x86" + Literal(":authority", "user@example.com")},
      {http::Reject::kMethodNotAllowed,
       Literal(":method", "CONNECT") + Literal(":authority", "example.com:443")},
      {http::Reject::kMalformedRequest,
       "\x84\x86" + Literal(":method", "PRI") + Literal(":authority", "example.com")},
      {http::Reject::kMalformedRequest,
       "\x82\x86" + Literal(":path", "/a#b") + Literal(":authority", "example.com")},
      {http::Reject::kMalformedRequest,
       "\x82\x86" + Literal(":path", "/a b") + Literal(":authority", "example.com")},
  };
  Begin();
  uint32_t id = 1;
  for (const auto& [reject, block] : blocks) {
    Send(Headers(id, block));
    auto arrival = server->Accept();
    if (arrival) {
      EXPECT_EQ(arrival->reject, reject) << id;
    } else {  // nghttp2 minds it too
      EXPECT_EQ(Answers().back().code(), uint32_t{NGHTTP2_PROTOCOL_ERROR}) << id;
    }
    id += 2;
  }
}

TEST_F(Attack, BytesThatAreNoHttp2EndTheConnection) {
  server = wire->Server(settings);
  Send("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
  EXPECT_EQ(server->end(), End::kProtocol);
}

TEST_F(Attack, AFrameOnStreamZeroThatMayNotStandThere) {
  Begin();
  Send(Frame(kData, 0, 0, "x"));
  EXPECT_EQ(server->end(), End::kProtocol);
  EXPECT_EQ(Answers().back().code(), uint32_t{NGHTTP2_PROTOCOL_ERROR});
}

TEST_F(Attack, AnyPrefixOfAConnectionMayBeItsEnd) {
  const std::string bytes = Opening() + Headers(1, PostBlock(), kEndHeaders) + Frame(kData, 0, 1, "body") +
                            Frame(kPing, 0, 0, "12345678") + Frame(kRstStream, 0, 1, BigEndian(8, 4));
  for (size_t size = 0; size <= bytes.size(); ++size) {
    Wire here;
    auto session = here.Server(settings);
    here.pair.near.Feed(std::string_view(bytes).substr(0, size));
    here.pair.near.FeedEnd();
    here.Run();
    EXPECT_EQ(session->end(), End::kPeer) << size;
  }
}

TEST_F(Attack, BytesMayComeOneByOne) {
  Begin();
  wire->pair.near.OneByteAtATime();
  Send(Headers(1, PostBlock(), kEndHeaders) + Frame(kData, kEndStream, 1, "body"));
  auto arrival = server->Accept();
  ASSERT_TRUE(arrival);
  const Got got = ReadAll(*arrival->stream);
  EXPECT_EQ(got.text, "body");
  EXPECT_EQ(got.state, net::IoState::kEnd);
}

TEST_F(Attack, EveryCallOfTheTransportMayFail) {
  for (int n = 1; n < 12; ++n) {
    Wire here;
    auto session = here.Server(settings);
    here.pair.near.FailCall(n);
    here.pair.near.Feed(Opening() + Headers(1, GetBlock()));
    here.Run();
    auto arrival = session->Accept();
    if (arrival) (void)arrival->stream->SendResponse(Ok(false), true);
    here.pair.near.Feed(Frame(kPing, 0, 0, "12345678"));
    here.Run();
    here.pair.near.Feed(Frame(kPing, 0, 0, "12345678"));
    here.Run();
    EXPECT_TRUE(session->end() == End::kBroken || n > 6) << n;
  }
}

}  // namespace
}  // namespace hawser::http2
