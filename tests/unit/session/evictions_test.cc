// Who is closed next, by nothing but the order of their places.
#include "proxy/session/evictions.h"

#include <chrono>
#include <map>
#include <memory>
#include <string>

#include "gtest/gtest.h"

namespace hawser::session::evictions_test {
namespace {

using namespace std::chrono_literals;
using enum Evictable;

// Places with names. Each comes a second after the one before.
class EvictionsTest : public testing::Test {
 protected:
  void Put(const std::string& name, Evictable kind, size_t listener = 0) {
    auto& place = places_[name];
    if (place == nullptr) place = std::make_unique<EvictionPlace>(static_cast<ClientConnection*>(nullptr));
    evictions_.Put(*place, listener, kind, now_ += 1s);
  }
  // The name of the next to be closed, which leaves; empty: nobody.
  std::string Take(std::optional<size_t> listener = std::nullopt) {
    EvictionPlace* const next = evictions_.Next(listener);
    if (next == nullptr) return "";
    for (const auto& [name, place] : places_) {
      if (place.get() != next) continue;
      next->Unlink();
      return name;
    }
    ADD_FAILURE() << "a place of nobody";
    return "";
  }

  base::TimePoint now_;
  Evictions evictions_;
  std::map<std::string, std::unique_ptr<EvictionPlace>> places_;
};

TEST_F(EvictionsTest, NobodyIsNext) {
  EXPECT_EQ(evictions_.Next(), nullptr);
  EXPECT_EQ(evictions_.Next(3), nullptr);
}

TEST_F(EvictionsTest, TheWorstStandingFirstThenTheOldest) {
  Put("idle", kIdle);
  Put("first", kNoRequest);
  Put("bad", kNoRequestBadStanding);
  Put("second", kNoRequest);
  Put("worse", kNoRequestBadStanding);
  Put("idler", kIdle);
  Put("moves", kBody);
  Put("drips", kBody);
  Put("moves", kBody);
  for (const char* next : {"bad", "worse", "first", "second", "idle", "idler", "drips", "moves", ""})
    EXPECT_EQ(Take(), next);
}

TEST_F(EvictionsTest, WhoHasJustComeMayBeSpared) {
  Put("idle", kIdle);
  Put("bad", kNoRequestBadStanding);
  Put("young", kNoRequest);
  const base::TimePoint before = places_["bad"]->since();
  for (const char* next : {"bad", "idle"}) {
    EvictionPlace* const place = evictions_.Next(std::nullopt, before);
    EXPECT_EQ(place, places_[next].get());
    place->Unlink();
  }
  EXPECT_EQ(evictions_.Next(std::nullopt, before), nullptr);
  EXPECT_EQ(Take(), "young") << "where nothing else is left";
}

TEST_F(EvictionsTest, ManyThatHaveJustComeAreAFlood) {
  Put("idle", kIdle);
  const base::TimePoint before = places_["idle"]->since();
  for (int i = 0; i < Evictions::kFew; ++i) Put(std::to_string(i), kNoRequest);
  EXPECT_EQ(evictions_.Next(std::nullopt, before), places_["0"].get());
  places_["0"]->Unlink();
  EXPECT_EQ(evictions_.Next(std::nullopt, before), places_["idle"].get());
}

TEST_F(EvictionsTest, WhoMovesIsTheYoungestOfItsNewKind) {
  Put("a", kNoRequest);
  Put("b", kIdle);
  Put("a", kIdle);
  Put("c", kIdle);
  Put("b", kIdle);  // has asked again meanwhile
  for (const char* next : {"a", "c", "b", ""}) EXPECT_EQ(Take(), next);
}

TEST_F(EvictionsTest, WhoIsBusyOrGoneIsNotNext) {
  Put("busy", kNoRequest);
  Put("gone", kNoRequest);
  Put("waits", kNoRequest);
  places_["busy"]->Unlink();
  places_.erase("gone");
  EXPECT_EQ(Take(), "waits");
  EXPECT_EQ(Take(), "");
}

TEST_F(EvictionsTest, AListenersRoomIsMadeByItsOwn) {
  Put("other's", kNoRequestBadStanding, 0);
  Put("idle", kIdle, 2);
  Put("silent", kNoRequest, 2);
  EXPECT_EQ(Take(2), "silent");
  EXPECT_EQ(Take(2), "idle");
  EXPECT_EQ(Take(2), "");
  EXPECT_EQ(Take(1), "");
  EXPECT_EQ(Take(7), "");
  EXPECT_EQ(Take(0), "other's");
}

TEST_F(EvictionsTest, TheRoomOfAllIsMadeByTheWorstAndOldestOfAnyListener) {
  Put("a", kNoRequest, 3);
  Put("b", kNoRequest, 0);
  Put("c", kNoRequestBadStanding, 1);
  Put("d", kNoRequest, 3);
  Put("e", kIdle, 0);
  for (const char* next : {"c", "a", "b", "d", "e", ""}) EXPECT_EQ(Take(), next);
}

TEST_F(EvictionsTest, ANewConnectionHasThePlaceOfItsAddress) {
  EvictionPlace good(static_cast<ClientConnection*>(nullptr));
  EvictionPlace bad(static_cast<Http2Connection*>(nullptr));
  evictions_.Put(good, 0, edge::Standing::kGood, now_);
  evictions_.Put(bad, 0, edge::Standing::kBad, now_ + 1s);
  EXPECT_EQ(evictions_.Next(), &bad);
  EXPECT_EQ(bad.kind(), kNoRequestBadStanding);
  EXPECT_EQ(good.kind(), kNoRequest);
}

}  // namespace
}  // namespace hawser::session::evictions_test
