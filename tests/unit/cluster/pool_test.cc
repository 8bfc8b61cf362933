// The pool of connections to backends that speak HTTP/1.1, over fake streams and a stepped clock: what is
// kept and for how long, and what ends in the turn in which something else is due.
#include "proxy/cluster/pool.h"

#include <functional>
#include <string>

#include "gtest/gtest.h"
#include "tests/fakes/every_event.h"
#include "tests/unit/cluster/fake_backends.h"

namespace hawser::cluster::pool_test {
namespace {

using namespace std::chrono_literals;
using HeadState = http::ClientStream::HeadState;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

class PoolTest : public FakeBackends {
 protected:
  PoolTest() : FakeBackends(config::BackendProtocol::kHttp11) {}

  // A whole exchange on `attempt`'s stream; false where it has failed. The stream is the pool's again either
  // way.
  bool Finish(Attempt& attempt, std::string_view response) {
    const uint64_t transport = attempt.transport();
    auto stream = attempt.TakeStream();
    stream->Watch(&owner_, 1);
    const http::RequestHead head{.method = "GET", .target = "/", .authority = "a"};
    EXPECT_TRUE(stream->SendRequest(head, nullptr));
    net::IoState sent = net::IoState::kBlocked;
    for (int i = 0; i < 200 && sent == net::IoState::kBlocked; ++i) sent = stream->Write({}).state;
    newest().Feed(response);
    http::ResponseHead answer;
    HeadState read = HeadState::kBlocked;
    for (int i = 0; i < 200 && read == HeadState::kBlocked; ++i) read = stream->ReadResponse(answer);
    Return(transport, std::move(stream));
    return sent == net::IoState::kOk && read == HeadState::kFinal;
  }
  void Keep(std::string_view response = kOk) { EXPECT_TRUE(Finish(*Begin(), response)); }
};

TEST_F(PoolTest, AConnectionIsUsedAgain) {
  Keep();
  EXPECT_EQ(endpoint().idle_connections(), 1);
  const auto attempt = Begin();
  EXPECT_FALSE(attempt->opened());
  EXPECT_EQ(endpoint().idle_connections(), 0);
  EXPECT_TRUE(Finish(*attempt, kOk));
  EXPECT_EQ(endpoint().connects(), 1u);
}

TEST_F(PoolTest, AnExchangeThatGoesOneByteACallLeavesAConnectionToKeep) {
  on_connect_ = [](fakes::FakeStream& stream) { stream.OneByteAtATime(); };
  Keep();
  EXPECT_EQ(endpoint().idle_connections(), 1);
  EXPECT_TRUE(Finish(*Begin(), kOk));
  EXPECT_EQ(endpoint().connects(), 1u);
}

// Whichever call of an exchange fails, and of the time behind it: nothing of the connection is left, and the
// next request gets another.
TEST_F(PoolTest, AConnectionWhoseNthCallFailsIsNotGivenOutAgain) {
  bool failed = true;
  for (int n = 1; failed && n < 100; ++n) {
    on_connect_ = [n](fakes::FakeStream& stream) { stream.FailCall(n); };
    failed = !Finish(*Begin({.failed_on = 0}), kOk);
    Run();
    on_connect_ = nullptr;
    const auto next = Begin();
    EXPECT_TRUE(next->opened()) << n;
    EXPECT_EQ(stream(connections() - 2).closed(), true) << n;
    EXPECT_EQ(endpoint().idle_connections(), 0) << n;
  }
  EXPECT_FALSE(failed);
}

TEST_F(PoolTest, AKeptConnectionMayEndInTheTurnInWhichItsTimerIsDue) {
  settings_.idle_connections.timeout = 10s;
  for (const bool end_first : {true, false}) {
    Keep();
    fakes::FakeStream& kept = newest();
    kept.FeedEnd();
    clock_.Advance(10s + kTick);
    const auto end = [&kept] { kept.Deliver(); };
    end_first ? turn_.First(end) : turn_.Last(end);
    Turn();
    EXPECT_EQ(endpoint().idle_connections(), 0);
    EXPECT_TRUE(kept.closed());
    EXPECT_TRUE(Begin()->opened());
  }
}

TEST_F(PoolTest, AKeptConnectionMayBeTakenInTheTurnInWhichItsTimerIsDue) {
  settings_.idle_connections.timeout = 10s;
  for (const bool taken_first : {true, false}) {
    Keep();
    fakes::FakeStream& kept = newest();
    clock_.Advance(10s + kTick);
    std::unique_ptr<Attempt> attempt;
    const auto take = [&] { attempt = Begin(); };
    taken_first ? turn_.First(take) : turn_.Last(take);
    Turn();
    EXPECT_EQ(attempt->opened(), !taken_first);
    EXPECT_EQ(kept.closed(), !taken_first);
    EXPECT_EQ(endpoint().idle_connections(), 0);
    attempt->TakeStream()->Close(net::CloseReason::kAbort);
  }
}

TEST_F(PoolTest, AKeptConnectionThatEndsInTheTurnInWhichItIsTakenIsNotGivenOut) {
  Keep();
  newest().FeedEnd();
  const auto attempt = Begin();
  EXPECT_TRUE(attempt->opened());
  EXPECT_TRUE(stream(0).closed());
}

TEST_F(PoolTest, BytesThatNobodyAskedForEndAKeptConnection) {
  Keep();
  newest().Feed("HTTP/1.1 408 Request Timeout\r\n");
  Run();
  EXPECT_TRUE(newest().closed());
  EXPECT_EQ(endpoint().idle_connections(), 0);
}

TEST_F(PoolTest, WhatABackendSaysOfItsKeepAliveTimeBoundsTheIdleTime) {
  Keep("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=30\r\n\r\n");
  Pass(28s);
  EXPECT_EQ(endpoint().idle_connections(), 1);
  Pass(1s);
  EXPECT_EQ(endpoint().idle_connections(), 0) << "a second goes to the request on its way";
  Keep("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=1\r\n\r\n");
  EXPECT_EQ(endpoint().idle_connections(), 0);
  EXPECT_TRUE(newest().closed());
}

// Whatever is pending for it, and however it ends: nothing reads a connection that the pool no longer keeps.
TEST_F(PoolTest, NothingReachesAKeptConnectionThatHasEndedOrWasTaken) {
  std::unique_ptr<Attempt> attempt;
  const std::function<void()> ends[] = {[this] { pool_->CloseIdle(); }, [&] { attempt = Begin(); },
                                        [this] {
                                          newest().FeedEnd();
                                          newest().Deliver();
                                        }};
  for (const auto& end : ends) {
    Keep();
    fakes::FakeStream& kept = newest();
    int calls = 0;
    fakes::EndAmidEveryEvent(*loop_, *kept.handler(), [&] {
      end();
      calls = kept.calls();
    });
    EXPECT_EQ(endpoint().idle_connections(), 0);
    clock_.Advance(std::chrono::hours(1));
    Turn();
    EXPECT_EQ(kept.calls(), calls);
    EXPECT_EQ(kept.closed(), attempt == nullptr);
    if (attempt != nullptr) std::exchange(attempt, nullptr)->TakeStream()->Close(net::CloseReason::kAbort);
  }
}

TEST_F(PoolTest, NoMoreAreKeptThanTheConfigurationAllows) {
  settings_.idle_connections.max = 2;
  std::vector<std::unique_ptr<Attempt>> attempts;
  for (int i = 0; i < 3; ++i) attempts.push_back(Begin());
  for (size_t i = 0; i < 3; ++i) {
    auto exchange = attempts[i]->TakeStream();
    exchange->Watch(&owner_, 1);
    ASSERT_TRUE(exchange->SendRequest({.method = "GET", .target = "/", .authority = "a"}, nullptr));
    EXPECT_EQ(exchange->Write({}).state, net::IoState::kOk);
    stream(i).Feed(kOk);
    http::ResponseHead answer;
    EXPECT_EQ(exchange->ReadResponse(answer), HeadState::kFinal);
    Return(attempts[i]->transport(), std::move(exchange));
  }
  EXPECT_EQ(endpoint().idle_connections(), 2);
  EXPECT_TRUE(stream(2).closed());
}

TEST_F(PoolTest, AfterItsEndNothingIsKeptOrBegun) {
  const auto attempt = Begin();
  pool_->Abort();
  EXPECT_TRUE(Finish(*attempt, kOk));
  EXPECT_EQ(endpoint().idle_connections(), 0);
  const auto late = Begin();
  ASSERT_EQ(late->state(), State::kFailed);
  EXPECT_EQ(late->error(), ConnectError::kShutDown);
  EXPECT_EQ(endpoint().connects(), 1u);
}

TEST_F(PoolTest, AnAttemptSaysWhyItsConnectionCouldNotBeBegun) {
  config::Cluster settings = settings_;
  settings.endpoints[0].address = Address("unix:/nowhere/hawser.sock");
  const Fleet nowhere(settings);
  const auto attempt = pool_->Begin(nowhere.membership()->cluster(), *nowhere.endpoints()[0], {}, owner_, 1);
  EXPECT_EQ(attempt->error(), ConnectError::kFailed);
  EXPECT_EQ(attempt->error_text(), "No such file or directory");
}

// --- Reloads, and endpoints that leave ---

// Other settings of a cluster, another protocol, TLS contexts made anew.
class Changes : public PoolTest {
 protected:
  std::shared_ptr<const Cluster> Over(Transport transport) const {
    return std::make_shared<const Cluster>(settings_, base::Name(),
                                           std::make_shared<const Transport>(std::move(transport)));
  }
};

TEST_F(Changes, AReloadThatChangesNoTransportKeepsIdleConnections) {
  Keep();
  settings_.connect_timeout = 1s;
  settings_.tcp_keepalive.idle = 0s;
  pool_->SetCluster(endpoint(), Now());
  EXPECT_EQ(endpoint().idle_connections(), 1);
  EXPECT_FALSE(Begin()->opened());
}

TEST_F(Changes, TheSettingsOfNowBoundWhatIsKept) {
  const auto attempt = Begin();
  settings_.idle_connections.max = 0;
  pool_->SetCluster(endpoint(), Now());
  EXPECT_TRUE(Finish(*attempt, kOk));
  EXPECT_EQ(endpoint().idle_connections(), 0);
}

TEST_F(Changes, AnotherTransportEndsIdleConnections) {
  Keep();
  fakes::FakeStream& kept = newest();
  pool_->SetCluster(endpoint(), Over({.protocol = config::BackendProtocol::kAuto}));
  EXPECT_TRUE(kept.closed());
  EXPECT_EQ(endpoint().idle_connections(), 0);
}

TEST_F(Changes, AConnectionOfAnotherTransportIsNotKept) {
  const auto attempt = Begin();
  pool_->SetCluster(endpoint(), Over({.protocol = config::BackendProtocol::kAuto}));
  EXPECT_TRUE(Finish(*attempt, kOk)) << "the request under way goes on";
  EXPECT_TRUE(newest().closed());
  EXPECT_EQ(endpoint().idle_connections(), 0);
  settings_.protocol = config::BackendProtocol::kAuto;
  Keep();
  EXPECT_EQ(endpoint().idle_connections(), 1) << "one of the new transport is";
  pool_->CloseIdle();
}

TEST_F(Changes, WhatIsForgottenEndsAndIsNotKeptAgain) {
  Keep();
  const auto under_way = Begin({.websocket = true});
  pool_->Forget(endpoint());
  EXPECT_EQ(endpoint().idle_connections(), 0);
  EXPECT_TRUE(stream(0).closed());
  EXPECT_TRUE(Finish(*under_way, kOk));
  EXPECT_EQ(endpoint().idle_connections(), 0);
  pool_->Forget(endpoint());
}

TEST_F(Changes, AForgottenEndpointIsNotHeld) {
  Keep();
  const std::weak_ptr<Endpoint> known = endpoint_;
  pool_->Forget(endpoint());
  Turn();
  endpoint_ = nullptr;
  EXPECT_TRUE(known.expired());
  endpoint_ = registry_.Get("rooms", settings_.endpoints[0].address.literal());
}

// As a request does that fails over to an endpoint of a cluster that has gone.
TEST_F(Changes, AnEndpointThatIsTriedAfterItWasForgottenIsNotHeld) {
  endpoint().ChangeState(Endpoint::kDraining, 0);
  pool_->Forget(endpoint());
  Keep();
  EXPECT_EQ(endpoint().idle_connections(), 0);
  Turn();
  const std::weak_ptr<Endpoint> known = endpoint_;
  endpoint_ = nullptr;
  EXPECT_TRUE(known.expired());
  endpoint_ = registry_.Get("rooms", settings_.endpoints[0].address.literal());
}

}  // namespace
}  // namespace hawser::cluster::pool_test
