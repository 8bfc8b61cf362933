#include "proxy/route/route_table.h"

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::route {
namespace {

using config::RouteMatch;

config::Route To(std::string name, RouteMatch match, std::vector<std::string> listeners = {}) {
  return {.name = std::move(name),
          .match = std::move(match),
          .listeners = std::move(listeners),
          .cluster = "rooms"};
}

struct Names {
  base::NameTable routes, clusters, listeners;
  const std::vector<base::Name> both = {listeners.Intern("plain"), listeners.Intern("edge")};

  absl::StatusOr<std::shared_ptr<const Route>> Compile(const config::Route& route) {
    return Route::Compile(route, routes.Intern(route.name), clusters);
  }
  absl::StatusOr<RouteTable> Table(const std::vector<config::Route>& settings) {
    RouteTable::Routes compiled;
    for (const config::Route& route : settings) compiled.push_back(Compile(route).value());
    return RouteTable::Create(std::move(compiled), both);
  }
};

// A table, and look-ups by name.
struct Routes {
  explicit Routes(const std::vector<config::Route>& routes) : table(names.Table(routes).value()) {}

  std::string Find(std::string_view authority, std::string_view target, http::HeaderList headers = {},
                   bool websocket = true, size_t listener = 0) const {
    http::RequestHead head;
    head.method = "GET";
    head.authority = authority;
    head.target = target;
    head.headers = std::move(headers);
    const uint32_t id = listener < names.both.size() ? names.both[listener].id() : 1000;
    const auto place = table.Match(id, head, websocket);
    return place ? std::string(table.routes()[*place]->name.text()) : "none";
  }

  Names names;
  RouteTable table;
};

http::HeaderList Protocols(std::string_view value) {
  http::HeaderList headers;
  headers.Add("Sec-WebSocket-Protocol", value);
  return headers;
}

std::string Message(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

TEST(RouteTable, AnEmptyOneMatchesNothing) {
  EXPECT_EQ(Routes({}).Find("example.com", "/"), "none");
}

TEST(RouteTable, TheFirstRouteWrittenWins) {
  const Routes routes({To("first", {.path_prefix = "/chat"}), To("second", {.path = "/chat"}),
                       To("third", {.host = "example.com", .path = "/chat"})});
  EXPECT_EQ(routes.Find("example.com", "/chat"), "first");
  const Routes reversed({To("third", {.host = "example.com", .path = "/chat"}),
                         To("second", {.path = "/chat"}), To("first", {.path_prefix = "/chat"})});
  EXPECT_EQ(reversed.Find("example.com", "/chat"), "third");
  EXPECT_EQ(reversed.Find("example.org", "/chat"), "second");
  EXPECT_EQ(reversed.Find("example.org", "/chat/1"), "first");
}

TEST(RouteTable, ARequestThatFailsAHostsOwnRoutesGoesOnToThoseForAnyHost) {
  const Routes routes(
      {To("chat", {.host = "*.example.com", .path_prefix = "/chat", .subprotocol = "chat.v2"}),
       To("rooms", {.path_prefix = "/"})});
  EXPECT_EQ(routes.Find("a.example.com", "/chat", Protocols("chat.v2")), "chat");
  EXPECT_EQ(routes.Find("a.example.com", "/other", Protocols("chat.v2")), "rooms");
  EXPECT_EQ(routes.Find("a.example.com", "/chat"), "rooms");
  EXPECT_EQ(routes.Find("example.com", "/chat", Protocols("chat.v2")), "rooms");
}

TEST(RouteTable, HostsCompareWithoutCaseAndPort) {
  const Routes routes({To("exact", {.host = "Example.com"}), To("wild", {.host = "*.EXAMPLE.com"})});
  EXPECT_EQ(routes.Find("EXAMPLE.COM:8080", "/"), "exact");
  EXPECT_EQ(routes.Find("example.com.", "/"), "exact");
  EXPECT_EQ(routes.Find("A.b.Example.com:1", "/"), "wild");
  EXPECT_EQ(routes.Find(".example.com", "/"), "none");
  EXPECT_EQ(routes.Find("badexample.com", "/"), "none");
  EXPECT_EQ(routes.Find("", "/"), "none");
}

TEST(RouteTable, WildcardsOfSeveralLengthsMeetInFileOrder) {
  const Routes routes({To("deep", {.host = "*.chat.example.com"}), To("exact", {.host = "a.example.com"}),
                       To("wild", {.host = "*.example.com"}), To("any", {.host = "*"})});
  EXPECT_EQ(routes.Find("x.chat.example.com", "/"), "deep");
  EXPECT_EQ(routes.Find("chat.example.com", "/"), "wild");
  EXPECT_EQ(routes.Find("a.example.com", "/"), "exact");
  EXPECT_EQ(routes.Find("example.com", "/"), "any");
}

TEST(RouteTable, AnIpv6LiteralIsAHost) {
  const Routes routes({To("six", {.host = "[::1]"})});
  EXPECT_EQ(routes.Find("[::1]:8080", "/"), "six");
  EXPECT_EQ(routes.Find("[::1]", "/"), "six");
  EXPECT_EQ(routes.Find("[::2]", "/"), "none");
}

TEST(RouteTable, APrefixTakesWholeSegments) {
  const Routes routes({To("chat", {.path_prefix = "/chat"}), To("deep", {.path_prefix = "/a/b/"})});
  EXPECT_EQ(routes.Find("h", "/chat"), "chat");
  EXPECT_EQ(routes.Find("h", "/chat/"), "chat");
  EXPECT_EQ(routes.Find("h", "/chat/1?x=/y"), "chat");
  EXPECT_EQ(routes.Find("h", "/chat?x=1"), "chat");
  EXPECT_EQ(routes.Find("h", "/chatter"), "none");
  EXPECT_EQ(routes.Find("h", "/Chat"), "none");
  EXPECT_EQ(routes.Find("h", "/x/chat"), "none");
  EXPECT_EQ(routes.Find("h", "/a/b/c"), "deep");
  EXPECT_EQ(routes.Find("h", "/a/b"), "none");
}

TEST(RouteTable, PrefixesOfSeveralLengthsMeetInFileOrder) {
  const Routes routes({To("long", {.path_prefix = "/a/b/c"}), To("short", {.path_prefix = "/a"}),
                       To("hidden", {.path_prefix = "/a/b"}), To("root", {.path_prefix = "/"})});
  EXPECT_EQ(routes.Find("h", "/a/b/c/d"), "long");
  EXPECT_EQ(routes.Find("h", "/a/b/d"), "short");
  EXPECT_EQ(routes.Find("h", "/b"), "root");
}

// RFC 9110 §9.3.7: it asks the server as a whole.
TEST(RouteTable, TheAsteriskOfOptionsMeetsTheFirstRouteForAnyPath) {
  const Routes routes({To("exact", {.path = "/"}), To("regex", {.path_regex = ".*"}),
                       To("other", {.path_prefix = "/a"}), To("host", {.host = "b.com"}),
                       To("root", {.path_prefix = "/"}), To("all", {})});
  EXPECT_EQ(routes.Find("a.com", "*"), "root");
  EXPECT_EQ(routes.Find("b.com", "*"), "host");
  const Routes without_prefix({To("other", {.path_prefix = "/a"}), To("all", {})});
  EXPECT_EQ(without_prefix.Find("a.com", "*"), "all");
  const Routes none({To("other", {.path_prefix = "/a"}), To("regex", {.path_regex = ".*"})});
  EXPECT_EQ(none.Find("a.com", "*"), "none");
}

TEST(RouteTable, AnExactPathTakesThatPathOnly) {
  const Routes routes({To("exact", {.path = "/socket"})});
  EXPECT_EQ(routes.Find("h", "/socket"), "exact");
  EXPECT_EQ(routes.Find("h", "/socket?token=1"), "exact");
  EXPECT_EQ(routes.Find("h", "/socket/"), "none");
  EXPECT_EQ(routes.Find("h", "/%73ocket"), "none");
}

TEST(RouteTable, AnExpressionTakesTheWholePathWithoutTheQuery) {
  const Routes routes({To("room", {.path_regex = "/room/[0-9]+"}), To("rest", {})});
  EXPECT_EQ(routes.Find("h", "/room/17?x=1"), "room");
  EXPECT_EQ(routes.Find("h", "/room/17/x"), "rest");
}

TEST(RouteTable, APathWithDotSegmentsMatchesNothing) {
  const Routes routes({To("admin", {.path_prefix = "/admin"}), To("rest", {})});
  EXPECT_EQ(routes.Find("h", "/public/../admin"), "none");
  EXPECT_EQ(routes.Find("h", "/public/%2e%2E/admin"), "none");
  EXPECT_EQ(routes.Find("h", "/public/..%2fadmin"), "none");
  EXPECT_EQ(routes.Find("h", "/public?next=/../x"), "rest");
}

TEST(RouteTable, HeadersAndQueryMustAllHold) {
  const Routes routes(
      {To("both", {.headers = {{.name = "X-Room", .exact = "1"}, {.name = "X-Old", .present = false}},
                   .query = {{.name = "v", .regex = "[23]"}}}),
       To("rest", {})});
  http::HeaderList room;
  room.Add("x-room", "1");
  EXPECT_EQ(routes.Find("h", "/?v=2", room), "both");
  EXPECT_EQ(routes.Find("h", "/?v=4", room), "rest");
  EXPECT_EQ(routes.Find("h", "/", room), "rest");
  EXPECT_EQ(routes.Find("h", "/?v=2"), "rest");
  room.Add("X-Old", "yes");
  EXPECT_EQ(routes.Find("h", "/?v=2", room), "rest");
}

TEST(RouteTable, ASubprotocolIsOneOfThoseOffered) {
  const Routes routes({To("v2", {.subprotocol = "chat.v2"}), To("rest", {})});
  EXPECT_EQ(routes.Find("h", "/", Protocols("chat.v2")), "v2");
  EXPECT_EQ(routes.Find("h", "/", Protocols("chat.v1 ,\tchat.v2, x")), "v2");
  EXPECT_EQ(routes.Find("h", "/", Protocols("chat.v22,achat.v2,Chat.V2,")), "rest");
  http::HeaderList two = Protocols("chat.v1");
  two.Add("sec-websocket-protocol", "chat.v2");
  EXPECT_EQ(routes.Find("h", "/", two), "v2");
}

TEST(RouteTable, ARequestThatIsNoWebSocketOffersNoSubprotocol) {
  const Routes routes({To("v2", {.subprotocol = "chat.v2"}), To("rest", {})});
  EXPECT_EQ(routes.Find("h", "/", Protocols("chat.v2"), false), "rest");
}

TEST(RouteTable, ARouteBelongsToItsListeners) {
  const Routes routes(
      {To("edge", {}, {"edge"}), To("both", {.path = "/both"}, {"plain", "edge"}), To("all", {})});
  EXPECT_EQ(routes.Find("h", "/", {}, true, 1), "edge");
  EXPECT_EQ(routes.Find("h", "/", {}, true, 0), "all");
  EXPECT_EQ(routes.Find("h", "/both", {}, true, 0), "both");
  EXPECT_EQ(routes.Find("h", "/", {}, true, 2), "none");
}

TEST(RouteTable, SharesItsRoutesWithOtherTables) {
  Names names;
  const auto kept = names.Compile(To("kept", {.path = "/kept"})).value();
  const auto before = RouteTable::Create({names.Compile(To("gone", {})).value(), kept}, names.both).value();
  const auto now = RouteTable::Create({kept}, names.both).value();
  http::RequestHead head;
  head.target = "/kept";
  EXPECT_EQ(before.routes()[1], now.routes()[now.Match(names.both[0].id(), head, true).value()]);
}

TEST(RouteTable, ARouteForAListenerThatDoesNotExistIsAnError) {
  Names names;
  EXPECT_THAT(Message(names.Table({To("r", {}, {"nowhere"})}).status()),
              testing::HasSubstr("r: no listener is named \"nowhere\""));
}

// The indexes against the plain rule: walk the file, take the first that matches.
TEST(RouteTable, AgreesWithAWalkThroughTheFile) {
  const std::vector<std::string> hosts = {"", "a.com", "b.com", "*.a.com", "*.x.a.com", "*"};
  const std::vector<std::string> prefixes = {"", "/", "/p", "/p/q", "/p/q/", "/r"};
  std::vector<config::Route> routes;
  std::vector<std::pair<std::string, std::string>> rules;
  uint64_t state = 1;
  for (int i = 0; i < 60; ++i) {
    state = state * 6364136223846793005 + 1442695040888963407;
    rules.emplace_back(hosts[(state >> 33) % hosts.size()], prefixes[(state >> 43) % prefixes.size()]);
    RouteMatch match;
    if (!rules.back().first.empty()) match.host = rules.back().first;
    if (!rules.back().second.empty()) match.path_prefix = rules.back().second;
    match.headers = {{.name = "X", .exact = fmt::format("{}", i % 5)}};
    routes.push_back(To(fmt::format("{}", i), match));
  }
  const Routes table(routes);
  const auto takes = [](const std::string& prefix, std::string_view path) {
    if (!path.starts_with(prefix)) return false;
    return prefix.ends_with('/') || path.size() == prefix.size() || path[prefix.size()] == '/';
  };
  const auto walk = [&](std::string_view host, std::string_view path, int header) -> std::string {
    for (size_t i = 0; i < rules.size(); ++i) {
      const auto& [pattern, prefix] = rules[i];
      const bool host_holds = pattern.empty() || pattern == "*" || pattern == host ||
                              (pattern[0] == '*' && host.ends_with(pattern.substr(1)));
      const bool path_holds = prefix.empty() || takes(prefix, path);
      if (host_holds && path_holds && static_cast<int>(i % 5) == header) return fmt::format("{}", i);
    }
    return "none";
  };
  for (const char* host : {"a.com", "b.com", "y.a.com", "y.x.a.com", "x.a.com", "c.com"}) {
    for (const char* path : {"/", "/p", "/p/", "/pp", "/p/q", "/p/q/r", "/r/s"}) {
      for (int header = 0; header < 5; ++header) {
        http::HeaderList headers;
        const std::string value = fmt::format("{}", header);
        headers.Add("X", value);
        EXPECT_EQ(table.Find(host, path, headers), walk(host, path, header)) << host << path << header;
      }
    }
  }
}

}  // namespace
}  // namespace hawser::route
