// What /clusters and the metrics of clusters and endpoints say, while things happen to the backends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>

#include "nlohmann/json.hpp"
#include "tests/integration/harness/checked_backend.h"
#include "tests/integration/harness/scenario.h"
#include "tests/integration/harness/site.h"

namespace hawser::integration::clusters_page_test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;

constexpr char kTime[] = "20[0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]:[0-9][0-9]:[0-9][0-9]Z";

class ClustersPage : public testing::Test {
 protected:
  json Cluster() { return json::parse(hawser_->AdminPage("/clusters"))["clusters"][0]; }
  json Endpoint(const std::string& address) {
    const json cluster = Cluster();
    for (const json& endpoint : cluster["endpoints"]) {
      if (endpoint["address"] == address) return endpoint;
    }
    ADD_FAILURE() << "no " << address;
    return {};
  }
  testing::AssertionResult Becomes(const std::string& address,
                                   const std::function<bool(const json&)>& holds) {
    json last;
    if (Eventually([&] { return holds(last = Endpoint(address)); })) return testing::AssertionSuccess();
    return testing::AssertionFailure() << last.dump(2) << hawser_->process().err();
  }

  std::optional<HawserProcess> hawser_;
};

TEST_F(ClustersPage, CountsWhatIsOpenByKind) {
  FakeBackend backend;
  hawser_.emplace(Config{.endpoints = {fmt::format("{{ address: \"{}\", weight: 3 }}", backend.address())},
                         .cluster = {"circuit_breakers: { tunnels: 7, requests: 5 }"}}
                      .Yaml());
  std::vector<Wire> wires;
  const auto begin = [&](const std::string& request) {
    wires.push_back(Wire::Connect(hawser_->listener()));
    wires.back().Send(request);
    wires.push_back(backend.Accept());
    return ReadHead(wires.back());
  };
  const Head handshake = begin(Request{}.Text());
  wires.back().Send(SwitchingProtocols(handshake));
  EXPECT_EQ(ReadHead(wires[0]).status(), 101);
  begin(Request{}.Text());
  begin(PlainGet("/"));
  begin(PlainGet("/"));
  EXPECT_TRUE(Becomes(backend.address(), [](const json& row) {
    return row["open"] == json{{"tunnels", 1}, {"handshakes", 1}, {"requests", 2}, {"waiting", 0}};
  }));
  const json row = Endpoint(backend.address());
  EXPECT_EQ(row["active"], 4);
  EXPECT_EQ(row["tunnels"], 1);
  EXPECT_EQ(row["weight"], 3);
  EXPECT_EQ(row["weight_in_force"], 3);
  EXPECT_EQ(row["priority"], 0);
  EXPECT_EQ(row["state"], "in");
  EXPECT_GT(row["connect_ms"], 0);
  EXPECT_EQ(row["health_log"], json::array());
  EXPECT_EQ(row["health_checks"], json::array());
  const json cluster = Cluster();
  EXPECT_EQ(cluster["open"],
            (json{{"tunnels", 1}, {"handshakes", 1}, {"requests", 2}, {"connecting", 0}, {"retries", 0}}));
  EXPECT_EQ(cluster["circuit_breakers"], (json{{"tunnels", 7}, {"requests", 5}, {"connecting", 0}}));
  EXPECT_EQ(
      cluster["priorities"],
      json::array({{{"priority", 0}, {"share", 100}, {"panic", false}, {"usable", 1}, {"endpoints", 1}}}));
  EXPECT_FALSE(cluster.contains("rebalanced"));
  const auto metric = [&](const std::string& name) { return hawser_->Metric(name, {"backends"}); };
  EXPECT_EQ(metric("hawser_endpoint_tunnels"), 1);
  EXPECT_EQ(metric("hawser_endpoint_handshakes"), 1);
  EXPECT_EQ(metric("hawser_endpoint_requests"), 2);
  EXPECT_EQ(metric("hawser_endpoint_weight"), 3);
  EXPECT_GT(metric("hawser_endpoint_connect_seconds"), 0);
  EXPECT_EQ(metric("hawser_cluster_tunnels"), 1);
  EXPECT_EQ(metric("hawser_cluster_handshakes"), 1);
  EXPECT_EQ(metric("hawser_cluster_requests"), 2);
  EXPECT_EQ(metric("hawser_cluster_priority_share"), 1);
}

