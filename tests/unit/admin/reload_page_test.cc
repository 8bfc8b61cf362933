#include "proxy/admin/reload_page.h"

#include <map>
#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace hawser::admin {
namespace {

using Json = nlohmann::ordered_json;
using server::ReloadResult;
using Kind = ReloadResult::Kind;

TEST(ReloadPage, TellsAllThatTheReloadCameTo) {
  const ReloadResult result{
      .kind = Kind::kApplied,
      .generation = 7,
      .listeners = {.added = {"new"}, .removed = {}, .changed = {"main", "tls"}},
      .routes = {.added = {}, .removed = {"/old", "/older"}, .changed = {}},
      .clusters = {},
      .certificates = {.added = {"main/0A"}, .removed = {"main/09"}, .changed = {}},
      .waits_for_restart = {"limits.per_ip_entries"},
      .warnings = {{.file = "h.yaml", .mark = {3, 9}, .path = "admin", .what = "odd", .expected = ""}},
      .errors = {},
  };
  const Page page = ReloadPage(result);
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(Json::parse(page.body), Json::parse(R"({
    "result": "applied", "generation": 7,
    "listeners": {"added": ["new"], "removed": [], "changed": ["main", "tls"]},
    "routes": {"added": [], "removed": ["/old", "/older"], "changed": []},
    "clusters": {"added": [], "removed": [], "changed": []},
    "certificates": {"added": ["main/0A"], "removed": ["main/09"], "changed": []},
    "waits_for_restart": ["limits.per_ip_entries"],
    "warnings": [{"file": "h.yaml", "line": 3, "column": 9, "path": "admin", "what": "odd", "expected": ""}],
    "errors": []
  })"));
}

TEST(ReloadPage, NamesEveryError) {
  const ReloadResult result{
      .kind = Kind::kFailed,
      .generation = 2,
      .errors = {{.file = "h.yaml", .mark = {1, 1}, .path = "", .what = "a", .expected = "b"},
                 {.file = "h.yaml", .mark = {}, .path = "routes[0]", .what = "\xff", .expected = ""}}};
  const Page page = ReloadPage(result);
  EXPECT_EQ(page.status, 422);
  const Json json = Json::parse(page.body);
  ASSERT_EQ(json["errors"].size(), 2U);
  EXPECT_EQ(json["errors"][0]["expected"], "b");
  EXPECT_EQ(json["errors"][1]["line"], 0);
  EXPECT_EQ(json["errors"][1]["what"], "\xEF\xBF\xBD") << "what is no UTF-8 is replaced";
}

TEST(ReloadPage, EachResultHasItsNameAndStatus) {
  for (const auto& [kind, expected] : std::map<Kind, std::pair<std::string, int>>{
           {Kind::kApplied, {"applied", 200}},
           {Kind::kUnchanged, {"unchanged", 200}},
           {Kind::kFailed, {"failed", 422}},
           {Kind::kDraining, {"draining", 409}},
       }) {
    const Page page = ReloadPage({.kind = kind});
    EXPECT_EQ(page.status, expected.second);
    EXPECT_EQ(Json::parse(page.body)["result"], expected.first);
  }
}

}  // namespace
}  // namespace hawser::admin
