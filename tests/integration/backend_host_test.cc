// Backends whose host has vanished: the kernel's probes find this on a quiet connection, hawser itself while
// bytes are under way. A host that acknowledges but reads nothing is alive.
#include <gtest/gtest.h>

#include <poll.h>

#include <array>
#include <atomic>
#include <thread>

#include "proxy/net/tcp_state.h"
#include "tests/fakes/silent_host.h"
#include "tests/integration/harness/flood.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

const std::string kTwoSeconds = "tcp_keepalive: { idle: 1s, interval: 1s, probes: 1 }";

// From here on that end sends nothing either: it has nothing to retransmit.
bool Vanish(int fd) {
  return Eventually([&] { return !net::AskTcp(fd)->under_way(); }) && fakes::SilenceHost(fd);
}

void ExpectLost(HawserProcess& hawser, Wire& client) {
  EXPECT_EQ(ReadFrame(client).close_code(), 1001);
  client.Close();
  const LogLine line = hawser.WaitForLog();
  EXPECT_EQ(line["closed_by"], "backend");
  EXPECT_EQ(line["reason"], "backend_lost");
}

TEST(BackendHost, ThatIsGoneBehindAQuietTunnelIsLost) {
  OneBackend world({.cluster = {kTwoSeconds}});
  Tunnel tunnel = world.Open();
  ExpectAlive(tunnel);
  ASSERT_TRUE(Vanish(tunnel.backend.fd()));
  ExpectLost(world.hawser(), tunnel.client);
}

TEST(BackendHost, ThatIsGoneWithBytesUnderWayIsLost) {
  OneBackend world({.cluster = {kTwoSeconds}});
  Tunnel tunnel = world.Open();
  ExpectAlive(tunnel);
  ASSERT_TRUE(Vanish(tunnel.backend.fd()));
  tunnel.client.Send(EncodeMasked({.payload = "anybody there?"}));
  ExpectLost(world.hawser(), tunnel.client);
}

TEST(BackendHost, ThatAcknowledgesAndTakesNothingIsLeftAlone) {
  OneBackend world({.cluster = {kTwoSeconds}});
  Tunnel tunnel = world.Open();
  const std::string block = EncodeMasked({.opcode = kBinary, .payload = std::string(kMiB, 'x')});
  {
    Flood flood(tunnel.client, 64, [&](uint64_t) { return block; });
    ASSERT_TRUE(flood.Stalled());
  }
  // By then the kernel asks the closed window less often than every three seconds.
  pollfd ended{.fd = tunnel.client.fd(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(poll(&ended, 1, 7000), 0) << "something came to the client";
  EXPECT_EQ(ReadFrame(tunnel.backend).payload.size(), kMiB) << "and all of it is there";
  tunnel.backend.Send(Encode({.payload = "still here"}));
  EXPECT_EQ(ReadFrame(tunnel.client).payload, "still here");
}

// Between an HTTP/2 client and its backend, so that the network between them may vanish.
class Network {
 public:
  explicit Network(std::string to) : to_(std::move(to)), thread_([this] { Run(); }) {}
  ~Network() {
    stopped_ = true;
    thread_.join();
  }
  const std::string& address() const { return here_.address(); }
  bool Vanish() { return integration::Vanish(fd_); }

 private:
  void Run() {
    while (!here_.contacted()) {
      if (stopped_) return;
      std::this_thread::yield();
    }
    Wire near = here_.Accept();
    Wire far = Wire::Connect(to_);
    fd_ = near.fd();
    while (!stopped_) {
      pollfd ready[] = {{.fd = near.fd(), .events = POLLIN, .revents = 0},
                        {.fd = far.fd(), .events = POLLIN, .revents = 0}};
      if (poll(ready, 2, 10) <= 0) continue;
      if (!Pass(ready[0], far.fd()) || !Pass(ready[1], near.fd())) return;
    }
  }
  static bool Pass(const pollfd& from, int to) {
    if (from.revents == 0) return true;
    std::array<char, 65536> bytes;
    const ssize_t got = recv(from.fd, bytes.data(), bytes.size(), 0);
    return got > 0 && send(to, bytes.data(), static_cast<size_t>(got), MSG_NOSIGNAL) == got;
  }

  FakeBackend here_;
  const std::string to_;
  std::atomic<int> fd_ = -1;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

TEST(BackendHost, BehindHttp2IsWatchedForAllItsStreams) {
  FakeBackend backend;
  HawserProcess back(
      Config{.endpoints = {backend.address()}, .listener = {"http2: { prior_knowledge: true }"}}.Yaml());
  Network network(back.listener());
  HawserProcess front(
      Config{.endpoints = {network.address()}, .cluster = {"protocol: h2", kTwoSeconds}}.Yaml());
  Wire clients[2];
  Wire backends[2];
  for (int i = 0; i < 2; ++i) {
    clients[i] = Wire::Connect(front.listener());
    clients[i].Send(Request{}.Text());
    backends[i] = backend.Accept();
    backends[i].Send(SwitchingProtocols(ReadHead(backends[i])));
    ASSERT_EQ(ReadHead(clients[i]).status(), 101);
  }
  ASSERT_TRUE(network.Vanish());
  clients[0].Send(EncodeMasked({.payload = "anybody there?"}));
  EXPECT_EQ(ReadFrame(clients[0]).close_code(), 1001);
  EXPECT_EQ(ReadFrame(clients[1]).close_code(), 1001);
  EXPECT_TRUE(front.MetricIs("hawser_endpoint_http2_connections", 0));
}

}  // namespace
}  // namespace hawser::integration
