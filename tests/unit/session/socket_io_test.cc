#include "proxy/session/socket_io.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::session::socket_io_test {
namespace {

using namespace std::chrono_literals;
using cluster::AffinityResult;

const base::TimePoint kStart = base::TimePoint(1000s);

config::Cluster ClusterOf(const std::string& name, const std::string& address) {
  config::Cluster settings;
  settings.name = name;
  settings.endpoints = {{.address = net::SocketAddress::Parse(address).value()}};
  return settings;
}

// A route that leads to two clusters of one endpoint each.
class SocketIoSessionTest : public testing::Test {
 protected:
  SocketIoSessionTest() {
    for (const cluster::Cluster* each : {&rooms_, &games_}) clusters_.emplace_back(*each, 1);
  }

  static http::RequestHead Request(std::string_view target) {
    http::RequestHead head;
    head.method = "GET";
    head.target = target;
    return head;
  }
  // The answer of `endpoint` to the first poll.
  void Answer(std::string_view body, const cluster::Endpoint& endpoint, int status = 200) {
    SocketIoSession session(table_, Request("/socket.io/?EIO=4&transport=polling"));
    EXPECT_EQ(session.FindCluster(route_, clusters_, kStart), std::nullopt);
    EXPECT_EQ(session.lookup().result, AffinityResult::kSet);
    http::ResponseHead response;
    response.status = status;
    session.OnResponse(response);
    for (const char& byte : body) session.OnBody(std::as_bytes(std::span(&byte, 1)), endpoint, kStart);
  }

  cluster::StickTable table_{100, 1min};
  const config::Cluster rooms_settings_ = ClusterOf("rooms", "10.0.0.1:80");
  const config::Cluster games_settings_ = ClusterOf("games", "10.0.0.2:80");
  const cluster::Cluster rooms_{rooms_settings_};
  const cluster::Cluster games_{games_settings_};
  std::vector<cluster::WorkerCluster> clusters_;
  const config::Route settings_;
  const route::Route route_{.settings = settings_, .name = "all", .index = 0, .clusters = {{0, 1}, {1, 2}}};
};

TEST_F(SocketIoSessionTest, FollowsASessionToItsClusterAndEndpoint) {
  Answer(R"(0{"sid":"abc","upgrades":[]})", *games_.endpoints()[0]);
  SocketIoSession later(table_, Request("/socket.io/?EIO=4&sid=abc"));
  EXPECT_EQ(later.FindCluster(route_, clusters_, kStart), 1u);
  EXPECT_EQ(later.lookup().result, AffinityResult::kHit);
  EXPECT_EQ(later.lookup().endpoint, games_.endpoints()[0].get());
}

TEST_F(SocketIoSessionTest, LearnsNothingFromAFailure) {
  Answer(R"(0{"sid":"abc"})", *rooms_.endpoints()[0], 500);
  Answer("no packet", *rooms_.endpoints()[0]);
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(SocketIoSessionTest, DistinguishesAnUnknownSessionFromALostEndpoint) {
  SocketIoSession unknown(table_, Request("/?sid=abc"));
  EXPECT_EQ(unknown.FindCluster(route_, clusters_, kStart), std::nullopt);
  EXPECT_EQ(unknown.lookup().result, AffinityResult::kUnknown);
  table_.Learn("rooms", "abc", "10.0.0.99:80", kStart);
  SocketIoSession gone(table_, Request("/?sid=abc"));
  EXPECT_EQ(gone.FindCluster(route_, clusters_, kStart), 0u);
  EXPECT_EQ(gone.lookup().result, AffinityResult::kGone);
  EXPECT_EQ(gone.lookup().endpoint, nullptr);
}

TEST_F(SocketIoSessionTest, ARequestThatIsNoneOfSocketIosIsLeftAlone) {
  SocketIoSession plain(table_, Request("/style.css"));
  EXPECT_EQ(plain.FindCluster(route_, clusters_, kStart), std::nullopt);
  EXPECT_EQ(plain.lookup().result, AffinityResult::kNone);
}

}  // namespace
}  // namespace hawser::session::socket_io_test
