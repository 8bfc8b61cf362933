#include "proxy/server/memberships.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "proxy/server/generation.h"
#include "tests/unit/config/files.h"
#include "tests/unit/server/fixture.h"

namespace hawser::server::memberships_test {
namespace {

using cluster::Departures;
using testing::ElementsAre;
using testing::IsEmpty;

// A main loop that the test turns, and a builder with a thread of its own.
class MembershipsTest : public testing::Test {
 protected:
  MembershipsTest() {
    EXPECT_TRUE(builder_->Start().ok());
    memberships_ = std::make_unique<Memberships>(
        *loop_, *builder_, registries_,
        Memberships::Calls{.changed = [this](auto membership) { changed_.push_back(NamesOf(*membership)); },
                           .left = [this](const auto& order) { left_.push_back(order); }});
  }
  ~MembershipsTest() override { builder_->Stop(); }

  static std::vector<std::string> NamesOf(const cluster::Membership& membership) {
    std::vector<std::string> names;
    for (const cluster::Member& member : membership.members()) names.push_back(member.endpoint->name());
    return names;
  }
  std::vector<std::string> Members(const std::string& cluster) {
    return NamesOf(*memberships_->clusters().Find(registries_.clusters.Intern(cluster).id()));
  }

  static std::string Yaml(const std::string& clusters) {
    return "listeners: [ { name: main, address: 127.0.0.1:0 } ]\n"
           "routes: [ { match: { path: /up }, direct_response: { status: 200 } } ]\nclusters: [ " +
           clusters + " ]\n";
  }
  // The next generation, built from the present one as a reload does.
  std::shared_ptr<const session::Snapshot> Build(const std::string& clusters) {
    config::Loaded loaded = config::LoadText(Yaml(clusters), "test.yaml");
    EXPECT_TRUE(loaded.ok());
    const std::vector<net::SocketAddress> bound = {loaded.config->listeners[0].address};
    std::optional<Present> present;
    if (snapshot_ != nullptr) {
      present.emplace(Present{*snapshot_, memberships_->clusters(), memberships_->discovered(),
                              [](const std::string&) { return false; }});
    }
    StartErrors errors;
    auto built = BuildSnapshot(loaded, registries_, bound, present ? &*present : nullptr, errors);
    EXPECT_THAT(errors, IsEmpty());
    return built;
  }
  void Apply(std::shared_ptr<const session::Snapshot> next) {
    std::optional<resolve::Setup> setup = SetupFor(*next->config).value();
    memberships_->Apply(*next, std::move(setup));
    snapshot_ = std::move(next);
  }
  template <typename Condition>
  void TurnUntil(Condition condition) {
    while (!condition()) loop_->RunOnce(base::Duration(10'000));
  }

  std::unique_ptr<event::Loop> loop_ = event::Loop::Create().value();
  std::unique_ptr<Builder> builder_ = Builder::Create().value();
  Registries registries_;
  std::unique_ptr<Memberships> memberships_;
  std::shared_ptr<const session::Snapshot> snapshot_;
  std::vector<std::vector<std::string>> changed_;
  std::vector<Departures::Order> left_;
};

TEST_F(MembershipsTest, AreThoseOfTheSnapshotWhereNothingIsDiscovered) {
  Apply(Build("{ name: a, endpoints: [ '127.0.0.1:1' ] }, { name: b, endpoints: [ '127.0.0.1:2' ] }"));
  EXPECT_TRUE(memberships_->ready());
  EXPECT_EQ(memberships_->discovery(), nullptr);
  EXPECT_THAT(Members("a"), ElementsAre("127.0.0.1:1"));
  EXPECT_THAT(Members("b"), ElementsAre("127.0.0.1:2"));
  EXPECT_THAT(changed_, IsEmpty());
}

TEST_F(MembershipsTest, AnEndpointThatAReloadTakesLeavesAndMayReturn) {
  Apply(Build("{ name: a, endpoints: [ '127.0.0.1:1', '127.0.0.1:2' ] }"));
  const auto endpoint = memberships_->clusters()[0]->members()[1].endpoint;
  const cluster::OpenLease tunnel(*endpoint);
  Apply(Build("{ name: a, endpoints: [ '127.0.0.1:1' ] }"));
  EXPECT_TRUE(endpoint->draining());
  EXPECT_THAT(left_, IsEmpty()) << "tunnels: keep";
  EXPECT_EQ(memberships_->departures().departures().size(), 1U);
  Apply(Build("{ name: a, endpoints: [ '127.0.0.1:1', '127.0.0.1:2' ] }"));
  EXPECT_FALSE(endpoint->draining());
  EXPECT_EQ(memberships_->clusters()[0]->members()[1].endpoint, endpoint) << "it is the same";
  EXPECT_THAT(memberships_->departures().departures(), IsEmpty());
}

TEST_F(MembershipsTest, AnEndpointThatNobodyHoldsIsForgottenOnceTheWorkersKnow) {
  Apply(Build("{ name: a, endpoints: [ '127.0.0.1:1' ] }"));
  const auto endpoint = memberships_->clusters()[0]->members()[0].endpoint;
  Apply(Build(""));
  EXPECT_THAT(left_, IsEmpty());
  TurnUntil([this] { return !left_.empty(); });
  ASSERT_EQ(left_.size(), 1U);
  EXPECT_EQ(left_[0].kind, Departures::Order::Kind::kForget);
  EXPECT_EQ(left_[0].endpoint, endpoint);
}

TEST_F(MembershipsTest, TunnelsAreDrainedAfterTheCallerHasSentTheSnapshot) {
  const std::string close = "draining: { tunnels: close }, ";
  Apply(Build("{ name: a, " + close + "endpoints: [ '127.0.0.1:1', '127.0.0.1:2' ] }"));
  const cluster::OpenLease tunnel(*memberships_->clusters()[0]->members()[1].endpoint);
  Apply(Build("{ name: a, " + close + "endpoints: [ '127.0.0.1:1' ] }"));
  EXPECT_THAT(left_, IsEmpty());
  TurnUntil([this] { return !left_.empty(); });
  EXPECT_EQ(left_[0].kind, Departures::Order::Kind::kDrainTunnels);
}

TEST_F(MembershipsTest, CookiesThatAreHonouredStandInTheClustersThatAreSent) {
  const std::string honour = "draining: { cookies: honour }, ";
  Apply(Build("{ name: a, " + honour + "endpoints: [ '127.0.0.1:1', '127.0.0.1:2' ] }"));
  const cluster::OpenLease tunnel(*memberships_->clusters()[0]->members()[1].endpoint);
  Apply(Build("{ name: a, " + honour + "endpoints: [ '127.0.0.1:1' ] }"));
  EXPECT_THAT(changed_, IsEmpty());
  EXPECT_EQ(memberships_->clusters()[0]->leaving().size(), 1U);
}

TEST_F(MembershipsTest, WhatDiscoveryFindsReachesTheWorkersByItself) {
  Apply(Build("{ name: a, endpoints: [ 'localhost:1' ] }"));
  EXPECT_FALSE(memberships_->ready());
  TurnUntil([this] { return !changed_.empty(); });
  EXPECT_TRUE(memberships_->ready());
  EXPECT_FALSE(memberships_->discovered().at("a").empty());
  EXPECT_FALSE(Members("a").empty());
}

TEST_F(MembershipsTest, AClusterThatAReloadLeavesAloneKeepsWhatWasFoundWhileItWasBuilt) {
  const std::string a = "{ name: a, endpoints: [ 'localhost:1' ] }";
  Apply(Build(a));
  const auto next = Build(a + ", { name: b, endpoints: [ '127.0.0.1:2' ] }");
  EXPECT_THAT(NamesOf(*next->clusters[0]), IsEmpty());
  TurnUntil([this] { return !changed_.empty(); });
  Apply(next);
  EXPECT_FALSE(Members("a").empty());
}

TEST_F(MembershipsTest, AClusterThatAReloadMakesAnewGetsWhatWasFoundWhileItWasBuilt) {
  Apply(Build("{ name: a, endpoints: [ 'localhost:1' ] }"));
  const auto next = Build("{ name: a, endpoints: [ 'localhost:1' ], connect_timeout: 9s }");
  TurnUntil([this] { return !changed_.empty(); });
  changed_.clear();
  Apply(next);
  TurnUntil([this] { return !changed_.empty(); });
  EXPECT_FALSE(Members("a").empty());
  EXPECT_EQ(memberships_->clusters()[0]->cluster(), next->clusters[0]->cluster());
}

TEST_F(MembershipsTest, AClusterThatGetsNamesKeepsItsEndpointsBesideThoseListedUntilTheyAreResolved) {
  Apply(Build("{ name: a, endpoints: [ '127.0.0.1:1', '127.0.0.1:2' ] }"));
  const auto endpoint = memberships_->clusters()[0]->members()[0].endpoint;
  Apply(Build("{ name: a, endpoints: [ { address: '127.0.0.1:2', weight: 3 }, 'localhost:4' ] }"));
  EXPECT_THAT(Members("a"), ElementsAre("127.0.0.1:1", "127.0.0.1:2"));
  EXPECT_EQ(memberships_->clusters()[0]->members()[1].weight, 3U);
  EXPECT_FALSE(endpoint->draining());
  TurnUntil([this] { return !changed_.empty(); });
  EXPECT_TRUE(endpoint->draining());
  EXPECT_THAT(Members("a"), testing::Contains("127.0.0.1:2"));
}

TEST_F(MembershipsTest, WhatWasFoundForAClusterIsForgottenWithItsNames) {
  Apply(Build("{ name: a, endpoints: [ 'localhost:1' ] }"));
  TurnUntil([this] { return !changed_.empty(); });
  Apply(Build("{ name: a, endpoints: [ '127.0.0.1:2' ] }"));
  EXPECT_THAT(memberships_->discovered(), IsEmpty());
}

TEST_F(MembershipsTest, NobodyLeavesByWhatWasFoundBeforeAReload) {
  const config::Folder folder;
  const std::string path = folder.Write("a.yaml", "[ '127.0.0.1:1', '127.0.0.1:2' ]");
  const std::string a = "{ name: a, discovery: { file: '" + path + "' }";
  Apply(Build(a + " }"));
  TurnUntil([this] { return !changed_.empty(); });
  const auto next = Build(a + ", connect_timeout: 9s }");
  folder.Write("a.yaml", "[ '127.0.0.1:1', '127.0.0.1:3' ]");
  TurnUntil([this] { return changed_.size() == 2; });
  const auto found = memberships_->clusters()[0]->members()[1].endpoint;
  Apply(next);
  EXPECT_FALSE(found->draining());
  TurnUntil([this] { return changed_.size() == 3; });
  EXPECT_THAT(Members("a"), ElementsAre("127.0.0.1:1", "127.0.0.1:3"));
  EXPECT_FALSE(found->draining());
  ASSERT_EQ(memberships_->departures().departures().size(), 1U);
  EXPECT_EQ(memberships_->departures().departures()[0].endpoint->name(), "127.0.0.1:2");
}

}  // namespace
}  // namespace hawser::server::memberships_test
