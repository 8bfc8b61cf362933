// What a route may do with a request besides sending it to a cluster, as the file says it.
#include "config/route_action.h"

#include <string>
#include <vector>

#include "config/load.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::config::route_action_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

using Lines = std::vector<std::string>;

Loaded LoadRoute(const std::string& route) {
  return LoadText(
      "listeners: [ { name: a, address: 127.0.0.1:1 } ]\n"
      "clusters: [ { name: c, endpoints: [ 127.0.0.1:3 ] } ]\nroutes:\n" +
          route,
      "f.yaml", {.check_files = false});
}

Lines Errors(const std::string& route) {
  Lines lines;
  for (const Diagnostic& one : LoadRoute(route).errors) lines.push_back(Render(one));
  return lines;
}

Lines Warnings(const std::string& route) {
  Lines lines;
  for (const Diagnostic& one : LoadRoute(route).warnings) lines.push_back(Render(one));
  return lines;
}

// Of a route to a cluster.
Lines ErrorsWith(const std::string& more, const std::string& match = "{ path_prefix: /a }") {
  return Errors("- { match: " + match + ", cluster: c, " + more + " }\n");
}

TEST(Action, EverythingThatARouteCanDoIsRead) {
  const Loaded loaded = LoadRoute(
      "- match: { path_prefix: /a }\n  cluster: c\n  prefix_rewrite: /b\n  host_rewrite: inner.test:81\n"
      "  request_headers: { set: [ { name: X-A, value: one two } ], remove: [ Cookie ] }\n"
      "  response_headers: { add: [ { name: X-B, value: '' } ] }\n"
      "- match: { path: /r }\n  redirect: { scheme: https, host: new.test, port: 8443, status: 308, "
      "strip_query: true }\n"
      "- match: { path: /d }\n  direct_response: { status: 503, body: \"two\\nlines\\n\", headers: [ { name: "
      "Retry-After, "
      "value: '5' } ] }\n"
      "- match: { path_regex: '/v([0-9])' }\n  cluster: c\n  regex_rewrite: { pattern: '^/v', substitution: "
      "'/\\0' }\n");
  ASSERT_TRUE(loaded.ok()) << Render(loaded.errors.front());
  const std::vector<Route>& routes = loaded.config->routes;
  EXPECT_EQ(routes[0].prefix_rewrite, "/b");
  EXPECT_EQ(routes[0].host_rewrite, "inner.test:81");
  EXPECT_EQ(routes[0].request_headers.set.at(0).value, "one two");
  EXPECT_EQ(routes[0].request_headers.remove, Lines{"Cookie"});
  EXPECT_EQ(routes[0].response_headers.add.at(0).value, "");
  EXPECT_EQ(routes[1].redirect->scheme, UrlScheme::kHttps);
  EXPECT_EQ(routes[1].redirect->status, 308);
  EXPECT_EQ(routes[1].redirect->port, 8443);
  EXPECT_TRUE(routes[1].redirect->strip_query);
  EXPECT_EQ(routes[2].direct_response->body, "two\nlines\n");
  EXPECT_EQ(routes[2].direct_response->headers.at(0).name, "Retry-After");
  EXPECT_EQ(routes[3].regex_rewrite->substitution, "/\\0");
}

TEST(Action, ARouteDoesExactlyOneThing) {
  EXPECT_THAT(Errors("- { match: {}, cluster: c, redirect: { scheme: https } }\n"),
              ElementsAre(HasSubstr("routes[0].redirect: cannot be combined with cluster")));
  EXPECT_THAT(Errors("- { match: {}, redirect: { scheme: https }, direct_response: { status: 200 } }\n"),
              ElementsAre(HasSubstr("routes[0].direct_response: cannot be combined with redirect")));
  EXPECT_THAT(ErrorsWith("prefix_rewrite: /b, regex_rewrite: { pattern: a, substitution: b }"),
              ElementsAre(HasSubstr("routes[0].regex_rewrite: cannot be combined with prefix_rewrite")));
}

TEST(Action, NoRuleTouchesAFieldThatHawserWritesItself) {
  for (const std::string name : {"connection", "Keep-Alive", "Proxy-Connection", "TE", "Transfer-Encoding",
                                 "upgrade", "CONTENT-LENGTH", "Trailer", "Expect", "Host",
                                 "Sec-WebSocket-Accept", "sec-websocket-protocol", "HTTP2-Settings"}) {
    const auto expected = HasSubstr("\"" + name + "\" is written by hawser itself");
    const std::string field = "[ { name: " + name + ", value: x } ]";
    EXPECT_THAT(ErrorsWith("request_headers: { set: " + field + " }"), ElementsAre(expected));
    EXPECT_THAT(ErrorsWith("request_headers: { add: " + field + " }"), ElementsAre(expected));
    EXPECT_THAT(ErrorsWith("response_headers: { remove: [ " + name + " ] }"), ElementsAre(expected));
    EXPECT_THAT(Errors("- { match: {}, direct_response: { status: 200, headers: " + field + " } }\n"),
                ElementsAre(expected));
  }
}

TEST(Action, AValueCannotEndItsLine) {
  for (const std::string value : {"a\\r\\nX: y", "a\\nb", "a\\0b", "a\\x7f", "\\e"}) {
    EXPECT_THAT(ErrorsWith("response_headers: { set: [ { name: X, value: \"" + value + "\" } ] }"),
                AllOf(Not(IsEmpty()), Each(HasSubstr("response_headers.set[0].value"))))
        << value;
  }
  EXPECT_THAT(ErrorsWith("response_headers: { set: [ { name: \"X: y\", value: x } ] }"),
              ElementsAre(HasSubstr("is not a token")));
  EXPECT_THAT(ErrorsWith("response_headers: { set: [ { name: X, value: \"a\\tb é\" } ] }"), IsEmpty());
}

