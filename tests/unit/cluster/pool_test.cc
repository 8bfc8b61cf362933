// The pool of connections to backends over real sockets of this process: what is kept, for how long, what ends in the turn
// in which something else is due, and what an HTTP/2 backend that gives no streams costs.
#include "proxy/cluster/pool.h"

#include <sys/socket.h>

#include <string>

#include "gtest/gtest.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster {
namespace {

using namespace std::chrono_literals;
using State = Attempt::State;

struct Owner final : event::IoHandler {
  void OnReady(event::Ready) override { ++heard; }
  int heard = 0;
};

// The backend's end of a connection.
class Peer {
 public:
  Peer() = default;
  explicit Peer(int fd) : socket_(fd) {}
  void Send(std::string_view bytes) const {
    EXPECT_EQ(send(socket_.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(bytes.size()));
  }
  void Close() { socket_.Reset(); }
  // Whether the other end has closed it.
  bool ended() const {
    char bytes[4096];
    ssize_t got = 0;
    while ((got = recv(socket_.fd(), bytes, sizeof bytes, MSG_DONTWAIT)) > 0) {
    }
    return got == 0;
  }
  bool open() const { return socket_.open(); }

 private:
  net::Socket socket_;
};

class PoolTest : public testing::Test {
 protected:
  explicit PoolTest(config::BackendProtocol protocol = config::BackendProtocol::kHttp11)
      : listener_(net::Listen(Address("127.0.0.1:0"), {}).value()),
        loop_(std::move(event::Loop::Create()).value()) {
    settings_.name = "rooms";
    settings_.protocol = protocol;
    settings_.endpoints.push_back({.address = net::LocalAddress(listener_).value()});
    cluster_ = std::make_unique<Cluster>(settings_);
    pool_ = std::make_unique<Pool>(*loop_, buffers_);
  }
  ~PoolTest() override {
    pool_ = nullptr;
    Turn();
  }

  Endpoint& endpoint() { return *cluster_->endpoints()[0]; }
  void Turn() { loop_->RunOnce(0ms); }
  // Turns until the condition holds.
  template <typename Condition>
  bool Until(Condition condition) {
    for (const auto end = base::SteadyNow() + 10s; base::SteadyNow() < end; loop_->RunOnce(1ms)) {
      if (condition()) return true;
    }
    return condition();
  }
  // Without a turn of the loop: what becomes due meanwhile is all due in the next.
  static void PassTime(base::Duration time) {
    for (const auto end = base::SteadyNow() + time; base::SteadyNow() < end;) {
    }
  }
  Peer Accept() {
    int fd = -1;
    EXPECT_TRUE(Until([&] { return (fd = accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK)) >= 0; }));
    return Peer(fd);
  }
  bool contacted() {
    const net::Socket another(accept(listener_.fd(), nullptr, nullptr));
    return another.open();
  }
  std::unique_ptr<Attempt> Begin(Need need = {}) {
    return pool_->Begin(*cluster_, endpoint(), need, owner_, 1);
  }

  // A whole exchange; its connection is the pool's again.
  Peer Exchange(std::string_view response = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") {
    auto stream = Begin()->TakeStream();
    stream->Watch(&owner_, 1);
    const http::RequestHead head{.method = "GET", .target = "/", .authority = "a"};
    EXPECT_TRUE(stream->SendRequest(head, nullptr));
    EXPECT_TRUE(Until([&] { return stream->Write({}).state == net::IoState::kOk; }));
    Peer peer = Accept();
    peer.Send(response);
    http::ResponseHead answer;
    EXPECT_TRUE(Until([&] { return stream->ReadResponse(answer) == http::ClientStream::HeadState::kFinal; }));
    pool_->Return(*cluster_, endpoint(), std::move(stream));
    return peer;
  }

