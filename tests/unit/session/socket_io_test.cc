#include "proxy/session/socket_io.h"

#include <functional>
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
    auto snapshot = std::make_shared<Snapshot>();
    for (const config::Cluster& each :
         {ClusterOf("rooms", "10.0.0.1:80"), ClusterOf("games", "10.0.0.2:80")}) {
      const base::Name name = names_.Intern(each.name);
      snapshot->clusters.Add(name,
                             cluster::MakeMembership(std::make_shared<const cluster::Cluster>(each, name),
                                                     cluster::TargetsOf(each), endpoints_));
    }
    rooms_ = snapshot->clusters[0]->members()[0].endpoint;
    games_ = snapshot->clusters[1]->members()[0].endpoint;
    backends_ = std::make_unique<Backends>(*loop_, buffers_, stats_, table_, std::move(snapshot), random_);
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
    EXPECT_FALSE(session.FindCluster(route_, *backends_, kStart));
    EXPECT_EQ(session.lookup().result, AffinityResult::kSet);
    http::ResponseHead response;
    response.status = status;
    session.OnResponse(response);
    for (const char& byte : body) session.OnBody(std::as_bytes(std::span(&byte, 1)), endpoint, kStart);
  }

  cluster::StickTable table_{100, 1min};
  base::NameTable names_;
  cluster::EndpointRegistry endpoints_;
  std::shared_ptr<cluster::Endpoint> rooms_;
  std::shared_ptr<cluster::Endpoint> games_;
  const std::unique_ptr<event::Loop> loop_ = event::Loop::Create().value();
  net::BufferPool buffers_;
  std::mt19937_64 random_;
  stats::WorkerStats stats_;
  std::unique_ptr<Backends> backends_;
  const base::Name rooms_name_ = names_.Intern("rooms");
  const base::Name games_name_ = names_.Intern("games");
  const route::Route route_{.settings = {},
                            .name = {},
                            .clusters = {{names_.Intern("gone"), 1}, {rooms_name_, 2}, {games_name_, 3}}};
};

TEST_F(SocketIoSessionTest, FollowsASessionToItsClusterAndEndpoint) {
  Answer(R"(0{"sid":"abc","upgrades":[]})", *games_);
  SocketIoSession later(table_, Request("/socket.io/?EIO=4&sid=abc"));
  EXPECT_EQ(later.FindCluster(route_, *backends_, kStart), games_name_);
  EXPECT_EQ(later.lookup().result, AffinityResult::kHit);
  EXPECT_EQ(later.lookup().endpoint, games_.get());
}

TEST_F(SocketIoSessionTest, LearnsNothingFromAFailure) {
  Answer(R"(0{"sid":"abc"})", *rooms_, 500);
  Answer("no packet", *rooms_);
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(SocketIoSessionTest, DistinguishesAnUnknownSessionFromALostEndpoint) {
  SocketIoSession unknown(table_, Request("/?sid=abc"));
  EXPECT_FALSE(unknown.FindCluster(route_, *backends_, kStart));
  EXPECT_EQ(unknown.lookup().result, AffinityResult::kUnknown);
  table_.Learn("rooms", "abc", "10.0.0.99:80", kStart);
  SocketIoSession gone(table_, Request("/?sid=abc"));
  EXPECT_EQ(gone.FindCluster(route_, *backends_, kStart), rooms_name_);
  EXPECT_EQ(gone.lookup().result, AffinityResult::kGone);
  EXPECT_EQ(gone.lookup().endpoint, nullptr);
}

TEST_F(SocketIoSessionTest, ARequestThatIsNoneOfSocketIosIsLeftAlone) {
  SocketIoSession plain(table_, Request("/style.css"));
  EXPECT_FALSE(plain.FindCluster(route_, *backends_, kStart));
  EXPECT_EQ(plain.lookup().result, AffinityResult::kNone);
}

}  // namespace
}  // namespace hawser::session::socket_io_test
