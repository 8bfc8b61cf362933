// HTTP/2 connections to backends that many requests share, over fake streams and a stepped clock: what a
// backend that gives no streams costs, and what ends in the turn in which something else is due.
#include "proxy/cluster/shared_connection.h"

#include <cerrno>
#include <functional>
#include <string>

#include "gtest/gtest.h"
#include "tests/fakes/every_event.h"
#include "tests/unit/cluster/fake_backends.h"
#include "tests/unit/http2/frames.h"

namespace hawser::cluster {
namespace {

using namespace std::chrono_literals;

class SharedConnections : public FakeBackends {
 protected:
  SharedConnections() : FakeBackends(config::BackendProtocol::kHttp2) {
    settings_.connect_timeout = 5s;
    settings_.idle_connections.timeout = 30s;
  }

  // SETTINGS with SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113 §6.5.2).
  static std::string MaxStreams(uint32_t streams) {
    return http2::Frame(http2::kSettingsFrame, 0, 0, http2::BigEndian(3, 2) + http2::BigEndian(streams, 4));
  }
  static std::string GoAway() { return http2::Frame(http2::kGoAwayFrame, 0, 0, std::string(8, '\0')); }
  void Receive(std::string_view frames) {
    newest().Feed(frames);
    Run();
  }
  bool SentGoAway(size_t i) {
    bool sent = false;
    constexpr size_t kPreface = http2::kPreface.size();
    for (const auto& frame : http2::TakeApart(std::string_view(stream(i).written()).substr(kPreface)))
      sent |= frame.type == http2::kGoAwayFrame;
    return sent;
  }
};

TEST_F(SharedConnections, ABackendWithoutStreamsIsWaitedForOnOneConnection) {
  const auto first = Begin();
  Receive(MaxStreams(0));
  EXPECT_EQ(endpoint().connecting(), 0);
  const auto second = Begin();
  for (int i = 0; i < 20; ++i) Pass(1s);
  EXPECT_EQ(first->state(), State::kWaiting);
  EXPECT_EQ(second->state(), State::kWaiting);
  Receive(MaxStreams(2));
  EXPECT_EQ(first->state(), State::kReady);
  EXPECT_EQ(second->state(), State::kReady);
  EXPECT_EQ(endpoint().connects(), 1u);
  EXPECT_EQ(owner_.heard, 1) << "one call for both, which have one tag";
}

TEST_F(SharedConnections, ABackendThatSendsAwayEveryNewConnectionIsAskedOncePerAttempt) {
  const auto attempt = Begin();
  Receive(MaxStreams(1) + GoAway());
  ASSERT_EQ(attempt->state(), State::kFailed);
  EXPECT_EQ(attempt->error(), ConnectError::kFailed);
  EXPECT_EQ(endpoint().connects(), 1u);
}

TEST_F(SharedConnections, AnAttemptIsNotSentToTheConnectionThatRefusedItBefore) {
  const auto first = Begin();
  Receive(MaxStreams(100));
  ASSERT_EQ(first->state(), State::kReady);
  EXPECT_EQ(Begin()->state(), State::kReady);
  const auto other = Begin({.failed_on = first->connection()});
  EXPECT_EQ(other->state(), State::kWaiting);
  EXPECT_EQ(endpoint().connects(), 2u);
}

TEST_F(SharedConnections, ThoseThatHaveLeftTakeNoRoomOnAConnectionBeingMade) {
  for (uint32_t i = 0; i < 2 * settings_.max_concurrent_streams; ++i) {
    EXPECT_EQ(Begin()->state(), State::kWaiting);
  }
  EXPECT_EQ(endpoint().connects(), 1u);
}

TEST_F(SharedConnections, TheEndOfThePoolBeginsNoConnectionForThoseThatWait) {
  const auto waiting = Begin();
  Run();
  pool_->Abort();
  ASSERT_EQ(waiting->state(), State::kFailed);
  EXPECT_EQ(waiting->error(), ConnectError::kShutDown);
  EXPECT_EQ(endpoint().connects(), 1u);
}

TEST_F(SharedConnections, ARefusalIsToldInTheSystemsWords) {
  on_connect_ = [](fakes::FakeStream& stream) { stream.FeedError(ECONNREFUSED); };
  const auto attempt = Begin();
  Run();
  ASSERT_EQ(attempt->state(), State::kFailed);
  EXPECT_EQ(attempt->error(), ConnectError::kFailed);
  EXPECT_EQ(attempt->error_text(), "Connection refused");
  EXPECT_EQ(endpoint().connect_failures(), 1u);
}

TEST_F(SharedConnections, FramesMayComeOneByteACall) {
  on_connect_ = [](fakes::FakeStream& stream) { stream.OneByteAtATime(); };
  const auto first = Begin();
  const auto second = Begin();
  Receive(MaxStreams(1));
  EXPECT_EQ(first->state(), State::kReady);
  EXPECT_EQ(second->state(), State::kWaiting);
  EXPECT_EQ(connections(), 2u) << "the first has no room for both";
  Receive(MaxStreams(1));
  EXPECT_EQ(second->state(), State::kReady);
}

// Whichever call fails while attempts wait for SETTINGS: each of them ends, as ready or as failed, in time.
TEST_F(SharedConnections, NoAttemptIsForgottenWhenTheNthCallFails) {
  bool failed = true;
  int n = 1;
  for (; failed && n < 100; ++n) {
    on_connect_ = [n](fakes::FakeStream& stream) { stream.FailCall(n); };
    const size_t before = connections();
    const std::unique_ptr<Attempt> attempts[] = {Begin(), Begin(), Begin()};
    EXPECT_EQ(connections(), before + 1);
    Receive(MaxStreams(100));
    Pass(5s);
    failed = false;
    for (const auto& attempt : attempts) {
      EXPECT_NE(attempt->state(), State::kWaiting) << n;
      failed |= attempt->state() == State::kFailed;
    }
    EXPECT_EQ(endpoint().connecting(), 0) << n;
    pool_->CloseIdle();
    Run();
    if (failed) {
      EXPECT_TRUE(stream(before).closed()) << n;
    }
  }
  EXPECT_FALSE(failed);
  EXPECT_GT(n, 2);
}

// Until `retry_http2_after` is over, WebSockets do not ask again.
TEST_F(SharedConnections, AWebSocketGetsAConnectionOfItsOwnWhereTheBackendTakesNoneOverHttp2) {
  const auto first = Begin({.websocket = true});
  Receive(MaxStreams(100));
  EXPECT_EQ(first->state(), State::kReady);
  EXPECT_EQ(first->connection(), 0u) << "of HTTP/1.1";
  EXPECT_EQ(connections(), 2u);
  EXPECT_EQ(Begin({.websocket = true})->state(), State::kReady);
  EXPECT_EQ(endpoint().http1_fallbacks(), 2u);
  EXPECT_NE(Begin()->connection(), 0u);
  Pass(settings_.retry_http2_after);
  EXPECT_EQ(endpoint().http1_fallbacks(), 2u);
  const auto again = Begin({.websocket = true});
  Run();
  EXPECT_EQ(endpoint().http1_fallbacks(), 3u)
      << "it asked the shared connection, which has not changed its mind";
}

TEST_F(SharedConnections, SettingsMayComeInTheTurnInWhichTheirTimeIsOver) {
  for (const bool settings_first : {true, false}) {
    const auto attempt = Begin();
    const size_t at = connections() - 1;
    Run();
    stream(at).Feed(MaxStreams(100));
    clock_.Advance(5s + kTick);
    const auto deliver = [this, at] { stream(at).Deliver(); };
    settings_first ? turn_.First(deliver) : turn_.Last(deliver);
    Turn();
    EXPECT_EQ(attempt->state(), settings_first ? State::kReady : State::kFailed);
    if (!settings_first) {
      EXPECT_EQ(attempt->error(), ConnectError::kTimedOut);
    }
    EXPECT_EQ(endpoint().connecting(), 0);
    pool_->CloseIdle();
    Run();
  }
}

TEST_F(SharedConnections, AnUnusedConnectionGoesAwayWhenItsTimeIsOver) {
  const auto opened = Begin();
  Receive(MaxStreams(100));
  (void)opened->TakeStream();
  Pass(30s);
  EXPECT_FALSE(SentGoAway(0)) << "a stream was given out since it was armed";
  Pass(30s);
  Run();
  EXPECT_TRUE(SentGoAway(0));
  EXPECT_TRUE(stream(0).closed());
  EXPECT_EQ(endpoint().http2_connections(), 0);
}

// Its end by the peer, its GOAWAY, or an attempt: any of them may come in the turn in which the idle time is
// over, before the timer or behind it.
TEST_F(SharedConnections, AnythingMayComeInTheTurnInWhichTheIdleTimeIsOver) {
  enum class Event { kEnd, kError, kGoAway, kAttempt };
  for (const Event event : {Event::kEnd, Event::kError, Event::kGoAway, Event::kAttempt}) {
    for (const bool first : {true, false}) {
      const std::string name = std::to_string(static_cast<int>(event)) + (first ? " first" : " last");
      {
        const auto opened = Begin();
        Receive(MaxStreams(100));
      }
      const size_t at = connections() - 1;
      Pass(30s);
      if (event == Event::kEnd) stream(at).FeedEnd();
      if (event == Event::kError) stream(at).FeedError(ECONNRESET);
      if (event == Event::kGoAway) stream(at).Feed(GoAway());
      std::unique_ptr<Attempt> attempt;
      const auto happen = [&] {
        event == Event::kAttempt ? void(attempt = Begin()) : void(stream(at).Deliver());
      };
      clock_.Advance(30s + kTick);
      first ? turn_.First(happen) : turn_.Last(happen);
      Turn();
      if (event == Event::kAttempt && first) {
        EXPECT_EQ(attempt->state(), State::kReady) << name;
        EXPECT_EQ(connections(), at + 1) << name;
        attempt = nullptr;
        pool_->CloseIdle();
      } else if (event == Event::kAttempt) {
        EXPECT_EQ(attempt->state(), State::kWaiting) << name << ": for a connection of its own";
        EXPECT_EQ(connections(), at + 2) << name;
        Receive(MaxStreams(1));
        EXPECT_EQ(attempt->state(), State::kReady) << name;
        attempt = nullptr;
        pool_->CloseIdle();
      }
      Run();
      EXPECT_TRUE(stream(at).closed()) << name;
      EXPECT_EQ(endpoint().http2_connections(), 0) << name;
    }
  }
}

TEST_F(SharedConnections, AnAttemptMayBeGivenUpInTheTurnInWhichItIsServed) {
  auto attempt = Begin();
  Run();
  newest().Feed(MaxStreams(100));
  turn_.First([&] {
    newest().Deliver();
    attempt = nullptr;  // its stream with it
  });
  Turn();
  Run();
  EXPECT_EQ(owner_.heard, 0);
}

// Whatever is pending for its session, and however it ends: nobody is called, and nothing is read or written
// any more.
TEST_F(SharedConnections, NothingReachesAConnectionThatHasEnded) {
  // Abort comes last: behind it the pool begins nothing.
  const std::function<void(fakes::FakeStream&)> ends[] = {[](fakes::FakeStream& stream) {
                                                            stream.FeedEnd();
                                                            stream.Deliver();
                                                          },
                                                          [](fakes::FakeStream& stream) {
                                                            stream.FeedError(ECONNRESET);
                                                            stream.Deliver();
                                                          },
                                                          [this](fakes::FakeStream&) { pool_->Abort(); }};
  for (const auto& end : ends) {
    const auto ready = Begin();
    Receive(MaxStreams(1));
    fakes::FakeStream& ended = newest();
    const int heard = owner_.heard;
    int calls = 0;
    fakes::EndAmidEveryEvent(*loop_, *ended.handler(), [&] {
      end(ended);
      calls = ended.calls();
    });
    EXPECT_TRUE(ended.closed());
    EXPECT_EQ(endpoint().http2_connections(), 0);
    clock_.Advance(std::chrono::hours(1));
    Turn();
    EXPECT_FALSE(ended.Deliver());
    EXPECT_EQ(ended.calls(), calls);
    EXPECT_EQ(owner_.heard, heard);
  }
}

// --- Reloads, and endpoints that leave ---

// Contexts that nothing uses make another transport.
class SharedOverChanges : public SharedConnections {
 protected:
  void Change() {
    settings_.protocol = settings_.protocol == config::BackendProtocol::kHttp2
                             ? config::BackendProtocol::kHttp11
                             : config::BackendProtocol::kHttp2;
    pool_->SetCluster(endpoint(), Now());
  }
};

TEST_F(SharedOverChanges, OpenStreamsGoOnAndNoNewOneIsGivenOut) {
  const auto first = Begin();
  Receive(MaxStreams(100));
  auto stream = first->TakeStream();
  Change();
  Run();
  EXPECT_TRUE(SentGoAway(0));
  EXPECT_FALSE(this->stream(0).closed());
  const auto second = Begin();
  EXPECT_EQ(second->state(), State::kReady);
  EXPECT_EQ(second->connection(), 0u) << "of HTTP/1.1";
  stream = nullptr;
  Run();
  EXPECT_TRUE(this->stream(0).closed()) << "it ends with its last stream";
  EXPECT_EQ(endpoint().http2_connections(), 0);
}

TEST_F(SharedOverChanges, WhoWaitsForAConnectionGetsOneOfTheNewKind) {
  const auto first = Begin();
  const auto second = Begin();
  Run();
  EXPECT_EQ(first->state(), State::kWaiting);
  Change();
  Run();
  for (const auto* attempt : {&first, &second}) {
    EXPECT_EQ((*attempt)->state(), State::kReady);
    EXPECT_EQ((*attempt)->connection(), 0u);
  }
  EXPECT_TRUE(stream(0).closed());
  EXPECT_EQ(connections(), 3u);
  EXPECT_EQ(endpoint().connect_failures(), 0u) << "nobody is blamed";
  EXPECT_EQ(owner_.heard, 1);
}

TEST_F(SharedOverChanges, WhoWaitsForRoomGetsAConnectionOfTheNewKind) {
  const auto first = Begin();
  Receive(MaxStreams(0));
  EXPECT_EQ(first->state(), State::kWaiting);
  Change();
  EXPECT_EQ(first->state(), State::kReady);
  EXPECT_EQ(first->connection(), 0u);
  Run();
  EXPECT_TRUE(stream(0).closed());
}

TEST_F(SharedOverChanges, WhoWaitsForAForgottenEndpointFails) {
  const auto waiting = Begin();
  Run();
  pool_->Forget(endpoint());
  ASSERT_EQ(waiting->state(), State::kFailed);
  EXPECT_FALSE(waiting->opened()) << "nobody is blamed";
  EXPECT_TRUE(stream(0).closed());
  Run();
  EXPECT_EQ(owner_.heard, 1);
}

TEST_F(SharedOverChanges, AnEndpointThatIsTriedAfterItWasForgottenIsHeldByItsConnection) {
  endpoint().ChangeState(Endpoint::kDraining, 0);
  pool_->Forget(endpoint());
  auto attempt = Begin();
  Receive(MaxStreams(100));
  EXPECT_EQ(attempt->state(), State::kReady);
  attempt = nullptr;
  const std::weak_ptr<Endpoint> known = endpoint_;
  newest().FeedEnd();
  Run();
  endpoint_ = nullptr;
  EXPECT_TRUE(known.expired());
  endpoint_ = registry_.Get("rooms", settings_.endpoints[0].address.literal());
}

TEST_F(SharedOverChanges, StreamsOfAForgottenEndpointGoOnUntilThePoolEnds) {
  const auto first = Begin();
  Receive(MaxStreams(100));
  auto stream = first->TakeStream();
  const std::weak_ptr<Endpoint> known = endpoint_;
  pool_->Forget(endpoint());
  Run();
  EXPECT_FALSE(this->stream(0).closed());
  pool_->Abort();
  EXPECT_TRUE(this->stream(0).closed());
  stream = nullptr;
  EXPECT_EQ(Begin()->error(), ConnectError::kShutDown);
}

// The session refers to settings of its own, whatever becomes of the cluster.
TEST_F(SharedOverChanges, NothingDanglesWhenClustersComeAndGoUnderOpenStreams) {
  std::vector<std::unique_ptr<http::ClientStream>> streams;
  for (int i = 0; i < 6; ++i) {
    const auto attempt = Begin();
    if (attempt->state() == State::kWaiting) Receive(MaxStreams(100));
    ASSERT_EQ(attempt->state(), State::kReady);
    streams.push_back(attempt->TakeStream());
    streams.back()->Watch(&owner_, 1);
    EXPECT_TRUE(streams.back()->SendRequest({.method = "GET", .target = "/", .authority = "a"}, nullptr));
    Change();
    Run();
  }
  for (auto& stream : streams) {
    EXPECT_EQ(stream->Write({}).state, net::IoState::kOk);
    stream->Close(net::CloseReason::kAbort);
    stream = nullptr;
    Run();
  }
  EXPECT_EQ(endpoint().http2_connections(), 0);
}

TEST_F(SharedConnections, AHostThatAcknowledgesNothingEndsTheConnection) {
  {
    const auto opened = Begin();
    Receive(MaxStreams(100));
  }
  newest().SetHostSilence(59s);
  Pass(15s);
  EXPECT_FALSE(newest().closed());
  newest().SetHostSilence(60s);
  Pass(15s);
  EXPECT_TRUE(newest().closed());
  EXPECT_EQ(endpoint().http2_connections(), 0);
}

}  // namespace
}  // namespace hawser::cluster
