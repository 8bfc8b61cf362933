// Reloads as those see them who ask for one: what POST /reload answers, SIGHUP, files with errors, the log
// and the counters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "tests/integration/harness/certificate.h"
#include "tests/integration/harness/scenario.h"
#include "tests/integration/harness/site.h"

namespace hawser::integration {
namespace {

using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

// A site with one echoing backend, and a tunnel through it that must not notice anything.
class Reload : public testing::Test {
 protected:
  void Start() {
    hawser_.emplace(site_.Yaml(), 2);
    tunnel_ = Join(hawser_->listener(), {.target = "/all"});
    ASSERT_TRUE(tunnel_.open());
  }
  // The old configuration serves: the tunnel and a new one.
  void ExpectServing() {
    ExpectEcho(tunnel_);
    Wire other = Join(hawser_->listener(), {.target = "/all"});
    ASSERT_TRUE(other.open());
    ExpectEcho(other);
  }
  int StatusOf(const std::string& path) {
    Wire client = Wire::Connect(hawser_->listener());
    client.Send(PlainGet(path));
    return ReadHead(client).status();
  }
  // What `hawser check` prints for the file, line by line.
  std::vector<std::string> Checked() {
    const CommandResult check = RunHawser({"check", hawser_->config_path()});
    EXPECT_EQ(check.status, 1);
    std::vector<std::string> lines;
    std::istringstream text(check.err);
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }
  static std::vector<std::string> Rendered(const nlohmann::json& errors) {
    std::vector<std::string> lines;
    for (const auto& error : errors) {
      std::string line = error.at("file").get<std::string>();
      if (error.at("line") != 0) {
        line += fmt::format(":{}:{}", error.at("line").get<int>(), error.at("column").get<int>());
      }
      for (const char* part : {"path", "what"}) {
        if (error.at(part) != "") line += ": " + error.at(part).get<std::string>();
      }
      if (error.at("expected") != "") line += "; " + error.at("expected").get<std::string>();
      lines.push_back(line);
    }
    return lines;
  }
  Reloaded ExpectFailed(const std::string& yaml) {
    hawser_->Rewrite(yaml);
    Reloaded reloaded = PostReload(*hawser_);
    EXPECT_EQ(reloaded.status, 422) << yaml;
    EXPECT_EQ(reloaded.result(), "failed") << yaml;
    EXPECT_EQ(reloaded.generation(), 1);
    EXPECT_THAT(reloaded.body["errors"], Not(SizeIs(0)));
    ExpectServing();
    return reloaded;
  }

