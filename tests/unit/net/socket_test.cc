#include "proxy/net/socket.h"

#include <cstdlib>
#include <limits>
#include <string>
#include <utility>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hawser::net {
namespace {

SocketAddress Address(const std::string& text) {
  return std::move(SocketAddress::Parse(text)).value();
}

int OptionOf(const Socket& socket, int level, int option) {
  int value = -1;
  socklen_t length = sizeof value;
  EXPECT_EQ(getsockopt(socket.fd(), level, option, &value, &length), 0);
  return value;
}

Socket Accept(const Socket& listening) {
  pollfd waiting{.fd = listening.fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&waiting, 1, 20000), 1);
  return Socket(accept4(listening.fd(), nullptr, nullptr, SOCK_CLOEXEC));
}

// A directory of its own, gone with the test.
class SocketFile : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(mkdtemp(directory_.data()), nullptr); }
  void TearDown() override {
    unlink(path().c_str());
    rmdir(directory_.c_str());
  }
  std::string path() const { return directory_ + "/socket"; }
  SocketAddress address() const { return Address("unix:" + path()); }

 private:
  std::string directory_ = testing::TempDir() + "hawser_socket_XXXXXX";
};

TEST(Socket, TheProcessCountsItsDescriptors) {
  const Socket one(dup(STDERR_FILENO));
  const Socket last(dup(STDERR_FILENO));  // the lowest numbers that are free
  KeepDescriptors(last.fd() + 101);
  const Descriptors before = DescriptorsOfProcess();
  EXPECT_EQ(before.most - before.used, 100U);
  {
    Socket first(dup(STDERR_FILENO));
    Socket second(dup(STDERR_FILENO));
    EXPECT_EQ(DescriptorsOfProcess().used, before.used + 2);
    first = std::move(second);
    EXPECT_EQ(DescriptorsOfProcess().used, before.used + 1);
    second = std::move(first);
    second.Reset();
    second.Reset();
    EXPECT_EQ(DescriptorsOfProcess().used, before.used);
    const Socket none(-1);
  }
  EXPECT_EQ(DescriptorsOfProcess().used, before.used);
  KeepDescriptors(std::numeric_limits<int>::max());
}

TEST(Socket, HasOneOwner) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  const Socket writing(fds[1]);
  Socket first(fds[0]);
  Socket second(std::move(first));
  EXPECT_FALSE(first.open());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(second.fd(), fds[0]);
  first = std::move(second);
  EXPECT_TRUE(first.open());
  first.Reset();
  EXPECT_FALSE(first.open());
  EXPECT_EQ(fcntl(fds[0], F_GETFD), -1);
}

TEST(Listen, TurnsPortZeroIntoARealOne) {
  for (const auto text : {"127.0.0.1:0", "[::1]:0"}) {
    const auto socket = Listen(Address(text), {});
    ASSERT_TRUE(socket.ok()) << socket.status();
    const auto local = LocalAddress(*socket);
    ASSERT_TRUE(local.ok());
    EXPECT_NE(local->port(), 0);
    EXPECT_EQ(local->ip(), Address(text).ip());
  }
}

