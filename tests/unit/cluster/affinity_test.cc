#include "proxy/cluster/affinity.h"

#include <array>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proxy/cluster/base64url.h"
#include "tests/unit/cluster/fleet.h"

namespace hawser::cluster {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{1'700'000'000s};
constexpr std::string_view kKeyA = "0123456789abcdef0123456789abcdef";
constexpr std::string_view kKeyB = "fedcba9876543210fedcba9876543210";

// A cluster with affinity under `keys`, and the objects that it refers to.
class Site {
 public:
  explicit Site(std::vector<std::string_view> keys = {kKeyA}, base::Duration ttl = 1h, size_t endpoints = 5,
                std::string name = "rooms", std::string cookie = "moor")
      : settings_(EvenCluster(config::LbPolicy::kRoundRobin, endpoints)) {
    settings_.name = std::move(name);
    config::AffinityCookie affinity{.name = std::move(cookie), .ttl = ttl};
    for (const std::string_view key : keys) affinity.keys.push_back({std::string(key)});
    settings_.affinity = config::Affinity{.cookie = affinity};
    cluster_ = std::make_unique<Fleet>(settings_);
  }

  Endpoint& endpoint(size_t i) const { return *cluster_->endpoints()[i]; }
  std::string Mint(size_t i, WallTime now = kNow) const { return cluster_->Mint(endpoint(i), now); }
  std::string MintFor(const Endpoint& endpoint) const { return cluster_->Mint(endpoint, kNow); }
  AffinityLookup Find(std::string_view cookie, WallTime now = kNow, EndpointSet tried = {}) const {
    return cluster_->affinity()->Find(cookie, *cluster_->membership(), tried, now);
  }
  // With a Cookie field for each.
  AffinityLookup FindIn(const std::vector<std::string>& fields, EndpointSet tried = {}) const {
    http::HeaderList headers;
    for (const std::string& field : fields) headers.Add("Cookie", field);
    return cluster_->affinity()->FindIn(headers, *cluster_->membership(), tried, kNow);
  }

