// A connection over a scripted stream and a stepped clock, with an owner that answers as the admin listener
// does or hands requests over as a client's connection does.
#include "proxy/http1/server_connection.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/event/loop.h"
#include "tests/fakes/fake_stream.h"
#include "tests/fakes/stepped_clock.h"

namespace hawser::http1 {
namespace {

using namespace std::chrono_literals;
using fakes::FakeStream;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;
using Progress = ServerConnection::Progress;

constexpr uint8_t kStreamTag = 0;
constexpr uint8_t kTimerTag = 1;
const std::string kGet = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kHead = "HEAD /page HTTP/1.1\r\nHost: a\r\n\r\n";

class Owner final : public event::IoHandler {
 public:
  Owner(event::Loop& loop, net::BufferPool& buffers, FakeStream& stream, HeadLimits limits = {})
      : timer_(*this, kTimerTag),
        http(loop, buffers, stream,
             {.limits = limits,
              .deadlines = {.head = 5s, .keep_alive = 60s, .linger = 2s},
              .timer = &timer_}) {
    stream.Watch(this, kStreamTag);
    stream.Want({.read = true});
    http.Begin();
  }

  void OnReady(event::Ready ready) override {
    if (over) return;
    if (ready.timer) {
      ++timed_out;
      return;
    }
    http::RequestHead head;
    On(http.Advance(head), head);
  }

  void On(Progress progress, const http::RequestHead& head = {}) {
    switch (progress) {
      case Progress::kWaiting: return;
      case Progress::kRequest:
        paths.emplace_back(head.path());
        if (answers) Answer();
        return;
      case Progress::kRejected:
        rejects.push_back(http.reject());
        return On(http.Answer(http::RefusalOf(http.reject(), 0)));
      case Progress::kOver: over = true; return http.Close(net::CloseReason::kOrderly);
    }
  }

  void Answer() { On(http.Answer(http::MakeLocalResponse(200, {}, "the page\n"))); }

 private:
  event::Timer timer_;

 public:
  ServerConnection http;
  bool answers = true;  // at once
  bool over = false;
  int timed_out = 0;
  std::vector<std::string> paths;
  std::vector<http::Reject> rejects;
};

class ServerConnectionTest : public testing::Test {
 protected:
  void Make(HeadLimits limits = {}) { owner_ = std::make_unique<Owner>(*loop_, buffers_, stream_, limits); }
  void DeliverAll() {
    while (stream_.Deliver()) {
    }
  }
  void Pass(base::Duration time) {
    clock_.Advance(time + 1ms);
    loop_->RunOnce(0ms);
  }

