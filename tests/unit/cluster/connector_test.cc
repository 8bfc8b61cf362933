#include "proxy/cluster/connector.h"

#include <array>
#include <cerrno>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gtest/gtest.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster {
namespace {

TEST(ConnectError, DistinguishesLocalShortagesFromTheEndpointsFaults) {
  EXPECT_EQ(ConnectErrorOf(absl::OkStatus()), ConnectError::kNone);
  EXPECT_EQ(ConnectErrorOf(absl::ErrnoToStatus(EADDRNOTAVAIL, "")), ConnectError::kNoLocalPort);
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) {
    EXPECT_EQ(ConnectErrorOf(absl::ErrnoToStatus(error, "")), ConnectError::kNoResources) << error;
  }
  for (const int error : {ECONNREFUSED, ENETUNREACH, EHOSTUNREACH, ENOENT, EACCES, EPERM, EAGAIN}) {
    EXPECT_EQ(ConnectErrorOf(absl::ErrnoToStatus(error, "")), ConnectError::kFailed) << error;
  }
}

TEST(Connect, MakesASocketThatReachesTheEndpoint) {
  const net::Socket listener = net::Listen(Address("127.0.0.1:0"), {}).value();
  Endpoint endpoint("rooms", net::LocalAddress(listener).value());
  Connection connection = Connect(endpoint, {});
  ASSERT_EQ(connection.error, ConnectError::kNone);
  EXPECT_EQ(endpoint.connects(), 1u);
  EXPECT_EQ(endpoint.connecting(), 1);

  const std::array<std::byte, 2> hello = {std::byte{'h'}, std::byte{'i'}};
  ASSERT_EQ(send(connection.socket.fd(), hello.data(), hello.size(), 0), 2);
  connection.lease.Succeeded();
  EXPECT_EQ(endpoint.connecting(), 0);
  EXPECT_EQ(endpoint.connect_failures(), 0u);

  const net::Socket accepted(accept(listener.fd(), nullptr, nullptr));
  std::array<char, 8> received;
  ASSERT_EQ(recv(accepted.fd(), received.data(), received.size(), 0), 2);
  EXPECT_EQ(std::string(received.data(), 2), "hi");
}

TEST(Connect, CountsARefusalThatIsKnownAtOnce) {
  const std::string path = testing::TempDir() + "/nobody." + std::to_string(getpid()) + ".sock";
  Endpoint endpoint("rooms", Address("unix:" + path));
  const Connection connection = Connect(endpoint, {});
  EXPECT_EQ(connection.error, ConnectError::kFailed);
  EXPECT_EQ(connection.why, "No such file or directory");
  EXPECT_FALSE(connection.socket.open());
  EXPECT_EQ(endpoint.connects(), 1u);
  EXPECT_EQ(endpoint.connect_failures(), 1u);
  EXPECT_EQ(endpoint.connecting(), 0);
}

