#include "proxy/cluster/hash_policy.h"

#include "gtest/gtest.h"

namespace hawser::cluster {
namespace {

net::IpAddress Ip(std::string_view text) {
  return net::IpAddress::Parse(text).value();
}

config::HashPolicy Header(std::string name) {
  return {.header = std::move(name)};
}
config::HashPolicy Cookie(std::string name) {
  return {.cookie = std::move(name)};
}
config::HashPolicy Query(std::string name) {
  return {.query = std::move(name)};
}
config::HashPolicy SourceIp() {
  return {.source_ip = true};
}

struct Request {
  std::string_view target = "/";
  std::vector<http::Header> headers;
  std::string_view client = "192.0.2.1";
};

uint64_t Hash(const std::vector<config::HashPolicy>& policy, const Request& request) {
  config::Cluster settings;
  settings.hash_policy = policy;
  http::RequestHead head;
  head.method = "GET";
  head.target = request.target;
  for (const http::Header& header : request.headers) head.headers.Add(header.name, header.value);
  return HashOf(settings, head, Ip(request.client));
}

TEST(HashPolicy, PlacesRequestsAlikeExactlyWhenTheFirstPresentValueIs) {
  const std::vector<config::HashPolicy> all = {Header("X-Room"), Cookie("room"), Query("room"), SourceIp()};
  const struct {
    std::string_view what;
    std::vector<config::HashPolicy> policy;
    Request one;
    Request other;
    bool alike;
  } kCases[] = {
      {"the same header",
       all,
       {"/", {{"X-Room", "a"}}, "192.0.2.1"},
       {"/x", {{"x-room", "a"}}, "192.0.2.9"},
       true},
      {"another header", all, {"/", {{"X-Room", "a"}}}, {"/", {{"X-Room", "b"}}}, false},
      {"header case counts", all, {"/", {{"X-Room", "a"}}}, {"/", {{"X-Room", "A"}}}, false},
      {"the first of two headers",
       all,
       {"/", {{"X-Room", "a"}, {"X-Room", "b"}}},
       {"/", {{"X-Room", "a"}, {"X-Room", "c"}}},
       true},
      {"the header goes before the cookie",
       all,
       {"/", {{"X-Room", "a"}, {"Cookie", "room=x"}}},
       {"/", {{"X-Room", "a"}, {"Cookie", "room=y"}}},
       true},
      {"the cookie, without a header",
       all,
       {"/?room=1", {{"Cookie", "a=b; room=x"}}, "192.0.2.1"},
       {"/?room=2", {{"Cookie", "room=x; c=d"}}, "192.0.2.2"},
       true},
      {"another cookie", all, {"/", {{"Cookie", "room=x"}}}, {"/", {{"Cookie", "room=y"}}}, false},
      {"the query, without a cookie",
       all,
       {"/a?room=7&x=1", {}, "192.0.2.1"},
       {"/b?y=2&room=7", {}, "192.0.2.2"},
       true},
      {"another query", all, {"/?room=7"}, {"/?room=8"}, false},
      {"query values are raw", all, {"/?room=%41"}, {"/?room=A"}, false},
      {"the address, without any", all, {"/", {}, "192.0.2.1"}, {"/other", {}, "192.0.2.1"}, true},
      {"another address", all, {"/", {}, "192.0.2.1"}, {"/", {}, "192.0.2.2"}, false},
      {"an empty value is none",
       all,
       {"/", {{"X-Room", ""}}, "192.0.2.1"},
       {"/", {{"X-Room", ""}}, "192.0.2.2"},
       false},
      {"an IPv6 address by its /64", all, {"/", {}, "2001:db8::1"}, {"/", {}, "2001:db8::ffff:1"}, true},
      {"another /64", all, {"/", {}, "2001:db8:0:1::1"}, {"/", {}, "2001:db8:0:2::1"}, false},
      {"no policy is the address",
       {},
       {"/?room=1", {{"X-Room", "a"}}},
       {"/?room=2", {{"X-Room", "b"}}},
       true},
      {"none present is the address",
       {Header("X-Room")},
       {"/", {}, "192.0.2.1"},
       {"/", {}, "192.0.2.2"},
       false},
      {"what follows source_ip is not asked",
       {SourceIp(), Header("X-Room")},
       {"/", {{"X-Room", "a"}}},
       {"/", {{"X-Room", "b"}}},
       true},
  };
  for (const auto& test : kCases) {
    EXPECT_EQ(Hash(test.policy, test.one) == Hash(test.policy, test.other), test.alike) << test.what;
  }
}

TEST(HashPolicy, TakesTheConfiguredPrefix) {
  config::Cluster settings;
  settings.hash_ipv4_prefix = 24;
  settings.hash_ipv6_prefix = 48;
  const http::RequestHead head;
  EXPECT_EQ(HashOf(settings, head, Ip("192.0.2.1")), HashOf(settings, head, Ip("192.0.2.200")));
  EXPECT_NE(HashOf(settings, head, Ip("192.0.2.1")), HashOf(settings, head, Ip("192.0.3.1")));
  EXPECT_EQ(HashOf(settings, head, Ip("2001:db8:1:1::")), HashOf(settings, head, Ip("2001:db8:1:2::")));
  EXPECT_NE(HashOf(settings, head, Ip("2001:db8:1:1::")), HashOf(settings, head, Ip("2001:db8:2:1::")));
}

}  // namespace
}  // namespace hawser::cluster
