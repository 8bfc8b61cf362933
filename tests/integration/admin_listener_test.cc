// The admin listener under stress: no free descriptors, too many idle connections, thousands of open tunnels.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "tests/integration/harness/scenario.h"

namespace hawser::integration {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

// A configuration whose admin section has these fields too.
std::string WithAdmin(const Config& config, const std::string& fields) {
  std::string yaml = config.Yaml();
  const std::string address = "admin: { address: \"127.0.0.1:0\"";
  yaml.insert(yaml.find(address) + address.size(), ", " + fields);
  return yaml;
}

Head AskAdmin(HawserProcess& hawser, const std::string& request) {
  Wire wire = Wire::Connect(hawser.admin());
  wire.Send(request);
  return ReadHead(wire);
}

TEST(AdminListener, AnswersWhileClientsAndBackendsHaveAllDescriptors) {
  if (IsSanitized())
    GTEST_SKIP() << "the sanitizers' own checks open pipes, and take memory for unreadable otherwise";
  FakeBackend backend;
  HawserProcess hawser(Config{.endpoints = {backend.address()}}.Yaml(), 2, {.before = [] {
                         const rlimit few{.rlim_cur = 128, .rlim_max = 128};
                         setrlimit(RLIMIT_NOFILE, &few);
                       }});
  EXPECT_THAT(hawser.process().err(), HasSubstr("128 open files"));
  std::vector<Wire> crowd(200);
  for (Wire& one : crowd) {
    one = Wire::Connect(hawser.listener());
    one.Send(Request{}.Text());  // each wants another descriptor, for its backend
  }
  EXPECT_TRUE(Eventually([&] { return hawser.OpenFiles() >= 100; }));
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(hawser.AdminPage("/ready"), "ready\n");
    EXPECT_THAT(hawser.AdminPage("/stats/prometheus"), HasSubstr("\nprocess_open_fds "));
  }
  EXPECT_TRUE(hawser.MetricReaches("hawser_accept_errors_total", 1, {"reason=\"no_descriptor\""}));
  EXPECT_LT(hawser.OpenFiles(), 128);
  crowd.clear();
  Wire client = Wire::Connect(hawser.listener());
  client.Send(PlainGet("/"));
  EXPECT_TRUE(Eventually([&] { return backend.contacted(); }));
}

TEST(AdminListener, TheOldestIdleConnectionMakesRoom) {
  HawserProcess hawser(WithAdmin({.endpoints = {"127.0.0.1:9"}}, "connections: 4"));
  std::vector<Wire> crowd(10);
  for (Wire& one : crowd) one = Wire::Connect(hawser.admin());
  EXPECT_EQ(hawser.AdminPage("/ready"), "ready\n");
  for (int i = 0; i < 6; ++i) EXPECT_NE(crowd[static_cast<size_t>(i)].ReadEnd(), End::kOpen) << i;
  EXPECT_TRUE(hawser.MetricReaches("hawser_admin_evictions_total", 7));
  Wire& youngest = crowd.back();
  EXPECT_FALSE(youngest.HasInput());
  youngest.Send(AdminGet("/ready"));
  EXPECT_EQ(ReadHead(youngest).status(), 200);
}

TEST(AdminListener, AConnectionEndsAfterItsTimeout) {
  HawserProcess hawser(WithAdmin({.endpoints = {"127.0.0.1:9"}}, "timeout: 200ms"));
  Wire idle = Wire::Connect(hawser.admin());
  EXPECT_NE(idle.ReadEnd(), End::kOpen);
}

TEST(AdminListener, SaysWhichMethodsItAllows) {
  OneBackend world;
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
    const Head head =
        AskAdmin(world.hawser(), method + " /ready HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    EXPECT_EQ(head.status(), 405) << method;
    EXPECT_EQ(head.Value("Allow"), "GET, HEAD") << method;
  }
  EXPECT_EQ(AskAdmin(world.hawser(), AdminGet("/ready")).Value("Allow"), "");
}

// Of a GET of /ready with these lines in its head.
int StatusWith(HawserProcess& hawser, const std::string& lines) {
  return AskAdmin(hawser, "GET /ready HTTP/1.1\r\n" + lines + "\r\n").status();
}

