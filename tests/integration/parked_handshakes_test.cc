// TLS handshakes that wait for their turn: who goes first, who is given up, and what those cost that have
// left. The process is stopped while clients act, so that it finds all they did at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <thread>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::Each;
using testing::HasSubstr;

// A record of a handshake that no server goes on with: its step is noted in the log.
const std::string kGarbage("\x16\x03\x01\x00\x05hello", 10);

const std::vector<std::string> kGauges = {"hawser_tls_handshakes_parked", "hawser_tls_handshakes_open",
                                          "hawser_connections_open"};

class ParkedHandshakes : public testing::Test {
 protected:
  ParkedHandshakes() : files_(MakeCertificate(directory_, "default", {"default.test"})) {}

  Config With(const std::string& timeouts = "tls_handshake: 30s") const {
    return {.listener = {fmt::format("tls: {{ certificates: [ {{ certificate: {}, private_key: {} }} ] }}",
                                     files_.certificate, files_.private_key),
                         "timeouts: { " + timeouts + " }"}};
  }
  std::string Yaml(const std::string& timeouts = "tls_handshake: 30s") const {
    Config config = With(timeouts);
    config.endpoints = {"127.0.0.1:1"};
    return config.Yaml();
  }

  const Directory directory_;
  const CertificateFiles files_;
};

// Every thread of it has stopped.
bool Stopped(pid_t pid) {
  bool stopped = true;
  for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    stopped &= ReadFile(task.path() / "stat").find(") T ") != std::string::npos;
  }
  return stopped;
}

// Stops the process while `act` runs.
void WhileStopped(HawserProcess& hawser, const std::function<void()>& act) {
  hawser.process().Signal(SIGSTOP);
  EXPECT_TRUE(Eventually([&] { return Stopped(hawser.process().pid()); }));
  act();
  hawser.process().Signal(SIGCONT);
}

// What the log says of the handshakes that failed, "127.0.0.2:4711 failed: ...", in their order.
std::vector<std::string> Failures(HawserProcess& hawser, size_t count) {
  std::vector<std::string> failures;
  EXPECT_TRUE(Eventually([&] {
    failures.clear();
    std::istringstream log(hawser.process().err());
    constexpr std::string_view kMark = "TLS handshake with ";
    for (std::string line; std::getline(log, line);) {
      const size_t at = line.find(kMark);
      if (at != std::string::npos) failures.push_back(line.substr(at + kMark.size()));
    }
    return failures.size() >= count;
  }));
  return failures;
}

TEST_F(ParkedHandshakes, ManyAtOnceAreAllAnswered) {
  HawserProcess hawser(Yaml());
  std::vector<Wire> clients;
  WhileStopped(hawser, [&] {
    for (int i = 0; i < 100; ++i) {
      clients.push_back(Wire::Connect(hawser.listener()));
      ASSERT_TRUE(clients.back().Send(ClientHello()));
    }
  });
  for (Wire& client : clients) EXPECT_EQ(client.Read(1), "\x16");
  EXPECT_TRUE(hawser.MetricIs("hawser_tls_handshakes_open", 100));
  EXPECT_TRUE(hawser.MetricIs("hawser_tls_handshakes_parked", 0));
  for (Wire& client : clients) client.Reset();
  for (const std::string& gauge : kGauges) EXPECT_TRUE(hawser.MetricIs(gauge, 0)) << gauge;
  EXPECT_EQ(hawser.Metric("hawser_tls_handshakes_shed_total"), 0);
}

TEST_F(ParkedHandshakes, ANewcomerGoesBeforeThoseWhoseConnectionsLedNowhere) {
  HawserProcess hawser(Yaml(), 1, {.arguments = {"-l", "debug"}});
  const std::string address = hawser.listener();
  Wire::Connect(address, {.from = "127.0.0.2"}).Close();
  EXPECT_TRUE(hawser.MetricIs("hawser_tls_handshakes_total", 1, {"result=\"failed\""}));
  EXPECT_TRUE(hawser.MetricIs("hawser_connections_open", 0));
  std::vector<Wire> clients;
  for (int i = 0; i < 30; ++i) clients.push_back(Wire::Connect(address, {.from = "127.0.0.2"}));
  clients.push_back(Wire::Connect(address, {.from = "127.0.0.3"}));
  EXPECT_TRUE(hawser.MetricIs("hawser_connections_open", 31));
  WhileStopped(hawser, [&] {
    for (Wire& client : clients) ASSERT_TRUE(client.Send(kGarbage));
  });
  const std::vector<std::string> failures = Failures(hawser, 32);
  ASSERT_EQ(failures.size(), 32U);
  EXPECT_THAT(failures[0], HasSubstr("left before it began"));
  EXPECT_THAT(failures[1], HasSubstr("127.0.0.3:")) << "it came last";
  for (size_t i = 2; i < failures.size(); ++i) EXPECT_THAT(failures[i], HasSubstr("127.0.0.2:"));
  for (const std::string& gauge : kGauges) EXPECT_TRUE(hawser.MetricIs(gauge, 0)) << gauge;
}

