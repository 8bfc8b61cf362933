// `affinity: socket.io`: every request of a Socket.IO session reaches the backend that began it, with no
// cookie at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

const std::string kPoll = "/socket.io/?EIO=4&transport=polling";

std::string OpenPacket(const std::string& session) {
  return R"(0{"sid":")" + session + R"(","upgrades":["websocket"],"pingInterval":25000,"pingTimeout":20000})";
}
std::string LastAnswer(const std::string& body, const Fields& more = {}) {
  Fields fields = more;
  fields.emplace_back("Connection", "close");
  return Response("200 OK", body, fields);
}
std::string PollOf(const std::string& session) {
  return kPoll + "&sid=" + session;
}

// Three backends that the test speaks for, in round robin.
class SocketIoTest : public testing::Test {
 protected:
  Config Follows() {
    Config config{.route = {"affinity: socket.io"}, .concurrency = 2};
    for (const FakeBackend& backend : backends_) config.endpoints.push_back(backend.address());
    return config;
  }
  HawserProcess& Start(const Config& config) { return hawser_.emplace(config.Yaml(), config.concurrency); }

  // Where the request that was just sent has gone.
  size_t Reached() {
    size_t reached = backends_.size();
    EXPECT_TRUE(Eventually([&] {
      for (reached = 0; reached < backends_.size() && !backends_[reached].contacted();) ++reached;
      return reached < backends_.size();
    }));
    return reached;
  }
  // Sends one request on its own connection; returns the backend that answers it.
  size_t Ask(const std::string& target, const std::string& answer = LastAnswer("2")) {
    Wire client = Wire::Connect(hawser_->listener());
    client.Send(PlainGet(target));
    const size_t reached = Reached();
    Wire backend = backends_.at(reached).Accept();
    ReadHead(backend);
    backend.Send(answer);
    ReadBody(client, ReadHead(client));
    return reached;
  }
  size_t Begin(const std::string& session) { return Ask(kPoll, LastAnswer(OpenPacket(session))); }
  size_t Upgrade(const std::string& session) {
    Wire client = Wire::Connect(hawser_->listener());
    client.Send(Request{.target = "/socket.io/?EIO=4&transport=websocket&sid=" + session}.Text());
    const size_t reached = Reached();
    Wire backend = backends_.at(reached).Accept();
    backend.Send(SwitchingProtocols(ReadHead(backend)));
    EXPECT_EQ(ReadHead(client).status(), 101);
    return reached;
  }
  testing::AssertionResult ResultsAre(double count, const std::string& result) {
    return hawser_->MetricIs("hawser_affinity_total", count, {"result=\"" + result + "\""});
  }

  std::array<FakeBackend, 3> backends_;
  std::optional<HawserProcess> hawser_;
};

TEST_F(SocketIoTest, EveryRequestOfASessionReachesTheBackendThatBeganIt) {
  Start(Follows());
  for (int i = 0; i < 6; ++i) {
    const std::string session = "session-" + std::to_string(i);
    const size_t home = Begin(session);
    for (int poll = 0; poll < 4; ++poll) EXPECT_EQ(Ask(PollOf(session)), home);
    EXPECT_EQ(Upgrade(session), home);
  }
  EXPECT_TRUE(ResultsAre(6, "set"));
  EXPECT_TRUE(ResultsAre(30, "hit"));
}

TEST_F(SocketIoTest, SessionsOfAllBackendsAreFollowedSideBySide) {
  Start(Follows());
  std::array<size_t, 6> homes{};
  for (size_t i = 0; i < homes.size(); ++i) homes[i] = Begin("s" + std::to_string(i));
  for (size_t i = 0; i < homes.size(); ++i) EXPECT_EQ(Ask(PollOf("s" + std::to_string(i))), homes[i]);
  EXPECT_THAT(homes, testing::IsSupersetOf({0u, 1u, 2u}));
  EXPECT_TRUE(hawser_->MetricIs("hawser_socket_io_sessions", 6));
}

