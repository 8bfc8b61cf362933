// Room for new connections: who is closed for them when the listener's connections or the process's
// descriptors run out, and that nobody waits for want of room while there is somebody to close.
#include <limits>
#include <string>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "gmock/gmock.h"
#include "tests/unit/http2/frames.h"
#include "tests/unit/server/listener_fixture.h"

namespace hawser::server {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

const std::string kGetSlow = "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n";

class RoomTest : public ListenerTest {
 protected:
  ~RoomTest() override { net::KeepDescriptors(std::numeric_limits<int>::max()); }

  Peer ConnectFrom(const char* from) {
    net::Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {}, .sin_zero = {}};
    inet_pton(AF_INET, from, &address.sin_addr);
    EXPECT_EQ(bind(socket.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    sockaddr_storage native;
    const socklen_t length = address_.ToNative(native);
    connect(socket.fd(), reinterpret_cast<sockaddr*>(&native), length);
    Peer peer(std::move(socket));
    Turn();
    return peer;
  }
  // A connection that is accepted, in a moment of its own.
  Peer Join() {
    Peer peer = Connect();
    Pass(10ms);
    return peer;
  }
  Peer JoinAnd(const std::string& text) {
    Peer peer = Join();
    peer.Send(text);
    Turn();
    Turn();
    return peer;
  }
  // So many more descriptors there are.
  static void LeaveDescriptors(int count) {
    const int lowest = dup(STDERR_FILENO);
    close(lowest);
    net::KeepDescriptors(lowest + count);
  }
  uint64_t evicted() {
    return Counted(Metric::kEvictedNoRequestBadStanding) + Counted(Metric::kEvictedNoRequest) +
           Counted(Metric::kEvictedIdle);
  }
};

// --- At the listener's cap ---

TEST_F(RoomTest, TheOldestThatSaysNothingMakesRoom) {
  Start("limits: { connections: 3 }");
  std::vector<Peer> silent;
  for (int i = 0; i < 5; ++i) silent.push_back(Join());
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(silent[i].ended(), i < 2) << i;
  EXPECT_EQ(Counted(Metric::kEvictedNoRequest), 2U);
  EXPECT_EQ(Counted(http::Reject::kListenerFull), 0U);
  EXPECT_EQ(Counted(Metric::kConnectionsOpen), 3U);
  silent[2].Send(kGetUp);
  Turn();
  EXPECT_THAT(silent[2].Heard(), EndsWith("up\n"));
}

TEST_F(RoomTest, WhoHasJustComeIsNotClosedForTheNext) {
  Start("limits: { connections: 40 }", "limits: { reserve: 0.1 }");
  std::vector<Peer> idle;
  for (int i = 0; i < 36; ++i) idle.push_back(JoinAnd(kGetUp));
  Peer first = Join();
  Peer second = Join();
  EXPECT_FALSE(first.ended());
  EXPECT_TRUE(idle[0].ended());
  EXPECT_EQ(Counted(Metric::kEvictedNoRequest), 0U);
  first.Send(kGetUp);
  Turn();
  EXPECT_THAT(first.Heard(), EndsWith("up\n"));
}

TEST_F(RoomTest, AFloodIsBlamedAndNewcomersAreNot) {
  Start("limits: { connections: 17 }");
  std::vector<Peer> silent;
  for (int i = 0; i < 18; ++i) silent.push_back(Join());
  EXPECT_EQ(Counted(Metric::kEvictedNoRequest), 1U);
  silent.push_back(Join());  // of the same address, which is in bad standing by now
  silent.push_back(Join());
  EXPECT_EQ(Counted(Metric::kEvictedNoRequestBadStanding), 1U);
}

TEST_F(RoomTest, HalfAHeadIsNoRequest) {
  Start("limits: { connections: 2 }");
  Peer half = JoinAnd("GET /up HTTP/1.1\r\nHost:");
  Peer busy = JoinAnd(kGetSlow);
  Peer newcomer = Join();
  EXPECT_TRUE(half.ended());
  EXPECT_EQ(half.Heard(), "");
  EXPECT_FALSE(busy.ended());
  EXPECT_FALSE(newcomer.ended());
}

TEST_F(RoomTest, WhoIsIdleGoesBehindTheSilentAndWhoIsBusyNever) {
  Start("limits: { connections: 4 }, timeouts: { request_headers: 60s }");
  Peer idle = JoinAnd(kGetUp);
  Peer idler = JoinAnd(kGetUp);
  Peer busy = JoinAnd(kGetSlow);
  Peer silent = Join();
  Pass(session::Evictions::kGrace + 1ms);
  Peer second = JoinAnd(kGetSlow);
  EXPECT_TRUE(silent.ended());
  EXPECT_FALSE(idle.ended());
  Peer third = JoinAnd(kGetSlow);
  EXPECT_TRUE(idle.ended());
  EXPECT_THAT(idle.Heard(), EndsWith("up\n")) << "its answer came whole before";
  EXPECT_FALSE(idler.ended());
  Peer fourth = JoinAnd(kGetSlow);
  EXPECT_TRUE(idler.ended());
  Peer fifth = Join();
  EXPECT_TRUE(fifth.ended()) << "all are busy";
  EXPECT_EQ(Counted(http::Reject::kListenerFull), 1U);
  for (Peer* peer : {&busy, &second, &third, &fourth}) EXPECT_FALSE(peer->ended());
  EXPECT_EQ(Counted(Metric::kEvictedNoRequest), 1U);
  EXPECT_EQ(Counted(Metric::kEvictedIdle), 2U);
}

TEST_F(RoomTest, BadStandingGoesFirstHoweverYoung) {
  Start("limits: { connections: 2 }");
  ConnectFrom("127.0.0.2").Close();  // led nowhere
  Turn();
  Peer good = Join();
  Peer bad = ConnectFrom("127.0.0.2");
  Peer newcomer = Join();
  EXPECT_TRUE(bad.ended());
  EXPECT_FALSE(good.ended());
  EXPECT_EQ(Counted(Metric::kEvictedNoRequestBadStanding), 1U);
}

TEST_F(RoomTest, ARequestThatWaitsInTheKernelIsServed) {
  Start("limits: { connections: 2 }");
  Peer gone = Join();
  Peer asks = Join();
  gone.Close();
  asks.Send(kGetSlow);
  Peer first = Connect();
  Peer second = Connect();
  listener_->OnReady({.readable = true});  // ahead of what the others have sent
  EXPECT_EQ(evicted(), 1U) << "one had gone by itself";
  EXPECT_TRUE(first.ended());
  EXPECT_FALSE(second.ended());
  EXPECT_FALSE(asks.ended());
  EXPECT_EQ(Counted(Metric::kRequests), 1U);
}

TEST_F(RoomTest, AnAnswerAheadOfTheEvictionComesWhole) {
  Start("limits: { connections: 1 }");
  Peer asks = Join();
  asks.Send(kGetUp);
  Peer newcomer = Connect();
  listener_->OnReady({.readable = true});
  EXPECT_THAT(asks.Heard(), EndsWith("up\n"));
  EXPECT_TRUE(asks.ended());
  EXPECT_EQ(Counted(Metric::kEvictedIdle), 1U);
  Turn();
  EXPECT_FALSE(newcomer.ended());
}

TEST_F(RoomTest, WhoIsOverItsOwnLimitTakesNobodysPlace) {
  Start("limits: { connections: 2, connections_per_ip: 2 }");
  Peer first = Join();
  Peer second = Join();
  Peer third = Join();
  EXPECT_TRUE(third.ended());
  EXPECT_FALSE(first.ended());
  EXPECT_EQ(evicted(), 0U);
  EXPECT_EQ(Counted(http::Reject::kTooManyConnections), 1U);
}

TEST_F(RoomTest, TheReserveIsKeptFree) {
  Start("limits: { connections: 40 }", "limits: { reserve: 0.1 }");
  std::vector<Peer> silent;
  for (int i = 0; i < 60; ++i) silent.push_back(Join());
  EXPECT_EQ(Counted(Metric::kConnectionsOpen), 36U);
  EXPECT_EQ(evicted(), 24U);
}

TEST_F(RoomTest, Http2SaysGoodbyeAndItsStreamsStay) {
  Start("limits: { connections: 3 }, http2: { prior_knowledge: true }");
  const std::string block = "\x82\x86" + http2::Literal(":path", "/slow") + http2::Literal(":authority", "a");
  Peer busy = JoinAnd(http2::Opening() + http2::Headers(1, block));
  Peer idle = JoinAnd(http2::Opening() + http2::Headers(1, "\x82\x86" + http2::Literal(":path", "/up") +
                                                               http2::Literal(":authority", "a")));
  Peer silent = JoinAnd(http2::Opening());
  Pass(session::Evictions::kGrace + 1ms);
  Peer second = JoinAnd(kGetSlow);
  const std::string goaway("\0\0\x8\x7", 4);
  EXPECT_THAT(silent.Heard(), HasSubstr(goaway));
  EXPECT_TRUE(silent.ended());
  EXPECT_FALSE(idle.ended());
  Peer third = JoinAnd(kGetSlow);
  EXPECT_TRUE(idle.ended());
  EXPECT_THAT(idle.Heard(), HasSubstr(goaway));
  Peer fourth = Join();
  EXPECT_TRUE(fourth.ended());
  EXPECT_FALSE(busy.ended());
  EXPECT_EQ(Counted(Metric::kEvictedNoRequest), 1U);
  EXPECT_EQ(Counted(Metric::kEvictedIdle), 1U);
  EXPECT_EQ(Counted(Metric::kHttp2ConnectionsOpen), 1U);
}

TEST_F(RoomTest, AnEvictionAndADeadlineInOneTurn) {
  Start("limits: { connections: 1 }, timeouts: { request_headers: 5s }");
  Peer silent = Join();
  Peer newcomer = Connect();
  Pass(5s);
  EXPECT_TRUE(silent.ended());
  EXPECT_FALSE(newcomer.ended());
  EXPECT_EQ(Counted(Metric::kConnectionsOpen), 1U);
}

TEST_F(RoomTest, ADrainClosesTheIdleItself) {
  Start("limits: { connections: 1 }");
  Peer silent = Join();
  sessions_.DrainAll({}, [] {});
  EXPECT_EQ(sessions_.Evict(std::nullopt, session::Sessions::Unread::kServed), std::nullopt);
}

// --- Deadlines ---

TEST_F(RoomTest, TheLessRoomTheLessTimeForAHead) {
  Start("limits: { connections: 4 }, timeouts: { request_headers: 10s, keep_alive: 20s }",
        "limits: { reserve: 0 }");
  Peer first = Join();
  Peer second = Join();
  Peer third = Join();
  Peer fourth = Join();
  Pass(900ms);
  EXPECT_FALSE(fourth.ended());
  Pass(200ms);
  EXPECT_TRUE(fourth.ended()) << "nothing was left: a second";
  EXPECT_FALSE(third.ended());
  Pass(4500ms);
  EXPECT_TRUE(third.ended()) << "a quarter was left: half of the time";
  EXPECT_FALSE(second.ended());
  Pass(4500ms);
  EXPECT_TRUE(second.ended());
  EXPECT_EQ(Counted(http::Reject::kRequestTimeout), 4U);
}

TEST_F(RoomTest, TheLessRoomTheLessTimeBetweenRequests) {
  Start("limits: { connections: 2 }, timeouts: { keep_alive: 20s }", "limits: { reserve: 0 }");
  Peer first = JoinAnd(kGetUp);
  Peer second = JoinAnd(kGetUp);
  Pass(2s);
  EXPECT_TRUE(second.ended()) << "nothing was left: a tenth";
  EXPECT_FALSE(first.ended()) << "half was left";
  first.Send(kGetUp);
  Turn();
  Pass(19s);
  EXPECT_FALSE(first.ended());
}

// --- Descriptors ---

TEST_F(RoomTest, BelowTheReserveTwoDescriptorsAreGivenBackForEachConnection) {
  Start("", "limits: { reserve: 0.5 }");
  std::vector<Peer> silent;
  for (int i = 0; i < 6; ++i) silent.push_back(Join());
  Pass(session::Evictions::kGrace + 1ms);
  Peer newcomer = Connect();
  LeaveDescriptors(3);
  Pass(10ms);
  EXPECT_EQ(evicted(), 2U) << "its own, and its backend's";
  EXPECT_TRUE(silent[0].ended());
  EXPECT_TRUE(silent[1].ended());
  EXPECT_FALSE(silent[2].ended());
  EXPECT_FALSE(newcomer.ended());
}

TEST_F(RoomTest, AcceptingDoesNotPauseWhileThereIsSomebodyToClose) {
  Start();
  Peer silent = Join();
  Peer newcomer = Connect();
  LeaveDescriptors(0);
  Turn();
  EXPECT_TRUE(silent.ended());
  EXPECT_FALSE(newcomer.ended());
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 2U);
  EXPECT_EQ(Counted(Metric::kAcceptNoDescriptor), 0U);
}

TEST_F(RoomTest, AcceptingGoesOnAfterEMFILE) {
  Start();
  std::vector<Peer> silent;
  for (int i = 0; i < 3; ++i) silent.push_back(Join());
  Peer newcomer = Connect();
  {
    const int lowest = dup(STDERR_FILENO);
    close(lowest);
    const Limit none(static_cast<rlim_t>(lowest));
    Turn();
  }
  EXPECT_EQ(evicted(), 1U);
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 4U);
  EXPECT_EQ(Counted(Metric::kAcceptNoDescriptor), 0U);
}