TEST(Connect, DoesNotBlameTheEndpointForALackOfDescriptors) {
  Endpoint endpoint("rooms", Address("127.0.0.1:1"));
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{.rlim_cur = 0, .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const Connection connection = Connect(endpoint, {});
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(connection.error, ConnectError::kNoResources);
  EXPECT_EQ(connection.why, "Too many open files");
  EXPECT_EQ(endpoint.connects(), 1u);
  EXPECT_EQ(endpoint.connect_failures(), 0u);
  EXPECT_EQ(endpoint.connecting(), 0);
}

TEST(Connect, KeepsToTheCircuitBreakersOfEndpointAndCluster) {
  EndpointRegistry registry;
  const net::Socket listener = net::Listen(Address("127.0.0.1:0"), {}).value();
  const auto endpoint = registry.Get("rooms", net::LocalAddress(listener).value());
  const auto other = registry.Get("rooms", Address("127.0.0.1:1"));
  config::Cluster settings;
  settings.endpoint_circuit_breakers.connecting = 2;
  settings.circuit_breakers.connecting = 3;
  std::vector<Connection> made;
  const auto connect = [&] { return made.emplace_back(ConnectWithinLimits(*endpoint, settings)).error; };
  EXPECT_EQ(connect(), ConnectError::kNone);
  EXPECT_EQ(connect(), ConnectError::kNone);
  EXPECT_EQ(connect(), ConnectError::kFull);
  EXPECT_EQ(endpoint->connects(), 2u);
  made[0].lease.Succeeded();
  ConnectLease elsewhere(*other);
  EXPECT_EQ(connect(), ConnectError::kNone);
  made[1].lease.Succeeded();
  ConnectLease and_again(*other);
  EXPECT_EQ(connect(), ConnectError::kFull) << "the cluster's";
  EXPECT_EQ(endpoint->connect_failures(), 0u);
}

int Option(const net::Socket& socket, int level, int name) {
  int value = -1;
  socklen_t length = sizeof value;
  getsockopt(socket.fd(), level, name, &value, &length);
  return value;
}

TEST(Connect, LetsTheKernelWatchTheEndpointsHost) {
  const net::Socket listener = net::Listen(Address("127.0.0.1:0"), {}).value();
  Endpoint endpoint("rooms", net::LocalAddress(listener).value());
  const Connection watched =
      Connect(endpoint, {.idle = base::Duration(1500), .interval = std::chrono::seconds(7), .probes = 4});
  EXPECT_EQ(Option(watched.socket, SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(Option(watched.socket, IPPROTO_TCP, TCP_KEEPIDLE), 2) << "seconds, rounded up";
  EXPECT_EQ(Option(watched.socket, IPPROTO_TCP, TCP_KEEPINTVL), 7);
  EXPECT_EQ(Option(watched.socket, IPPROTO_TCP, TCP_KEEPCNT), 4);
  const Connection alone = Connect(endpoint, {.idle = base::Duration(0)});
  EXPECT_EQ(Option(alone.socket, SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST(LongestSilence, IsThatOfTheKernelsProbes) {
  EXPECT_EQ(LongestSilence({}), std::chrono::seconds(60));
  EXPECT_EQ(LongestSilence({.idle = base::Duration(1), .interval = base::Duration(2), .probes = 5}),
            std::chrono::seconds(6));
  EXPECT_EQ(LongestSilence({.idle = base::Duration(0)}), base::Duration(0));
}

std::string SourceOf(const Connection& connection) {
  return net::LocalAddress(connection.socket).value().ip().ToString();
}

std::vector<net::IpAddress> Addresses(const std::vector<std::string>& texts) {
  std::vector<net::IpAddress> addresses;
  for (const std::string& text : texts) addresses.push_back(net::IpAddress::Parse(text).value());
  return addresses;
}

TEST(Connect, ComesFromTheSourcesOfTheEndpointsFamilyInTurn) {
  const net::Socket listener = net::Listen(Address("127.0.0.1:0"), {}).value();
  Endpoint endpoint("rooms", net::LocalAddress(listener).value());
  const auto sources = Addresses({"127.0.0.2", "::1", "127.0.0.3"});
  std::vector<std::string> seen;
  for (int i = 0; i < 4; ++i) {
    const Connection connection = Connect(endpoint, {}, sources);
    ASSERT_EQ(connection.error, ConnectError::kNone) << connection.why;
    EXPECT_EQ(Option(connection.socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT), 1);
    seen.push_back(SourceOf(connection));
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"127.0.0.3", "127.0.0.2", "127.0.0.3", "127.0.0.2"}));
  EXPECT_EQ(SourceOf(Connect(endpoint, {}, Addresses({"::1"}))), "127.0.0.1") << "the kernel's choice";
}

TEST(Connect, ComesFromIpv6ToIpv6) {
  auto listener = net::Listen(Address("[::1]:0"), {});
  if (!listener.ok()) GTEST_SKIP() << "no IPv6 here";
  Endpoint endpoint("rooms", net::LocalAddress(*listener).value());
  const Connection connection = Connect(endpoint, {}, Addresses({"127.0.0.2", "::1"}));
  ASSERT_EQ(connection.error, ConnectError::kNone) << connection.why;
  EXPECT_EQ(SourceOf(connection), "::1");
}

TEST(Connect, PassesOverASourceThatThisMachineDoesNotHave) {
  const net::Socket listener = net::Listen(Address("127.0.0.1:0"), {}).value();
  Endpoint endpoint("rooms", net::LocalAddress(listener).value());
  const auto sources = Addresses({"192.0.2.1", "127.0.0.2"});
  for (int i = 0; i < 2; ++i) EXPECT_EQ(SourceOf(Connect(endpoint, {}, sources)), "127.0.0.2");
  const Connection none = Connect(endpoint, {}, Addresses({"192.0.2.1"}));
  EXPECT_EQ(none.error, ConnectError::kNoLocalPort);
  EXPECT_EQ(none.why, "cannot connect from 192.0.2.1: Cannot assign requested address");
  EXPECT_EQ(endpoint.connect_failures(), 0u);
}

TEST(LocalPortsLeft, AreThoseOfEachSourceLessTheConnections) {
  Endpoint endpoint("rooms", Address("127.0.0.1:1"));
  const auto sources = Addresses({"127.0.0.2", "::1", "127.0.0.3"});
  EXPECT_EQ(LocalPortsLeft(endpoint, {}, 100), 100);
  EXPECT_EQ(LocalPortsLeft(endpoint, sources, 100), 200) << "of its family";
  EXPECT_EQ(LocalPortsLeft(endpoint, Addresses({"::1"}), 100), 100) << "the kernel's choice";
  const IdleLease idle(endpoint);
  EXPECT_EQ(LocalPortsLeft(endpoint, sources, 100), 199);
  EXPECT_EQ(LocalPortsLeft(endpoint, {}, 0), 0) << "never below 0";
  const Endpoint file("rooms", Address("unix:/run/a.sock"));
  EXPECT_EQ(LocalPortsLeft(file, sources, 100), std::nullopt);
}

// A network of the calling thread's own with two local ports; false where this is not allowed.
bool EnterNetworkOfTwoPorts() {
  if (unshare(CLONE_NEWNET) != 0) return false;
  const net::Socket any(socket(AF_INET, SOCK_DGRAM, 0));
  ifreq loopback{};
  loopback.ifr_name[0] = 'l';
  loopback.ifr_name[1] = 'o';
  loopback.ifr_flags = IFF_UP;
  if (ioctl(any.fd(), SIOCSIFFLAGS, &loopback) != 0) return false;
  std::ofstream range("/proc/sys/net/ipv4/ip_local_port_range");
  range << "40000 40001" << std::flush;
  return range.good();
}

TEST(Connect, DoesNotBlameTheEndpointForALackOfLocalPorts) {
  bool allowed = false;
  std::thread([&allowed] {
    allowed = EnterNetworkOfTwoPorts();
    if (!allowed) return;
    const net::Socket listener = net::Listen(Address("127.0.0.1:9000"), {}).value();
    Endpoint endpoint("rooms", Address("127.0.0.1:9000"));
    const Connection connections[] = {Connect(endpoint, {}), Connect(endpoint, {}), Connect(endpoint, {})};
    EXPECT_EQ(connections[1].error, ConnectError::kNone);
    EXPECT_EQ(connections[2].error, ConnectError::kNoLocalPort);
    EXPECT_EQ(connections[2].why, "Cannot assign requested address");
    EXPECT_EQ(endpoint.connect_failures(), 0u);
    EXPECT_EQ(net::LocalPorts(), 2);
  }).join();
  if (!allowed) GTEST_SKIP() << "no network namespaces here";
}

TEST(Connect, TakesTheNextSourceWhenOneHasNoPortLeft) {
  bool allowed = false;
  std::thread([&allowed] {
    allowed = EnterNetworkOfTwoPorts();
    if (!allowed) return;
    const net::Socket listener = net::Listen(Address("127.0.0.1:9000"), {}).value();
    Endpoint endpoint("rooms", Address("127.0.0.1:9000"));
    const auto sources = Addresses({"127.0.0.2", "127.0.0.3"});
    std::vector<Connection> connections;
    connections.push_back(Connect(endpoint, {}, Addresses({"127.0.0.2"})));
    connections.push_back(Connect(endpoint, {}, Addresses({"127.0.0.2"})));
    for (int i = 0; i < 2; ++i) {
      connections.push_back(Connect(endpoint, {}, sources));
      ASSERT_EQ(connections.back().error, ConnectError::kNone) << connections.back().why;
      EXPECT_EQ(SourceOf(connections.back()), "127.0.0.3");
    }
    EXPECT_EQ(Connect(endpoint, {}, sources).error, ConnectError::kNoLocalPort);
    EXPECT_EQ(endpoint.connect_failures(), 0u);
  }).join();
  if (!allowed) GTEST_SKIP() << "no network namespaces here";
}

}  // namespace
}  // namespace hawser::cluster
