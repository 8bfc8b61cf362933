#include "proxy/resolve/service_records.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hawser::resolve::service_records_test {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// _ws._tcp.a: a CNAME to b, of 60 s, and two SRV records of b, of 300 s.
std::string Message() {
  using namespace std::string_literals;
  return "\x12\x34\x81\x80\0\1\0\3\0\0\0\0"s + "\3_ws\4_tcp\1a\0\0\x21\0\1"s +
         "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\3\1b\0"s +  // b stands at 40
         "\xc0\x28\0\x21\0\1\0\0\1\x2c\0\x0b\0\x0a\0\5\x23\x28\2n1\xc0\x28"s +
         "\xc0\x28\0\x21\0\1\0\0\1\x2c\0\x0b\0\x14\0\0\x23\x29\2N2\xc0\x28"s;
}

std::optional<Services> Parse(const std::string& message) {
  return ParseServices({reinterpret_cast<const uint8_t*>(message.data()), message.size()});
}

TEST(ServiceRecords, TellPriorityWeightPortAndTarget) {
  const auto found = Parse(Message());
  ASSERT_TRUE(found);
  EXPECT_THAT(found->services, ElementsAre(Service{10, 5, 9000, "n1.b"}, Service{20, 0, 9001, "n2.b"}));
  EXPECT_EQ(found->ttl, 60s) << "the smallest of the chain";
}

TEST(ServiceRecords, AMessageThatEndsEarlyIsMalformed) {
  const std::string whole = Message();
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(Parse(whole.substr(0, length))) << length;
}

TEST(ServiceRecords, ALengthThatIsNotTheDatasIsMalformed) {
  for (const char wrong : {'\x00', '\x06', '\x0a', '\x0c', '\xff'}) {
    std::string message = Message();
    message[message.size() - 12] = wrong;
    EXPECT_FALSE(Parse(message));
  }
}

TEST(ServiceRecords, ATargetOfADotIsNoService) {
  using namespace std::string_literals;
  const auto found = Parse("\x12\x34\x81\x80\0\1\0\1\0\0\0\0"s + "\1a\0\0\x21\0\1"s +
                           "\xc0\x0c\0\x21\0\1\0\0\1\x2c\0\7"s + "\0\0\0\0\0\0\0"s);
  ASSERT_TRUE(found);
  EXPECT_THAT(found->services, IsEmpty());
}

TEST(ServiceRecords, ATtlWithItsTopBitSetIsZero) {
  EXPECT_EQ(TtlOf(0x7fffffff), 2147483647s);
  EXPECT_EQ(TtlOf(0x80000000), 0s);
  EXPECT_EQ(TtlOf(-1), 0s);
}

}  // namespace
}  // namespace hawser::resolve::service_records_test
