// The fields by which a pool of backends survives: health checks, ejection, breakers, admission, retries and
// the rest, as a file gives them.
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "config/dump.h"
#include "config/load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config::pool_fields_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kEndpoints = "  endpoints: [ 127.0.0.1:2 ]\n";

// A file whose cluster has these fields, from line 5 on.
Loaded LoadCluster(const std::string& cluster, const std::string& endpoints = kEndpoints) {
  return LoadText(
      "listeners: [ { name: a, address: 127.0.0.1:1 } ]\nroutes: [ { match: {}, cluster: c } ]\n"
      "clusters:\n- name: c\n" +
          cluster + endpoints,
      "f.yaml", {.check_files = false});
}

std::vector<std::string> Faults(const std::string& cluster, const std::string& endpoints = kEndpoints) {
  const Loaded loaded = LoadCluster(cluster, endpoints);
  std::vector<std::string> lines;
  for (const Diagnostic& one : loaded.errors) lines.push_back(Render(one));
  for (const Diagnostic& one : loaded.warnings) lines.push_back(RenderWarning(one));
  return lines;
}

Cluster Read(const std::string& cluster, const std::string& endpoints = kEndpoints) {
  const Loaded loaded = LoadCluster(cluster, endpoints);
  EXPECT_THAT(Faults(cluster, endpoints), IsEmpty());
  return loaded.ok() ? loaded.config->clusters[0] : Cluster();
}

TEST(PoolFields, AreOffUnlessTheyAreGiven) {
  const Cluster cluster = Read("");
  EXPECT_THAT(cluster.health_checks, IsEmpty());
  EXPECT_EQ(cluster.outlier_detection, (OutlierDetection{3, 5s, 60s, 50}));
  EXPECT_EQ(cluster.panic_threshold, 0u);
  EXPECT_EQ(cluster.circuit_breakers, (CircuitBreakers{0, 0, 0}));
  EXPECT_EQ(cluster.endpoint_circuit_breakers, (CircuitBreakers{0, 0, 0}));
  EXPECT_FALSE(cluster.admission || cluster.slow_start || cluster.rebalance);
  EXPECT_EQ(cluster.retry, (Retry{2, 0s, {RetryOn::kConnectFailure, RetryOn::kReset}, 20, 3}));
  EXPECT_EQ(cluster.hash_balance_factor, 0u);
  EXPECT_THAT(cluster.source_addresses, IsEmpty());
  EXPECT_EQ(cluster.endpoints[0].priority, 0u);
}

TEST(PoolFields, AnEmptyMapHasTheDefaults) {
  const Cluster cluster = Read(
      "  health_checks: [ { websocket: {} }, { http: {} }, { tcp: {} } ]\n"
      "  admission: {}\n  slow_start: {}\n  rebalance: {}\n  retry: {}\n  outlier_detection: {}\n");
  ASSERT_EQ(cluster.health_checks.size(), 3u);
  const HealthCheck& first = cluster.health_checks[0];
  EXPECT_EQ(
      first,
      (HealthCheck{WebSocketCheck{"/ws", true, {}, {}, {}}, {}, {}, 5s, 1s, 1s, 2, 3, OnUnhealthy::kKeep}));
  EXPECT_EQ(*cluster.health_checks[1].http, (HttpCheck{"/healthz", {200, 204}, {}, {}, {}}));
  EXPECT_EQ(*cluster.health_checks[2].tcp, TcpCheck());
  EXPECT_EQ(*cluster.admission, (Admission{{200}, 200, 1000, 5s}));
  EXPECT_EQ(*cluster.slow_start, (SlowStart{30s, 1.0}));
  EXPECT_EQ(*cluster.rebalance, (Rebalance{25, {5}, {1012}}));
}