TEST(AdminListener, RefusesWhatABrowserSendsForAnotherSite) {
  HawserProcess hawser(WithAdmin({.endpoints = {"127.0.0.1:9"}}, "hosts: [ ops.example ]"));
  const std::string own = "Host: " + hawser.admin() + "\r\n";
  EXPECT_EQ(StatusWith(hawser, own), 200);
  EXPECT_EQ(StatusWith(hawser, own + "Origin: http://" + hawser.admin() + "\r\n"), 200);
  EXPECT_EQ(StatusWith(hawser, own + "Sec-Fetch-Site: none\r\n"), 200);
  EXPECT_EQ(StatusWith(hawser, "Host: Ops.example:80\r\n"), 200);
  EXPECT_EQ(StatusWith(hawser, "Host: evil.example\r\n"), 403);
  EXPECT_EQ(StatusWith(hawser, own + "Origin: http://evil.example\r\n"), 403);
  EXPECT_EQ(StatusWith(hawser, own + "Sec-Fetch-Site: same-site\r\n"), 403);
  for (const char* why : {"why=\"host\"", "why=\"origin\"", "why=\"fetch_site\""}) {
    EXPECT_EQ(hawser.Metric("hawser_admin_refused_total", {why}), 1) << why;
  }
}

TEST(AdminListener, AUnixSocketTakesAnyHost) {
  std::string yaml = Config{.endpoints = {"127.0.0.1:9"}}.Yaml();
  const std::string address = "127.0.0.1:0";
  yaml.replace(yaml.find(address), address.size(), "unix:DIR/admin.sock");
  HawserProcess hawser(yaml);
  EXPECT_EQ(StatusWith(hawser, "Host: hawser\r\n"), 200);
  EXPECT_EQ(StatusWith(hawser, "Host: hawser\r\nOrigin: http://evil.example\r\n"), 403);
}

std::set<std::string> Clients(const std::string& page) {
  std::set<std::string> clients;
  const auto json = nlohmann::json::parse(page, nullptr, false);
  EXPECT_TRUE(json.is_object()) << page;
  for (const auto& tunnel : json["tunnels"]) {
    EXPECT_TRUE(clients.insert(tunnel["client"]).second) << "shown twice: " << tunnel;
  }
  return clients;
}

// More than the workers show in one turn.
class ManyTunnels : public testing::Test {
 protected:
  void Open(const std::string& admin) {
    hawser_.emplace(WithAdmin({.endpoints = {echo_.address()}}, admin), 2);
    for (int i = 0; i < 700; ++i) tunnels_.push_back(Join(hawser_->listener()));
    EXPECT_TRUE(hawser_->MetricIs("hawser_tunnels_open", 700));
  }
  EchoBackend echo_{"echo"};
  std::optional<HawserProcess> hawser_;
  std::vector<Wire> tunnels_;
};

TEST_F(ManyTunnels, AreAllShownOnceAndToSeveralAtATime) {
  Open("timeout: 30s");
  std::vector<Wire> readers(3);
  for (Wire& reader : readers) {
    reader = Wire::Connect(hawser_->admin());
    reader.Send(AdminGet("/tunnels", {{"Connection", "close"}}));
  }
  for (Wire& reader : readers) {
    const Head head = ReadHead(reader);
    EXPECT_THAT(Clients(ReadBody(reader, head)), SizeIs(700));
  }
}

TEST_F(ManyTunnels, AreShownUpToTheLimit) {
  Open("tunnels_shown: 300");
  const std::string page = hawser_->AdminPage("/tunnels");
  EXPECT_THAT(Clients(page), SizeIs(300));
  EXPECT_EQ(nlohmann::json::parse(page)["open"], 700);
  EXPECT_EQ(nlohmann::json::parse(page)["shown_at_most"], 300);
}

TEST_F(ManyTunnels, MayEndWhileTheyAreShown) {
  Open("timeout: 30s");
  std::set<std::string> stay;
  for (size_t i = 1; i < tunnels_.size(); i += 2) stay.insert(tunnels_[i].local_address());
  std::vector<Wire> readers(4);
  for (size_t i = 0; i < tunnels_.size(); i += 2) {
    if (i % 200 == 0) {
      Wire& reader = readers[i / 200];
      reader = Wire::Connect(hawser_->admin());
      reader.Send(AdminGet("/tunnels", {{"Connection", "close"}}));
    }
    tunnels_[i].Close();
  }
  for (Wire& reader : readers) {
    const std::set<std::string> shown = Clients(ReadBody(reader, ReadHead(reader)));
    for (const std::string& client : stay) EXPECT_TRUE(shown.contains(client)) << client;
  }
  EXPECT_TRUE(Eventually([&] { return Clients(hawser_->AdminPage("/tunnels")) == stay; }));
}

}  // namespace
}  // namespace hawser::integration
