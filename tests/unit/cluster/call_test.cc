// hawser's own requests over fake streams and a stepped clock: what is sent, what is told, and that nothing
// is left of a call that is given up, wherever it stands.
#include "proxy/cluster/call.h"

#include <cerrno>
#include <functional>
#include <optional>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/every_event.h"
#include "tests/unit/cluster/fake_backends.h"
#include "tests/unit/http2/frames.h"

namespace hawser::cluster::call_test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::StartsWith;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Room: lobby\r\n\r\nhello";

class Calls : public FakeBackends {
 protected:
  explicit Calls(config::BackendProtocol protocol = config::BackendProtocol::kHttp11)
      : FakeBackends(protocol) {}
  // Before its pool.
  void TearDown() override { call_.reset(); }

  Call::Request Get() { return {.path = "/healthz?full", .host = "rooms.internal"}; }
  Call::Request Post(std::string body) {
    return {.method = "POST", .path = "/hook", .host = "rooms.internal", .body = std::move(body)};
  }
  void Start(Call::Request request, size_t body = 1000) {
    call_.reset();
    result_.reset();
    call_.emplace(*loop_, *pool_, Now(), endpoint_, std::move(request),
                  Call::Limits{.body = body, .timeout = 10s}, [this](Call::Result result) {
                    ++told_;
                    result_ = std::move(result);
                  });
    EXPECT_FALSE(result_) << "nothing is told before the caller has the call";
    Run();
  }
  void Receive(std::string_view bytes) {
    newest().Feed(bytes);
    Run();
  }
  // The whole exchange.
  Call::Result Ask(Call::Request request, std::string_view answer) {
    Start(std::move(request));
    Receive(answer);
    EXPECT_TRUE(result_);
    return result_.value_or(Call::Result{.error = CallError::kLocal, .why = "nothing was told"});
  }
  // What an exchange ends as when a connection may do anything.
  std::optional<Call::Result> AskAnyhow(std::string_view answer) {
    on_connect_ = [this, answer, before = on_connect_](fakes::FakeStream& stream) {
      if (before) before(stream);
      stream.Feed(answer);
    };
    Start(Get());
    if (!result_) Pass(10s);
    return result_;
  }

  std::optional<Call> call_;
  std::optional<Call::Result> result_;
  int told_ = 0;
};

TEST_F(Calls, TellTheWholeAnswer) {
  const Call::Result result = Ask(Get(), kOk);
  EXPECT_EQ(result.error, CallError::kNone) << result.why;
  EXPECT_EQ(result.status, 200);
  EXPECT_EQ(result.body, "hello");
  EXPECT_THAT(result.headers, testing::Contains(Pair("X-Room", "lobby")));
  EXPECT_THAT(newest().written(), StartsWith("GET /healthz?full HTTP/1.1\r\nHost: rooms.internal\r\n"));
  EXPECT_EQ(told_, 1);
}

TEST_F(Calls, SendTheirFields) {
  Call::Request request = Get();
  request.headers = {{"X-Probe", "1"}, {"Accept", "*/*"}};
  Start(std::move(request));
  EXPECT_THAT(newest().written(), HasSubstr("\r\nX-Probe: 1\r\nAccept: */*\r\n\r\n"));
}

TEST_F(Calls, UseAKeptConnection) {
  for (int i = 0; i < 3; ++i) Ask(Get(), kOk);
  EXPECT_EQ(connections(), 1u);
  EXPECT_EQ(endpoint().idle_connections(), 1);
}

TEST_F(Calls, SendABodyAndItsLength) {
  EXPECT_EQ(Ask(Post("{\"a\":1}"), kOk).status, 200);
  EXPECT_THAT(newest().written(), testing::EndsWith("\r\nContent-Length: 7\r\n\r\n{\"a\":1}"));
  EXPECT_EQ(endpoint().idle_connections(), 1);
}

