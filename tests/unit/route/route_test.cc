#include "proxy/route/route.h"

#include <map>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::route::route_test {
namespace {

using testing::HasSubstr;

struct Names {
  base::NameTable routes, clusters;

  absl::StatusOr<std::shared_ptr<const Route>> Compile(config::Route settings) {
    return Route::Compile(std::move(settings), routes.Intern("r"), clusters);
  }
};

TEST(Route, HasItsOwnSettingsAndTheIdsOfItsClusters) {
  Names names;
  const base::Name rooms = names.clusters.Intern("rooms");
  const auto route = names.Compile({.cluster = "rooms", .host_rewrite = "inner"}).value();
  EXPECT_EQ(route->name.text(), "r");
  EXPECT_EQ(route->PickCluster(0), rooms);
  EXPECT_EQ(route->PickCluster(~uint64_t{0}), rooms);
  http::RequestHead head{.method = "GET", .target = "/", .authority = "outer"};
  http::TextArena arena;
  ASSERT_TRUE(route->rewrite && route->rewrite->Apply(route->settings, head, 100, arena));
  EXPECT_EQ(head.authority, "inner");
}

TEST(Route, PicksClustersByWeight) {
  Names names;
  const auto route = names
                         .Compile({.weighted_clusters = {{.name = "chat", .weight = 3},
                                                         {.name = "spare", .weight = 0},
                                                         {.name = "rooms", .weight = 1}}})
                         .value();
  std::map<std::string, int> picked;
  for (uint64_t random = 0; random < 400; ++random) ++picked[std::string(route->PickCluster(random).text())];
  EXPECT_THAT(picked, testing::ElementsAre(testing::Pair("chat", 300), testing::Pair("rooms", 100)));
}

TEST(Route, WhatTheConfigGotWrongIsAnError) {
  const auto error = [](config::Route settings) {
    Names names;
    return std::string(names.Compile(std::move(settings)).status().message());
  };
  EXPECT_THAT(error({.match = {.path_regex = "("}, .cluster = "rooms"}), HasSubstr("\"(\""));
  EXPECT_THAT(error({}), HasSubstr("r: no cluster"));
  EXPECT_THAT(error({.weighted_clusters = {{.name = "chat", .weight = 0}}}), HasSubstr("none with a weight"));
  EXPECT_THAT(error({.match = {.host = std::string(300, 'a')}, .cluster = "rooms"}),
              HasSubstr("r: not a host"));
  EXPECT_THAT(error({.match = {.headers = {{.name = "x", .regex = "["}}}, .cluster = "rooms"}),
              HasSubstr("\"[\""));
}

}  // namespace
}  // namespace hawser::route::route_test
