// What a cluster consists of, whatever order its source gives, and what stays of an endpoint over changes.
#include "proxy/cluster/membership.h"

#include <algorithm>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster::membership_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr WallTime kNow{std::chrono::seconds(1'700'000'000)};

Target To(std::string_view address, std::string host = {}, uint32_t weight = 1, uint32_t priority = 0) {
  return {.address = Address(address), .host = std::move(host), .weight = weight, .priority = priority};
}

// "10.0.0.1:80*3" for an endpoint of weight 3.
std::vector<std::string> NamesOf(const Membership& membership) {
  std::vector<std::string> names;
  for (const auto& [endpoint, weight, priority] : membership.members())
    names.push_back(endpoint->hash_key() + (weight == 1 ? "" : "*" + std::to_string(weight)));
  return names;
}

class MembershipTest : public testing::Test {
 protected:
  MembershipTest() { settings_.name = "rooms"; }

  std::shared_ptr<const Membership> Make(const std::vector<Target>& targets) {
    return MakeMembership(std::make_shared<const Cluster>(settings_), targets, registry_);
  }

  config::Cluster settings_;
  EndpointRegistry registry_;
};

TEST_F(MembershipTest, IsTheSameInWhicheverOrderItsSourceGivesIt) {
  std::vector<Target> targets = {To("10.0.0.2:80", "b", 2), To("10.0.0.10:80"), To("10.0.0.1:80"),
                                 To("10.0.0.2:80", "a", 3)};
  std::sort(targets.begin(), targets.end(), [](const auto& a, const auto& b) { return a.weight < b.weight; });
  do {
    const auto membership = Make(targets);
    EXPECT_THAT(NamesOf(*membership), ElementsAre("10.0.0.10:80", "10.0.0.1:80", "10.0.0.2:80*5"));
    EXPECT_EQ(membership->Find("10.0.0.2:80")->host(), "a");
  } while (std::next_permutation(targets.begin(), targets.end(), [](const Target& a, const Target& b) {
    return std::tie(a.weight, a.host) < std::tie(b.weight, b.host);
  }));
}

TEST_F(MembershipTest, TwoNamesWithOneAddressAreOneEndpointWithTheWeightsAdded) {
  EXPECT_THAT(NamesOf(*Make({To("10.0.0.1:80", "a.internal", 2), To("10.0.0.1:80", "b.internal", 5)})),
              ElementsAre("10.0.0.1:80*7"));
}

TEST_F(MembershipTest, WhereTheyHaveCertificatesOfTheirOwnTheyAreTwo) {
  settings_.tls.emplace();
  const auto two = Make({To("10.0.0.1:443", "b.internal"), To("10.0.0.1:443", "a.internal.")});
  EXPECT_THAT(NamesOf(*two), ElementsAre("10.0.0.1:443 a.internal", "10.0.0.1:443 b.internal"));
  settings_.tls->server_name = "rooms.internal";
  EXPECT_THAT(NamesOf(*Make({To("10.0.0.1:443", "a.internal"), To("10.0.0.1:443", "b.internal")})),
              ElementsAre("10.0.0.1:443*2"));
}

TEST_F(MembershipTest, EachPriorityIsALevelAndAnEndpointIsInTheFirstOfItsOwn) {
  const auto three = Make({To("10.0.0.3:80", "", 1, 20), To("10.0.0.1:80", "", 1, 10),
                           To("10.0.0.2:80", "", 1, 10), To("10.0.0.1:80", "", 5, 20)});
  EXPECT_THAT(NamesOf(*three), ElementsAre("10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"));
  ASSERT_EQ(three->table()->levels().size(), 2u);
  EXPECT_EQ(three->table()->levels()[0].members().size(), 2u);
  EXPECT_EQ(three->members()[2].priority, 20u);
  for (const Member& member : three->members()) {
    EXPECT_EQ(three->Find(member.endpoint->name()), member.endpoint.get());
    EXPECT_EQ(three->table()->FindMember(*member.endpoint), &member);
  }
  EXPECT_THAT(NamesOf(*Make({})), IsEmpty());
  EXPECT_EQ(Make({})->table()->levels().size(), 1u);
}

TEST_F(MembershipTest, AWeightMayBeNothing) {
  EXPECT_EQ(Make({To("10.0.0.1:80", "", 0)})->members()[0].weight, 0u);
}

TEST_F(MembershipTest, AnEndpointIsTheSameForAsLongAsAnybodyHoldsIt) {
  auto membership = Make({To("10.0.0.1:80"), To("10.0.0.2:80")});
  OpenLease tunnel(*membership->Find("10.0.0.1:80"));
  tunnel->CountTunnelOpened();
  membership = Make({To("10.0.0.2:80")});
  EXPECT_EQ(membership->Find("10.0.0.1:80"), nullptr);
  membership = Make({To("10.0.0.1:80", "back.internal")});
  EXPECT_EQ(membership->Find("10.0.0.1:80"), tunnel.get());
  EXPECT_EQ(tunnel->host(), "back.internal") << "the name of now";

  const std::weak_ptr<Endpoint> known = tunnel.shared();
  membership = nullptr;
  tunnel.Release();
  EXPECT_TRUE(known.expired());
  EXPECT_EQ(Make({To("10.0.0.1:80")})->Find("10.0.0.1:80")->tunnels_opened(), 0u);
}

