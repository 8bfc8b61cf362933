#include "proxy/net/pipe.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include <sys/resource.h>
#include <sys/socket.h>

#include "gtest/gtest.h"

namespace hawser::net {
namespace {

std::pair<Socket, Socket> Pair() {
  int fds[2];
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  return {Socket(fds[0]), Socket(fds[1])};
}

// One side of each pair is the tunnel's, the other a peer's.
class PipeTest : public testing::Test {
 protected:
  void Sends(std::string_view bytes) {
    ASSERT_EQ(write(source_.second.fd(), bytes.data(), bytes.size()), ssize_t(bytes.size()));
  }
  std::string Receives() {
    std::array<char, 4096> into;
    const ssize_t got = read(sink_.second.fd(), into.data(), into.size());
    return {into.data(), static_cast<size_t>(std::max<ssize_t>(got, 0))};
  }
  int from() const { return source_.first.fd(); }
  int to() const { return sink_.first.fd(); }

  std::pair<Socket, Socket> source_ = Pair();
  std::pair<Socket, Socket> sink_ = Pair();
  Pipe pipe_;
};

TEST_F(PipeTest, CarriesNoMoreThanIsAskedFor) {
  ASSERT_TRUE(pipe_.Ready());
  Sends("hello, world");
  const IoResult got = pipe_.Fill(from(), 5);
  EXPECT_EQ(got.bytes, 5U);
  const IoResult put = pipe_.WriteTo(to());
  EXPECT_EQ(put.bytes, 5U);
  EXPECT_EQ(put.state, IoState::kOk);
  EXPECT_EQ(Receives(), "hello");
}

TEST_F(PipeTest, DistinguishesNoDataFromAnEnd) {
  ASSERT_TRUE(pipe_.Ready());
  EXPECT_EQ(pipe_.Fill(from(), 5).state, IoState::kBlocked);
  source_.second.Reset();
  EXPECT_EQ(pipe_.Fill(from(), 5).state, IoState::kEnd);
}

TEST_F(PipeTest, ASinkThatIsGoneIsAnErrorAndThePipeIsUsableAfterIt) {
  ASSERT_TRUE(pipe_.Ready());
  sink_.second.Reset();
  Sends("lost");
  signal(SIGPIPE, SIG_IGN);
  ASSERT_EQ(pipe_.Fill(from(), 100).bytes, 4U);
  EXPECT_EQ(pipe_.WriteTo(to()).state, IoState::kError);
  sink_ = Pair();
  ASSERT_TRUE(pipe_.Ready());
  Sends("kept");
  ASSERT_EQ(pipe_.Fill(from(), 100).bytes, 4U);
  EXPECT_EQ(pipe_.WriteTo(to()).state, IoState::kOk);
  EXPECT_EQ(Receives(), "kept");
}

TEST_F(PipeTest, WhatTheSinkDoesNotTakeIsTakenBack) {
  ASSERT_TRUE(pipe_.Ready());
  std::string sent;
  BufferPool pool;
  Buffer rest;
  std::array<std::byte, 4096> scratch;
  std::string received;
  while (rest.empty()) {
    const std::string piece(3000, static_cast<char>('a' + sent.size() / 3000 % 26));
    Sends(piece);
    sent += piece;
    ASSERT_EQ(pipe_.Fill(from(), 3000).bytes, 3000U);
    if (pipe_.WriteTo(to()).state == IoState::kBlocked) pipe_.Take(rest, pool, scratch);
  }
  for (std::string piece = Receives(); !piece.empty(); piece = Receives()) received += piece;
  for (; !rest.empty(); rest.Consume(rest.front().size())) {
    received.append(reinterpret_cast<const char*>(rest.front().data()), rest.front().size());
  }
  EXPECT_EQ(received, sent);
}

TEST_F(PipeTest, IsNotReadyWhileDescriptorsAreShort) {
  rlimit before;
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  setrlimit(RLIMIT_NOFILE, &none);
  EXPECT_FALSE(pipe_.Ready());
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_TRUE(pipe_.Ready());
}

}  // namespace
}  // namespace hawser::net
