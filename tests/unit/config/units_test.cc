#include "config/units.h"

#include <re2/re2.h>

#include "gtest/gtest.h"

namespace hawser::config {
namespace {

using namespace std::chrono_literals;

bool Fits(std::string_view text, std::string_view pattern) {
  return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), std::string(pattern));
}

TEST(Units, DurationsAreWholeNumbersWithUnits) {
  struct Case {
    const char* text;
    Duration duration;
  };
  const Case cases[] = {{"500ms", 500ms}, {"30s", 30s},       {"5m", 5min}, {"1h", 1h}, {"1d", 24h},
                        {"1h30m", 90min}, {"1m1ms", 60001ms}, {"0s", 0s},   {"0", 0s},  {"30m1h", 90min}};
  for (const Case& one : cases) {
    EXPECT_EQ(ParseDuration(one.text), one.duration) << one.text;
    EXPECT_TRUE(Fits(one.text, kDurationPattern)) << one.text;
  }
}

TEST(Units, WhatIsNoDurationIsRefusedAsTheSchemaRefusesIt) {
  for (const char* text :
       {"", "30", "s", "1.5s", "-1s", "1 s", "1S", "1sec", "1h30", "s1", "1us", "+1s", "1h 30m"}) {
    EXPECT_EQ(ParseDuration(text), std::nullopt) << text;
    EXPECT_FALSE(Fits(text, kDurationPattern)) << text;
  }
}

TEST(Units, ADurationThatOverflowsIsRefused) {
  EXPECT_EQ(ParseDuration("9223372036854775807d"), std::nullopt);
  EXPECT_EQ(ParseDuration("99999999999999999999ms"), std::nullopt);
  EXPECT_EQ(ParseDuration("9223372036854775807ms1ms"), std::nullopt);
}

TEST(Units, SizesCountBytesIn1024Or1000) {
  struct Case {
    const char* text;
    uint64_t bytes;
  };
  const Case cases[] = {{"0", 0},         {"512", 512},          {"512B", 512},
                        {"64KiB", 65536}, {"64KB", 64000},       {"1MiB", 1048576},
                        {"1MB", 1000000}, {"2GiB", 2147483648u}, {"2GB", 2000000000u}};
  for (const Case& one : cases) {
    EXPECT_EQ(ParseSize(one.text), ByteSize{one.bytes}) << one.text;
    EXPECT_TRUE(Fits(one.text, kSizePattern)) << one.text;
  }
  for (const char* text : {"", "KiB", "64K", "1M", "64kib", "1.5MiB", "-1", "1 MiB", "1TiBs"}) {
    EXPECT_EQ(ParseSize(text), std::nullopt) << text;
    EXPECT_FALSE(Fits(text, kSizePattern)) << text;
  }
  EXPECT_EQ(ParseSize("9223372036854775807GiB"), std::nullopt);
}

TEST(Units, RatesArePerSecondMinuteOrHour) {
  struct Case {
    const char* text;
    double per_second;
  };
  const Case cases[] = {{"20/s", 20}, {"90/m", 1.5}, {"36/h", 0.01}, {"0.5/s", 0.5}, {"0/s", 0}, {"0", 0}};
  for (const Case& one : cases) {
    ASSERT_TRUE(ParseRate(one.text).has_value()) << one.text;
    EXPECT_DOUBLE_EQ(ParseRate(one.text)->per_second, one.per_second) << one.text;
    EXPECT_TRUE(Fits(one.text, kRatePattern)) << one.text;
  }
  for (const char* text :
       {"", "20", "/s", "20/", "20/d", "-1/s", "1./s", ".5/s", "1e3/s", "inf/s", "nan/s", "20/s "}) {
    EXPECT_EQ(ParseRate(text), std::nullopt) << text;
    EXPECT_FALSE(Fits(text, kRatePattern)) << text;
  }
}

TEST(Units, RatesOfBytesAreSizesPerSecondMinuteOrHour) {
  struct Case {
    const char* text;
    double per_second;
  };
  const Case cases[] = {{"64KiB/s", 65536}, {"1MB/s", 1e6}, {"60KB/m", 1000},
                        {"36/h", 0.01},     {"0/s", 0},     {"0", 0}};
  for (const Case& one : cases) {
    ASSERT_TRUE(ParseByteRate(one.text).has_value()) << one.text;
    EXPECT_DOUBLE_EQ(ParseByteRate(one.text)->per_second, one.per_second) << one.text;
    EXPECT_TRUE(Fits(one.text, kByteRatePattern)) << one.text;
  }
  for (const char* text : {"", "64KiB", "/s", "64KiB/", "64KiB/d", "-1/s", "1.5MiB/s", "64K/s", "64KiB/s "}) {
    EXPECT_EQ(ParseByteRate(text), std::nullopt) << text;
    EXPECT_FALSE(Fits(text, kByteRatePattern)) << text;
  }
}

TEST(Units, WhatIsPrintedCanBeReadBack) {
  for (const char* text : {"0s", "500ms", "30s", "1h30m", "1d12h", "1d1ms"}) {
    EXPECT_EQ(FormatDuration(ParseDuration(text).value()), text);
  }
  for (const char* text : {"0", "1", "1000001", "64KiB", "1MiB", "64KB", "1GiB"}) {
    EXPECT_EQ(FormatSize(ParseSize(text).value()), text);
  }
  for (const char* text : {"0/s", "20/s", "100/m", "5/h", "1/s", "7/m"}) {
    EXPECT_EQ(FormatRate(ParseRate(text).value()), text);
  }
  for (const char* text : {"0/s", "64KiB/s", "1MB/s", "10MB/m", "5/h", "100/m"}) {
    EXPECT_EQ(FormatByteRate(ParseByteRate(text).value()), text);
  }
}

}  // namespace
}  // namespace hawser::config