TEST(PoolFields, AreReadAsTheyAreWritten) {
  const Cluster cluster =
      Read(R"(  lb_policy: maglev
  hash_balance_factor: 125
  health_checks:
  - http: { path: "/up?x=1", expect: [ 200 ], port: 9100, host: "a.b:8", headers: [ { name: X-A, value: b } ] }
    interval: 2s
    unhealthy_interval: 500ms
    timeout: 300ms
    healthy_threshold: 1
    unhealthy_threshold: 2
    on_unhealthy: close
  draining: { window: 10s }
  outlier_detection: { consecutive_failures: 5, base_ejection_time: 1s, max_ejection_time: 9s, max_ejection_percent: 30 }
  panic_threshold: 40
  circuit_breakers: { tunnels: 1, requests: 2, connecting: 3 }
  endpoint_circuit_breakers: { tunnels: 4, requests: 5, connecting: 6 }
  admission: { rate: 50/s, burst: 60, pending: 70, wait: 8s }
  retry: { attempts: 4, per_try_timeout: 3s, retry_on: [ reset, 502, 0x1f7 ], budget_percent: 5, budget_least: 1 }
  source_addresses: [ 127.0.0.2, "::1" ]
)",
           "  endpoints: [ 127.0.0.1:2, { address: 127.0.0.1:3, weight: 0, priority: 3 } ]\n");
  const HttpCheck http{"/up?x=1", {200}, 9100, "a.b:8", {{"X-A", "b"}}};
  EXPECT_THAT(cluster.health_checks,
              ElementsAre(HealthCheck{{}, http, {}, 2s, 500ms, 300ms, 1, 2, OnUnhealthy::kClose}));
  EXPECT_EQ(cluster.outlier_detection, (OutlierDetection{5, 1s, 9s, 30}));
  EXPECT_EQ(cluster.panic_threshold, 40u);
  EXPECT_EQ(cluster.circuit_breakers, (CircuitBreakers{1, 2, 3}));
  EXPECT_EQ(cluster.endpoint_circuit_breakers, (CircuitBreakers{4, 5, 6}));
  EXPECT_EQ(*cluster.admission, (Admission{{50}, 60, 70, 8s}));
  EXPECT_EQ(cluster.retry, (Retry{4, 3s, {RetryOn::kReset, RetryOn::k502, RetryOn::k503}, 5, 1}));
  EXPECT_EQ(cluster.hash_balance_factor, 125u);
  EXPECT_THAT(cluster.source_addresses,
              ElementsAre(*net::IpAddress::Parse("127.0.0.2"), *net::IpAddress::Parse("::1")));
  ASSERT_EQ(cluster.endpoints.size(), 2u);
  EXPECT_EQ(cluster.endpoints[1].weight, 0u);
  EXPECT_EQ(cluster.endpoints[1].priority, 3u);
}

TEST(PoolFields, AHealthCheckIsOfOneKind) {
  EXPECT_THAT(Faults("  health_checks: [ { interval: 1s }, { tcp: {}, http: {} } ]\n"),
              ElementsAre("f.yaml:5:20: clusters[0].health_checks[0]: a key is missing; expected one of "
                          "websocket, http, tcp",
                          "f.yaml:5:40: clusters[0].health_checks[1].tcp: cannot be combined with http; "
                          "expected one of websocket, http, tcp"));
}

TEST(PoolFields, AHealthCheckSendsNoFieldThatHawserWrites) {
  EXPECT_THAT(Faults("  health_checks: [ { websocket: { headers: [ { name: Upgrade, value: a } ] } } ]\n"),
              ElementsAre(HasSubstr("websocket.headers[0].name: \"Upgrade\" is written by hawser itself")));
  EXPECT_THAT(
      Faults("  health_checks: [ { websocket: { headers: [ { name: sec-websocket-protocol, value: chat } "
             "] } } ]\n"),
      IsEmpty());
  EXPECT_THAT(
      Faults("  health_checks: [ { http: { headers: [ { name: Sec-WebSocket-Protocol, value: a } ] } } "
             "]\n"),
      ElementsAre(HasSubstr("is written by hawser itself")));
  EXPECT_THAT(Faults("  health_checks: [ { http: { expect: [ 101 ] } } ]\n"),
              ElementsAre(HasSubstr("http.expect[0]: \"101\" is out of range")));
  EXPECT_THAT(
      Faults("  health_checks: [ { tcp: { host: a, headers: [ { name: A, value: b } ] } } ]\n"),
      ElementsAre(
          "f.yaml:5:35: warning: clusters[0].health_checks[0].tcp.host: has no effect on a TCP check; "
          "expected websocket or http to send it",
          HasSubstr("tcp.headers: has no effect on a TCP check")));
}

TEST(PoolFields, UnhealthyEndpointsMayCloseTheirTunnelsOverTheDrainingWindow) {
  const std::string draining = "  draining: { window: 10s }\n";
  EXPECT_THAT(Faults(draining), ElementsAre(HasSubstr("has no effect with this `tunnels`")));
  EXPECT_THAT(Faults("  health_checks: [ { tcp: {}, on_unhealthy: close } ]\n" + draining), IsEmpty());
}

