#include "proxy/route/answer.h"

#include <string>

#include "gtest/gtest.h"

namespace hawser::route {
namespace {

http::RequestHead HeadOf(std::string_view target, std::string_view authority = "example.com",
                         std::string_view method = "GET") {
  http::RequestHead head;
  head.method = method;
  head.target = target;
  head.authority = authority;
  return head;
}

std::string Location(const config::Redirect& redirect, std::string_view target,
                     std::string_view authority = "example.com", std::string_view scheme = "http",
                     const config::RouteMatch& match = {}) {
  return LocationOf(redirect, match, HeadOf(target, authority), scheme);
}

TEST(Redirect, WhatIsNotGivenStaysAsTheRequestHasIt) {
  EXPECT_EQ(Location({.host = "new.test"}, "/a/b?c=d", "example.com", "https"), "https://new.test/a/b?c=d");
  EXPECT_EQ(Location({.path = "/new"}, "/a/b?c=d", "example.com:8080"), "http://example.com:8080/new?c=d");
  EXPECT_EQ(Location({.scheme = config::UrlScheme::kHttps}, "/a"), "https://example.com/a");
}

TEST(Redirect, TheDefaultPortOfTheOldSchemeGoesWithIt) {
  const config::Redirect https{.scheme = config::UrlScheme::kHttps};
  EXPECT_EQ(Location(https, "/", "example.com:80"), "https://example.com/");
  EXPECT_EQ(Location(https, "/", "example.com:8080"), "https://example.com:8080/");
  EXPECT_EQ(Location(https, "/", "example.com:80", "https"), "https://example.com:80/");
  EXPECT_EQ(Location({.scheme = config::UrlScheme::kHttp}, "/", "example.com:443", "https"),
            "http://example.com/");
}

TEST(Redirect, APortTakesThePlaceOfAnyOther) {
  EXPECT_EQ(Location({.port = 8443}, "/", "example.com:8080"), "http://example.com:8443/");
  EXPECT_EQ(Location({.port = 8443}, "/", "[::1]:8080"), "http://[::1]:8443/");
  EXPECT_EQ(Location({.host = "new.test:1", .port = 8443}, "/"), "http://new.test:8443/");
  EXPECT_EQ(Location({.host = "new.test:1"}, "/", "example.com:8080"), "http://new.test:1/");
}

TEST(Redirect, ThePrefixIsReplacedByWholeSegments) {
  const config::RouteMatch chat{.path_prefix = "/chat"};
  EXPECT_EQ(Location({.prefix_rewrite = "/"}, "/chat/1?q", "example.com", "http", chat),
            "http://example.com/1?q");
  EXPECT_EQ(Location({.prefix_rewrite = "/"}, "/chat//evil.test", "example.com", "http", chat),
            "http://example.com//evil.test");
}

TEST(Redirect, TheQueryCanBeLeftOutOrReplaced) {
  EXPECT_EQ(Location({.strip_query = true}, "/a?b"), "http://example.com/a");
  EXPECT_EQ(Location({.path = "/new?x=1"}, "/a?b"), "http://example.com/new?x=1");
  EXPECT_EQ(Location({.path = "/new?x=1", .strip_query = true}, "/a?b"), "http://example.com/new?x=1");
}

TEST(Redirect, WithoutAHostItIsAPathThatCannotBeTakenForOne) {
  EXPECT_EQ(Location({.path = "/new"}, "/a?b", ""), "/new?b");
  EXPECT_EQ(Location({.strip_query = true}, "//evil.test/a?b", ""), "/evil.test/a");
  EXPECT_EQ(Location({.strip_query = true}, "/\\evil.test/a?b", ""), "/evil.test/a");
  EXPECT_EQ(Location({.host = "new.test"}, "/a", ""), "http://new.test/a");
}

TEST(Redirect, TheAsteriskOfOptionsLeadsToTheRoot) {
  EXPECT_EQ(Location({.host = "new.test"}, "*"), "http://new.test/");
}

http::ResponseHead AnswerHead(const http::LocalResponse& response) {
  return http::HeadOf(response, "GET");
}

TEST(Answer, ARedirectHasAStatusAPlaceAndNoBody) {
  const config::Route route{.redirect = config::Redirect{.status = 308, .host = "new.test"}};
  const http::LocalResponse response = AnswerOf(route, HeadOf("/a"), "https");
  const http::ResponseHead head = AnswerHead(response);
  EXPECT_EQ(head.status, 308);
  EXPECT_EQ(head.headers.Find("Location"), "https://new.test/a");
  EXPECT_EQ(head.headers.Find("Content-Length"), "0");
  EXPECT_FALSE(head.body);
}

TEST(Answer, ADirectResponseHasItsBodyAndItsFields) {
  const config::Route route{.direct_response = config::DirectResponse{
                                .status = 503, .body = "later", .headers = {{"Retry-After", "60"}}}};
  const http::LocalResponse response = AnswerOf(route, HeadOf("/a"), "http");
  const http::ResponseHead head = AnswerHead(response);
  EXPECT_EQ(head.status, 503);
  EXPECT_EQ(response.body, "later");
  EXPECT_TRUE(head.body);
  EXPECT_EQ(head.headers.Find("Retry-After"), "60");
  EXPECT_EQ(head.headers.Find("Content-Type"), "text/plain");
  EXPECT_EQ(head.headers.Find("Content-Length"), "5");
}

TEST(Answer, OnlyRoutesThatSaySoAnswer) {
  EXPECT_TRUE(Answers({.redirect = config::Redirect{}}));
  EXPECT_TRUE(Answers({.direct_response = config::DirectResponse{}}));
  EXPECT_FALSE(Answers({.cluster = "c"}));
}

}  // namespace
}  // namespace hawser::route
