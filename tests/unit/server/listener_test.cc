#include "proxy/server/listener.h"

#include <chrono>
#include <limits>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "proxy/event/loop.h"
#include "proxy/session/offload.h"
#include "proxy/session/sessions.h"
#include "tests/fakes/stepped_clock.h"
#include "tests/unit/server/fixture.h"

namespace hawser::server {
namespace {

using namespace std::chrono_literals;
using stats::Metric;
using testing::EndsWith;
using testing::StartsWith;

// A listener of a worker that has no thread.
class ListenerTest : public testing::Test {
 protected:
  void Start(const std::string& listener = "", const std::string& top = "") {
    snapshot_ = SnapshotOf(AnswersUp(listener, top));
    ASSERT_NE(snapshot_, nullptr);
    edge_ = std::make_unique<Edge>(*snapshot_);
    backends_ =
        std::make_unique<session::Backends>(*loop_, buffers_, stick_table_, snapshot_, services_.random);
    Listening listening = ListenAnywhere();
    address_ = listening.address;
    listener_ = std::make_unique<Listener>(services_, *backends_, *edge_, snapshot_->listeners[0],
                                           std::move(listening.socket));
    ASSERT_TRUE(listener_->Start().ok());
  }
  ~ListenerTest() override {
    listener_.reset();
    sessions_.Abort(http::Reject::kShutdown);
    Turn();
    EXPECT_EQ(buffers_.in_use(), 0U);
    EXPECT_TRUE(edge_->ip_table.Top(1).empty()) << "no lease may outlive its connection";
  }

  void Turn() { loop_->RunOnce(0ms); }
  void Pass(base::Duration time) {
    clock_.Advance(time + 1ms);
    Turn();
  }
  uint64_t Counted(Metric metric) { return TotalsOf(stats_)[metric]; }
  uint64_t Counted(http::Reject reject) { return TotalsOf(stats_).rejects[static_cast<size_t>(reject)]; }
  Peer Connect() { return Peer(address_); }

  fakes::SteppedClock clock_;
  std::unique_ptr<event::Loop> loop_ = std::move(event::Loop::Create(clock_.reader())).value();
  net::BufferPool buffers_;
  stats::WorkerStats stats_;
  const http::Via via_ = http::Via::Random();
  cluster::StickTable stick_table_{16, 1min};
  session::Sessions sessions_{*loop_};
  session::WorkerServices services_{.loop = *loop_,
                                    .buffers = buffers_,
                                    .stats = stats_,
                                    .sessions = sessions_,
                                    .access_log = nullptr,
                                    .via = via_,
                                    .deflate{16, session::DeflateCountersOf(stats_)},
                                    .listener_ports = {"80"}};
  std::shared_ptr<const session::Snapshot> snapshot_;
  std::unique_ptr<session::Backends> backends_;
  std::unique_ptr<Edge> edge_;
  net::SocketAddress address_;
  std::unique_ptr<Listener> listener_;
};

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
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 7U) << "200 microseconds, and the one that goes over it";
  clock_.AdvanceWithEachRead(1s);
  Turn();
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 8U) << "at least one";
  clock_.AdvanceWithEachRead(0s);
  Turn();
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 12U);
}

TEST_F(ListenerTest, ClosesConnectionsAboveTheCapBeforeAnyWork) {
  Start("limits: { connections: 1 }");
  Peer first = Connect();
  Peer second = Connect();
  Turn();
  EXPECT_FALSE(first.ended());
  EXPECT_TRUE(second.ended());
  EXPECT_EQ(second.Heard(), "");
  EXPECT_EQ(Counted(http::Reject::kListenerFull), 1U);
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 1U);
  first.Close();
  Turn();
  Peer third = Connect();
  Turn();
  EXPECT_FALSE(third.ended());
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

class Limit {
 public:
  explicit Limit(rlim_t files) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit now{.rlim_cur = files, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &now);
  }
  ~Limit() { setrlimit(RLIMIT_NOFILE, &before_); }
  Limit(const Limit&) = delete;
  Limit& operator=(const Limit&) = delete;

 private:
  rlimit before_;
};

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
  Pass(100ms);
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 1U);
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
