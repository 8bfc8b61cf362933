#include "proxy/tls/client_hello.h"

#include <string>

#include "gtest/gtest.h"

namespace hawser::tls::client_hello_test {
namespace {

size_t Of(const std::string& begin) {
  return HelloBytes(std::as_bytes(std::span(begin)));
}

std::string Record(const std::string& payload) {
  return std::string("\x16\x03\x01") + static_cast<char>(payload.size() >> 8) +
         static_cast<char>(payload.size() & 0xff) + payload;
}

// The message: a ClientHello of 300 bytes behind its header.
std::string Message() {
  return std::string("\x01\x00\x01\x2c", 4) + std::string(300, 'h');
}

TEST(HelloBytes, AreThoseOfTheHeaderUntilThatIsWhole) {
  for (const char* begin : {"", "\x16", "\x16\x03\x01\x02", "G", "GET "}) EXPECT_EQ(Of(begin), 5U) << begin;
}

TEST(HelloBytes, AreThoseOfItsRecord) {
  const std::string whole = Record(Message());
  for (size_t size = 5; size <= whole.size(); ++size) EXPECT_EQ(Of(whole.substr(0, size)), whole.size());
}

TEST(HelloBytes, AreThoseOfAllItsRecords) {
  const std::string message = Message();
  std::string all;
  size_t at = 0;
  for (const size_t size : {1, 2, 0, 100, 201}) {
    const size_t begun = all.size();
    EXPECT_EQ(Of(all), begun + 5) << "the next header";
    all += Record(message.substr(at, size));
    at += size;
    EXPECT_EQ(Of(all.substr(0, begun + 5)), all.size() + (size > 0 ? 0 : 5));
  }
  ASSERT_EQ(at, message.size());
  EXPECT_EQ(Of(all), all.size());
  EXPECT_EQ(Of(all + "more"), all.size());
}

TEST(HelloBytes, AreNotWaitedForWhereItIsNoHandshakeOrTooLong) {
  EXPECT_EQ(Of("GET /"), 0U);
  EXPECT_EQ(Of(std::string("\x15\x03\x01\x00\x02", 5)), 0U);
  EXPECT_EQ(Of("\x16\x03\x01\xff\xff"), 0U);
  EXPECT_EQ(Of(Record(std::string("\x01\x02\x00\x00", 4))), 0U);
  std::string empty;
  for (int i = 0; i < 5000; ++i) empty += Record("");
  EXPECT_EQ(Of(empty), 0U);
}

}  // namespace
}  // namespace hawser::tls::client_hello_test
