// Tunnels move to endpoints that joined or returned empty, a few each second, until everybody has the fair
// share: through the real binary, with clients that connect again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <optional>

#include "tests/integration/harness/scenario.h"
#include "tests/integration/harness/site.h"

namespace hawser::integration::rebalance_test {
namespace {

using testing::HasSubstr;

class Rebalance : public testing::Test {
 protected:
  Rebalance() : address_(UnusedAddress()) {
    site_.listeners = {ListenerOf("main", address_)};
    site_.routes = {RouteOf("all", "rooms", "match: { path_prefix: / }")};
  }

  void Point(const std::vector<std::string>& endpoints, const std::string& rebalance,
             const std::string& more = "") {
    std::string fields = "lb_policy: least_request";
    if (!rebalance.empty()) fields += ", rebalance: { " + rebalance + " }";
    if (!more.empty()) fields += ", " + more;
    site_.clusters = {ClusterOf("rooms", endpoints, fields)};
  }
  void Start(int workers = 1) { hawser_.emplace(site_.Yaml(), workers); }

  // A client that connects again when it is closed, with the cookie that it has.
  struct Client {
    Wire tunnel;
    std::string backend;
    std::string cookie;
    int closed = 0;
  };
  void Connect(Client& client) {
    Request request;
    if (!client.cookie.empty()) request.more = {{"Cookie", client.cookie}};
    Head head;
    client.tunnel = Join(address_, request, &head);
    ASSERT_TRUE(client.tunnel.open()) << head.raw;
    client.backend = head.Value("X-Backend");
    const std::string cookie = head.Value("Set-Cookie");
    if (!cookie.empty()) client.cookie = cookie.substr(0, cookie.find(';'));
  }
  void Connect(size_t clients) {
    for (size_t i = 0; i < clients; ++i) Connect(clients_.emplace_back());
  }
  // Whoever has been closed connects again.
  void Answer(uint16_t code = 1012) {
    for (Client& client : clients_) {
      if (!client.tunnel.HasInput()) continue;
      ExpectClosed(client.tunnel, code);
      ++client.closed;
      ++closed_by_[client.backend];
      Connect(client);
    }
  }
  std::map<std::string, int> Counts() const {
    std::map<std::string, int> counts;
    for (const Client& client : clients_) ++counts[client.backend];
    return counts;
  }
  int Closed() const {
    int closed = 0;
    for (const Client& client : clients_) closed += client.closed;
    return closed;
  }
  testing::AssertionResult Logs(const std::string& text, uint16_t code = 1012) {
    const bool logged = Eventually([&] {
      Answer(code);
      return hawser_->process().err().find(text) != std::string::npos;
    });
    if (logged) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "no \"" << text << "\" in\n" << hawser_->process().err();
  }
  double Rebalanced() { return hawser_->Metric("hawser_rejects_total", {"rebalanced"}); }

