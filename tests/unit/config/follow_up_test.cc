// What does not parse has an error of its own, and no others that follow from it.
#include <string>
#include <vector>

#include "config/load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config::follow_up_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Errors and warnings of a file with one listener a, these routes (from line 3 on) and one cluster c, whose
// further fields are `cluster`.
std::vector<std::string> Faults(const std::string& routes, const std::string& cluster = "",
                                const std::string& more = "") {
  const Loaded loaded = LoadText("listeners: [ { name: a, address: 127.0.0.1:1 } ]\nroutes:\n" + routes +
                                     "clusters:\n- name: c\n  endpoints: [ 127.0.0.1:2 ]\n" + cluster + more,
                                 "f.yaml", {.check_files = false});
  std::vector<std::string> lines;
  for (const Diagnostic& one : loaded.errors) lines.push_back(Render(one));
  for (const Diagnostic& one : loaded.warnings) lines.push_back(Render(one));
  return lines;
}

const std::string kRoute = "- { match: {}, cluster: c }\n";

TEST(FollowUp, AKeyThatIsUnknownIsNotMissingToo) {
  EXPECT_THAT(Faults("- { match: {}, cluster: c, filters: [ { orign: {} } ] }\n"),
              ElementsAre(HasSubstr("filters[0].orign: unknown key; did you mean \"origin\"?")));
  EXPECT_THAT(Faults("- { match: {}, cluster: c, filters: [ { jwt: {} } ] }\n"),
              ElementsAre(HasSubstr("filters[0].jwt: unknown key; expected origin")));
  EXPECT_THAT(Faults("- { match: {}, clutser: c }\n"),
              ElementsAre(HasSubstr("routes[0].clutser: unknown key; did you mean \"cluster\"?")));
  EXPECT_THAT(Faults("- { match: {}, zebra: c }\n"),
              ElementsAre(HasSubstr("routes[0]: a key is missing"), HasSubstr("zebra: unknown key")));
}

TEST(FollowUp, WhatDoesNotParseMakesNothingElseWrong) {
  EXPECT_THAT(Faults(kRoute, "", "drain: { window: 3, deadline: 5s }\n"),
              ElementsAre(HasSubstr("drain.window: \"3\" has no unit")));
  EXPECT_THAT(Faults("- { match: { path: x }, cluster: c }\n" + kRoute),
              ElementsAre(HasSubstr("routes[0].match.path: \"x\" is not a path")));
  EXPECT_THAT(Faults(kRoute + "- { match: { hots: x }, cluster: c }\n"),
              ElementsAre(HasSubstr("routes[1].match.hots: unknown key")));
  EXPECT_THAT(Faults(kRoute, "  lb_policy: mglev\n  hash_policy: [ source_ip ]\n"),
              ElementsAre(HasSubstr("clusters[0].lb_policy: \"mglev\" is not known")));
  EXPECT_THAT(Faults("- { match: {}, cluster: d }\n"),
              ElementsAre(HasSubstr("no cluster is named \"d\"; did you mean \"c\"?")));
  EXPECT_THAT(Faults("- { match: {}, redirect: { schme: https } }\n", "", ""),
              ElementsAre(HasSubstr("redirect.schme: unknown key")));
  EXPECT_THAT(
      Faults("- match: {}\n  cluster: c\n  websocket: { keepalive: { interval: 60, timeout: 40s } }\n"),
      ElementsAre(HasSubstr("keepalive.interval: \"60\" has no unit")));
}

TEST(FollowUp, WhatIsSoundIsCheckedBesideWhatIsNot) {
  EXPECT_THAT(Faults(kRoute + "- { match: {}, cluster: c, handshake_timeout: 3 }\n", "",
                     "drain: { window: 30s, deadline: 5s }\n"),
              ElementsAre(HasSubstr("routes[1].match: duplicate route"),
                          HasSubstr("routes[1].handshake_timeout: \"3\" has no unit"),
                          HasSubstr("drain.deadline: 5s is below the window of 30s")));
}

}  // namespace
}  // namespace hawser::config::follow_up_test
