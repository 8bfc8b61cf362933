#include "proxy/server/worker.h"

#include <chrono>
#include <future>
#include <set>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "tests/fakes/stepped_clock.h"
#include "tests/unit/server/fixture.h"

namespace hawser::server {
namespace {

using namespace std::chrono_literals;
using stats::Metric;
using testing::EndsWith;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

const std::string kHandshake =
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const std::string kSwitching =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";  // RFC 6455 §1.3

// A worker without its thread, whose loop the test turns.
class WorkerTest : public testing::Test {
 protected:
  void Make(const std::string& yaml) {
    snapshot_ = SnapshotOf(yaml);
    ASSERT_NE(snapshot_, nullptr);
    edge_ = std::make_unique<Edge>(*snapshot_);
    worker_ = std::make_unique<Worker>(std::move(event::Loop::Create(clock_.reader())).value(), snapshot_,
                                       stick_table_, via_);
    Listening listening = ListenAnywhere();
    address_ = listening.address;
    ASSERT_TRUE(worker_->AddListener(*edge_, 0, address_.ToString(), std::move(listening.socket)).ok());
  }

  void Turn() { worker_->loop().RunOnce(0ms); }
  void Pass(base::Duration time) {
    clock_.Advance(time + 1ms);
    Turn();
  }
  uint64_t Counted(Metric metric) { return TotalsOf(worker_->stats())[metric]; }
  void Drain(base::Duration window) {
    worker_->Drain(window, 1001, [this] { ++emptied_; });
  }

  // Tunnels to backends that this test plays.
  void MakeTunnels(int count, const std::string& settings = "") {
    backend_ = ListenAnywhere();
    Make(fmt::format("listeners: [ {{ name: main, address: 127.0.0.1:0 }} ]\n"
                     "routes: [ {{ match: {{}}, cluster: b }} ]\n"
                     "clusters: [ {{ name: b, endpoints: [ '{}' ] }} ]\n",
                     backend_.address.ToString()) +
         settings);
    for (int i = 0; i < count; ++i) {
      clients_.emplace_back(address_);
      clients_.back().Send(kHandshake);
      Turn();  // accepts
      Turn();  // reads, and connects
      net::SocketAddress peer;
      backends_.emplace_back(net::Accept(backend_.socket, peer));
      Turn();
      backends_.back().Send(kSwitching);
      Turn();
      EXPECT_THAT(clients_.back().Take(), StartsWith("HTTP/1.1 101 "));
    }
    EXPECT_EQ(Counted(Metric::kTunnelsOpen), static_cast<uint64_t>(count));
  }
  // Counts the clients that have received something since they opened: a close frame.
  int ClosedClients() {
    int closed = 0;
    for (Peer& client : clients_) closed += client.Heard().empty() ? 0 : 1;
    return closed;
  }

