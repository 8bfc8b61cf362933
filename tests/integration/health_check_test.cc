// Active health checks: what each kind asks, what its answers make of an endpoint, and what that means for
// clients and tunnels.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <openssl/ssl.h>

#include "nlohmann/json.hpp"
#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/checked_backend.h"
#include "tests/integration/harness/scenario.h"
#include "tests/integration/harness/site.h"

namespace hawser::integration::health_check_test {
namespace {

using testing::HasSubstr;
using testing::Not;

// Checks that come fast, so that a test need not wait.
std::string Check(const std::string& kind, const std::string& more = "") {
  return "health_checks: [ { " + kind +
         ", interval: 50ms, unhealthy_interval: 20ms, timeout: 5s, healthy_threshold: 2" + more + " } ]";
}
constexpr const char* kHttp = "http: { path: /healthz }";
constexpr const char* kWebSocket = "websocket: { path: /ws }";

nlohmann::json Row(HawserProcess& hawser, const std::string& address) {
  const auto page = nlohmann::json::parse(hawser.AdminPage("/clusters"));
  for (const auto& endpoint : page["clusters"][0]["endpoints"]) {
    if (endpoint["address"] == address) return endpoint;
  }
  ADD_FAILURE() << "no endpoint " << address << " in " << page.dump(2);
  return {};
}
testing::AssertionResult Becomes(HawserProcess& hawser, const std::string& address,
                                 const std::string& state) {
  if (Eventually([&] { return Row(hawser, address)["state"] == state; })) return testing::AssertionSuccess();
  return testing::AssertionFailure() << Row(hawser, address).dump() << "\n" << hawser.process().err();
}
size_t Count(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++count;
  return count;
}
// The log is written by a thread of its own.
bool Says(HawserProcess& hawser, const std::string& text) {
  return Eventually([&] { return hawser.process().err().find(text) != std::string::npos; });
}
testing::AssertionResult Passes(HawserProcess& hawser, const std::string& kind, double least = 3) {
  return hawser.MetricReaches("hawser_health_checks_total", least,
                              {"kind=\"" + kind + "\"", "result=\"passed\""});
}

// --- What each kind asks ---

TEST(HealthCheck, EachKindPassesAtABackendThatIsWell) {
  for (const auto& [kind, check] :
       std::map<std::string, std::string>{{"tcp", "tcp: {}"}, {"http", kHttp}, {"websocket", kWebSocket}}) {
    CheckedBackend backend;
    HawserProcess hawser(Config{.endpoints = {backend.address()}, .cluster = {Check(check)}}.Yaml());
    EXPECT_TRUE(Passes(hawser, kind));
    EXPECT_EQ(hawser.Metric("hawser_health_checks_total", {"result=\"failed\""}), 0) << kind;
    EXPECT_EQ(Row(hawser, backend.address())["state"], "in") << kind;
    EXPECT_EQ(hawser.Metric("hawser_endpoint_connects_total"), 0) << "the road's counts know nothing of them";
    EXPECT_EQ(hawser.Metric("hawser_endpoint_idle_connections"), 0);
    EXPECT_EQ(hawser.Metric("hawser_backend_connects_total"), 0);
  }
}

TEST(HealthCheck, HttpAsksOnAKeptConnection) {
  CheckedBackend backend;
  HawserProcess hawser(Config{
      .endpoints = {backend.address()},
      .cluster = {Check("http: { path: \"/healthz?deep\", headers: [ { name: X-Probe, value: \"1\" } ] }")}}
                           .Yaml());
  EXPECT_TRUE(Eventually([&] { return backend.requests() >= 5; }));
  EXPECT_EQ(backend.connections(), 1);
  const Head head = backend.last();
  EXPECT_EQ(head.first_line, "GET /healthz?deep HTTP/1.1");
  EXPECT_EQ(head.Value("Host"), backend.address());
  EXPECT_EQ(head.Value("X-Probe"), "1");
  EXPECT_EQ(head.Value("User-Agent"), "hawser-health-check");
}

TEST(HealthCheck, AWebSocketIsOpenedPingedAndClosed) {
  CheckedBackend backend;
  HawserProcess hawser(Config{.endpoints = {backend.address()},
                              .cluster = {Check("websocket: { path: /ws, host: rooms.test, headers: "
                                                "[ { name: Origin, value: \"https://rooms.test\" } ] }")}}
                           .Yaml());
  EXPECT_TRUE(Passes(hawser, "websocket"));
  EXPECT_TRUE(Eventually([&] { return backend.closes() >= 3; }));
  const Head head = backend.last();
  EXPECT_EQ(head.first_line, "GET /ws HTTP/1.1");
  EXPECT_EQ(head.Value("Host"), "rooms.test");
  EXPECT_EQ(head.Value("Origin"), "https://rooms.test");
  EXPECT_EQ(head.Value("Sec-WebSocket-Version"), "13");
}

TEST(HealthCheck, GoesToAnotherPortAndHost) {
  CheckedBackend backend;
  CheckedBackend checked;
  for (const std::string kind : {"http", "websocket"}) {
    HawserProcess hawser(Config{
        .endpoints = {backend.address()},
        .cluster = {Check(kind + ": { path: /up, port: " + checked.port() + ", host: \"a.test:81\" }")}}
                             .Yaml());
    EXPECT_TRUE(Passes(hawser, kind));
    EXPECT_EQ(checked.last().Value("Host"), "a.test:81");
  }
  HawserProcess hawser(
      Config{.endpoints = {backend.address()}, .cluster = {Check("tcp: { port: " + checked.port() + " }")}}
          .Yaml());
  EXPECT_TRUE(Passes(hawser, "tcp"));
  EXPECT_EQ(backend.connections(), 0);
}

// The backend is a second hawser, which serves a name for clients and one for checks.
TEST(HealthCheck, GoesOverHttp2AndTlsWithItsHostForSni) {
  Directory directory;
  const CertificateFiles health = MakeCertificate(directory, "health", {"health.test"});
  CheckedBackend backend;
  HawserProcess back(Config{.endpoints = {backend.address()},
                            .listener = {"tls: { certificates: [ { certificate: " + health.certificate +
                                         ", private_key: " + health.private_key + " } ], strict_sni: true }"}}
                         .Yaml());
  for (const auto& [kind, check] :
       std::map<std::string, std::string>{{"http", "http: { path: /healthz, host: \"health.test:8443\" }"},
                                          {"websocket", "websocket: { path: /ws, host: health.test }"}}) {
    HawserProcess front(Config{
        .endpoints = {back.listener()},
        .cluster = {
            "protocol: h2", "tls: { ca_file: " + health.certificate + ", server_name: rooms.test }",
            Check(check)}}.Yaml());
    EXPECT_TRUE(Passes(front, kind));
    EXPECT_EQ(front.Metric("hawser_health_checks_total", {"result=\"failed\""}), 0);
    EXPECT_THAT(backend.last().Value("Host"), HasSubstr("health.test"));
  }
  EXPECT_TRUE(back.MetricIs("hawser_http2_connections_total", 2)) << "each check has kept its connection";
}

// --- What the results mean ---

TEST(HealthCheck, AnEndpointThatFailsGetsNoClientsUntilItIsWell) {
  CheckedBackend well;
  CheckedBackend ill;
  HawserProcess hawser(Config{.endpoints = {ill.address(), well.address()}, .cluster = {Check(kHttp)}}.Yaml(),
                       2);
  EXPECT_TRUE(Passes(hawser, "http", 4));
  ill.status = 503;
  ASSERT_TRUE(Becomes(hawser, ill.address(), "check_failed"));
  EXPECT_TRUE(Says(hawser, "in -> check_failed: http check: answered 503"));
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Join(hawser.listener()).open());
  EXPECT_EQ(ill.handshakes(), 0);
  EXPECT_EQ(well.handshakes(), 20);
  ill.status = 204;
  ASSERT_TRUE(Becomes(hawser, ill.address(), "in"));
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Join(hawser.listener()).open());
  EXPECT_GT(ill.handshakes(), 0);
}

