#include "config/route_name.h"

#include <set>
#include <string>
#include <vector>

#include "config/form.h"
#include "config/load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config::route_name_test {
namespace {

using ::testing::MatchesRegex;

// The names of routes with these matches and further fields, each a map of its own.
std::vector<std::string> NamesOf(const std::vector<std::string>& routes) {
  std::string file =
      "listeners: [ { name: a, address: 127.0.0.1:1 }, { name: b, address: 127.0.0.1:2 } ]\nroutes:\n";
  for (const std::string& route : routes) file += "- { direct_response: { status: 200 }, " + route + " }\n";
  const Loaded loaded = LoadText(file, "f.yaml", {.check_files = false});
  EXPECT_TRUE(loaded.ok()) << Render(loaded.errors[0]);
  std::vector<std::string> names;
  if (!loaded.ok()) return names;
  for (const Route& route : loaded.config->routes) names.push_back(route.name);
  return names;
}

std::string NameOf(const std::string& route) {
  return NamesOf({route}).at(0);
}

TEST(RouteName, IsTheHostAndThePath) {
  EXPECT_EQ(NameOf("match: {}"), "*/*");
  EXPECT_EQ(NameOf("match: { path_prefix: /chat }"), "*/chat*");
  EXPECT_EQ(NameOf("match: { path: /health }"), "*=/health");
  EXPECT_EQ(NameOf("match: { path_regex: '^/room/\\d+$' }"), "*~^/room/\\d+$");
  EXPECT_EQ(NameOf("match: { host: Chat.Example.Com, path_prefix: / }"), "chat.example.com/*");
  EXPECT_EQ(NameOf("match: { host: \"*.example.com\", path: /chat }"), "*.example.com=/chat");
  EXPECT_EQ(NameOf("match: {}, name: mine"), "mine");
}

TEST(RouteName, HasAHashWhereItDoesNotShowAll) {
  const std::vector<std::string> routes = {
      "match: { path: /a }",
      "match: { path: /a, subprotocol: chat }",
      "match: { path: /a, subprotocol: chat.v2 }",
      "match: { path: /a, headers: [ { name: X, present: true } ] }",
      "match: { path: /a, query: [ { name: X, present: true } ] }",
      "match: { path: /a, subprotocol: s }, listeners: [ a ]",
      "match: { path: /a, subprotocol: s }, listeners: [ b ]",
  };
  const std::vector<std::string> names = NamesOf(routes);
  EXPECT_EQ(names[0], "*=/a");
  for (size_t i = 1; i < names.size(); ++i)
    EXPECT_THAT(names[i], MatchesRegex("[*]=/a#[0-9a-f]+")) << routes[i];
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), routes.size());
}

TEST(RouteName, DoesNotDependOnOtherRoutesNorOnOrder) {
  const std::string one =
      "match: { path: /a, headers: [ { name: x, exact: \"1\" }, { name: Y, present: true } ] }";
  const std::string same =
      "match: { headers: [ { name: y, present: true }, { name: X, exact: \"1\" } ], path: /a }";
  const std::string other = "match: { path: /a }";
  EXPECT_EQ(NamesOf({one, other})[0], NamesOf({other, one})[1]);
  EXPECT_EQ(NameOf(one), NameOf(same));
  EXPECT_EQ(NameOf("match: {}, listeners: [ a, b ]"), NameOf("match: {}, listeners: [ b, a ]"));
}

TEST(RouteName, IsBoundedAndPrintable) {
  const std::string path(300, 'p');
  const std::vector<std::string> names =
      NamesOf({"match: { path: /" + path + " }", "match: { path: /" + path + "q }",
               "match: { path_regex: \"/a \\\"\\u00e4\" }"});
  EXPECT_EQ(names[0].size(), 125u);
  EXPECT_LE(names[0].size(), kLongestRouteName);
  EXPECT_NE(names[0], names[1]);
  EXPECT_THAT(names[2], MatchesRegex("[*]~/a____#[0-9a-f]+"));
}

TEST(RouteName, IsNeverOneThatMayBeGiven) {
  for (const char* match :
       {"{}", "{ path: /a }", "{ path_regex: a }", "{ host: a.b }", "{ host: a, path: / }",
        "{ host: a, path_regex: b }", "{ host: a, subprotocol: b }"}) {
    EXPECT_TRUE(Misfit(Form::kName, NameOf(std::string("match: ") + match))) << match;
  }
}

}  // namespace
}  // namespace hawser::config::route_name_test
