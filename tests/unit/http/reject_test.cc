#include "proxy/http/reject.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace hawser::http {
namespace {

std::vector<RejectSpec> AllSpecs() {
  std::vector<RejectSpec> specs;
  for (size_t i = 0; i < static_cast<size_t>(Reject::kCount); ++i)
    specs.push_back(SpecOf(static_cast<Reject>(i)));
  return specs;
}

TEST(Reject, EveryRefusalHasItsOwnRow) {
  size_t index = 0;
  for (const RejectSpec& spec : AllSpecs()) EXPECT_EQ(static_cast<size_t>(spec.reject), index++);
}

TEST(Reject, LabelsAreUniqueAndInSnakeCase) {
  std::set<std::string_view> labels;
  for (const RejectSpec& spec : AllSpecs()) {
    EXPECT_TRUE(labels.insert(spec.label).second) << spec.label;
    EXPECT_FALSE(spec.label.empty());
    EXPECT_EQ(spec.label.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"), std::string_view::npos)
        << spec.label;
  }
}

TEST(Reject, ATextFitsIntoACloseFrame) {
  for (const RejectSpec& spec : AllSpecs()) {
    EXPECT_LE(spec.text.size(), 123u) << spec.label;
    EXPECT_FALSE(spec.flag.empty()) << spec.label;
    EXPECT_TRUE(spec.reject == Reject::kNone || spec.text.ends_with('.')) << spec.label;
  }
}

TEST(Reject, ARefusalIsAStatusOrACloseCode) {
  for (const RejectSpec& spec : AllSpecs()) {
    EXPECT_FALSE(spec.status != 0 && spec.close_code != 0) << spec.label;
    const bool silent = spec.reject == Reject::kNone || spec.reject == Reject::kClientLost ||
                        spec.reject == Reject::kTlsTimeout;
    EXPECT_EQ(spec.status == 0 && spec.close_code == 0, silent) << spec.label;
  }
}

TEST(Reject, StatusesAreErrorsOfHttp) {
  for (const RejectSpec& spec : AllSpecs()) {
    EXPECT_TRUE(spec.status == 0 || (spec.status >= 400 && spec.status <= 511)) << spec.label;
  }
}

// RFC 6455 §7.4.1: 1004, 1005, 1006 and 1015 never stand in a frame.
TEST(Reject, CloseCodesAreOnesThatAServerMaySend) {
  for (const RejectSpec& spec : AllSpecs()) {
    if (spec.close_code == 0) continue;
    EXPECT_TRUE(spec.close_code >= 1000 && spec.close_code <= 1014) << spec.label;
    EXPECT_TRUE(spec.close_code < 1004 || spec.close_code > 1006) << spec.label;
  }
}

TEST(Reject, TheStatusesThatClientsRelyOn) {
  EXPECT_EQ(SpecOf(Reject::kMalformedRequest).status, 400);
  EXPECT_EQ(SpecOf(Reject::kUnsupportedVersion).status, 505);
  EXPECT_EQ(SpecOf(Reject::kUriTooLong).status, 414);
  EXPECT_EQ(SpecOf(Reject::kHeadTooLarge).status, 431);
  EXPECT_EQ(SpecOf(Reject::kUnsupportedTransferCoding).status, 501);
  EXPECT_EQ(SpecOf(Reject::kMethodNotAllowed).status, 405);
  EXPECT_EQ(SpecOf(Reject::kBadWebSocketVersion).status, 426);
  EXPECT_EQ(SpecOf(Reject::kUpgradeWithBody).status, 413);
  EXPECT_EQ(SpecOf(Reject::kBadBackendUpgrade).status, 502);
  EXPECT_EQ(SpecOf(Reject::kConnectTimeout).status, 504);
  EXPECT_EQ(SpecOf(Reject::kBackendLost).close_code, 1001);
  EXPECT_EQ(SpecOf(Reject::kDrained).close_code, 1001);
}

TEST(Reject, ATemporaryRefusalHasARetryAfter) {
  for (const RejectSpec& spec : RejectTable()) {
    const bool comes_back = spec.status == 429 || spec.status == 503;
    EXPECT_EQ(spec.retry_after, comes_back ? 2 : 0) << spec.label;
  }
}

TEST(Reject, EveryRowSaysWhoEndedItAndWhatToDo) {
  EXPECT_EQ(SpecOf(Reject::kNone).closed_by, ClosedBy::kNobody);
  EXPECT_EQ(SpecOf(Reject::kClientLost).closed_by, ClosedBy::kClient);
  EXPECT_EQ(SpecOf(Reject::kBackendClosed).closed_by, ClosedBy::kBackend);
  EXPECT_EQ(SpecOf(Reject::kNoRoute).closed_by, ClosedBy::kPolicy);
  EXPECT_EQ(SpecOf(Reject::kNoEndpoint).closed_by, ClosedBy::kProxy);
  EXPECT_EQ(SpecOf(Reject::kFilterTimeout).closed_by, ClosedBy::kTimeout);
  EXPECT_EQ(SpecOf(Reject::kDrained).closed_by, ClosedBy::kDrain);
  for (const RejectSpec& spec : RejectTable()) {
    EXPECT_TRUE(spec.reject == Reject::kNone || spec.advice.ends_with('.')) << spec.label;
  }
}

TEST(Reject, EveryFlagIsUsedAndHasItsOwnMeaning) {
  std::set<std::string_view> used;
  for (const RejectSpec& spec : RejectTable()) used.insert(spec.flag);
  used.erase("-");
  for (const PartSpec& spec : PartTable()) used.insert(spec.flag);
  std::set<std::string_view> flags;
  for (const FlagSpec& flag : FlagTable()) EXPECT_TRUE(flags.insert(flag.flag).second) << flag.flag;
  EXPECT_EQ(flags, used);
}

TEST(ClosedBy, HasALabelForEachValue) {
  EXPECT_EQ(LabelOf(ClosedBy::kNobody), "");
  EXPECT_EQ(LabelOf(ClosedBy::kPolicy), "policy");
  EXPECT_EQ(LabelOf(ClosedBy::kDrain), "drain");
}

}  // namespace
}  // namespace hawser::http
