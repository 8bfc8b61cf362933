#include "config/core_schema.h"

#include <cmath>

#include "gtest/gtest.h"

namespace hawser::config {
namespace {

TEST(CoreSchema, TruthHasThreeSpellings) {
  for (const char* text : {"true", "True", "TRUE"}) EXPECT_EQ(CoreTruth(text), true) << text;
  for (const char* text : {"false", "False", "FALSE"}) EXPECT_EQ(CoreTruth(text), false) << text;
  for (const char* text : {"", "tRue", "yes", "Yes", "on", "off", "no", "y", "n", "1", "0"}) {
    EXPECT_EQ(CoreTruth(text), std::nullopt) << text;
  }
}

TEST(CoreSchema, WholeNumbersAreExact) {
  struct Case {
    const char* text;
    uint64_t whole;
  };
  const Case cases[] = {{"0", 0},          {"+0", 0},     {"-0", 0},
                        {"007", 7},        {"+100", 100}, {"0x64", 100},
                        {"0xFf", 255},     {"0o17", 15},  {"1.0", 1},
                        {"1.", 1},         {"1e3", 1000}, {"12.5E1", 125},
                        {"1e+2", 100},     {"100e-2", 1}, {"18446744073709551615", UINT64_MAX},
                        {"-0.0", 0},       {".0", 0},     {"0xffffffffffffffff", UINT64_MAX},
                        {"0x000000001", 1}};
  for (const Case& one : cases) {
    const std::optional<CoreNumber> number = ParseCoreNumber(one.text);
    ASSERT_TRUE(number.has_value()) << one.text;
    EXPECT_EQ(number->whole, one.whole) << one.text;
    EXPECT_EQ(number->value, static_cast<double>(one.whole)) << one.text;
  }
}

TEST(CoreSchema, OtherNumbersHaveNoWhole) {
  struct Case {
    const char* text;
    double value;
  };
  const Case cases[] = {{"-7", -7},           {"-7.0", -7},        {"1.5", 1.5},
                        {".5", 0.5},          {"-1e-2", -0.01},    {".inf", INFINITY},
                        {"-.INF", -INFINITY}, {"+.Inf", INFINITY}, {"1e999", INFINITY}};
  for (const Case& one : cases) {
    const std::optional<CoreNumber> number = ParseCoreNumber(one.text);
    ASSERT_TRUE(number.has_value()) << one.text;
    EXPECT_EQ(number->value, one.value) << one.text;
    EXPECT_EQ(number->whole, std::nullopt) << one.text;
  }
  for (const char* text : {".nan", ".NaN", ".NAN"})
    EXPECT_TRUE(std::isnan(ParseCoreNumber(text)->value)) << text;
  EXPECT_EQ(ParseCoreNumber("18446744073709551616")->whole, std::nullopt);
  EXPECT_EQ(ParseCoreNumber("0x10000000000000000")->whole, std::nullopt);
  EXPECT_EQ(ParseCoreNumber("18446744073709551616.0")->whole, std::nullopt);
}

// YAML 1.1 read some of these as numbers.
TEST(CoreSchema, TheRestIsText) {
  for (const char* text : {"",      "+",    "-",    ".",   "0x",  "0o",    "0X64", "0o8",   "0O17",  "-0x1",
                           "1_000", "0b11", "1:30", "1e",  "e1",  "1.2.3", ".e1",  "+.nan", "-.nan", ".iNf",
                           "inf",   "nan",  "1 ",   "1,5", "30s", "null",  "yes",  "0x6g",  "١"}) {
    EXPECT_EQ(ParseCoreNumber(text), std::nullopt) << text;
    EXPECT_TRUE(IsCoreText(text)) << text;
  }
  EXPECT_FALSE(IsCoreText("True"));
  EXPECT_FALSE(IsCoreText("0o17"));
}

}  // namespace
}  // namespace hawser::config
