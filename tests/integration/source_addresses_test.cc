// Connections to backends from addresses of their own, in a network whose kernel has 100 local ports.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <fstream>
#include <map>
#include <thread>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration::source_addresses_test {
namespace {

constexpr int kPorts = 100;

// Moves the calling thread, and what it starts, into a network of its own; false where this is not allowed.
bool EnterNetworkOf100Ports() {
  if (unshare(CLONE_NEWNET) != 0) return false;
  const net::Socket any(socket(AF_INET, SOCK_DGRAM, 0));
  ifreq loopback{};
  loopback.ifr_name[0] = 'l';
  loopback.ifr_name[1] = 'o';
  loopback.ifr_flags = IFF_UP;
  if (ioctl(any.fd(), SIOCSIFFLAGS, &loopback) != 0) return false;
  std::ofstream range("/proc/sys/net/ipv4/ip_local_port_range");
  range << "40000 40099" << std::flush;
  return range.good();
}

// Clients come over a Unix socket, so that they need no ports. hawser's own are outside the range.
std::string Yaml(const std::string& sources) {
  return R"(admin: { address: "127.0.0.1:9901" }
access_log: { path: DIR/access.log, format: json }
listeners: [ { name: main, address: "unix:DIR/main.sock" } ]
routes: [ { name: all, match: {}, cluster: rooms, websocket: { keepalive: { interval: 0s } } } ]
clusters:
  - name: rooms
    endpoints: [ "127.0.0.1:9000" ]
)" + sources;
}

void InANetworkOfItsOwn(void (*test)()) {
  bool allowed = false;
  std::thread([&] {
    allowed = EnterNetworkOf100Ports();
    if (allowed) test();
  }).join();
  if (!allowed) GTEST_SKIP() << "this needs network namespaces: run it as root";
}

std::vector<Wire> OpenTunnels(HawserProcess& hawser, int count) {
  std::vector<Wire> tunnels;
  const std::string listener = hawser.listener();
  for (int i = 0; i < count; ++i) {
    Head head;
    tunnels.push_back(Join(listener, {}, &head));
    if (!tunnels.back().open()) {
      ADD_FAILURE() << "tunnel " << i << ": " << head.raw;
      return tunnels;
    }
  }
  return tunnels;
}

TEST(SourceAddresses, ThreeOfThemHaveThreeTimesThePorts) {
  InANetworkOfItsOwn([] {
    EchoBackend backend("a", "127.0.0.1:9000");
    HawserProcess hawser(Yaml("    source_addresses: [ 127.0.0.2, 127.0.0.3, 127.0.0.4 ]\n"), 2);
    const std::string left = "hawser_endpoint_local_ports_left";
    EXPECT_EQ(hawser.Metric(left), 3 * kPorts);
    std::vector<Wire> tunnels = OpenTunnels(hawser, 3 * kPorts);
    ASSERT_EQ(tunnels.size(), size_t{3 * kPorts});
    EXPECT_EQ(backend.open(), 3 * kPorts);
    EXPECT_EQ(hawser.Metric(left), 0);

    Head head;
    EXPECT_FALSE(Join(hawser.listener(), {}, &head).open());
    EXPECT_EQ(head.status(), 503) << head.raw;
    EXPECT_TRUE(
        hawser.MetricReaches("hawser_backend_connects_not_begun_total", 1, {"reason=\"no_local_port\""}));
    EXPECT_EQ(hawser.Metric("hawser_rejects_total", {"reason=\"no_local_port\""}), 1);
    const LogLine line = hawser.WaitForLog([](const LogLine& one) { return one["status"] == "503"; });
    EXPECT_EQ(line["reason"], "no_local_port");

    // It is not the endpoint's fault: the port of a tunnel that ends serves the next.
    EXPECT_EQ(hawser.Metric("hawser_endpoint_connect_failures_total"), 0);
    EXPECT_EQ(hawser.Metric("hawser_endpoint_out"), 0);
    tunnels.pop_back();
    EXPECT_TRUE(hawser.MetricReaches(left, 1));
    EXPECT_TRUE(Eventually([&] { return Join(hawser.listener()).open(); }));
  });
}

TEST(SourceAddresses, EachHasItsShareOfTheConnections) {
  InANetworkOfItsOwn([] {
    FakeBackend backend("127.0.0.1:9000");
    HawserProcess hawser(Yaml("    source_addresses: [ 127.0.0.2, 127.0.0.3, 127.0.0.4 ]\n"), 2);
    std::vector<Wire> clients;
    for (int i = 0; i < 30; ++i) {
      clients.push_back(Wire::Connect(hawser.listener()));
      clients.back().Send(Request().Text());
    }
    std::map<std::string, int> sources;
    std::vector<Wire> accepted;
    for (int i = 0; i < 30; ++i) {
      accepted.push_back(backend.Accept());
      sockaddr_storage native{};
      socklen_t length = sizeof native;
      getpeername(accepted.back().fd(), reinterpret_cast<sockaddr*>(&native), &length);
      ++sources[net::SocketAddress::FromNative(native, length).ip().ToString()];
    }
    EXPECT_EQ(sources, (std::map<std::string, int>{{"127.0.0.2", 10}, {"127.0.0.3", 10}, {"127.0.0.4", 10}}));
  });
}

TEST(SourceAddresses, WithoutThemTheKernelChoosesOne) {
  InANetworkOfItsOwn([] {
    EchoBackend backend("a", "127.0.0.1:9000");
    HawserProcess hawser(Yaml(""));
    EXPECT_EQ(hawser.Metric("hawser_endpoint_local_ports_left"), kPorts);
    const std::vector<Wire> tunnels = OpenTunnels(hawser, kPorts);
    EXPECT_EQ(hawser.Metric("hawser_endpoint_local_ports_left"), 0);
    Head head;
    EXPECT_FALSE(Join(hawser.listener(), {}, &head).open());
    EXPECT_EQ(head.status(), 503);
  });
}

}  // namespace
}  // namespace hawser::integration::source_addresses_test