TEST_F(ParkedHandshakes, ThoseThatHaveLeftCostNoCryptography) {
  HawserProcess hawser(Yaml(), 1, {.arguments = {"-l", "debug"}});
  std::vector<Wire> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(Wire::Connect(hawser.listener()));
  EXPECT_TRUE(hawser.MetricIs("hawser_connections_open", 40));
  WhileStopped(hawser, [&] {
    for (size_t i = 0; i < clients.size(); ++i) {
      ASSERT_TRUE(clients[i].Send(ClientHello()));
      i % 2 == 0 ? clients[i].Reset() : clients[i].Close();
    }
  });
  const std::vector<std::string> failures = Failures(hawser, 40);
  EXPECT_THAT(failures, Each(testing::AnyOf(HasSubstr("the client reset the connection"),
                                            HasSubstr("the client left before it began"))));
  EXPECT_TRUE(hawser.MetricIs("hawser_tls_handshakes_total", 40, {"result=\"failed\""}));
  for (const std::string& gauge : kGauges) EXPECT_TRUE(hawser.MetricIs(gauge, 0)) << gauge;
}

// The deadline is shorter than what the handshakes take together.
TEST_F(ParkedHandshakes, TheirDeadlinesShedThoseThatWait) {
  HawserProcess hawser(Yaml("tls_handshake: 10ms"));
  const std::string hello = ClientHello();
  std::vector<Wire> clients;
  WhileStopped(hawser, [&] {
    for (int i = 0; i < 400; ++i) {
      clients.push_back(Wire::Connect(hawser.listener()));
      ASSERT_TRUE(clients.back().Send(hello));
    }
  });
  EXPECT_TRUE(hawser.MetricReaches("hawser_tls_handshakes_shed_total", 1));
  EXPECT_TRUE(hawser.MetricReaches("hawser_rejects_total", 400, {"reason=\"tls_timeout\""}));
  for (const std::string& gauge : kGauges) EXPECT_TRUE(hawser.MetricIs(gauge, 0)) << gauge;
  EXPECT_TRUE(Eventually([&] {
    return hawser.process().err().find("TLS handshakes that waited for their turn") != std::string::npos;
  }));
}

TEST_F(ParkedHandshakes, ADrainEndsThoseThatWait) {
  HawserProcess hawser(Yaml());
  std::vector<Wire> clients;
  WhileStopped(hawser, [&] {
    for (int i = 0; i < 100; ++i) {
      clients.push_back(Wire::Connect(hawser.listener()));
      ASSERT_TRUE(clients.back().Send(ClientHello()));
    }
    hawser.process().Signal(SIGTERM);
  });
  EXPECT_EQ(hawser.process().Wait(), 0);
}

TEST_F(ParkedHandshakes, AFloodOfHellosKeepsNeitherTunnelsNorNewcomersFromTheirOwn) {
  OneBackend world(With());
  const std::string address = world.hawser().listener();
  Tunnel tunnel = world.Open({}, {}, {.tls = true});
  std::atomic<bool> over = false;
  std::vector<std::thread> flood;
  for (int i = 2; i < 5; ++i) {
    flood.emplace_back([&, from = "127.0.0." + std::to_string(i)] {
      const std::string hello = ClientHello();
      while (!over) {
        Wire wire = Wire::Connect(address, {.from = from});
        if (wire.Send(hello)) wire.Read(1);
        wire.Reset();
      }
    });
  }
  EXPECT_TRUE(world.hawser().MetricReaches("hawser_tls_handshakes_total", 100, {"result=\"failed\""}));
  for (int i = 0; i < 10; ++i) {
    Tunnel newcomer = world.Open({}, {}, {.from = "127.0.0.9", .tls = true});
    ExpectAlive(newcomer);
    ExpectAlive(tunnel);
  }
  over = true;
  for (std::thread& thread : flood) thread.join();
  EXPECT_TRUE(world.hawser().MetricIs("hawser_tls_handshakes_parked", 0));
  EXPECT_TRUE(world.hawser().MetricIs("hawser_tls_handshakes_open", 0));
}

}  // namespace
}  // namespace hawser::integration