TEST_F(RoomTest, APauseEndsWhenSomebodyCanBeClosed) {
  Start();
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizers' own checks open pipes, and take memory for unreadable otherwise";
#endif
  Peer busy = JoinAnd(kGetSlow);
  Peer waits = Connect();
  const int lowest = dup(STDERR_FILENO);
  close(lowest);
  {
    const Limit none(static_cast<rlim_t>(lowest));
    Turn();
    EXPECT_EQ(Counted(Metric::kAcceptNoDescriptor), 1U);
    EXPECT_EQ(evicted(), 0U);
    busy.Close();
    Turn();
    Pass(100ms);
  }
  EXPECT_EQ(Counted(Metric::kConnectionsAccepted), 2U);
}

TEST_F(RoomTest, ABackendsDescriptorIsTakenFromTheIdleToo) {
  Start();
  Peer silent = Join();
  Peer asks = Join();
  asks.Send(kGetSlow);
  const int lowest = dup(STDERR_FILENO);
  close(lowest);
  {
    const Limit none(static_cast<rlim_t>(lowest));
    Turn();
  }
  EXPECT_TRUE(silent.ended());
  EXPECT_FALSE(asks.ended()) << asks.Heard();
  EXPECT_EQ(Counted(Metric::kBackendNoResources), 0U);
  EXPECT_EQ(snapshot_->clusters[0]->members()[0].endpoint->active(), 1);
}

}  // namespace
}  // namespace hawser::server