TEST(HealthCheck, GreenHttpDoesNotHideADeadWebSocket) {
  CheckedBackend well;
  CheckedBackend dead;
  dead.websockets = false;
  HawserProcess hawser(
      Config{.endpoints = {dead.address(), well.address()},
             .cluster = {"health_checks: [ { http: { path: /healthz }, interval: 50ms }, "
                         "{ websocket: { path: /ws }, interval: 50ms, unhealthy_interval: 20ms } ]"}}
          .Yaml());
  ASSERT_TRUE(Becomes(hawser, dead.address(), "check_failed"));
  EXPECT_TRUE(Says(hawser, "websocket check: answered the handshake with 503"));
  EXPECT_TRUE(Passes(hawser, "http", 10));
  EXPECT_EQ(Row(hawser, dead.address())["state"], "check_failed") << "the green check does not let it in";
  const int before = dead.handshakes();
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Join(hawser.listener()).open());
  EXPECT_GE(well.handshakes(), 20);
  dead.websockets = true;
  ASSERT_TRUE(Becomes(hawser, dead.address(), "in"));
  EXPECT_GT(dead.handshakes(), before);
}

TEST(HealthCheck, ABackendThatAnswersNoPingIsOut) {
  CheckedBackend well;
  CheckedBackend mute;
  mute.pongs = false;
  HawserProcess hawser(
      Config{.endpoints = {mute.address(), well.address()},
             .cluster = {"health_checks: [ { websocket: { path: /ws }, interval: 50ms, timeout: 2s } ]"}}
          .Yaml());
  ASSERT_TRUE(Becomes(hawser, mute.address(), "check_failed"));
  EXPECT_TRUE(Says(hawser, "websocket check: no pong in time"));
}

