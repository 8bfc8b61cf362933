#include "proxy/net/tcp_state.h"

#include <sys/socket.h>

#include <functional>
#include <string>
#include <thread>

#include "gtest/gtest.h"
#include "proxy/net/socket.h"
#include "tests/fakes/silent_host.h"

namespace hawser::net {
namespace {

using base::Duration;

constexpr Duration kMinute{60'000};

TEST(SilenceOf, IsNoneWhereNothingIsUnderWay) {
  EXPECT_EQ(SilenceOf({.since_sent = kMinute, .since_acknowledged = kMinute, .since_received = kMinute}),
            std::nullopt);
}

TEST(SilenceOf, CountsFromTheLastSegmentOfTheHost) {
  const TcpState lost{.unacknowledged = 1,
                      .since_sent = Duration(20'000),
                      .since_acknowledged = kMinute,
                      .since_received = 2 * kMinute};
  EXPECT_EQ(SilenceOf(lost), kMinute);
  TcpState talks = lost;
  talks.since_received = Duration(5);
  EXPECT_EQ(SilenceOf(talks), Duration(5));
}

TEST(SilenceOf, IsZeroForAHostThatHasAnsweredWhatItWasSentLast) {
  // Sent again every two minutes, and answered each time, though the window stays closed.
  EXPECT_EQ(SilenceOf({.unacknowledged = 1,
                       .since_sent = Duration(90'050),
                       .since_acknowledged = Duration(90'000),
                       .since_received = 2 * kMinute}),
            Duration(0));
  EXPECT_EQ(SilenceOf({.not_sent = 4096,
                       .window_probes = 0,
                       .since_sent = 2 * kMinute,
                       .since_acknowledged = Duration(90'000),
                       .since_received = 2 * kMinute}),
            Duration(0));
}

TEST(SilenceOf, LeavesTimeForTheAnswerToWhatHasJustBeenSent) {
  TcpState asked{.unacknowledged = 1,
                 .since_sent = Duration(5),
                 .since_acknowledged = kMinute,
                 .since_received = kMinute};
  EXPECT_EQ(SilenceOf(asked), Duration(0));
  asked.since_sent = Duration(1000);
  EXPECT_EQ(SilenceOf(asked), kMinute);
  TcpState probed{
      .not_sent = 1, .window_probes = 1, .since_acknowledged = kMinute, .since_received = kMinute};
  EXPECT_EQ(SilenceOf(probed), Duration(0)) << "the probe may have left just now";
  probed.window_probes = 2;
  EXPECT_EQ(SilenceOf(probed), kMinute);
}

// Two ends of a connection over loopback.
struct Connection {
  Connection() {
    Socket listening = *Listen(*SocketAddress::Parse("127.0.0.1:0"), {});
    near = *Connect(*LocalAddress(listening));
    SocketAddress peer;
    while (!far.open()) far = Accept(listening, peer);
  }
  // What waits on the near side until `condition` holds of it, looked at again and again.
  bool Until(const std::function<bool(const TcpState&)>& condition) const {
    const auto give_up = base::SteadyNow() + std::chrono::seconds(30);
    while (base::SteadyNow() < give_up) {
      if (const auto state = AskTcp(near.fd()); state && condition(*state)) return true;
      std::this_thread::yield();
    }
    return false;
  }

  Socket near;
  Socket far;
};

TEST(AskTcp, KnowsWhenEverythingHasArrived) {
  const Connection connection;
  ASSERT_EQ(send(connection.near.fd(), "hello", 5, 0), 5);
  EXPECT_TRUE(connection.Until([](const TcpState& state) { return !state.under_way(); }));
}

TEST(AskTcp, KnowsWhetherThePeerHasLeft) {
  for (const bool reset : {false, true}) {
    Connection connection;
    ASSERT_EQ(send(connection.far.fd(), "hello", 5, 0), 5);
    EXPECT_TRUE(connection.Until([](const TcpState& state) { return !state.peer_left; }));
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    if (reset) setsockopt(connection.far.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    connection.far.Reset();
    EXPECT_TRUE(connection.Until([](const TcpState& state) { return state.peer_left; }));
  }
}

TEST(AskTcp, KnowsNothingOfUnixSocketsAndClosedOnes) {
  int ends[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  const Socket first(ends[0]);
  const Socket second(ends[1]);
  EXPECT_EQ(AskTcp(first.fd()), std::nullopt);
  EXPECT_EQ(AskTcp(-1), std::nullopt);
}

TEST(AskTcp, FindsAHostThatAcknowledgesNothing) {
  const Connection connection;
  ASSERT_TRUE(fakes::SilenceHost(connection.far.fd()));
  ASSERT_EQ(send(connection.near.fd(), "hello", 5, 0), 5);
  EXPECT_TRUE(connection.Until(
      [](const TcpState& state) { return SilenceOf(state).value_or(Duration(0)) >= Duration(1500); }));
}

TEST(AskTcp, AcceptsAPeerThatAcknowledgesAndReadsNothing) {
  const Connection connection;
  const std::string much(1 << 20, 'x');
  while (send(connection.near.fd(), much.data(), much.size(), 0) > 0) {
  }
  // The kernel asks at longer and longer intervals: there are moments behind long silences.
  EXPECT_TRUE(connection.Until([](const TcpState& state) {
    EXPECT_EQ(SilenceOf(state), Duration(0));
    return state.since_acknowledged > Duration(1200) || testing::Test::HasFailure();
  }));
}

}  // namespace
}  // namespace hawser::net
