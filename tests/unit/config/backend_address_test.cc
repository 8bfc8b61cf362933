#include "config/backend_address.h"

#include <string>

#include "gtest/gtest.h"

namespace hawser::config {
namespace {

TEST(BackendAddress, IsALiteralOrAName) {
  const auto literal = BackendAddress::Parse("127.0.0.1:80");
  ASSERT_TRUE(literal.ok());
  EXPECT_FALSE(literal->named());
  EXPECT_EQ(literal->literal(), *net::SocketAddress::Parse("127.0.0.1:80"));
  EXPECT_EQ(literal->port(), 80);
  EXPECT_EQ(literal->host(), "");
  const auto name = BackendAddress::Parse("Rooms.Internal:9000");
  ASSERT_TRUE(name.ok());
  EXPECT_TRUE(name->named());
  EXPECT_EQ(name->host(), "rooms.internal");
  EXPECT_EQ(name->port(), 9000);
  EXPECT_EQ(name->ToString(), "rooms.internal:9000");
  EXPECT_EQ(*name, BackendAddress("rooms.internal", 9000));
  EXPECT_NE(*name, BackendAddress("rooms.internal.", 9000)) << "the search list applies to one of them";
}

TEST(BackendAddress, TakesWhatDnsMayKnow) {
  for (const char* text : {"localhost:1", "a:0", "my_service:80", "1and1.example:80", "a.b.:80",
                           "x-1.y:65535", "unix:80", "unix:/run/a.sock", "[::1]:80", "a1:80", "1-a-1:80"}) {
    const auto address = BackendAddress::Parse(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(address->ToString(), text);
  }
  EXPECT_TRUE(BackendAddress::Parse("unix:80")->literal().unix_socket());
  const std::string label(63, 'a');
  EXPECT_TRUE(IsHostName(label + "." + label + "." + label + "." + std::string(61, 'a')));
}

TEST(BackendAddress, TakesNothingElse) {
  for (const char* text :
       {"", "a", ":80", "a:", "a:65536", "a:+1", "a: 1", "a b:1", "*.a:1", "a..b:1", ".a:1", "-a:1", "a-:1",
        "256.1.1.1:80", "10.1:80", "[a]:80", "a/b:80", "\xc3\xa4.example:80", "unix:"}) {
    EXPECT_FALSE(BackendAddress::Parse(text).ok()) << text;
  }
  const std::string label(63, 'a');
  EXPECT_FALSE(IsHostName(label + "a"));
  EXPECT_FALSE(IsHostName(label + "." + label + "." + label + "." + std::string(62, 'a')));
}

}  // namespace
}  // namespace hawser::config