TEST(HealthCheck, ABackendThatAcceptsAndNeverAnswersIsOutExceptForTcp) {
  FakeBackend silent;
  EchoBackend well("well");
  for (const std::string check : {kHttp, kWebSocket}) {
    HawserProcess hawser(
        Config{.endpoints = {silent.address(), well.address()},
               .cluster = {"health_checks: [ { " + check + ", interval: 50ms, timeout: 1s } ]"}}
            .Yaml());
    ASSERT_TRUE(Becomes(hawser, silent.address(), "check_failed")) << check;
    EXPECT_TRUE(Says(hawser, "check: no answer in time"));
  }
  HawserProcess hawser(Config{.endpoints = {silent.address()}, .cluster = {Check("tcp: {}")}}.Yaml());
  EXPECT_TRUE(Passes(hawser, "tcp"));
  EXPECT_EQ(Row(hawser, silent.address())["state"], "in");
}

TEST(HealthCheck, TheFirstResultDecidesAndThresholdsFromThenOn) {
  CheckedBackend other;
  CheckedBackend backend;
  backend.Play({503});  // the first
  backend.status = 204;
  HawserProcess hawser(Config{.endpoints = {backend.address(), other.address()},
                              .cluster = {Check(kHttp, ", unhealthy_threshold: 3")}}
                           .Yaml());
  ASSERT_TRUE(Eventually([&] { return Count(hawser.process().err(), "check_failed -> in") == 1; }));
  EXPECT_EQ(Count(hawser.process().err(), "in -> check_failed"), 1u);
  backend.Play({503, 503, 204, 503, 503, 204, 204});
  const int before = backend.requests();
  EXPECT_TRUE(Eventually([&] { return backend.requests() >= before + 9; }));
  EXPECT_EQ(Count(hawser.process().err(), "in -> check_failed"), 1u) << "two failures in a row are too few";
  backend.Play({503, 503, 503, 204, 503, 204, 204});
  EXPECT_TRUE(Eventually([&] { return Count(hawser.process().err(), "check_failed -> in") == 2; }));
  EXPECT_EQ(Count(hawser.process().err(), "in -> check_failed"), 2u);
}

TEST(HealthCheck, ASuccessEndsAnEjectionAtOnce) {
  EchoBackend alive("alive");
  FakeBackend gone;
  HawserProcess hawser(Config{.endpoints = {gone.address(), alive.address()},
                              .cluster = {Check("tcp: {}", ", unhealthy_threshold: 100"),
                                          "outlier_detection: { base_ejection_time: 60s }"}}
                           .Yaml());
  EXPECT_TRUE(Passes(hawser, "tcp", 4));
  gone.Stop();
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(Join(hawser.listener()).open());
  ASSERT_EQ(Row(hawser, gone.address())["state"], "ejected");
  EchoBackend back("back", gone.address());
  ASSERT_TRUE(Becomes(hawser, gone.address(), "in"));
  EXPECT_TRUE(Says(hawser, "tcp check: passed"));
}

