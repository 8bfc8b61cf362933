#include "proxy/http/date.h"

#include <string>

#include "gtest/gtest.h"

namespace hawser::http {
namespace {

TEST(DateText, IsTheFixedFormOfTheRfc) {
  DateText text;
  EXPECT_EQ(text.At(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(text.At(0), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(text.At(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
  EXPECT_EQ(text.At(253402300799), "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST(DateText, FollowsTheClockWhicheverWayItGoes) {
  DateText text;
  const std::string_view first = text.At(1000);
  EXPECT_EQ(first, "Thu, 01 Jan 1970 00:16:40 GMT");
  EXPECT_EQ(text.At(1000).data(), first.data());
  EXPECT_EQ(text.At(1001), "Thu, 01 Jan 1970 00:16:41 GMT");
  EXPECT_EQ(text.At(999), "Thu, 01 Jan 1970 00:16:39 GMT");
}

TEST(AddDate, LeavesTheOneThatStandsThere) {
  HeaderList headers;
  headers.Add("date", "Sun, 06 Nov 1994 08:49:37 GMT");
  AddDate(headers);
  EXPECT_EQ(headers.size(), 1u);
  HeaderList without;
  AddDate(without);
  ASSERT_TRUE(without.Find("Date"));
  EXPECT_EQ(without.Find("Date")->size(), 29u);
}

}  // namespace
}  // namespace hawser::http
