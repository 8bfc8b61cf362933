// Limits at accept: connections and rate by client address, exact over all workers, and the listener's own
// cap.
#include <gtest/gtest.h>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

class IpLimits : public testing::Test {
 protected:
  HawserProcess Start(const std::string& limits, int concurrency = 2,
                      std::vector<std::string> listener = {}) {
    listener.push_back("limits: { " + limits + " }");
    return HawserProcess(Config{.endpoints = {echo_.address()}, .listener = std::move(listener)}.Yaml(),
                         concurrency);
  }
  // How many of `count` clients get a tunnel; they stay in open_.
  int Flood(HawserProcess& hawser, int count, const std::string& from = "127.0.0.1") {
    std::vector<Wire> wires;
    for (int i = 0; i < count; ++i) wires.push_back(Wire::Connect(hawser.listener(), {.from = from}));
    int accepted = 0;
    for (Wire& wire : wires) wire.Send(Request{}.Text());
    for (Wire& wire : wires) {
      if (ReadHead(wire).status() != 101) continue;
      ++accepted;
      open_.push_back(std::move(wire));
    }
    return accepted;
  }

  EchoBackend echo_{"echo"};
  std::vector<Wire> open_;
};

TEST_F(IpLimits, TwoHundredConnectionsAgainstALimitOfAHundredGiveExactlyAHundred) {
  HawserProcess hawser = Start("connections_per_ip: 100");
  EXPECT_EQ(Flood(hawser, 200), 100);
  EXPECT_EQ(Flood(hawser, 10), 0);
  EXPECT_EQ(Flood(hawser, 10, "127.0.0.2"), 10);
  for (Wire& wire : open_) {
    wire.Send(EncodeMasked({.payload = "still here"}));
    EXPECT_EQ(ReadFrame(wire).payload, "still here");
  }
}

TEST_F(IpLimits, AConnectionThatEndsMakesRoomForOne) {
  HawserProcess hawser = Start("connections_per_ip: 5");
  EXPECT_EQ(Flood(hawser, 10), 5);
  for (int i = 0; i < 20; ++i) {
    open_.pop_back();
    ASSERT_TRUE(Eventually([&] { return Flood(hawser, 1) == 1; }));
  }
  EXPECT_EQ(Flood(hawser, 10), 0);
}

TEST_F(IpLimits, AConnectionThatOnlyWaitsCountsToo) {
  HawserProcess hawser = Start("connections_per_ip: 3", 1);  // one worker: accepted in the order of coming
  std::vector<Wire> silent;
  for (int i = 0; i < 3; ++i) silent.push_back(Wire::Connect(hawser.listener()));
  EXPECT_EQ(Flood(hawser, 3), 0);
  for (Wire& wire : silent) {
    wire.Send(Request{}.Text());
    EXPECT_EQ(ReadHead(wire).status(), 101);
  }
}

TEST_F(IpLimits, ARateLetsItsBurstThroughAndNoMore) {
  HawserProcess hawser = Start("connection_rate_per_ip: { rate: 1/h, burst: 7 }");
  EXPECT_EQ(Flood(hawser, 30), 7);
  open_.clear();
  EXPECT_EQ(Flood(hawser, 10), 0);  // it is a rate: ended connections give nothing back
  EXPECT_EQ(Flood(hawser, 10, "127.0.0.3"), 7);
}

TEST_F(IpLimits, ARateRefills) {
  HawserProcess hawser = Start("connection_rate_per_ip: { rate: 20/s, burst: 1 }");
  EXPECT_EQ(Flood(hawser, 1), 1);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Eventually([&] { return Flood(hawser, 1) == 1; }));
}

TEST_F(IpLimits, ConnectionsOfTrustedProxiesAreNotCounted) {
  HawserProcess hawser = Start("connections_per_ip: 2, connection_rate_per_ip: { rate: 1/h, burst: 3 }", 2,
                               {"trusted_proxies: [ 127.0.0.7 ]"});
  EXPECT_EQ(Flood(hawser, 20, "127.0.0.7"), 20);
  EXPECT_EQ(Flood(hawser, 20, "127.0.0.8"), 2);
}

