// TLS handshakes of clients that wait for their turn, over sockets of this process: they leave the poll set,
// cost nothing while they wait, and end in every way without leaving something behind. In busy turns of a
// clock that stands still no step runs.
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <malloc.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "gmock/gmock.h"
#include "proxy/session/client_connection.h"
#include "tests/fakes/in_turn.h"
#include "tests/unit/session/worker_fixture.h"
#include "tests/unit/tls/fixture.h"

namespace hawser::session::client_handshake_test {
namespace {

using edge::Standing;
using http::Reject;
using stats::Metric;
using testing::StartsWith;

const std::shared_ptr<const tls::ServerContext>& Context() {
  static const tls::Directory directory;
  static const auto context = tls::ContextOf({.certificates = {directory.Ecdsa({"localhost"})}});
  return context;
}

void AnswersItself(config::Config& config) {
  config.routes[0].cluster.reset();
  config.routes[0].direct_response = config::DirectResponse{.status = 200, .body = "hello"};
}

// The events that epoll reports of `fd`, whichever instance watches it; none: it is watched by none.
std::optional<unsigned> Watched(int fd) {
  for (int epoll = 0; epoll < 64; ++epoll) {
    std::ifstream info("/proc/self/fdinfo/" + std::to_string(epoll));
    for (std::string line; std::getline(info, line);) {
      int watched = -1;
      unsigned events = 0;
      if (sscanf(line.c_str(), "tfd: %d events: %x", &watched, &events) == 2 && watched == fd) return events;
    }
  }
  return std::nullopt;
}

class ClientHandshake : public testing::Test, public WorkerFixture {
 protected:
  ClientHandshake() : WorkerFixture(1, AnswersItself) {
    ListenerRuntime with_tls = *listener();
    with_tls.tls = Context();
    listener_ = std::make_shared<const ListenerRuntime>(std::move(with_tls));
  }
  ~ClientHandshake() override { EndAll(); }

  // A client whose first flight has come.
  tls::Peer& Start(const tls::PeerOptions& options = {}) {
    clients_.push_back(std::make_unique<tls::Peer>(*net::Connect(here_.address), options));
    net::Socket socket;
    while (!socket.open()) socket = here_.Accept();
    server_fd_ = socket.fd();
    EdgeLeases leases;
    leases.ip = table_.Admit(0, client_ip_, {.connections = 100}, clock.now()).lease;
    ClientConnection::Start(services, *backends, listener_, std::move(socket),
                            net::SocketAddress(client_ip_, 1234), std::move(leases));
    clients_.back()->Handshake();
    clients_.back()->Flush();
    return *clients_.back();
  }
  tls::Peer& Park() {
    tls::Peer& client = Start();
    BusyTurn();
    BusyTurn();
    EXPECT_EQ(services.handshakes.parked(), 1U);
    return client;
  }

  void BusyTurn() {
    fakes::InTurn turn(*loop);
    turn.First([this] { loop->Spend(1); });
    Turn();
  }
  Standing StandingNow() {
    edge::IpTable::Lease lease = table_.Admit(0, client_ip_, {.connections = 100}, clock.now()).lease;
    const Standing standing = lease.standing();
    lease.Excuse();
    return standing;
  }
  void ExpectNothingLeft() {
    EXPECT_TRUE(sessions.empty());
    EXPECT_EQ(services.handshakes.parked(), 0U);
    for (const Metric gauge :
         {Metric::kTlsHandshakesParked, Metric::kTlsHandshakesOpen, Metric::kConnectionsOpen}) {
      EXPECT_EQ(Counted(gauge), 0U);
    }
    EXPECT_EQ(Watched(server_fd_), std::nullopt);
  }

  std::shared_ptr<const ListenerRuntime> listener_;
  int server_fd_ = -1;

 private:
  edge::IpTable table_{100};
  const net::IpAddress client_ip_ = net::IpAddress::Parse("192.0.2.1").value();
  const Port here_;
  std::vector<std::unique_ptr<tls::Peer>> clients_;
};

TEST_F(ClientHandshake, OneThatWaitsLeavesThePollSetAndHearsNothing) {
  tls::Peer& client = Start();
  BusyTurn();
  EXPECT_TRUE(Watched(server_fd_).value_or(0) & EPOLLIN) << "its turn may come at the end of this one";
  EXPECT_EQ(Counted(Metric::kTlsHandshakesParked), 0U);
  for (int i = 0; i < 3; ++i) {
    BusyTurn();
    EXPECT_EQ(Watched(server_fd_), unsigned{EPOLLERR | EPOLLHUP});
    EXPECT_EQ(Counted(Metric::kTlsHandshakesParked), 1U);
    EXPECT_EQ(Counted(Metric::kTlsHandshakesOpen), 1U);
  }
  EXPECT_EQ(client.Fill(), 0U);
  Turn();
  EXPECT_GT(client.Fill(), 0U);
  EXPECT_TRUE(Watched(server_fd_).value_or(0) & EPOLLIN);
  EXPECT_EQ(Counted(Metric::kTlsHandshakesParked), 0U);
}

TEST_F(ClientHandshake, EveryStepMayWaitAndTheRequestIsAnswered) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    tls::Peer& client = Start({.max_version = version});
    std::string answer;
    for (int i = 0; i < 20 && answer.empty(); ++i) {
      for (int busy = 0; busy < 3; ++busy) BusyTurn();
      Turn();
      client.Fill();
      if (client.Handshake()) {
        if (client.Write("GET / HTTP/1.1\r\nHost: a\r\n\r\n")) client.Flush();
        Turn();
        Turn();
        client.Fill();
        answer = client.Read();
      }
      client.Flush();
    }
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
    client.Reset();
    Turn();
    Turn();
    ExpectNothingLeft();
  }
  EXPECT_EQ(Counted(Metric::kTlsHandshakesOk), 2U);
  EXPECT_EQ(StandingNow(), Standing::kGood);
}

