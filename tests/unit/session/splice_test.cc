// Large frames through a tunnel between real sockets: spliced, they arrive as read ones would, whatever comes
// between.
#include <algorithm>
#include <csignal>
#include <random>
#include <string>

#include <sys/socket.h>

#include "proxy/net/tcp_stream.h"
#include "tests/unit/session/tunnel_harness.h"

namespace hawser::session::splice_test {
namespace {

// The far end of one of the tunnel's sockets.
class FarEnd {
 public:
  explicit FarEnd(TunnelHarness& harness, std::unique_ptr<net::ByteStream>& near, int buffer_bytes) {
    int fds[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    for (const int fd : fds) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    near = std::make_unique<net::TcpStream>(harness.loop(), net::Socket(fds[0]));
    socket_.Reset(fds[1]);
  }

  void Send(std::string_view bytes) { to_send_ += bytes; }
  bool sent() const { return to_send_.size() == sent_; }
  // Sends up to `most` of what waits; then reads up to `most`.
  void Turn(size_t most_sent, size_t most_read) {
    const auto piece = std::string_view(to_send_).substr(sent_, most_sent);
    if (!piece.empty())
      sent_ += static_cast<size_t>(std::max<ssize_t>(write(socket_.fd(), piece.data(), piece.size()), 0));
    std::string into(most_read, '\0');
    const ssize_t got = read(socket_.fd(), into.data(), into.size());
    if (got > 0) received_.append(into, 0, static_cast<size_t>(got));
    ended_ = got == 0 && most_read > 0;
  }
  void Close() { socket_.Reset(); }
  const std::string& received() const { return received_; }
  bool ended() const { return ended_; }

 private:
  net::Socket socket_;
  std::string to_send_;
  size_t sent_ = 0;
  std::string received_;
  bool ended_ = false;
};

struct Ends {
  explicit Ends(config::WebSocket settings = {.keepalive = {.interval = base::Duration(0)}},
                int buffer_bytes = 1 << 18)
      : harness(settings),
        client(harness, harness.parts().client, buffer_bytes),
        backend(harness, harness.parts().backend, buffer_bytes) {
    signal(SIGPIPE, SIG_IGN);
    harness.Start();
  }

  void Turn(size_t most = 1 << 20) {
    client.Turn(most, most);
    backend.Turn(most, most);
    harness.Turn(base::Duration(1));
  }
  template <typename Condition>
  bool Until(Condition condition) {
    for (int turns = 0; turns < 20'000; ++turns) {
      if (condition()) return true;
      Turn();
    }
    return false;
  }

