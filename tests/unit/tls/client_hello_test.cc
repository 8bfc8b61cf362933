#include "proxy/tls/client_hello.h"

#include <string>

#include "gtest/gtest.h"

namespace hawser::tls::client_hello_test {
namespace {

size_t Of(const std::string& begin) {
  return FirstRecordBytes(std::as_bytes(std::span(begin)));
}

TEST(FirstRecordBytes, AreThoseOfTheHeaderUntilThatIsWhole) {
  EXPECT_EQ(Of(""), 5U);
  EXPECT_EQ(Of("\x16"), 5U);
  EXPECT_EQ(Of("\x16\x03\x01\x02"), 5U);
}

TEST(FirstRecordBytes, AreThoseThatTheHeaderSays) {
  EXPECT_EQ(Of(std::string("\x16\x03\x01\x02\x00", 5)), 5U + 0x200);
  EXPECT_EQ(Of(std::string("\x16\x03\x01\x02\x00hello", 10)), 5U + 0x200);
  EXPECT_EQ(Of(std::string("\x16\x03\x01\x40\x00", 5)), 5U + 0x4000);
}

TEST(FirstRecordBytes, AreNotWaitedForWhereItIsNoHandshakeOrTooLong) {
  EXPECT_EQ(Of("G"), 0U);
  EXPECT_EQ(Of(std::string("\x15\x03\x01\x00\x02", 5)), 0U);
  EXPECT_EQ(Of("\x16\x03\x01\xff\xff"), 0U);
}

}  // namespace
}  // namespace hawser::tls::client_hello_test