 private:
  config::Cluster settings_;
  std::unique_ptr<Fleet> cluster_;
};

MATCHER_P(Misses, result, "") {
  return arg.result == result && arg.endpoint == nullptr && arg.renew;
}
MATCHER_P(Hits, endpoint, "") {
  return arg.result == AffinityResult::kHit && arg.endpoint == endpoint && !arg.renew;
}
MATCHER_P(HitsAndRenews, endpoint, "") {
  return arg.result == AffinityResult::kHit && arg.endpoint == endpoint && arg.renew;
}

TEST(Affinity, LeadsBackToTheEndpointThatItWasMintedFor) {
  const Site site;
  for (size_t i = 0; i < 5; ++i) EXPECT_THAT(site.Find(site.Mint(i)), Hits(&site.endpoint(i)));
}

TEST(Affinity, WithoutACookieSetsOne) {
  EXPECT_THAT(Site().FindIn({}), Misses(AffinityResult::kSet));
  EXPECT_THAT(Site().FindIn({"other=1; moorx=2"}), Misses(AffinityResult::kSet));
}

TEST(Affinity, OfSeveralCookiesTheFirstThatVerifiesCounts) {
  const Site site;
  const std::string one = "moor=" + site.Mint(1);
  const std::string two = "moor=" + site.Mint(2);
  EXPECT_THAT(site.FindIn({one + "; " + two}), Hits(&site.endpoint(1)));
  EXPECT_THAT(site.FindIn({two, one}), Hits(&site.endpoint(2)));
  EXPECT_THAT(site.FindIn({"moor=" + Site({kKeyB}).Mint(2) + "; moor=; moor=x; " + one}),
              Hits(&site.endpoint(1)));
  const std::shared_ptr<const Endpoint> tried = site.endpoint(2).shared_from_this();
  EXPECT_THAT(site.FindIn({two, one}, EndpointSet(&tried, 1)), Hits(&site.endpoint(1)));
  EXPECT_THAT(site.FindIn({"moor=x; " + two + "; moor=x"}, EndpointSet(&tried, 1)),
              Misses(AffinityResult::kGone));
  EXPECT_THAT(site.FindIn({"moor=x; moor=y"}), Misses(AffinityResult::kForged));
}

// Each costs digests, and over HTTP/2 a head full of them costs its sender next to nothing.
TEST(Affinity, OfManyCookiesOnlyTheFirstFewAreLookedAt) {
  const Site site;
  const std::string forged = "moor=" + Site({kKeyB}).Mint(2) + "; ";
  EXPECT_THAT(site.FindIn({forged + forged + forged + "moor=" + site.Mint(1)}), Hits(&site.endpoint(1)));
  EXPECT_THAT(site.FindIn({forged + forged + forged + forged + "moor=" + site.Mint(1)}),
              Misses(AffinityResult::kForged));
}

TEST(Affinity, IsOpaque) {
  const Site site;
  const std::string value = site.Mint(0);
  EXPECT_EQ(value.size(), 44u);
  EXPECT_EQ(value.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            std::string::npos);
  EXPECT_NE(value, Site({kKeyB}).Mint(0)) << "no part of it can be computed without the key";
  std::array<uint8_t, 33> ours;
  std::array<uint8_t, 33> theirs;
  ASSERT_TRUE(DecodeBase64Url(value, ours));
  ASSERT_TRUE(DecodeBase64Url(Site({kKeyB}).Mint(0), theirs));
  EXPECT_FALSE(std::equal(ours.begin() + 9, ours.begin() + 17, theirs.begin() + 9)) << "the tag is keyed";
}

TEST(Affinity, EveryFlippedBitOfTheBytesIsForged) {
  const Site site;
  std::array<uint8_t, 33> bytes;
  ASSERT_TRUE(DecodeBase64Url(site.Mint(1), bytes));
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_THAT(site.Find(EncodeBase64Url(bytes)), Misses(AffinityResult::kForged)) << "bit " << bit;
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  EXPECT_THAT(site.Find(EncodeBase64Url(bytes)), Hits(&site.endpoint(1)));
}

TEST(Affinity, EveryFlippedBitOfTheTextIsForged) {
  const Site site;
  std::string value = site.Mint(1);
  for (size_t bit = 0; bit < value.size() * 8; ++bit) {
    value[bit / 8] = static_cast<char>(value[bit / 8] ^ (1 << bit % 8));
    EXPECT_THAT(site.Find(value), Misses(AffinityResult::kForged)) << "bit " << bit;
    value[bit / 8] = static_cast<char>(value[bit / 8] ^ (1 << bit % 8));
  }
}

TEST(Affinity, WhatIsMalformedIsForged) {
  const Site site;
  const std::string value = site.Mint(1);
  for (size_t length = 0; length < value.size(); ++length) {
    EXPECT_THAT(site.Find(value.substr(0, length)), Misses(AffinityResult::kForged)) << length;
  }
  for (const std::string& text : {value + "A", value + "AAAA", value + value, value + "=", " " + value,
                                  std::string(40, '\0'), std::string(40, 'A'), std::string(100'000, 'A')}) {
    EXPECT_THAT(site.Find(text), Misses(AffinityResult::kForged));
  }
}

TEST(Affinity, TakingPartsOfTwoCookiesIsForged) {
  const Site site;
  const std::string one = site.Mint(1);
  const std::string two = site.Mint(2);
  for (size_t cut = 1; cut < one.size(); ++cut) {
    const std::string spliced = one.substr(0, cut) + two.substr(cut);
    if (spliced == one || spliced == two) continue;
    EXPECT_THAT(site.Find(spliced), Misses(AffinityResult::kForged)) << cut;
  }
}

TEST(Affinity, NeverLeadsToAnotherEndpoint) {
  const Site site({kKeyA, kKeyB}, 1h, 300);
  std::set<std::string> values;
  for (size_t i = 0; i < 300; ++i) {
    EXPECT_THAT(site.Find(site.Mint(i)), Hits(&site.endpoint(i)));
    EXPECT_TRUE(values.insert(site.Mint(i)).second);
  }
}

TEST(Affinity, HawsersWithTheSameKeysAgree) {
  const Site one({kKeyA, kKeyB});
  const Site other({kKeyA, kKeyB});
  EXPECT_EQ(one.Mint(3), other.Mint(3));
  EXPECT_THAT(other.Find(one.Mint(3)), Hits(&other.endpoint(3)));
  const Site larger({kKeyA, kKeyB}, 1h, 9);
  EXPECT_THAT(larger.Find(one.Mint(3)), Hits(&larger.endpoint(3)));
}

TEST(Affinity, KeysCanBeRotated) {
  const Site before({kKeyA});
  const Site during({kKeyB, kKeyA});
  const Site after({kKeyB});
  EXPECT_THAT(during.Find(before.Mint(2)), HitsAndRenews(&during.endpoint(2)));
  EXPECT_THAT(after.Find(before.Mint(2)), Misses(AffinityResult::kForged));
  EXPECT_THAT(after.Find(during.Mint(2)), Hits(&after.endpoint(2)));
  EXPECT_EQ(during.Mint(2), after.Mint(2)) << "the first key signs";
}

TEST(Affinity, ExpiresToTheSecond) {
  const Site site({kKeyA}, 1h);
  const std::string value = site.Mint(2);
  EXPECT_THAT(site.Find(value, kNow + 1h - 1s), HitsAndRenews(&site.endpoint(2)));
  EXPECT_THAT(site.Find(value, kNow + 1h), Misses(AffinityResult::kExpired));
  EXPECT_THAT(site.Find(value, kNow + 10'000h), Misses(AffinityResult::kExpired));
}

TEST(Affinity, IsRenewedPastHalfOfItsTime) {
  const Site site({kKeyA}, 1h);
  const std::string value = site.Mint(2);
  EXPECT_THAT(site.Find(value, kNow + 30min), Hits(&site.endpoint(2)));
  EXPECT_THAT(site.Find(value, kNow + 30min + 1s), HitsAndRenews(&site.endpoint(2)));
}

TEST(Affinity, ASessionCookieDoesNotExpire) {
  const Site site({kKeyA}, 0s);
  EXPECT_THAT(site.Find(site.Mint(2), kNow + 100'000h), Hits(&site.endpoint(2)));
}

TEST(Affinity, PartsOfASecondCountAsOne) {
  const Site site({kKeyA}, 1500ms);
  EXPECT_THAT(site.Find(site.Mint(2), kNow + 1s), Hits(&site.endpoint(2)));
  EXPECT_THAT(site.Find(site.Mint(2), kNow + 2s), Misses(AffinityResult::kExpired));
}

TEST(Affinity, ACookieOfAnotherTtlIsHonouredAndRenewed) {
  const Site session({kKeyA}, 0s);
  const Site hour({kKeyA}, 1h);
  const Site day({kKeyA}, 24h);
  EXPECT_THAT(hour.Find(session.Mint(2)), HitsAndRenews(&hour.endpoint(2)));
  EXPECT_THAT(session.Find(hour.Mint(2)), HitsAndRenews(&session.endpoint(2)));
  EXPECT_THAT(hour.Find(day.Mint(2)), HitsAndRenews(&hour.endpoint(2)));
  EXPECT_THAT(day.Find(hour.Mint(2)), HitsAndRenews(&day.endpoint(2)));
}

TEST(Affinity, OfARenamedClusterIsForged) {
  const Site rooms;
  EXPECT_THAT(Site({kKeyA}, 1h, 5, "chat").Find(rooms.Mint(2)), Misses(AffinityResult::kForged));
}

TEST(Affinity, OfAnotherCookieNameIsForged) {
  const Site moor;
  EXPECT_THAT(Site({kKeyA}, 1h, 5, "rooms", "bollard").Find(moor.Mint(2)), Misses(AffinityResult::kForged));
}

TEST(Affinity, ConcatenatedNamesDiffer) {
  const Site one({kKeyA}, 1h, 5, "rooms", "moor");
  const Site other({kKeyA}, 1h, 5, "roomsm", "oor");
  EXPECT_THAT(other.Find(one.Mint(2)), Misses(AffinityResult::kForged));
}

TEST(Affinity, ToAnEndpointThatLeftIsGone) {
  const Site large({kKeyA}, 1h, 5);
  const Site small({kKeyA}, 1h, 4);
  EXPECT_THAT(small.Find(large.Mint(4)), Misses(AffinityResult::kGone));
}

TEST(Affinity, ToAnEndpointThatIsNotAvailableIsGone) {
  const Site site;
  SetUsable(site.endpoint(2), false);
  EXPECT_THAT(site.Find(site.Mint(2)), Misses(AffinityResult::kGone));
  SetUsable(site.endpoint(2), true);
  EXPECT_THAT(site.Find(site.Mint(2)), Hits(&site.endpoint(2)));
}

TEST(Affinity, ToAnEndpointThatHasFailedIsGone) {
  const Site site;
  const std::shared_ptr<const Endpoint> tried = site.endpoint(2).shared_from_this();
  EXPECT_THAT(site.Find(site.Mint(2), kNow, EndpointSet(&tried, 1)), Misses(AffinityResult::kGone));
  EXPECT_THAT(site.Find(site.Mint(1), kNow, EndpointSet(&tried, 1)), Hits(&site.endpoint(1)));
}

TEST(Affinity, ToAnEndpointThatShedsItLeadsOnlyIfItIsYounger) {
  for (const base::Duration ttl : {base::Duration(0s), base::Duration(1h)}) {
    const Site site({kKeyA}, ttl);
    const std::string before = site.Mint(2);
    site.endpoint(2).set_shedding_since(kNow.time_since_epoch().count() + 60);
    EXPECT_THAT(site.Find(before, kNow + 70s), Misses(AffinityResult::kGone));
    EXPECT_THAT(site.Find(site.Mint(1), kNow + 70s), Hits(&site.endpoint(1)));
    EXPECT_THAT(site.Find(site.Mint(2, kNow + 60s), kNow + 70s), Hits(&site.endpoint(2)));
    site.endpoint(2).set_shedding_since(0);
    EXPECT_THAT(site.Find(before, kNow + 80s), Hits(&site.endpoint(2))) << "it counts again";
  }
}

TEST(Affinity, Version1IsAsOldAsItsExpirySays) {
  constexpr std::string_view kMintedAtNowFor1h = "AQBlU_8QS8ExlM2tNpk6e_Jh_UoP4yJZ7Dp1ajpc";
  const Site site({kKeyA}, 1h);
  site.endpoint(0).set_shedding_since(kNow.time_since_epoch().count());
  EXPECT_THAT(site.Find(kMintedAtNowFor1h), HitsAndRenews(&site.endpoint(0)));
  site.endpoint(0).set_shedding_since(kNow.time_since_epoch().count() + 1);
  EXPECT_THAT(site.Find(kMintedAtNowFor1h), Misses(AffinityResult::kGone));
}

TEST(Affinity, MintsForAnEndpointThatHasLeftSinceItWasPicked) {
  const Site large({kKeyA}, 1h, 5);
  const Site small({kKeyA}, 1h, 4);
  EXPECT_EQ(small.MintFor(large.endpoint(4)), large.Mint(4));
}

TEST(Affinity, WithoutKeysAcceptsNothingAndMintsNothing) {
  const Site site(std::vector<std::string_view>{});
  EXPECT_EQ(site.Mint(0), "");
  EXPECT_THAT(site.Find(Site().Mint(0)), Misses(AffinityResult::kForged));
}

// What hosts of one fleet exchange through their clients may not change from build to build.
TEST(Affinity, HasAFixedValue) {
  EXPECT_EQ(Site().Mint(0), "AmVT8QAAAA4QS8ExlM2tNplLEvNY-rAGfvkQRk5c_INI");
}

// For one release: clients bring it for as long as its ttl.
TEST(Affinity, ReadsVersion1AndRenewsIt) {
  constexpr std::string_view kMintedAtNowFor1h = "AQBlU_8QS8ExlM2tNpk6e_Jh_UoP4yJZ7Dp1ajpc";
  const Site site({kKeyA}, 1h);
  EXPECT_THAT(site.Find(kMintedAtNowFor1h), HitsAndRenews(&site.endpoint(0)));
  EXPECT_THAT(site.Find(kMintedAtNowFor1h, kNow + 1h), Misses(AffinityResult::kExpired));
  EXPECT_THAT(Site({kKeyB}, 1h).Find(kMintedAtNowFor1h), Misses(AffinityResult::kForged));
}

TEST(Affinity, WritesItsSetCookieAsConfigured) {
  config::Cluster settings = EvenCluster(config::LbPolicy::kRoundRobin, 1);
  settings.affinity =
      config::Affinity{.cookie = config::AffinityCookie{.name = "moor", .keys = {{std::string(kKeyA)}}}};
  config::AffinityCookie& cookie = *settings.affinity->cookie;
  const auto written = [&](bool tls) {
    const Fleet cluster(settings);
    const Endpoint& endpoint = *cluster.endpoints()[0];
    std::string text = cluster.affinity()->SetCookieFor(endpoint, *cluster.membership(), kNow, tls);
    const std::string value = cluster.Mint(endpoint, kNow);
    const size_t at = text.find(value);
    return at == std::string::npos ? text : text.replace(at, value.size(), "VALUE");
  };
  EXPECT_EQ(written(false), "moor=VALUE; Path=/; HttpOnly; SameSite=Lax");
  EXPECT_EQ(written(true), "moor=VALUE; Path=/; Secure; HttpOnly; SameSite=Lax");
  cookie.ttl = 1h;
  cookie.path = "/chat";
  cookie.http_only = false;
  cookie.same_site = config::SameSite::kStrict;
  cookie.secure = false;
  EXPECT_EQ(written(true), "moor=VALUE; Path=/chat; Max-Age=3600; SameSite=Strict");
  cookie.secure = true;
  cookie.same_site = config::SameSite::kNone;
  EXPECT_EQ(written(false), "moor=VALUE; Path=/chat; Max-Age=3600; Secure; SameSite=None");
}

TEST(AffinityResult, HasANameEach) {
  std::set<std::string_view> names;
  for (const auto result :
       {AffinityResult::kNone, AffinityResult::kSet, AffinityResult::kHit, AffinityResult::kForged,
        AffinityResult::kExpired, AffinityResult::kGone, AffinityResult::kUnknown}) {
    EXPECT_TRUE(names.insert(NameOf(result)).second);
  }
  EXPECT_FALSE(names.contains(""));
}

TEST(Base64Url, MatchesTheAlphabetOfRfc4648) {
  const std::array<uint8_t, 6> bytes = {0xfb, 0xef, 0xff, 0x00, 0x10, 0x83};
  EXPECT_EQ(EncodeBase64Url(bytes), "--__ABCD");
  std::array<uint8_t, 6> decoded;
  ASSERT_TRUE(DecodeBase64Url("--__ABCD", decoded));
  EXPECT_EQ(decoded, bytes);
  EXPECT_FALSE(DecodeBase64Url("++//ABCD", decoded));
  EXPECT_FALSE(DecodeBase64Url("--__ABC=", decoded));
}

}  // namespace
}  // namespace hawser::cluster
