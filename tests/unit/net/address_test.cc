#include "proxy/net/address.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace hawser::net {
namespace {

using namespace std::string_view_literals;

IpAddress Ip(std::string_view text) {
  const auto address = IpAddress::Parse(text);
  EXPECT_TRUE(address.ok()) << text;
  return address.value_or(IpAddress());
}

TEST(IpAddress, ParsesAndPrints) {
  struct Row {
    std::string_view text;
    std::string_view printed;
    bool v4;
  };
  constexpr Row kRows[] = {
      {"127.0.0.1", "127.0.0.1", true},
      {"0.0.0.0", "0.0.0.0", true},
      {"255.255.255.255", "255.255.255.255", true},
      {"::1", "::1", false},
      {"::", "::", false},
      {"2001:DB8:0:0::1", "2001:db8::1", false},
      {"fe80::1:2:3:4", "fe80::1:2:3:4", false},
      {"::ffff:192.0.2.7", "192.0.2.7", true},
      {"::ffff:c000:207", "192.0.2.7", true},
      {"64:ff9b::192.0.2.7", "64:ff9b::c000:207", false},
  };
  for (const Row& row : kRows) {
    const IpAddress address = Ip(row.text);
    EXPECT_EQ(address.ToString(), row.printed);
    EXPECT_EQ(address.v4(), row.v4) << row.text;
    EXPECT_EQ(address.bits(), row.v4 ? 32 : 128);
    EXPECT_EQ(address.bytes().size(), row.v4 ? 4U : 16U);
    EXPECT_EQ(Ip(address.ToString()), address);
  }
}

TEST(IpAddress, RefusesEverythingElse) {
  for (const std::string_view text :
       {""sv, "1"sv, "1.2.3"sv, "1.2.3.4.5"sv, "256.0.0.1"sv, "1.2.3.4 "sv, " 1.2.3.4"sv, "01.2.3.4x"sv,
        "[::1]"sv, "::1%eth0"sv, "1:2"sv, ":::"sv, "localhost"sv, "1.2.3.4\0"sv, "1.2.3.4\0.5"sv, "::1\0x"sv,
        "1.2.3.4/8"sv}) {
    EXPECT_FALSE(IpAddress::Parse(text).ok()) << text;
  }
}

TEST(IpAddress, KnowsLoopbackAndUnspecified) {
  for (const auto text : {"127.0.0.1", "127.255.0.3", "::1", "::ffff:127.0.0.1"})
    EXPECT_TRUE(Ip(text).loopback()) << text;
  for (const auto text : {"128.0.0.1", "::2", "1::1", "0.0.0.0", "::"})
    EXPECT_FALSE(Ip(text).loopback()) << text;
  for (const auto text : {"0.0.0.0", "::"}) EXPECT_TRUE(Ip(text).unspecified()) << text;
  for (const auto text : {"0.0.0.1", "::1"}) EXPECT_FALSE(Ip(text).unspecified()) << text;
}

TEST(IpAddress, MasksToAPrefix) {
  EXPECT_EQ(Ip("192.0.2.255").Masked(24), Ip("192.0.2.0"));
  EXPECT_EQ(Ip("192.0.2.255").Masked(25), Ip("192.0.2.128"));
  EXPECT_EQ(Ip("192.0.2.255").Masked(32), Ip("192.0.2.255"));
  EXPECT_EQ(Ip("192.0.2.255").Masked(0), Ip("0.0.0.0"));
  EXPECT_EQ(Ip("2001:db8:1:2:3::4").Masked(64), Ip("2001:db8:1:2::"));
  EXPECT_EQ(Ip("2001:db8:1:2:3::4").Masked(128), Ip("2001:db8:1:2:3::4"));
  EXPECT_EQ(Ip("ffff::").Masked(1), Ip("8000::"));
}

TEST(IpAddress, TheFamiliesAreNotEqual) {
  EXPECT_NE(Ip("0.0.0.0"), Ip("::"));
  EXPECT_NE(Ip("1.2.3.4"), Ip("102:304::"));
}

TEST(IpBlock, ContainsItsAddresses) {
  struct Row {
    std::string_view block;
    std::string_view address;
    bool contained;
  };
  constexpr Row kRows[] = {
      {"10.0.0.0/8", "10.255.0.1", true},
      {"10.0.0.0/8", "11.0.0.0", false},
      {"10.0.0.0/8", "a00::", false},
      {"0.0.0.0/0", "203.0.113.9", true},
      {"0.0.0.0/0", "::1", false},
      {"::/0", "::1", true},
      {"::/0", "1.2.3.4", false},
      {"192.0.2.1", "192.0.2.1", true},
      {"192.0.2.1", "192.0.2.2", false},
      {"2001:db8::/32", "2001:db8:ffff::1", true},
      {"2001:db8::/32", "2001:db9::", false},
      {"2001:db8::1", "2001:db8::1", true},
      {"10.0.0.0/8", "::ffff:10.1.1.1", true},
  };
  for (const Row& row : kRows) {
    const auto block = IpBlock::Parse(row.block);
    ASSERT_TRUE(block.ok()) << row.block;
    EXPECT_EQ(block->Contains(Ip(row.address)), row.contained) << row.block << ' ' << row.address;
  }
  EXPECT_EQ(IpBlock::Parse("10.0.0.0/8")->ToString(), "10.0.0.0/8");
  EXPECT_EQ(IpBlock::Parse("::1")->ToString(), "::1/128");
}

TEST(IpBlock, RefusesBadPrefixesAndBitsBehindThem) {
  for (const auto text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "10.0.0.0/ 8",
                          "::/129", "10.0.0.1/8", "2001:db8::1/32", "10.0.0.0/8/8"}) {
    EXPECT_FALSE(IpBlock::Parse(text).ok()) << text;
  }
}