TEST(PoolFields, ConnectRetriesIsTheOldNameOfAttempts) {
  const Loaded old = LoadCluster("  connect_retries: 5\n  retry: { budget_percent: 30 }\n");
  const Loaded fresh = LoadCluster("  retry: { attempts: 5, budget_percent: 30 }\n");
  ASSERT_TRUE(old.ok() && fresh.ok());
  EXPECT_EQ(*old.config, *fresh.config);
  EXPECT_EQ(Dump(*old.config), Dump(*fresh.config));
  EXPECT_FALSE(Dump(*old.config)["clusters"][0].contains("connect_retries"));
  EXPECT_THAT(Faults("  connect_retries: 5\n"),
              ElementsAre("f.yaml:5:20: warning: clusters[0].connect_retries: is the old name of "
                          "retry.attempts; expected retry: { attempts }"));
  EXPECT_THAT(Faults("  connect_retries: 2\n  retry: { attempts: 2 }\n"),
              ElementsAre("f.yaml:5:20: clusters[0].connect_retries: cannot be combined with retry.attempts; "
                          "expected retry.attempts alone"));
}

TEST(PoolFields, RetriesThatContradictThemselves) {
  EXPECT_THAT(Faults("  retry: { attempts: 0, per_try_timeout: 1s, retry_on: [ 503 ] }\n"),
              ElementsAre(HasSubstr("retry.per_try_timeout: ends the only try: attempts is 0"),
                          HasSubstr("retry.retry_on: has no effect with attempts: 0")));
  EXPECT_THAT(Faults("  retry: { retry_on: [ reset, 503, reset ] }\n"),
              ElementsAre(HasSubstr("retry.retry_on[2]: is listed twice")));
  EXPECT_THAT(Faults("  retry: { retry_on: [ 500, \"502\" ] }\n"),
              ElementsAre(HasSubstr("retry.retry_on[0]: \"500\" is not known; did you mean \"502\"?"),
                          HasSubstr("retry.retry_on[1]: \"502\" is in quotes; write it without quotes")));
}

TEST(PoolFields, TheDumpHasThemAsTheFileHasThem) {
  const Loaded loaded =
      LoadCluster("  retry: { retry_on: [ reset, 502 ] }\n  source_addresses: [ \"::1\" ]\n",
                  "  endpoints: [ \"[::1]:2\" ]\n");
  ASSERT_TRUE(loaded.ok());
  const auto cluster = Dump(*loaded.config)["clusters"][0];
  EXPECT_EQ(cluster["retry"]["retry_on"].dump(), R"(["reset",502])");
  EXPECT_EQ(cluster["source_addresses"].dump(), R"(["::1"])");
}

TEST(PoolFields, TheFirstEjectionIsNotLongerThanTheLongest) {
  EXPECT_THAT(Faults("  outlier_detection: { base_ejection_time: 2m }\n"),
              ElementsAre("f.yaml:5:44: clusters[0].outlier_detection.base_ejection_time: base_ejection_time "
                          "(2m) is above max_ejection_time (1m)"));
  EXPECT_THAT(
      Faults("  outlier_detection: { max_ejection_time: 1s }\n"),
      ElementsAre(HasSubstr("outlier_detection.max_ejection_time: base_ejection_time (5s) is above")));
}

TEST(PoolFields, TheBurstOfAdmissionIsASecondsWorth) {
  EXPECT_EQ(Read("  admission: { rate: 50/s, pending: 100 }\n").admission->burst, 50u);
  EXPECT_EQ(Read("  admission: { rate: 30/m, pending: 0 }\n").admission->burst, 1u);
  EXPECT_THAT(
      Faults("  admission: { rate: 200/s, burst: 10 }\n"),
      ElementsAre(HasSubstr("admission.burst: a burst of 10 is below one second's worth of the rate")));
}

TEST(PoolFields, AdmissionAdmitsThoseThatWait) {
  EXPECT_THAT(
      Faults("  admission: { rate: 0 }\n"),
      ElementsAre("f.yaml:5:22: clusters[0].admission.rate: admits no handshake; expected a rate above "
                  "0"));
  EXPECT_THAT(Faults("  admission: { rate: 100/s, pending: 1000 }\n"),
              ElementsAre("f.yaml:5:38: warning: clusters[0].admission.pending: of 1000 that wait, 500 get "
                          "their turn within the wait of 5s: the rest wait for a refusal; expected at most "
                          "500"));
  EXPECT_THAT(Faults("  admission: { wait: 1s }\n"),
              ElementsAre(HasSubstr("admission.wait: of 1000 that wait, 200 get their turn")));
  EXPECT_THAT(Faults("  admission: { pending: 0, wait: 1s }\n"),
              ElementsAre(HasSubstr("admission.wait: has no effect with pending: 0")));
}