TEST_F(IpLimits, APrefixCountsAsOneClient) {
  HawserProcess hawser = Start("connections_per_ip: 4, ipv4_prefix: 24");
  EXPECT_EQ(Flood(hawser, 3, "127.0.5.1"), 3);
  EXPECT_EQ(Flood(hawser, 3, "127.0.5.77"), 1);
  EXPECT_EQ(Flood(hawser, 3, "127.0.6.1"), 3);
}

TEST_F(IpLimits, AboveTheLimitTheSocketIsClosedWithoutAByte) {
  HawserProcess hawser = Start("connections_per_ip: 1");
  ASSERT_EQ(Flood(hawser, 1), 1);
  Wire refused = Wire::Connect(hawser.listener());
  std::string bytes;
  EXPECT_NE(refused.ReadEnd(&bytes), End::kOpen);
  EXPECT_EQ(bytes, "");
}

TEST_F(IpLimits, OverTheLimitAnAnswerCanBeAskedFor) {
  HawserProcess hawser = Start("connections_per_ip: 1, over_limit: respond");
  ASSERT_EQ(Flood(hawser, 1), 1);
  Wire refused = Wire::Connect(hawser.listener());
  refused.Send(Request{}.Text());
  const Head head = ReadHead(refused);
  EXPECT_EQ(head.status(), 429);
  EXPECT_NE(ReadBody(refused, head), "");
  EXPECT_NE(refused.ReadEnd(), End::kOpen);
}

TEST_F(IpLimits, TheAnswersAtOneTimeAreBounded) {
  HawserProcess hawser(Config{.endpoints = {echo_.address()},
                              .listener = {"limits: { connections_per_ip: 1, over_limit: respond }"},
                              .top = {"limits: { answered_refusals: 1 }"}}
                           .Yaml());
  ASSERT_EQ(Flood(hawser, 1), 1);
  Wire answered = Wire::Connect(hawser.listener());
  answered.Send(Request{}.Text());
  EXPECT_EQ(ReadHead(answered).status(), 429);
  Wire closed = Wire::Connect(hawser.listener());  // while the first has not left
  std::string bytes;
  EXPECT_NE(closed.ReadEnd(&bytes), End::kOpen);
  EXPECT_EQ(bytes, "");
  EXPECT_TRUE(hawser.MetricIs("hawser_rejects_total", 2, {"reason=\"too_many_connections\""}));
  EXPECT_NE(hawser.process().err().find(" 1 refusals answered at one time"), std::string::npos);
}

TEST_F(IpLimits, UnderTlsARefusalCostsNoHandshake) {
  Directory directory;
  const CertificateFiles files = MakeCertificate(directory, "server", {"hawser.test"});
  HawserProcess hawser =
      Start("connections_per_ip: 1, over_limit: respond", 1,
            {fmt::format("tls: {{ certificates: [ {{ certificate: {}, private_key: {} }} ] }}",
                         files.certificate, files.private_key)});
  const Wire first = Join(hawser.listener(), {}, nullptr, {.tls = true});
  ASSERT_TRUE(first.open());
  Wire second = Wire::Connect(hawser.listener());
  std::string bytes;
  EXPECT_NE(second.ReadEnd(&bytes), End::kOpen);
  EXPECT_EQ(bytes, "");
}

TEST_F(IpLimits, TheListenersOwnCapHoldsOverAllAddresses) {
  HawserProcess hawser = Start("connections: 10");
  int accepted = 0;
  for (int host = 1; host <= 20; ++host) accepted += Flood(hawser, 1, fmt::format("127.0.0.{}", host));
  EXPECT_EQ(accepted, 10);
  open_.pop_back();
  EXPECT_TRUE(Eventually([&] { return Flood(hawser, 1, "127.0.0.99") == 1; }));
}

TEST_F(IpLimits, RefusalsAreCountedAndTheirLogIsBounded) {
  HawserProcess hawser = Start("connections_per_ip: 1");
  ASSERT_EQ(Flood(hawser, 1), 1);
  EXPECT_EQ(Flood(hawser, 500), 0);
  EXPECT_TRUE(hawser.MetricIs("hawser_rejects_total", 500, {"reason=\"too_many_connections\""}));
  const std::string log = hawser.process().err();
  EXPECT_LT(std::count(log.begin(), log.end(), '\n'), 100);
  EXPECT_EQ(log.find("(0 more"), std::string::npos);
}

}  // namespace
}  // namespace hawser::integration
