#include "proxy/cluster/discovery.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/fakes/dns_server.h"
#include "tests/fakes/stepped_clock.h"

namespace hawser::cluster::discovery_test {
namespace {

using namespace std::chrono_literals;
using fakes::DnsServer;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr auto kTick = 1ms;  // timers may be as late

config::Endpoint To(const std::string& address, uint32_t weight = 1) {
  return {config::BackendAddress::Parse(address).value(), weight};
}
config::Cluster Listing(const std::string& name, std::vector<config::Endpoint> endpoints) {
  config::Cluster settings;
  settings.name = name;
  settings.endpoints = std::move(endpoints);
  return settings;
}
config::Cluster Srv(const std::string& name, const std::string& srv) {
  config::Cluster settings;
  settings.name = name;
  settings.discovery = config::Discovery{.srv = srv, .file = {}};
  return settings;
}
config::Cluster File(const std::string& name, const std::string& path) {
  config::Cluster settings;
  settings.name = name;
  settings.discovery = config::Discovery{.srv = {}, .file = path};
  return settings;
}

// "10.0.0.1:80 rooms.test w2 p0"
std::string Text(const Target& target) {
  return target.address.ToString() + " " + (target.host.empty() ? "-" : target.host) + " w" +
         std::to_string(target.weight) + " p" + std::to_string(target.priority);
}

class DiscoveryTest : public testing::Test {
 protected:
  DiscoveryTest() {
    settings_.servers = {{*net::SocketAddress::Parse(dns_.address())}};
    settings_.timeout = 10s;
  }

  resolve::Setup Read() const {
    return resolve::ReadSetup(settings_, {.resolv_conf = "/dev/null", .hosts = "/dev/null"}).value();
  }
  void Set(std::vector<config::Cluster> clusters) {
    if (discovery_ == nullptr) {
      resolver_ = std::make_unique<resolve::Resolver>(*loop_, Read());
      discovery_ = std::make_unique<Discovery>(
          *loop_, *resolver_,
          Discovery::Calls{
              .changed =
                  [this](const std::string& cluster, const std::vector<Target>& targets) {
                    ++changes_;
                    told_[cluster].clear();
                    for (const Target& target : targets) told_[cluster].push_back(Text(target));
                  },
              .ready = [this] { ++ready_; },
              .load_file = [this](const std::string& path,
                                  FileSource::Loaded done) { reads_.emplace_back(path, std::move(done)); }});
    }
    discovery_->Set(clusters);
  }
  void Turn() { loop_->RunOnce(0ms); }
  template <typename Condition>
  void RunUntil(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + 30s;
    while (!condition() && std::chrono::steady_clock::now() < end) loop_->RunOnce(2ms);
    ASSERT_TRUE(condition());
  }
  // Until the cluster has had so many answers, failures among them.
  void RunUntilAnswers(uint64_t count, const std::string& cluster = "rooms") {
    RunUntil([&] {
      const auto counts = discovery_->counts(cluster);
      return counts.answers + counts.failures == count;
    });
    Turn();
  }
  void Step(base::Duration by) {
    clock_.Advance(by);
    Turn();
    Turn();
  }
  // The answer to the read that waits for longest.
  void Answer(std::vector<config::Endpoint> endpoints, std::vector<config::Diagnostic> errors = {}) {
    ASSERT_FALSE(reads_.empty());
    auto read = std::move(reads_.front());
    reads_.erase(reads_.begin());
    read.second({.endpoints = std::move(endpoints), .errors = std::move(errors)});
    Turn();
  }
  std::vector<std::string> Told(const std::string& cluster = "rooms") { return told_[cluster]; }