TEST(PeerBlock, IsABlockOfAddressesOrAllOfUnixSockets) {
  const auto block = PeerBlock::Parse("10.0.0.0/8");
  const auto unix_peers = PeerBlock::Parse("unix");
  ASSERT_TRUE(block.ok());
  ASSERT_TRUE(unix_peers.ok());
  const auto tcp = SocketAddress(Ip("10.1.2.3"), 4711);
  const auto on_unix = *SocketAddress::Parse("unix:@peer");
  EXPECT_TRUE(block->Contains(tcp));
  EXPECT_TRUE(block->Contains(tcp.ip()));
  EXPECT_FALSE(block->Contains(on_unix));
  EXPECT_FALSE(PeerBlock::Parse("0.0.0.0/0")->Contains(on_unix));
  EXPECT_FALSE(unix_peers->Contains(tcp));
  EXPECT_FALSE(unix_peers->Contains(tcp.ip()));
  EXPECT_TRUE(unix_peers->Contains(on_unix));
  EXPECT_EQ(block->ToString(), "10.0.0.0/8");
  EXPECT_EQ(unix_peers->ToString(), "unix");
  for (const auto text : {"", "unix:", "Unix", "10.0.0.1/8"})
    EXPECT_FALSE(PeerBlock::Parse(text).ok()) << text;
}

TEST(SocketAddress, ParsesAndPrints) {
  for (const std::string text : {"127.0.0.1:80", "0.0.0.0:0", "[::1]:8443", "[::]:65535",
                                 "unix:/run/chat.sock", "unix:relative.sock", "unix:@abstract"}) {
    const auto address = SocketAddress::Parse(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(address->ToString(), text);
    EXPECT_EQ(address->unix_socket(), text.starts_with("unix:"));
    sockaddr_storage native;
    const socklen_t length = address->ToNative(native);
    EXPECT_EQ(native.ss_family, address->family());
    EXPECT_EQ(SocketAddress::FromNative(native, length), *address) << text;
  }
  EXPECT_EQ(SocketAddress::Parse("[::1]:8443")->port(), 8443);
  EXPECT_EQ(SocketAddress::Parse("unix:/run/x")->path(), "/run/x");
}

TEST(SocketAddress, RefusesEverythingElse) {
  for (const std::string_view text :
       {""sv, "80"sv, "127.0.0.1"sv, "127.0.0.1:"sv, "127.0.0.1:65536"sv, "127.0.0.1:-1"sv, "127.0.0.1:8o"sv,
        ":80"sv, "::1:80"sv, "[::1]"sv, "[::1:80"sv, "::1]:80"sv, "[]:80"sv, "example.com:80"sv, "unix:"sv,
        "unix:@"sv, "unix:/a\0b"sv, "127.0.0.1\0:80"sv}) {
    EXPECT_FALSE(SocketAddress::Parse(text).ok()) << text;
  }
}

TEST(SocketAddress, AUnixPathMustFitItsStructure) {
  EXPECT_TRUE(SocketAddress::Parse("unix:" + std::string(107, 'p')).ok());
  EXPECT_FALSE(SocketAddress::Parse("unix:" + std::string(108, 'p')).ok());
}

}  // namespace
}  // namespace hawser::net