TEST_F(ClustersPage, SaysWhyAndUntilWhenAnEndpointIsEjected) {
  EchoBackend other("other");
  const std::string dead = UnusedAddress();
  hawser_.emplace(Config{.endpoints = {other.address(), dead},
                         .cluster = {"outlier_detection: { base_ejection_time: 1h, max_ejection_time: 1h }"}}
                      .Yaml());
  ASSERT_TRUE(Becomes(dead, [&](const json& row) {
    Join(hawser_->listener());
    return row["state"] == "ejected";
  }));
  const json row = Endpoint(dead);
  EXPECT_EQ(row["available"], false);
  EXPECT_EQ(row["weight"], 1);
  EXPECT_EQ(row["weight_in_force"], 0);
  EXPECT_EQ(row["ejections"], 1);
  EXPECT_THAT(row["why"].get<std::string>(), HasSubstr("Connection refused"));
  EXPECT_THAT(row["until"].get<std::string>(), MatchesRegex(kTime));
  ASSERT_EQ(row["health_log"].size(), 1U);
  const json change = row["health_log"][0];
  EXPECT_EQ(change["from"], "in");
  EXPECT_EQ(change["to"], "ejected");
  EXPECT_THAT(change["why"].get<std::string>(), HasSubstr("Connection refused"));
  EXPECT_THAT(change["time"].get<std::string>(), MatchesRegex(kTime));
  EXPECT_EQ(Cluster()["priorities"][0]["usable"], 1);
  EXPECT_EQ(Cluster()["priorities"][0]["endpoints"], 2);
  EXPECT_EQ(hawser_->Metric("hawser_endpoint_out", {dead}), 1);
  EXPECT_EQ(hawser_->Metric("hawser_endpoint_check_failed", {dead}), 0);
  EXPECT_EQ(hawser_->Metric("hawser_endpoint_weight", {dead}), 0);
  EXPECT_EQ(hawser_->Metric("hawser_cluster_priority_usable", {"backends"}), 1);
}

TEST_F(ClustersPage, ShowsHealthChecksAndWhereTheirLossGoes) {
  CheckedBackend first;
  EchoBackend second("second");
  hawser_.emplace(Config{
      .endpoints = {first.address(), fmt::format("{{ address: \"{}\", priority: 1 }}", second.address())},
      .cluster =
          {"health_checks: [ { http: { path: /healthz }, interval: 50ms, unhealthy_interval: 20ms } ]"}}
                      .Yaml());
  EXPECT_TRUE(Becomes(first.address(), [](const json& row) {
    return row["health_checks"][0].value("healthy", false) && row["state"] == "in";
  }));
  const json check = Endpoint(first.address())["health_checks"][0];
  EXPECT_EQ(check["kind"], "http");
  EXPECT_EQ(check["last"], "passed");
  EXPECT_EQ(check["contradictions"], 0);
  EXPECT_FALSE(check.contains("why"));
  EXPECT_GE(check["took_ms"], 0);
  EXPECT_THAT(check["time"].get<std::string>(), MatchesRegex(kTime));
  EXPECT_EQ(Cluster()["priorities"][0]["share"], 100);

  first.status = 500;
  EXPECT_TRUE(Becomes(first.address(), [](const json& row) { return row["state"] == "check_failed"; }));
  const json row = Endpoint(first.address());
  EXPECT_EQ(row["health_checks"][0]["healthy"], false);
  EXPECT_THAT(row["health_checks"][0]["why"].get<std::string>(), HasSubstr("500"));
  EXPECT_THAT(row["why"].get<std::string>(), HasSubstr("500"));
  EXPECT_FALSE(row.contains("until"));
  EXPECT_EQ(row["health_log"].back()["to"], "check_failed");
  const json priorities = Cluster()["priorities"];
  ASSERT_EQ(priorities.size(), 2U);
  EXPECT_EQ(priorities[0]["share"], 0);
  EXPECT_EQ(priorities[1]["share"], 100);
  EXPECT_EQ(priorities[1]["priority"], 1);
  EXPECT_EQ(hawser_->Metric("hawser_endpoint_check_failed", {first.address()}), 1);
  EXPECT_EQ(hawser_->Metric("hawser_cluster_priority_share", {"priority=\"1\""}), 1);
}

TEST_F(ClustersPage, ShowsPanic) {
  EchoBackend other("other");
  const std::string dead = UnusedAddress();
  hawser_.emplace(Config{.endpoints = {other.address(), dead},
                         .cluster = {"panic_threshold: 80",
                                     "outlier_detection: { base_ejection_time: 1h, max_ejection_time: 1h }"}}
                      .Yaml());
  EXPECT_EQ(Cluster()["priorities"][0]["panic"], false);
  ASSERT_TRUE(Becomes(dead, [&](const json& row) {
    Join(hawser_->listener());
    return row["state"] == "ejected";
  }));
  EXPECT_EQ(Cluster()["priorities"][0]["panic"], true);
  EXPECT_EQ(Endpoint(other.address())["state"], "in");
  EXPECT_EQ(Endpoint(dead)["available"], true) << "health is ignored";
  EXPECT_EQ(hawser_->Metric("hawser_cluster_panic", {"backends"}), 1);
}

}  // namespace
}  // namespace hawser::integration::clusters_page_test
