// The HTTP/1.1 sides of an exchange over scripted connections: heads and bodies come out as they should
// whether the connection moves everything at once, one byte a call, or breaks at any call.
#include <functional>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/event/loop.h"
#include "proxy/http1/client_stream.h"
#include "proxy/http1/head_parser.h"
#include "proxy/http1/server_stream.h"
#include "tests/fakes/fake_stream.h"

namespace hawser::http1 {
namespace {

using fakes::FakeStream;
using net::IoState;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Silent : event::IoHandler {
  void OnReady(event::Ready) override { ++heard; }
  int heard = 0;
};

// What is read until the stream says something other than that bytes came; one piece a call at the most.
struct Received {
  std::string payload;
  IoState state;
};
Received ReadAll(net::ByteStream& stream, size_t piece = 4096) {
  Received received;
  std::vector<std::byte> into(piece);
  for (int calls = 0; calls < 10'000; ++calls) {
    const net::IoResult got = stream.Read(into);
    received.payload.append(reinterpret_cast<const char*>(into.data()), got.bytes);
    received.state = got.state;
    if (got.state == IoState::kEnd || got.state == IoState::kError) return received;
    if (got.state == IoState::kBlocked && got.bytes == 0) return received;
  }
  ADD_FAILURE() << "the stream never ends";
  return received;
}

bool Flush(net::ByteStream& stream) {
  for (int calls = 0; calls < 10'000; ++calls) {
    const IoState state = stream.Write({}).state;
    if (state == IoState::kOk) return true;
    if (state == IoState::kError) return false;
  }
  return false;
}

class Http1Streams : public testing::TestWithParam<bool> {
 protected:
  Http1Streams() : loop_(std::move(event::Loop::Create()).value()) {}

  void Prepare(FakeStream& stream) const {
    if (GetParam()) stream.OneByteAtATime();
  }

  // A request as the connection hands it over: the head parsed, the rest held.
  std::unique_ptr<ServerStream> Serve(FakeStream& connection, std::string bytes) {
    http::RequestHead head;
    size_t scanned = 0;
    const ParseResult parsed = ParseRequestHead(bytes, {}, head, scanned);
    EXPECT_EQ(parsed.state, ParseState::kComplete);
    std::string behind = bytes.substr(parsed.head_bytes);
    auto stream =
        std::make_unique<ServerStream>(*loop_, connection, head, std::move(bytes), std::move(behind));
    stream->Watch(&silent_, 0);
    return stream;
  }

  std::unique_ptr<ClientStream> Ask(std::string_view method, FakeStream*& connection,
                                    const http::UpgradeRequest* upgrade = nullptr, bool body = false) {
    auto fake = std::make_unique<FakeStream>();
    connection = fake.get();
    Prepare(*connection);
    auto stream = std::make_unique<ClientStream>(*loop_, std::move(fake));
    stream->Watch(&silent_, 1);
    http::RequestHead head{.method = method, .target = "/x", .authority = "example.com", .body = body};
    EXPECT_TRUE(stream->SendRequest(head, upgrade));
    return stream;
  }

  static http::ResponseHead Response(int status, bool body) {
    http::ResponseHead head;
    head.status = status;
    head.body = body;
    return head;
  }