  EchoBackend echo_{"echo"};
  Site site_{.listeners = {ListenerOf("main", UnusedAddress())},
             .routes = {RouteOf("all", "one")},
             .clusters = {ClusterOf("one", {echo_.address()})}};
  std::optional<HawserProcess> hawser_;
  Wire tunnel_;
};

TEST_F(Reload, AFileThatHasNotChangedIsUnchanged) {
  Start();
  for (int i = 0; i < 2; ++i) {
    const Reloaded reloaded = PostReload(*hawser_);
    EXPECT_EQ(reloaded.status, 200);
    EXPECT_EQ(reloaded.result(), "unchanged");
    EXPECT_EQ(reloaded.generation(), 1);
    for (const char* part : {"listeners", "routes", "clusters", "certificates"}) {
      EXPECT_EQ(reloaded.Changes(part), "");
    }
  }
  hawser_->Rewrite("# a comment\n" + site_.Yaml());
  EXPECT_EQ(PostReload(*hawser_).result(), "unchanged");
  EXPECT_TRUE(hawser_->MetricIs("hawser_config_reloads_total", 3, {"result=\"unchanged\""}));
  EXPECT_TRUE(hawser_->MetricIs("hawser_config_generation", 1));
  ExpectServing();
}

TEST_F(Reload, TheAnswerSaysWhatChanged) {
  site_.routes.push_back(RouteOf("old", "two"));
  site_.clusters.push_back(ClusterOf("two", {"127.0.0.1:9"}));
  Start();
  site_.listeners = {ListenerOf("main", hawser_->listener(), "limits: { connections: 1000 }"),
                     ListenerOf("other", UnusedAddress())};
  site_.routes = {RouteOf("all", "one"), RouteOf("new", "three")};
  site_.clusters = {ClusterOf("one", {echo_.address(), "127.0.0.1:9"}), ClusterOf("three", {"127.0.0.1:9"})};
  const Reloaded reloaded = Apply(*hawser_, site_);
  EXPECT_EQ(reloaded.generation(), 2);
  EXPECT_EQ(reloaded.Changes("listeners"), "+other ~main");
  EXPECT_EQ(reloaded.Changes("routes"), "+new -old");
  EXPECT_EQ(reloaded.Changes("clusters"), "+three -two ~one");
  EXPECT_EQ(reloaded.Changes("certificates"), "");
  EXPECT_THAT(reloaded.body["errors"], SizeIs(0));
  EXPECT_THAT(reloaded.body["waits_for_restart"], SizeIs(0));
  EXPECT_TRUE(Eventually([this] {  // the log has a thread of its own
    return hawser_->process().err().find(
               "reloaded: generation 2: listeners +1 -0 ~1, routes +1 -1 ~0, clusters +1 -1 ~1, "
               "certificates +0 -0 ~0\n") != std::string::npos;
  })) << hawser_->process().err();
  ExpectServing();
}

TEST_F(Reload, TheMetricsTellOfIt) {
  Start();
  const double before = hawser_->Metric("hawser_config_last_success_timestamp_seconds");
  EXPECT_NEAR(before, static_cast<double>(time(nullptr)), 60);
  site_.routes.push_back(RouteOf("new", "one"));
  Apply(*hawser_, site_);
  EXPECT_EQ(hawser_->Metric("hawser_config_generation"), 2);
  EXPECT_EQ(hawser_->Metric("hawser_config_reloads_total", {"result=\"applied\""}), 1);
  EXPECT_GE(hawser_->Metric("hawser_config_last_success_timestamp_seconds"), before);
  hawser_->Rewrite("nonsense");
  EXPECT_EQ(PostReload(*hawser_).status, 422);
  EXPECT_EQ(hawser_->Metric("hawser_config_reloads_total", {"result=\"failed\""}), 1);
  EXPECT_EQ(hawser_->Metric("hawser_config_generation"), 2);
  const auto dump = nlohmann::json::parse(hawser_->AdminPage("/config_dump"));
  EXPECT_EQ(dump["generation"], 2);
  EXPECT_EQ(dump["routes"][1]["name"], "new");
}

TEST_F(Reload, SighupReloads) {
  Start();
  EXPECT_EQ(StatusOf("/new"), 404);
  site_.routes.push_back(RouteOf("new", "one"));
  hawser_->Rewrite(site_.Yaml());
  hawser_->process().Signal(SIGHUP);
  EXPECT_TRUE(hawser_->MetricIs("hawser_config_generation", 2));
  EXPECT_EQ(StatusOf("/new"), 200);
  ExpectServing();
}

TEST_F(Reload, ManyAtOnceAreDoneOneAfterTheOtherAndAllAreAnswered) {
  Start();
  std::vector<Wire> askers(20);
  for (Wire& asker : askers) asker = Wire::Connect(hawser_->admin());
  site_.routes.push_back(RouteOf("new", "one"));
  hawser_->Rewrite(site_.Yaml());
  for (Wire& asker : askers) asker.Send("POST /reload HTTP/1.1\r\nHost: localhost\r\n\r\n");
  int applied = 0;
  for (Wire& asker : askers) {
    const Head head = ReadHead(asker);
    EXPECT_EQ(head.status(), 200);
    const auto body = nlohmann::json::parse(ReadBody(asker, head));
    EXPECT_EQ(body["generation"], 2);
    EXPECT_THAT(body["result"], AnyOf("applied", "unchanged"));
    applied += body["result"] == "applied";
  }
  EXPECT_GE(applied, 1);
  EXPECT_LE(hawser_->Metric("hawser_config_reloads_total"), 3) << "those who ask meanwhile share one";
}

// --- What cannot be applied ---

TEST_F(Reload, EveryErrorIsNamedAsCheckPrintsIt) {
  Start();
  Site broken = site_;
  broken.listeners[0] = ListenerOf("main", hawser_->listener(), "limits: { connections: many }");
  broken.routes.push_back(RouteOf("lost", "nowhere"));
  broken.routes.push_back("{ nmae: x, match: { path: /x }, cluster: one }");
  broken.clusters.push_back(ClusterOf("bad", {"not an address"}));
  const Reloaded reloaded = ExpectFailed(broken.Yaml());
  EXPECT_THAT(reloaded.body["errors"], SizeIs(4)) << reloaded.body.dump(2);
  EXPECT_EQ(Rendered(reloaded.body["errors"]), Checked());
  for (const std::string& line : Checked()) {
    EXPECT_TRUE(Eventually([&] { return hawser_->process().err().find(line) != std::string::npos; })) << line;
  }
  EXPECT_EQ(StatusOf("/lost"), 404) << "nothing of it is applied";
}

TEST_F(Reload, AFileThatIsNoYaml) {
  Start();
  for (const char* text : {"", "{", "listeners: [", "\t- x", "\xff\xfe", "[]", "a: &a [*a]"}) {
    const Reloaded reloaded = ExpectFailed(text);
    EXPECT_EQ(Rendered(reloaded.body["errors"]), Checked()) << text;
  }
}

TEST_F(Reload, AFileThatIsHalfWritten) {
  Start();
  Site next = site_;
  next.routes.push_back(RouteOf("new", "one"));
  const std::string yaml = next.Yaml();
  // What stands in front of the clusters refers to them.
  for (size_t length = 0; length < yaml.find("clusters:"); length += 23) {
    ExpectFailed(yaml.substr(0, length));
  }
  Apply(*hawser_, next);
  ExpectServing();
}

TEST_F(Reload, AFileThatIsGone) {
  Start();
  std::filesystem::remove(hawser_->config_path());
  const Reloaded reloaded = PostReload(*hawser_);
  EXPECT_EQ(reloaded.status, 422);
  EXPECT_THAT(reloaded.body["errors"], SizeIs(1));
  ExpectServing();
  hawser_->Rewrite(site_.Yaml());
  EXPECT_EQ(PostReload(*hawser_).result(), "unchanged");
}

TEST_F(Reload, ACertificateThatIsMissing) {
  Start();
  Site next = site_;
  next.listeners.push_back(
      ListenerOf("tls", UnusedAddress(),
                 "tls: { certificates: [ { certificate: DIR/no.crt, private_key: DIR/no.key } ] }"));
  const Reloaded reloaded = ExpectFailed(next.Yaml());
  EXPECT_EQ(reloaded.body["errors"][0]["path"], "listeners[1].tls.certificates[0].certificate");
  EXPECT_THAT(reloaded.body["errors"][0]["what"], HasSubstr("no.crt"));
}

TEST_F(Reload, APortInUse) {
  const FakeBackend other;  // listens on its port
  Start();
  Site next = site_;
  const std::string path = hawser_->directory().File("free.sock");
  next.listeners.push_back(ListenerOf("free", "unix:" + path));
  next.listeners.push_back(ListenerOf("used", other.address()));
  const Reloaded reloaded = ExpectFailed(next.Yaml());
  ASSERT_THAT(reloaded.body["errors"], SizeIs(1));
  EXPECT_EQ(reloaded.body["errors"][0]["path"], "listeners[2].address");
  EXPECT_THAT(reloaded.body["errors"][0]["what"], HasSubstr("cannot bind " + other.address()));
  EXPECT_FALSE(Wire::Connect("unix:" + path).open()) << "what could be bound is given back";
  EXPECT_FALSE(std::filesystem::exists(path));
}

// --- What it leaves for later ---

TEST_F(Reload, WhatNeedsANewProcessWaitsForIt) {
  Start();
  site_.top = {"limits: { per_ip_entries: 1234 }"};
  site_.routes.push_back(RouteOf("new", "one"));
  const Reloaded reloaded = Apply(*hawser_, site_);
  EXPECT_THAT(reloaded.body["waits_for_restart"], ElementsAre("limits.per_ip_entries"));
  EXPECT_EQ(StatusOf("/new"), 200) << "the rest is applied";
  EXPECT_THAT(PostReload(*hawser_).body["waits_for_restart"], ElementsAre("limits.per_ip_entries"));
}

TEST_F(Reload, NothingIsReadWhileTheProcessDrains) {
  site_.top = {"drain: { window: 1h, deadline: 2h }"};
  Start();
  site_.routes.push_back(RouteOf("new", "one"));
  hawser_->Rewrite(site_.Yaml());
  hawser_->process().Signal(SIGTERM);
  Reloaded reloaded;
  EXPECT_TRUE(Eventually([&] { return (reloaded = PostReload(*hawser_)).status == 409; }));
  EXPECT_EQ(reloaded.result(), "draining");
  ExpectEcho(tunnel_);
}

TEST_F(Reload, AWebPageOfSomebodyElseReloadsNothing) {
  Start();
  site_.routes.push_back(RouteOf("new", "one"));
  hawser_->Rewrite(site_.Yaml());
  for (const char* field : {"Origin: http://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site"}) {
    Wire page = Wire::Connect(hawser_->admin());
    page.Send(fmt::format("POST /reload HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n", field));
    EXPECT_EQ(ReadHead(page).status(), 403) << field;
  }
  EXPECT_EQ(hawser_->Metric("hawser_config_generation"), 1);
}

}  // namespace
}  // namespace hawser::integration