TEST(Listen, SocketsAreNonBlockingAndCloseOnExec) {
  const auto socket = Listen(Address("127.0.0.1:0"), {});
  ASSERT_TRUE(socket.ok());
  EXPECT_NE(fcntl(socket->fd(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(socket->fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Listen, ConnectionsArriveWithoutNaglesDelay) {
  const auto listening = Listen(Address("127.0.0.1:0"), {});
  ASSERT_TRUE(listening.ok());
  const auto connecting = Connect(*LocalAddress(*listening));
  ASSERT_TRUE(connecting.ok());
  const Socket accepted = Accept(*listening);
  ASSERT_TRUE(accepted.open());
  EXPECT_EQ(OptionOf(accepted, IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(OptionOf(*connecting, IPPROTO_TCP, TCP_NODELAY), 1);
}

TEST(Listen, SeveralSocketsShareAnAddressOnlyWithReusePort) {
  const auto first = Listen(Address("127.0.0.1:0"), {.reuse_port = true});
  ASSERT_TRUE(first.ok());
  const SocketAddress address = *LocalAddress(*first);
  EXPECT_TRUE(Listen(address, {.reuse_port = true}).ok());
  const auto refused = Listen(address, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.status().message().find(address.ToString()), absl::string_view::npos) << refused.status();
}

TEST(Listen, TheUnspecifiedIpv6AddressTakesIpv4AsWell) {
  const auto listening = Listen(Address("[::]:0"), {});
  ASSERT_TRUE(listening.ok());
  EXPECT_EQ(OptionOf(*listening, IPPROTO_IPV6, IPV6_V6ONLY), 0);
  const auto port = LocalAddress(*listening)->port();
  const auto connecting = Connect(SocketAddress(*IpAddress::Parse("127.0.0.1"), port));
  ASSERT_TRUE(connecting.ok());
  EXPECT_TRUE(Accept(*listening).open());
}

TEST_F(SocketFile, IsServedAndConnectedTo) {
  const auto listening = Listen(address(), {});
  ASSERT_TRUE(listening.ok()) << listening.status();
  EXPECT_EQ(*LocalAddress(*listening), address());
  ASSERT_TRUE(Connect(address()).ok());
  EXPECT_TRUE(Accept(*listening).open());
}

TEST_F(SocketFile, OneThatADeadServerLeftBehindIsReplaced) {
  { ASSERT_TRUE(Listen(address(), {}).ok()); }
  struct stat status;
  ASSERT_EQ(stat(path().c_str(), &status), 0);
  EXPECT_FALSE(Connect(address()).ok());
  EXPECT_TRUE(Listen(address(), {}).ok());
}

TEST_F(SocketFile, OneThatIsServedIsLeftAlone) {
  const auto listening = Listen(address(), {});
  ASSERT_TRUE(listening.ok());
  EXPECT_FALSE(Listen(address(), {}).ok());
  EXPECT_TRUE(Connect(address()).ok());
}

TEST_F(SocketFile, OneWhoseServersQueueIsFullIsLeftAlone) {
  const auto listening = Listen(address(), {.backlog = 0});
  ASSERT_TRUE(listening.ok());
  const auto waiting = Connect(address());
  const auto more = Connect(address());
  EXPECT_FALSE(Listen(address(), {}).ok());
  struct stat status;
  EXPECT_EQ(stat(path().c_str(), &status), 0);
}

TEST_F(SocketFile, AnOrdinaryFileIsLeftAlone) {
  const Socket file(open(path().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  ASSERT_TRUE(file.open());
  EXPECT_FALSE(Listen(address(), {}).ok());
  struct stat status;
  ASSERT_EQ(stat(path().c_str(), &status), 0);
  EXPECT_TRUE(S_ISREG(status.st_mode));
}

// Whatever the umask, which is left as it was.
TEST_F(SocketFile, HasTheModeThatItIsToHave) {
  for (const mode_t mask : {0022U, 0077U, 0000U}) {
    for (const mode_t mode : {0666U, 0660U, 0600U}) {
      const mode_t before = umask(mask);
      const auto listening = Listen(address(), {.mode = mode});
      EXPECT_EQ(umask(before), mask);
      ASSERT_TRUE(listening.ok()) << listening.status();
      struct stat status;
      ASSERT_EQ(stat(path().c_str(), &status), 0);
      EXPECT_EQ(status.st_mode & 07777U, mode);
      RemoveFile(address());
    }
  }
}

TEST_F(SocketFile, GoesWhenItIsRemoved) {
  const auto listening = Listen(address(), {});
  ASSERT_TRUE(listening.ok());
  RemoveFile(address());
  struct stat status;
  EXPECT_NE(stat(path().c_str(), &status), 0);
}

TEST(RemoveFile, LeavesAFileAloneThatIsCalledLikeAnAbstractSocket) {
  const std::string name = "@hawser-" + std::to_string(getpid());
  const Socket file(open(name.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  ASSERT_TRUE(file.open());
  ASSERT_TRUE(Listen(Address("unix:" + name), {}).ok());
  RemoveFile(Address("unix:" + name));
  EXPECT_EQ(unlink(name.c_str()), 0);
}

TEST(Duplicate, IsClosedOnExec) {
  const auto listening = Listen(Address("127.0.0.1:0"), {});
  ASSERT_TRUE(listening.ok());
  const auto copy = Duplicate(*listening);
  ASSERT_TRUE(copy.ok());
  EXPECT_NE(copy->fd(), listening->fd());
  EXPECT_NE(fcntl(copy->fd(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_FALSE(Duplicate(Socket()).ok());
}

TEST(Connect, FailsAtOnceWhereNobodyServesAUnixSocket) {
  EXPECT_FALSE(Connect(Address("unix:/nonexistent/hawser.sock")).ok());
}

}  // namespace
}  // namespace hawser::net