TEST_F(ClientHandshake, AResetIsHeardWhileItWaits) {
  tls::Peer& client = Park();
  client.Reset();
  BusyTurn();
  ExpectNothingLeft();
  EXPECT_EQ(Counted(Metric::kTlsHandshakesFailed), 1U);
  EXPECT_EQ(StandingNow(), Standing::kBad);
}

TEST_F(ClientHandshake, AClientThatHasLeftByItsTurnGetsNoAnswer) {
  tls::Peer& client = Park();
  client.Finish();
  BusyTurn();
  EXPECT_EQ(services.handshakes.parked(), 1U);
  Turn();
  ExpectNothingLeft();
  EXPECT_EQ(Counted(Metric::kTlsHandshakesFailed), 1U);
  EXPECT_EQ(client.Fill(), 0U) << "neither a flight nor an alert";
  EXPECT_TRUE(client.fin());
}

TEST_F(ClientHandshake, OneThatLeftBecauseItWaitedForTooLongIsExcused) {
  tls::Peer& client = Park();
  clock.Advance(HandshakeQueue::kPatience + 2ms);
  client.Finish();
  Turn();
  ExpectNothingLeft();
  EXPECT_EQ(StandingNow(), Standing::kGood);
}

TEST_F(ClientHandshake, TheDeadlineFromAcceptShedsOneThatWaitsAndExcusesIt) {
  Park();
  clock.Advance(listener_->settings.timeouts.tls_handshake + 2ms);
  BusyTurn();
  ExpectNothingLeft();
  EXPECT_EQ(Counted(Metric::kTlsHandshakesShedGood), 1U);
  EXPECT_EQ(Counted(Reject::kTlsTimeout), 1U);
  EXPECT_EQ(StandingNow(), Standing::kGood);
}

TEST_F(ClientHandshake, OneThatMakesRoomWhileItWaitsIsShed) {
  Park();
  EXPECT_EQ(sessions.Evict(std::nullopt, Sessions::Unread::kServed), Evictable::kNoRequest);
  Turn();
  ExpectNothingLeft();
  EXPECT_EQ(Counted(Metric::kTlsHandshakesShedGood), 1U);
}

TEST_F(ClientHandshake, HalfAHelloWaitsInTheKernel) {
  tls::Peer& client = Start();  // its hello is on its way; taken back here, and sent in parts
  char hello[4096];
  ssize_t size = -1;
  while (size < 0) size = recv(server_fd_, hello, sizeof hello, 0);
  const auto whole = static_cast<size_t>(size);
  client.SendRaw({hello, 4});
  const size_t before = mallinfo2().uordblks;
  Turn();
  client.SendRaw({hello + 4, whole - 5});
  for (int i = 0; i < 3; ++i) Turn();
  EXPECT_LT(mallinfo2().uordblks, before + 2048) << "no SSL object";
  pollfd server{.fd = server_fd_, .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&server, 1, 0), 0) << "it is not reported in every turn";
  client.SendRaw({hello + whole - 1, 1});
  Turn();
  EXPECT_GT(client.Fill(), 0U);
  int least = 0;
  socklen_t length = sizeof least;
  ASSERT_EQ(getsockopt(server_fd_, SOL_SOCKET, SO_RCVLOWAT, &least, &length), 0);
  EXPECT_EQ(least, 1);
}

TEST_F(ClientHandshake, AClientThatLeavesBehindHalfAHelloHasFailed) {
  tls::Peer& client = Start();
  char hello[4096];
  while (recv(server_fd_, hello, sizeof hello, 0) < 0) {
  }
  client.SendRaw({hello, 100});
  Turn();
  client.Finish();
  Turn();
  Turn();
  ExpectNothingLeft();
  EXPECT_EQ(Counted(Metric::kTlsHandshakesFailed), 1U);
}

TEST_F(ClientHandshake, AClientThatStallsIsNotShed) {
  Start();
  Turn();
  clock.Advance(listener_->settings.timeouts.tls_handshake + 2ms);
  BusyTurn();
  ExpectNothingLeft();
  EXPECT_EQ(Counted(Metric::kTlsHandshakesShedGood), 0U);
  EXPECT_EQ(Counted(Reject::kTlsTimeout), 1U);
  EXPECT_EQ(StandingNow(), Standing::kBad);
}

TEST_F(ClientHandshake, WhateverEndsOneThatWaitsLeavesNothing) {
  const std::vector<std::function<void()>> ends = {
      [this] { clock.Advance(1h); },
      [this] { sessions.DrainAll({}, [] {}); },
      [this] { sessions.Abort(Reject::kShutdown); },
  };
  for (const auto& end : ends) {
    for (const bool in_turn : {false, true}) {
      Park();
      fakes::InTurn turn(*loop);
      in_turn ? turn.First(end) : end();
      Turn();
      Turn();
      ExpectNothingLeft();
    }
  }
}

}  // namespace
}  // namespace hawser::session::client_handshake_test