  fakes::SteppedClock clock_;
  std::unique_ptr<event::Loop> loop_ = std::move(event::Loop::Create(clock_.reader())).value();
  net::BufferPool buffers_;
  FakeStream stream_;
  std::unique_ptr<Owner> owner_;
};

TEST_F(ServerConnectionTest, AnswersEndsAndWaitsForTheClientToEndToo) {
  Make();
  stream_.Feed(kGet);
  DeliverAll();
  EXPECT_THAT(owner_->paths, ElementsAre("/page"));
  EXPECT_THAT(stream_.written(), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(stream_.written(), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(stream_.written(), EndsWith("\r\n\r\nthe page\n"));
  EXPECT_EQ(stream_.last_words(), stream_.written()) << "the end goes along";
  EXPECT_TRUE(stream_.write_shut());
  EXPECT_FALSE(owner_->over);
  stream_.Feed(kGet);  // nobody reads it any more
  DeliverAll();
  stream_.FeedEnd();
  DeliverAll();
  EXPECT_TRUE(owner_->over);
  EXPECT_TRUE(stream_.closed());
  EXPECT_THAT(owner_->paths, ElementsAre("/page"));
}

TEST_F(ServerConnectionTest, ABodyIsLeftOutInAnswerToHead) {
  Make();
  stream_.Feed(kHead);
  DeliverAll();
  EXPECT_THAT(stream_.written(), HasSubstr("\r\nContent-Length: 9\r\n"));
  EXPECT_THAT(stream_.written(), EndsWith("\r\n\r\n"));
}

TEST_F(ServerConnectionTest, OneByteACall) {
  Make();
  stream_.OneByteAtATime();
  stream_.Feed(kGet);
  stream_.FeedEnd();
  DeliverAll();
  EXPECT_THAT(owner_->paths, ElementsAre("/page"));
  EXPECT_THAT(stream_.written(), EndsWith("the page\n"));
  EXPECT_TRUE(stream_.write_shut());
  EXPECT_TRUE(owner_->over);
  EXPECT_EQ(buffers_.in_use(), 0U);
}

// Whichever call fails, the owner gets kOver once, and no byte is kept.
TEST_F(ServerConnectionTest, TheNthCallFails) {
  int n = 1;
  for (bool failed = true; failed; ++n) {
    FakeStream stream;
    stream.OneByteAtATime();
    stream.FailCall(n);
    stream.Feed(kGet);
    stream.FeedEnd();
    Owner owner(*loop_, buffers_, stream);
    while (stream.Deliver()) {
    }
    EXPECT_TRUE(owner.over) << n;
    EXPECT_TRUE(stream.closed()) << n;
    EXPECT_EQ(buffers_.in_use(), 0U) << n;
    failed = stream.error() == ECONNRESET;
  }
  EXPECT_GT(n, 100);
}

TEST_F(ServerConnectionTest, AnAnswerMayTakeItsTime) {
  Make();
  owner_->answers = false;
  stream_.Feed(kGet);
  DeliverAll();
  EXPECT_TRUE(owner_->http.awaits_answer());
  EXPECT_EQ(stream_.interest(), event::Interest{});
  stream_.FeedEnd();
  DeliverAll();
  Pass(1min);
  EXPECT_EQ(owner_->timed_out, 0) << "the client waits for the owner";
  owner_->Answer();
  EXPECT_THAT(stream_.written(), EndsWith("the page\n"));
  EXPECT_TRUE(owner_->over) << "the client had ended already";
}

TEST_F(ServerConnectionTest, AnAnswerThatTheClientIsSlowToTakeWaitsAndIsSentBehindItsEnd) {
  Make();
  stream_.SetRoom(10);
  stream_.Feed(kGet);
  stream_.FeedEnd();
  DeliverAll();
  EXPECT_EQ(stream_.interest(), (event::Interest{.write = true}));
  EXPECT_FALSE(stream_.write_shut());
  EXPECT_EQ(buffers_.in_use(), 1U);
  stream_.AddRoom(1000);
  DeliverAll();
  EXPECT_THAT(stream_.written(), EndsWith("the page\n"));
  EXPECT_TRUE(owner_->over);
}

TEST_F(ServerConnectionTest, WhatIsNoRequestIsRejected) {
  Make();
  stream_.Feed("nonsense\r\n\r\n");
  DeliverAll();
  EXPECT_THAT(owner_->rejects, ElementsAre(http::Reject::kMalformedRequest));
  EXPECT_THAT(stream_.written(), StartsWith("HTTP/1.1 400 "));
  EXPECT_TRUE(stream_.write_shut());
}

TEST_F(ServerConnectionTest, AHeadIsReadInBoundedMemory) {
  Make({.head_bytes = 100});
  stream_.LimitReads(50);
  stream_.Feed("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1000, 'x'));
  DeliverAll();
  EXPECT_THAT(owner_->rejects, ElementsAre(http::Reject::kHeadTooLarge));
  EXPECT_THAT(stream_.written(), StartsWith("HTTP/1.1 431 "));
}

TEST_F(ServerConnectionTest, AClientThatLeavesBeforeItsHeadIsWholeGetsNoAnswer) {
  Make();
  stream_.Feed("GET / HT");
  stream_.FeedEnd();
  DeliverAll();
  EXPECT_TRUE(owner_->over);
  EXPECT_EQ(stream_.written(), "");
}

TEST_F(ServerConnectionTest, AClientThatHasEndedBehindItsRequestIsAnswered) {
  Make();
  stream_.Feed(kGet);
  stream_.FeedEnd();
  DeliverAll();
  EXPECT_THAT(stream_.written(), EndsWith("the page\n"));
  EXPECT_TRUE(owner_->over);
}

// --- Requests that are handed over ---

TEST_F(ServerConnectionTest, ARequestIsHandedOverWithWhatIsBehindIt) {
  Make();
  owner_->answers = false;
  stream_.Feed(kGet + "behind");
  http::RequestHead head;
  ASSERT_EQ(owner_->http.Advance(head), Progress::kRequest);
  const ServerConnection::Request request = owner_->http.TakeRequest();
  EXPECT_EQ(head.path(), "/page") << "the text did not move";
  EXPECT_EQ(head.headers.Find("Host"), "a");
  EXPECT_EQ(request.bytes, kGet + "behind");
  EXPECT_EQ(request.behind, "behind");
  EXPECT_EQ(owner_->http.received(), "");
}

TEST_F(ServerConnectionTest, AKeptConnectionReadsTheNextRequest) {
  Make();
  owner_->answers = false;
  stream_.Feed(kGet);
  DeliverAll();
  owner_->http.TakeRequest();
  owner_->http.Next("");
  EXPECT_FALSE(owner_->http.head_due());
  stream_.Feed("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  DeliverAll();
  EXPECT_THAT(owner_->paths, ElementsAre("/page", "/next"));
}

TEST_F(ServerConnectionTest, APipelinedRequestIsParsedFromWhatIsHeld) {
  Make();
  owner_->answers = false;
  stream_.Feed(kGet + kHead);
  stream_.FeedEnd();
  DeliverAll();
  ServerConnection::Request request = owner_->http.TakeRequest();
  owner_->http.Next(std::move(request.behind));
  http::RequestHead head;
  EXPECT_EQ(owner_->http.Parse(head), Progress::kRequest);
  EXPECT_EQ(head.method, "HEAD");
  owner_->Answer();
  EXPECT_THAT(stream_.written(), EndsWith("\r\n\r\n"));
}

TEST_F(ServerConnectionTest, ARequestThatEndsWithItsConnectionIsParsedToo) {
  Make();
  owner_->answers = false;
  stream_.Feed(kGet + kHead);
  stream_.FeedEnd();
  DeliverAll();
  owner_->http.Next(std::move(owner_->http.TakeRequest().behind));
  DeliverAll();  // there is nothing to read but the end
  EXPECT_THAT(owner_->paths, ElementsAre("/page", "/page"));
}

// --- Deadlines ---

TEST_F(ServerConnectionTest, TheFirstHeadHasItsTimeFromTheBeginningHoweverSlowlyItDrips) {
  Make();
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(owner_->http.head_due());
    stream_.Feed(kGet.substr(static_cast<size_t>(i), 1));
    DeliverAll();
    Pass(1s);
  }
  EXPECT_EQ(owner_->timed_out, 0);
  Pass(1s);
  EXPECT_EQ(owner_->timed_out, 1);
}

TEST_F(ServerConnectionTest, AKeptConnectionHasKeepAliveAndThenTheHeadsTimeFromItsFirstByte) {
  Make();
  owner_->answers = false;
  stream_.Feed(kGet);
  DeliverAll();
  owner_->http.TakeRequest();
  owner_->http.Next("");
  Pass(59s);
  EXPECT_EQ(owner_->timed_out, 0);
  stream_.Feed("G");
  DeliverAll();
  EXPECT_TRUE(owner_->http.head_due());
  Pass(4s);
  EXPECT_EQ(owner_->timed_out, 0);
  Pass(1s);
  EXPECT_EQ(owner_->timed_out, 1);
}

TEST_F(ServerConnectionTest, APipelinedStartOfAHeadHasTheHeadsTime) {
  Make();
  owner_->answers = false;
  stream_.Feed(kGet + "GET");
  DeliverAll();
  owner_->http.Next(std::move(owner_->http.TakeRequest().behind));
  EXPECT_TRUE(owner_->http.head_due());
  Pass(5s);
  EXPECT_EQ(owner_->timed_out, 1);
}

TEST_F(ServerConnectionTest, AnIdleKeptConnectionTimesOut) {
  Make();
  owner_->answers = false;
  stream_.Feed(kGet);
  DeliverAll();
  owner_->http.TakeRequest();
  owner_->http.Next("");
  Pass(60s);
  EXPECT_EQ(owner_->timed_out, 1);
}

TEST_F(ServerConnectionTest, LingeringHasItsTime) {
  Make();
  stream_.Feed(kGet);
  DeliverAll();
  Pass(2s);
  EXPECT_EQ(owner_->timed_out, 1);
}

TEST_F(ServerConnectionTest, AnEndAndTheTimeOfItsWaitInOneTurn) {
  Make();
  stream_.Feed(kGet);
  DeliverAll();
  stream_.FeedEnd();
  DeliverAll();  // the turn's events come before its timers
  EXPECT_TRUE(owner_->over);
  Pass(2s);
  EXPECT_EQ(owner_->timed_out, 0) << "closed: its timer is disarmed";
}

TEST_F(ServerConnectionTest, AHeadThatIsLateMayStillBeAnswered) {
  Make();
  stream_.Feed("GET / HT");
  DeliverAll();
  Pass(5s);
  ASSERT_EQ(owner_->timed_out, 1);
  owner_->On(owner_->http.Answer(http::RefusalOf(http::Reject::kRequestTimeout, 0)));
  EXPECT_THAT(stream_.written(), StartsWith("HTTP/1.1 408 "));
  stream_.Feed("TP/1.1\r\n\r\n");
  DeliverAll();
  EXPECT_THAT(owner_->paths, IsEmpty());
}

#ifndef NDEBUG
using ServerConnectionDeathTest = ServerConnectionTest;

TEST_F(ServerConnectionDeathTest, ThereIsOneLastAnswer) {
  Make();
  stream_.Feed(kGet);
  DeliverAll();
  EXPECT_DEATH(owner_->Answer(), "HAWSER_DCHECK");
}

TEST_F(ServerConnectionDeathTest, ARequestIsHandedOverOnce) {
  Make();
  owner_->answers = false;
  stream_.Feed(kGet);
  DeliverAll();
  owner_->http.TakeRequest();
  EXPECT_DEATH((void)owner_->http.TakeRequest(), "HAWSER_DCHECK");
}
#endif

}  // namespace
}  // namespace hawser::http1
