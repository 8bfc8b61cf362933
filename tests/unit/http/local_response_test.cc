#include "proxy/http/local_response.h"

#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace hawser::http {
namespace {

TEST(LocalResponse, SaysLengthTypeAndDate) {
  const LocalResponse response = MakeLocalResponse(200, {}, "hello");
  const ResponseHead head = HeadOf(response, "GET");
  EXPECT_EQ(head.status, 200);
  EXPECT_TRUE(head.body);
  EXPECT_EQ(head.headers.Find("Content-Length"), "5");
  EXPECT_EQ(head.headers.Find("Content-Type"), "text/plain");
  EXPECT_TRUE(head.headers.Find("Date").has_value());
}

TEST(LocalResponse, KeepsATypeThatItIsGiven) {
  const LocalResponse response = MakeLocalResponse(200, {{"content-type", "text/html"}}, "x");
  const ResponseHead head = HeadOf(response, "GET");
  EXPECT_EQ(head.headers.Count("Content-Type"), 1u);
  EXPECT_EQ(head.headers.Find("Content-Type"), "text/html");
}

TEST(LocalResponse, AnAnswerToHeadHasItsLengthAndNoBody) {
  const LocalResponse response = MakeLocalResponse(404, {}, "gone");
  const ResponseHead head = HeadOf(response, "HEAD");
  EXPECT_FALSE(head.body);
  EXPECT_EQ(head.headers.Find("Content-Length"), "4");
}

TEST(LocalResponse, WithoutABodyHasNoTypeAndNoLengthWhereThereCanBeNone) {
  EXPECT_FALSE(HeadOf(MakeLocalResponse(301, {}, ""), "GET").headers.Find("Content-Type"));
  EXPECT_EQ(HeadOf(MakeLocalResponse(301, {}, ""), "GET").headers.Find("Content-Length"), "0");
  EXPECT_FALSE(HeadOf(MakeLocalResponse(204, {}, ""), "GET").headers.Find("Content-Length"));
  EXPECT_FALSE(HeadOf(MakeLocalResponse(304, {}, ""), "GET").headers.Find("Content-Length"));
}

TEST(LocalResponse, KeepsADateThatItIsGiven) {
  const LocalResponse response = MakeLocalResponse(200, {{"date", "then"}}, "x");
  const ResponseHead head = HeadOf(response, "GET");
  EXPECT_EQ(head.headers.Count("Date"), 1u);
  EXPECT_EQ(head.headers.Find("Date"), "then");
}

// Those who are refused together must not come back together.
TEST(LocalResponse, ARefusalSpreadsItsRetryAfter) {
  std::set<std::string> values;
  for (uint64_t random = 0; random < 100; ++random) {
    const LocalResponse response = RefusalOf(Reject::kNoEndpoint, random * 0x9e3779b97f4a7c15);
    values.emplace(HeadOf(response, "GET").headers.Find("Retry-After").value_or("none"));
  }
  EXPECT_THAT(values, testing::ElementsAre("2", "3", "4")) << "from the row's to twice as much";
  EXPECT_FALSE(HeadOf(RefusalOf(Reject::kNoRoute, 1), "GET").headers.Find("Retry-After"));
}

}  // namespace
}  // namespace hawser::http