TEST(HealthCheck, ReadyDoesNotDependOnIt) {
  CheckedBackend backend;
  backend.status = 503;
  HawserProcess hawser(Config{.endpoints = {backend.address()}, .cluster = {Check(kHttp)}}.Yaml());
  ASSERT_TRUE(Becomes(hawser, backend.address(), "check_failed"));
  hawser.AdminPage("/ready");  // fails unless it is 200
}

// --- Tunnels of an endpoint that becomes unhealthy ---

std::vector<Wire> OpenTunnels(HawserProcess& hawser, size_t count) {
  std::vector<Wire> tunnels;
  for (size_t i = 0; i < count; ++i) {
    tunnels.push_back(Join(hawser.listener()));
    EXPECT_TRUE(tunnels.back().open());
  }
  return tunnels;
}

TEST(OnUnhealthy, TunnelsStayByDefault) {
  CheckedBackend backend;
  HawserProcess hawser(Config{.endpoints = {backend.address()}, .cluster = {Check(kHttp)}}.Yaml());
  auto tunnels = OpenTunnels(hawser, 2);
  backend.status = 503;
  ASSERT_TRUE(Becomes(hawser, backend.address(), "check_failed"));
  for (Wire& tunnel : tunnels) ExpectEcho(tunnel);
}

TEST(OnUnhealthy, TunnelsAreClosedWhereItIsAskedFor) {
  CheckedBackend backend;
  CheckedBackend other;
  HawserProcess hawser(
      Config{.endpoints = {backend.address(), other.address()},
             .cluster = {Check(kHttp, ", on_unhealthy: close"), "draining: { window: 200ms }"}}
          .Yaml(),
      2);
  auto tunnels = OpenTunnels(hawser, 8);
  const int at_backend = backend.handshakes();
  EXPECT_GT(at_backend, 0);
  backend.status = 503;
  EXPECT_TRUE(Eventually([&] {
    return std::count_if(tunnels.begin(), tunnels.end(), [](Wire& one) { return one.HasInput(); }) >=
           at_backend;
  })) << hawser.process().err();
  int closed = 0;
  for (Wire& tunnel : tunnels) {
    if (!tunnel.HasInput()) {
      ExpectEcho(tunnel);
      continue;
    }
    ++closed;
    ExpectClosed(tunnel, 1012);
  }
  EXPECT_EQ(closed, at_backend);
  const LogLine line =
      hawser.WaitForLog([](const LogLine& entry) { return entry["reason"] == "endpoint_unhealthy"; });
  EXPECT_EQ(line["endpoint"], backend.address());
}

TEST(OnUnhealthy, ThoseWhoseTurnComesWhenItIsWellAgainAreSpared) {
  CheckedBackend backend;
  CheckedBackend other;
  HawserProcess hawser(Config{.endpoints = {backend.address(), other.address()},
                              .cluster = {Check(kHttp, ", on_unhealthy: close"), "draining: { window: 8s }"}}
                           .Yaml());
  auto tunnels = OpenTunnels(hawser, 8);
  backend.Play({503, 503, 503});  // and then it is well
  ASSERT_TRUE(Eventually([&] { return Count(hawser.process().err(), "check_failed -> in") == 1; }));
  EXPECT_TRUE(hawser.MetricReaches("hawser_draining_tunnels", 1, {"cause=\"unhealthy\""}));
  EXPECT_TRUE(hawser.MetricIs("hawser_draining_tunnels", 0, {"cause=\"unhealthy\""}));
  size_t open = 0;
  for (Wire& tunnel : tunnels) {
    if (tunnel.HasInput()) continue;
    ++open;
    ExpectEcho(tunnel);
  }
  EXPECT_GE(open, 6u);
}

TEST(OnUnhealthy, TunnelsStayWhileAllEndpointsAreOut) {
  CheckedBackend backend;
  CheckedBackend other;
  HawserProcess hawser(Config{.endpoints = {backend.address(), other.address()},
                              .cluster = {Check(kHttp, ", on_unhealthy: close"), "draining: { window: 1h }"}}
                           .Yaml());
  auto tunnels = OpenTunnels(hawser, 8);
  backend.status = 503;
  ASSERT_TRUE(Becomes(hawser, backend.address(), "check_failed"));
  other.status = 503;
  ASSERT_TRUE(Becomes(hawser, other.address(), "check_failed"));
  const int before = other.requests();
  ASSERT_TRUE(Eventually([&] { return other.requests() >= before + 3; }));
  EXPECT_TRUE(hawser.MetricIs("hawser_draining_tunnels", backend.handshakes(), {"cause=\"unhealthy\""}))
      << "not those of the last one";
}