TEST_F(Calls, SendABodyAsTheConnectionTakesIt) {
  on_connect_ = [](fakes::FakeStream& stream) { stream.SetRoom(100); };
  Start(Post(std::string(1000, 'x')));
  EXPECT_LT(newest().written().size(), 200u);
  newest().AddRoom(10'000);
  Run();
  EXPECT_THAT(newest().written(), testing::EndsWith(std::string(1000, 'x')));
  Receive(kOk);
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->status, 200);
}

TEST_F(Calls, HearABackendThatAnswersBeforeItHasTakenTheBody) {
  on_connect_ = [](fakes::FakeStream& stream) { stream.SetRoom(200); };
  Start(Post(std::string(100'000, 'x')));
  Receive("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->status, 413);
  EXPECT_TRUE(newest().closed()) << "the rest of the body cannot follow";
}

TEST_F(Calls, HearABackendThatAnswersAndResetsBeforeItHasTakenTheBody) {
  on_connect_ = [](fakes::FakeStream& stream) { stream.SetRoom(200); };
  Start(Post(std::string(100'000, 'x')));
  newest().Feed("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n");
  newest().BreakWrites();
  newest().AddRoom(1000);
  Run();
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->status, 413);
}

TEST_F(Calls, SkipInterimResponses) {
  EXPECT_EQ(Ask(Get(), "HTTP/1.1 103 Early Hints\r\n\r\n" + std::string(kOk)).status, 200);
}

TEST_F(Calls, DoNotWaitThroughEndlessInterimResponses) {
  std::string interim;
  for (int i = 0; i < 100; ++i) interim += "HTTP/1.1 103 Early Hints\r\n\r\n";
  EXPECT_EQ(Ask(Get(), interim).error, CallError::kMalformed);
}

TEST_F(Calls, ReadABodyThatEndsWithTheConnection) {
  Start(Get());
  newest().Feed("HTTP/1.1 200 OK\r\n\r\nhello");
  newest().FeedEnd();
  Run();
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->body, "hello");
  EXPECT_TRUE(newest().closed());
}

TEST_F(Calls, TakeABodyOfJustTheSizeThatItMayHave) {
  Start(Get(), 5);
  Receive(kOk);
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error, CallError::kNone);
  EXPECT_EQ(result_->body, "hello");
}

TEST_F(Calls, TellTheHeadOfAnAnswerThatIsTooLarge) {
  Start(Get(), 4);
  Receive(kOk);
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error, CallError::kTooLarge);
  EXPECT_EQ(result_->status, 200);
  EXPECT_EQ(result_->body, "");
  EXPECT_TRUE(newest().closed());
}

TEST_F(Calls, SayWhatWasLate) {
  const struct {
    std::function<void(fakes::FakeStream&)> script;
    std::string_view why;
  } cases[] = {
      {[](fakes::FakeStream& stream) { stream.SetRoom(0); }, "not connected in time"},
      {[](fakes::FakeStream&) {}, "no answer in time"},
      {[](fakes::FakeStream& stream) { stream.Feed("HTTP/1.1 2"); }, "no answer in time"},
      {[](fakes::FakeStream& stream) { stream.Feed("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhell"); },
       "no whole answer in time"},
  };
  for (const auto& one : cases) {
    on_connect_ = one.script;
    Start(Get());
    Pass(10s - 2 * kTick);
    EXPECT_FALSE(result_) << one.why;
    Pass(2 * kTick);
    ASSERT_TRUE(result_) << one.why;
    EXPECT_EQ(result_->error, CallError::kTimedOut);
    EXPECT_EQ(result_->why, one.why);
    EXPECT_TRUE(newest().closed());
  }
}

TEST_F(Calls, LeaveNothingWhereverTheyAreGivenUp) {
  const std::function<void(fakes::FakeStream&)> scripts[] = {
      [](fakes::FakeStream& stream) { stream.SetRoom(0); },
      [](fakes::FakeStream&) {},
      [](fakes::FakeStream& stream) { stream.Feed("HTTP/1.1 2"); },
      [](fakes::FakeStream& stream) { stream.Feed("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhell"); },
  };
  for (const auto& script : scripts) {
    on_connect_ = script;
    Start(Get());
    event::IoHandler& handler = *newest().handler();
    fakes::EndAmidEveryEvent(*loop_, handler, [this] { call_.reset(); });
    EXPECT_TRUE(newest().closed());
    const int calls = newest().calls();
    Pass(1h);
    Run();
    EXPECT_EQ(newest().calls(), calls);
  }
  EXPECT_EQ(told_, 0);
}

TEST_F(Calls, MayBeGivenUpBeforeTheyHaveBegun) {
  call_.emplace(*loop_, *pool_, Now(), endpoint_, Get(), Call::Limits{.timeout = 10s},
                [this](const Call::Result&) { ++told_; });
  call_.reset();
  Run();
  EXPECT_EQ(connections(), 0u);
  EXPECT_EQ(told_, 0);
}

TEST_F(Calls, MayBeLetGoOfByWhomTheyTell) {
  call_.emplace(*loop_, *pool_, Now(), endpoint_, Get(), Call::Limits{.timeout = 10s},
                [this](const Call::Result&) {
                  ++told_;
                  call_.reset();
                });
  Run();
  Receive(kOk);
  EXPECT_EQ(told_, 1);
  EXPECT_EQ(endpoint().idle_connections(), 1);
}

TEST_F(Calls, AnAnswerAndTheTimeOutInOneTurnAreToldOnce) {
  for (const bool answer_first : {true, false}) {
    Start(Get());
    newest().Feed(kOk);
    clock_.Advance(10s + kTick);
    const auto answer = [this] { newest().Deliver(); };
    answer_first ? turn_.First(answer) : turn_.Last(answer);
    Turn();
    ASSERT_TRUE(result_);
    EXPECT_EQ(result_->error, answer_first ? CallError::kNone : CallError::kTimedOut);
  }
  EXPECT_EQ(told_, 2);
}

// --- Connections that end ---

TEST_F(Calls, AKeptConnectionThatEndsIsFollowedByAnother) {
  Ask(Get(), kOk);
  Start(Get());  // on the kept one
  ASSERT_EQ(connections(), 1u);
  newest().FeedEnd();
  Run();
  ASSERT_EQ(connections(), 2u);
  Receive(kOk);
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->status, 200);
}

TEST_F(Calls, ANewConnectionThatEndsIsFollowedByNone) {
  Start(Get());
  newest().FeedEnd();
  Run();
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error, CallError::kEnded);
  EXPECT_EQ(result_->why, "ended without an answer");
  EXPECT_EQ(connections(), 1u);
}

TEST_F(Calls, APostThatWasSentIsNotSentAgain) {
  Ask(Get(), kOk);
  Start(Post("pay"));
  newest().FeedEnd();
  Run();
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error, CallError::kEnded);
  EXPECT_EQ(connections(), 1u);
}

