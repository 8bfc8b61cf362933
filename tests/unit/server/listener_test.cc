#include "proxy/server/listener.h"

#include <limits>
#include <vector>

#include <unistd.h>

#include "gmock/gmock.h"
#include "tests/unit/server/listener_fixture.h"

namespace hawser::server {
namespace {

using testing::EndsWith;
using testing::StartsWith;

TEST_F(ListenerTest, AdmitsAndServesClients) {
  Start();
  Peer client = Connect();
  Turn();
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 1U);
  EXPECT_EQ(Counted(Metric::kConnectionsOpen), 1U);
  client.Send(kGetUp);
  Turn();
  EXPECT_THAT(client.Heard(), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(client.Heard(), EndsWith("\r\n\r\nup\n"));
  client.Close();
  Turn();
  EXPECT_EQ(Counted(Metric::kConnectionsOpen), 0U);
}

TEST_F(ListenerTest, AcceptsNoMoreThanItsShareInATurn) {
  Start();
  std::vector<Peer> clients;
  for (int i = 0; i < 70; ++i) clients.push_back(Connect());
  Turn();
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 64U);
  Turn();
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 70U);
}

TEST_F(ListenerTest, StopsAcceptingWhenItsTimeInATurnIsSpent) {
  Start();
  std::vector<Peer> clients;
  for (int i = 0; i < 12; ++i) clients.push_back(Connect());
  clock_.AdvanceWithEachRead(30us);  // an accept
  Turn();
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 4U) << "100 microseconds, and the one that goes over it";
  clock_.AdvanceWithEachRead(1s);
  Turn();
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 5U) << "at least one";
  clock_.AdvanceWithEachRead(0s);
  Turn();
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 12U);
}

TEST_F(ListenerTest, ClosesConnectionsAboveTheCapBeforeAnyWork) {
  Start("limits: { connections: 1 }");
  Peer first = ConnectBusy();
  Peer second = Connect();
  Turn();
  EXPECT_FALSE(first.ended());
  EXPECT_TRUE(second.ended());
  EXPECT_EQ(second.Heard(), "");
  EXPECT_EQ(Counted(http::Reject::kListenerFull), 1U);
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 1U);
}

TEST_F(ListenerTest, LimitsTheConnectionsOfAnAddress) {
  Start("limits: { connections_per_ip: 2 }");
  std::vector<Peer> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(Connect());
  Turn();
  EXPECT_EQ(Counted(http::Reject::kTooManyConnections), 1U);
  EXPECT_TRUE(clients[2].ended());
  clients[0].Close();
  Turn();
  clients.push_back(Connect());
  Turn();
  EXPECT_FALSE(clients[3].ended());
}

TEST_F(ListenerTest, LimitsTheConnectionRateOfAnAddress) {
  Start("limits: { connection_rate_per_ip: { rate: 1/s, burst: 1 } }");
  const auto connect = [this] {
    Peer client = Connect();
    Turn();
    const bool refused = client.ended();
    client.Close();
    Turn();
    return !refused;
  };
  EXPECT_TRUE(connect());
  EXPECT_FALSE(connect());
  clock_.Advance(1s);
  Turn();
  EXPECT_TRUE(connect());
  EXPECT_EQ(Counted(http::Reject::kConnectionRate), 1U);
}

TEST_F(ListenerTest, DoesNotLimitTrustedProxies) {
  Start("limits: { connections_per_ip: 1 }, trusted_proxies: [ 127.0.0.0/8 ]");
  std::vector<Peer> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(Connect());
  Turn();
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 3U);
  EXPECT_EQ(edge_->ip_table.size(), 0U);
}