  std::unique_ptr<event::Loop> loop_;
  Silent silent_;
};

INSTANTIATE_TEST_SUITE_P(AtOnceAndByteByByte, Http1Streams, testing::Bool());

TEST_P(Http1Streams, AChunkedRequestBodyIsReadWithItsTrailersAndWhatFollowsIsHeld) {
  FakeStream connection;
  Prepare(connection);
  auto request =
      Serve(connection, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  connection.Feed("4\r\ndefg\r\n0\r\nX-Sum: 7\r\nHost: evil\r\n\r\n");
  connection.Feed("GET /next");
  const Received received = ReadAll(*request);
  EXPECT_EQ(received.payload, "abcdefg");
  EXPECT_EQ(received.state, IoState::kEnd);
  EXPECT_EQ(request->trailers().Find("X-Sum"), "7");
  EXPECT_EQ(request->trailers().size(), 1u);
  EXPECT_EQ(request->TakeHeld() + ReadAll(connection).payload, "GET /next");
}

TEST_P(Http1Streams, ABodyOfKnownLengthEndsWhereItsLengthSays) {
  FakeStream connection;
  Prepare(connection);
  auto request = Serve(connection, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  connection.Feed("defGET");
  EXPECT_EQ(ReadAll(*request, 2).payload, "abcdef");
  EXPECT_EQ(ReadAll(*request).state, IoState::kEnd);
}

// The end of a body may come with its last bytes: then the kernel reports no further event.
TEST_P(Http1Streams, AnUnreadEndIsAnnounced) {
  FakeStream connection;
  auto request = Serve(connection, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
  std::vector<std::byte> into(16);
  ASSERT_EQ(request->Read(into).bytes, 3u);
  silent_.heard = 0;
  request->Want({.read = true});
  loop_->RunOnce(base::Duration(0));
  EXPECT_EQ(silent_.heard, 1);
  EXPECT_EQ(request->Read(into).state, IoState::kEnd);
  request->Want({.read = true});
  loop_->RunOnce(base::Duration(0));
  EXPECT_EQ(silent_.heard, 1);
}

TEST_P(Http1Streams, ABodyThatIsCutShortIsAnError) {
  for (const char* framing : {"Content-Length: 6", "Transfer-Encoding: chunked"}) {
    FakeStream connection;
    Prepare(connection);
    auto request =
        Serve(connection, std::string("POST / HTTP/1.1\r\nHost: a\r\n") + framing + "\r\n\r\n5\r\na");
    connection.FeedEnd();
    EXPECT_EQ(ReadAll(*request).state, IoState::kError) << framing;
  }
}

TEST_P(Http1Streams, AResponseWithoutLengthIsChunkedForClientsThatKnowIt) {
  FakeStream connection;
  Prepare(connection);
  auto request = Serve(connection, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(request->SendResponse(Response(200, true), true));
  const std::string_view body = "hello";
  while (request->Write(std::as_bytes(std::span(body))).bytes == 0) {
  }
  http::HeaderList trailers;
  trailers.Add("X-Sum", "1");
  request->EndWithTrailers(trailers);
  ASSERT_TRUE(Flush(*request));
  EXPECT_EQ(connection.written(),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n");
  EXPECT_TRUE(request->reusable());
}

TEST_P(Http1Streams, AResponseWithoutABodySaysSoWhereItMayHaveOne) {
  struct Case {
    const char* method;
    int status;
    const char* framing;
  };
  for (const Case& one :
       {Case{"GET", 200, "Content-Length: 0\r\n"}, Case{"POST", 404, "Content-Length: 0\r\n"},
        Case{"GET", 204, ""}, Case{"GET", 304, ""}, Case{"HEAD", 200, ""}}) {
    FakeStream connection;
    Prepare(connection);
    auto request = Serve(connection, std::string(one.method) + " / HTTP/1.1\r\nHost: a\r\n\r\n");
    ASSERT_TRUE(request->SendResponse(Response(one.status, false), true));
    ASSERT_TRUE(Flush(*request));
    EXPECT_THAT(connection.written(), EndsWith(std::string("\r\n") + one.framing + "\r\n"));
    EXPECT_EQ(connection.written().find("Content-Length") != std::string::npos, *one.framing != '\0');
    EXPECT_TRUE(request->reusable());
  }
}

TEST_P(Http1Streams, ARequestWithoutABodySaysSoWhereItsMethodHasOne) {
  for (const char* method : {"POST", "PUT", "PATCH", "GET", "DELETE"}) {
    FakeStream* connection = nullptr;
    auto request = Ask(method, connection);
    ASSERT_TRUE(Flush(*request));
    EXPECT_EQ(connection->written(), std::string(method) + " /x HTTP/1.1\r\nHost: example.com\r\n" +
                                         (*method == 'P' ? "Content-Length: 0\r\n\r\n" : "\r\n"));
  }
}

TEST_P(Http1Streams, TheLastChunkTakesTheEndAlong) {
  FakeStream connection;
  Prepare(connection);
  auto request = Serve(connection, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(request->SendResponse(Response(200, true), true));
  const int before = connection.calls();
  const std::string_view body = "hello";
  while (request->WriteLast(std::as_bytes(std::span(body))).bytes == 0) {
  }
  const int calls = connection.calls() - before;
  ASSERT_TRUE(Flush(*request));
  EXPECT_EQ(connection.written(),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  EXPECT_TRUE(request->reusable());
  if (!GetParam()) {
    EXPECT_EQ(calls, 1);
  }
}

TEST_P(Http1Streams, ABodyIsCompleteOnceAllOfItWasHandedOutUnlessTrailersFollow) {
  for (const bool trailers : {false, true}) {
    FakeStream* connection = nullptr;
    auto request = Ask("GET", connection);
    ASSERT_TRUE(Flush(*request));
    connection->Feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n");
    http::ResponseHead head;
    ASSERT_EQ(request->ReadResponse(head), http::ClientStream::HeadState::kFinal);
    EXPECT_EQ(ReadAll(*request).payload, "hi");
    EXPECT_FALSE(request->complete());
    connection->Feed(trailers ? "0\r\nX-Sum: 1\r\n\r\n" : "0\r\n\r\n");
    EXPECT_EQ(ReadAll(*request).payload, "");
    EXPECT_EQ(request->complete(), !trailers);
  }
}

TEST_P(Http1Streams, AnHttp10ClientGetsBareBytesAndTheEnd) {
  FakeStream connection;
  Prepare(connection);
  auto request = Serve(connection, "GET / HTTP/1.0\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(request->SendInterim(Response(103, false)));
  ASSERT_TRUE(request->SendResponse(Response(200, true), true));
  request->ShutdownWrite();
  ASSERT_TRUE(Flush(*request));
  EXPECT_EQ(connection.written(), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
  EXPECT_FALSE(request->reusable());
}

TEST_P(Http1Streams, AConnectionWhoseRequestWasNotReadIsNotUsedAgain) {
  FakeStream connection;
  Prepare(connection);
  auto request = Serve(connection, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
  ASSERT_TRUE(request->SendResponse(Response(204, false), true));
  ASSERT_TRUE(Flush(*request));
  EXPECT_THAT(connection.written(), HasSubstr("Connection: close\r\n"));
  EXPECT_FALSE(request->reusable());
}

// While the response moves, the exchange asks for events each time: unread held bytes must not count as an
// event, or it would loop forever.
TEST_P(Http1Streams, HeldBytesOfAnUnreadBodyCauseNoEvents) {
  struct Counting final : event::IoHandler {
    void OnReady(event::Ready) override { ++calls; }
    int calls = 0;
  } counting;
  FakeStream connection;
  Prepare(connection);
  auto request = Serve(connection, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
  request->Watch(&counting, 0);
  std::array<std::byte, 64> into;
  connection.Feed("some");
  EXPECT_GT(request->Read(into).bytes, 0U);
  connection.Feed("more");
  EXPECT_EQ(request->ReadAhead(100), http::ServerStream::Ahead::kNothing);
  request->Want({.read = true});
  loop_->RunOnce(base::Duration(0));
  EXPECT_EQ(counting.calls, 0);
}

TEST_P(Http1Streams, AHeadThatWouldSplitTheResponseIsNotSent) {
  FakeStream connection;
  Prepare(connection);
  auto request = Serve(connection, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  http::ResponseHead evil = Response(200, false);
  evil.headers.Add("X", "a\r\nSet-Cookie: b");
  EXPECT_FALSE(request->SendResponse(evil, true));
  ASSERT_TRUE(Flush(*request));
  EXPECT_EQ(connection.written(), "");
}

TEST_P(Http1Streams, ATunnelOpensWithTheAcceptOfTheClientsKey) {
  FakeStream connection;
  Prepare(connection);
  auto request = Serve(connection, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const http::UpgradeRequest upgrade{
      .websocket = true, .key = "dGhlIHNhbXBsZSBub25jZQ==", .subprotocols = {}, .extensions = {}};
  ASSERT_TRUE(request->OpenTunnel(Response(101, false), upgrade));
  ASSERT_TRUE(Flush(*request));
  EXPECT_THAT(connection.written(), StartsWith("HTTP/1.1 101 Switching Protocols\r\n"));
  EXPECT_THAT(connection.written(), HasSubstr("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
  EXPECT_THAT(connection.written(), EndsWith("\r\n\r\n"));
}

TEST_P(Http1Streams, TheClientsBytesAheadOfTheAnswerAreHeldUpToABound) {
  FakeStream connection;
  auto request = Serve(connection, "GET / HTTP/1.1\r\nHost: a\r\n\r\nab");
  connection.Feed("cd");
  EXPECT_EQ(request->ReadAhead(4), http::ServerStream::Ahead::kNothing);
  connection.Feed("e");
  EXPECT_EQ(request->ReadAhead(4), http::ServerStream::Ahead::kTooMuch);
  connection.FeedError(ECONNRESET);
  EXPECT_EQ(request->ReadAhead(100), http::ServerStream::Ahead::kLeft);
  EXPECT_EQ(request->TakeHeld(), "abcde");
}

TEST_P(Http1Streams, AClientThatEndsItsDirectionMayStillReadAndAsksNoMore) {
  for (const std::string held : {"", "GET /next"}) {
    FakeStream connection;
    Prepare(connection);
    auto request = Serve(connection, "GET / HTTP/1.1\r\nHost: a\r\n\r\n" + held);
    connection.FeedEnd();
    EXPECT_EQ(request->ReadAhead(100), http::ServerStream::Ahead::kEnded);
    EXPECT_EQ(request->ReadAhead(100), http::ServerStream::Ahead::kEnded);
    ASSERT_TRUE(request->SendResponse(Response(204, false), true));
    ASSERT_TRUE(Flush(*request));
    EXPECT_EQ(request->reusable(), !held.empty());
    EXPECT_EQ(connection.written().find("Connection: close") != std::string::npos, held.empty());
  }
}

TEST_P(Http1Streams, ABackendsAnswerIsReadInFull) {
  FakeStream* connection = nullptr;
  auto request = Ask("GET", connection);
  ASSERT_TRUE(Flush(*request));
  EXPECT_EQ(connection->written(), "GET /x HTTP/1.1\r\nHost: example.com\r\n\r\n");
  connection->Feed(
      "HTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
      "chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
  http::ResponseHead head;
  ASSERT_EQ(request->ReadResponse(head), http::ClientStream::HeadState::kInterim);
  EXPECT_EQ(head.status, 103);
  ASSERT_EQ(request->ReadResponse(head), http::ClientStream::HeadState::kFinal);
  EXPECT_TRUE(head.body);
  EXPECT_EQ(head.headers.Count("Transfer-Encoding"), 0u);
  EXPECT_EQ(ReadAll(*request).payload, "hi");
  EXPECT_NE(request->TakeIdle().transport, nullptr);
}

TEST_P(Http1Streams, AnAnswerThatClosesLeavesNoIdleConnection) {
  for (const char* answer :
       {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore",
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    FakeStream* connection = nullptr;
    auto request = Ask("GET", connection);
    ASSERT_TRUE(Flush(*request));
    connection->Feed(answer);
    if (GetParam()) connection->LimitReads(1000);
    http::ResponseHead head;
    ASSERT_EQ(request->ReadResponse(head), http::ClientStream::HeadState::kFinal);
    EXPECT_EQ(request->TakeIdle().transport, nullptr) << answer;
  }
}

TEST_P(Http1Streams, OnlyARightAnswerOpensATunnel) {
  const http::UpgradeRequest upgrade{.websocket = true, .key = {}, .subprotocols = {}, .extensions = {}};
  FakeStream* connection = nullptr;
  auto request = Ask("GET", connection, &upgrade);
  ASSERT_TRUE(Flush(*request));
  const std::string& sent = connection->written();
  const size_t at = sent.find("Sec-WebSocket-Key: ");
  ASSERT_NE(at, std::string::npos);
  const std::string key = sent.substr(at + 19, 24);
  connection->Feed("HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
                   http::AcceptFor(key) + "\r\n\r\nearly");
  http::ResponseHead head;
  ASSERT_EQ(request->ReadResponse(head), http::ClientStream::HeadState::kTunnel);
  EXPECT_EQ(head.headers.Count("Sec-WebSocket-Accept"), 0u);
  std::string early;
  const auto transport = request->TakeTunnel(early);
  EXPECT_EQ(early + ReadAll(*transport).payload, "early");

  auto wrong = Ask("GET", connection, &upgrade);
  ASSERT_TRUE(Flush(*wrong));
  connection->Feed(
      "HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n");
  EXPECT_EQ(wrong->ReadResponse(head), http::ClientStream::HeadState::kBadUpgrade);

  auto unasked = Ask("GET", connection);
  ASSERT_TRUE(Flush(*unasked));
  connection->Feed("HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  EXPECT_EQ(unasked->ReadResponse(head), http::ClientStream::HeadState::kBadUpgrade);
}

TEST_P(Http1Streams, OnlyAnUnsentRequestIsSurelyUnprocessed) {
  FakeStream* connection = nullptr;
  http::ResponseHead head;
  auto blocked = Ask("GET", connection);
  connection->SetRoom(0);
  EXPECT_EQ(blocked->Write({}).state, IoState::kBlocked);
  EXPECT_TRUE(blocked->unprocessed());

  auto sent = Ask("GET", connection);
  ASSERT_TRUE(Flush(*sent));
  connection->FeedEnd();
  EXPECT_EQ(sent->ReadResponse(head), http::ClientStream::HeadState::kEnded);
  EXPECT_FALSE(sent->unprocessed());
  EXPECT_FALSE(sent->answered());

  auto answered = Ask("GET", connection);
  ASSERT_TRUE(Flush(*answered));
  connection->Feed("H");
  connection->FeedEnd();
  EXPECT_EQ(answered->ReadResponse(head), http::ClientStream::HeadState::kEnded);
  EXPECT_TRUE(answered->answered());
}

// RFC 2068 §19.7.1.1, as Node, Apache and others send it.
TEST_P(Http1Streams, AKeepAliveTimeBoundsTheIdleConnectionToASecondLess) {
  const struct {
    const char* field;
    int64_t seconds;  // 0: not kept; -1: no bound
  } cases[] = {{"Keep-Alive: timeout=5", 4},
               {"Keep-Alive: max=100, Timeout=15", 14},
               {"Keep-Alive: timeout=9\r\nKeep-Alive: timeout=3", 2},
               {"Keep-Alive: timeout=1", 0},
               {"Keep-Alive: timeout=0", 0},
               {"Keep-Alive: timeout=4294967295", 4294967294},
               {"Keep-Alive: timeout=5s", -1},
               {"Keep-Alive: timeout=", -1},
               {"Keep-Alive: 5", -1},
               {"X: timeout=5", -1}};
  for (const auto& one : cases) {
    FakeStream* connection = nullptr;
    auto request = Ask("GET", connection);
    ASSERT_TRUE(Flush(*request));
    connection->Feed("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + std::string(one.field) + "\r\n\r\nok");
    http::ResponseHead head;
    http::ClientStream::HeadState state;
    while ((state = request->ReadResponse(head)) == http::ClientStream::HeadState::kBlocked) {
    }
    ASSERT_EQ(state, http::ClientStream::HeadState::kFinal);
    EXPECT_EQ(head.headers.Count("Keep-Alive"), 0u);
    ASSERT_EQ(ReadAll(*request).payload, "ok");
    const auto idle = request->TakeIdle();
    EXPECT_EQ(idle.transport == nullptr, one.seconds == 0) << one.field;
    if (one.seconds == 0) continue;
    EXPECT_EQ(idle.at_most,
              one.seconds < 0 ? base::Duration::max() : base::Duration(std::chrono::seconds(one.seconds)))
        << one.field;
  }
}

TEST(Http1StreamFailures, TheNthFailingCallShowsAsAnErrorAndNothingElse) {
  auto loop = std::move(event::Loop::Create()).value();
  for (int n = 1; n < 12; ++n) {
    auto fake = std::make_unique<FakeStream>();
    FakeStream& connection = *fake;
    connection.LimitReads(16);
    connection.FailCall(n);
    ClientStream request(*loop, std::move(fake));
    Silent silent;
    request.Watch(&silent, 0);
    const http::RequestHead head{.method = "GET", .target = "/", .authority = "a"};
    ASSERT_TRUE(request.SendRequest(head, nullptr));
    if (!Flush(request)) continue;
    connection.Feed("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n01234567890123456789");
    http::ResponseHead response;
    if (request.ReadResponse(response) != http::ClientStream::HeadState::kFinal) continue;
    const Received received = ReadAll(request);
    EXPECT_TRUE(received.state == IoState::kError || received.payload.size() == 20) << n;
    EXPECT_THAT("01234567890123456789", StartsWith(received.payload));
  }
}

}  // namespace
}  // namespace hawser::http1
