// The checks of all clusters over real sockets and a stepped clock: what is checked, what comes of the
// results, and what is left when a cluster goes.
#include "proxy/server/health_checks.h"

#include <optional>
#include <string>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "tests/fakes/stepped_clock.h"
#include "tests/unit/server/fixture.h"

namespace hawser::server::health_checks_test {
namespace {

using namespace std::chrono_literals;
using cluster::CheckKind;
using testing::ElementsAre;
using testing::StartsWith;
using Result = cluster::CheckResult::Kind;

class HealthChecksTest : public testing::Test {
 protected:
  ~HealthChecksTest() override {
    checks_.reset();
    pool_.Abort();
    loop_->RunOnce(0ms);
    EXPECT_EQ(buffers_.in_use(), 0u);
  }

  static std::string Yaml(const std::string& clusters) {
    return "listeners: [ { name: main, address: 127.0.0.1:0 } ]\n"
           "routes: [ { match: { path: /up }, direct_response: { status: 200 } } ]\nclusters: [ " +
           clusters + " ]\n";
  }
  std::string Rooms(const std::string& more = "") {
    return fmt::format(
        "{{ name: rooms, endpoints: [ '{}' ], draining: {{ window: 7s }}, health_checks: [ {{ http: {{ path: "
        "/healthz }}, "
        "unhealthy_threshold: 1, interval: 10s{} }} ] }}",
        backend_.address.ToString(), more);
  }
  void Apply(const std::string& clusters) {
    snapshot_ = SnapshotOf(Yaml(clusters));
    checks_->Apply(snapshot_->clusters);
  }
  cluster::Endpoint& endpoint() { return *snapshot_->clusters[0]->members()[0].endpoint; }
  bool failed() { return (endpoint().state() & cluster::Endpoint::kCheckFailed) != 0; }

  void Turn() {
    for (int i = 0; i < 5; ++i) loop_->RunOnce(0ms);
  }
  void Pass(base::Duration time) {
    clock_.Advance(time + 1ms);
    Turn();
  }
  // What a check has connected.
  std::optional<Peer> Accept() {
    net::SocketAddress from;
    net::Socket socket = net::Accept(backend_.socket, from);
    if (!socket.open()) return std::nullopt;
    return Peer(std::move(socket));
  }

  fakes::SteppedClock clock_;
  net::BufferPool buffers_;
  const std::unique_ptr<event::Loop> loop_ = event::Loop::Create(clock_.reader()).value();
  cluster::Pool pool_{*loop_, buffers_};
  Listening backend_ = ListenAnywhere();
  std::vector<std::string> closed_;
  std::optional<HealthChecks> checks_{
      std::in_place, *loop_, pool_,
      [this](const std::shared_ptr<cluster::Endpoint>& endpoint, base::Duration window) {
        closed_.push_back(fmt::format("{} over {} ms", endpoint->name(), window.count()));
      }};
  std::shared_ptr<const session::Snapshot> snapshot_;
};

TEST_F(HealthChecksTest, AskAndCountAndTellTheEndpoint) {
  Apply(Rooms());
  Pass(10s);
  auto peer = Accept();
  ASSERT_TRUE(peer);
  EXPECT_THAT(peer->Heard(), StartsWith("GET /healthz HTTP/1.1\r\n"));
  EXPECT_EQ(checks_->under_way(), 1u);
  peer->Send("HTTP/1.1 204 No Content\r\n\r\n");
  Turn();
  EXPECT_EQ(checks_->under_way(), 0u);
  EXPECT_EQ(checks_->count(CheckKind::kHttp, Result::kPassed), 1u);
  Pass(11s);
  EXPECT_FALSE(Accept()) << "the connection is kept";
  peer->Send("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n");
  Turn();
  EXPECT_EQ(checks_->count(CheckKind::kHttp, Result::kFailed), 1u);
  EXPECT_TRUE(failed());
  EXPECT_THAT(closed_, ElementsAre());
}

TEST_F(HealthChecksTest, ACheckThatHasFailedIsFollowedByANewConnection) {
  Apply("{ name: rooms, protocol: h2, endpoints: [ '" + backend_.address.ToString() +
        "' ], health_checks: [ { http: { path: /healthz }, interval: 10s, unhealthy_interval: 10s, timeout: "
        "1s } ] }");
  Pass(10s);
  auto peer = Accept();
  ASSERT_TRUE(peer);
  peer->Send(std::string("\0\0\0\4\0\0\0\0\0", 9));  // SETTINGS, and then no word
  Turn();
  Pass(1s);
  EXPECT_EQ(checks_->count(CheckKind::kHttp, Result::kFailed), 1u);
  Pass(11s);
  EXPECT_TRUE(Accept()) << "the old connection may be dead";
}

TEST_F(HealthChecksTest, TunnelsAreClosedOverTheClustersWindow) {
  Apply(Rooms(", on_unhealthy: close"));
  Pass(10s);
  Accept();  // and ends it
  Turn();
  EXPECT_TRUE(failed());
  EXPECT_THAT(closed_, ElementsAre(backend_.address.ToString() + " over 7000 ms"));
}

TEST_F(HealthChecksTest, NothingIsLeftOfAClusterThatGoes) {
  Apply(Rooms());
  Pass(10s);
  auto peer = Accept();
  ASSERT_TRUE(peer);
  Apply("{ name: other, endpoints: [ '127.0.0.1:1' ] }");
  Turn();
  peer->Heard();
  EXPECT_TRUE(peer->ended());
  EXPECT_EQ(checks_->under_way(), 0u);
  Pass(60s);
  EXPECT_FALSE(Accept());
}

TEST_F(HealthChecksTest, WhoHasLeftIsCheckedWhileCookiesLeadThere) {
  Apply(Rooms());
  const auto membership = snapshot_->clusters[0];
  const cluster::Membership empty(membership->cluster(), membership->health(), {});
  checks_->Update(*empty.WithLeaving({membership->members()[0].endpoint}));
  Pass(10s);
  EXPECT_TRUE(Accept());
  checks_->Update(empty);
  Pass(60s);
  EXPECT_FALSE(Accept());
}

TEST_F(HealthChecksTest, MayEndAmidChecks) {
  Apply(Rooms());
  Pass(10s);
  EXPECT_EQ(checks_->under_way(), 1u);
}

}  // namespace
}  // namespace hawser::server::health_checks_test
