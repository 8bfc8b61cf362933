#include "proxy/net/tcp_stream.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "tests/fakes/tcp_segments.h"

namespace hawser::net::tcp_stream_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::span<const std::byte> Bytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

struct Listener final : event::IoHandler {
  void OnReady(event::Ready ready) override { heard.push_back(ready); }
  std::vector<event::Ready> heard;
};

class TcpStreamTest : public testing::Test {
 protected:
  // A connection over loopback: near is hawser's end, far the peer's descriptor.
  void SetUp() override {
    const auto listening = Listen(SocketAddress::Parse("127.0.0.1:0").value(), {});
    ASSERT_TRUE(listening.ok());
    auto connecting = Connect(*LocalAddress(*listening));
    ASSERT_TRUE(connecting.ok());
    far = Socket(accept4(listening->fd(), nullptr, nullptr, SOCK_CLOEXEC));
    for (int tries = 0; !far.open() && tries < 1000; ++tries) {
      loop->RunOnce(milliseconds(1));
      far = Socket(accept4(listening->fd(), nullptr, nullptr, SOCK_CLOEXEC));
    }
    ASSERT_TRUE(far.open());
    near = std::make_unique<TcpStream>(*loop, std::move(*connecting));
    near->Watch(&listener, 3);
  }

  void Say(std::string_view text) {
    ASSERT_EQ(send(far.fd(), text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  }

  // Turns the loop until an event comes.
  event::Ready NextReady() {
    listener.heard.clear();
    for (int turns = 0; listener.heard.empty() && turns < 100; ++turns) loop->RunOnce(seconds(1));
    EXPECT_FALSE(listener.heard.empty());
    return listener.heard.empty() ? event::Ready{} : listener.heard[0];
  }

  bool Quiet() {
    listener.heard.clear();
    loop->RunOnce(milliseconds(20));
    return listener.heard.empty();
  }

  // The far end's blocking read: "" at the end, "(error)" on a reset.
  std::string FarReads() {
    char buffer[4096];
    const ssize_t got = recv(far.fd(), buffer, sizeof buffer, 0);
    return got < 0 ? "(error)" : std::string(buffer, static_cast<size_t>(got));
  }

  std::unique_ptr<event::Loop> loop = std::move(event::Loop::Create()).value();
  Listener listener;
  Socket far;
  std::unique_ptr<TcpStream> near;
  std::array<std::byte, 64> into;
};

// A body that ends with its connection must not look whole because a write has met the reset first.
TEST_F(TcpStreamTest, AnEndAfterAWriteWasResetIsAnError) {
  const linger reset{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(setsockopt(far.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
  far.Reset();
  near->Want({.read = true});
  NextReady();
  EXPECT_EQ(near->Write(Bytes("x")).state, IoState::kError);
  EXPECT_EQ(near->error(), ECONNRESET);
  std::array<std::byte, 1> one;
  EXPECT_EQ(near->Read(one).state, IoState::kError);
}

// As when epoll has no watches left: here it refuses a descriptor that it cannot watch.
TEST_F(TcpStreamTest, AStreamThatEpollDoesNotTakeIsBroken) {
  TcpStream stream(*loop, Socket(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)));
  Listener first, second;
  stream.Watch(&first, 2);
  stream.Want({.read = true});
  stream.Watch(&second, 5);
  loop->RunOnce(seconds(1));
  EXPECT_TRUE(first.heard.empty());
  ASSERT_EQ(second.heard.size(), 1U);
  EXPECT_TRUE(second.heard[0].readable && second.heard[0].writable);
  EXPECT_EQ(second.heard[0].tag, 5);
  std::array<std::byte, 1> one;
  EXPECT_EQ(stream.Read(one).state, IoState::kError);
  EXPECT_EQ(stream.error(), ENOMEM);
  EXPECT_EQ(stream.Write(one).state, IoState::kError);
  stream.Close(CloseReason::kOrderly);
  loop->RunOnce(milliseconds(0));
  EXPECT_EQ(second.heard.size(), 1U);
}

TEST_F(TcpStreamTest, ReadsWhatIsThereThenBlocks) {
  near->Want({.read = true});
  Say("ahoy");
  const event::Ready ready = NextReady();
  EXPECT_TRUE(ready.readable);
  EXPECT_EQ(ready.tag, 3);
  const IoResult got = near->Read(into);
  EXPECT_EQ(got.bytes, 4U);
  EXPECT_EQ(got.state, IoState::kBlocked);
  EXPECT_EQ(std::memcmp(into.data(), "ahoy", 4), 0);
  const IoResult nothing = near->Read(into);
  EXPECT_EQ(nothing.bytes, 0U);
  EXPECT_EQ(nothing.state, IoState::kBlocked);
}

TEST_F(TcpStreamTest, AFullSpanMayHaveMoreBehindIt) {
  near->Want({.read = true});
  Say("12345678");
  NextReady();
  const IoResult got = near->Read(std::span(into).first(5));
  EXPECT_EQ(got.bytes, 5U);
  EXPECT_EQ(got.state, IoState::kOk);
  EXPECT_EQ(near->Read(into).bytes, 3U);
}

TEST_F(TcpStreamTest, TheEndComesBehindTheBytes) {
  near->Want({.read = true});
  Say("bye");
  shutdown(far.fd(), SHUT_WR);
  NextReady();
  EXPECT_EQ(near->Read(into).bytes, 3U);
  NextReady();
  const IoResult end = near->Read(into);
  EXPECT_EQ(end.bytes, 0U);
  EXPECT_EQ(end.state, IoState::kEnd);
  EXPECT_EQ(near->Write(Bytes("still here")).state, IoState::kOk);
  EXPECT_EQ(FarReads(), "still here");
}

TEST_F(TcpStreamTest, AResetIsAnErrorWithItsNumber) {
  near->Want({.read = true});
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(far.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  far.Reset();
  NextReady();
  const IoResult got = near->Read(into);
  EXPECT_EQ(got.state, IoState::kError);
  EXPECT_EQ(got.bytes, 0U);
  EXPECT_EQ(near->error(), ECONNRESET);
}

TEST_F(TcpStreamTest, WritesBlockWhenThePeerDoesNotReadAndGoOnWhenItDoes) {
  const std::string chunk(256 * 1024, 'x');
  size_t written = 0;
  IoResult put;
  do {
    put = near->Write(Bytes(chunk));
    written += put.bytes;
  } while (put.state == IoState::kOk);
  ASSERT_EQ(put.state, IoState::kBlocked);
  EXPECT_LT(put.bytes, chunk.size());
  near->Want({.write = true});
  size_t read = 0;
  while (read < written) read += FarReads().size();
  EXPECT_EQ(read, written);
  EXPECT_TRUE(NextReady().writable);
  EXPECT_EQ(near->Write(Bytes("more")).state, IoState::kOk);
}

TEST_F(TcpStreamTest, AnEmptyWriteFlushesNothing) {
  const IoResult put = near->Write({});
  EXPECT_EQ(put.bytes, 0U);
  EXPECT_EQ(put.state, IoState::kOk);
}

TEST_F(TcpStreamTest, ShutdownEndsOurDirectionOnly) {
  EXPECT_EQ(near->Write(Bytes("last words")).state, IoState::kOk);
  near->ShutdownWrite();
  near->ShutdownWrite();
  EXPECT_EQ(FarReads(), "last words");
  EXPECT_EQ(FarReads(), "");
  near->Want({.read = true});
  Say("answer");
  NextReady();
  EXPECT_EQ(near->Read(into).bytes, 6U);
  EXPECT_EQ(near->Write(Bytes("x")).state, IoState::kError);
  EXPECT_EQ(near->error(), EPIPE);
}

TEST_F(TcpStreamTest, TheLastBytesAndTheEndAreOnePacket) {
  const uint32_t before = fakes::SegmentsSent(near->fd());
  EXPECT_EQ(near->WriteLast(Bytes("last words")).state, IoState::kOk);
  EXPECT_EQ(FarReads(), "last words");
  EXPECT_EQ(FarReads(), "");
  EXPECT_EQ(fakes::SegmentsSent(near->fd()) - before, 1U);
  EXPECT_EQ(near->Write(Bytes("x")).state, IoState::kError);
}

TEST_F(TcpStreamTest, LastBytesThatAreNotAllTakenDoNotEndIt) {
  const std::string much(64 << 20, 'x');
  const IoResult put = near->WriteLast(Bytes(much));
  EXPECT_EQ(put.state, IoState::kBlocked);
  ASSERT_LT(put.bytes, much.size());
  size_t received = 0;
  while (received < put.bytes) received += FarReads().size();
  EXPECT_EQ(near->Write(Bytes("rest")).state, IoState::kOk);
  EXPECT_EQ(FarReads(), "rest");
}

TEST_F(TcpStreamTest, AnOrderlyCloseDeliversWhatWasWritten) {
  EXPECT_EQ(near->Write(Bytes("goodbye")).state, IoState::kOk);
  near->Close(CloseReason::kOrderly);
  near->Close(CloseReason::kAbort);
  EXPECT_EQ(FarReads(), "goodbye");
  EXPECT_EQ(FarReads(), "");
}

TEST_F(TcpStreamTest, AnAbortResetsThePeer) {
  near->Close(CloseReason::kAbort);
  EXPECT_EQ(FarReads(), "(error)");
}

TEST_F(TcpStreamTest, AClosedStreamTakesNothingAndCallsNobody) {
  near->Want({.read = true, .write = true});
  Say("too late");
  near->Close(CloseReason::kOrderly);
  EXPECT_TRUE(Quiet());
  EXPECT_EQ(near->fd(), -1);
  EXPECT_EQ(near->Read(into).state, IoState::kError);
  EXPECT_EQ(near->Write(Bytes("x")).state, IoState::kError);
  near->Want({.read = true});
  near->ShutdownWrite();
  EXPECT_TRUE(Quiet());
}

TEST_F(TcpStreamTest, DeliversWhileThePeersHostAnswersAndBytesAreLeft) {
  constexpr auto kLong = std::chrono::hours(1);
  EXPECT_FALSE(near->Delivering(kLong)) << "nothing was written";
  const std::string chunk(256 * 1024, 'x');
  while (near->Write(Bytes(chunk)).state == IoState::kOk) {
  }
  EXPECT_TRUE(near->Delivering(kLong));
  EXPECT_FALSE(near->Delivering(milliseconds(-1)));
  near->Close(CloseReason::kAbort);
  EXPECT_FALSE(near->Delivering(kLong));
}

TEST_F(TcpStreamTest, IsSilentWhileNothingIsWantedEvenThroughAHangUp) {
  near->Want({.read = true});
  near->Want({});
  far.Reset();
  EXPECT_TRUE(Quiet());
  near->Want({.read = true});
  EXPECT_TRUE(NextReady().readable);
}

TEST_F(TcpStreamTest, AHandlerThatWantsHangUpsHearsOnlyOfThem) {
  near->Want({.read = true});
  shutdown(far.fd(), SHUT_WR);
  EXPECT_FALSE(NextReady().hung_up);
  near->Want({.hang_up = true});
  EXPECT_TRUE(Quiet());
  const linger reset{.l_onoff = 1, .l_linger = 0};
  setsockopt(far.fd(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  far.Reset();
  EXPECT_TRUE(NextReady().hung_up);
  near->Want({});
  EXPECT_TRUE(Quiet());
}

TEST_F(TcpStreamTest, AnotherHandlerMayTakeOverWithTheSameInterest) {
  near->Want({.read = true});
  Listener other;
  near->Watch(&other, 6);
  Say("for the other");
  for (int turns = 0; other.heard.empty() && turns < 100; ++turns) loop->RunOnce(seconds(1));
  ASSERT_FALSE(other.heard.empty());
  EXPECT_EQ(other.heard[0].tag, 6);
  EXPECT_TRUE(listener.heard.empty());
  near->Watch(nullptr, 0);
  other.heard.clear();
  loop->RunOnce(milliseconds(20));
  EXPECT_TRUE(other.heard.empty());
}

TEST_F(TcpStreamTest, ItsDestructionIsAnOrderlyClose) {
  EXPECT_EQ(near->Write(Bytes("sent")).state, IoState::kOk);
  near->Want({.read = true});
  Say("unheard");
  std::array<std::byte, 16> drained;
  NextReady();
  near->Read(drained);
  near.reset();
  EXPECT_TRUE(Quiet());
  EXPECT_EQ(FarReads(), "sent");
  EXPECT_EQ(FarReads(), "");
}

TEST(TcpStream, ServesUnixSocketsAsWell) {
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  auto loop = std::move(event::Loop::Create()).value();
  TcpStream one(*loop, Socket(fds[0]));
  TcpStream two(*loop, Socket(fds[1]));
  EXPECT_EQ(one.Write(Bytes("over")).state, IoState::kOk);
  std::array<std::byte, 8> into;
  EXPECT_EQ(two.Read(into).bytes, 4U);
  one.Close(CloseReason::kOrderly);
  EXPECT_EQ(two.Read(into).state, IoState::kEnd);
}

TEST(TcpStream, AConnectionThatIsRefusedIsAnError) {
  auto loop = std::move(event::Loop::Create()).value();
  SocketAddress nobody;
  {
    const auto listening = Listen(SocketAddress::Parse("127.0.0.1:0").value(), {});
    nobody = *LocalAddress(*listening);
  }
  auto socket = Connect(nobody);
  if (!socket.ok()) return;  // refused at once: as good
  TcpStream stream(*loop, std::move(*socket));
  Listener listener;
  stream.Watch(&listener, 0);
  stream.Want({.write = true});
  for (int turns = 0; listener.heard.empty() && turns < 100; ++turns) loop->RunOnce(seconds(1));
  ASSERT_FALSE(listener.heard.empty());
  std::array<std::byte, 8> into;
  EXPECT_EQ(stream.Read(into).state, IoState::kError);
  EXPECT_EQ(stream.error(), ECONNREFUSED);
}

}  // namespace
}  // namespace hawser::net::tcp_stream_test