TEST_F(ListenerTest, AnsweredRefusalsAreBoundedAndEndInTime) {
  Start("limits: { connections_per_ip: 1, over_limit: respond }, timeouts: { linger: 2s }",
        "limits: { answered_refusals: 1 }");
  Peer admitted = Connect();
  Peer answered = Connect();
  Peer closed = Connect();
  Turn();
  EXPECT_THAT(answered.Heard(), StartsWith("HTTP/1.1 429 "));
  EXPECT_TRUE(answered.ended()) << "hawser's side of it";
  EXPECT_EQ(closed.Heard(), "");
  EXPECT_TRUE(closed.ended());
  EXPECT_EQ(sessions_.budgets().refusals(), 1U);
  Pass(2s);
  EXPECT_EQ(sessions_.budgets().refusals(), 0U) << "a client that does not end is not waited for any longer";
  EXPECT_EQ(Counted(http::Reject::kTooManyConnections), 2U);
}

TEST_F(ListenerTest, ARefusedClientsEndAndItsTimeInOneTurn) {
  Start("limits: { connections_per_ip: 1, over_limit: respond }, timeouts: { linger: 2s }");
  Peer admitted = Connect();
  Peer answered = Connect();
  Turn();
  answered.End();
  Pass(2s);
  EXPECT_EQ(sessions_.budgets().refusals(), 0U);
  Turn();
}

TEST_F(ListenerTest, AClientsEndAndItsHeadsTimeInOneTurn) {
  Start("timeouts: { request_headers: 5s }");
  Peer client = Connect();
  Turn();
  client.Send("GET / HT");
  Turn();
  client.End();
  Pass(5s);
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(client.Heard(), "") << "its end came first";
  EXPECT_EQ(Counted(Metric::kConnectionsOpen), 0U);
}

TEST_F(ListenerTest, OneByteATurn) {
  Start("timeouts: { request_headers: 5s }");
  Peer client = Connect();
  for (const char byte : kGetUp) {
    client.Send({&byte, 1});
    Turn();
  }
  EXPECT_THAT(client.Heard(), EndsWith("\r\n\r\nup\n"));
}

// --- Descriptors ---

TEST_F(ListenerTest, PausesWhileThereAreNoDescriptorsInsteadOfSpinning) {
  Start();
  Peer first = Connect();
  Peer second = Connect();
  {
    const Limit none(0);
    Turn();
    EXPECT_EQ(Counted(Metric::kAcceptNoDescriptor), 1U);
    Turn();
    EXPECT_EQ(Counted(Metric::kAcceptNoDescriptor), 1U)
        << "the socket is not asked again before the pause is over";
    Pass(100ms);
    EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 0U);
  }
  Pass(100ms);
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 2U) << "nobody was lost meanwhile";
}

TEST_F(ListenerTest, DescriptorsThatAreKeptForOthersAreNotUsedForMore) {
  Start();
  Peer first = Connect();
  Peer second = Connect();
  const int lowest = dup(STDERR_FILENO);  // of those that are free
  close(lowest);
  net::KeepDescriptors(lowest);
  Turn();
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 1U) << "the one that showed it is served";
  first.Send(kGetUp);
  Turn();
  EXPECT_THAT(first.Heard(), EndsWith("up\n"));
  net::KeepDescriptors(std::numeric_limits<int>::max());
  Pass(100ms);
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 2U);
}

// --- The end ---

TEST_F(ListenerTest, TakesWhatIsQueuedBeforeItStops) {
  Start();
  std::vector<Peer> clients;
  for (int i = 0; i < 100; ++i) clients.push_back(Connect());
  listener_->Stop();
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 100U);
  listener_->Stop();
  clients[99].Send(kGetUp);
  Turn();
  EXPECT_THAT(clients[99].Heard(), EndsWith("up\n"));
}

TEST_F(ListenerTest, AStopAndTheEndOfItsPauseInOneTurn) {
  Start();
  Peer client = Connect();
  {
    const Limit none(0);
    Turn();
  }
  clock_.Advance(101ms);
  listener_->Stop();
  Turn();
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 1U);
  EXPECT_EQ(Counted(Metric::kAcceptOther), 0U) << "nothing is accepted from a closed socket";
}

}  // namespace
}  // namespace hawser::server