TEST_F(MembershipTest, AnotherClustersEndpointIsAnother) {
  const auto rooms = Make({To("10.0.0.1:80")});
  settings_.name = "games";
  EXPECT_NE(Make({To("10.0.0.1:80")})->members()[0].endpoint, rooms->members()[0].endpoint);
}

TEST_F(MembershipTest, TheRegistryForgetsThoseThatNobodyHolds) {
  for (int i = 0; i < 100'000; ++i)
    registry_.Get("rooms",
                  Address("10." + std::to_string(i / 10'000) + ".0.1:" + std::to_string(i % 10'000)));
  EXPECT_LE(registry_.size(), 64u);
}

// --- Those that have left ---

class Leaving : public MembershipTest {
 protected:
  Leaving() {
    config::AffinityCookie cookie{.name = "moor", .keys = {{std::string(32, 'k')}}};
    settings_.affinity = config::Affinity{.cookie = cookie};
    before_ = Make({To("10.0.0.1:80"), To("10.0.0.2:80")});
    gone_ = before_->members()[1].endpoint;
    cookie_ = before_->cluster()->affinity()->Mint(*gone_, *before_, kNow);
    after_ = Make({To("10.0.0.1:80")});
  }

  static AffinityLookup Find(const Membership& in, std::string_view cookie) {
    return in.cluster()->affinity()->Find(cookie, in, {}, kNow);
  }

  std::shared_ptr<const Membership> before_;
  std::shared_ptr<Endpoint> gone_;
  std::string cookie_;
  std::shared_ptr<const Membership> after_;
};

TEST_F(Leaving, ACookieMovesToAnotherEndpoint) {
  EXPECT_EQ(Find(*before_, cookie_).endpoint, gone_.get());
  EXPECT_EQ(Find(*after_, cookie_).result, AffinityResult::kGone);
  EXPECT_TRUE(Find(*after_, cookie_).renew);
}

TEST_F(Leaving, ACookieIsHonouredWhileItsEndpointIsNamedAsLeaving) {
  const auto honoured = after_->WithLeaving({gone_});
  EXPECT_EQ(Find(*honoured, cookie_).endpoint, gone_.get());
  EXPECT_FALSE(Find(*honoured, cookie_).renew);
  EXPECT_EQ(honoured->Find("10.0.0.2:80"), gone_.get()) << "sessions find it by its name";
  EXPECT_EQ(honoured->cluster()->affinity()->Mint(*gone_, *honoured, kNow), cookie_);
  EXPECT_EQ(honoured->table(), after_->table()) << "nothing is computed again";
  EXPECT_EQ(Find(*honoured->WithLeaving({}), cookie_).result, AffinityResult::kGone);
}

TEST_F(Leaving, WhoComesWithoutACookieIsNotSentThere) {
  WorkerCluster worker(after_->WithLeaving({gone_}), 1);
  http::RequestHead head;
  for (uint64_t i = 0; i < 20; ++i)
    EXPECT_NE(worker.Choose({.head = head, .random = i, .wall = kNow}).endpoint, gone_.get());
  const std::string cookie = "moor=" + cookie_;
  head.headers.Add("Cookie", cookie);
  EXPECT_EQ(worker.Choose({.head = head, .random = 1, .wall = kNow}).endpoint, gone_.get());
}

TEST_F(Leaving, OneThatIsEjectedIsHonouredAgainAfterItsTime) {
  const base::TimePoint later = base::SteadyNow() + std::chrono::hours(1);
  gone_->ChangeState(Endpoint::kEjected, 0);
  gone_->set_out_until(later);
  WorkerCluster worker(after_->WithLeaving({gone_}), 1);
  http::RequestHead head;
  const std::string cookie = "moor=" + cookie_;
  head.headers.Add("Cookie", cookie);
  EXPECT_NE(worker.Choose({.head = head, .random = 1, .wall = kNow}).endpoint, gone_.get());
  Picked picked = worker.Choose({.head = head, .random = 1, .wall = kNow, .now = later});
  EXPECT_EQ(picked.endpoint, gone_.get());
  EXPECT_FALSE(gone_->usable()) << "one request tries it";
  picked.trial.Answered(base::SteadyNow());
  EXPECT_TRUE(gone_->usable());
}

TEST_F(Leaving, AMemberDoesNotLeave) {
  EXPECT_THAT(before_->WithLeaving({gone_})->leaving(), IsEmpty());
}

TEST_F(Leaving, ACookieOutlivesAChangeOfItsKeys) {
  settings_.affinity->cookie->keys.insert(settings_.affinity->cookie->keys.begin(), {std::string(32, 'n')});
  const auto rotated = Make({To("10.0.0.2:80"), To("10.0.0.1:80")});
  EXPECT_EQ(Find(*rotated, cookie_).endpoint, gone_.get());
  EXPECT_TRUE(Find(*rotated, cookie_).renew);
}

}  // namespace
}  // namespace hawser::cluster::membership_test