// --- Reloads ---

TEST(HealthCheck, AReloadAddsChangesAndRemovesChecks) {
  CheckedBackend backend;
  CheckedBackend other;
  backend.status = 404;
  Site site{.listeners = {ListenerOf("main", "127.0.0.1:0")}, .routes = {RouteOf("all", "backends")}};
  const auto with = [&](const std::string& more) {
    site.clusters = {ClusterOf("backends", {backend.address(), other.address()}, more)};
    return site;
  };
  HawserProcess hawser(with("").Yaml());
  Apply(hawser, with(Check(kHttp)));
  ASSERT_TRUE(Becomes(hawser, backend.address(), "check_failed"));
  Apply(hawser,
        with("health_checks: [ { http: { path: /healthz, expect: [ 404, 200 ] }, interval: 50ms } ]"));
  ASSERT_TRUE(Becomes(hawser, backend.address(), "in"));
  backend.status = 500;
  ASSERT_TRUE(Becomes(hawser, backend.address(), "check_failed"));
  Apply(hawser, with(""));
  EXPECT_TRUE(Becomes(hawser, backend.address(), "in"));
  EXPECT_TRUE(Says(hawser, "check_failed -> in: it is no longer checked"));
  const int before = backend.requests();
  Apply(hawser, with("connect_timeout: 1s"));
  EXPECT_EQ(backend.requests(), before);
}

TEST(HealthCheck, AnEndpointThatStaysKeepsItsStateOverAReload) {
  CheckedBackend backend;
  CheckedBackend other;
  CheckedBackend third;
  backend.status = 503;
  Site site{.listeners = {ListenerOf("main", "127.0.0.1:0")}, .routes = {RouteOf("all", "backends")}};
  site.clusters = {ClusterOf("backends", {backend.address(), other.address()}, Check(kHttp))};
  HawserProcess hawser(site.Yaml());
  ASSERT_TRUE(Becomes(hawser, backend.address(), "check_failed"));
  site.clusters = {ClusterOf("backends", {backend.address(), third.address()}, Check(kHttp))};
  Apply(hawser, site);
  EXPECT_EQ(Row(hawser, backend.address())["state"], "check_failed");
  EXPECT_TRUE(Eventually([&] { return third.requests() > 2; }));
  EXPECT_THAT(hawser.process().err(), Not(HasSubstr("check_failed -> in")));
  const int before = other.requests();
  const int then = third.requests();
  EXPECT_TRUE(Eventually([&] { return third.requests() > then + 3; }));
  EXPECT_LE(other.requests(), before + 1) << "it has left";
}

// --- Many ---

TEST(HealthCheck, AtMost256AreUnderWayAtOnce) {
  constexpr size_t kEndpoints = 300;
  constexpr size_t kMost = 256;
  std::vector<std::unique_ptr<FakeBackend>> backends;  // accept, and never answer
  std::vector<std::string> addresses;
  for (size_t i = 0; i < kEndpoints; ++i) {
    backends.push_back(std::make_unique<FakeBackend>("127.0.0.1:0", 16));
    addresses.push_back(backends.back()->address());
  }
  HawserProcess hawser(
      Config{.endpoints = addresses,
             .cluster = {"health_checks: [ { http: { path: /healthz }, interval: 100ms, timeout: 5m } ]"}}
          .Yaml());
  EXPECT_TRUE(hawser.MetricIs("hawser_health_checks_delayed_total", kEndpoints - kMost));
  const auto contacted = [&] {
    return static_cast<size_t>(
        std::count_if(backends.begin(), backends.end(), [](const auto& one) { return one->contacted(); }));
  };
  EXPECT_TRUE(Eventually([&] { return contacted() == kMost; }));
  // One ends, another begins.
  const auto first =
      std::find_if(backends.begin(), backends.end(), [](const auto& one) { return one->contacted(); });
  Wire checked = (*first)->Accept();
  ReadHead(checked);
  checked.Send(Response("200 OK", ""));
  EXPECT_TRUE(Eventually([&] { return contacted() == kMost; }));
  EXPECT_TRUE(hawser.MetricReaches("hawser_health_checks_total", 1, {"result=\"passed\""}));
}

}  // namespace
}  // namespace hawser::integration::health_check_test