  config::Cluster settings_;
  net::Socket listener_;
  std::unique_ptr<event::Loop> loop_;
  net::BufferPool buffers_;
  std::unique_ptr<Cluster> cluster_;
  std::unique_ptr<Pool> pool_;
  Owner owner_;
};

TEST_F(PoolTest, AKeptConnectionMayEndInTheTurnInWhichItsTimerIsDue) {
  settings_.idle_connections.timeout = 1ms;
  Peer peer = Exchange();
  EXPECT_EQ(endpoint().idle_connections(), 1);
  peer.Close();
  PassTime(5ms);
  Turn();
  EXPECT_EQ(endpoint().idle_connections(), 0);
  Turn();
  EXPECT_TRUE(Begin()->opened());
}

TEST_F(PoolTest, AKeptConnectionMayBeTakenInTheTurnInWhichItsTimerIsDue) {
  settings_.idle_connections.timeout = 1ms;
  const Peer peer = Exchange();
  PassTime(5ms);
  const auto attempt = Begin();
  EXPECT_FALSE(attempt->opened());
  Turn();
  EXPECT_EQ(endpoint().idle_connections(), 0);
  EXPECT_FALSE(peer.ended());
}

TEST_F(PoolTest, WhatABackendSaysOfItsKeepAliveTimeBoundsTheIdleTime) {
  const Peer kept = Exchange("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=60\r\n\r\n");
  EXPECT_EQ(endpoint().idle_connections(), 1);
  const auto attempt = Begin();
  const Peer too_short = Exchange("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=1\r\n\r\n");
  EXPECT_EQ(endpoint().idle_connections(), 0);
  EXPECT_TRUE(Until([&] { return too_short.ended(); }));
}

TEST_F(PoolTest, AfterItsEndNothingIsKeptOrBegun) {
  auto attempt = Begin();
  auto stream = attempt->TakeStream();
  pool_->Abort();
  const auto late = Begin();
  EXPECT_EQ(late->state(), State::kFailed);
  EXPECT_EQ(late->error(), ConnectError::kShutDown);
  EXPECT_EQ(endpoint().connects(), 1u);
}

TEST_F(PoolTest, AnAttemptSaysWhyItsConnectionCouldNotBeBegun) {
  config::Cluster settings = settings_;
  settings.endpoints[0].address = Address("unix:/nowhere/hawser.sock");
  const Cluster nowhere(settings);
  const auto attempt = pool_->Begin(nowhere, *nowhere.endpoints()[0], {}, owner_, 1);
  EXPECT_EQ(attempt->error(), ConnectError::kFailed);
  EXPECT_EQ(attempt->error_text(), "No such file or directory");
}

class PoolHttp2 : public PoolTest {
 protected:
  PoolHttp2() : PoolTest(config::BackendProtocol::kHttp2) {}

  static std::string Frame(char type, char flags, std::string_view payload) {
    return std::string{'\0', '\0', static_cast<char>(payload.size()), type, flags, '\0', '\0', '\0', '\0'} +
           std::string(payload);
  }
  // SETTINGS with SETTINGS_MAX_CONCURRENT_STREAMS (RFC 9113 §6.5.2).
  static std::string MaxStreams(char streams) {
    return Frame(4, 0, std::string{'\0', '\3', '\0', '\0', '\0', streams});
  }
  static std::string GoAway() { return Frame(7, 0, std::string(8, '\0')); }
};

TEST_F(PoolHttp2, ABackendWithoutStreamsIsWaitedForOnOneConnection) {
  const auto first = Begin();
  const Peer peer = Accept();
  peer.Send(MaxStreams(0));
  ASSERT_TRUE(Until([&] { return endpoint().connecting() == 0; }));
  const auto second = Begin();
  for (int i = 0; i < 20; ++i) Turn();
  EXPECT_EQ(first->state(), State::kWaiting);
  EXPECT_EQ(second->state(), State::kWaiting);
  EXPECT_EQ(endpoint().connects(), 1u);
  peer.Send(MaxStreams(2));
  EXPECT_TRUE(Until([&] { return first->state() == State::kReady && second->state() == State::kReady; }));
  EXPECT_EQ(endpoint().connects(), 1u);
}

TEST_F(PoolHttp2, ABackendThatSendsAwayEveryNewConnectionIsAskedOncePerAttempt) {
  const auto attempt = Begin();
  const Peer peer = Accept();
  peer.Send(MaxStreams(1) + GoAway());
  EXPECT_TRUE(Until([&] { return attempt->state() == State::kFailed; }));
  EXPECT_EQ(attempt->error(), ConnectError::kFailed);
  EXPECT_EQ(endpoint().connects(), 1u);
}

TEST_F(PoolHttp2, AnAttemptIsNotSentToTheConnectionThatRefusedItBefore) {
  const auto first = Begin();
  const Peer peer = Accept();
  peer.Send(MaxStreams(100));
  ASSERT_TRUE(Until([&] { return first->state() == State::kReady; }));
  EXPECT_EQ(Begin()->state(), State::kReady);
  const auto other = Begin({.failed_on = first->connection()});
  EXPECT_EQ(other->state(), State::kWaiting);
  EXPECT_EQ(endpoint().connects(), 2u);
}

TEST_F(PoolHttp2, ThoseThatHaveLeftTakeNoRoomOnAConnectionBeingMade) {
  for (uint32_t i = 0; i < 2 * settings_.max_concurrent_streams; ++i) {
    EXPECT_EQ(Begin()->state(), State::kWaiting);
  }
  EXPECT_EQ(endpoint().connects(), 1u);
}

TEST_F(PoolHttp2, TheEndOfThePoolBeginsNoConnectionForThoseThatWait) {
  const auto waiting = Begin();
  const Peer connected = Accept();
  pool_->Abort();
  EXPECT_EQ(waiting->state(), State::kFailed);
  EXPECT_EQ(waiting->error(), ConnectError::kShutDown);
  EXPECT_EQ(endpoint().connects(), 1u);
  Turn();
}

TEST_F(PoolHttp2, ARefusalIsToldInTheSystemsWords) {
  listener_.Reset();
  const auto attempt = Begin();
  EXPECT_TRUE(Until([&] { return attempt->state() == State::kFailed; }));
  EXPECT_EQ(attempt->error(), ConnectError::kFailed);
  EXPECT_EQ(attempt->error_text(), "Connection refused");
  EXPECT_EQ(endpoint().connect_failures(), 1u);
}

}  // namespace
}  // namespace hawser::cluster