  EchoBackend a_{"a"};
  EchoBackend b_{"b"};
  EchoBackend c_{"c"};
  const std::string address_;
  Site site_;
  std::optional<HawserProcess> hawser_;
  std::vector<Client> clients_;
  std::map<std::string, int> closed_by_;  // by the backend that they had
};

TEST_F(Rebalance, AnEndpointThatJoinsIsFilledAtTheRate) {
  Point({a_.address(), b_.address()}, "rate: 2/s");
  Start(2);
  Connect(30);
  EXPECT_EQ(Counts(), (std::map<std::string, int>{{"a", 15}, {"b", 15}}));
  Point({a_.address(), b_.address(), c_.address()}, "rate: 2/s");
  Apply(*hawser_, site_);
  const auto begun = Clock::now();
  const std::map<std::string, int> fair = {{"a", 10}, {"b", 10}, {"c", 10}};
  EXPECT_TRUE(Eventually([&] {
    Answer();
    return Counts() == fair;
  })) << testing::PrintToString(Counts());
  const auto seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  for (const auto& [backend, closed] : closed_by_) {
    EXPECT_LE(closed, 2 * (seconds + 1)) << backend << " in " << seconds;
  }
  EXPECT_GE(Closed(), 10);
  EXPECT_TRUE(Logs(a_.address() + ": rebalancing ends: it is at its fair share"));
  EXPECT_TRUE(Logs(b_.address() + ": rebalancing ends: it is at its fair share"));
  EXPECT_EQ(Counts(), fair);
  EXPECT_EQ(Rebalanced(), Closed());
  EXPECT_TRUE(hawser_->MetricIs("hawser_draining_tunnels", 0, {"rebalance"}));
  EXPECT_THAT(hawser_->process().err(),
              HasSubstr("cluster rooms: " + a_.address() +
                        ": rebalancing begins: it has 15 tunnels, and its fair share is 10.0"));
}

TEST_F(Rebalance, TheLongestSilentAreClosedWithTheCode) {
  Point({a_.address()}, "rate: 100/s, code: 4001");
  Start();
  Connect(12);
  for (size_t i = 0; i < clients_.size(); i += 2) ExpectEcho(clients_[i].tunnel);
  Point({a_.address(), b_.address()}, "rate: 100/s, code: 4001");
  Apply(*hawser_, site_);
  EXPECT_TRUE(Logs("tunnels closed: 6", 4001));
  for (size_t i = 0; i < clients_.size(); ++i) {
    EXPECT_EQ(clients_[i].closed, i % 2 == 0 ? 0 : 1) << i;
    EXPECT_EQ(clients_[i].backend, i % 2 == 0 ? "a" : "b") << i;
    ExpectEcho(clients_[i].tunnel);
  }
}

TEST_F(Rebalance, LessThanAWholeTunnelStaysWhereItIs) {
  Point({a_.address()}, "rate: 100/s");
  Start();
  Connect(4);
  Point({a_.address(), b_.address(), c_.address()}, "rate: 100/s");
  Apply(*hawser_, site_);
  EXPECT_TRUE(Logs("rebalancing ends: it is at its fair share"));
  EXPECT_EQ(Counts()["a"], 2) << "of 1.3 that are fair";
}

TEST_F(Rebalance, NobodyIsClosedWhileAnEndpointIsEjected) {
  const std::string later = UnusedAddress();
  const std::string outliers = "outlier_detection: { base_ejection_time: 1s, max_ejection_time: 1s }";
  Point({a_.address(), later}, "", outliers);
  Start();
  Connect(12);
  EXPECT_EQ(Counts(), (std::map<std::string, int>{{"a", 12}}));
  const auto ejections = [&] { return hawser_->Metric("hawser_endpoint_ejections_total", {later}); };
  ASSERT_TRUE(Eventually([&] {
    Head head;
    Join(address_, {}, &head);
    return ejections() >= 1;
  }));
  Point({a_.address(), later}, "rate: 100/s", outliers);
  Apply(*hawser_, site_);
  // Each lasts a second, and a request that is tried there begins the next one.
  ASSERT_TRUE(Eventually([&] {
    Head head;
    Join(address_, {}, &head);
    return ejections() >= 4;
  }));
  Answer();
  EXPECT_EQ(Closed(), 0);
  EXPECT_EQ(Rebalanced(), 0);
  EchoBackend returned("returned", later);
  ASSERT_TRUE(Eventually([&] {
    Head head;
    Join(address_, {}, &head);
    return head.Value("X-Backend") == "returned";
  }));
  EXPECT_TRUE(Logs("rebalancing ends: it is at its fair share"));
  EXPECT_EQ(Counts(), (std::map<std::string, int>{{"a", 6}, {"returned", 6}}));
}

TEST_F(Rebalance, AnEndpointThatReturnsIsFilledThoughNobodyNewComes) {
  const std::string later = UnusedAddress();
  const std::string outliers = "outlier_detection: { base_ejection_time: 1s, max_ejection_time: 1s }";
  Point({a_.address(), later}, "", outliers);
  Start();
  Connect(12);
  ASSERT_TRUE(Eventually([&] {
    Head head;
    Join(address_, {}, &head);
    return hawser_->Metric("hawser_endpoint_ejections_total", {later}) >= 1;
  }));
  EchoBackend returned("returned", later);
  Point({a_.address(), later}, "rate: 100/s", outliers);
  Apply(*hawser_, site_);
  EXPECT_TRUE(Logs("rebalancing ends: it is at its fair share"));
  EXPECT_EQ(Counts(), (std::map<std::string, int>{{"a", 6}, {"returned", 6}}));
}

TEST_F(Rebalance, CookiesFromBeforeDoNotLeadBackWhileTheEndpointSheds) {
  const std::string affinity =
      "affinity: { cookie: { name: moor, ttl: 0s, keys: [ 0123456789abcdef0123456789abcdef ] } }";
  Point({a_.address()}, "rate: 2/s", affinity);
  Start(2);
  Connect(8);
  const std::string of_a = clients_[0].cookie;
  const auto minted = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  ASSERT_TRUE(
      Eventually([&] { return std::chrono::system_clock::now() >= minted + std::chrono::seconds(1); }));
  Point({a_.address(), b_.address()}, "rate: 2/s", affinity);
  Apply(*hawser_, site_);
  EXPECT_TRUE(Logs("rebalancing ends: it is at its fair share; tunnels closed: 4"));
  for (const Client& client : clients_) {
    EXPECT_EQ(client.backend, client.closed == 0 ? "a" : "b");
    EXPECT_LE(client.closed, 1);
  }
  EXPECT_EQ(Closed(), 4);
  EXPECT_EQ(hawser_->Metric("hawser_affinity_total", {"gone"}), 4);
  Client again{.cookie = of_a};
  Connect(again);
  EXPECT_EQ(again.backend, "a") << "it counts again";
  EXPECT_EQ(hawser_->Metric("hawser_affinity_total", {"hit"}), 1);
}

}  // namespace
}  // namespace hawser::integration::rebalance_test
