#include "proxy/http/max_forwards.h"

#include <string>

#include "gtest/gtest.h"

namespace hawser::http {
namespace {

struct Counted {
  ForwardLimit verdict;
  std::string left;
};

Counted Count(std::string_view method, std::string_view value) {
  RequestHead head{.method = method, .target = "/"};
  head.headers.Add("max-forwards", value);
  TextArena arena;
  const ForwardLimit verdict = CountForward(head, arena);
  return {verdict, std::string(head.headers.Find("Max-Forwards").value_or("none"))};
}

TEST(MaxForwards, IsCountedDownForOptionsAndTrace) {
  for (const char* method : {"OPTIONS", "TRACE"}) {
    EXPECT_EQ(Count(method, "5").left, "4");
    EXPECT_EQ(Count(method, "10").left, "9");
    EXPECT_EQ(Count(method, "1").left, "0");
    EXPECT_EQ(Count(method, "007").left, "6");
    EXPECT_EQ(Count(method, "5").verdict, ForwardLimit::kAllowed);
    EXPECT_EQ(Count(method, "0").verdict, ForwardLimit::kExhausted);
    EXPECT_EQ(Count(method, "00").verdict, ForwardLimit::kExhausted);
  }
}

TEST(MaxForwards, ANumberBeyondTheCounterBecomesItsLargest) {
  EXPECT_EQ(Count("TRACE", "99999999999999999999999999").left, "4294967294");
  EXPECT_EQ(Count("TRACE", "4294967296").left, "4294967294");
  EXPECT_EQ(Count("TRACE", "4294967295").left, "4294967294");
}

TEST(MaxForwards, MeansNothingToOtherMethods) {
  for (const char* method : {"GET", "POST", "HEAD", "options"}) {
    for (const char* value : {"0", "5", "x"}) {
      EXPECT_EQ(Count(method, value).verdict, ForwardLimit::kAllowed) << method;
      EXPECT_EQ(Count(method, value).left, value) << method;
    }
  }
}

TEST(MaxForwards, WhatIsNotOneNumberCannotBeObeyed) {
  for (const char* value : {"", "x", "-1", "+1", "1.0", "1, 2", "0x1", "1 2"}) {
    EXPECT_EQ(Count("OPTIONS", value).verdict, ForwardLimit::kMalformed) << value;
  }
  RequestHead head{.method = "OPTIONS", .target = "/"};
  head.headers.Add("Max-Forwards", "0");
  head.headers.Add("Max-Forwards", "5");
  TextArena arena;
  EXPECT_EQ(CountForward(head, arena), ForwardLimit::kMalformed);
}

TEST(MaxForwards, MayBeMissing) {
  RequestHead head{.method = "OPTIONS", .target = "/"};
  TextArena arena;
  EXPECT_EQ(CountForward(head, arena), ForwardLimit::kAllowed);
  EXPECT_TRUE(head.headers.empty());
}

}  // namespace
}  // namespace hawser::http
