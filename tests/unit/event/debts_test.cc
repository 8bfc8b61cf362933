// Whose turn is next, without a loop and without a clock.
#include "proxy/event/debts.h"

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace hawser::event {
namespace {

using std::chrono::milliseconds;

class DebtsTest : public testing::Test {
 protected:
  static constexpr size_t kShare = 100;

  struct Named final : IoHandler {
    explicit Named(char letter) : name(letter) {}
    void OnReady(Ready) override {}
    char name;
  };

  void Owe(std::string_view names, size_t over = 0) {
    for (const char name : names) debts.Owe(handler(name), over, now);
  }

  // A turn in which something is ready for each of `ready`, with time for `most` of them. Each one that has
  // its turn spends its share and `over` besides. Returns who had one, in order.
  std::string Turn(std::string_view ready, size_t most = 100, size_t over = 0, bool all_seen = true) {
    for (const char name : ready) {
      EXPECT_TRUE(debts.Defer(handler(name), Debts::Kind::kCall, name)) << name;
    }
    std::string order;
    debts.BeginRounds();
    while (Debts::Debt* const debt = order.size() < most ? debts.Next(kShare) : nullptr) {
      EXPECT_EQ(debts.deferred(debt->first).index, NameOf(*debt->handler));
      order += NameOf(*debt->handler);
      debts.Served(*debt, over, now);
    }
    unhandled.clear();
    debts.EndTurn(now, all_seen, [this](IoHandler& whose, const Debts::Deferred& deferred) {
      EXPECT_EQ(deferred.index, NameOf(whose));
      unhandled += NameOf(whose);
    });
    return order;
  }

  bool InDebt(char name) {
    const bool is = debts.Defer(handler(name), Debts::Kind::kEvent, name);
    debts.BeginRounds();
    if (is) debts.Served(*debts.Next(Debts::kMostWork + 1), 0, now);
    debts.EndTurn(now, false, [](IoHandler&, const Debts::Deferred&) {});
    return is;
  }

  IoHandler& handler(char name) { return *handlers[static_cast<size_t>(name - 'a')]; }
  static char NameOf(IoHandler& handler) { return static_cast<Named&>(handler).name; }

  std::vector<std::unique_ptr<Named>> handlers = [] {
    std::vector<std::unique_ptr<Named>> made;
    for (char name = 'a'; name <= 'f'; ++name) made.push_back(std::make_unique<Named>(name));
    return made;
  }();
  base::TimePoint now = base::SteadyNow();
  Debts debts;
  std::string unhandled;
};

TEST_F(DebtsTest, OnlyWhatIsReadyForAHandlerInDebtWaits) {
  EXPECT_FALSE(debts.Defer(handler('a'), Debts::Kind::kEvent, 0));
  Owe("a");
  EXPECT_FALSE(debts.Defer(handler('b'), Debts::Kind::kEvent, 0));
  EXPECT_EQ(Turn("a"), "a");
  EXPECT_EQ(Turn(""), "");
}

TEST_F(DebtsTest, WhoHadATurnStandsBehindWhoHadNone) {
  Owe("abcd");
  EXPECT_EQ(Turn("dcba", 2), "ab") << "in the order of their debts, not of their events";
  EXPECT_EQ(unhandled, "cd");
  EXPECT_EQ(Turn("abcd", 2), "cd");
  EXPECT_EQ(Turn("abcd", 3), "abc");
  EXPECT_EQ(Turn("abcd"), "dabc");
  EXPECT_EQ(unhandled, "");
}

TEST_F(DebtsTest, ForWhomNothingIsReadyKeepsItsPlace) {
  Owe("abcd");
  EXPECT_EQ(Turn("cd", 1), "c");
  EXPECT_EQ(Turn("abcd", 3), "dab") << "a and b had their place, and so had d, which waited";
}

// Each does its share, and one of them twice as much.
TEST_F(DebtsTest, WhoDoesMoreThanItsShareHasATurnLessOften) {
  Owe("abc");
  std::string order;
  for (int turn = 0; turn < 60; ++turn) {
    const std::string next = Turn("abc", 1);
    if (next == "b") Owe("b", kShare);
    order += next;
  }
  EXPECT_EQ(std::count(order.begin(), order.end(), 'a'), 24);
  EXPECT_EQ(std::count(order.begin(), order.end(), 'b'), 12);
  EXPECT_EQ(std::count(order.begin(), order.end(), 'c'), 24);
}

TEST_F(DebtsTest, WhoStandsAloneHasATurnWhateverItOwes) {
  Owe("a", 1000 * kShare);
  for (int turn = 0; turn < 3; ++turn) EXPECT_EQ(Turn("a", 1, 1000 * kShare), "a");
}

TEST_F(DebtsTest, AllThatWaitsForAHandlerIsHandledInItsTurn) {
  Owe("ab");
  debts.Defer(handler('a'), Debts::Kind::kEvent, 7);
  debts.Defer(handler('b'), Debts::Kind::kEvent, 8);
  debts.Defer(handler('a'), Debts::Kind::kCall, 9);
  debts.BeginRounds();
  const Debts::Debt* const debt = debts.Next(kShare);
  ASSERT_EQ(debt->handler, &handler('a'));
  EXPECT_EQ(debts.deferred(debt->first).index, 7);
  const Debts::Deferred& second = debts.deferred(debts.deferred(debt->first).next);
  EXPECT_EQ(second.index, 9);
  EXPECT_EQ(second.kind, Debts::Kind::kCall);
  EXPECT_LT(second.next, 0);
}

TEST_F(DebtsTest, ADebtIsForgivenAfterAWhileInWhichItWasLight) {
  Owe("ab");
  now += Debts::kMemory - milliseconds(1);
  EXPECT_EQ(Turn("b"), "b");  // which spends its share again
  now += milliseconds(1);
  EXPECT_EQ(Turn(""), "");
  EXPECT_FALSE(InDebt('a'));
  EXPECT_TRUE(InDebt('b'));
  now += Debts::kMemory;
  EXPECT_EQ(Turn(""), "");
  EXPECT_TRUE(debts.empty());
}

TEST_F(DebtsTest, NobodyIsForgivenWhoWaitsOrWhoseEventsWereNotSeen) {
  Owe("ab");
  now += 2 * Debts::kMemory;
  EXPECT_EQ(Turn("ab", 1, 0, false), "a");
  EXPECT_EQ(Turn("ab", 0), "");
  EXPECT_TRUE(InDebt('a') && InDebt('b'));
}

TEST_F(DebtsTest, AHandlerThatIsDestroyedLeavesNoDebt) {
  Owe("abc");
  debts.Forget(handler('b'));
  debts.Forget(handler('f'));
  EXPECT_FALSE(debts.Defer(handler('b'), Debts::Kind::kEvent, 0));
  EXPECT_EQ(Turn("ac"), "ac");
}

}  // namespace
}  // namespace hawser::event
