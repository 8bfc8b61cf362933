#include "proxy/http1/field_line.h"

#include <string>

#include "gtest/gtest.h"

namespace hawser::http1 {
namespace {

TEST(ParseFieldLine, TrimsTheValueAndNotTheName) {
  http::Header header;
  ASSERT_TRUE(ParseFieldLine("Name: \t value \t", header));
  EXPECT_EQ(header.name, "Name");
  EXPECT_EQ(header.value, "value");
  EXPECT_FALSE(ParseFieldLine("Name : value", header));
  EXPECT_FALSE(ParseFieldLine(" Name: value", header));
  EXPECT_FALSE(ParseFieldLine("", header));
  EXPECT_FALSE(ParseFieldLine(":", header));
}

}  // namespace
}  // namespace hawser::http1