TEST(PoolFields, WhatAHashingPolicyIgnores) {
  EXPECT_THAT(Faults("  lb_policy: ring_hash\n  slow_start: {}\n"),
              ElementsAre("f.yaml:6:15: warning: clusters[0].slow_start: has no effect with this lb_policy; "
                          "expected round_robin, least_request or random"));
  EXPECT_THAT(Faults("  hash_balance_factor: 150\n"),
              ElementsAre("f.yaml:5:24: warning: clusters[0].hash_balance_factor: has no effect with this "
                          "lb_policy; expected ring_hash or maglev"));
  EXPECT_THAT(
      Faults("  lb_policy: maglev\n  hash_balance_factor: 99\n"),
      ElementsAre(HasSubstr("hash_balance_factor: 99 is below the mean itself; expected 0, or at least "
                            "100")));
  EXPECT_THAT(Faults("  lb_policy: maglev\n", "  endpoints: [ { address: a:1, weight: 2 }, b:1 ]\n"),
              IsEmpty())
      << "ring and Maglev keep to weights";
}

TEST(PoolFields, NothingIsRebalancedThatAHashBringsBack) {
  for (const char* policy : {"ring_hash", "maglev"}) {
    EXPECT_THAT(
        Faults(std::string("  lb_policy: ") + policy + "\n  rebalance: {}\n"),
        ElementsAre("f.yaml:6:14: clusters[0].rebalance: cannot be combined with ring_hash or maglev; "
                    "expected round_robin, least_request or random"));
  }
  EXPECT_THAT(Faults("  rebalance: { rate: 0 }\n"),
              ElementsAre(HasSubstr("rebalance.rate: closes no tunnel; expected a rate above 0")));
}

TEST(PoolFields, SourceAddressesAreAddressesToConnectFrom) {
  EXPECT_THAT(Faults("  source_addresses: [ 127.0.0.2, 0.0.0.0, 127.0.0.2 ]\n"),
              ElementsAre("f.yaml:5:34: clusters[0].source_addresses[1]: 0.0.0.0 is no address to connect "
                          "from; expected an address of this machine",
                          "f.yaml:5:43: clusters[0].source_addresses[2]: 127.0.0.2 is listed twice; expected "
                          "it once"));
  EXPECT_THAT(Faults("  source_addresses: [ 127.0.0.2:80 ]\n"),
              ElementsAre(HasSubstr("\"127.0.0.2:80\" is not a valid IP address; expected an IP address "
                                    "without a port")));
  EXPECT_THAT(Faults("  source_addresses: [ \"::1\" ]\n"),
              ElementsAre("f.yaml:5:21: warning: clusters[0].source_addresses: the kernel chooses the source "
                          "of connections to 127.0.0.1:2; expected an IPv4 address too"));
  EXPECT_THAT(Faults("  source_addresses: [ 127.0.0.2 ]\n", "  endpoints: [ a:1, \"unix:/a\" ]\n"),
              IsEmpty());
}

TEST(PoolFields, AllWeightsAreZero) {
  EXPECT_THAT(Faults("", "  endpoints: [ { address: a:1, weight: 0 }, { address: b:1, weight: 0 } ]\n"),
              ElementsAre("f.yaml:5:40: warning: clusters[0].endpoints[0].weight: no endpoint takes new "
                          "sessions: all weights are 0"));
}

TEST(PoolFields, EachIsSeenByAReload) {
  const Cluster plain = Read("");
  for (const char* field :
       {"health_checks: [ { tcp: {} } ]", "outlier_detection: { consecutive_failures: 4 }",
        "panic_threshold: 1", "circuit_breakers: { tunnels: 1 }",
        "endpoint_circuit_breakers: { connecting: 1 }", "admission: {}", "slow_start: {}",
        "retry: { retry_on: [ reset ] }", "rebalance: {}", "source_addresses: [ 127.0.0.2 ]"}) {
    EXPECT_NE(Read(std::string("  ") + field + "\n"), plain) << field;
  }
}

}  // namespace
}  // namespace hawser::config::pool_fields_test
