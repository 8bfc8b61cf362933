#include "proxy/server/reloads.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "proxy/server/reload_report.h"

namespace hawser::server::reloads_test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Kind = ReloadResult::Kind;

class ReloadsTest : public testing::Test {
 protected:
  void Ask(const std::string& who) {
    reloads_.Ask([this, who](const ReloadResult& result) {
      told_.push_back(who + " " + std::to_string(result.generation));
    });
  }
  std::vector<std::string> Finish(uint64_t generation, Kind kind = Kind::kApplied) {
    reloads_.Finish({.kind = kind, .generation = generation});
    return std::exchange(told_, {});
  }

  int begun_ = 0;
  std::vector<std::string> told_;
  Reloads reloads_{[this] { ++begun_; }};
};

TEST_F(ReloadsTest, TheFirstBeginsAtOnceAndTellsWhoeverAsked) {
  Ask("a");
  EXPECT_EQ(begun_, 1);
  EXPECT_THAT(told_, IsEmpty());
  EXPECT_THAT(Finish(2), ElementsAre("a 2"));
  EXPECT_EQ(begun_, 1);
  EXPECT_FALSE(reloads_.under_way());
}

TEST_F(ReloadsTest, AllWhoAskMeanwhileGetOneThatBeginsAfterwards) {
  Ask("a");
  Ask("b");
  reloads_.Ask({});
  Ask("c");
  EXPECT_EQ(begun_, 1);
  EXPECT_THAT(Finish(2), ElementsAre("a 2"));
  EXPECT_EQ(begun_, 2);
  Ask("d");
  EXPECT_THAT(Finish(3), ElementsAre("b 3", "c 3"));
  EXPECT_EQ(begun_, 3);
  EXPECT_THAT(Finish(4), ElementsAre("d 4"));
  EXPECT_EQ(begun_, 3);
}

TEST_F(ReloadsTest, WhoeverIsToldMayAskAgain) {
  reloads_.Ask([this](const ReloadResult&) { Ask("again"); });
  EXPECT_THAT(Finish(2), IsEmpty());
  EXPECT_EQ(begun_, 2);
  EXPECT_THAT(Finish(3), ElementsAre("again 3"));
}

TEST_F(ReloadsTest, OneMayEndWhileItBegins) {
  Reloads* reloads = nullptr;
  Reloads at_once([&reloads] { reloads->Finish({.generation = 5}); });
  reloads = &at_once;
  uint64_t told = 0;
  at_once.Ask([&told](const ReloadResult& result) { told = result.generation; });
  EXPECT_EQ(told, 5U);
  EXPECT_FALSE(at_once.under_way());
}

TEST_F(ReloadsTest, CountsWhatTheyCameTo) {
  const auto start = reloads_.last_success();
  for (const Kind kind : {Kind::kFailed, Kind::kDraining}) {
    Ask("a");
    Finish(1, kind);
  }
  EXPECT_EQ(reloads_.last_success(), start);
  for (const Kind kind : {Kind::kApplied, Kind::kUnchanged, Kind::kUnchanged}) {
    Ask("a");
    Finish(1, kind);
  }
  EXPECT_GT(reloads_.last_success(), start);
  EXPECT_EQ(reloads_.count(Kind::kFailed), 1U);
  EXPECT_EQ(reloads_.count(Kind::kApplied), 1U);
  EXPECT_EQ(reloads_.count(Kind::kUnchanged), 2U);
}

TEST(ReloadReport, OneLineSaysWhatChanged) {
  ReloadResult result{.kind = Kind::kApplied, .generation = 7};
  result.listeners = {.added = {"a"}, .changed = {"b"}};
  result.routes.removed = {"x", "y"};
  EXPECT_EQ(SummaryOf(result),
            "reloaded: generation 7: listeners +1 -0 ~1, routes +0 -2 ~0, clusters +0 -0 ~0, certificates +0 "
            "-0 ~0");
}

}  // namespace
}  // namespace hawser::server::reloads_test