TEST(Action, RewritesHaveAValidTarget) {
  EXPECT_THAT(ErrorsWith("prefix_rewrite: b"), ElementsAre(HasSubstr("\"b\" is not a path")));
  EXPECT_THAT(ErrorsWith("prefix_rewrite: '/b?c'"), ElementsAre(HasSubstr("is not a path")));
  EXPECT_THAT(ErrorsWith("prefix_rewrite: /b", "{ path_regex: /a.* }"),
              ElementsAre(HasSubstr("routes[0].prefix_rewrite: path_regex matches no prefix")));
  EXPECT_THAT(ErrorsWith("host_rewrite: a b"), ElementsAre(HasSubstr("is not a host and port")));
  EXPECT_THAT(ErrorsWith("host_rewrite: 'a:99999'"), ElementsAre(HasSubstr("is not a valid host")));
  EXPECT_THAT(ErrorsWith("host_rewrite: '[:::1]'"), ElementsAre(HasSubstr("is not a valid host")));
  EXPECT_THAT(ErrorsWith("host_rewrite: '[::1]:80'"), IsEmpty());
}

TEST(Action, ASubstitutionNamesGroupsOfItsPatternAndHoldsWhatAPathMay) {
  const auto rewrite = [](const std::string& pattern, const std::string& substitution) {
    return ErrorsWith("regex_rewrite: { pattern: '" + pattern + "', substitution: '" + substitution + "' }");
  };
  EXPECT_THAT(rewrite("/(.*)", "/x/\\1"), IsEmpty());
  EXPECT_THAT(rewrite("/(.*)", "/x/\\2"),
              ElementsAre(HasSubstr("names a group that the pattern does not have; expected \\0 "
                                    "to \\1")));
  EXPECT_THAT(rewrite("(", "/x"), ElementsAre(HasSubstr("does not compile")));
  for (const std::string bad : {"/a b", "/a?b", "/a#b", "\\x", "/é"}) {
    EXPECT_THAT(rewrite("/", bad), ElementsAre(HasSubstr("is not a substitution"))) << bad;
  }
  EXPECT_THAT(rewrite("/", "/" + std::string(256, 'a')), ElementsAre(HasSubstr("has 257 bytes; expected")));
}

TEST(Action, ARedirectIsOneAndLeadsElsewhere) {
  const auto redirect = [](const std::string& map, const std::string& match = "{}") {
    return Errors("- { match: " + match + ", redirect: " + map + " }\n");
  };
  EXPECT_THAT(
      redirect("{ status: 304, path: /x }"),
      ElementsAre(HasSubstr("\"304\" is not allowed; expected a whole number, 301, 302, 303, 307, 308")));
  EXPECT_THAT(redirect("{ status: 200, path: /x }"), ElementsAre(HasSubstr("\"200\" is out of range")));
  EXPECT_THAT(redirect("{ status: 302 }"), ElementsAre(HasSubstr("redirects to the same URL")));
  EXPECT_THAT(redirect("{ strip_query: false }"), ElementsAre(HasSubstr("redirects to the same URL")));
  EXPECT_THAT(redirect("{ scheme: ftp }"), ElementsAre(HasSubstr("\"ftp\" is not known")));
  EXPECT_THAT(redirect("{ port: 0 }"), ElementsAre(HasSubstr("out of range")));
  EXPECT_THAT(redirect("{ path: /a, prefix_rewrite: /b }"),
              ElementsAre(HasSubstr("cannot be combined with path")));
  EXPECT_THAT(redirect("{ prefix_rewrite: /b }", "{ path_regex: /a }"),
              ElementsAre(HasSubstr("path_regex matches no prefix")));
  EXPECT_THAT(redirect("{ path: \"/a\\r\\nSet-Cookie: b\" }"), ElementsAre(HasSubstr("is not a path")));
  EXPECT_THAT(redirect("{ path: '/a?b=c' }"), IsEmpty());
}

TEST(Action, ADirectResponseIsBounded) {
  const auto respond = [](const std::string& map) {
    return Errors("- { match: {}, direct_response: " + map + " }\n");
  };
  EXPECT_THAT(respond("{ body: x }"), ElementsAre(HasSubstr("direct_response.status: is missing")));
  EXPECT_THAT(respond("{ status: 101 }"), ElementsAre(HasSubstr("out of range")));
  EXPECT_THAT(respond("{ status: 204, body: x }"), ElementsAre(HasSubstr("a 204 has no body")));
  EXPECT_THAT(
      respond("{ status: 200, body: " + std::string(64 * 1024 + 1, 'x') + " }"),
      ElementsAre(HasSubstr("direct_response.body: has 65537 bytes; expected text, at most 65536 bytes")));
  EXPECT_THAT(respond("{ status: 200, body: " + std::string(64 * 1024, 'x') + " }"), IsEmpty());
}

TEST(Action, WhatNoBackendSeesIsNotRewritten) {
  EXPECT_THAT(Warnings("- match: {}\n  direct_response: { status: 200 }\n  prefix_rewrite: /b\n"
                       "  request_headers: { remove: [ A ] }\n"),
              UnorderedElementsAre(HasSubstr("cluster \"c\" is never used"),
                                   HasSubstr("routes[0].prefix_rewrite: has no effect"),
                                   HasSubstr("routes[0].request_headers: has no effect")));
}

}  // namespace
}  // namespace hawser::config::route_action_test