TEST_F(Calls, ARefusalIsToldInTheSystemsWords) {
  on_connect_ = [](fakes::FakeStream& stream) { stream.FailCall(1); };
  Start(Get());
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error, CallError::kConnect);
  EXPECT_EQ(result_->why, "Connection reset by peer");
  EXPECT_EQ(endpoint().connect_failures(), 1u);
}

TEST_F(Calls, TheEndOfThePoolIsNotTheEndpointsFault) {
  pool_->Abort();
  Start(Get());
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error, CallError::kLocal);
}

TEST_F(Calls, AMalformedAnswerIsToldAsSuch) {
  EXPECT_EQ(Ask(Get(), "SSH-2.0-OpenSSH_9.2\r\n\r\n").error, CallError::kMalformed);
  EXPECT_TRUE(newest().closed());
  EXPECT_EQ(Ask(Get(), "HTTP/1.1 101 Switching Protocols\r\n\r\n").error, CallError::kMalformed);
  EXPECT_EQ(Ask(Get(), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").error,
            CallError::kMalformed);
}

TEST_F(Calls, MayComeAndGoOneByteACall) {
  on_connect_ = [](fakes::FakeStream& stream) { stream.OneByteAtATime(); };
  const auto result = AskAnyhow(kOk);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->body, "hello");
}