  fakes::SteppedClock clock_;
  const http::Via via_ = http::Via::Random();
  cluster::StickTable stick_table_{16, 1min};
  std::shared_ptr<const session::Snapshot> snapshot_;
  std::unique_ptr<Edge> edge_;
  std::unique_ptr<Worker> worker_;
  net::SocketAddress address_;
  Listening backend_;
  std::vector<Peer> clients_;
  std::vector<Peer> backends_;
  int emptied_ = 0;
};

TEST_F(WorkerTest, ServesWhatItsListenersAccept) {
  Make(AnswersUp());
  Peer client(address_);
  client.Send(kGetUp + kGetUp);  // a pipeline takes a turn for each request
  for (int i = 0; i < 3; ++i) Turn();
  EXPECT_THAT(client.Heard(), EndsWith("\r\n\r\nup\n"));
  EXPECT_EQ(Counted(Metric::kConnectionsOpen), 1U);
}

TEST_F(WorkerTest, ADrainClosesIdleConnectionsAndIsOverOnce) {
  Make(AnswersUp());
  Peer client(address_);
  client.Send(kGetUp);
  Turn();
  Turn();
  EXPECT_THAT(client.Take(), EndsWith("up\n"));
  Drain(0ms);
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(emptied_, 1);
  Pass(1s);
  EXPECT_EQ(emptied_, 1);
}

TEST_F(WorkerTest, ADrainAnswersWhatTheKernelHasQueued) {
  Make(AnswersUp());
  Peer client(address_);  // nobody has accepted it yet
  client.Send(kGetUp);
  Drain(0ms);
  Turn();
  EXPECT_THAT(client.Heard(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(emptied_, 0) << "the client may still be reading";
  client.Close();
  Turn();
  Pass(50ms);
  EXPECT_EQ(emptied_, 1);
  EXPECT_FALSE(net::Connect(address_).ok() && !Peer(address_).ended()) << "nobody listens any more";
}

TEST_F(WorkerTest, ADrainSpreadsTheEndsOfTunnelsOverItsWindow) {
  MakeTunnels(4);
  Drain(400ms);
  EXPECT_EQ(ClosedClients(), 0);
  for (int step = 1; step <= 8; ++step) {
    Pass(50ms);
    EXPECT_EQ(ClosedClients(), step / 2) << step;
  }
  EXPECT_EQ(emptied_, 0) << "their close handshakes are under way";
}

TEST_F(WorkerTest, TheLastTunnelsEndIsTheDrains) {
  MakeTunnels(1);
  Drain(0ms);
  EXPECT_EQ(ClosedClients(), 1);
  backends_[0].Close();
  clients_[0].Close();
  Turn();
  Pass(50ms);
  EXPECT_EQ(emptied_, 1);
  EXPECT_EQ(Counted(Metric::kTunnelsOpen), 0U);
}

TEST_F(WorkerTest, ATunnelsEndAndTheDrainsStepInOneTurn) {
  MakeTunnels(2);
  Drain(100ms);
  clients_[0].Close();
  backends_[0].Close();
  Pass(50ms);
  clients_[1].Close();
  backends_[1].Close();
  for (int i = 0; i < 4; ++i) Pass(50ms);
  EXPECT_EQ(emptied_, 1);
}

TEST_F(WorkerTest, ShowsItsTunnelsAFewAtATime) {
  MakeTunnels(5);
  std::set<std::string> shown;
  TunnelRows next = worker_->NextTunnels(2, true);
  EXPECT_THAT(next.rows, SizeIs(2));
  while (true) {
    for (const TunnelRow& row : next.rows) {
      EXPECT_TRUE(shown.insert(row.client).second);
      EXPECT_EQ(row.listener, "main");
      EXPECT_EQ(row.cluster, "b");
      EXPECT_EQ(row.endpoint, backend_.address.ToString());
      EXPECT_EQ(row.state, "open");
    }
    if (!next.more) break;
    next = worker_->NextTunnels(2, false);
  }
  EXPECT_THAT(shown, SizeIs(5));
}

TEST_F(WorkerTest, TakesTheNextSnapshotUnderItsConnectionsAndGivesTheLastOneBack) {
  Make(AnswersUp());
  Peer client(address_);
  client.Send(kGetUp);
  Turn();
  Turn();
  EXPECT_THAT(client.Take(), EndsWith("up\n"));
  const auto next = SnapshotOf(
      "listeners: [ { name: main, address: 127.0.0.1:0 } ]\n"
      "routes: [ { match: { path: /up }, direct_response: { status: 200, body: \"next\\n\" } } ]\n");
  const Replaced replaced = worker_->Apply(*edge_, {.snapshot = next, .addresses = {address_.ToString()}},
                                           std::vector<net::Socket>(1));
  EXPECT_EQ(replaced.snapshot, snapshot_);
  client.Send(kGetUp);
  Turn();
  Turn();
  EXPECT_THAT(client.Take(), EndsWith("next\n"));
  Peer other(address_);
  other.Send(kGetUp);
  Turn();
  Turn();
  EXPECT_THAT(other.Take(), EndsWith("next\n"));
}

TEST_F(WorkerTest, AnAddressThatGoesIsServedOutAndAnotherComes) {
  Make(AnswersUp());
  Peer waiting(address_);  // nobody has accepted it yet
  Listening listening = ListenAnywhere();
  std::vector<net::Socket> sockets;
  sockets.push_back(std::move(listening.socket));
  worker_->Apply(*edge_, {.snapshot = snapshot_, .addresses = {listening.address.ToString()}},
                 std::move(sockets));
  waiting.Send(kGetUp);
  Peer client(listening.address);
  client.Send(kGetUp);
  for (int i = 0; i < 3; ++i) Turn();
  EXPECT_THAT(waiting.Take(), EndsWith("up\n"));
  EXPECT_THAT(client.Take(), EndsWith("up\n"));
  EXPECT_FALSE(net::Connect(address_).ok() && !Peer(address_).ended()) << "nobody listens any more";
}

TEST_F(WorkerTest, ClustersComeWithASnapshotChangeByThemselvesAndGo) {
  MakeTunnels(1);
  const uint32_t id = snapshot_->clusters[0]->cluster()->id();
  const auto same = snapshot_->clusters[0];
  EXPECT_EQ(worker_->Update(same), same) << "what it had before";
  const auto without = SnapshotOf(AnswersUp());
  const Replaced replaced =
      worker_->Apply(*edge_, {.snapshot = without, .addresses = {address_.ToString()}, .gone_clusters = {id}},
                     std::vector<net::Socket>(1));
  ASSERT_THAT(replaced.clusters, SizeIs(1));
  EXPECT_EQ(worker_->Update(same), same) << "it is not taken any more";
}

TEST_F(WorkerTest, TunnelsOfAnEndpointThatLeavesAreDrainedUnlessItReturns) {
  MakeTunnels(2);
  const auto endpoint = snapshot_->clusters[0]->members()[0].endpoint;
  endpoint->ChangeState(cluster::Endpoint::kDraining, 0);
  worker_->Depart(
      {.kind = cluster::Departures::Order::Kind::kDrainTunnels, .endpoint = endpoint, .window = 100ms});
  Turn();
  Pass(50ms);
  EXPECT_EQ(ClosedClients(), 1);
  endpoint->ChangeState(0, cluster::Endpoint::kDraining);
  Pass(100ms);
  EXPECT_EQ(ClosedClients(), 1);
}

TEST_F(WorkerTest, AnEndpointThatIsUnhealthyIsNotSparedBecauseItHasReturned) {
  MakeTunnels(2);
  const auto endpoint = snapshot_->clusters[0]->members()[0].endpoint;
  endpoint->ChangeState(cluster::Endpoint::kDraining, 0);
  worker_->Depart(
      {.kind = cluster::Departures::Order::Kind::kDrainTunnels, .endpoint = endpoint, .window = 1s});
  Turn();
  endpoint->ChangeState(cluster::Endpoint::kCheckFailed | cluster::Endpoint::kTunnelsUnwanted,
                        cluster::Endpoint::kDraining);
  worker_->CloseUnhealthy(endpoint, 100ms);
  Turn();
  EXPECT_EQ(Counted(Metric::kDrainingForEndpoint), 2U);
  EXPECT_EQ(Counted(Metric::kDrainingForUnhealthy), 2U);
  Pass(100ms);
  EXPECT_EQ(ClosedClients(), 2);
}

TEST_F(WorkerTest, TunnelsOfAnUnhealthyEndpointAreSparedOnceTheyAreWanted) {
  MakeTunnels(2);
  const auto endpoint = snapshot_->clusters[0]->members()[0].endpoint;
  endpoint->ChangeState(cluster::Endpoint::kCheckFailed | cluster::Endpoint::kTunnelsUnwanted, 0);
  worker_->CloseUnhealthy(endpoint, 100ms);
  Turn();
  Pass(50ms);
  EXPECT_EQ(ClosedClients(), 1);
  endpoint->ChangeState(cluster::Endpoint::kPanic, 0);
  Pass(100ms);
  EXPECT_EQ(ClosedClients(), 1);
  EXPECT_EQ(Counted(Metric::kDrainingForUnhealthy), 1U) << "the one that is closing";
}

TEST_F(WorkerTest, TunnelsThatAForgottenEndpointStillHasAreEnded) {
  MakeTunnels(2);
  const auto endpoint = snapshot_->clusters[0]->members()[0].endpoint;
  endpoint->ChangeState(cluster::Endpoint::kDraining, 0);
  worker_->Depart({.kind = cluster::Departures::Order::Kind::kForget, .endpoint = endpoint});
  Turn();
  EXPECT_EQ(ClosedClients(), 2);
}

TEST_F(WorkerTest, CountsByListenerAndByRoute) {
  using stats::PartCount;
  MakeTunnels(2);
  const auto& listener = *snapshot_->listeners[0]->group;
  const auto& route = *snapshot_->routes[0]->route->group;
  EXPECT_EQ(listener.Sum(PartCount::kConnections), 2U);
  EXPECT_EQ(route.Sum(PartCount::kRequests), 2U);
  EXPECT_EQ(route.Sum(PartCount::kTunnels), 2U);
  worker_->AbortAll(http::Reject::kShutdown);
  EXPECT_EQ(route.Sum(PartCount::kRequests), 2U);
  EXPECT_EQ(route.Sum(PartCount::kTunnels), 0U);
}

TEST_F(WorkerTest, AnAbortEndsEverythingAtOnce) {
  MakeTunnels(2);
  Peer idle(address_);
  Turn();
  worker_->AbortAll(http::Reject::kShutdown);
  Turn();
  EXPECT_TRUE(idle.ended());
  for (Peer& client : clients_) EXPECT_TRUE(client.ended());
  for (Peer& backend : backends_) EXPECT_TRUE(backend.ended());
  EXPECT_EQ(Counted(Metric::kConnectionsOpen), 0U);
}

TEST_F(WorkerTest, AnAbortTellsClientsTheCodeOfTheDrain) {
  MakeTunnels(1, "drain: { code: 3001 }\n");
  worker_->AbortAll(http::Reject::kShutdown);
  Turn();
  EXPECT_THAT(clients_[0].Heard(), HasSubstr("\x0b\xb9"));
}

TEST_F(WorkerTest, ItsDestructionEndsEverything) {
  MakeTunnels(1);
  worker_.reset();
  EXPECT_TRUE(clients_[0].ended());
  EXPECT_TRUE(backends_[0].ended());
  EXPECT_TRUE(edge_->ip_table.Top(1).empty());
}

// The only test with a thread and the real clock.
TEST_F(WorkerTest, RunsOnAThreadOfItsOwnUntilItIsStopped) {
  Make(AnswersUp());
  ASSERT_TRUE(worker_->Start(0).ok());
  std::promise<void> emptied;
  worker_->loop().Post([&] { worker_->Drain(0ms, 1001, [&] { emptied.set_value(); }); });
  EXPECT_EQ(emptied.get_future().wait_for(30s), std::future_status::ready);
  worker_->Stop();
  worker_->Stop();
}

}  // namespace
}  // namespace hawser::server