  TunnelHarness harness;
  FarEnd client;
  FarEnd backend;
};

std::string Large(size_t size, char letter = 'x') {
  return std::string(size, letter);
}

TEST(Splice, LargeFramesArriveAsTheyWereSentAndAreCountedLikeOthers) {
  Ends ends;
  std::string up;
  std::string down;
  for (const size_t size : {70'000, 40'000, 1'000'000, 32'768, 10, 65'536, 65'536}) {
    up += Masked({.opcode = 2, .payload = Large(size, static_cast<char>('a' + size % 26))});
    down += Plain({.opcode = 1, .payload = Large(size, static_cast<char>('A' + size % 26))});
  }
  ends.client.Send(up);
  ends.backend.Send(down);
  ASSERT_TRUE(ends.Until([&] {
    return ends.backend.received().size() >= up.size() && ends.client.received().size() >= down.size();
  }));
  EXPECT_EQ(ends.backend.received(), up);
  EXPECT_EQ(ends.client.received(), down);
  const session::Traffic traffic = ends.harness.tunnel()->traffic();
  EXPECT_EQ(traffic.messages_in, 7U);
  EXPECT_EQ(traffic.messages_out, 7U);
  EXPECT_EQ(traffic.bytes_in, up.size());
  EXPECT_EQ(traffic.bytes_out, down.size());
  const uint64_t spliced = ends.harness.Counted(stats::Metric::kSplicedBytes);
  EXPECT_GT(spliced, 1'100'000U) << "the large binary ones";
  EXPECT_LT(spliced, up.size()) << "text is read, as its UTF-8 is validated";
}

TEST(Splice, APingThatFallsDueInsideASplicedFrameIsPutInBehindIt) {
  Ends ends({.keepalive = {.interval = base::Duration(1), .timeout = base::Duration(0)}});
  const std::string frame = Plain({.opcode = 2, .payload = Large(16 << 20)});
  ends.backend.Send(frame + frame);
  ASSERT_TRUE(ends.Until([&] {
    if (ends.client.received().size() < 2 * frame.size()) return false;
    const Received got(ends.client.received(), false);
    return std::ranges::count_if(got.frames, [](const Frame& one) { return one.opcode == 2; }) == 2 &&
           std::ranges::any_of(got.frames, [](const Frame& one) { return one.opcode == 9; });
  }));
}

TEST(Splice, ALargeFrameThatBreaksARuleGoesNoFurtherThanItsHeader) {
  Ends ends;
  const std::string good = Plain({.opcode = 2, .payload = Large(100'000)});
  ends.backend.Send(good);
  ASSERT_TRUE(ends.Until([&] { return ends.client.received() == good; }));
  ends.backend.Send(Masked({.opcode = 2, .payload = Large(100'000)}));  // no backend may mask
  ASSERT_TRUE(
      ends.Until([&] { return ends.harness.ended() || ends.client.received().size() > good.size(); }));
  const Received got(ends.client.received(), false);
  ASSERT_EQ(got.frames.size(), 2U);
  EXPECT_EQ(got.close_code(), 1011);
  EXPECT_EQ(got.rest, "");
}

TEST(Splice, HoldsNoMoreThanOneReadForASlowReader) {
  Ends ends({.keepalive = {.interval = base::Duration(0)}}, 4096);
  const std::string frame = Plain({.opcode = 2, .payload = Large(1 << 20)});
  ends.backend.Send(frame + frame);
  for (int turns = 0; turns < 2000; ++turns) {
    ends.backend.Turn(1 << 20, 0);  // the client reads nothing
    ends.harness.Turn(base::Duration(1));
  }
  EXPECT_FALSE(ends.backend.sent());
  EXPECT_LE(ends.harness.buffers().in_use(), 5U) << "64 KiB are four slabs, and a little";
  ASSERT_TRUE(ends.Until([&] { return ends.client.received().size() == 2 * frame.size(); }));
  EXPECT_EQ(ends.client.received(), frame + frame);
}

TEST(Splice, AFrameThatIsCutShortEndsTheOtherPeerWithoutACloseFrame) {
  Ends ends;
  const std::string frame = Plain({.opcode = 2, .payload = Large(1 << 20)});
  ends.backend.Send(frame + frame.substr(0, 500'000));
  ASSERT_TRUE(ends.Until([&] { return ends.client.received().size() == frame.size() + 500'000; }));
  ends.backend.Close();
  for (int turns = 0; turns < 1000 && !ends.client.ended(); ++turns) {
    ends.client.Turn(1 << 20, 1 << 20);
    ends.harness.Turn(base::Duration(1));
  }
  EXPECT_TRUE(ends.client.ended());
  EXPECT_EQ(ends.client.received().size(), frame.size() + 500'000);
}

TEST(Splice, AReaderThatGoesInsideAFrameIsReportedToTheSenderAtABoundary) {
  Ends ends;
  const std::string frame = Plain({.opcode = 2, .payload = Large(1 << 20)});
  ends.backend.Send(frame + frame);
  ASSERT_TRUE(ends.Until([&] { return ends.client.received().size() > frame.size() + 100'000; }));
  ends.client.Close();
  ASSERT_TRUE(ends.Until([&] { return !ends.backend.received().empty(); }));
  EXPECT_EQ(Received(ends.backend.received(), true).close_code(), 1001);
}

struct Sent {
  std::string bytes;
  std::vector<Frame> frames;
};

Sent RandomFrames(std::mt19937& random, bool client) {
  Sent sent;
  bool inside = false;
  for (int i = 0; i < 12; ++i) {
    constexpr size_t kSizes[] = {0, 5, 125, 32'767, 32'768, 50'000, 65'535, 65'536, 200'000};
    ws::FrameSpec spec{.opcode = inside ? 0 : 2,
                       .payload = Large(kSizes[random() % std::size(kSizes)], static_cast<char>('a' + i))};
    spec.fin = random() % 3 != 0;
    if (random() % 6 == 0) spec = {.opcode = 9, .payload = Large(random() % 126, 'p')};
    if (spec.opcode != 9) inside = !spec.fin;
    sent.frames.push_back({spec.opcode, spec.fin, spec.payload});
    sent.bytes += client ? Masked(spec) : Plain(spec);
  }
  return sent;
}

std::vector<Frame> WithoutOurs(const Received& received) {
  std::vector<Frame> frames = received.frames;
  std::erase_if(frames,
                [](const Frame& frame) { return frame.opcode == 9 && frame.payload.starts_with("hawser"); });
  return frames;
}

TEST(SpliceProperty, WhatArrivesIsWhatWasSentPlusWholePings) {
  for (unsigned seed = 1; seed <= 40 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    config::WebSocket settings{.keepalive = {.interval = base::Duration(1), .timeout = base::Duration(0)}};
    settings.buffer.bytes = 4096 + random() % 300'000;
    Ends ends(settings, 4096 << (random() % 7));
    const Sent up = RandomFrames(random, true);
    const Sent down = RandomFrames(random, false);
    ends.client.Send(up.bytes);
    ends.backend.Send(down.bytes);
    const auto arrived = [&](const FarEnd& end, const Sent& sent, bool masked) {
      return end.received().size() >= sent.bytes.size() &&
             WithoutOurs(Received(end.received(), masked)) == sent.frames;
    };
    for (int turns = 0; turns < 20'000; ++turns) {
      if (turns % 64 == 0 && arrived(ends.backend, up, true) && arrived(ends.client, down, false)) break;
      ends.client.Turn(1 + random() % 60'000, 1 + random() % 60'000);
      ends.backend.Turn(1 + random() % 60'000, 1 + random() % 60'000);
      ends.harness.Turn(base::Duration(1));
    }
    EXPECT_TRUE(arrived(ends.backend, up, true));
    EXPECT_TRUE(arrived(ends.client, down, false));
  }
}

}  // namespace
}  // namespace hawser::session::splice_test