// Whichever call fails, there is one result, and no connection that has failed is kept.
TEST_F(Calls, EndOnceWhicheverCallFails) {
  bool failed = true;
  for (int n = 1; failed && n < 100; ++n) {
    on_connect_ = [n](fakes::FakeStream& stream) { stream.FailCall(n); };
    const int before = told_;
    const auto result = AskAnyhow(kOk);
    ASSERT_TRUE(result) << n;
    EXPECT_EQ(told_, before + 1) << n;
    failed = result->error != CallError::kNone;
    pool_->CloseIdle();
    Run();
    EXPECT_TRUE(newest().closed()) << n;
  }
  EXPECT_FALSE(failed);
}

// --- HTTP/2 ---

class Http2Calls : public Calls {
 protected:
  Http2Calls() : Calls(config::BackendProtocol::kHttp2) {
    on_connect_ = [](fakes::FakeStream& stream) {
      stream.Feed(http2::Frame(http2::kSettingsFrame, 0, 0, ""));
    };
  }
  static std::string Answer(uint32_t stream, std::string_view body) {
    return http2::Headers(stream, "\x88" + http2::Literal("x-room", "lobby"), http2::kEndHeaders) +
           http2::Frame(http2::kData, http2::kEndStream, stream, body);
  }
};

TEST_F(Http2Calls, ShareAConnection) {
  for (uint32_t stream = 1; stream <= 5; stream += 2) {
    const Call::Result result = Ask(Get(), Answer(stream, "hello"));
    EXPECT_EQ(result.error, CallError::kNone) << result.why;
    EXPECT_EQ(result.status, 200);
    EXPECT_EQ(result.body, "hello");
    EXPECT_THAT(result.headers, ElementsAre(Pair("x-room", "lobby")));
  }
  EXPECT_EQ(connections(), 1u);
}

TEST_F(Http2Calls, SendABody) {
  Start(Post("pay"));
  std::string sent;
  for (const auto& frame : http2::TakeApart(std::string_view(newest().written()).substr(24)))
    if (frame.type == http2::kData) sent += frame.payload;
  EXPECT_EQ(sent, "pay");
  Receive(Answer(1, ""));
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->status, 200);
}

TEST_F(Http2Calls, GoToAnotherConnectionWhereTheirStreamIsRefused) {
  Start(Post("pay"));
  Receive(http2::Frame(http2::kGoAwayFrame, 0, 0, std::string(8, '\0')));
  ASSERT_EQ(connections(), 2u);
  Receive(Answer(1, "ok"));
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->body, "ok");
}

TEST_F(Http2Calls, TellAResetAsAnEnd) {
  Start(Get());
  Receive(http2::Frame(http2::kRstStream, 0, 1, http2::BigEndian(2, 4)));
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error, CallError::kEnded);
  Start(Get());
  Receive(http2::Headers(3, "\x88", http2::kEndHeaders) +
          http2::Frame(http2::kRstStream, 0, 3, http2::BigEndian(2, 4)));
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error, CallError::kEnded);
}

TEST_F(Http2Calls, SayThatNoSettingsCame) {
  settings_.connect_timeout = 3s;
  on_connect_ = nullptr;
  Start(Get());
  Pass(3s);
  Run();
  ASSERT_TRUE(result_);
  EXPECT_EQ(result_->error, CallError::kTimedOut);
  EXPECT_EQ(result_->why, "not connected in time");
}

TEST_F(Http2Calls, LeaveNothingWhereverTheyAreGivenUp) {
  const std::string_view scripts[] = {"", "settings", "head"};
  for (const std::string_view script : scripts) {
    on_connect_ = nullptr;
    Start(Get());
    if (script != "") Receive(http2::Frame(http2::kSettingsFrame, 0, 0, ""));
    if (script == "head") Receive(http2::Headers(1, "\x88", http2::kEndHeaders));
    call_.reset();
    Run();
    Pass(10s);
    pool_->Abort();
    pool_ = std::make_unique<Pool>(*loop_, buffers_, MakeStream);
    Run();
    EXPECT_TRUE(newest().closed()) << script;
  }
  EXPECT_EQ(told_, 0);
}

}  // namespace
}  // namespace hawser::cluster::call_test