TEST_F(SocketIoTest, TheOpenPacketMayComeInPiecesAndIsNotHeld) {
  Start(Follows());
  Wire client = Wire::Connect(hawser_->listener());
  client.Send(PlainGet(kPoll));
  const size_t home = Reached();
  Wire backend = backends_[home].Accept();
  ReadHead(backend);
  backend.Send("HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
  const Head head = ReadHead(client);
  const std::string packet = OpenPacket("in-pieces");
  for (const char c : packet) {
    backend.Send(std::string("1\r\n") + c + "\r\n");
    EXPECT_EQ(client.ReadThrough(std::string(1, c) + "\r\n"), std::string("1\r\n") + c + "\r\n");
  }
  backend.Send("0\r\n\r\n");
  EXPECT_EQ(client.ReadThrough("0\r\n\r\n"), "0\r\n\r\n");
  EXPECT_EQ(Ask(PollOf("in-pieces")), home);
  EXPECT_EQ(Ask(PollOf("in-pieces")), home);
}

TEST_F(SocketIoTest, ASessionThatIsNotKnownIsLeftToThePolicy) {
  Start(Follows());
  std::array<int, 3> reached{};
  for (int i = 0; i < 12; ++i) ++reached[Ask(PollOf("made-up"))];
  EXPECT_THAT(reached, testing::Each(testing::Gt(0)));
  EXPECT_TRUE(ResultsAre(12, "unknown"));
}

TEST_F(SocketIoTest, OnlyAnOpenPacketBeginsASession) {
  Start(Follows());
  const std::string packet = OpenPacket("never");
  Ask(kPoll, Response("400 Bad Request", packet, {{"Connection", "close"}}));
  Ask(kPoll, LastAnswer("4" + packet));
  Ask(kPoll, LastAnswer(packet, {{"Content-Encoding", "gzip"}}));
  Ask("/socket.io/?transport=polling", LastAnswer(packet));
  Ask(PollOf("other"), LastAnswer(packet));
  EXPECT_TRUE(hawser_->MetricIs("hawser_socket_io_sessions", 0));
  Begin("at-last");
  EXPECT_TRUE(hawser_->MetricIs("hawser_socket_io_sessions", 1));
}

TEST_F(SocketIoTest, ADeadBackendsSessionsFallBackToThePolicy) {
  Start(Follows());
  const size_t home = Begin("orphan");
  backends_[home].Stop();
  EXPECT_NE(Ask(PollOf("orphan")), home);
}

TEST_F(SocketIoTest, AFullTableEvictsTheLeastRecentlyUsedSession) {
  Config config = Follows();
  config.top = {"limits: { socket_io_sessions: 2 }"};
  Start(config);
  for (const std::string session : {"one", "two", "three"}) Begin(session);
  Ask(PollOf("one"));
  Ask(PollOf("two"));
  Ask(PollOf("three"));
  EXPECT_TRUE(ResultsAre(1, "unknown"));
  EXPECT_TRUE(ResultsAre(2, "hit"));
  EXPECT_TRUE(hawser_->MetricIs("hawser_socket_io_sessions", 2));
  EXPECT_TRUE(hawser_->MetricIs("hawser_socket_io_evictions_total", 1));
}

TEST_F(SocketIoTest, WithoutTheOptionNothingIsLearned) {
  Config config = Follows();
  config.route.clear();
  Start(config);
  std::array<int, 3> reached{};
  ++reached[Begin("session")];
  for (int i = 0; i < 8; ++i) ++reached[Ask(PollOf("session"))];
  EXPECT_THAT(reached, testing::Each(testing::Gt(0)));
  EXPECT_TRUE(hawser_->MetricIs("hawser_socket_io_sessions", 0));
}

TEST_F(SocketIoTest, TheCookieGoesAlongWithTheSession) {
  Config config = Follows();
  config.cluster = {"affinity: { cookie: { name: moor, keys: [ 0123456789abcdef0123456789abcdef ] } }"};
  Start(config);
  Wire client = Wire::Connect(hawser_->listener());
  client.Send(PlainGet(kPoll));
  const size_t home = Reached();
  Wire backend = backends_[home].Accept();
  ReadHead(backend);
  backend.Send(LastAnswer(OpenPacket("both")));
  const Head head = ReadHead(client);
  EXPECT_THAT(head.Value("Set-Cookie"), testing::HasSubstr("moor="));
  EXPECT_EQ(ReadBody(client, head), OpenPacket("both"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Ask(PollOf("both")), home);
}

// The share of each cluster concerns new sessions: those that have begun stay in theirs.
TEST_F(SocketIoTest, ASessionStaysInItsClusterOfSeveral) {
  const std::string yaml = R"(
admin: { address: "127.0.0.1:0" }
listeners: [ { name: main, address: "127.0.0.1:0" } ]
routes:
  - match: { path_prefix: / }
    weighted_clusters: [ { name: one, weight: 1 }, { name: two, weight: 1 } ]
    affinity: socket.io
clusters:
  - { name: one, endpoints: [ "ONE" ] }
  - { name: two, endpoints: [ "TWO" ] }
)";
  std::string filled = yaml;
  filled.replace(filled.find("ONE"), 3, backends_[0].address());
  filled.replace(filled.find("TWO"), 3, backends_[1].address());
  hawser_.emplace(filled, 2);
  for (int i = 0; i < 4; ++i) {
    const std::string session = "s" + std::to_string(i);
    const size_t home = Begin(session);
    for (int poll = 0; poll < 8; ++poll) EXPECT_EQ(Ask(PollOf(session)), home);
  }
}

}  // namespace
}  // namespace hawser::integration