  DnsServer dns_;
  config::Dns settings_;
  fakes::SteppedClock clock_;
  std::unique_ptr<event::Loop> loop_ = std::move(event::Loop::Create(clock_.reader())).value();
  std::unique_ptr<resolve::Resolver> resolver_;
  std::unique_ptr<Discovery> discovery_;
  std::map<std::string, std::vector<std::string>> told_;
  int changes_ = 0;
  int ready_ = 0;
  std::vector<std::pair<std::string, FileSource::Loaded>> reads_;
};

TEST_F(DiscoveryTest, EveryAddressOfANameIsATargetWithTheEntrysWeight) {
  dns_.SetAddresses("rooms.test", {"10.0.0.2", "10.0.0.1"}, 30s);
  dns_.SetAddresses("six.test", {"2001:db8::1"}, 30s);
  Set({Listing("rooms",
               {To("rooms.test:9000", 3), To("10.0.0.9:80", 2), To("six.test.:9001"), To("unix:/run/x")})});
  RunUntilAnswers(2);
  EXPECT_THAT(Told(),
              ElementsAre("10.0.0.1:9000 rooms.test w3 p0", "10.0.0.2:9000 rooms.test w3 p0",
                          "10.0.0.9:80 - w2 p0", "[2001:db8::1]:9001 six.test w1 p0", "unix:/run/x - w1 p0"));
  EXPECT_EQ(changes_, 1);
}

TEST_F(DiscoveryTest, ClustersOfAddressesAloneNeedNone) {
  EXPECT_FALSE(Discovery::Needs(Listing("a", {To("10.0.0.1:80"), To("unix:/run/x")})));
  EXPECT_TRUE(Discovery::Needs(Listing("a", {To("10.0.0.1:80"), To("x.test:80")})));
  EXPECT_TRUE(Discovery::Needs(Srv("a", "_ws._tcp.test")));
  Set({Listing("rooms", {To("10.0.0.1:80")})});
  Turn();
  EXPECT_EQ(changes_, 0);
  EXPECT_EQ(ready_, 1) << "nothing is to be waited for";
}

TEST_F(DiscoveryTest, AsksAgainAtTheTtlWithinItsBounds) {
  uint64_t answers = 0;
  dns_.SetAddresses("rooms.test", {"10.0.0.1"}, 0s);
  Set({Listing("rooms", {To("rooms.test:80")})});
  RunUntilAnswers(++answers);
  for (const auto& [ttl, wait] : {std::pair(30s, 1s), {300s, 30s}, {5s, 60s}, {5s, 5s}}) {
    dns_.SetAddresses("rooms.test", {"10.0.0.1"}, ttl);
    Step(wait - 2 * kTick);
    EXPECT_EQ(dns_.questions("rooms.test"), static_cast<int>(answers));
    Step(3 * kTick);
    RunUntilAnswers(++answers);
  }
  EXPECT_EQ(changes_, 1);
}

TEST_F(DiscoveryTest, AFailureKeepsTheLastGoodSetAndIsTriedAgainLaterEachTime) {
  dns_.SetAddresses("rooms.test", {"10.0.0.1"}, 30s);
  Set({Listing("rooms", {To("rooms.test:80")})});
  RunUntilAnswers(1);
  dns_.Remove("rooms.test");
  Step(30s + kTick);
  RunUntilAnswers(2);
  uint64_t failures = 1;
  for (const auto wait : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    const int asked = dns_.questions();
    Step(wait - 2 * kTick);
    EXPECT_EQ(dns_.questions(), asked) << wait.count();
    Step(3 * kTick);
    RunUntilAnswers(1 + ++failures);
  }
  EXPECT_EQ(discovery_->counts("rooms").failures, failures);
  EXPECT_THAT(Told(), ElementsAre("10.0.0.1:80 rooms.test w1 p0"));
  EXPECT_EQ(changes_, 1);
  dns_.SetAddresses("rooms.test", {"10.0.0.2"}, 30s);
  settings_.hold = 0s;
  discovery_->Use(Read());  // asks at once
  RunUntilAnswers(2 + failures);
  EXPECT_THAT(Told(), ElementsAre("10.0.0.2:80 rooms.test w1 p0"));
}

TEST_F(DiscoveryTest, AnAddressIsGoneWhenItWasMissingForHold) {
  dns_.SetAddresses("rooms.test", {"10.0.0.1", "10.0.0.2"}, 10s);
  Set({Listing("rooms", {To("rooms.test:80")})});
  RunUntilAnswers(1);
  dns_.SetAddresses("rooms.test", {"10.0.0.2", "10.0.0.3"}, 300s);
  Step(10s + kTick);
  RunUntilAnswers(2);
  EXPECT_THAT(Told(), ElementsAre("10.0.0.1:80 rooms.test w1 p0", "10.0.0.2:80 rooms.test w1 p0",
                                  "10.0.0.3:80 rooms.test w1 p0"));
  Step(30s - 2 * kTick);
  EXPECT_EQ(dns_.questions(), 2);
  dns_.Fail("rooms.test", DnsServer::kServFail);
  Step(3 * kTick);
  RunUntilAnswers(3);
  EXPECT_EQ(Told().size(), 3U) << "a failure takes nothing away";
  dns_.Answer("rooms.test");
  Step(1s + kTick);
  RunUntilAnswers(4);
  EXPECT_THAT(Told(), ElementsAre("10.0.0.2:80 rooms.test w1 p0", "10.0.0.3:80 rooms.test w1 p0"));
}

TEST_F(DiscoveryTest, AddressesThatRotateStay) {
  const std::vector<std::string> all = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"};
  for (size_t turn = 0; turn < 20; ++turn) {
    dns_.SetAddresses("rooms.test", {all[turn % 5], all[(turn + 1) % 5]}, 5s);
    turn == 0 ? Set({Listing("rooms", {To("rooms.test:80")})}) : Step(5s + kTick);
    RunUntilAnswers(turn + 1);
  }
  EXPECT_EQ(Told().size(), 5U);
  EXPECT_EQ(changes_, 4);
}

TEST_F(DiscoveryTest, NothingIsMissingFromAnAnswerOfOneFamilyAlone) {
  settings_.ip_family = config::IpFamily::kBoth;
  settings_.hold = 0s;
  dns_.SetAddresses("rooms.test", {"10.0.0.1", "2001:db8::1"}, 10s);
  Set({Listing("rooms", {To("rooms.test:80")})});
  RunUntilAnswers(1);
  dns_.Fail("rooms.test", DnsServer::kServFail, DnsServer::kA);
  dns_.SetAddresses("rooms.test", {"10.0.0.1", "2001:db8::2"}, 10s);
  Step(10s + kTick);
  RunUntilAnswers(2);
  EXPECT_THAT(Told(), ElementsAre("10.0.0.1:80 rooms.test w1 p0", "[2001:db8::1]:80 rooms.test w1 p0",
                                  "[2001:db8::2]:80 rooms.test w1 p0"));
  dns_.Answer("rooms.test");
  Step(10s + kTick);
  RunUntilAnswers(3);
  EXPECT_THAT(Told(), ElementsAre("10.0.0.1:80 rooms.test w1 p0", "[2001:db8::2]:80 rooms.test w1 p0"));
}

TEST_F(DiscoveryTest, IsReadyWhenEveryFirstAnswerOrFailureIsIn) {
  dns_.SetAddresses("a.test", {"10.0.0.1"}, 30s);
  Set({Listing("a", {To("a.test:80"), To("unknown.test:80")}), Listing("b", {To("unknown.test:80")}),
       File("c", "c.yaml")});
  RunUntilAnswers(2, "a");
  EXPECT_EQ(ready_, 0);
  EXPECT_FALSE(discovery_->ready());
  Answer({To("10.0.0.3:80")});
  EXPECT_EQ(ready_, 1);
  EXPECT_TRUE(discovery_->ready());
  EXPECT_THAT(Told("a"), ElementsAre("10.0.0.1:80 a.test w1 p0"));
  EXPECT_FALSE(told_.contains("b")) << "there is nothing to tell";
  EXPECT_EQ(dns_.questions("unknown.test", DnsServer::kA), 1) << "two clusters share a name";
}

TEST_F(DiscoveryTest, IsReadyAtTheLatestWhenItsTimeIsOver) {
  dns_.SetAddresses("rooms.test", {"10.0.0.1"}, 30s);
  dns_.BeSilent("late.test");
  Set({Listing("rooms", {To("rooms.test:80"), To("late.test:80")})});
  RunUntilAnswers(1);
  Step(5s - 2 * kTick);
  EXPECT_EQ(changes_ + ready_, 0);
  Step(3 * kTick);
  EXPECT_EQ(ready_, 1);
  EXPECT_THAT(Told(), ElementsAre("10.0.0.1:80 rooms.test w1 p0")) << "it serves with what it has";
  dns_.Answer("late.test");
  dns_.SetAddresses("late.test", {"10.0.0.2"}, 30s);
  settings_.timeout = 9s;
  discovery_->Use(Read());
  RunUntil([&] { return Told().size() == 2; });
  EXPECT_EQ(ready_, 1);
}

TEST_F(DiscoveryTest, ServicesHavePriorityWeightAndPort) {
  settings_.max_refresh = 1h;
  dns_.SetServices("_ws._tcp.test",
                   {{.priority = 20, .weight = 1, .port = 9002, .target = "b.test"},
                    {.priority = 10, .weight = 7, .port = 9001, .target = "A.test"},
                    {.priority = 10, .weight = 0, .port = 9001, .target = "c.test"}},
                   10s);
  dns_.SetAddresses("a.test", {"10.0.0.1"}, 1h);
  dns_.SetAddresses("b.test", {"10.0.0.2"}, 1h);
  dns_.SetAddresses("c.test", {"10.0.0.3"}, 1h);
  Set({Srv("rooms", "_ws._tcp.test")});
  RunUntilAnswers(4);
  EXPECT_THAT(Told(), ElementsAre("10.0.0.1:9001 a.test w7 p10", "10.0.0.3:9001 c.test w1 p10",
                                  "10.0.0.2:9002 b.test w1 p20"));
  EXPECT_EQ(changes_, 1);
  // A weight changes at once; what is missing is held.
  dns_.SetServices("_ws._tcp.test", {{.priority = 10, .weight = 9, .port = 9001, .target = "a.test"}}, 20s);
  Step(10s + kTick);
  RunUntilAnswers(5);
  EXPECT_THAT(Told(), ElementsAre("10.0.0.1:9001 a.test w9 p10", "10.0.0.3:9001 c.test w1 p10",
                                  "10.0.0.2:9002 b.test w1 p20"));
  Step(20s + kTick);
  RunUntilAnswers(6);
  Step(10s + kTick);
  RunUntilAnswers(7);
  EXPECT_THAT(Told(), ElementsAre("10.0.0.1:9001 a.test w9 p10"));
  dns_.SetServices("_ws._tcp.test", {{.target = ""}}, 20s);
  Step(20s + kTick);
  RunUntilAnswers(8);
  EXPECT_EQ(discovery_->counts("rooms").failures, 1U);
  EXPECT_EQ(Told().size(), 1U) << "a service that is not there keeps the last good set";
}

TEST_F(DiscoveryTest, AFileIsAppliedAsItIsRead) {
  Set({File("rooms", "rooms.yaml")});
  Turn();
  EXPECT_EQ(reads_.at(0).first, "rooms.yaml");
  Answer({To("10.0.0.1:80", 4)});
  EXPECT_THAT(Told(), ElementsAre("10.0.0.1:80 - w4 p0"));
}

TEST_F(DiscoveryTest, AFileThatCannotBeUsedKeepsTheLastGoodSet) {
  Set({File("rooms", "rooms.yaml"), File("other", "rooms.yaml")});
  Turn();
  ASSERT_EQ(reads_.size(), 1U) << "it is read once for both";
  Answer({To("10.0.0.1:80")});
  discovery_->FilesChanged({"rooms.yaml"});
  Answer({}, {{.file = "rooms.yaml", .mark = {}, .path = "", .what = "broken", .expected = ""}});
  EXPECT_EQ(Told().size(), 1U);
  EXPECT_EQ(discovery_->counts("rooms").failures, 1U);
  EXPECT_EQ(discovery_->counts("other").failures, 1U);
  discovery_->FilesChanged({"rooms.yaml"});
  Answer({});
  EXPECT_THAT(Told(), IsEmpty()) << "it says that there are none";
  EXPECT_THAT(Told("other"), IsEmpty());
}

TEST_F(DiscoveryTest, AFileThatChangesWhileItIsReadIsReadAgain) {
  Set({File("rooms", "rooms.yaml")});
  Turn();
  discovery_->FilesChanged({"rooms.yaml"});
  discovery_->FilesChanged({"rooms.yaml"});
  EXPECT_EQ(reads_.size(), 1U);
  Answer({To("10.0.0.1:80")});
  ASSERT_EQ(reads_.size(), 1U);
  Answer({To("10.0.0.2:80")});
  EXPECT_THAT(Told(), ElementsAre("10.0.0.2:80 - w1 p0"));
  EXPECT_THAT(reads_, IsEmpty());
}

TEST_F(DiscoveryTest, AFileThatHasChangedIsReadAgain) {
  const std::string path = testing::TempDir() + "hawser-discovery-" + std::to_string(getpid()) + ".yaml";
  std::ofstream(path) << "[]";
  Set({File("rooms", path)});
  Turn();
  Answer({To("10.0.0.1:80")});
  std::ofstream(path) << "[ 10.0.0.2:80 ]";
  RunUntil([&] {
    Step(100ms);
    return !reads_.empty();
  });
  Answer({To("10.0.0.2:80")});
  EXPECT_THAT(Told(), ElementsAre("10.0.0.2:80 - w1 p0"));
  std::filesystem::remove(path);
}

TEST_F(DiscoveryTest, AnAnswerForAFileThatIsGoneIsDropped) {
  Set({File("rooms", "rooms.yaml")});
  Turn();
  Set({});
  Answer({To("10.0.0.1:80")});
  EXPECT_EQ(changes_, 0);
}

TEST_F(DiscoveryTest, NamesOfAFileAreResolvedBeforeTheyAreTold) {
  dns_.SetAddresses("a.test", {"10.0.0.1"}, 60s);
  dns_.SetAddresses("b.test", {"10.0.0.2"}, 60s);
  Set({File("rooms", "rooms.yaml")});
  Turn();
  Answer({To("a.test:80")});
  RunUntilAnswers(2);
  EXPECT_THAT(Told(), ElementsAre("10.0.0.1:80 a.test w1 p0"));
  discovery_->FilesChanged({"rooms.yaml"});
  Answer({To("b.test:80")});
  EXPECT_THAT(Told(), ElementsAre("10.0.0.1:80 a.test w1 p0")) << "until the new name has an answer";
  RunUntilAnswers(4);
  EXPECT_THAT(Told(), ElementsAre("10.0.0.2:80 b.test w1 p0"));
  EXPECT_EQ(changes_, 2);
}

TEST_F(DiscoveryTest, WhatDidNotChangeKeepsItsStateAndItsTimers) {
  dns_.SetAddresses("a.test", {"10.0.0.1"}, 30s);
  dns_.SetAddresses("b.test", {"10.0.0.2"}, 30s);
  Set({Listing("rooms", {To("a.test:80")}), Listing("other", {To("b.test:80")})});
  RunUntilAnswers(1);
  RunUntilAnswers(1, "other");
  Step(20s);
  discovery_->Use(Read());
  Set({Listing("rooms", {To("a.test:80"), To("b.test:81")})});
  Turn();
  EXPECT_THAT(Told(), ElementsAre("10.0.0.1:80 a.test w1 p0", "10.0.0.2:81 b.test w1 p0"));
  EXPECT_EQ(dns_.questions(), 2) << "both are known";
  EXPECT_EQ(discovery_->counts("other").answers, 0U);
  Step(10s + kTick);
  RunUntilAnswers(3);
  Set({});
  Turn();
  Step(60s);
  EXPECT_EQ(dns_.questions(), 4);
}

TEST_F(DiscoveryTest, TheTargetsFromBeforeStayUntilNewNamesAreAnswered) {
  dns_.SetAddresses("a.test", {"10.0.0.1"}, 30s);
  Set({Listing("rooms", {To("a.test:80")})});
  RunUntilAnswers(1);
  dns_.BeSilent("late.test");
  Set({Listing("rooms", {To("late.test:80")})});
  Turn();
  Step(5s + kTick);
  EXPECT_THAT(Told(), ElementsAre("10.0.0.1:80 a.test w1 p0")) << "nothing at all is worse";
  Set({Listing("rooms", {To("late.test:80"), To("10.0.0.2:80")})});
  Turn();
  EXPECT_THAT(Told(), ElementsAre("10.0.0.2:80 - w1 p0"));
}

}  // namespace
}  // namespace hawser::cluster::discovery_test
