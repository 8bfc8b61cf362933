#include "proxy/net/socket_memory.h"

#include <chrono>
#include <memory>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "proxy/net/socket.h"

namespace hawser::net::socket_memory_test {
namespace {

using std::chrono::microseconds;

constexpr size_t kBound = 256 * 1024;

TEST(IsNear, IfHalfTheBoundIsEnoughForAGigabit) {
  EXPECT_TRUE(IsNear(microseconds(0), kBound));
  EXPECT_TRUE(IsNear(microseconds(1048), kBound)) << "128 KiB in 1.05 ms";
  EXPECT_FALSE(IsNear(microseconds(1049), kBound));
  EXPECT_FALSE(IsNear(microseconds(100'000), kBound));
  EXPECT_TRUE(IsNear(microseconds(100'000), 25'000'000));
}

int Get(const Socket& socket, int level, int option) {
  int value = 0;
  socklen_t length = sizeof value;
  EXPECT_EQ(getsockopt(socket.fd(), level, option, &value, &length), 0);
  return value;
}

class SocketMemory : public testing::Test {
 protected:
  void SetUp() override {
    const auto listening = Listen(SocketAddress::Parse("127.0.0.1:0").value(), {});
    ASSERT_TRUE(listening.ok());
    auto connecting = Connect(*LocalAddress(*listening));
    ASSERT_TRUE(connecting.ok());
    near = std::move(*connecting);
    far = Socket(accept4(listening->fd(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    ASSERT_TRUE(far.open());
  }

  Socket near;
  Socket far;
};

TEST_F(SocketMemory, LeavesRoomForOneSegmentBeyondTheUnsent) {
  LimitUnsent(near.fd(), kBound);
  EXPECT_EQ(Get(near, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 192 * 1024);
  LimitUnsent(near.fd(), 32 * 1024);
  EXPECT_EQ(Get(near, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 16 * 1024);
}

TEST_F(SocketMemory, IsTheBoundForTheUnreadUntilItIsFreed) {
  LimitUnread(near.fd(), kBound);
  EXPECT_EQ(Get(near, SOL_SOCKET, SO_RCVBUF), static_cast<int>(kBound));
  EXPECT_EQ(Get(near, SOL_SOCKET, SO_BUF_LOCK) & 2, 2);
  EXPECT_EQ(Get(near, IPPROTO_TCP, TCP_WINDOW_CLAMP), static_cast<int>(kBound));
  FreeUnread(near.fd());
  EXPECT_EQ(Get(near, SOL_SOCKET, SO_BUF_LOCK), 0);
  EXPECT_GT(Get(near, IPPROTO_TCP, TCP_WINDOW_CLAMP), 1 << 20);
}

TEST_F(SocketMemory, IsNotTakenBackFromWhatThePeerWasPromised) {
  const int grown = Get(near, SOL_SOCKET, SO_RCVBUF);
  LimitUnread(near.fd(), static_cast<size_t>(grown) / 2);
  EXPECT_EQ(Get(near, SOL_SOCKET, SO_RCVBUF), grown);
  EXPECT_EQ(Get(near, SOL_SOCKET, SO_BUF_LOCK) & 2, 2) << "it grows no further";
}

TEST_F(SocketMemory, IsNoMatterOfUnixSockets) {
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  const Socket one(pair[0]);
  const Socket other(pair[1]);
  const int before = Get(one, SOL_SOCKET, SO_RCVBUF);
  LimitUnsent(one.fd(), kBound);
  LimitUnread(one.fd(), kBound);
  EXPECT_EQ(Get(one, SOL_SOCKET, SO_RCVBUF), before);
}

}  // namespace
}  // namespace hawser::net::socket_memory_test
